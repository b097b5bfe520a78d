//! The picture of an output.

use super::super::settings::{Node, Wrong};
use super::Address;

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Video {
    pub(in super::super) codec: VideoCodec,
    pub(in super::super) width: Option<i64>,
    pub(in super::super) height: Option<i64>,
    pub(in super::super) scaling: Scaling,
    /// The rate as a fraction; the source's without.
    pub(in super::super) rate: Option<(i64, i64)>,
    pub(in super::super) deinterlace: bool,
    pub(in super::super) overlays: Vec<Overlay>,
    /// Whether the file gets a timecode track.
    pub(in super::super) timecode_track: bool,
    pub(in super::super) drop_frame: bool,
}

/// How a picture is brought to its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Scaling {
    /// Fitted in, the rest black.
    Pad,
    /// Fitted in, the size as it comes out.
    Fit,
    /// Fitted in, never made larger.
    FitNoUpscale,
    /// Filled, the rest cut off.
    Fill,
    /// Stretched.
    Stretch,
}

/// How a picture is encoded.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum VideoCodec {
    H264(H26x),
    H265(H26x),
    /// The profile's number as ffmpeg counts, 0 (Proxy) to 5 (4444 XQ).
    ProRes(u8),
    /// Still pictures: frames a second as a fraction, how many, and 1 to 100.
    Frames {
        rate: (i64, i64),
        max: Option<i64>,
        quality: i64,
    },
}

/// The settings of H.264 and H.265.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct H26x {
    pub(in super::super) quality: Quality,
    pub(in super::super) gop: Option<Gop>,
    pub(in super::super) profile: Option<String>,
    pub(in super::super) level: Option<String>,
    pub(in super::super) b_frames: Option<i64>,
    pub(in super::super) buffer: Option<i64>,
    pub(in super::super) scene_cuts: bool,
}

/// How many bits are spent, in bits per second.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Quality {
    /// A level from 1 to 10 and a bound.
    Level {
        level: f64,
        max: i64,
    },
    Constant(i64),
    Variable {
        average: i64,
        max: Option<i64>,
    },
}

/// The distance of key frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Gop {
    Frames(f64),
    Seconds(f64),
}

/// A picture laid over, for example a watermark. Places and sizes in pixels of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Overlay {
    pub(in super::super) image: Address,
    pub(in super::super) layer: i64,
    pub(in super::super) x: i64,
    pub(in super::super) y: i64,
    pub(in super::super) width: Option<i64>,
    pub(in super::super) height: Option<i64>,
    /// From 0 to 100.
    pub(in super::super) opacity: i64,
}

impl Video {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        node.only("afdSignaling", &["NONE"])?;
        node.only("respondToAfd", &["NONE"])?;
        // Seen only by decoders of SEI, of colour tags, or by the eye.
        node.ignore(&["timecodeInsertion", "colorMetadata", "sharpness", "antiAlias"]);
        let scaling = match node.text("scalingBehavior") {
            None | Some("DEFAULT") => Scaling::Pad,
            Some("STRETCH_TO_OUTPUT") => Scaling::Stretch,
            Some("FIT") => Scaling::Fit,
            Some("FIT_NO_UPSCALE") => Scaling::FitNoUpscale,
            Some("FILL") => Scaling::Fill,
            Some(_) => return Err(node.not_emulated("scalingBehavior")),
        };
        let timecode_track = node.text("timecodeTrack") == Some("ENABLED");
        let drop_frame = node.text("dropFrameTimecode") != Some("DISABLED");
        let (mut deinterlace, mut overlays) = (false, Vec::new());
        if let Some(steps) = node.get("videoPreprocessors") {
            if let Some(step) = steps.get("deinterlacer") {
                step.only("mode", &["DEINTERLACE", "ADAPTIVE"])?;
                step.only("control", &["NORMAL", "FORCE_ALL_FRAMES"])?;
                step.ignore(&["algorithm"]);
                deinterlace = true;
            }
            if let Some(step) = steps.get("imageInserter") {
                step.ignore(&["sdrReferenceWhiteLevel"]);
                let images = step.items("insertableImages");
                overlays = images.iter().map(Overlay::read).collect::<Result<_, _>>()?;
                overlays.sort_by_key(|overlay| overlay.layer);
            }
        }
        let Some(settings) = node.get("codecSettings") else {
            return Err(node.invalid("codecSettings", "is a required property"));
        };
        let (codec, rate) = codec(&settings)?;
        let (width, height) = (node.int("width"), node.int("height"));
        Ok(Self {
            codec,
            width,
            height,
            scaling,
            rate,
            deinterlace,
            overlays,
            timecode_track,
            drop_frame,
        })
    }
}

impl Overlay {
    fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        let Some(image) = node.text("imageInserterInput") else {
            return Err(node.invalid("imageInserterInput", "is a required property"));
        };
        let Some(image) = Address::read(image) else {
            return Err(node.not_emulated("imageInserterInput"));
        };
        let of = |name| node.int(name);
        Ok(Self {
            image,
            layer: of("layer").unwrap_or(0),
            x: of("imageX").unwrap_or(0),
            y: of("imageY").unwrap_or(0),
            width: of("width"),
            height: of("height"),
            opacity: of("opacity").unwrap_or(50),
        })
    }
}

type Rate = Option<(i64, i64)>;

