//! What every [`Analyzer`] must do.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::media::{ended, near};
use super::{KnownMedia, MediaFixture, assert_kind, key};
use crate::backend::{AnalysisRequest, Analyzer, JobId, JobStatus};
use crate::error::ErrorKind;
use crate::model::{AnnotationKind, NewAnnotation, Source};
use crate::time::{MediaTime, Rate, TimeRange};

/// Makes a module `$name` with one test per promise of
/// [`Analyzer`](crate::backend::Analyzer). `$fixture` is an expression that gives an
/// [`AnalyzerFixture`](crate::testkit::AnalyzerFixture).
#[macro_export]
macro_rules! analyzer_conformance {
    ($name:ident, $fixture:expr) => {
        $crate::conformance_cases! { $name, $fixture, analyzer:
            analyze_finds_what_is_there,
            analyze_submit_is_idempotent,
            analyze_poll_unknown,
            analyze_unsupported_kind,
        }
    };
}

/// Makes analyzers to be tested.
#[async_trait]
pub trait AnalyzerFixture: MediaFixture {
    /// An analyzer that knows no job and reads the media of this fixture.
    async fn fresh(&self) -> Arc<dyn Analyzer>;
}

const ALL_KINDS: [AnnotationKind; 12] = [
    AnnotationKind::Marker,
    AnnotationKind::Subclip,
    AnnotationKind::Comment,
    AnnotationKind::Label,
    AnnotationKind::Face,
    AnnotationKind::Text,
    AnnotationKind::Moderation,
    AnnotationKind::Shot,
    AnnotationKind::Speech,
    AnnotationKind::Black,
    AnnotationKind::Silence,
    AnnotationKind::Loudness,
];

/// How far off the bounds of silence may be, in microseconds: codecs ring, and windows are wide.
const SOUND_TOLERANCE: i64 = 100_000;

/// How far off a loudness may be, in LU.
const LOUDNESS_TOLERANCE: f64 = 1.0;

fn request(known: &KnownMedia, kinds: &[AnnotationKind]) -> AnalysisRequest {
    AnalysisRequest {
        source: known.source.clone(),
        technical: known.technical(),
        kinds: kinds.to_vec(),
        destination: Arc::clone(&known.source.storage),
        prefix: key("testkit/findings"),
    }
}

async fn submit(analyzer: &dyn Analyzer, request: &AnalysisRequest, token: &str) -> JobId {
    analyzer.submit(request, token).await.expect("submit")
}

/// What the job has found once it has succeeded.
async fn found(
    fixture: &dyn AnalyzerFixture,
    analyzer: &dyn Analyzer,
    id: &JobId,
) -> Vec<NewAnnotation> {
    let every = analyzer.capabilities().poll_interval_ms;
    let end = ended(fixture, every, async || analyzer.poll(id).await).await;
    assert!(matches!(end, JobStatus::Succeeded), "known media ends in {end:?}");
    analyzer.findings(id).await.expect("a succeeded job has findings").annotations
}

/// What holds for every finding, whatever it is.
fn assert_sound(found: &[NewAnnotation], asked: &[AnnotationKind], known: &KnownMedia, by: &str) {
    let whole = match &known.video {
        Some(video) => TimeRange::new(0, video.frames, video.rate),
        None => TimeRange::new(0, known.duration.value(), known.duration.rate()),
    };
    let whole = whole.expect("the length of known media");
    for one in found {
        assert!(asked.contains(&one.kind), "nobody asked for it: {one:?}");
        let Source::Service { name, run: None, .. } = &one.source else {
            panic!("a finding is said by a service, and the engine adds the run: {one:?}");
        };
        assert_eq!(name, by, "{one:?}");
        if let Some(range) = &one.range {
            assert!(whole.contains_range(range), "{range} is outside of {whole}: {one:?}");
        }
        if let Some(confidence) = one.confidence {
            assert!((0.0..=1.0).contains(&confidence), "{one:?}");
        }
    }
}

fn assert_ranges(found: &[&NewAnnotation], wanted: &[TimeRange], tolerance: i64) {
    let mut ranges: Vec<TimeRange> =
        found.iter().map(|one| one.range.expect("it has its time")).collect();
    ranges.sort_by(|one, other| one.start_time().cmp_time(&other.start_time()));
    let close = |(one, other): (&TimeRange, &TimeRange)| {
        near(one.start_time(), other.start_time(), tolerance)
            && near(one.end_time(), other.end_time(), tolerance)
    };
    let all = ranges.len() == wanted.len() && ranges.iter().zip(wanted).all(close);
    assert!(all, "found {ranges:?}, and there is {wanted:?}");
}

/// A frame in microseconds, and a little for rounding: a cut between two frames is of either.
fn one_frame(rate: Rate) -> i64 {
    MediaTime::new(1, rate).to_micros().expect("a frame is short") + 1
}

