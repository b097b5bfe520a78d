//! What every [`Transcoder`] must do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::media::ended;
use super::{MediaFixture, assert_kind, key};
use crate::backend::{
    GetOptions, JobId, JobStatus, OutputFile, Outputs, Stat, Storage, TranscodeJob, Transcoder,
};
use crate::error::ErrorKind;
use crate::model::{AnnotationKind, AssetKind, PageRequest, Profile, Role};

/// Makes a module `$name` with one test per promise of
/// [`Transcoder`](crate::backend::Transcoder). `$fixture` is an expression that gives a
/// [`TranscoderFixture`](crate::testkit::TranscoderFixture).
#[macro_export]
macro_rules! transcoder_conformance {
    ($name:ident, $fixture:expr) => {
        $crate::conformance_cases! { $name, $fixture, transcoder:
            submit_is_idempotent,
            poll_unknown,
            outputs_are_stored,
            cancel_is_final,
            bad_media_fails_the_job,
        }
    };
}

/// Makes transcoders to be tested.
#[async_trait]
pub trait TranscoderFixture: MediaFixture {
    /// A transcoder that knows no job, and a storage that holds nothing.
    async fn fresh(&self) -> TranscoderUnderTest;
}

/// A transcoder with a place for what it makes.
#[derive(Debug)]
pub struct TranscoderUnderTest {
    /// The transcoder. It reads the media of the fixture.
    pub transcoder: Arc<dyn Transcoder>,
    /// The storage the outputs go to.
    pub destination: Arc<dyn Storage>,
}

/// How often a job is begun that is to be cancelled while it runs.
const ATTEMPTS: usize = 5;

impl TranscoderUnderTest {
    /// All that this transcoder can make of the known media for browsing.
    async fn job(&self, fixture: &dyn TranscoderFixture, prefix: &str) -> TranscodeJob {
        let (known, can) = (fixture.known().await, self.transcoder.capabilities());
        let mut profile = Profile::browse();
        profile.outputs.retain(|output| can.roles.contains(&output.role()));
        profile.findings.retain(|kind| can.findings.contains(kind));
        assert!(!profile.outputs.is_empty(), "of {:?} nothing is for browsing", can.roles);
        TranscodeJob {
            technical: known.technical(),
            source: known.source,
            profile,
            destination: Arc::clone(&self.destination),
            prefix: key(prefix),
        }
    }

    async fn submit(&self, job: &TranscodeJob, token: &str) -> JobId {
        self.transcoder.submit(job, token).await.expect("submit")
    }

    async fn ended(&self, fixture: &dyn TranscoderFixture, id: &JobId) -> JobStatus {
        let every = self.transcoder.capabilities().poll_interval_ms;
        ended(fixture, every, async || {
            let status = self.transcoder.poll(id).await?;
            if let JobStatus::Running { ready, .. } = &status {
                for file in ready {
                    self.assert_stored(file).await;
                }
            }
            Ok(status)
        })
        .await
    }

    async fn succeeded(&self, fixture: &dyn TranscoderFixture, id: &JobId) -> Outputs {
        let end = self.ended(fixture, id).await;
        assert!(matches!(end, JobStatus::Succeeded), "known media ends in {end:?}");
        self.transcoder.outputs(id).await.expect("a succeeded job has outputs")
    }

    async fn assert_stored(&self, file: &OutputFile) {
        let stat = self.destination.stat(&file.key).await;
        let stat =
            stat.unwrap_or_else(|error| panic!("{} is told and not there: {error}", file.key));
        assert_eq!(stat.size, file.size, "{}", file.key);
    }

    async fn stored(&self) -> Vec<Stat> {
        let page = PageRequest::first(1_000);
        self.destination.list(None, page).await.expect("the destination can be listed").items
    }

    /// Waits long enough for work that goes on to show.
    async fn linger(&self, fixture: &dyn TranscoderFixture) {
        let every = self.transcoder.capabilities().poll_interval_ms;
        fixture.wait(Duration::from_millis(every.saturating_mul(4))).await;
    }
}

/// What `job` is to give: what it asks for, where the media has it.
fn wanted(job: &TranscodeJob) -> BTreeSet<Role> {
    let moving = job.technical.kind == AssetKind::Video;
    let sounding = !job.technical.audio.is_empty();
    let has = |role: &Role| match role {
        Role::Waveform => sounding,
        Role::AudioProxy => sounding && !moving,
        _ => moving,
    };
    job.profile.outputs.iter().map(|output| output.role()).filter(has).collect()
}

