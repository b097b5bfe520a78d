//! What a file is, technically.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::backend::{Key, Storage};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Technical;

/// Finds the technical metadata of stored media.
///
/// # Contract
/// - `probe_tells_the_truth`: kind, streams, exact rate and duration are those of the file.
/// - `probe_refuses_what_is_no_media`: a file that is not what it claims to be is
///   [`InvalidMedia`](crate::ErrorKind::InvalidMedia) and names the file.
/// - `probe_missing`: a file that is not there is [`NotFound`](crate::ErrorKind::NotFound).
#[async_trait]
pub trait Prober: Debug + Send + Sync + 'static {
    /// Finds the technical metadata of `source`.
    async fn probe(&self, source: &MediaSource) -> Result<Technical>;
}

/// Stored media as a backend is handed it.
#[derive(Debug, Clone)]
pub struct MediaSource {
    /// The storage it is in.
    pub storage: Arc<dyn Storage>,
    /// Its key there.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
    /// The name it came by; its extension is a hint, no more.
    pub file_name: String,
}

impl MediaSource {
    /// The path of the media on this machine's disk.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where its storage has no paths.
    pub fn local_path(&self, operation: &'static str) -> Result<PathBuf> {
        self.storage.local_path(&self.key).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                operation,
                "the media is in a storage without files on this machine; use a backend that \
                 reads that storage",
            )
            .with("key", &self.key)
        })
    }
}
