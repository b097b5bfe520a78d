//! Tools that read files, for media in storages that have none: it is fetched to this machine first.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::backend::{
    AnalysisRequest, Analyzer, AnalyzerCapabilities, Findings, JobId, JobStatus, Key, MediaSource,
    Outputs, Prober, Storage, TranscodeJob, Transcoder, TranscoderCapabilities,
};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::local::FolderStorage;
use crate::local::work::WorkDir;
use crate::model::Technical;
use crate::transfer::{CopyOut, copy_out};

/// A prober, transcoder or analyzer that reads files, handed media of any storage: what is not on
/// this machine is fetched into a folder of its own and removed when the work is done.
pub struct Fetching<B: ?Sized> {
    inner: Arc<B>,
    work_dir: PathBuf,
    clock: Arc<dyn Clock>,
    /// What unfinished jobs read.
    held: Mutex<HashMap<String, Fetched>>,
}

impl<B: ?Sized + Debug> Debug for Fetching<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetching").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Media on this machine's disk, removed when dropped.
#[derive(Debug)]
struct Fetched {
    _folder: WorkDir,
}

impl<B: ?Sized> Fetching<B> {
    /// Hands `inner` what was fetched into folders under `work_dir`.
    pub fn new(inner: Arc<B>, work_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, work_dir: work_dir.into(), clock, held: Mutex::default() }
    }

    /// The media as a file of this machine, and what keeps it there.
    async fn fetch(
        &self,
        operation: &'static str,
        source: &MediaSource,
    ) -> Result<(MediaSource, Option<Fetched>)> {
        if source.storage.local_path(&source.key).is_some() {
            return Ok((source.clone(), None));
        }
        let name = format!("fetched-{}", self.clock.new_uuid().simple());
        let root = self.work_dir.clone();
        let made = tokio::task::spawn_blocking(move || WorkDir::create(&root, &name, operation));
        let folder = made.await.map_err(|cause| {
            let message = "making a work folder has broken off";
            Error::new(ErrorKind::Unexpected, operation, message).caused_by(cause)
        })??;
        let storage = FolderStorage::open(folder.path(), Arc::clone(&self.clock)).await?;
        // Its own name, which tools take as a hint of its format.
        let key: Key = source.key.name().parse()?;
        let path = folder.path().join(key.as_str());
        let options = CopyOut { expected_size: Some(source.size), ..CopyOut::default() };
        copy_out(source.storage.as_ref(), &source.key, &path, options).await?;
        let storage: Arc<dyn Storage> = Arc::new(storage);
        let here = MediaSource { storage, key, ..source.clone() };
        Ok((here, Some(Fetched { _folder: folder })))
    }

    /// Keeps what a job reads until it has ended.
    fn hold(&self, job: &JobId, fetched: Option<Fetched>) {
        if let Some(fetched) = fetched {
            // A job submitted again reads what was fetched for it first.
            self.held().entry(job.0.clone()).or_insert(fetched);
        }
    }

    fn let_go(&self, job: &JobId) {
        let fetched = self.held().remove(&job.0);
        drop(fetched);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Fetched>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_ended(status: &JobStatus) -> bool {
    !matches!(status, JobStatus::Running { .. })
}

#[async_trait]
impl Prober for Fetching<dyn Prober> {
    async fn probe(&self, source: &MediaSource) -> Result<Technical> {
        let (here, _fetched) = self.fetch("prober.probe", source).await?;
        self.inner.probe(&here).await
    }
}

#[async_trait]
impl Transcoder for Fetching<dyn Transcoder> {
    fn capabilities(&self) -> TranscoderCapabilities {
        self.inner.capabilities()
    }

    async fn submit(&self, job: &TranscodeJob, token: &str) -> Result<JobId> {
        let (source, fetched) = self.fetch("transcoder.submit", &job.source).await?;
        let id = self.inner.submit(&TranscodeJob { source, ..job.clone() }, token).await?;
        self.hold(&id, fetched);
        Ok(id)
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        let status = self.inner.poll(job).await?;
        if has_ended(&status) {
            self.let_go(job);
        }
        Ok(status)
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        self.inner.cancel(job).await?;
        self.let_go(job);
        Ok(())
    }

    async fn outputs(&self, job: &JobId) -> Result<Outputs> {
        self.inner.outputs(job).await
    }

    async fn explain(&self, job: &TranscodeJob) -> Result<String> {
        let (source, _fetched) = self.fetch("transcoder.explain", &job.source).await?;
        self.inner.explain(&TranscodeJob { source, ..job.clone() }).await
    }
}

#[async_trait]
impl Analyzer for Fetching<dyn Analyzer> {
    fn capabilities(&self) -> AnalyzerCapabilities {
        self.inner.capabilities()
    }

    async fn submit(&self, request: &AnalysisRequest, token: &str) -> Result<JobId> {
        let (source, fetched) = self.fetch("analyzer.submit", &request.source).await?;
        let id = self.inner.submit(&AnalysisRequest { source, ..request.clone() }, token).await?;
        self.hold(&id, fetched);
        Ok(id)
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        let status = self.inner.poll(job).await?;
        if has_ended(&status) {
            self.let_go(job);
        }
        Ok(status)
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        self.inner.cancel(job).await?;
        self.let_go(job);
        Ok(())
    }

    async fn findings(&self, job: &JobId) -> Result<Findings> {
        self.inner.findings(job).await
    }
}
