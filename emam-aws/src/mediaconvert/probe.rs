//! Technical metadata by MediaConvert's `Probe`: no program on this machine, no bytes read here.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_mediaconvert::Client;
use aws_sdk_mediaconvert::error::ProvideErrorMetadata;
use aws_sdk_mediaconvert::types::{
    Codec, ColorPrimaries, Container as Probed, DolbyVisionPresence, Format, FrameRate,
    MatrixCoefficients, ProbeInputFile, Track, TrackType, TransferCharacteristics, VideoProperties,
};
use emam_core::backend::{MediaSource, Prober};
use emam_core::model::{
    AspectRatio, AssetKind, AudioStream, Color, Container, FieldOrder, Hdr, OtherStream, Technical,
    TimecodeSource, VideoStream,
};
use emam_core::time::{MediaTime, Rate, Timecode};
use emam_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::wire::{Answer, Kept};
use crate::error::error;

const OPERATION: &str = "prober.probe";

/// The name of this prober, as it is told with what it finds.
const PROBER: &str = "mediaconvert";

/// Endings of what MediaConvert does not know: still pictures, documents, projects.
const NOT_PROBED: [&str; 44] = [
    "jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "webp", "heic", "heif", "avif", "psd", "ai",
    "eps", "svg", "dpx", "exr", "cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2", "pdf",
    "txt", "md", "csv", "json", "xml", "srt", "vtt", "doc", "docx", "xls", "xlsx", "ppt", "pptx",
    "zip", "prproj", "aep", "drp", "edl",
];

/// Finds technical metadata of media in S3 with MediaConvert, which reads it with the permission
/// of the caller. What it does not know is left to another prober.
#[derive(Debug, Clone)]
pub struct MediaConvertProber {
    client: Client,
    fallback: Option<Arc<dyn Prober>>,
}

impl MediaConvertProber {
    /// A prober. `fallback` is asked about still pictures, documents, and media MediaConvert cannot
    /// read.
    pub fn new(client: Client, fallback: Option<Arc<dyn Prober>>) -> Self {
        Self { client, fallback }
    }

    async fn asked(&self, source: &MediaSource) -> Result<Option<Technical>> {
        let Some(address) = source.storage.uri(&source.key) else { return Ok(None) };
        let kept = Kept::default();
        let file = ProbeInputFile::builder().file_url(address).build();
        let probe = self.client.probe().input_files(file).customize();
        let answer = match probe.interceptor(Answer(kept.clone())).send().await {
            Ok(answer) => answer,
            Err(cause) => {
                return match cause.code() {
                    Some("BadRequestException" | "UnprocessableEntityException") => Ok(None),
                    _ => Err(error(OPERATION, cause)),
                };
            }
        };
        let container = answer.probe_results().first().and_then(|result| result.container());
        let raw = kept.take().unwrap_or(Value::Null);
        Ok(container.and_then(|container| technical(container, source.size, raw)))
    }
}

#[async_trait]
impl Prober for MediaConvertProber {
    async fn probe(&self, source: &MediaSource) -> Result<Technical> {
        // Whether it is there, for a probe of nothing may say anything.
        source.storage.stat(&source.key).await?;
        let ending = source.file_name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        let passed = ending.is_some_and(|ending| NOT_PROBED.contains(&ending.as_str()));
        if let Some(found) = if passed { None } else { self.asked(source).await? } {
            return Ok(found);
        }
        if let Some(fallback) = &self.fallback {
            return fallback.probe(source).await;
        }
        let (kind, message) = if passed {
            (ErrorKind::Unsupported, "MediaConvert knows video and sound alone; add another prober")
        } else {
            (ErrorKind::InvalidMedia, "MediaConvert finds no video or sound in it")
        };
        Err(Error::new(kind, OPERATION, message)
            .with("file", source.file_name.escape_debug())
            .with("key", &source.key))
    }
}

