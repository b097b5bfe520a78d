//! What is known of an archived object.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backend::{GetOptions, Key, PutOptions, Storage};
use crate::error::{Error, ErrorKind, Result};
use crate::local::storage::FolderStorage;
use crate::model::StorageClass;

/// What is known of an archived object. Once this is written the cold copy is whole and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) class: StorageClass,
    pub(super) size: u64,
    pub(super) xxh3: String,
    pub(super) archived_at: Timestamp,
    pub(super) restore: Option<Restore>,
}

/// A readable copy that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restore {
    pub(super) requested_at: Timestamp,
    pub(super) ready_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// Whether the copy was made and found to be right.
    pub(super) verified: bool,
}

impl Marker {
    /// Whether an object of this size and XXH3-128 is the archived one.
    pub(super) fn is_of(&self, (size, xxh3): &(u64, String)) -> bool {
        (self.size, &self.xxh3) == (*size, xxh3)
    }
}

/// The markers of a cold folder, each a JSON file under the key of its object.
#[derive(Debug)]
pub(super) struct Markers(pub(super) FolderStorage);

impl Markers {
    pub(super) async fn read(&self, key: &Key) -> Result<Option<Marker>> {
        let object = match self.0.get(key, GetOptions::default()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            object => object?,
        };
        let text = object.bytes().await?;
        serde_json::from_slice(&text).map(Some).map_err(|cause| {
            Error::new(
                ErrorKind::Integrity,
                "archive.status",
                "the record of this archived object is damaged; its bytes are in the cold folder \
                 under the same key",
            )
            .with("key", key)
            .with("path", self.0.root().join(key.as_str()).display())
            .caused_by(cause)
        })
    }

    pub(super) async fn write(&self, key: &Key, marker: &Marker) -> Result<()> {
        let text = serde_json::to_vec_pretty(marker).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "archive.archive", "a marker that is no JSON")
                .caused_by(cause)
        })?;
        self.0.put(key, text.into(), PutOptions::default()).await?;
        Ok(())
    }
}
