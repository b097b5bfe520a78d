//! The pictures of a job: how large, at which rate, encoded how.

use aws_sdk_mediaconvert::types::builders::VideoDescriptionBuilder;
use aws_sdk_mediaconvert::types::{
    DeinterlaceAlgorithm, Deinterlacer, DeinterlacerControl, DeinterlacerMode, DropFrameTimecode,
    FrameCaptureSettings, H264CodecProfile, H264FramerateControl, H264FramerateConversionAlgorithm,
    H264GopSizeUnits, H264InterlaceMode, H264ParControl, H264QualityTuningLevel, H264QvbrSettings,
    H264RateControlMode, H264SceneChangeDetect, H264Settings, ImageInserter, InsertableImage,
    ProresCodecProfile, ProresFramerateControl, ProresInterlaceMode, ProresParControl,
    ProresSettings, ScalingBehavior, TimecodeTrack, VideoCodec, VideoCodecSettings,
    VideoDescription, VideoPreprocessor, VideoTimecodeInsertion,
};
use emam_core::model::{Corner, FieldOrder, ProRes, ThumbnailSpec, VideoStream, Watermark};
use emam_core::time::{MediaTime, Rate, Timecode};

/// The smallest side of a picture: the least value of `Width` and `Height` in the API.
const MIN_SIDE: u32 = 32;

/// What is known of the frames of the original; the default knows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Frames {
    rate: Option<Rate>,
    variable: bool,
    count: Option<i64>,
    fields: FieldOrder,
    start: Option<Timecode>,
}

/// Which frames are captured: the first, and then one every `den / num` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capture {
    num: i32,
    den: i32,
    most: i32,
}

/// The size of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    width: Option<u32>,
    height: Option<u32>,
    exact: bool,
}

/// A picture to be laid over, and its own size in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Overlay {
    pub(super) address: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    /// This size, which has the shape of the original.
    pub(super) fn exact((width, height): (u32, u32)) -> Self {
        let side = |side: u32| Some(side.max(MIN_SIDE));
        Self { width: side(width), height: side(height), exact: true }
    }

    /// Whatever fits; a limit of 0 is none.
    pub(super) fn within((width, height): (u32, u32)) -> Self {
        let side = |side: u32| (side > 0).then_some(side.max(MIN_SIDE));
        Self { width: side(width), height: side(height), exact: false }
    }

    fn described(self) -> VideoDescriptionBuilder {
        let side = |side: Option<u32>| side.and_then(|side| i32::try_from(side).ok());
        let scaling = if self.exact {
            // The shape is right to a pixel; bars would not be.
            ScalingBehavior::StretchToOutput
        } else {
            ScalingBehavior::FitNoUpscale
        };
        VideoDescription::builder()
            .set_width(side(self.width))
            .set_height(side(self.height))
            .scaling_behavior(scaling)
    }
}

impl Frames {
    pub(super) fn of(video: &VideoStream) -> Self {
        Self {
            rate: video.rate,
            variable: video.variable_rate,
            count: video.frames,
            fields: video.field_order,
            start: start(video),
        }
    }

    fn interlaced(&self) -> bool {
        matches!(self.fields, FieldOrder::TopFirst | FieldOrder::BottomFirst)
    }

    /// The frame a poster is made of is the last captured: the first one is captured always.
    pub(super) fn poster(&self, at_per_mille: u32) -> Capture {
        let frames = self.count.unwrap_or(0).max(1);
        // In 128 bits, for a frame count is whatever a file claims.
        let frame = i128::from(frames) * i128::from(at_per_mille.min(1_000)) / 1_000;
        let frame = i64::try_from(frame).unwrap_or(0).min(frames - 1);
        if frame == 0 { Capture { num: 1, den: 1, most: 1 } } else { self.every(frame, 2) }
    }

