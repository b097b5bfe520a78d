//! Profile: what is to be made of media, without saying by which tool.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{AnnotationKind, Role};

/// What is to be made of media. One record is compiled to an ffmpeg command or to the settings of
/// a service; both can be printed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What is to be made, where the media has it: no proxy of a sound, no waveform of a picture.
    pub outputs: Vec<OutputSpec>,
    /// What is to be found in the same pass.
    #[serde(default)]
    pub findings: Vec<AnnotationKind>,
}

impl Profile {
    /// What an ingest makes unless told otherwise: everything that browsing, searching and cutting
    /// need.
    pub fn browse() -> Self {
        Self {
            name: "browse".to_owned(),
            outputs: vec![
                OutputSpec::Proxy(ProxySpec::default()),
                OutputSpec::AudioProxy(AudioProxySpec::default()),
                OutputSpec::Poster(PosterSpec::default()),
                OutputSpec::Thumbnail(ThumbnailSpec::default()),
                OutputSpec::Storyboard(StoryboardSpec::default()),
                OutputSpec::Waveform(WaveformSpec::default()),
            ],
            findings: vec![
                AnnotationKind::Shot,
                AnnotationKind::Black,
                AnnotationKind::Silence,
                AnnotationKind::Loudness,
            ],
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::browse()
    }
}

/// One thing to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum OutputSpec {
    /// A small copy for playing; of a still picture, a small picture.
    Proxy(ProxySpec),
    /// A small copy of the sound; made of media without moving pictures unless told otherwise.
    AudioProxy(AudioProxySpec),
    /// The picture that stands for the asset.
    Poster(PosterSpec),
    /// Small pictures at even intervals.
    Thumbnail(ThumbnailSpec),
    /// The thumbnails on one sheet, with a WebVTT index.
    Storyboard(StoryboardSpec),
    /// The peaks of the sound.
    Waveform(WaveformSpec),
    /// A high-quality copy for further work.
    Mezzanine(MezzanineSpec),
    /// For adaptive streaming over HTTP.
    Hls(HlsSpec),
    /// The captions that are in the media, as a file of their own.
    Captions(CaptionsSpec),
}

impl OutputSpec {
    /// What it is for.
    pub const fn role(&self) -> Role {
        match self {
            Self::Proxy(_) => Role::Proxy,
            Self::AudioProxy(_) => Role::AudioProxy,
            Self::Poster(_) => Role::Poster,
            Self::Thumbnail(_) => Role::Thumbnail,
            Self::Storyboard(_) => Role::Storyboard,
            Self::Waveform(_) => Role::Waveform,
            Self::Mezzanine(_) => Role::Mezzanine,
            Self::Hls(_) => Role::Hls,
            Self::Captions(_) => Role::Captions,
        }
    }
}

/// A small copy for playing: H.264 and AAC in MP4 with fast start, closed groups of pictures, the
/// rate and start timecode of the original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProxySpec {
    /// Widest, in pixels. The picture keeps its shape and is never enlarged.
    pub max_width: u32,
    /// Highest, in pixels.
    pub max_height: u32,
    /// Constant rate factor of x264: 0 is lossless, 51 is worst.
    pub crf: u32,
    /// Preset of x264.
    pub preset: String,
    /// Bits a second of the sound, per pair of channels.
    pub audio_bit_rate: u32,
    /// A picture laid over every frame.
    pub watermark: Option<Watermark>,
}

impl Default for ProxySpec {
    fn default() -> Self {
        Self {
            max_width: 960,
            max_height: 540,
            crf: 23,
            preset: "veryfast".to_owned(),
            audio_bit_rate: 128_000,
            watermark: None,
        }
    }
}

/// A picture laid over every frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watermark {
    /// The key of a PNG in the storage the outputs go to.
    pub image: String,
    /// Which corner it is in.
    #[serde(default)]
    pub corner: Corner,
    /// How much of it is seen, in per cent: 100 hides what is behind it.
    #[serde(default = "half")]
    pub opacity: u32,
    /// Its width, in per cent of the picture's.
    #[serde(default = "a_tenth")]
    pub width: u32,
}