/// Checks the findings of one kind; tells whether the media has any of it.
fn assert_there(kind: AnnotationKind, found: &[NewAnnotation], known: &KnownMedia) -> bool {
    let found: Vec<&NewAnnotation> = found.iter().filter(|one| one.kind == kind).collect();
    match (kind, &known.video) {
        (AnnotationKind::Shot, Some(video)) => {
            let mut bounds = vec![0];
            bounds.extend(&known.cuts);
            bounds.push(video.frames);
            let shots: Vec<TimeRange> = bounds
                .windows(2)
                .map(|two| TimeRange::from_start_end(two[0], two[1], video.rate))
                .collect::<Result<_, _>>()
                .expect("cuts are in order and inside");
            assert_ranges(&found, &shots, one_frame(video.rate));
            true
        }
        (AnnotationKind::Black, Some(video)) => {
            assert_ranges(&found, &known.black, one_frame(video.rate));
            !known.black.is_empty()
        }
        (AnnotationKind::Silence, _) if !known.audio.is_empty() => {
            assert_ranges(&found, &known.silence, SOUND_TOLERANCE);
            !known.silence.is_empty()
        }
        (AnnotationKind::Loudness, _) => {
            let Some(wanted) = known.loudness else { return false };
            let [one] = found[..] else { panic!("one loudness is wanted: {found:?}") };
            let told = one.data["integrated_lufs"].as_f64();
            let near = told.is_some_and(|told| (told - wanted).abs() <= LOUDNESS_TOLERANCE);
            assert!(near, "{told:?} LUFS, and it is {wanted}");
            assert_eq!(one.range, None, "loudness is that of the whole");
            true
        }
        _ => {
            let words = known.words.iter().filter(|(of, _)| *of == kind);
            let words: Vec<String> = words.map(|(_, word)| word.to_lowercase()).collect();
            for word in &words {
                let says = |one: &&NewAnnotation| {
                    one.name.to_lowercase().contains(word) || one.text.to_lowercase().contains(word)
                };
                assert!(found.iter().any(says), "{word:?} is not in {found:?}");
            }
            !words.is_empty()
        }
    }
}

/// The findings of known media are the known ones.
pub async fn analyze_finds_what_is_there(fixture: &dyn AnalyzerFixture) {
    let (analyzer, known) = (fixture.fresh().await, fixture.known().await);
    let can = analyzer.capabilities();
    let id = submit(&*analyzer, &request(&known, &can.kinds), "all").await;
    let all = found(fixture, &*analyzer, &id).await;
    assert_sound(&all, &can.kinds, &known, &can.service);
    let there: Vec<AnnotationKind> =
        can.kinds.iter().copied().filter(|kind| assert_there(*kind, &all, &known)).collect();
    assert!(!there.is_empty(), "the known media has nothing of {:?}", can.kinds);

    // One kind alone is found as well as among others, and brings no other.
    for kind in there {
        let token = format!("only-{}", kind.as_str());
        let id = submit(&*analyzer, &request(&known, &[kind]), &token).await;
        let only = found(fixture, &*analyzer, &id).await;
        assert_sound(&only, &[kind], &known, &can.service);
        assert!(assert_there(kind, &only, &known));
    }
}

/// A second `submit` with the same token gives the same job.
pub async fn analyze_submit_is_idempotent(fixture: &dyn AnalyzerFixture) {
    let (analyzer, known) = (fixture.fresh().await, fixture.known().await);
    let request = request(&known, &analyzer.capabilities().kinds);
    let at_once = join_all((0..4).map(|_| submit(&*analyzer, &request, "token"))).await;
    let id = at_once[0].clone();
    assert!(at_once.iter().all(|other| *other == id), "one token, several jobs: {at_once:?}");
    let other = submit(&*analyzer, &request, "another token").await;
    assert_ne!(other, id, "another token is another job");

    let before = found(fixture, &*analyzer, &id).await;
    assert_eq!(submit(&*analyzer, &request, "token").await, id, "after its end");
    let status = analyzer.poll(&id).await.expect("an ended job is known");
    assert!(matches!(status, JobStatus::Succeeded), "an ended job has begun again: {status:?}");
    assert_eq!(found(fixture, &*analyzer, &id).await, before);
    analyzer.cancel(&other).await.expect("cancel");
}

/// A job never submitted here is `NotFound`.
pub async fn analyze_poll_unknown(fixture: &dyn AnalyzerFixture) {
    let (analyzer, known) = (fixture.fresh().await, fixture.known().await);
    let unknown = JobId("never-submitted".to_owned());
    let poll = analyzer.poll(&unknown).await;
    assert_kind(poll, ErrorKind::NotFound, "poll of an unknown job");
    let findings = analyzer.findings(&unknown).await;
    assert_kind(findings, ErrorKind::NotFound, "findings of an unknown job");
    // Knowing one job makes no other known.
    let request = request(&known, &analyzer.capabilities().kinds);
    let id = submit(&*analyzer, &request, "token").await;
    let poll = analyzer.poll(&unknown).await;
    assert_kind(poll, ErrorKind::NotFound, "poll of an unknown job beside a known one");
    analyzer.cancel(&id).await.expect("cancel");
}

/// A kind not in the capabilities is `Unsupported`.
pub async fn analyze_unsupported_kind(fixture: &dyn AnalyzerFixture) {
    let (analyzer, known) = (fixture.fresh().await, fixture.known().await);
    let can = analyzer.capabilities().kinds;
    assert!(!can.is_empty(), "an analyzer that finds nothing");
    let cannot: Vec<_> = ALL_KINDS.into_iter().filter(|kind| !can.contains(kind)).collect();
    // What people say is found by nobody.
    assert!(cannot.contains(&AnnotationKind::Comment), "{can:?}");
    for kind in cannot {
        for kinds in [vec![kind], vec![can[0], kind]] {
            let token = format!("{}-{}", kind.as_str(), kinds.len());
            let submitted = analyzer.submit(&request(&known, &kinds), &token).await;
            let what = format!("submit of {kinds:?}");
            let error = assert_kind(submitted, ErrorKind::Unsupported, &what);
            assert!(!error.is_retryable(), "it will not learn: {error}");
        }
    }
}