/// The library's record; nothing where there is neither video nor sound.
fn technical(probed: &Probed, size: u64, raw: Value) -> Option<Technical> {
    let mut found = Technical {
        kind: AssetKind::Video,
        container: container(probed, size),
        video: Vec::new(),
        audio: Vec::new(),
        other: Vec::new(),
        picture: None,
        exif: None,
        prober: PROBER.to_owned(),
        raw,
    };
    for track in probed.tracks() {
        let index = track.index.map_or(0, |index| u32::try_from(index - 1).unwrap_or(0));
        match (track.track_type(), track.video_properties(), track.audio_properties()) {
            (Some(TrackType::Video), Some(video), _) => {
                let source = match probed.format() {
                    Some(Format::Quicktime | Format::Mp4) => TimecodeSource::TimecodeTrack,
                    _ => TimecodeSource::Container,
                };
                let start = probed.start_timecode().map(|label| (label, source));
                found.video.extend(self::video(index, track, video, start));
            }
            (Some(TrackType::Audio), _, Some(audio)) => {
                let sample_rate = number(audio.sample_rate).unwrap_or(0);
                let rate = Rate::new(sample_rate, 1).ok();
                found.audio.push(AudioStream {
                    index,
                    codec: track.codec().map(codec).unwrap_or_default(),
                    profile: None,
                    sample_rate,
                    // Of lossy codecs the number is a mere name.
                    bits: match track.codec() {
                        Some(Codec::Pcm | Codec::Flac) => number(audio.bit_depth),
                        _ => None,
                    },
                    channels: number(audio.channels).unwrap_or(0),
                    layout: audio.channel_layout.clone(),
                    language: language(audio.language_code.as_deref()),
                    samples: rate.and_then(|rate| length(track.duration?, rate)),
                    bit_rate: positive(audio.bit_rate),
                });
            }
            (kind, ..) => found.other.push(OtherStream {
                index,
                kind: kind.map_or("data", TrackType::as_str).to_owned(),
                codec: track.codec().map(codec).unwrap_or_default(),
                language: language(
                    track.data_properties().and_then(|data| data.language_code.as_deref()),
                ),
            }),
        }
    }
    match (found.video.is_empty(), found.audio.is_empty()) {
        (true, true) => return None,
        (true, false) => found.kind = AssetKind::Audio,
        (false, _) => {}
    }
    Some(found)
}

fn video(
    index: u32,
    track: &Track,
    video: &VideoProperties,
    start: Option<(&str, TimecodeSource)>,
) -> Option<VideoStream> {
    let coded = video.codec_metadata();
    let rate = video.frame_rate().and_then(rate);
    let start = start.and_then(|(label, source)| {
        // A label that does not exist at this rate stays in the raw reply.
        Some((Timecode::parse_wrapping(label, rate?).ok()?, source))
    });
    let aspect = video.sample_aspect_ratio();
    let aspect =
        aspect.and_then(|ratio| Some((number(ratio.numerator)?, number(ratio.denominator)?)));
    let color = Color {
        primaries: video.color_primaries().and_then(primaries).map(str::to_owned),
        transfer: video.transfer_characteristics().and_then(transfer).map(str::to_owned),
        matrix: video.matrix_coefficients().and_then(matrix).map(str::to_owned),
        range: None,
    };
    let dolby = coded.and_then(|coded| coded.dolby_vision());
    let hdr = match (dolby.and_then(|dolby| dolby.rpu()), color.transfer.as_deref()) {
        (Some(DolbyVisionPresence::Present), _) => Some(Hdr::DolbyVision),
        (_, Some("smpte2084")) => Some(Hdr::Pq),
        (_, Some("arib-std-b67")) => Some(Hdr::Hlg),
        _ => None,
    };
    let field_order = coded.map_or(FieldOrder::Unknown, |coded| {
        let scan = coded.scan_type().unwrap_or_default().to_lowercase();
        let fields = coded.field_order().unwrap_or_default().to_lowercase();
        match (scan.as_str(), fields.as_str()) {
            (_, "topfieldfirst") => FieldOrder::TopFirst,
            (_, "bottomfieldfirst") => FieldOrder::BottomFirst,
            ("progressive", _) => FieldOrder::Progressive,
            _ => FieldOrder::Unknown,
        }
    });
    Some(VideoStream {
        index,
        codec: track.codec().map(codec).unwrap_or_default(),
        profile: coded.and_then(|coded| coded.profile.clone()),
        width: number(video.width).filter(|side| *side > 0)?,
        height: number(video.height).filter(|side| *side > 0)?,
        pixel_aspect: aspect
            .filter(|(num, den)| *num > 0 && *den > 0)
            .map_or(AspectRatio::SQUARE, |(num, den)| AspectRatio { num, den }),
        rotation: quarter(video.rotation.or_else(|| coded?.rotation).unwrap_or(0)),
        rate,
        average_rate: rate,
        // Probe tells one rate.
        variable_rate: false,
        frames: rate.and_then(|rate| length(track.duration?, rate)),
        start_timecode: start.map(|(start, _)| start),
        timecode_source: start.map_or(TimecodeSource::None, |(_, source)| source),
        bit_depth: number(video.bit_depth).or_else(|| number(coded?.bit_depth)),
        chroma: coded.and_then(|coded| coded.chroma_subsampling.clone()),
        color,
        hdr,
        field_order,
        alpha: false,
        bit_rate: positive(video.bit_rate),
    })
}

