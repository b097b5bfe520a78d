//! What is in media: shots, faces, words, silence.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::backend::{JobId, JobStatus, Key, Lane, MediaSource, OutputFile, RawReply, Storage};
use crate::error::Result;
use crate::model::{AnnotationKind, NewAnnotation, Role, Technical};

/// Looks into media. Same shape as [`Transcoder`](crate::backend::Transcoder), so that one engine
/// drives both.
///
/// # Contract
/// - `analyze_finds_what_is_there`: the findings of known media are the known ones.
/// - `analyze_submit_is_idempotent`: a second `submit` with the same token gives the same job.
/// - `analyze_poll_unknown`: a job never submitted here is
///   [`NotFound`](crate::ErrorKind::NotFound).
/// - `analyze_unsupported_kind`: a kind not in the capabilities is
///   [`Unsupported`](crate::ErrorKind::Unsupported).
#[async_trait]
pub trait Analyzer: Debug + Send + Sync + 'static {
    /// What this analyzer can do. Constant.
    fn capabilities(&self) -> AnalyzerCapabilities;

    /// Begins to look for what `request` names. `token` names the attempt: the same token never
    /// begins a second job.
    async fn submit(&self, request: &AnalysisRequest, token: &str) -> Result<JobId>;

    /// Tells what a job is at.
    async fn poll(&self, job: &JobId) -> Result<JobStatus>;

    /// Stops a job.
    async fn cancel(&self, job: &JobId) -> Result<()>;

    /// Tells what a succeeded job has found.
    async fn findings(&self, job: &JobId) -> Result<Findings>;
}

/// What an analyzer can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyzerCapabilities {
    /// The name of the service or program, as its findings give it.
    pub service: String,
    /// What it can find.
    pub kinds: Vec<AnnotationKind>,
    /// The renditions it reads: the first of these that an asset has is what it is handed.
    pub reads: Vec<Role>,
    /// How often polling makes sense, in milliseconds.
    pub poll_interval_ms: u64,
    /// What bounds how many jobs run at once.
    pub lane: Lane,
}

/// What is to be looked for.
#[derive(Debug, Clone)]
pub struct AnalysisRequest {
    /// The media, as one of the renditions the analyzer reads. Frame `n` of it is frame `n` of the
    /// original.
    pub source: MediaSource,
    /// What is known of the original.
    pub technical: Technical,
    /// What to look for.
    pub kinds: Vec<AnnotationKind>,
    /// The storage files go to that are made along the way: transcripts, captions.
    pub destination: Arc<dyn Storage>,
    /// The key all such files are under.
    pub prefix: Key,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// The annotations, each with its provenance but for the run.
    pub annotations: Vec<NewAnnotation>,
    /// Files made along the way, in the request's destination.
    pub files: Vec<OutputFile>,
    /// The service's reply as it came.
    pub raw: RawReply,
}