fn codec(node: &Node<'_>) -> Result<(VideoCodec, Rate), Wrong> {
    let inside =
        |name: &str| node.get(name).ok_or_else(|| node.invalid(name, "is a required property"));
    match node.text("codec") {
        Some("H_264") => {
            let settings = inside("h264Settings")?;
            h26x(&settings).map(|(codec, rate)| (VideoCodec::H264(codec), rate))
        }
        Some("H_265") => {
            let settings = inside("h265Settings")?;
            h26x(&settings).map(|(codec, rate)| (VideoCodec::H265(codec), rate))
        }
        Some("PRORES") => {
            let settings = inside("proresSettings")?;
            settings.only("chromaSampling", &["SUBSAMPLE_TO_422", "PRESERVE_444_SAMPLING"])?;
            let profile = match settings.text("codecProfile") {
                Some("APPLE_PRORES_422_PROXY") => 0,
                Some("APPLE_PRORES_422_LT") => 1,
                Some("APPLE_PRORES_422") => 2,
                None | Some("APPLE_PRORES_422_HQ") => 3,
                Some("APPLE_PRORES_4444") => 4,
                Some("APPLE_PRORES_4444_XQ") => 5,
                Some(_) => return Err(settings.not_emulated("codecProfile")),
            };
            Ok((VideoCodec::ProRes(profile), timing(&settings)?))
        }
        Some("FRAME_CAPTURE") => {
            let settings = inside("frameCaptureSettings")?;
            let of = |name| settings.int(name);
            let rate =
                (of("framerateNumerator").unwrap_or(1), of("framerateDenominator").unwrap_or(1));
            let quality = of("quality").unwrap_or(80);
            Ok((VideoCodec::Frames { rate, max: of("maxCaptures"), quality }, None))
        }
        Some(_) => Err(node.not_emulated("codec")),
        None => Err(node.invalid("codec", "is a required property")),
    }
}

/// What the rate of frames and the shape of pixels are: the same members in all codecs.
fn timing(node: &Node<'_>) -> Result<Rate, Wrong> {
    node.only("interlaceMode", &["PROGRESSIVE"])?;
    node.only("telecine", &["NONE"])?;
    node.only("slowPal", &["DISABLED"])?;
    node.only("framerateConversionAlgorithm", &["DUPLICATE_DROP"])?;
    node.only("scanTypeConversionMode", &["INTERLACED"])?;
    let square = (node.int("parNumerator"), node.int("parDenominator"));
    node.ignore(&["parControl"]);
    if square.0 != square.1 {
        return Err(node.not_emulated("parNumerator"));
    }
    let (numerator, denominator) =
        (node.int("framerateNumerator"), node.int("framerateDenominator"));
    match (node.text("framerateControl"), numerator, denominator) {
        (Some("SPECIFIED"), Some(numerator), Some(denominator)) => {
            Ok(Some((numerator, denominator)))
        }
        (Some("SPECIFIED"), None, _) => {
            Err(node.invalid("framerateNumerator", "is a required property"))
        }
        (Some("SPECIFIED"), _, None) => {
            Err(node.invalid("framerateDenominator", "is a required property"))
        }
        _ => Ok(None),
    }
}

fn h26x(node: &Node<'_>) -> Result<(H26x, Rate), Wrong> {
    // Choices of the encoder that change how good it looks, not what it is.
    node.ignore(&[
        "qualityTuningLevel",
        "adaptiveQuantization",
        "spatialAdaptiveQuantization",
        "temporalAdaptiveQuantization",
        "flickerAdaptiveQuantization",
        "softness",
        "numberReferenceFrames",
        "slices",
        "gopBReference",
        "gopClosedCadence",
        "dynamicSubGop",
        "minIInterval",
        "hrdBufferInitialFillPercentage",
        "hrdBufferFinalFillPercentage",
        "entropyEncoding",
        "repeatPps",
        "tiles",
        "temporalIds",
        "sampleAdaptiveOffsetFilterMode",
        "writeMp4PackagingType",
        "fieldEncoding",
        "endOfStreamMarkers",
        "saliencyAwareEncoding",
    ]);
    node.only("syntax", &["DEFAULT"])?;
    node.only("unregisteredSeiTimecode", &["DISABLED"])?;
    node.only("alternateTransferFunctionSei", &["DISABLED"])?;
    let max = node.int("maxBitrate");
    let level = node.get("qvbrSettings").map(|settings| {
        let fine = settings.number("qvbrQualityLevelFineTune").unwrap_or(0.0);
        settings.ignore(&["maxAverageBitrate"]);
        settings.number("qvbrQualityLevel").unwrap_or(7.0) + fine
    });
    let quality = match node.text("rateControlMode") {
        Some("QVBR") => match max {
            Some(max) => Quality::Level { level: level.unwrap_or(7.0), max },
            None => return Err(node.invalid("maxBitrate", "is a required property")),
        },
        Some("CBR") => Quality::Constant(node.required("bitrate")?),
        Some("VBR") => Quality::Variable { average: node.required("bitrate")?, max },
        _ => return Err(node.invalid("rateControlMode", "is a required property")),
    };
    let size = node.number("gopSize");
    let gop = match (node.text("gopSizeUnits"), size) {
        (Some("SECONDS"), Some(size)) => Some(Gop::Seconds(size)),
        (None | Some("FRAMES"), Some(size)) => Some(Gop::Frames(size)),
        _ => None,
    };
    let profile = node.text("codecProfile").map(str::to_owned);
    let level = node.text("codecLevel").filter(|level| *level != "AUTO");
    let level = level.map(|level| level.trim_start_matches("LEVEL_").replace('_', "."));
    let codec = H26x {
        quality,
        gop,
        profile,
        level,
        b_frames: node.int("numberBFramesBetweenReferenceFrames"),
        buffer: node.int("hrdBufferSize"),
        scene_cuts: node.text("sceneChangeDetect") != Some("DISABLED"),
    };
    Ok((codec, timing(node)?))
}
