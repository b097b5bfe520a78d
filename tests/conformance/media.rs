//! The prober, transcoder and analyzer of this machine, held to the contracts of
//! [`Prober`], [`Transcoder`](emam_core::backend::Transcoder) and [`Analyzer`].

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use emam_core::backend::{Analyzer, MediaSource, Prober};
use emam_core::clock::SystemClock;
use emam_core::local::{FfAnalyzer, FfProber, FfTranscoder};
use emam_core::testkit::{
    AnalyzerFixture, KnownAudio, KnownMedia, KnownVideo, MediaFixture, ProberFixture,
    TranscoderFixture, TranscoderUnderTest,
};
use emam_core::time::{MediaTime, Rate, TimeRange};
use emam_core::{analyzer_conformance, prober_conformance, transcoder_conformance};
use emam_tests::media;
use tempfile::TempDir;

/// Generated media, and room for the work on it, in a folder that goes when the test does.
struct Generated {
    dir: TempDir,
    path: PathBuf,
    truth: fn(MediaSource) -> KnownMedia,
}

impl Generated {
    fn new(make: fn(&Path) -> PathBuf, truth: fn(MediaSource) -> KnownMedia) -> Self {
        let dir = tempfile::tempdir().expect("a folder for temporary files");
        let path = make(dir.path());
        Self { dir, path, truth }
    }

    /// Four shots, one of them black and silent, at 25 frames a second.
    fn shots() -> Self {
        Self::new(media::shots, |source| {
            let rate = Rate::FPS_25;
            let dark = TimeRange::from_start_end(100, 138, rate).expect("a range");
            KnownMedia {
                video: Some(video("h264", rate, 188)),
                audio: vec![audio("aac", 48_000, 1)],
                cuts: vec![50, 100, 138],
                black: vec![dark],
                silence: vec![dark],
                // A sine of ffmpeg has an amplitude of 1/8: -18.1 dB, and 3 dB less as effective
                // value. At 1 kHz the filter of the measurement changes next to nothing.
                loudness: Some(-21.1),
                ..KnownMedia::new(source, MediaTime::new(188, rate))
            }
        })
    }

    /// A rate that no decimal number is equal to, and two mono tracks.
    fn drop_frame() -> Self {
        Self::new(media::drop_frame, |source| KnownMedia {
            video: Some(video("prores", Rate::FPS_29_97, 90)),
            audio: vec![audio("pcm_s24le", 48_000, 1), audio("pcm_s24le", 48_000, 1)],
            ..KnownMedia::new(source, MediaTime::new(90, Rate::FPS_29_97))
        })
    }

    /// Sound and nothing else.
    fn sound() -> Self {
        Self::new(media::sound, |source| KnownMedia {
            audio: vec![audio("flac", 44_100, 2)],
            ..KnownMedia::new(source, MediaTime::new(96_000, Rate::AUDIO_48K))
        })
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    async fn source(&self, path: &Path) -> MediaSource {
        media::source(&self.dir.path().join("in"), path).await
    }
}

fn video(codec: &str, rate: Rate, frames: i64) -> KnownVideo {
    KnownVideo { codec: codec.to_owned(), width: 640, height: 360, rate, frames }
}

fn audio(codec: &str, sample_rate: u32, channels: u32) -> KnownAudio {
    KnownAudio { codec: codec.to_owned(), sample_rate, channels }
}

#[async_trait]
impl MediaFixture for Generated {
    async fn known(&self) -> KnownMedia {
        (self.truth)(self.source(&self.path).await)
    }

    async fn bad(&self) -> MediaSource {
        let path = self.dir.path().join("diary.mov");
        std::fs::write(&path, "Dear diary, this is no film.\n").expect("the folder is ours");
        self.source(&path).await
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[async_trait]
impl ProberFixture for Generated {
    async fn fresh(&self) -> Arc<dyn Prober> {
        Arc::new(FfProber::new(media::tools()))
    }
}

#[async_trait]
impl TranscoderFixture for Generated {
    async fn fresh(&self) -> TranscoderUnderTest {
        let transcoder = FfTranscoder::new(media::tools(), self.work(), Arc::new(SystemClock));
        TranscoderUnderTest {
            transcoder: Arc::new(transcoder),
            destination: media::storage(&self.dir.path().join("out")).await,
        }
    }
}

#[async_trait]
impl AnalyzerFixture for Generated {
    async fn fresh(&self) -> Arc<dyn Analyzer> {
        Arc::new(FfAnalyzer::new(media::tools(), self.work(), Arc::new(SystemClock)))
    }
}

prober_conformance!(ff_prober, Generated::shots());
prober_conformance!(ff_prober_of_drop_frame, Generated::drop_frame());
prober_conformance!(ff_prober_of_sound, Generated::sound());
transcoder_conformance!(ff_transcoder, Generated::shots());
transcoder_conformance!(ff_transcoder_of_sound, Generated::sound());
analyzer_conformance!(ff_analyzer, Generated::shots());
