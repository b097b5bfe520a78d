//! Storing an original: copied, summed up in the same read, and read back where its storage does not
//! prove by itself what it holds.

use std::path::Path;

use crate::backend::{Key, PutOptions, Storage, Upload, delete_one};
use crate::checksum::{check_md5, given_md5};
use crate::error::{ErrorKind, Result};
use crate::transfer::{self, Copied, CopyIn};
use crate::workflow::StepContext;

/// What is to be stored where.
pub(super) struct Storing<'a> {
    pub(super) storage: &'a dyn Storage,
    pub(super) source: &'a Path,
    pub(super) key: &'a Key,
    /// The MD5 the source must add up to.
    pub(super) expected_md5: Option<&'a str>,
}

impl Storing<'_> {
    /// Stores the source and verifies what is stored; goes on where a process that died has stopped.
    pub(super) async fn store(&self, step: &StepContext) -> Result<Copied> {
        if let Some(copied) = self.completed_before(step).await? {
            return Ok(copied);
        }
        match self.copy_and_verify(step).await {
            // An upload that was gone on with may hold a damaged part: once more, all of it.
            Err(error) if error.kind() == ErrorKind::Integrity && self.is_stored().await => {
                delete_one(self.storage, self.key).await?;
                match self.copy_and_verify(step).await {
                    Err(error) if error.kind() == ErrorKind::Integrity => {
                        delete_one(self.storage, self.key).await?;
                        Err(error)
                    }
                    result => result,
                }
            }
            result => result,
        }
    }

    /// What is stored, where a process completed the upload and died before it could say so: it is
    /// compared with the source by reading both.
    async fn completed_before(&self, step: &StepContext) -> Result<Option<Copied>> {
        if step.kept::<Upload>().is_none() || !self.is_stored().await {
            return Ok(None);
        }
        let found = transfer::hash_file(self.source, Some(Box::new(step.meter()))).await?;
        check_expected(self.expected_md5, &found, self.key.name())?;
        match transfer::verify(self.storage, self.key, found.size, &found.xxh3).await {
            Ok(()) => {
                // It may have died before it cleared up, too.
                for upload in self.storage.uploads(self.key).await? {
                    self.storage.upload_abort(&upload).await?;
                }
                Ok(Some(found))
            }
            Err(error) if error.kind() == ErrorKind::Integrity => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn copy_and_verify(&self, step: &StepContext) -> Result<Copied> {
        let copied = match self.copy_in_one(step).await? {
            Some(copied) => copied,
            None => self.copy_in(step).await?,
        };
        if !self.storage.capabilities().verifies {
            transfer::verify(self.storage, self.key, copied.size, &copied.xxh3).await?;
        }
        Ok(copied)
    }

    /// Stores what is small in one request. Where a process dies it is there whole or not at all,
    /// so there is nothing to keep: it is stored again.
    async fn copy_in_one(&self, step: &StepContext) -> Result<Option<Copied>> {
        if step.kept::<Upload>().is_some() {
            return Ok(None);
        }
        transfer::copy_in_one(self.source, self.storage, self.key, self.options(step)).await
    }

    async fn copy_in(&self, step: &StepContext) -> Result<Copied> {
        let upload = self.upload(step).await?;
        transfer::copy_in(self.source, self.storage, &upload, self.options(step)).await
    }

    fn options(&self, step: &StepContext) -> CopyIn<'static> {
        CopyIn {
            expected_md5: self.expected_md5.map(str::to_owned),
            progress: Some(Box::new(step.meter())),
        }
    }

    /// The upload to go on with, or a new one, kept so that it can be gone on with.
    async fn upload(&self, step: &StepContext) -> Result<Upload> {
        // One begun by a process that died before it could keep it is found by its key.
        let unfinished = self.storage.uploads(self.key).await?.into_iter().next();
        let upload = match unfinished {
            Some(upload) => upload,
            None => self.storage.upload_begin(self.key, PutOptions::default()).await?,
        };
        step.keep(&upload).await?;
        Ok(upload)
    }

    async fn is_stored(&self) -> bool {
        self.storage.stat(self.key).await.is_ok()
    }
}

/// Refuses content that does not add up to what was said of it.
pub(super) fn check_expected(expected: Option<&str>, found: &Copied, file: &str) -> Result<()> {
    let operation = "assets.ingest";
    let Some(expected) = expected else { return Ok(()) };
    check_md5(operation, &given_md5(operation, expected)?, &found.md5)
        .map_err(|error| error.with("file", file))
}