fn container(probed: &Probed, size: u64) -> Container {
    let sound = probed.tracks().iter().all(|track| track.track_type() != Some(&TrackType::Video));
    let (format, media_type) = match probed.format() {
        Some(Format::Mp4) if sound => ("m4a", "audio/mp4"),
        Some(Format::Mp4) => ("mp4", "video/mp4"),
        Some(Format::Quicktime) => ("mov", "video/quicktime"),
        Some(Format::ThreeGp) => ("3gp", "video/3gpp"),
        Some(Format::ThreeG2) => ("3g2", "video/3gpp2"),
        Some(Format::Matroska) => ("matroska", "video/x-matroska"),
        Some(Format::Webm) => ("webm", "video/webm"),
        Some(Format::Mxf) => ("mxf", "application/mxf"),
        Some(Format::Mpegts) => ("mpegts", "video/mp2t"),
        Some(Format::Mpegps) => ("mpeg", "video/mpeg"),
        Some(Format::Avi) => ("avi", "video/x-msvideo"),
        Some(Format::Asf) => ("asf", "video/x-ms-asf"),
        Some(Format::Wave) => ("wav", "audio/wav"),
        Some(Format::Mp3) => ("mp3", "audio/mpeg"),
        Some(Format::Flac) => ("flac", "audio/flac"),
        Some(Format::Ogg) => ("ogg", "application/ogg"),
        Some(Format::Aac) => ("aac", "audio/aac"),
        Some(Format::Ac3) => ("ac3", "audio/ac3"),
        Some(Format::Eac3) => ("eac3", "audio/eac3"),
        Some(other) => (other.as_str(), ""),
        None => ("unknown", ""),
    };
    let micros = Rate::new(1_000_000, 1).ok();
    let length =
        micros.and_then(|rate| Some(MediaTime::new(length(probed.duration?, rate)?, rate)));
    Container {
        format: format.to_lowercase(),
        long_name: String::new(),
        media_type: media_type.to_owned(),
        size,
        duration: length,
        bit_rate: positive(probed.bit_rate),
        created_at: None,
    }
}

/// A length in seconds as frames or samples, the nearest.
fn length(seconds: f64, rate: Rate) -> Option<i64> {
    let count = (seconds * f64::from(rate.num()) / f64::from(rate.den())).round();
    // Past 2^53 a length in seconds is no measurement any more.
    (count > 0.0 && count < 9_007_199_254_740_992.0).then_some(count as i64)
}

fn rate(told: &FrameRate) -> Option<Rate> {
    Rate::new(number(told.numerator)?, number(told.denominator)?).ok()
}

fn number(told: Option<i32>) -> Option<u32> {
    told.and_then(|told| u32::try_from(told).ok())
}

fn positive(told: Option<i64>) -> Option<u64> {
    told.and_then(|told| u64::try_from(told).ok()).filter(|told| *told > 0)
}

/// Clockwise degrees as quarters of a turn.
fn quarter(degrees: i32) -> u16 {
    let degrees = u16::try_from(degrees.rem_euclid(360)).unwrap_or(0);
    [90, 180, 270].into_iter().find(|turn| degrees.abs_diff(*turn) < 45).unwrap_or(0)
}