/// What the media has of what is to be found.
fn searchable(job: &TranscodeJob) -> BTreeSet<AnnotationKind> {
    let has = |kind: &AnnotationKind| match kind {
        AnnotationKind::Shot | AnnotationKind::Black => !job.technical.video.is_empty(),
        AnnotationKind::Silence | AnnotationKind::Loudness => !job.technical.audio.is_empty(),
        _ => true,
    };
    job.profile.findings.iter().copied().filter(has).collect()
}

/// Whether the first bytes of a file are those of its media type, for the types that tell.
fn looks_like(media_type: &str, head: &[u8]) -> bool {
    match media_type {
        "image/jpeg" => head.starts_with(&[0xff, 0xd8, 0xff]),
        "image/png" => head.starts_with(b"\x89PNG"),
        "video/mp4" | "audio/mp4" => head.get(4..8) == Some(b"ftyp".as_slice()),
        "text/vtt" => head.starts_with(b"WEBVTT") || head.starts_with(b"\xef\xbb\xbfWEBVTT"),
        _ => true,
    }
}

/// A second `submit` with the same token gives the same job.
pub async fn submit_is_idempotent(fixture: &dyn TranscoderFixture) {
    let under_test = fixture.fresh().await;
    let job = under_test.job(fixture, "a/first").await;
    let at_once = join_all((0..4).map(|_| under_test.submit(&job, "token"))).await;
    let id = at_once[0].clone();
    assert!(at_once.iter().all(|other| *other == id), "one token, several jobs: {at_once:?}");
    assert_eq!(under_test.submit(&job, "token").await, id, "while it runs");

    let second = under_test.job(fixture, "a/second").await;
    let other = under_test.submit(&second, "another token").await;
    assert_ne!(other, id, "another token is another job");

    let outputs = under_test.succeeded(fixture, &id).await;
    let others = under_test.succeeded(fixture, &other).await;
    let stored = under_test.stored().await;
    assert_eq!(under_test.submit(&job, "token").await, id, "after its end");
    under_test.linger(fixture).await;
    let again = under_test.succeeded(fixture, &id).await;
    assert_eq!(again.files, outputs.files, "an ended job has begun again");
    assert_eq!(under_test.stored().await, stored, "an ended job has begun again");
    for (file, prefix) in outputs
        .files
        .iter()
        .map(|file| (file, "a/first/"))
        .chain(others.files.iter().map(|file| (file, "a/second/")))
    {
        assert!(file.key.as_str().starts_with(prefix), "{} is not under {prefix}", file.key);
    }
}

/// A job never submitted here is `NotFound`.
pub async fn poll_unknown(fixture: &dyn TranscoderFixture) {
    let under_test = fixture.fresh().await;
    let unknown = JobId("never-submitted".to_owned());
    let poll = under_test.transcoder.poll(&unknown).await;
    assert_kind(poll, ErrorKind::NotFound, "poll of an unknown job");
    let outputs = under_test.transcoder.outputs(&unknown).await;
    assert_kind(outputs, ErrorKind::NotFound, "outputs of an unknown job");
    // Knowing one job makes no other known.
    let job = under_test.job(fixture, "a/b").await;
    let id = under_test.submit(&job, "token").await;
    let poll = under_test.transcoder.poll(&unknown).await;
    assert_kind(poll, ErrorKind::NotFound, "poll of an unknown job beside a known one");
    under_test.transcoder.cancel(&id).await.expect("cancel");
}

