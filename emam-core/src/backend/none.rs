//! In the place of what a library does without: each says so when it is needed.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::backend::{
    AnalysisRequest, Analyzer, AnalyzerCapabilities, Archive, ArchiveCapabilities, ArchiveItem,
    ArchiveStatus, CopyJob, Findings, Inspected, JobId, JobStatus, JoinJob, Key, Lane, MediaSource,
    Outcome, Outputs, PieceJob, Prober, Quote, QuoteRequest, Renderer, RestoreOptions, Told,
    TranscodeJob, Transcoder, TranscoderCapabilities,
};
use crate::error::{Error, ErrorInfo, ErrorKind, Result};
use crate::model::{Profile, StorageClass, Technical};

/// An archive that has no classes: nothing can be archived.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoArchive;

impl NoArchive {
    fn unsupported(operation: &'static str) -> Error {
        Error::new(ErrorKind::Unsupported, operation, "this library has no archive; give it one")
    }
}

#[async_trait]
impl Archive for NoArchive {
    fn capabilities(&self) -> ArchiveCapabilities {
        ArchiveCapabilities { classes: Vec::new(), restore_times: Vec::new() }
    }

    async fn archive(&self, _: &[Key], _: StorageClass) -> Result<Vec<Outcome>> {
        Err(Self::unsupported("archive.store"))
    }

    async fn quote(&self, _: &[ArchiveItem], _: QuoteRequest) -> Result<Quote> {
        Err(Self::unsupported("archive.quote"))
    }

    async fn restore(&self, _: &[Key], _: RestoreOptions) -> Result<Vec<Outcome<Timestamp>>> {
        Err(Self::unsupported("archive.restore"))
    }

    async fn status(&self, _: &Key) -> Result<ArchiveStatus> {
        Ok(ArchiveStatus::Online)
    }

    async fn forget(&self, _: &Key) -> Result<()> {
        Ok(())
    }
}

/// A prober, transcoder, renderer and analyzer that can only say why they cannot.
#[derive(Debug)]
pub struct NoTools {
    why: ErrorInfo,
}

impl Default for NoTools {
    /// Says that the library was put together without.
    fn default() -> Self {
        Self::new(&Error::new(
            ErrorKind::Unsupported,
            "library.tools",
            "this library was put together without a prober and a transcoder; give it some",
        ))
    }
}

impl NoTools {
    /// Says `why`, each time.
    pub fn new(why: &Error) -> Self {
        Self { why: ErrorInfo { retryable: false, ..why.to_info() } }
    }

    fn fail<T>(&self) -> Result<T> {
        Err(self.why.clone().into())
    }
}

#[async_trait]
impl Prober for NoTools {
    async fn probe(&self, _: &MediaSource) -> Result<Technical> {
        self.fail()
    }
}

#[async_trait]
impl Renderer for NoTools {
    async fn take_over(&self, _: &Path) -> Result<()> {
        self.fail()
    }

    async fn piece(&self, _: &PieceJob, _: Told<'_>) -> Result<()> {
        self.fail()
    }

    async fn copy(&self, _: &CopyJob) -> Result<()> {
        self.fail()
    }

    async fn join(&self, _: &JoinJob, _: Told<'_>) -> Result<()> {
        self.fail()
    }

    async fn inspect(&self, _: &Path) -> Result<Inspected> {
        self.fail()
    }
}

#[async_trait]
impl Transcoder for NoTools {
    fn capabilities(&self) -> TranscoderCapabilities {
        TranscoderCapabilities {
            roles: Vec::new(),
            findings: Vec::new(),
            poll_interval_ms: 1000,
            lane: Lane::Free,
            profile: Profile::default(),
        }
    }

    async fn submit(&self, _: &TranscodeJob, _: &str) -> Result<JobId> {
        self.fail()
    }

    async fn poll(&self, _: &JobId) -> Result<JobStatus> {
        self.fail()
    }

    async fn cancel(&self, _: &JobId) -> Result<()> {
        Ok(())
    }

    async fn outputs(&self, _: &JobId) -> Result<Outputs> {
        self.fail()
    }

    async fn explain(&self, _: &TranscodeJob) -> Result<String> {
        self.fail()
    }
}

#[async_trait]
impl Analyzer for NoTools {
    fn capabilities(&self) -> AnalyzerCapabilities {
        AnalyzerCapabilities {
            service: "none".to_owned(),
            kinds: Vec::new(),
            reads: Vec::new(),
            poll_interval_ms: 1000,
            lane: Lane::Free,
        }
    }

    async fn submit(&self, _: &AnalysisRequest, _: &str) -> Result<JobId> {
        self.fail()
    }

    async fn poll(&self, _: &JobId) -> Result<JobStatus> {
        self.fail()
    }

    async fn cancel(&self, _: &JobId) -> Result<()> {
        Ok(())
    }

    async fn findings(&self, _: &JobId) -> Result<Findings> {
        self.fail()
    }
}
