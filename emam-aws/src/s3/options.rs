//! How a bucket is used.

use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use emam_core::backend::Key;
use emam_core::{Error, Result};

/// How a bucket is used as a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Options {
    /// The bucket. It exists; nothing here makes one.
    pub bucket: String,
    /// The folder of the bucket all keys are under; the whole bucket when absent.
    pub prefix: Option<String>,
    /// How objects are encrypted where they lie.
    pub encryption: Encryption,
    /// What proves that bytes arrived as they were sent.
    pub checksums: Checksums,
    /// The class new objects are stored in, in S3's words, for example `STANDARD_IA`; the standard
    /// one when absent.
    pub storage_class: Option<String>,
    /// Bytes above which an object is copied in parts. S3 copies up to 5 GB in one request.
    pub copy_in_parts_above: u64,
}

impl S3Options {
    /// A bucket as AWS has it: its own encryption, CRC64NVME.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: None,
            encryption: Encryption::default(),
            checksums: Checksums::default(),
            storage_class: None,
            copy_in_parts_above: 5_000_000_000,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let operation = "storage.open";
        if self.bucket.is_empty() || self.bucket.contains(['/', ' ']) {
            return Err(Error::invalid(operation, "name the bucket by its plain name")
                .with("bucket", self.bucket.escape_debug()));
        }
        if let Some(prefix) = &self.prefix {
            prefix.parse::<Key>().map_err(|cause| {
                Error::invalid(
                    operation,
                    "a prefix is written as a key, without a slash at its end",
                )
                .with("prefix", prefix.escape_debug())
                .caused_by(cause)
            })?;
        }
        Ok(())
    }

    pub(super) fn class(&self) -> Option<StorageClass> {
        self.storage_class.as_deref().map(StorageClass::from)
    }
}

/// How objects are encrypted where they lie.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Encryption {
    /// As the bucket says; on AWS that is SSE-S3 at least.
    #[default]
    OfBucket,
    /// With keys of S3 (SSE-S3).
    SseS3,
    /// With a key of KMS (SSE-KMS).
    SseKms {
        /// The key's id, ARN or alias; the account's own key for S3 when absent.
        key_id: Option<String>,
    },
}

impl Encryption {
    pub(super) fn algorithm(&self) -> Option<ServerSideEncryption> {
        match self {
            Self::OfBucket => None,
            Self::SseS3 => Some(ServerSideEncryption::Aes256),
            Self::SseKms { .. } => Some(ServerSideEncryption::AwsKms),
        }
    }

    pub(super) fn key_id(&self) -> Option<String> {
        match self {
            Self::SseKms { key_id } => key_id.clone(),
            _ => None,
        }
    }
}

/// What proves that bytes arrived as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// CRC64NVME of each request and of the whole object: AWS, and stores as new.
    #[default]
    Crc64Nvme,
    /// Content-MD5 of each request and the ETag of the whole: stores that know no other checksums.
    ContentMd5,
}
