//! One transcoder for still pictures and one for everything that moves or sounds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::backend::{JobId, JobStatus, Outputs, TranscodeJob, Transcoder, TranscoderCapabilities};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AssetKind, OutputSpec, Profile};

/// What the ids of jobs on stills begin with.
const STILL: &str = "still:";

/// How often a still that is being made is asked after.
const LOOK: Duration = Duration::from_millis(20);

/// Has stills made by one transcoder and all else by another, for services that take no stills. A
/// still is made before `submit` comes back: it takes a moment, and nobody waits for the next poll
/// of a service that takes minutes.
#[derive(Debug)]
pub struct ByKind {
    stills: Arc<dyn Transcoder>,
    others: Arc<dyn Transcoder>,
}

impl ByKind {
    /// Hands stills to `stills` and the rest to `others`.
    pub fn new(stills: Arc<dyn Transcoder>, others: Arc<dyn Transcoder>) -> Self {
        Self { stills, others }
    }

    /// The transcoder of a job, and the id it knows it by.
    fn of(&self, job: &JobId) -> (&dyn Transcoder, JobId) {
        match job.0.strip_prefix(STILL) {
            Some(id) => (self.stills.as_ref(), JobId(id.to_owned())),
            None => (self.others.as_ref(), job.clone()),
        }
    }

    /// The job as its transcoder is asked for it: of a still, what can be made of one.
    fn asked(&self, job: &TranscodeJob) -> (&dyn Transcoder, TranscodeJob) {
        if job.technical.kind != AssetKind::Image {
            return (self.others.as_ref(), job.clone());
        }
        let roles = self.stills.capabilities().roles;
        let of_still = |output: &OutputSpec| match output {
            OutputSpec::Proxy(_) | OutputSpec::Poster(_) | OutputSpec::Thumbnail(_) => {
                roles.contains(&output.role())
            }
            _ => false,
        };
        let outputs = job.profile.outputs.iter().filter(|one| of_still(one)).cloned().collect();
        let profile = Profile { outputs, findings: Vec::new(), ..job.profile.clone() };
        (self.stills.as_ref(), TranscodeJob { profile, ..job.clone() })
    }
}

#[async_trait]
impl Transcoder for ByKind {
    fn capabilities(&self) -> TranscoderCapabilities {
        self.others.capabilities()
    }

    async fn submit(&self, job: &TranscodeJob, token: &str) -> Result<JobId> {
        let is_still = job.technical.kind == AssetKind::Image;
        let (transcoder, job) = self.asked(job);
        let id = transcoder.submit(&job, token).await?;
        if !is_still {
            return Ok(id);
        }
        while let JobStatus::Running { .. } = transcoder.poll(&id).await? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(JobId(format!("{STILL}{}", id.0)))
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        let (transcoder, id) = self.of(job);
        transcoder.poll(&id).await
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        let (transcoder, id) = self.of(job);
        transcoder.cancel(&id).await
    }

    async fn outputs(&self, job: &JobId) -> Result<Outputs> {
        let (transcoder, id) = self.of(job);
        transcoder.outputs(&id).await
    }

    async fn explain(&self, job: &TranscodeJob) -> Result<String> {
        let (transcoder, job) = self.asked(job);
        if job.profile.outputs.is_empty() {
            let message = "nothing of this profile can be made of a still";
            return Err(Error::new(ErrorKind::Unsupported, "transcoder.explain", message));
        }
        transcoder.explain(&job).await
    }
}
