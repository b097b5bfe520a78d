//! Driving a job of a transcoder or analyzer from submission to its end.

use std::future::Future;
use std::time::Duration;

use crate::backend::catalog::LaneEntry;
use crate::backend::{
    AnalysisRequest, Analyzer, JobId, JobStatus, Lane, OutputFile, TranscodeJob, Transcoder,
};
use crate::clock::after;
use crate::error::{Error, ErrorKind, Result};
use crate::workflow::{RunContext, StepContext, Stop};

/// Jobs asked less often than this are not waited for: the run is put aside in between, so that it
/// holds no worker for hours.
const LONGEST_POLL: Duration = Duration::from_secs(5);

/// How long a job that is never heard of again holds its place in a shared lane.
const LONGEST_IN_LANE: Duration = Duration::from_secs(24 * 60 * 60);

/// Something jobs can be given to.
pub(super) trait Jobs: Sync {
    fn submit(&self, token: &str) -> impl Future<Output = Result<JobId>> + Send;
    fn poll(&self, job: &JobId) -> impl Future<Output = Result<JobStatus>> + Send;
    fn pace(&self) -> Pace;
}

/// How often a service is asked, and what bounds its jobs.
pub(super) struct Pace {
    interval: Duration,
    lane: Lane,
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

    fn pace(&self) -> Pace {
        let can = self.0.capabilities();
        Pace { interval: Duration::from_millis(can.poll_interval_ms), lane: can.lane }
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

    fn pace(&self) -> Pace {
        let can = self.0.capabilities();
        Pace { interval: Duration::from_millis(can.poll_interval_ms), lane: can.lane }
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
    let Pace { interval, lane } = jobs.pace();
    let _room = match lane {
        Lane::Process(name) => cx.lane(name).await,
        _ => None,
    };
    let mut job = match step.kept::<JobId>() {
        Some(job) => job,
        None => submit(cx, step, jobs, &lane).await?,
    };
    let mut seen = 0;
    let mut submissions = 1;
    loop {
        match jobs.poll(&job).await {
            Ok(JobStatus::Succeeded) => {
                leave(cx, &lane, &step.token()).await?;
                return Ok(job);
            }
            Ok(JobStatus::Failed(info)) => {
                leave(cx, &lane, &step.token()).await?;
                // Tried again, it is to be another job.
                step.renew().await?;
                return Err(Error::from(info).into());
            }
            Ok(JobStatus::Cancelled) => {
                leave(cx, &lane, &step.token()).await?;
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
                job = submit(cx, step, jobs, &lane).await?;
            }
            Err(error) => return Err(error.into()),
        }
        if interval > LONGEST_POLL {
            return Err(Stop::Wait(after(cx.now(), interval)));
        }
        tokio::time::sleep(interval).await;
    }
}

async fn submit(
    cx: &RunContext,
    step: &StepContext,
    jobs: &impl Jobs,
    lane: &Lane,
) -> Result<JobId, Stop> {
    let token = step.token();
    if let Lane::Shared { name, room } = lane {
        let entry = LaneEntry {
            lane: name.clone(),
            room: *room,
            holder: token.clone(),
            until: after(cx.now(), LONGEST_IN_LANE),
        };
        if !cx.backends().runs.enter_lane(&entry, cx.now()).await? {
            return Err(Error::new(ErrorKind::RateLimited, "runs.job", "the lane is full")
                .with("lane", name)
                .with("room", room)
                .into());
        }
    }
    match jobs.submit(&token).await {
        Ok(job) => {
            step.keep(&job).await?;
            Ok(job)
        }
        Err(error) => {
            leave(cx, lane, &token).await?;
            Err(error.into())
        }
    }
}

async fn leave(cx: &RunContext, lane: &Lane, holder: &str) -> Result<()> {
    match lane {
        Lane::Shared { name, .. } => cx.backends().runs.leave_lane(name, holder).await,
        _ => Ok(()),
    }
}

/// Stops the jobs that a run has begun and nobody will wait for, at the transcoder or at one of the
/// analyzers, and makes room in their lanes.
pub(super) async fn abandon(cx: &RunContext) -> Result<()> {
    let backends = cx.backends();
    for name in cx.step_names() {
        let Some((token, job)) = cx.note::<JobId>(&name) else { continue };
        if name == TRANSCODE {
            if let Some(job) = &job {
                backends.transcoder.cancel(job).await?;
            }
            leave(cx, &backends.transcoder.capabilities().lane, &token).await?;
        }
        for analyzer in &backends.analyzers {
            let can = analyzer.capabilities();
            if name != analyze_step(&can.service) {
                continue;
            }
            if let Some(job) = &job {
                analyzer.cancel(job).await?;
            }
            leave(cx, &can.lane, &token).await?;
        }
    }
    Ok(())
}

/// The step that transcodes.
pub(super) const TRANSCODE: &str = "transcode";

/// The step in which a service looks into media.
pub(super) fn analyze_step(service: &str) -> String {
    format!("analyze.{service}")
}