/// The outputs of a succeeded job are in the destination, each with the size told.
pub async fn outputs_are_stored(fixture: &dyn TranscoderFixture) {
    let under_test = fixture.fresh().await;
    let job = under_test.job(fixture, "asset 1/v1").await;
    let explained = under_test.transcoder.explain(&job).await.expect("a job can be explained");
    assert!(!explained.trim().is_empty(), "the explanation is empty");
    assert_eq!(under_test.stored().await, [], "explaining begins nothing");

    let id = under_test.submit(&job, "token").await;
    let outputs = under_test.succeeded(fixture, &id).await;
    for file in &outputs.files {
        under_test.assert_stored(file).await;
        assert!(file.key.as_str().starts_with("asset 1/v1/"), "{} is elsewhere", file.key);
        let object = under_test.destination.get(&file.key, GetOptions::default()).await;
        let bytes = object.expect("an output can be read").bytes().await.expect("its bytes");
        assert!(!bytes.is_empty(), "{} is empty", file.key);
        assert!(bytes.len() as u64 == file.size, "{}: {} bytes", file.key, bytes.len());
        assert!(looks_like(&file.media_type, &bytes), "{} is no {}", file.key, file.media_type);
    }
    let roles: BTreeSet<Role> = outputs.files.iter().map(|file| file.role).collect();
    assert_eq!(roles, wanted(&job), "what was asked for is made, and nothing else");
    for role in roles {
        let of_role = outputs.files.iter().filter(|file| file.role == role);
        let parts: BTreeSet<u32> = of_role.clone().map(|file| file.part).collect();
        let counted: BTreeSet<u32> = (0..).take(of_role.count()).collect();
        assert_eq!(parts, counted, "the parts of a {} count from 0", role.as_str());
    }
    let keys: BTreeSet<_> = outputs.files.iter().map(|file| &file.key).collect();
    assert_eq!(keys.len(), outputs.files.len(), "two outputs have one key");

    let searched: BTreeSet<AnnotationKind> = outputs.searched.iter().copied().collect();
    assert_eq!(searched, searchable(&job), "what was to be found is looked for");
    assert!(outputs.findings.iter().all(|found| searched.contains(&found.kind)));
    let made = outputs.derivation.expect("it is told how they were made");
    assert_eq!(made.profile, job.profile.name);
    assert!(!made.tool.is_empty(), "it is told by what they were made");
}

/// A cancelled job stays `Cancelled` and leaves nothing running; cancelling a finished or unknown
/// job succeeds.
pub async fn cancel_is_final(fixture: &dyn TranscoderFixture) {
    let under_test = fixture.fresh().await;
    let transcoder = &under_test.transcoder;
    let mut cancelled = None;
    for attempt in 0..ATTEMPTS {
        let job = under_test.job(fixture, &format!("cancelled/{attempt}")).await;
        let token = format!("cancelled-{attempt}");
        let id = under_test.submit(&job, &token).await;
        transcoder.cancel(&id).await.expect("cancel");
        match under_test.ended(fixture, &id).await {
            JobStatus::Cancelled => {
                cancelled = Some((id, job, token));
                break;
            }
            // It was done before it could be stopped.
            JobStatus::Succeeded => {}
            end => panic!("a cancelled job ends in {end:?}"),
        }
    }
    let Some((id, job, token)) = cancelled else {
        panic!("{ATTEMPTS} jobs were done before they could be cancelled; give longer media");
    };
    let stored = under_test.stored().await;
    for _ in 0..3 {
        under_test.linger(fixture).await;
        let status = transcoder.poll(&id).await.expect("a cancelled job is known");
        assert!(matches!(status, JobStatus::Cancelled), "a cancelled job is {status:?}");
        assert_eq!(under_test.stored().await, stored, "a cancelled job goes on storing");
        transcoder.cancel(&id).await.expect("cancel again");
        assert_eq!(under_test.submit(&job, &token).await, id, "the token names the attempt");
    }
    let outputs = transcoder.outputs(&id).await;
    assert!(outputs.is_err(), "a cancelled job has outputs: {outputs:?}");

    let finished = under_test.job(fixture, "finished").await;
    let finished = under_test.submit(&finished, "finished").await;
    let before = under_test.succeeded(fixture, &finished).await;
    transcoder.cancel(&finished).await.expect("cancel of a finished job");
    let after = under_test.succeeded(fixture, &finished).await;
    assert_eq!(after.files, before.files, "cancelling a finished job has changed it");
    let unknown = JobId("never-submitted".to_owned());
    transcoder.cancel(&unknown).await.expect("cancel of an unknown job");
}

/// Media that cannot be decoded ends in `Failed` with `InvalidMedia`.
pub async fn bad_media_fails_the_job(fixture: &dyn TranscoderFixture) {
    let under_test = fixture.fresh().await;
    let mut job = under_test.job(fixture, "bad").await;
    job.source = fixture.bad().await;
    let id = under_test.submit(&job, "token").await;
    let JobStatus::Failed(error) = under_test.ended(fixture, &id).await else {
        panic!("no media was transcoded");
    };
    assert_eq!(error.kind, ErrorKind::InvalidMedia, "{error:?}");
    assert!(!error.retryable, "no media stays no media: {error:?}");
    let outputs = under_test.transcoder.outputs(&id).await;
    assert!(outputs.is_err(), "a failed job has outputs: {outputs:?}");
    // It was the media and not the transcoder.
    let good = under_test.job(fixture, "good").await;
    let good = under_test.submit(&good, "another").await;
    under_test.succeeded(fixture, &good).await;
}