    /// At even intervals, from the first, no more than asked.
    pub(super) fn thumbnails(&self, spec: &ThumbnailSpec) -> Capture {
        let count = i64::from(spec.max_count.max(1));
        let most = i32::try_from(spec.max_count.max(1)).unwrap_or(i32::MAX);
        let Some(rate) = self.rate else {
            let den = i32::try_from(spec.interval_ms.max(1)).unwrap_or(i32::MAX);
            return Capture { num: 1_000, den, most: most.min(10_000_000) };
        };
        let interval = MediaTime::from_micros(i64::from(spec.interval_ms) * 1_000, rate);
        let interval = interval.map_or(1, MediaTime::value).max(1);
        let least = self.count.map_or(1, |frames| (frames + count - 1) / count);
        // The largest value of `MaxCaptures`.
        self.every(interval.max(least), most.min(10_000_000))
    }

    fn every(&self, frames: i64, most: i32) -> Capture {
        let rate = self.rate.unwrap_or(Rate::FPS_25);
        let exact = || {
            let den = i64::from(rate.den()).checked_mul(frames)?;
            Some((i32::try_from(rate.num()).ok()?, i32::try_from(den).ok()?))
        };
        let (num, den) = exact().unwrap_or_else(|| {
            let ms = i128::from(frames) * i128::from(rate.den()) * 1_000 / i128::from(rate.num());
            (1_000, i32::try_from(ms).unwrap_or(i32::MAX))
        });
        Capture { num, den, most }
    }

    fn deinterlaced(&self) -> Option<Deinterlacer> {
        self.interlaced().then(|| {
            Deinterlacer::builder()
                .mode(DeinterlacerMode::Deinterlace)
                .algorithm(DeinterlaceAlgorithm::Interpolate)
                .control(DeinterlacerControl::Normal)
                .build()
        })
    }

    /// The rate a variable one is made constant at, as numerator and denominator.
    fn fixed_rate(&self) -> Option<(i32, i32)> {
        let rate = self.rate.filter(|_| self.variable)?;
        Some((i32::try_from(rate.num()).ok()?, i32::try_from(rate.den()).ok()?))
    }
}

/// The timecode the copies of a picture begin at: the original's. The API has no more than two
/// digits up to 59 for the frame, so that of faster pictures cannot be told.
pub(super) fn start(video: &VideoStream) -> Option<Timecode> {
    video.start_timecode.filter(|start| start.rate().nominal() <= 60)
}

/// H.264 at `size`, as good as a constant rate factor of `crf` asks for, in closed groups of
/// `group_s` seconds.
pub(super) fn h264(
    frames: &Frames,
    size: Size,
    crf: u32,
    preset: &str,
    group_s: u32,
) -> VideoDescriptionBuilder {
    let fixed = frames.fixed_rate();
    let control = if fixed.is_some() {
        H264FramerateControl::Specified
    } else {
        H264FramerateControl::InitializeFromSource
    };
    let settings = H264Settings::builder()
        .codec_profile(H264CodecProfile::High)
        .rate_control_mode(H264RateControlMode::Qvbr)
        .qvbr_settings(H264QvbrSettings::builder().qvbr_quality_level(level(crf)).build())
        .max_bitrate(max_bit_rate(frames, size))
        .quality_tuning_level(tuning(preset))
        .gop_size(f64::from(group_s))
        .gop_size_units(H264GopSizeUnits::Seconds)
        .gop_closed_cadence(1)
        // Every copy begins its groups at the same frames.
        .scene_change_detect(H264SceneChangeDetect::Disabled)
        .interlace_mode(H264InterlaceMode::Progressive)
        .par_control(H264ParControl::Specified)
        .par_numerator(1)
        .par_denominator(1)
        .framerate_control(control)
        .set_framerate_numerator(fixed.map(|(num, _)| num))
        .set_framerate_denominator(fixed.map(|(_, den)| den))
        .set_framerate_conversion_algorithm(
            fixed.map(|_| H264FramerateConversionAlgorithm::DuplicateDrop),
        )
        .build();
    let codec =
        VideoCodecSettings::builder().codec(VideoCodec::H264).h264_settings(settings).build();
    size.described().codec_settings(codec)
}