fn language(code: Option<&str>) -> Option<String> {
    code.map(str::to_lowercase).filter(|code| !code.is_empty() && code != "und")
}

/// A codec in ffmpeg's names. How PCM is laid out is not told, so it is `pcm`.
fn codec(told: &Codec) -> String {
    match told {
        Codec::Avc => "h264",
        Codec::Mpeg1 => "mpeg1video",
        Codec::Mpeg2 => "mpeg2video",
        Codec::Mp4V => "mpeg4",
        Codec::Dv => "dvvideo",
        Codec::Vc3 => "dnxhd",
        Codec::Wma => "wmav1",
        Codec::Wma2 => "wmav2",
        Codec::Amr => "amr_nb",
        Codec::C608 => "eia_608",
        Codec::C708 => "eia_708",
        Codec::Uncompressed => "rawvideo",
        Codec::UnknownValue => "unknown",
        other => return other.as_str().to_lowercase(),
    }
    .to_owned()
}

/// Primaries in the names of ITU-T H.273 that ffmpeg has.
fn primaries(told: &ColorPrimaries) -> Option<&'static str> {
    Some(match told {
        ColorPrimaries::Itu709 => "bt709",
        ColorPrimaries::Itu470M => "bt470m",
        ColorPrimaries::Itu470Bg => "bt470bg",
        ColorPrimaries::Smpte170M => "smpte170m",
        ColorPrimaries::Smpte240M => "smpte240m",
        ColorPrimaries::GenericFilm => "film",
        ColorPrimaries::Itu2020 => "bt2020",
        ColorPrimaries::Smpte4281 => "smpte428",
        ColorPrimaries::Smpte4312 => "smpte431",
        ColorPrimaries::SmpteEg4321 => "smpte432",
        ColorPrimaries::Ebu3213E => "ebu3213",
        _ => return None,
    })
}

fn transfer(told: &TransferCharacteristics) -> Option<&'static str> {
    Some(match told {
        TransferCharacteristics::Itu709 => "bt709",
        TransferCharacteristics::Itu470M => "bt470m",
        TransferCharacteristics::Itu470Bg => "bt470bg",
        TransferCharacteristics::Smpte170M => "smpte170m",
        TransferCharacteristics::Smpte240M => "smpte240m",
        TransferCharacteristics::Linear => "linear",
        TransferCharacteristics::Log102 => "log100",
        TransferCharacteristics::Loc1025 => "log316",
        TransferCharacteristics::Iec6196624 => "iec61966-2-4",
        TransferCharacteristics::Itu1361 => "bt1361e",
        TransferCharacteristics::Iec6196621 => "iec61966-2-1",
        TransferCharacteristics::Itu202010bit => "bt2020-10",
        TransferCharacteristics::Itu202012bit => "bt2020-12",
        TransferCharacteristics::Smpte2084 => "smpte2084",
        TransferCharacteristics::Smpte4281 => "smpte428",
        TransferCharacteristics::AribB67 => "arib-std-b67",
        _ => return None,
    })
}

fn matrix(told: &MatrixCoefficients) -> Option<&'static str> {
    Some(match told {
        MatrixCoefficients::Rgb => "gbr",
        MatrixCoefficients::Itu709 => "bt709",
        MatrixCoefficients::Fcc => "fcc",
        MatrixCoefficients::Itu470Bg => "bt470bg",
        MatrixCoefficients::Smpte170M => "smpte170m",
        MatrixCoefficients::Smpte240M => "smpte240m",
        MatrixCoefficients::YCgCo => "ycgco",
        MatrixCoefficients::Itu2020Ncl => "bt2020nc",
        MatrixCoefficients::Itu2020Cl => "bt2020c",
        MatrixCoefficients::Smpte2085 => "smpte2085",
        MatrixCoefficients::CdNcl => "chroma-derived-nc",
        MatrixCoefficients::CdCl => "chroma-derived-c",
        MatrixCoefficients::Itu2100ICtCp => "ictcp",
        _ => return None,
    })
}
