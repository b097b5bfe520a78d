//! The feeder: takes a file of this machine straight to the originals bucket, from anywhere.
//!
//! It needs two storages and no catalog: the way of the library is told of the file by its job.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use emam_core::backend::{Key, PutOptions, Storage};
use emam_core::library::Expected;
use emam_core::transfer::{self, Copied, CopyIn, Progress};
use emam_core::workflow::IngestOptions;
use emam_core::{Error, Result};

use crate::intake::{FED, IngestJob, write_job};

/// Takes files to the originals bucket.
#[derive(Debug)]
pub struct Feeder {
    originals: Arc<dyn Storage>,
    jobs: Arc<dyn Storage>,
}

/// What a feeder is told of a file.
#[derive(Default)]
pub struct Feed<'a> {
    /// What the library said when the file was announced; without it the file is announced by its
    /// job alone, and the asset is there once that is taken.
    pub expected: Option<Expected>,
    /// How to ingest it, where it was not announced.
    pub options: IngestOptions,
    /// Is told how many bytes are done, and of how many.
    pub progress: Option<Progress<'a>>,
}

impl fmt::Debug for Feed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl Feeder {
    /// A feeder into these storages: of originals, and of jobs.
    pub fn new(originals: Arc<dyn Storage>, jobs: Arc<dyn Storage>) -> Self {
        Self { originals, jobs }
    }

    /// Uploads a file and writes its job. An upload that was broken off is gone on with where the
    /// file was announced. `name` names the file's place and job where it was not: the same name is
    /// the same file.
    ///
    /// # Errors
    /// As [`transfer::copy_in`].
    pub async fn feed(&self, file: &Path, name: &str, feed: Feed<'_>) -> Result<Copied> {
        let Feed { expected, options, progress } = feed;
        let file_name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let file_name = file_name.ok_or_else(|| {
            Error::invalid("feeder.feed", "this path names no file").with("path", file.display())
        })?;
        let (key, run): (Key, _) = match &expected {
            Some(expected) => (expected.key.parse()?, Some(expected.run)),
            None => (format!("{FED}{name}/{file_name}").parse()?, None),
        };
        let begun = self.originals.uploads(&key).await?.into_iter().next();
        let upload = match begun {
            Some(upload) => upload,
            None => self.originals.upload_begin(&key, PutOptions::default()).await?,
        };
        let copy = CopyIn { expected_md5: options.expected_md5.clone(), progress };
        let copied = transfer::copy_in(file, self.originals.as_ref(), &upload, copy).await?;
        // What arrives is to be what was sent, whoever reads it.
        let options = IngestOptions { expected_md5: Some(copied.md5.clone()), ..options };
        let job = IngestJob { key: key.into(), run, options };
        let job_name = run.map_or_else(|| name.to_owned(), |run| run.to_string());
        write_job(self.jobs.as_ref(), &job_name, &job).await?;
        Ok(copied)
    }
}
