//! What stands for an object that lies in the vault.

use std::sync::Arc;

use bytes::Bytes;
use emam_core::backend::{GetOptions, Key, PutOptions, Storage, delete_one};
use emam_core::{Error, ErrorKind, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What markers are called by, after the key of what they stand for.
const SUFFIX: &str = crate::intake::MARKER;

/// An object in the vault. Written once the vault has confirmed every byte of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The vault's name for it.
    pub(super) archive_id: String,
    pub(super) size: u64,
    /// As 32 hexadecimal digits.
    pub(super) md5: String,
    /// As 64 hexadecimal digits.
    pub(super) tree_hash: String,
    pub(super) archived_at: Timestamp,
    /// Where it was asked back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) restore: Option<Restore>,
}

/// An object that was asked back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restore {
    /// The vault's job.
    pub(super) job_id: String,
    pub(super) asked_at: Timestamp,
    /// When it will be, or was, readable.
    pub(super) ready_at: Timestamp,
    /// When the readable copy goes away.
    pub(super) expires_at: Timestamp,
    /// Whether the readable copy was made.
    pub(super) copied: bool,
}

/// Where markers are kept.
#[derive(Debug, Clone)]
pub(super) struct Markers(pub(super) Arc<dyn Storage>);

impl Markers {
    fn key(key: &Key) -> Result<Key> {
        format!("{key}{SUFFIX}").parse().map_err(|cause: Error| {
            Error::invalid("archive.marker", "the name is too long for what goes into a vault")
                .with("key", key)
                .caused_by(cause)
        })
    }

    pub(super) async fn read(&self, key: &Key) -> Result<Option<Marker>> {
        let marker = Self::key(key)?;
        let found = match self.0.get(&marker, GetOptions::default()).await {
            Ok(object) => object.bytes().await?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&found).map(Some).map_err(|cause| {
            let message = "the marker of an object in the vault is damaged; find its archive by \
                           its description in the vault's inventory";
            Error::new(ErrorKind::Integrity, "archive.marker", message)
                .with("key", marker)
                .caused_by(cause)
        })
    }

    /// Writes a marker; with `create_only`, only where there is none.
    pub(super) async fn write(&self, key: &Key, marker: &Marker, create_only: bool) -> Result<()> {
        let json = serde_json::to_vec(marker).map_err(|cause| {
            let message = "a marker has no JSON";
            Error::new(ErrorKind::Unexpected, "archive.marker", message).caused_by(cause)
        })?;
        let media_type = Some("application/json".to_owned());
        let options = PutOptions { create_only, media_type, ..PutOptions::default() };
        self.0.put(&Self::key(key)?, Bytes::from(json), options).await.map(drop)
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<()> {
        delete_one(&*self.0, &Self::key(key)?).await
    }
}
