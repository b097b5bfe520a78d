//! New forms of media.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::backend::{JobId, JobStatus, Key, Lane, MediaSource, Storage};
use crate::error::Result;
use crate::model::{AnnotationKind, Derivation, NewAnnotation, Profile, Role, Technical};

/// Makes renditions of media. A job is submitted, polled and perhaps cancelled, so that one that
/// takes hours on a service and one that takes seconds in this process are driven the same way.
///
/// # Contract
/// - `submit_is_idempotent`: a second `submit` with the same token gives the same job.
/// - `poll_unknown`: a job never submitted here is [`NotFound`](crate::ErrorKind::NotFound).
/// - `outputs_are_stored`: the outputs of a succeeded job are in the destination, each with the
///   size told.
/// - `cancel_is_final`: a cancelled job stays `Cancelled` and leaves nothing running; cancelling a
///   finished or unknown job succeeds.
/// - `bad_media_fails_the_job`: media that cannot be decoded ends in `Failed` with
///   [`InvalidMedia`](crate::ErrorKind::InvalidMedia).
#[async_trait]
pub trait Transcoder: Debug + Send + Sync + 'static {
    /// What this transcoder can do. Constant.
    fn capabilities(&self) -> TranscoderCapabilities;

    /// Begins `job`. `token` names the attempt: the same token never begins a second job.
    async fn submit(&self, job: &TranscodeJob, token: &str) -> Result<JobId>;

    /// Tells what a job is at.
    async fn poll(&self, job: &JobId) -> Result<JobStatus>;

    /// Stops a job.
    async fn cancel(&self, job: &JobId) -> Result<()>;

    /// Tells what a succeeded job has made.
    async fn outputs(&self, job: &JobId) -> Result<Outputs>;

    /// What would be asked of the tool or service for `job`, as text for people: a command line
    /// or job settings. Begins nothing.
    async fn explain(&self, job: &TranscodeJob) -> Result<String>;
}

/// What a transcoder can do.
#[derive(Debug, Clone, PartialEq)]
pub struct TranscoderCapabilities {
    /// The roles it can make.
    pub roles: Vec<Role>,
    /// What it can find in the same pass.
    pub findings: Vec<AnnotationKind>,
    /// How often polling makes sense, in milliseconds.
    pub poll_interval_ms: u64,
    /// What bounds how many jobs run at once.
    pub lane: Lane,
    /// What it makes of media unless told otherwise.
    pub profile: Profile,
}

/// What is to be made of one file.
#[derive(Debug, Clone)]
pub struct TranscodeJob {
    /// The media.
    pub source: MediaSource,
    /// What is known of it.
    pub technical: Technical,
    /// What is to be made.
    pub profile: Profile,
    /// The storage the outputs go to.
    pub destination: Arc<dyn Storage>,
    /// The key all outputs are under.
    pub prefix: Key,
}

/// What a job has made.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// The files, by role and part.
    pub files: Vec<OutputFile>,
    /// What was found in the same pass.
    pub findings: Vec<NewAnnotation>,
    /// The kinds that were looked for, whether or not anything was found.
    pub searched: Vec<AnnotationKind>,
    /// For each sound channel of the original, over all its streams, the channel of the proxy it is
    /// heard in, from 0.
    pub audio_channels: Vec<u32>,
    /// How the files were made.
    pub derivation: Option<Derivation>,
}

/// One file a job has made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OutputFile {
    /// What it is for.
    pub role: Role,
    /// Its place among the files of its role, from 0.
    pub part: u32,
    /// Its media type, for example `image/jpeg`.
    pub media_type: String,
    /// Its key in the destination.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
}
