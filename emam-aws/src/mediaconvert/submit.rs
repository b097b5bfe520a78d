//! Submitting a job, once for each token.

use std::collections::BTreeMap;

use aws_sdk_mediaconvert::operation::create_job::builders::CreateJobFluentBuilder;
use aws_sdk_mediaconvert::types::{
    AccelerationMode, AccelerationSettings, BillingTagsSource, Job, Order, StatusUpdateInterval,
};
use data_encoding::HEXLOWER;
use emam_core::backend::{ByteRange, GetOptions, JobId, Key, Storage, TranscodeJob, token};
use emam_core::{Error, ErrorKind, Result};
use jiff::{SignedDuration, Timestamp};
use md5::{Digest, Md5};

use super::MediaConvert;
use super::settings::{self, Compiled, watermark};
use super::video::Overlay;
use super::wire;
use crate::error::error;

const OPERATION: &str = "transcoder.submit";

/// The user metadata of our jobs.
pub(super) const STACK: &str = "emam-stack";
pub(super) const TOKEN: &str = "emam-token";
pub(super) const PROFILE: &str = "emam-profile";
pub(super) const CHANNELS: &str = "emam-channels";

/// The most characters of one value of user metadata.
const MAX_METADATA: usize = 256;

/// MediaConvert itself gives a token the same job for one minute; half of it is left for clocks
/// that differ.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// How much earlier than the attempt a job of it may seem to have been made.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(60);

/// How many jobs are looked through for one whose token does not tell its time, in pages of 20.
const MAX_PAGES: usize = 50;

/// Begins the id of a job of which there is nothing to make, and which MediaConvert never sees.
const NOTHING: &str = "nothing:";

/// Whether a job is one of which there was nothing to make.
pub(super) fn is_nothing(job: &JobId) -> bool {
    job.0.starts_with(NOTHING)
}

/// The template a profile names in place of outputs.
pub(super) fn named_template(profile: &str) -> Option<&str> {
    profile.strip_prefix("template:").filter(|name| !name.is_empty())
}

impl MediaConvert {
    pub(super) async fn submitted(&self, job: &TranscodeJob, token: &str) -> Result<JobId> {
        let compiled = self.compiled(job).await?;
        if !compiled.makes_something() {
            return Ok(JobId(format!("{NOTHING}{token}")));
        }
        if let Some(found) = self.find(token).await? {
            return Ok(found);
        }
        let request = self.request(job, compiled).user_metadata(TOKEN, token);
        let request = request.client_request_token(self.client_token(token));
        let answer = request.send().await.map_err(|cause| error(OPERATION, cause))?;
        let id = answer.job.and_then(|job| job.id);
        id.map(JobId).ok_or_else(|| {
            let message = "MediaConvert has taken the job and told no id";
            Error::new(ErrorKind::Unavailable, OPERATION, message)
        })
    }

    pub(super) async fn explained(&self, job: &TranscodeJob) -> Result<String> {
        let compiled = self.compiled(job).await?;
        if !compiled.makes_something() {
            return Ok("nothing: the media holds nothing this profile makes something of".into());
        }
        let mut body = wire::json(self.request(job, compiled)).await?;
        if let Some(body) = body.as_object_mut() {
            // Made up by the SDK where we give none.
            body.remove("clientRequestToken");
        }
        serde_json::to_string_pretty(&body).map_err(|cause| {
            let message = "the job cannot be printed";
            Error::new(ErrorKind::Unexpected, "transcoder.explain", message).caused_by(cause)
        })
    }

    async fn compiled(&self, job: &TranscodeJob) -> Result<Compiled> {
        if job.destination.uri(&job.prefix) != self.outputs.uri(&job.prefix) {
            let message = "this transcoder writes to the storage of renditions alone";
            return Err(
                Error::new(ErrorKind::Unsupported, OPERATION, message).with("prefix", &job.prefix)
            );
        }
        let template = self.options.job_template.as_deref();
        if let Some(name) = template.or_else(|| named_template(&job.profile.name)) {
            return self.templated(job, name).await;
        }
        let mut overlays = BTreeMap::new();
        for mark in job.profile.outputs.iter().filter_map(watermark) {
            let overlay = overlay(job.destination.as_ref(), &mark.image).await?;
            overlays.insert(mark.image.clone(), overlay);
        }
        settings::compile(job, &self.options, &overlays)
    }

