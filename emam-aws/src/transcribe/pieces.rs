//! Cutting the sound of long media into pieces.

use std::fmt::Debug;

use async_trait::async_trait;
use emam_core::Result;
use emam_core::backend::{JobId, JobStatus, MediaSource, Storage};

use super::Piece;

/// Cuts the sound of media into pieces that are short enough to be transcribed.
///
/// A job is begun and asked after, like one of a
/// [`Transcoder`](emam_core::backend::Transcoder). The same token never begins a second job.
#[async_trait]
pub trait Pieces: Debug + Send + Sync + 'static {
    /// Begins to write the sound of each piece, as AAC in MP4, under its key in `destination`.
    async fn begin(
        &self,
        source: &MediaSource,
        pieces: &[Piece],
        destination: &dyn Storage,
        token: &str,
    ) -> Result<JobId>;

    /// Tells what a job is at.
    async fn poll(&self, job: &JobId) -> Result<JobStatus>;

    /// Stops a job. One that has ended or is unknown is fine.
    async fn cancel(&self, job: &JobId) -> Result<()>;
}
