//! Media of which the truth is known, and jobs driven to their end.

use std::time::Duration;

use async_trait::async_trait;

use crate::backend::{JobStatus, MediaSource};
use crate::error::Result;
use crate::model::{
    AnnotationKind, AspectRatio, AssetKind, AudioStream, Color, Container, FieldOrder, Technical,
    TimecodeSource, VideoStream,
};
use crate::time::{MediaTime, Rate, TimeRange};

/// How long a job may take before a suite gives it up, in milliseconds of [`MediaFixture::wait`].
const MOST_WAITED_MS: u64 = 10 * 60 * 1_000;

/// Gives the media that the suites of probers, transcoders and analyzers work on.
///
/// A few seconds of video with sound, cuts, black and silence ask most of a backend. The media may
/// lie in any storage the backend can read.
#[async_trait]
pub trait MediaFixture: Send + Sync {
    /// Media and the truth about it; the same each time.
    async fn known(&self) -> KnownMedia;

    /// A file whose name claims that it is video and whose bytes are no media at all.
    async fn bad(&self) -> MediaSource;

    /// Lets `time` pass, as backends see it: by sleeping, or by moving the clock of an emulated
    /// service.
    async fn wait(&self, time: Duration);
}

/// Media and the truth about it, known otherwise than from the backend that is tested.
#[derive(Debug, Clone)]
pub struct KnownMedia {
    /// The media. Its storage holds nothing else whose key begins with `testkit`.
    pub source: MediaSource,
    /// Its length: that of its longest stream.
    pub duration: MediaTime,
    /// Its only video stream, which comes first in the file; absent for mere sound.
    pub video: Option<KnownVideo>,
    /// Its audio streams, in the order of the file.
    pub audio: Vec<KnownAudio>,
    /// The frames that another shot begins with, but for the first; in order.
    pub cuts: Vec<i64>,
    /// The ranges that are black, each of a second or more; in order.
    pub black: Vec<TimeRange>,
    /// The ranges without sound, each of a second or more; in order.
    pub silence: Vec<TimeRange>,
    /// Its integrated loudness in LUFS (EBU R 128), where that is known.
    pub loudness: Option<f64>,
    /// What else is seen or heard, as kind and word: a label, a name, a word that is said.
    pub words: Vec<(AnnotationKind, String)>,
}

/// A video stream of a constant rate, with square pixels, upright and without fields.
#[derive(Debug, Clone)]
pub struct KnownVideo {
    /// Its codec, for example `h264`.
    pub codec: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second.
    pub rate: Rate,
    /// Its length in frames.
    pub frames: i64,
}

/// An audio stream.
#[derive(Debug, Clone)]
pub struct KnownAudio {
    /// Its codec, for example `aac`.
    pub codec: String,
    /// Samples a second.
    pub sample_rate: u32,
    /// How many channels.
    pub channels: u32,
}

impl KnownMedia {
    /// Media of which nothing else is known than where it is and how long it lasts.
    pub fn new(source: MediaSource, duration: MediaTime) -> Self {
        Self {
            source,
            duration,
            video: None,
            audio: Vec::new(),
            cuts: Vec::new(),
            black: Vec::new(),
            silence: Vec::new(),
            loudness: None,
            words: Vec::new(),
        }
    }

    pub(super) fn kind(&self) -> AssetKind {
        if self.video.is_some() { AssetKind::Video } else { AssetKind::Audio }
    }

    /// What a prober would say that knows what is known and no more.
    pub(super) fn technical(&self) -> Technical {
        let video: Vec<VideoStream> = self.video.iter().map(KnownVideo::stream).collect();
        let audio = (0_u32..).zip(&self.audio).map(|(number, audio)| AudioStream {
            index: number + u32::from(self.video.is_some()),
            codec: audio.codec.clone(),
            profile: None,
            sample_rate: audio.sample_rate,
            bits: None,
            channels: audio.channels,
            layout: None,
            language: None,
            samples: None,
            bit_rate: None,
        });
        Technical {
            kind: self.kind(),
            container: Container {
                size: self.source.size,
                duration: Some(self.duration),
                ..Container::default()
            },
            audio: audio.collect(),
            video,
            other: Vec::new(),
            picture: None,
            exif: None,
            prober: "testkit".to_owned(),
            raw: serde_json::Value::Null,
        }
    }
}

impl KnownVideo {
    fn stream(&self) -> VideoStream {
        VideoStream {
            index: 0,
            codec: self.codec.clone(),
            profile: None,
            width: self.width,
            height: self.height,
            pixel_aspect: AspectRatio::SQUARE,
            rotation: 0,
            rate: Some(self.rate),
            average_rate: Some(self.rate),
            variable_rate: false,
            frames: Some(self.frames),
            start_timecode: None,
            timecode_source: TimecodeSource::None,
            bit_depth: None,
            chroma: None,
            color: Color::default(),
            hdr: None,
            field_order: FieldOrder::Progressive,
            alpha: false,
            bit_rate: None,
        }
    }
}

/// Whether two times differ by at most `micros` microseconds.
pub(super) fn near(one: MediaTime, other: MediaTime, micros: i64) -> bool {
    let micros_of = |time: MediaTime| time.to_micros().expect("times of the suite are short");
    micros_of(one).abs_diff(micros_of(other)) <= micros.unsigned_abs()
}

/// Polls a job until it has ended, as often as its backend says, and gives its end.
pub(super) async fn ended<F: MediaFixture + ?Sized>(
    fixture: &F,
    poll_interval_ms: u64,
    poll: impl AsyncFn() -> Result<JobStatus>,
) -> JobStatus {
    assert!(poll_interval_ms > 0, "nobody can poll every 0 ms");
    for _ in 0..=MOST_WAITED_MS.div_ceil(poll_interval_ms) {
        match poll().await.expect("a job that was submitted can be polled") {
            JobStatus::Running { fraction, .. } => {
                assert!((0.0..=1.0).contains(&fraction), "{fraction} of the job is done");
                fixture.wait(Duration::from_millis(poll_interval_ms)).await;
            }
            end => return end,
        }
    }
    panic!("the job has not ended after {MOST_WAITED_MS} ms");
}
