//! Doing a job: fetch, look, transcode, store, tell.

mod files;
mod outputs;
mod transcode;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Inner;
use super::args::{self, Files};
use super::facts::Facts;
use super::jobs::Phase;
use super::plan::{Address, CaptionSource, Plan};
use super::settings::Wrong;
use crate::events::MediaConvertJob;

pub(super) use files::fetch;

/// Why a job ends in `ERROR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// The service's code, for example 1404.
    pub(super) code: i64,
    pub(super) message: String,
}

impl Failed {
    pub(super) fn new(code: i64, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// A timecode that is none.
    pub(super) fn unreadable(timecode: &str) -> Self {
        Self::new(1010, format!("{timecode:?} is no timecode of the form HH:MM:SS:FF"))
    }
}

/// A job on its way.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) inner: Arc<Inner>,
    pub(super) id: String,
    pub(super) queue: String,
    pub(super) user_metadata: Value,
    pub(super) settings: Value,
    pub(super) role: String,
    /// Whether the client would rather have no job than one that is not accelerated.
    pub(super) must_accelerate: bool,
    /// Whether the job runs accelerated: its end is told with less.
    pub(super) accelerated: bool,
    pub(super) hangs: bool,
    /// How far apart `STATUS_UPDATE` events are, in seconds of the account's clock.
    pub(super) interval_s: i64,
}

impl Run {
    /// Does the job to its end, whatever that is.
    pub(super) async fn run(self) {
        self.inner.jobs.until_active(&self.queue).await;
        // One ffmpeg at a time: what else is on the machine has to run too.
        let Ok(turn) = self.inner.turns.acquire().await else { return };
        if !self.inner.jobs.begin(&self.id, self.inner.now()) {
            return;
        }
        self.tell("PROGRESSING", json!({})).await;
        if self.hangs {
            drop(turn);
            return std::future::pending().await;
        }
        match self.work().await {
            Ok(details) => {
                let groups: Vec<Value> = details.iter().map(outputs::GroupMade::of_job).collect();
                if self.inner.jobs.complete(&self.id, self.inner.now(), json!(groups)) {
                    let groups: Vec<Value> =
                        details.iter().map(|group| group.of_event(self.accelerated)).collect();
                    let more = json!({"outputGroupDetails": groups, "paddingInserted": 0, "blackVideoDetected": 0});
                    self.tell("COMPLETE", more).await;
                }
            }
            Err(failed) => {
                if self.inner.jobs.fail(&self.id, self.inner.now(), &failed) {
                    let more = json!({"errorCode": failed.code, "errorMessage": failed.message});
                    self.tell("ERROR", more).await;
                }
            }
        }
    }

    async fn work(&self) -> Result<Vec<outputs::GroupMade>, Failed> {
        let allowed = self.role.rsplit_once(":role/").map(|(_, path)| path);
        if allowed.is_some_and(|path| path.contains('/') && !path.starts_with("service-role/")) {
            let why = format!(
                "The role {} has a path; MediaConvert assumes roles of the paths / and \
                 /service-role/",
                self.role
            );
            return Err(Failed::new(1432, why));
        }
        if self.must_accelerate && !self.accelerated {
            let why = "Accelerated transcoding needs ZEROBASED timecode in the job and its inputs";
            return Err(Failed::new(1550, why));
        }
        let plan = Plan::read(&self.settings).map_err(|wrong| match wrong {
            Wrong::NotEmulated(path) => Failed::new(1999, format!("not emulated: {path}")),
            Wrong::Invalid(path, why) => Failed::new(1010, format!("{path}: {why}")),
        })?;
        let work = tempfile::tempdir_in(&self.inner.world.scratch)
            .map_err(|error| Failed::new(1999, format!("no work folder: {error}")))?;
        self.inner.jobs.progress(&self.id, Phase::Probing, 0);
        let input = work.path().join("input");
        files::fetch(&self.inner.world, &plan.input.file, &input).await?;
        let facts = Facts::of(&self.inner.world, &input).await.map_err(|failed| {
            let why =
                format!("Unable to open input file [{}]: [{}]", plan.input.file, failed.message);
            Failed::new(failed.code, why)
        })?;
        self.tell("INPUT_INFORMATION", facts.input_details(&plan.input.file.to_string())).await;
        let overlays = self.overlays(&plan, work.path()).await?;
        let files = Files { input: &input, overlays: &overlays, work: work.path() };
        let command = args::command(&plan, &facts, &files)?;
        for folder in &command.folders {
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(|error| Failed::new(1999, format!("no work folder: {error}")))?;
        }
        self.inner.jobs.progress(&self.id, Phase::Transcoding, 0);
        if !command.folders.is_empty() {
            transcode::run(self, &command).await?;
        }
        self.captions(&plan, &input, work.path()).await?;
        self.inner.jobs.progress(&self.id, Phase::Uploading, 95);
        let made = outputs::collect(&self.inner.world, &plan, work.path()).await?;
        for group in &made {
            for (address, path) in group.files() {
                files::store(&self.inner.world, path, address).await?;
            }
        }
        Ok(made)
    }

