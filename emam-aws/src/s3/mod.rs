//! A bucket of S3, or of a store that speaks its protocol, as a storage.

mod archive;
mod checksum;
mod copy;
mod memory;
mod names;
mod objects;
mod options;
mod read;
mod uploads;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use emam_core::backend::{
    CopyOptions, GetOptions, Key, Object, Outcome, Part, PresignRequest, Presigned, PutFileOptions,
    PutOptions, Stat, Storage, StorageCapabilities, Upload,
};
use emam_core::model::{Page, PageRequest};
use emam_core::{Error, ErrorKind, Result};

pub use archive::{ArchiveBy, S3Archive};
pub use options::{Checksums, Encryption, S3Options};

use crate::error::error;
use memory::SentParts;

/// Parts on their way at once.
const PARTS_AT_ONCE: usize = 4;

/// The least bytes a part has.
const SMALLEST_PART: u64 = 16 << 20;

/// The most parts an upload has, as S3 sets it.
const MOST_PARTS: u64 = 10_000;

/// A bucket as a storage. Cheap to clone.
///
/// What it promises of S3 rests on conditional writes and checksums, which stores that speak its
/// protocol may lack; see [`Checksums`].
#[derive(Clone)]
pub struct S3Storage {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    options: S3Options,
    sent: SentParts,
}

impl fmt::Debug for S3Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds credentials.
        f.debug_struct("S3Storage").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl S3Storage {
    /// The bucket as `options` say, reached through `client`. Asks nothing of the service.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) where bucket or prefix cannot be one.
    pub fn new(client: Client, options: S3Options) -> Result<Self> {
        options.check()?;
        // Every body is sent with a checksum of ours, so the SDK must not add up a second one: as a
        // trailer it would make another format of the body, which many stores do not know.
        let config = client
            .config()
            .to_builder()
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(match options.checksums {
                Checksums::Crc64Nvme => ResponseChecksumValidation::WhenSupported,
                Checksums::ContentMd5 => ResponseChecksumValidation::WhenRequired,
            })
            .build();
        let client = Client::from_conf(config);
        Ok(Self { inner: Arc::new(Inner { client, options, sent: SentParts::default() }) })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.inner.options.bucket
    }

    fn client(&self) -> &Client {
        &self.inner.client
    }

    fn options(&self) -> &S3Options {
        &self.inner.options
    }

    fn sent_parts_here(&self) -> &SentParts {
        &self.inner.sent
    }

    /// The error of a request about `key`.
    fn fail<E>(&self, operation: &'static str, key: &Key, cause: SdkError<E, HttpResponse>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        error(operation, cause).with("key", key).with("bucket", self.bucket())
    }
}

/// The status of a service's answer.
fn status<E>(cause: &SdkError<E, HttpResponse>) -> Option<u16> {
    cause.raw_response().map(|answer| answer.status().as_u16())
}

/// Bytes of every part but the last of an object of `size` bytes.
fn part_size(size: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    SMALLEST_PART.max(size.div_ceil(MOST_PARTS).div_ceil(MIB) * MIB)
}

/// A size as the SDK has it, which knows no sizes below zero but has a sign for them.
fn unsigned(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0)
}

fn exists(operation: &'static str, key: &Key) -> Error {
    Error::new(ErrorKind::AlreadyExists, operation, "an object has this key already")
        .with("key", key)
}

#[async_trait]
impl Storage for S3Storage {
    fn capabilities(&self) -> StorageCapabilities {
        // The ETag of what KMS encrypts is no MD5, so that there is nothing to compare.
        let verifies = match self.options().checksums {
            Checksums::Crc64Nvme => true,
            Checksums::ContentMd5 => {
                !matches!(self.options().encryption, Encryption::SseKms { .. })
            }
        };
        StorageCapabilities {
            presign: true,
            parts_at_once: PARTS_AT_ONCE,
            verifies,
            local_paths: false,
        }
    }

    async fn put(&self, key: &Key, body: Bytes, options: PutOptions) -> Result<Stat> {
        self.put_body("storage.put", key, body, options).await
    }

    async fn put_file(&self, key: &Key, file: &Path, options: PutFileOptions) -> Result<Stat> {
        self.put_local(key, file, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Object> {
        self.open(key, options).await
    }

    async fn stat(&self, key: &Key) -> Result<Stat> {
        let operation = "storage.stat";
        let head = self.head(operation, key).await?;
        Ok(self.stat_of(key, &head))
    }

    async fn list(&self, prefix: Option<&Key>, page: PageRequest) -> Result<Page<Stat>> {
        self.list_page(prefix, page).await
    }

    async fn copy(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<Stat> {
        self.copy_object(from, to, options).await
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Outcome>> {
        self.delete_all(keys).await
    }

    async fn presign(&self, request: PresignRequest) -> Result<Presigned> {
        self.sign(request).await
    }

    fn part_size(&self, size: u64) -> usize {
        usize::try_from(part_size(size)).unwrap_or(usize::MAX)
    }

    fn part_checksum(&self, body: &[u8]) -> Option<String> {
        Some(match self.options().checksums {
            Checksums::Crc64Nvme => checksum::crc64(body),
            Checksums::ContentMd5 => emam_core::backend::storage_rules::md5_of(body),
        })
    }

    async fn upload_begin(&self, key: &Key, options: PutOptions) -> Result<Upload> {
        self.begin(key, options).await
    }

    async fn upload_part(&self, upload: &Upload, number: u32, body: Bytes) -> Result<Part> {
        self.send_part(upload, number, body).await
    }

    async fn uploads(&self, key: &Key) -> Result<Vec<Upload>> {
        self.unfinished(key).await
    }

    async fn upload_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.sent(upload).await
    }

    async fn upload_complete(&self, upload: &Upload) -> Result<Stat> {
        self.complete(upload).await
    }

    async fn upload_abort(&self, upload: &Upload) -> Result<()> {
        self.abort(upload).await
    }

    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }

    fn uri(&self, key: &Key) -> Option<String> {
        Some(format!("s3://{}/{}", self.bucket(), self.name(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_any_size_has_no_more_parts_than_s3_takes() {
        const MIB: u64 = 1 << 20;
        for (size, wanted) in [
            (0, 16 * MIB),
            (160_000 * MIB, 16 * MIB),
            (160_000 * MIB + 1, 17 * MIB),
            // The greatest object of 2026: 50 TB.
            (50_000_000_000_000, 4769 * MIB),
        ] {
            assert_eq!(part_size(size), wanted, "{size}");
            assert!(size.div_ceil(part_size(size)) <= MOST_PARTS);
            assert!(part_size(size) <= 5 << 30, "S3 takes parts of up to 5 GiB");
        }
    }
}