fn half() -> u32 {
    50
}

fn a_tenth() -> u32 {
    10
}

/// A corner of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Corner {
    /// Upper left.
    TopLeft,
    /// Upper right.
    #[default]
    TopRight,
    /// Lower left.
    BottomLeft,
    /// Lower right.
    BottomRight,
}

/// A small copy of the sound: AAC in MP4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AudioProxySpec {
    /// Bits a second, per pair of channels.
    pub bit_rate: u32,
    /// Made of moving pictures with sound too, for services that only listen.
    pub of_video: bool,
}

impl Default for AudioProxySpec {
    fn default() -> Self {
        Self { bit_rate: 128_000, of_video: false }
    }
}

/// A high-quality copy for further work: ProRes 422 and PCM in QuickTime, at the size, rate and
/// start timecode of the original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MezzanineSpec {
    /// Which ProRes.
    pub flavor: ProRes,
}

impl Default for MezzanineSpec {
    fn default() -> Self {
        Self { flavor: ProRes::Standard }
    }
}

/// A flavor of ProRes 422, by Apple's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProRes {
    /// 422 Proxy.
    Proxy,
    /// 422 LT.
    Lt,
    /// 422.
    Standard,
    /// 422 HQ.
    Hq,
}

/// For adaptive streaming over HTTP: a master playlist (part 0), and for each height a playlist and
/// its segments of MPEG-2 transport stream, H.264 and AAC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HlsSpec {
    /// The heights, in pixels; those above the original's are left out, but for the smallest.
    pub heights: Vec<u32>,
    /// Seconds of one segment.
    pub segment_s: u32,
    /// A picture laid over every frame.
    pub watermark: Option<Watermark>,
}

impl Default for HlsSpec {
    fn default() -> Self {
        Self { heights: vec![360, 720, 1080], segment_s: 6, watermark: None }
    }
}

/// The captions that are in the media (CEA-608 or 708), as WebVTT.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaptionsSpec {
    /// Their language as ISO 639-2, for example `eng`; undetermined when absent.
    pub language: Option<String>,
}

/// The picture that stands for the asset: JPEG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PosterSpec {
    /// Widest, in pixels. The picture keeps its shape and is never enlarged.
    pub max_width: u32,
    /// Highest, in pixels.
    pub max_height: u32,
    /// Where in the media, as per mille of its length; early, so that it is there soon.
    pub at_per_mille: u32,
}

impl Default for PosterSpec {
    fn default() -> Self {
        Self { max_width: 1280, max_height: 1280, at_per_mille: 20 }
    }
}

/// Small pictures at even intervals: JPEG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThumbnailSpec {
    /// Widest, in pixels.
    pub max_width: u32,
    /// Highest, in pixels.
    pub max_height: u32,
    /// Milliseconds from one to the next; longer where there would be more than `max_count`.
    pub interval_ms: u32,
    /// How many at most.
    pub max_count: u32,
}

impl Default for ThumbnailSpec {
    fn default() -> Self {
        Self { max_width: 320, max_height: 180, interval_ms: 2_000, max_count: 100 }
    }
}

/// The thumbnails on one sheet (JPEG) with a WebVTT index, at the same times as the thumbnails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoryboardSpec {
    /// Widest picture on the sheet, in pixels.
    pub max_width: u32,
    /// Highest picture on the sheet, in pixels.
    pub max_height: u32,
    /// How many side by side.
    pub columns: u32,
}

impl Default for StoryboardSpec {
    fn default() -> Self {
        Self { max_width: 160, max_height: 90, columns: 10 }
    }
}

/// The peaks of the sound, lowest and highest of each stretch, in the audiowaveform binary format
/// version 2 with 8 bits and one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WaveformSpec {
    /// Samples a second the sound is brought to before it is measured.
    pub sample_rate: u32,
    /// Samples in one stretch.
    pub samples_per_peak: u32,
}

impl Default for WaveformSpec {
    fn default() -> Self {
        Self { sample_rate: 8_000, samples_per_peak: 80 }
    }
}
