//! What a prober finds in a file, typed, with the prober's raw reply kept beside it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::AssetKind;
use crate::time::{MediaTime, Rate, Timecode};

/// The technical metadata of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Technical {
    /// What sort of media the file turned out to be.
    pub kind: AssetKind,
    /// The file as a whole.
    pub container: Container,
    /// Its video streams, in the order of the file. Cover pictures are not among them.
    #[serde(default)]
    pub video: Vec<VideoStream>,
    /// Its audio streams, in the order of the file.
    #[serde(default)]
    pub audio: Vec<AudioStream>,
    /// Everything else: subtitles, timecode, data, cover pictures.
    #[serde(default)]
    pub other: Vec<OtherStream>,
    /// The still picture, where the file is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// What the camera wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif: Option<Exif>,
    /// The prober and its version, for example `ffprobe 5.1.9`.
    #[serde(default)]
    pub prober: String,
    /// The prober's reply as it came.
    #[serde(default)]
    pub raw: serde_json::Value,
}

/// The file as a whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// Its short name, for example `mov`, `matroska`, `wav`, `jpeg`.
    pub format: String,
    /// Its name for people.
    #[serde(default)]
    pub long_name: String,
    /// Its media type, for example `video/quicktime`.
    #[serde(default)]
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its length in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<MediaTime>,
    /// Bits a second, all streams together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
    /// When the file says it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

/// One video stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoStream {
    /// Its index in the file, from 0, over all streams.
    pub index: u32,
    /// Its codec, for example `h264`, `prores`.
    pub codec: String,
    /// Its profile, for example `High`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Width in pixels as stored, before rotation.
    pub width: u32,
    /// Height in pixels as stored, before rotation.
    pub height: u32,
    /// The shape of one pixel.
    pub pixel_aspect: AspectRatio,
    /// Clockwise degrees the picture is to be turned for showing: 0, 90, 180 or 270.
    #[serde(default)]
    pub rotation: u16,
    /// Frames a second; the nominal rate where the rate varies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Frames a second on average over the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_rate: Option<Rate>,
    /// Whether the rate varies.
    #[serde(default)]
    pub variable_rate: bool,
    /// Its length in frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<i64>,
    /// The timecode of its first frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timecode: Option<Timecode>,
    /// Where the start timecode was found.
    #[serde(default)]
    pub timecode_source: TimecodeSource,
    /// Bits of one sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_depth: Option<u32>,
    /// Chroma subsampling: `4:4:4`, `4:2:2`, `4:2:0`, `4:1:1`, `rgb` or `gray`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroma: Option<String>,
    /// How its numbers mean colours.
    #[serde(default)]
    pub color: Color,
    /// The kind of high dynamic range, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hdr: Option<Hdr>,
    /// How its lines are ordered in time.
    #[serde(default)]
    pub field_order: FieldOrder,
    /// Whether it carries transparency.
    #[serde(default)]
    pub alpha: bool,
    /// Bits a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
}

impl VideoStream {
    /// Width and height in square pixels as shown: pixel shape and rotation applied.
    pub fn shown_size(&self) -> (u32, u32) {
        let AspectRatio { num, den } = self.pixel_aspect;
        let width = u64::from(self.width) * u64::from(num.max(1)) / u64::from(den.max(1));
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        if self.rotation % 180 == 90 { (self.height, width) } else { (width, self.height) }
    }
}

/// A ratio of two whole numbers, written `num:den`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AspectRatio {
    /// Width.
    pub num: u32,
    /// Height.
    pub den: u32,
}

impl AspectRatio {
    /// One to one.
    pub const SQUARE: Self = Self { num: 1, den: 1 };
}

/// Where a start timecode was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimecodeSource {
    /// There is none.
    #[default]
    None,
    /// A timecode track (QuickTime `tmcd`).
    TimecodeTrack,
    /// A tag of the video stream.
    VideoStream,
    /// A tag of the container, for example an MXF material package.
    Container,
}

/// How the numbers of a picture mean colours, in ffmpeg's names (those of ITU-T H.273).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Color {
    /// The primaries, for example `bt709`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primaries: Option<String>,
    /// The transfer function, for example `smpte2084`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<String>,
    /// The matrix, for example `bt2020nc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<String>,
    /// `tv` (limited) or `pc` (full).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
}

/// A kind of high dynamic range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hdr {
    /// Perceptual quantiser (SMPTE ST 2084), HDR10 included.
    Pq,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// Dolby Vision.
    DolbyVision,
}

/// How the lines of a picture are ordered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldOrder {
    /// The file does not say.
    #[default]
    Unknown,
    /// All lines at once.
    Progressive,
    /// The odd lines first.
    TopFirst,
    /// The even lines first.
    BottomFirst,
}

/// One audio stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AudioStream {
    /// Its index in the file, from 0, over all streams.
    pub index: u32,
    /// Its codec, for example `aac`, `pcm_s24le`.
    pub codec: String,
    /// Its profile, for example `LC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Samples a second.
    pub sample_rate: u32,
    /// Bits of one sample, where the codec has a fixed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// How many channels.
    pub channels: u32,
    /// The channels' places, for example `stereo`, `5.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// Its language, as the file says it (ISO 639).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Its length in samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<i64>,
    /// Bits a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
}

/// A stream that is neither video nor audio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherStream {
    /// Its index in the file, from 0, over all streams.
    pub index: u32,
    /// What it is: `subtitle`, `data`, `attachment`, `picture`.
    pub kind: String,
    /// Its codec or tag, for example `mov_text`, `tmcd`.
    pub codec: String,
    /// Its language, as the file says it (ISO 639).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A still picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    /// Width in pixels as stored, before orientation.
    pub width: u32,
    /// Height in pixels as stored, before orientation.
    pub height: u32,
    /// Bits of one sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_depth: Option<u32>,
    /// Whether it carries transparency.
    #[serde(default)]
    pub alpha: bool,
    /// EXIF orientation, from 1 (upright) to 8.
    pub orientation: u8,
}

impl Picture {
    /// Width and height as shown: orientation applied.
    pub fn shown_size(&self) -> (u32, u32) {
        if self.orientation >= 5 { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// What the camera wrote (EXIF 2.32).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Exif {
    /// Who made the camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Which camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which lens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// When it was taken, as the camera's clock said: RFC 3339, without offset where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<String>,
    /// Degrees north of the equator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees east of Greenwich.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Metres above sea level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude: Option<f64>,
    /// Orientation, from 1 (upright) to 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u8>,
}
