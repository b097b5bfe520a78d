//! Makes renditions with ffmpeg: one command, so one decode, for everything a profile asks for.
//!
//! - [`compile`]: the profile as a command, pure and printable; [`graph`] is its filter graph.
//! - [`sound`]: the rule by which the original's channels are heard in a proxy.
//! - [`run`]: running it; [`findings`]: what the detectors in the same pass have found.
//!
//! Still pictures are made in Rust, in [`picture`](crate::local::picture).

mod compile;
mod findings;
pub(in crate::local) mod graph;
mod outputs;
mod run;
mod sound;
mod waveform;

pub(crate) use run::failure;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::backend::{
    JobId, JobStatus, Lane, Outputs, TranscodeJob, Transcoder, TranscoderCapabilities,
};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::local::jobs::{Jobs, Operations};
use crate::local::tools::Tools;
use crate::local::work;
use crate::model::{AnnotationKind, AssetKind, OutputSpec, Profile, Role};

pub(crate) use compile::{Plan, compile};
pub(crate) use findings::{Evidence, findings};
pub(crate) use run::run;
pub(crate) use work::disk;

/// The name under which findings are kept.
pub(crate) const SERVICE: &str = "ffmpeg";

const SUBMIT: &str = "transcoder.submit";

/// How often looking at a job makes sense: ffmpeg tells its progress four times a second.
pub(crate) const POLL_INTERVAL_MS: u64 = 250;

/// What ffmpeg can find.
pub(crate) const FINDINGS: [AnnotationKind; 4] = [
    AnnotationKind::Shot,
    AnnotationKind::Black,
    AnnotationKind::Silence,
    AnnotationKind::Loudness,
];

/// Makes renditions on this machine: video and sound with ffmpeg, still pictures in Rust.
///
/// Jobs are of this process: after its end they are unknown and are to be submitted again. What a
/// dead process has left in the work folder is removed by [`sweep`](Self::sweep), and before each
/// job. Dropping the transcoder stops its jobs.
#[derive(Debug)]
pub struct FfTranscoder {
    tools: Tools,
    work_dir: PathBuf,
    jobs: Jobs<Outputs>,
}

impl FfTranscoder {
    /// A transcoder that works in folders under `work_dir`, which is best on the disk of the
    /// storage that the renditions go to: they are moved then and not copied.
    pub fn new(tools: Tools, work_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        let operations =
            Operations { submit: SUBMIT, poll: "transcoder.poll", result: "transcoder.outputs" };
        Self { tools, work_dir: work_dir.into(), jobs: Jobs::new(clock, operations) }
    }

    /// Removes what dead processes have left in the work folder, and kills what they left running.
    /// Tells how many jobs' there were.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where the disk refuses.
    pub fn sweep(&self) -> Result<usize> {
        work::sweep(&self.work_dir)
    }
}

impl FfTranscoder {
    /// Refuses what a profile asks for and this transcoder does not make.
    fn check(&self, profile: &Profile) -> Result<()> {
        let roles = self.capabilities().roles;
        let unsupported = profile.outputs.iter().find_map(|output| match output {
            OutputSpec::Proxy(spec) if spec.watermark.is_some() => Some("watermark"),
            OutputSpec::AudioProxy(spec) if spec.of_video => Some("audio_proxy of_video"),
            output if !roles.contains(&output.role()) => Some(output.role().as_str()),
            _ => None,
        });
        match unsupported {
            None => Ok(()),
            Some(what) => Err(Error::new(
                ErrorKind::Unsupported,
                SUBMIT,
                "the ffmpeg transcoder does not make this; take it out of the profile",
            )
            .with("output", what)),
        }
    }
}

#[async_trait]
impl Transcoder for FfTranscoder {
    fn capabilities(&self) -> TranscoderCapabilities {
        TranscoderCapabilities {
            roles: vec![
                Role::Proxy,
                Role::AudioProxy,
                Role::Poster,
                Role::Thumbnail,
                Role::Storyboard,
                Role::Waveform,
            ],
            findings: FINDINGS.to_vec(),
            poll_interval_ms: POLL_INTERVAL_MS,
            lane: Lane::Process("transcode"),
            profile: Profile::browse(),
        }
    }

    async fn submit(&self, job: &TranscodeJob, token: &str) -> Result<JobId> {
        let input = absolute(job, SUBMIT)?;
        if let Some(kind) = job.profile.findings.iter().find(|kind| !FINDINGS.contains(kind)) {
            let message = "ffmpeg cannot find this in media";
            return Err(
                Error::new(ErrorKind::Unsupported, SUBMIT, message).with("kind", kind.as_str())
            );
        }
        self.check(&job.profile)?;
        let ffmpeg = self.tools.ffmpeg().await?;
        let making = outputs::Making {
            plan: compile(&job.profile, &job.technical, &ffmpeg.version, &input)?,
            ffmpeg: ffmpeg.clone(),
            work_dir: self.work_dir.clone(),
            input,
            job: job.clone(),
        };
        self.jobs.submit(token, |this| making.make(this))
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        self.jobs.poll(job)
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        self.jobs.cancel(job).await;
        Ok(())
    }

    async fn outputs(&self, job: &JobId) -> Result<Outputs> {
        self.jobs.result(job)
    }

    async fn explain(&self, job: &TranscodeJob) -> Result<String> {
        const OPERATION: &str = "transcoder.explain";
        let input = absolute(job, OPERATION)?;
        if job.technical.kind == AssetKind::Image {
            let roles: Vec<&str> =
                job.profile.outputs.iter().map(|output| output.role().as_str()).collect();
            return Ok(format!(
                "decode {} once in this process, and make of it as JPEG: {}",
                quoted(&input.to_string_lossy()),
                roles.join(", ")
            ));
        }
        let ffmpeg = self.tools.ffmpeg().await?;
        let plan = compile(&job.profile, &job.technical, &ffmpeg.version, &input)?;
        if !plan.runs {
            return Ok("nothing: the media holds nothing this profile makes something of".into());
        }
        let mut text = quoted(&ffmpeg.path.to_string_lossy());
        for argument in &plan.arguments {
            text.push(' ');
            text += &quoted(&argument.to_string_lossy());
        }
        Ok(text)
    }
}

/// The path of the media, which ffmpeg is given while it runs in another folder.
fn absolute(job: &TranscodeJob, operation: &'static str) -> Result<PathBuf> {
    let path = job.source.local_path(operation)?;
    std::path::absolute(&path).map_err(|cause| {
        Error::invalid(operation, "the path of the media is none")
            .with("key", &job.source.key)
            .caused_by(cause)
    })
}

/// An argument as a shell reads it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether a file that was to be made is there and holds something.
pub(crate) fn is_there(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(quoted("-map"), "-map");
        assert_eq!(quoted("file:/a b/it's.mov"), r"'file:/a b/it'\''s.mov'");
        assert_eq!(quoted("[v]"), "'[v]'");
        assert_eq!(quoted(""), "''");
    }
}
