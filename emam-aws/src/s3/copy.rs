//! Copies within the bucket.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{MetadataDirective, StorageClass};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use emam_core::backend::{CopyOptions, Key, Stat, Upload};
use emam_core::{Error, ErrorKind, Result, Retry};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::checksum::is_composite;
use super::objects::{is_condition, missing};
use super::uploads::{SentPart, Sum};
use super::{PARTS_AT_ONCE, S3Storage, exists, part_size, status, unsigned};

/// Bytes of a part that S3 copies by itself: larger than one that is sent, for nothing is held.
const COPIED_PART: u64 = 256 << 20;

const OPERATION: &str = "storage.copy";

impl S3Storage {
    pub(super) async fn copy_object(
        &self,
        from: &Key,
        to: &Key,
        options: CopyOptions,
    ) -> Result<Stat> {
        let source = self.head(OPERATION, from).await?;
        if options.create_only {
            // Not every store keeps the condition of a copy.
            match self.head(OPERATION, to).await {
                Ok(_) => return Err(exists(OPERATION, to)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        self.copy_as(from, to, &source, options.create_only, None).await?;
        let stat = self.stat_of(from, &source);
        Ok(Stat { key: to.clone(), ..stat })
    }

    /// Copies the object that `source` tells of, into a class where one is given.
    pub(super) async fn copy_as(
        &self,
        from: &Key,
        to: &Key,
        source: &HeadObjectOutput,
        create_only: bool,
        class: Option<StorageClass>,
    ) -> Result<()> {
        let size = unsigned(source.content_length());
        if size > self.options().copy_in_parts_above {
            return self.copy_in_parts(from, to, source, create_only, class).await;
        }
        let copied = self
            .client()
            .copy_object()
            .bucket(self.bucket())
            .key(self.name(to))
            .copy_source(self.copy_source(from))
            .set_copy_source_if_match(source.e_tag().map(str::to_owned))
            .metadata_directive(MetadataDirective::Copy)
            .set_server_side_encryption(self.options().encryption.algorithm())
            .set_ssekms_key_id(self.options().encryption.key_id())
            .set_storage_class(class.or_else(|| self.options().class()))
            .set_if_none_match(create_only.then(|| "*".into()))
            .send()
            .await;
        match copied {
            Ok(_) => Ok(()),
            Err(cause) if is_condition(&cause) => {
                Err(self.refused_copy(from, to, create_only, cause).await)
            }
            Err(cause) if status(&cause) == Some(404) => {
                Err(missing(OPERATION, from, self.bucket()))
            }
            Err(cause) => Err(self.fail(OPERATION, from, cause)),
        }
    }

    /// Which of the two conditions of a copy was not met.
    async fn refused_copy<E>(
        &self,
        from: &Key,
        to: &Key,
        create_only: bool,
        cause: SdkError<E, HttpResponse>,
    ) -> Error
    where
        E: std::error::Error
            + aws_smithy_types::error::metadata::ProvideErrorMetadata
            + Send
            + Sync
            + 'static,
    {
        if create_only && self.head(OPERATION, to).await.is_ok() {
            return exists(OPERATION, to);
        }
        if status(&cause) == Some(412) {
            return replaced(from);
        }
        self.fail(OPERATION, to, cause).retry(Retry::Yes)
    }

    async fn copy_in_parts(
        &self,
        from: &Key,
        to: &Key,
        source: &HeadObjectOutput,
        create_only: bool,
        class: Option<StorageClass>,
    ) -> Result<()> {
        let media_type = source.content_type().map(str::to_owned);
        let metadata = source.metadata().cloned();
        let id = self.begin_with(OPERATION, to, media_type, metadata, class).await?;
        let condition = if create_only { ";create_only" } else { "" };
        let upload = Upload { id: format!("{id}{condition}"), key: to.clone() };
        match self.copy_parts(from, &id, &upload, source).await {
            Ok(()) => Ok(()),
            Err(error) => match self.abort(&upload).await {
                Ok(()) => Err(error),
                Err(abort) => Err(error.with("upload not aborted", abort)),
            },
        }
    }

    async fn copy_parts(
        &self,
        from: &Key,
        id: &str,
        upload: &Upload,
        source: &HeadObjectOutput,
    ) -> Result<()> {
        let size = unsigned(source.content_length());
        let threshold = self.options().copy_in_parts_above;
        let part = part_size(size).max(COPIED_PART.min(threshold));
        let mut copying = FuturesUnordered::new();
        let mut parts = Vec::new();
        for (number, start) in
            (1..).zip((0..size).step_by(usize::try_from(part).unwrap_or(usize::MAX)))
        {
            let end = size.min(start + part);
            copying.push(self.copy_part(from, id, upload, source, number, start..end));
            if copying.len() >= PARTS_AT_ONCE
                && let Some(copied) = copying.next().await
            {
                parts.push(copied?);
            }
        }
        while let Some(copied) = copying.next().await {
            parts.push(copied?);
        }
        parts.sort_unstable_by_key(|part| part.number);
        // What the source is known by is what the copy must be known by.
        let sum = match source.checksum_crc64_nvme() {
            Some(sum) if !is_composite(sum) => Sum::Crc64(sum.to_owned()),
            _ => Sum::Unknown,
        };
        self.complete_of(OPERATION, upload, &parts, &sum).await
    }

    async fn copy_part(
        &self,
        from: &Key,
        id: &str,
        upload: &Upload,
        source: &HeadObjectOutput,
        number: u32,
        range: std::ops::Range<u64>,
    ) -> Result<SentPart> {
        let copied = self
            .client()
            .upload_part_copy()
            .bucket(self.bucket())
            .key(self.name(&upload.key))
            .upload_id(id)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .copy_source(self.copy_source(from))
            .copy_source_range(format!("bytes={}-{}", range.start, range.end - 1))
            .set_copy_source_if_match(source.e_tag().map(str::to_owned))
            .send()
            .await
            .map_err(|cause| match status(&cause) {
                Some(412) => replaced(from),
                Some(404) => missing(OPERATION, from, self.bucket()),
                _ => self.fail(OPERATION, from, cause),
            })?;
        let result = copied.copy_part_result();
        Ok(SentPart {
            number,
            size: range.end - range.start,
            etag: result.and_then(|part| part.e_tag()).unwrap_or_default().to_owned(),
            crc64: result.and_then(|part| part.checksum_crc64_nvme()).map(str::to_owned),
        })
    }
}

fn replaced(from: &Key) -> Error {
    Error::new(
        ErrorKind::Conflict,
        OPERATION,
        "the object was replaced while it was copied; copy it again",
    )
    .with("key", from)
}
