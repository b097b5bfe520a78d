//! What is known of an upload, as it lies beside its bytes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, RunId};
use crate::workflow::IngestOptions;

/// An upload on disk. Only what was synced counts into `offset`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: Uuid,
    /// The name the file is ingested under.
    pub(super) file_name: String,
    /// The `Upload-Metadata` it was made with, given back as it came.
    pub(super) metadata: String,
    pub(super) options: IngestOptions,
    pub(super) length: u64,
    pub(super) offset: u64,
    pub(super) touched_at: Timestamp,
    pub(super) expire_after_ms: u64,
    /// Once it is complete: the ingest that was started.
    #[serde(default)]
    pub(super) run: Option<RunId>,
    #[serde(default)]
    pub(super) asset: Option<AssetId>,
    /// Whether the bytes are gone: taken over by the library, or expired.
    #[serde(default)]
    pub(super) cleared: bool,
}

impl Record {
    pub(super) fn is_complete(&self) -> bool {
        self.offset == self.length
    }

    pub(super) fn expires_at(&self) -> Timestamp {
        clock::after(self.touched_at, std::time::Duration::from_millis(self.expire_after_ms))
    }

    /// An upload that was given up is gone, for good.
    pub(super) fn not_expired(self, now: Timestamp) -> Result<Self> {
        if self.run.is_none() && (self.cleared || now >= self.expires_at()) {
            return Err(Error::new(
                ErrorKind::NotFound,
                "uploads",
                "the upload has expired; begin a new one",
            )
            .with("id", self.id)
            .with("expired_at", self.expires_at()));
        }
        Ok(self)
    }

    pub(super) fn shown(&self) -> UploadState {
        UploadState {
            id: self.id,
            offset: self.offset,
            length: self.length,
            expires_at: self.expires_at(),
            run: self.run,
            asset: self.asset,
        }
    }
}

/// An upload, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Upload")]
pub(in crate::gateway) struct UploadState {
    /// Its id: the end of its address, and the idempotency key of its ingest.
    id: Uuid,
    /// How many bytes have come and are safe.
    offset: u64,
    /// How many bytes it will have.
    length: u64,
    /// When it is forgotten unless more comes.
    expires_at: Timestamp,
    /// The ingest that was started once all had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    /// The asset registered for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asset: Option<AssetId>,
}
