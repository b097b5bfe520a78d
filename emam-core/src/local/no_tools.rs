//! In the place of ffmpeg where there is none: says so when it is needed.

use async_trait::async_trait;

use crate::backend::{
    AnalysisRequest, Analyzer, AnalyzerCapabilities, Findings, JobId, JobStatus, MediaSource,
    Outputs, Prober, TranscodeJob, Transcoder, TranscoderCapabilities,
};
use crate::error::{Error, ErrorInfo, Result};
use crate::model::Technical;

/// A prober, transcoder and analyzer that can only say why they cannot.
#[derive(Debug)]
pub(crate) struct NoTools {
    why: ErrorInfo,
}

impl NoTools {
    pub(crate) fn new(why: &Error) -> Self {
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
impl Transcoder for NoTools {
    fn capabilities(&self) -> TranscoderCapabilities {
        TranscoderCapabilities { roles: Vec::new(), findings: Vec::new(), poll_interval_ms: 1000 }
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
        AnalyzerCapabilities { service: "none".to_owned(), kinds: Vec::new(), poll_interval_ms: 1000 }
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
