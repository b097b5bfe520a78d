//! Where an object is, as AWS's services are told.

use emam_core::backend::{Key, Storage};
use emam_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// An object of S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct S3Uri {
    /// Its bucket.
    pub(crate) bucket: String,
    /// Its key in the bucket.
    pub(crate) key: String,
}

impl S3Uri {
    /// Where `storage` keeps `key`.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) where services of AWS cannot read that storage.
    pub(crate) fn of(operation: &'static str, storage: &dyn Storage, key: &Key) -> Result<Self> {
        let uri = storage.uri(key);
        let parsed = uri.as_deref().and_then(|uri| uri.strip_prefix("s3://")?.split_once('/'));
        match parsed {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                operation,
                "the media is in no bucket of S3, and the service reads nothing else; keep \
                 originals and proxies in S3 or use another analyzer",
            )
            .with("key", key)),
        }
    }
}

impl std::fmt::Display for S3Uri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}