    fn request(&self, job: &TranscodeJob, compiled: Compiled) -> CreateJobFluentBuilder {
        let options = &self.options;
        let acceleration = compiled
            .accelerated
            .then(|| AccelerationSettings::builder().mode(AccelerationMode::Preferred).build());
        let tags = options.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut request = self
            .client
            .create_job()
            .role(&options.role_arn)
            .set_queue(options.queue.clone())
            .set_priority(options.priority)
            .set_acceleration_settings(acceleration)
            .status_update_interval(StatusUpdateInterval::Seconds12)
            .billing_tags_source(BillingTagsSource::Job)
            .set_tags((!options.tags.is_empty()).then_some(tags))
            .user_metadata(STACK, &options.stack)
            .user_metadata(PROFILE, cut(&job.profile.name))
            .settings(compiled.settings);
        if !compiled.channels.is_empty() {
            request = request.user_metadata(CHANNELS, channels_text(&compiled.channels));
        }
        request
    }

    /// What MediaConvert is to take for the same request: of no use to another stack.
    fn client_token(&self, token: &str) -> String {
        let mut hash = Md5::new();
        hash.update(self.options.stack.as_bytes());
        hash.update([0]);
        hash.update(token.as_bytes());
        HEXLOWER.encode(&hash.finalize())
    }

    /// The job a token was submitted under, where MediaConvert itself may have forgotten.
    async fn find(&self, token: &str) -> Result<Option<JobId>> {
        let begun = token::begun_at(token);
        let age = begun.map(|begun| self.clock.now().duration_since(begun));
        if age.is_some_and(|age| age.abs() <= FRESH) {
            return Ok(None);
        }
        let oldest = begun.and_then(|begun| begun.checked_sub(CLOCKS_DIFFER).ok());
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .client
                .list_jobs()
                .set_queue(self.options.queue.clone())
                .order(Order::Descending)
                .max_results(20)
                .set_next_token(next)
                .send()
                .await
                .map_err(|cause| error(OPERATION, cause))?;
            if let Some(job) = page.jobs().iter().find(|job| self.is_of(job, token)) {
                return Ok(job.id.clone().map(JobId));
            }
            let last = page.jobs().last().and_then(made_at);
            let passed = last.zip(oldest).is_some_and(|(last, oldest)| last < oldest);
            next = page.next_token;
            if passed || next.is_none() {
                break;
            }
        }
        Ok(None)
    }

    fn is_of(&self, job: &Job, token: &str) -> bool {
        let told = |key: &str| job.user_metadata()?.get(key).map(String::as_str);
        told(TOKEN) == Some(token) && told(STACK) == Some(self.options.stack.as_str())
    }
}

fn made_at(job: &Job) -> Option<Timestamp> {
    Timestamp::from_second(job.created_at()?.secs()).ok()
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_METADATA).collect()
}

/// Channels as user metadata, as many as there is room for.
fn channels_text(channels: &[u32]) -> String {
    let mut text = String::new();
    for channel in channels {
        let more = if text.is_empty() { channel.to_string() } else { format!(",{channel}") };
        if text.len() + more.len() > MAX_METADATA {
            break;
        }
        text += &more;
    }
    text
}

/// A picture to be laid over: its address, and its size, which is in the first bytes of a PNG.
async fn overlay(storage: &dyn Storage, image: &str) -> Result<Overlay> {
    let key: Key = image.parse()?;
    let wrong = || {
        Error::invalid(OPERATION, "a watermark is a PNG in the storage of renditions")
            .with("image", &key)
    };
    let head = GetOptions { range: Some(ByteRange { start: 0, end: Some(24) }) };
    let object = storage.get(&key, head).await.map_err(|cause| match cause.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidInput => wrong().caused_by(cause),
        _ => cause,
    })?;
    let head = object.bytes().await?;
    // PNG (third edition), 5.2 and 11.2.1: signature, length and name of the header, two sides.
    if head.len() < 24 || !head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(wrong());
    }
    let side =
        |at: usize| head[at..at + 4].iter().fold(0, |side, byte| side << 8 | u32::from(*byte));
    let address = storage.uri(&key).ok_or_else(|| settings::unreachable("watermark"))?;
    Ok(Overlay { address, width: side(16), height: side(20) })
}