/// Adds what is done to the picture before it is encoded.
pub(super) fn prepared(
    picture: VideoDescriptionBuilder,
    frames: &Frames,
    size: Size,
    mark: Option<(&Overlay, &Watermark)>,
) -> VideoDescriptionBuilder {
    let inserter = mark.map(|(overlay, mark)| {
        ImageInserter::builder().insertable_images(placed(overlay, mark, size)).build()
    });
    let deinterlacer = frames.deinterlaced();
    if inserter.is_none() && deinterlacer.is_none() {
        return picture;
    }
    let steps = VideoPreprocessor::builder()
        .set_deinterlacer(deinterlacer)
        .set_image_inserter(inserter)
        .build();
    picture.video_preprocessors(steps)
}

/// Adds the timecode of the original, where it has one. `track` where the container keeps it in a
/// track that must be asked for.
pub(super) fn stamped(
    picture: VideoDescriptionBuilder,
    frames: &Frames,
    track: bool,
) -> VideoDescriptionBuilder {
    let Some(start) = frames.start else { return picture };
    let drop =
        if start.drop_frame() { DropFrameTimecode::Enabled } else { DropFrameTimecode::Disabled };
    picture
        .timecode_insertion(VideoTimecodeInsertion::PicTimingSei)
        .set_timecode_track(track.then_some(TimecodeTrack::Enabled))
        .drop_frame_timecode(drop)
}

/// Captured frames as JPEG, `quality` from 1 to 100.
pub(super) fn jpeg(
    frames: &Frames,
    size: Size,
    capture: Capture,
    quality: i32,
) -> VideoDescriptionBuilder {
    let settings = FrameCaptureSettings::builder()
        .framerate_numerator(capture.num)
        .framerate_denominator(capture.den)
        .max_captures(capture.most)
        .quality(quality)
        .build();
    let codec = VideoCodecSettings::builder()
        .codec(VideoCodec::FrameCapture)
        .frame_capture_settings(settings)
        .build();
    prepared(size.described().codec_settings(codec), frames, size, None)
}

/// ProRes at the size and rate of the original.
pub(super) fn prores(frames: &Frames, flavor: ProRes) -> VideoDescriptionBuilder {
    let fixed = frames.fixed_rate();
    let control = if fixed.is_some() {
        ProresFramerateControl::Specified
    } else {
        ProresFramerateControl::InitializeFromSource
    };
    let profile = match flavor {
        ProRes::Proxy => ProresCodecProfile::AppleProres422Proxy,
        ProRes::Lt => ProresCodecProfile::AppleProres422Lt,
        ProRes::Standard => ProresCodecProfile::AppleProres422,
        ProRes::Hq => ProresCodecProfile::AppleProres422Hq,
    };
    let fields = match frames.fields {
        FieldOrder::TopFirst => ProresInterlaceMode::FollowTopField,
        FieldOrder::BottomFirst => ProresInterlaceMode::FollowBottomField,
        _ => ProresInterlaceMode::Progressive,
    };
    let settings = ProresSettings::builder()
        .codec_profile(profile)
        .interlace_mode(fields)
        .par_control(ProresParControl::InitializeFromSource)
        .framerate_control(control)
        .set_framerate_numerator(fixed.map(|(num, _)| num))
        .set_framerate_denominator(fixed.map(|(_, den)| den))
        .build();
    let codec =
        VideoCodecSettings::builder().codec(VideoCodec::Prores).prores_settings(settings).build();
    VideoDescription::builder().codec_settings(codec)
}

/// The level of quality-defined variable bit rate, 1 to 10, that looks like a constant rate
/// factor: 23 is 7, as AWS recommends for viewing on a computer, and three less is one more.
fn level(crf: u32) -> i32 {
    let crf = i32::try_from(crf).unwrap_or(51);
    (7 + (23 - crf).div_euclid(3)).clamp(1, 10)
}

