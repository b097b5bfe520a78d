//! Driving a job of a transcoder or analyzer from submission to its end.

use std::future::Future;
use std::time::Duration;

use crate::backend::{
    AnalysisRequest, Analyzer, JobId, JobStatus, OutputFile, TranscodeJob, Transcoder,
};
use crate::clock::after;
use crate::error::{Error, ErrorKind, Result};
use crate::workflow::{RunContext, StepContext, Stop};

/// Jobs asked less often than this are not waited for: the run is put aside in between, so that it
/// holds no worker for hours.
const LONGEST_POLL: Duration = Duration::from_secs(5);

/// Something jobs can be given to.
pub(super) trait Jobs: Sync {
    fn submit(&self, token: &str) -> impl Future<Output = Result<JobId>> + Send;
    fn poll(&self, job: &JobId) -> impl Future<Output = Result<JobStatus>> + Send;
    fn poll_interval(&self) -> Duration;
}

/// A transcoder with what it is to do.
pub(super) struct Transcoding<'a>(pub(super) &'a dyn Transcoder, pub(super) &'a TranscodeJob);

impl Jobs for Transcoding<'_> {
    async fn submit(&self, token: &str) -> Result<JobId> {
        self.0.submit(self.1, token).await
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        self.0.poll(job).await
    }

    fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.0.capabilities().poll_interval_ms)
    }
}

/// An analyzer with what it is to look for.
pub(super) struct Analyzing<'a>(pub(super) &'a dyn Analyzer, pub(super) &'a AnalysisRequest);

impl Jobs for Analyzing<'_> {
    async fn submit(&self, token: &str) -> Result<JobId> {
        self.0.submit(self.1, token).await
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        self.0.poll(job).await
    }

    fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.0.capabilities().poll_interval_ms)
    }
}

/// Submits a job under the step's token, which was recorded before, and follows it to its end.
/// `ready` is called whenever there are outputs it has not seen. A job the service has forgotten,
/// as a process forgets its own when it dies, is submitted again.
pub(super) async fn drive<F: Future<Output = Result<()>>>(
    cx: &RunContext,
    step: &StepContext,
    jobs: &impl Jobs,
    mut ready: impl FnMut(Vec<OutputFile>) -> F,
) -> Result<JobId, Stop> {
    let mut job = match step.kept::<JobId>() {
        Some(job) => job,
        None => submit(step, jobs).await?,
    };
    let mut seen = 0;
    let mut submissions = 1;
    loop {
        match jobs.poll(&job).await {
            Ok(JobStatus::Succeeded) => return Ok(job),
            Ok(JobStatus::Failed(info)) => return Err(Error::from(info).into()),
            Ok(JobStatus::Cancelled) => {
                return Err(Error::new(
                    ErrorKind::Cancelled,
                    "runs.job",
                    "the job was cancelled outside the library",
                )
                .with("job", job.0)
                .into());
            }
            Ok(JobStatus::Running { fraction, eta_ms, ready: files }) => {
                step.progress(fraction, eta_ms);
                if files.len() > seen {
                    seen = files.len();
                    ready(files).await?;
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound && submissions < 3 => {
                submissions += 1;
                job = submit(step, jobs).await?;
            }
            Err(error) => return Err(error.into()),
        }
        let interval = jobs.poll_interval();
        if interval > LONGEST_POLL {
            return Err(Stop::Wait(after(cx.now(), interval)));
        }
        tokio::time::sleep(interval).await;
    }
}

async fn submit(step: &StepContext, jobs: &impl Jobs) -> Result<JobId> {
    let job = jobs.submit(step.token()).await?;
    step.keep(&job).await?;
    Ok(job)
}
