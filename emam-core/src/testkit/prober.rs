//! What every [`Prober`] must do.

use std::sync::Arc;

use async_trait::async_trait;

use super::media::near;
use super::{KnownMedia, MediaFixture, assert_kind, key};
use crate::backend::{MediaSource, Prober};
use crate::error::ErrorKind;
use crate::model::Technical;

/// Makes a module `$name` with one test per promise of
/// [`Prober`](crate::backend::Prober). `$fixture` is an expression that gives a
/// [`ProberFixture`](crate::testkit::ProberFixture).
#[macro_export]
macro_rules! prober_conformance {
    ($name:ident, $fixture:expr) => {
        $crate::conformance_cases! { $name, $fixture, prober:
            probe_tells_the_truth,
            probe_refuses_what_is_no_media,
            probe_missing,
        }
    };
}

/// Makes probers to be tested.
#[async_trait]
pub trait ProberFixture: MediaFixture {
    /// A prober that reads the media of this fixture.
    async fn fresh(&self) -> Arc<dyn Prober>;
}

/// How much a container may differ from its streams in length, in microseconds: sound comes in
/// packets, and the last one is filled up.
const PACKETS: i64 = 50_000;

fn assert_true(found: &Technical, known: &KnownMedia) {
    assert_eq!(found.kind, known.kind());
    assert_eq!(found.container.size, known.source.size);
    assert!(!found.container.format.is_empty(), "the container has a name");
    assert!(!found.prober.is_empty(), "the prober says who it is");
    let duration = found.container.duration.expect("media has a length");
    assert!(near(duration, known.duration, PACKETS), "{duration:?}, not {:?}", known.duration);

    let wanted = known.technical();
    assert_eq!(found.video.len(), wanted.video.len(), "{:?}", found.video);
    for (found, wanted) in found.video.iter().zip(&wanted.video) {
        assert_eq!(found.index, wanted.index);
        assert_eq!(found.codec, wanted.codec);
        assert_eq!((found.width, found.height), (wanted.width, wanted.height));
        assert_eq!(found.shown_size(), wanted.shown_size());
        assert_eq!(found.rate, wanted.rate, "the rate is exact");
        assert_eq!(found.frames, wanted.frames);
        assert!(!found.variable_rate, "the rate is constant");
    }
    assert_eq!(found.audio.len(), wanted.audio.len(), "{:?}", found.audio);
    for (found, wanted) in found.audio.iter().zip(&wanted.audio) {
        assert_eq!(found.index, wanted.index);
        assert_eq!(found.codec, wanted.codec);
        assert_eq!(found.channels, wanted.channels);
        assert_eq!(found.sample_rate, wanted.sample_rate);
    }
    assert!(found.picture.is_none(), "this is no still picture");
}

/// Kind, streams, exact rate and duration are those of the file.
pub async fn probe_tells_the_truth(fixture: &dyn ProberFixture) {
    let (prober, known) = (fixture.fresh().await, fixture.known().await);
    let found = prober.probe(&known.source).await.expect("known media can be probed");
    assert_true(&found, &known);
    // The name is a hint, no more.
    let nameless = MediaSource { file_name: "untitled".to_owned(), ..known.source.clone() };
    let found = prober.probe(&nameless).await.expect("media without an extension is media");
    assert_true(&found, &known);
}

/// A file that is not what it claims to be is `InvalidMedia` and names the file.
pub async fn probe_refuses_what_is_no_media(fixture: &dyn ProberFixture) {
    let (prober, bad) = (fixture.fresh().await, fixture.bad().await);
    let what = format!("probe of {}, which is no media", bad.file_name);
    let error = assert_kind(prober.probe(&bad).await, ErrorKind::InvalidMedia, &what);
    assert!(error.to_string().contains(&bad.file_name), "the file is not named: {error}");
    assert!(!error.is_retryable(), "no media stays no media: {error}");
    // It was the file and not the prober.
    let known = fixture.known().await;
    prober.probe(&known.source).await.expect("known media can be probed after that");
}

/// A file that is not there is `NotFound`.
pub async fn probe_missing(fixture: &dyn ProberFixture) {
    let (prober, known) = (fixture.fresh().await, fixture.known().await);
    for missing in ["testkit-missing.mov", "testkit/missing/take 1.mov"] {
        let source = MediaSource { key: key(missing), ..known.source.clone() };
        assert_kind(prober.probe(&source).await, ErrorKind::NotFound, "probe of a missing file");
    }
}