/// Bits a second that are never passed, though far fewer are used: a quarter of a bit for each
/// pixel of each frame.
fn max_bit_rate(frames: &Frames, size: Size) -> i32 {
    let height = size.height.unwrap_or(1_080);
    let width = size.width.unwrap_or_else(|| height.saturating_mul(16) / 9);
    let rate = frames.rate.unwrap_or(Rate::FPS_30);
    let pixels = u64::from(width) * u64::from(height) * u64::from(rate.num());
    let bits = pixels / u64::from(rate.den().max(1)) / 4;
    i32::try_from(bits.clamp(400_000, 50_000_000)).unwrap_or(50_000_000)
}

fn tuning(preset: &str) -> H264QualityTuningLevel {
    match preset {
        "ultrafast" | "superfast" | "veryfast" | "faster" | "fast" => {
            H264QualityTuningLevel::SinglePass
        }
        "slow" | "slower" | "veryslow" | "placebo" => H264QualityTuningLevel::MultiPassHq,
        _ => H264QualityTuningLevel::SinglePassHq,
    }
}

fn placed(overlay: &Overlay, mark: &Watermark, size: Size) -> InsertableImage {
    let (across, down) = (size.width.unwrap_or(1_920), size.height.unwrap_or(1_080));
    let width = (u64::from(across) * u64::from(mark.width.clamp(1, 100)) / 100).max(1);
    let height = width * u64::from(overlay.height.max(1)) / u64::from(overlay.width.max(1));
    let height = height.clamp(1, u64::from(down));
    // A fiftieth of the width off the edges.
    let margin = u64::from(across) / 50;
    let right = u64::from(across).saturating_sub(width + margin);
    let bottom = u64::from(down).saturating_sub(height + margin);
    let (x, y) = match mark.corner {
        Corner::TopLeft => (margin, margin),
        Corner::TopRight => (right, margin),
        Corner::BottomLeft => (margin, bottom),
        Corner::BottomRight => (right, bottom),
    };
    let pixels = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
    InsertableImage::builder()
        .image_inserter_input(&overlay.address)
        .layer(1)
        .opacity(i32::try_from(mark.opacity.min(100)).unwrap_or(100))
        .width(pixels(width))
        .height(pixels(height))
        .image_x(pixels(x))
        .image_y(pixels(y))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_follows_the_rate_factor() {
        let found: Vec<i32> = [0, 14, 17, 20, 23, 24, 26, 35, 51].map(level).to_vec();
        assert_eq!(found, [10, 10, 9, 8, 7, 6, 6, 3, 1]);
    }

    #[test]
    fn captures_fall_on_frames() {
        let frames =
            Frames { rate: Some(Rate::FPS_29_97), count: Some(1_000), ..Frames::default() };
        assert_eq!(frames.poster(20), Capture { num: 30_000, den: 20_020, most: 2 });
        let one = Frames { count: Some(1), ..frames };
        assert_eq!(one.poster(20).most, 1);
        let spec = ThumbnailSpec { max_count: 10, ..ThumbnailSpec::default() };
        assert_eq!(frames.thumbnails(&spec), Capture { num: 30_000, den: 100_100, most: 10 });
        let long = Frames { count: Some(i64::MAX / 2), ..frames };
        assert_eq!(long.thumbnails(&spec).num, 1_000, "what does not fit is told in milliseconds");
    }

    #[test]
    fn marks_keep_their_shape_in_their_corner() {
        let overlay = Overlay { address: "s3://p/logo.png".into(), width: 200, height: 100 };
        let mark = |corner| Watermark { image: "logo.png".into(), corner, opacity: 50, width: 10 };
        let size = Size::exact((960, 540));
        let at = |corner| {
            let image = placed(&overlay, &mark(corner), size);
            [image.image_x, image.image_y, image.width, image.height].map(Option::unwrap)
        };
        assert_eq!(at(Corner::TopLeft), [19, 19, 96, 48]);
        assert_eq!(at(Corner::BottomRight), [845, 473, 96, 48]);
    }
}
