//! Cuts as media files.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{AssetSource, Technical};
use crate::time::{Rate, Timecode};
use crate::timeline::conform::{Piece, Plan};

/// Told how much of a job is done, from 0 to 1.
pub type Told<'a> = &'a (dyn Fn(f64) + Send + Sync);

/// Makes media files of planned cuts, in pieces that are joined at the end. All files are of this
/// machine. Dropping a future stops the work; what it was writing is then of no use.
///
/// A rendered piece has each frame of its plan once, and the sound of these frames to the sample.
/// Joining encodes no picture again. A job done again replaces what it has left before.
#[async_trait]
pub trait Renderer: Debug + Send + Sync + 'static {
    /// Ends what a process that died has left running in a folder.
    async fn take_over(&self, folder: &Path) -> Result<()>;

    /// Renders frames of a plan: [`PieceJob::pictures`] and, where there is sound,
    /// [`PieceJob::sound`].
    async fn piece(&self, job: &PieceJob, told: Told<'_>) -> Result<()>;

    /// Copies frames that begin with a keyframe out of a file, as they are stored.
    async fn copy(&self, job: &CopyJob) -> Result<()>;

    /// Makes one file of pieces.
    async fn join(&self, job: &JoinJob, told: Told<'_>) -> Result<()>;

    /// Reads what is stored of the first picture stream, packet by packet.
    async fn inspect(&self, file: &Path) -> Result<Inspected>;
}

/// How rendered pictures and sound are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RenderFormat {
    /// H.264 of high quality and AAC, for delivery and review: `.mp4`, `.mov` or `.mkv`.
    #[default]
    H264,
    /// H.264 within 960 x 540 pixels and AAC, small: `.mp4`, `.mov` or `.mkv`.
    Proxy,
    /// ProRes 422 HQ and 24-bit PCM, for editing and mastering: `.mov` or `.mkv`.
    Mezzanine,
}

/// What is drawn into the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BurnIn {
    /// The timecode of the sequence.
    pub timecode: bool,
    /// The name of the clip that is seen.
    pub name: bool,
}

impl BurnIn {
    /// Whether anything is drawn.
    pub const fn is_any(self) -> bool {
        self.timecode || self.name
    }
}

/// What the file is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderSettings {
    /// Width in pixels; even.
    pub width: u32,
    /// Height in pixels; even.
    pub height: u32,
    /// Samples of sound a second.
    pub sample_rate: u32,
    /// How it is encoded.
    pub format: RenderFormat,
    /// What is drawn into it.
    pub burn_in: BurnIn,
}

impl RenderSettings {
    /// The first sample of a frame, counted from the start of the plan.
    pub fn sample(&self, frame: i64, rate: Rate) -> i64 {
        let num = i128::from(frame) * i128::from(self.sample_rate) * i128::from(rate.den());
        i64::try_from(num.div_euclid(i128::from(rate.num()))).unwrap_or(i64::MAX)
    }
}

/// A media file of this machine, and what is known of it.
#[derive(Debug, Clone)]
pub struct RenderMedia {
    /// Where it is.
    pub path: PathBuf,
    /// What a prober has found in it.
    pub technical: Technical,
    /// Of a stand-in: for each sound channel of the original, over all its streams, its own
    /// channel, from 0. Channels past the end are not heard.
    pub channels: Option<Vec<u32>>,
}

/// The files a plan is rendered from, by clip source.
pub type RenderSources = BTreeMap<AssetSource, RenderMedia>;

/// Frames that are to be rendered.
#[derive(Debug, Clone)]
pub struct PieceJob {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Which frames of it.
    pub piece: Piece,
    /// The files.
    pub sources: Arc<RenderSources>,
    /// What the file is to be like.
    pub settings: RenderSettings,
    /// Whether pictures are wanted.
    pub with_pictures: bool,
    /// The folder to work in.
    pub folder: PathBuf,
    /// What files are called.
    pub name: String,
}

impl PieceJob {
    /// Where the pictures go.
    pub fn pictures(&self) -> PathBuf {
        self.folder.join(format!("{}.mov", self.name))
    }

    /// Where the sound goes: stereo, interleaved, as 32-bit little-endian floats.
    pub fn sound(&self) -> PathBuf {
        self.folder.join(format!("{}.f32", self.name))
    }
}