    async fn overlays(&self, plan: &Plan, work: &Path) -> Result<Vec<(Address, PathBuf)>, Failed> {
        let outputs = plan.groups.iter().flat_map(|group| &group.outputs);
        let images =
            outputs.filter_map(|output| output.video.as_ref()).flat_map(|video| &video.overlays);
        let images: BTreeSet<&Address> = images.map(|overlay| &overlay.image).collect();
        let mut fetched = Vec::new();
        for (number, image) in images.into_iter().enumerate() {
            let path = work.join(format!("overlay-{number}"));
            files::fetch(&self.inner.world, image, &path).await?;
            fetched.push((image.clone(), path));
        }
        Ok(fetched)
    }

    async fn captions(&self, plan: &Plan, input: &Path, work: &Path) -> Result<(), Failed> {
        for (at, group) in plan.groups.iter().enumerate() {
            for (number, output) in group.outputs.iter().enumerate() {
                let Some(captions) = output.captions.first() else { continue };
                let folder = args::folder(work, at, number);
                tokio::fs::create_dir_all(&folder)
                    .await
                    .map_err(|error| Failed::new(1999, format!("no work folder: {error}")))?;
                let mut arguments: Vec<String> =
                    vec!["-nostdin".into(), "-v".into(), "error".into()];
                let media = input.display().to_string();
                match &captions.source {
                    CaptionSource::File(address) => {
                        let source = folder.join("source");
                        files::fetch(&self.inner.world, address, &source).await?;
                        arguments.extend(["-i".into(), source.display().to_string()]);
                    }
                    CaptionSource::Embedded => {
                        let graph = format!("movie={media}[out+subcc]");
                        arguments.extend(["-f".into(), "lavfi".into(), "-i".into(), graph]);
                        arguments.extend(["-map".into(), "0:s".into()]);
                    }
                    CaptionSource::Track(track) => {
                        arguments.extend(["-i".into(), media, "-map".into()]);
                        arguments.push(format!("0:s:{}", track.saturating_sub(1)));
                    }
                }
                let file = folder.join(format!("file.{}", args::extension(output)));
                let form = if captions.srt { "srt" } else { "webvtt" };
                arguments.extend([
                    "-f".into(),
                    form.into(),
                    "-y".into(),
                    file.display().to_string(),
                ]);
                transcode::simple(&self.inner.world, &arguments).await?;
            }
        }
        Ok(())
    }

    /// Tells the event queue of the job's new status.
    pub(super) async fn tell(&self, status: &str, more: Value) {
        let Self { id, queue, user_metadata, .. } = self;
        let job = MediaConvertJob { id, queue, user_metadata };
        self.inner.events.mediaconvert(&job, status, more).await;
    }
}
