//! Transcoding and probing by AWS Elemental MediaConvert.
//!
//! - [`MediaConvert`] makes renditions: a profile is compiled to the settings of one job, which
//!   [`explain`](Transcoder::explain) prints as they would be sent.
//! - [`MediaConvertProber`] finds technical metadata without a program on this machine.
//! - [`elastic_transcoder`] reads what was made for Elastic Transcoder, which ended on 2025-11-13.
//!
//! A job carries its stack and its token in its user metadata. What it has made is listed in the
//! bucket and never taken from an event: those of accelerated jobs leave pictures out.

pub mod elastic_transcoder;
mod failure;
mod names;
mod outputs;
mod probe;
mod settings;
mod sound;
mod submit;
mod templates;
mod video;
mod wire;

#[cfg(test)]
mod canned;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_mediaconvert::Client;
use aws_sdk_mediaconvert::error::ProvideErrorMetadata;
use aws_sdk_mediaconvert::types::{Job, JobPhase, JobStatus as State};
use emam_core::backend::{
    JobId, JobStatus, Lane, Outputs, Storage, TranscodeJob, Transcoder, TranscoderCapabilities,
};
use emam_core::clock::Clock;
use emam_core::model::{
    AudioProxySpec, OutputSpec, PosterSpec, Profile, ProxySpec, Role, ThumbnailSpec,
};
use emam_core::{Error, ErrorKind, Result};

pub use probe::MediaConvertProber;
pub use templates::Template;

use crate::error::error;

/// The name renditions tell they were made by.
const TOOL: &str = "mediaconvert";

/// How MediaConvert is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The role MediaConvert takes to read originals and to write renditions. Its path is `/` or
    /// `/service-role/`.
    pub role_arn: String,
    /// The queue, by name or ARN; the account's default one when absent.
    pub queue: Option<String>,
    /// What tells our jobs from those of others in the account, for example the name of the stack.
    pub stack: String,
    /// A job template of the account that is used whatever the profile says; only input and
    /// destinations are ours then. A profile named `template:NAME` asks for one by itself.
    pub job_template: Option<String>,
    /// Output presets of the account that are used in place of what the profile says, by role.
    /// Adaptive streaming, which has several outputs, takes none.
    pub presets: BTreeMap<Role, String>,
    /// Media longer than this is split among machines, where MediaConvert can, for more money.
    pub accelerate_above: Option<Duration>,
    /// From -50 to 50: jobs of a higher priority are begun before others of the queue.
    pub priority: Option<i32>,
    /// Tags of the jobs, for the bill.
    pub tags: BTreeMap<String, String>,
    /// How often polling makes sense, in milliseconds.
    pub poll_interval_ms: u64,
}

impl Options {
    /// The usual options.
    pub fn new(role_arn: impl Into<String>, stack: impl Into<String>) -> Self {
        Self {
            role_arn: role_arn.into(),
            queue: None,
            stack: stack.into(),
            job_template: None,
            presets: BTreeMap::new(),
            accelerate_above: Some(Duration::from_secs(10 * 60)),
            priority: None,
            tags: BTreeMap::new(),
            poll_interval_ms: 15_000,
        }
    }
}

/// Makes renditions with MediaConvert, from S3 to S3.
pub struct MediaConvert {
    client: Client,
    outputs: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    options: Options,
}

impl fmt::Debug for MediaConvert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaConvert").field("options", &self.options).finish_non_exhaustive()
    }
}

impl MediaConvert {
    /// A transcoder whose jobs all go to `outputs`, which is in S3. `clock` tells how old the
    /// attempt is that a job is submitted for.
    pub fn new(
        client: Client,
        outputs: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        Self { client, outputs, clock, options }
    }

    /// What is made of media on AWS unless told otherwise: what browsing and cutting need, and the
    /// sound of video for services that only listen.
    pub fn profile() -> Profile {
        Profile {
            name: "browse-aws".to_owned(),
            outputs: vec![
                OutputSpec::Proxy(ProxySpec::default()),
                OutputSpec::AudioProxy(AudioProxySpec {
                    of_video: true,
                    ..AudioProxySpec::default()
                }),
                OutputSpec::Poster(PosterSpec::default()),
                OutputSpec::Thumbnail(ThumbnailSpec::default()),
            ],
            findings: Vec::new(),
        }
    }

    async fn job(&self, id: &JobId, operation: &'static str) -> Result<Job> {
        let unknown = || {
            Error::new(ErrorKind::NotFound, operation, "MediaConvert has no such job")
                .with("job", &id.0)
        };
        // An id of another form is refused as such.
        let answer =
            self.client.get_job().id(&id.0).send().await.map_err(|cause| match cause.code() {
                Some("NotFoundException" | "BadRequestException") => unknown(),
                _ => error(operation, cause),
            })?;
        answer.job.ok_or_else(unknown)
    }
}

#[async_trait]
impl Transcoder for MediaConvert {
    fn capabilities(&self) -> TranscoderCapabilities {
        TranscoderCapabilities {
            roles: settings::ROLES.to_vec(),
            findings: Vec::new(),
            poll_interval_ms: self.options.poll_interval_ms,
            // Its queues keep what is too much.
            lane: Lane::Free,
            profile: Self::profile(),
        }
    }

    async fn submit(&self, job: &TranscodeJob, token: &str) -> Result<JobId> {
        self.submitted(job, token).await
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        if submit::is_nothing(job) {
            return Ok(JobStatus::Succeeded);
        }
        let found = self.job(job, "transcoder.poll").await?;
        Ok(match found.status {
            Some(State::Complete) => JobStatus::Succeeded,
            Some(State::Canceled) => JobStatus::Cancelled,
            Some(State::Error) => JobStatus::Failed(failure::failure(&found)),
            _ => JobStatus::Running { fraction: fraction(&found), eta_ms: None, ready: Vec::new() },
        })
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        if submit::is_nothing(job) {
            return Ok(());
        }
        let Err(cause) = self.client.cancel_job().id(&job.0).send().await else { return Ok(()) };
        match cause.code() {
            // It has ended already, or never was.
            Some("NotFoundException" | "ConflictException" | "BadRequestException") => Ok(()),
            _ => Err(error("transcoder.cancel", cause)),
        }
    }

    async fn outputs(&self, job: &JobId) -> Result<Outputs> {
        if submit::is_nothing(job) {
            return Ok(Outputs::default());
        }
        const OPERATION: &str = "transcoder.outputs";
        let found = self.job(job, OPERATION).await?;
        if found.status != Some(State::Complete) {
            let state = found.status.as_ref().map_or("unknown", State::as_str);
            let message = "the job has not succeeded, so it has no outputs";
            return Err(Error::new(ErrorKind::Conflict, OPERATION, message)
                .with("job", &job.0)
                .with("state", state));
        }
        self.made(found).await
    }

    async fn explain(&self, job: &TranscodeJob) -> Result<String> {
        self.explained(job).await
    }
}

/// How much of a job is done, from 0 to 1.
fn fraction(job: &Job) -> f64 {
    let percent = f64::from(job.job_percent_complete.unwrap_or(0).clamp(0, 100));
    match job.current_phase {
        // The percentage is of transcoding alone.
        Some(JobPhase::Uploading) => 0.99,
        Some(JobPhase::Probing) => 0.0,
        _ => percent / 100.0 * 0.98,
    }
}