/// Frames that are to be copied as they are stored.
#[derive(Debug, Clone)]
pub struct CopyJob {
    /// The file.
    pub input: PathBuf,
    /// When its first frame is shown, in microseconds from the first of all streams; a keyframe.
    pub start_us: i64,
    /// How many frames.
    pub frames: i64,
    /// When the last one ends, in microseconds as `start_us`: sound is copied up to there.
    pub end_us: i64,
    /// Whether sound is copied too, packet by packet.
    pub with_sound: bool,
    /// The timecode of the first frame.
    pub timecode: Option<Timecode>,
    /// The file to be written; its extension names the container.
    pub output: PathBuf,
}

/// Pieces that are to be one file.
#[derive(Debug, Clone)]
pub struct JoinJob {
    /// The folder the pieces are in.
    pub folder: PathBuf,
    /// The names of the picture files and the frames of each.
    pub pieces: Vec<(String, i64)>,
    /// Frames a second.
    pub rate: Rate,
    /// The name of the sound of all pieces, as a piece has it.
    pub sound: Option<String>,
    /// What the file is to be like.
    pub settings: RenderSettings,
    /// The timecode of the first frame.
    pub timecode: Option<Timecode>,
    /// The name of the file to be written, in the folder.
    pub output: String,
}

/// What is stored of a picture stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inspected {
    /// What tells whether the packets of two files can follow each other: codec, size, format of
    /// pixels and the settings of the decoder.
    pub kind: String,
    /// The codec.
    pub codec: String,
    /// Width in pixels as stored.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// Seconds of a tick, as a fraction.
    pub time_base: (i64, i64),
    /// When the first of all streams begins, in microseconds.
    pub start_us: i64,
    /// The timecode of the first frame.
    pub timecode: Option<String>,
    /// Samples a second of the first sound stream and its length in microseconds.
    pub sound: Option<(u32, i64)>,
    /// The packets, in the order of decoding.
    pub packets: Vec<Packet>,
}

/// A stored frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// When it is shown, in ticks.
    pub pts: i64,
    /// Its size in bytes.
    pub size: u32,
    /// Whether decoding can begin here.
    pub key: bool,
}

impl Inspected {
    /// The number of the frame that is shown at a tick, at a constant rate; nothing where it is
    /// half a frame off or more.
    fn frame_at(&self, pts: i64, first: i64, rate: Rate) -> i64 {
        let (num, den) = self.time_base;
        let over = i128::from(pts - first) * i128::from(num) * i128::from(rate.num());
        let under = i128::from(den) * i128::from(rate.den());
        i64::try_from((2 * over + under).div_euclid(2 * under.max(1))).unwrap_or(i64::MAX)
    }

    /// The frames in the order of decoding: number and whether it is a keyframe. Nothing where
    /// they are not each of the numbers from 0 once, as at a constant rate.
    pub fn frames(&self, rate: Rate) -> Option<Vec<(i64, bool)>> {
        let first = self.packets.iter().map(|packet| packet.pts).min()?;
        let mut seen = vec![false; self.packets.len()];
        let mut frames = Vec::with_capacity(self.packets.len());
        for packet in &self.packets {
            let frame = self.frame_at(packet.pts, first, rate);
            let place = usize::try_from(frame).ok().and_then(|frame| seen.get_mut(frame))?;
            if std::mem::replace(place, true) {
                return None;
            }
            frames.push((frame, packet.key));
        }
        Some(frames)
    }

    /// When a frame is shown, in microseconds from the first of all streams, rounded up: sought at
    /// that time, a keyframe is not missed.
    pub fn shown_at_us(&self, frame: i64, rate: Rate) -> Option<i64> {
        let first = self.packets.iter().map(|packet| packet.pts).min()?;
        let (num, den) = (i128::from(self.time_base.0), i128::from(self.time_base.1));
        let (rate_num, rate_den) = (i128::from(rate.num()), i128::from(rate.den()));
        // The sum of two fractions, over their common denominator.
        let time = i128::from(first) * num * rate_num + i128::from(frame) * rate_den * den;
        let under = (den * rate_num).max(1);
        let micros = -(-time * 1_000_000).div_euclid(under);
        i64::try_from(micros - i128::from(self.start_us)).ok()
    }
}
