//! Finds shots, black, silence and loudness with ffmpeg, alone: for looking again into media whose
//! renditions are there already. An ingest finds them while it transcodes.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use crate::backend::{
    AnalysisRequest, Analyzer, AnalyzerCapabilities, Findings, JobId, JobStatus, Lane,
};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::local::blocking::blocking;
use crate::local::jobs::{Job, Jobs, Operations};
use crate::local::tools::{Tool, Tools};
use crate::local::transcode::{
    Evidence, FINDINGS, POLL_INTERVAL_MS, Plan, SERVICE, compile, findings, run,
};
use crate::local::work::{self, WorkDir};
use crate::model::{Profile, Role};

const SUBMIT: &str = "analyzer.submit";
const OPERATION: &str = "analyzer.job";

/// Looks into media on this machine with ffmpeg's detectors.
///
/// Jobs are of this process: after its end they are unknown and are to be submitted again.
/// Dropping the analyzer stops its jobs.
#[derive(Debug)]
pub struct FfAnalyzer {
    tools: Tools,
    work_dir: PathBuf,
    jobs: Jobs<Findings>,
}

impl FfAnalyzer {
    /// An analyzer that works in folders under `work_dir`.
    pub fn new(tools: Tools, work_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        let operations =
            Operations { submit: SUBMIT, poll: "analyzer.poll", result: "analyzer.findings" };
        Self { tools, work_dir: work_dir.into(), jobs: Jobs::new(clock, operations) }
    }
}

#[async_trait]
impl Analyzer for FfAnalyzer {
    fn capabilities(&self) -> AnalyzerCapabilities {
        AnalyzerCapabilities {
            service: SERVICE.to_owned(),
            kinds: FINDINGS.to_vec(),
            reads: vec![Role::Original],
            poll_interval_ms: POLL_INTERVAL_MS,
            lane: Lane::Process("transcode"),
        }
    }

    async fn submit(&self, request: &AnalysisRequest, token: &str) -> Result<JobId> {
        if let Some(kind) = request.kinds.iter().find(|kind| !FINDINGS.contains(kind)) {
            let message = "ffmpeg cannot find this in media";
            return Err(
                Error::new(ErrorKind::Unsupported, SUBMIT, message).with("kind", kind.as_str())
            );
        }
        let path = request.source.local_path(SUBMIT)?;
        let input = std::path::absolute(&path).map_err(|cause| {
            Error::invalid(SUBMIT, "the path of the media is none")
                .with("key", &request.source.key)
                .caused_by(cause)
        })?;
        let profile = Profile {
            name: "analyze".to_owned(),
            outputs: Vec::new(),
            findings: request.kinds.clone(),
        };
        let ffmpeg = self.tools.ffmpeg().await?;
        let looking = Looking {
            plan: compile(&profile, &request.technical, &ffmpeg.version, &input)?,
            ffmpeg: ffmpeg.clone(),
            work_dir: self.work_dir.clone(),
            request: request.clone(),
        };
        self.jobs.submit(token, |this| looking.look(this))
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        self.jobs.poll(job)
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        self.jobs.cancel(job).await;
        Ok(())
    }

    async fn findings(&self, job: &JobId) -> Result<Findings> {
        self.jobs.result(job)
    }
}

/// All that a job needs, owned, so that it can run on its own.
#[derive(Debug)]
struct Looking {
    plan: Plan,
    ffmpeg: Tool,
    work_dir: PathBuf,
    request: AnalysisRequest,
}

impl Looking {
    async fn look(self, this: Arc<Job<Findings>>) -> Result<Findings> {
        let name = self.request.source.file_name.clone();
        self.found(&this).await.map_err(|error| error.with("file", name.escape_debug()))
    }

    async fn found(self, this: &Job<Findings>) -> Result<Findings> {
        if !self.plan.runs {
            return Ok(Findings::default());
        }
        let (root, id) = (self.work_dir.clone(), this.id.clone());
        let work = blocking(OPERATION, move |_| {
            work::sweep(&root)?;
            WorkDir::create(&root, &id, OPERATION)
        })
        .await?;
        let ran = run(&self.ffmpeg, &self.plan, work.path(), this, OPERATION, || ()).await;
        blocking(OPERATION, move |_| {
            let ran = ran?;
            if ran.frames == 0 && ran.reached == 0 {
                let message = "nothing of the media could be decoded; it is damaged or cut off";
                return Err(Error::new(ErrorKind::InvalidMedia, OPERATION, message));
            }
            let evidence = Evidence {
                folder: work.path(),
                technical: &self.request.technical,
                picture: self.plan.picture(Some(ran.frames)),
                loudness: ran.loudness,
            };
            Ok(Findings {
                files: Vec::new(),
                annotations: findings(&self.plan.findings, &evidence)?,
                raw: json!({ "ffmpeg": self.ffmpeg.version.text }),
            })
        })
        .await
    }
}
