//! The picture: brought to its size, laid over, encoded.

use std::path::PathBuf;

use super::super::facts::{Facts, Picture};
use super::super::plan::{Address, Gop, H26x, Quality, Scaling, Video, VideoCodec};
use super::super::run::Failed;

fn picture(facts: &Facts) -> Result<Picture, Failed> {
    facts
        .picture()
        .ok_or_else(|| Failed::new(1040, "The input has no video, and an output needs some"))
}

/// The rate the output runs at.
pub(super) fn rate(video: &Video, facts: &Facts) -> (i64, i64) {
    video.rate.or_else(|| Some(facts.picture()?.rate)).unwrap_or((25, 1))
}

/// The filters from the input's picture to the label `vID`.
pub(super) fn graph(
    video: &Video,
    facts: &Facts,
    rotate: bool,
    overlays: &[(Address, PathBuf)],
    id: &str,
) -> Result<String, Failed> {
    let mut picture = picture(facts)?;
    let mut filters = Vec::new();
    if !rotate {
        // ffmpeg has turned it already, and without that would tell players to.
        let back = match picture.rotation {
            90 => Some("transpose=cclock"),
            180 => Some("hflip,vflip"),
            270 => Some("transpose=clock"),
            _ => None,
        };
        filters.extend(back.map(str::to_owned));
        picture.rotation = 0;
    }
    if video.deinterlace && picture.interlaced {
        filters.push("bwdif=mode=send_frame".to_owned());
    }
    match &video.codec {
        VideoCodec::Frames { rate: (numerator, denominator), .. } => {
            // The first frame, then one every denominator/numerator seconds: API reference of
            // `FrameCaptureSettings`. The small number takes the frame that is due exactly.
            filters.push(format!(
                "select='gte((t-start_t)*{numerator}/{denominator}+0.0001,selected_n)'"
            ));
        }
        _ => {
            let (numerator, denominator) = rate(video, facts);
            filters.push(format!("fps={numerator}/{denominator}"));
        }
    }
    filters.push(scale(video, picture));
    let mut graph = format!("[0:v:0]{}", filters.join(","));
    for (number, overlay) in video.overlays.iter().enumerate() {
        let Some(at) = overlays.iter().position(|(address, _)| *address == overlay.image) else {
            return Err(Failed::new(1999, format!("{} was not fetched", overlay.image)));
        };
        let size = match (overlay.width, overlay.height) {
            (None, None) => String::new(),
            (width, height) => {
                let side =
                    |side: Option<i64>| side.map_or("-1".to_owned(), |side| side.to_string());
                format!("scale={}:{},", side(width), side(height))
            }
        };
        let opacity = overlay.opacity as f64 / 100.0;
        graph += &format!(
            "[b{id}_{number}];[{}:v:0]{size}format=rgba,colorchannelmixer=aa={opacity}[o{id}_{number}];\
             [b{id}_{number}][o{id}_{number}]overlay={}:{}",
            at + 1,
            overlay.x,
            overlay.y
        );
    }
    Ok(format!("{graph}[v{id}]"))
}

/// The scaling, with the sizes worked out. Sizes are even: 4:2:0 has no half pixels.
fn scale(video: &Video, picture: Picture) -> String {
    let mut shown =
        (picture.width as f64 * picture.sar.0 as f64 / picture.sar.1 as f64, picture.height as f64);
    if picture.rotation % 180 == 90 {
        shown = (shown.1, shown.0);
    }
    let even = |size: f64| ((size / 2.0).round() as i64 * 2).max(2);
    let (width, height) = match (video.width, video.height) {
        (None, None) => (even(shown.0), even(shown.1)),
        (Some(width), None) => (width, even(width as f64 * shown.1 / shown.0)),
        (None, Some(height)) => (even(height as f64 * shown.0 / shown.1), height),
        (Some(width), Some(height)) => {
            let (across, down) = (width as f64 / shown.0, height as f64 / shown.1);
            let sized = |factor: f64| (even(shown.0 * factor), even(shown.1 * factor));
            let (inner_width, inner_height) = match video.scaling {
                Scaling::Stretch => (width, height),
                Scaling::Pad | Scaling::Fit => sized(across.min(down)),
                Scaling::FitNoUpscale => sized(across.min(down).min(1.0)),
                Scaling::Fill => sized(across.max(down)),
            };
            let after = match video.scaling {
                Scaling::Pad => format!(",pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"),
                Scaling::Fill => format!(",crop={width}:{height}"),
                _ => String::new(),
            };
            return format!("scale={inner_width}:{inner_height},setsar=1{after}");
        }
    };
    format!("scale={width}:{height},setsar=1")
}

/// How the picture is encoded.
pub(super) fn codec(video: &Video, facts: &Facts, in_mxf: bool) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    let mut put = |parts: &[&str]| arguments.extend(parts.iter().map(|part| (*part).to_owned()));
    match &video.codec {
        VideoCodec::H264(codec) => {
            put(&["-c:v", "libx264", "-preset", "veryfast"]);
            let profile = codec.profile.as_deref().unwrap_or("MAIN");
            let (name, format) = match profile {
                "BASELINE" => ("baseline", "yuv420p"),
                "HIGH" => ("high", "yuv420p"),
                "HIGH_10BIT" => ("high10", "yuv420p10le"),
                "HIGH_422" => ("high422", "yuv422p"),
                "HIGH_422_10BIT" => ("high422", "yuv422p10le"),
                _ => ("main", "yuv420p"),
            };
            put(&["-profile:v", name, "-pix_fmt", format]);
            if !codec.scene_cuts {
                put(&["-sc_threshold", "0"]);
            }
            arguments.extend(spent(codec, rate(video, facts)));
        }
        VideoCodec::H265(codec) => {
            put(&["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"]);
            let deep = codec.profile.as_deref().is_some_and(|profile| profile.contains("10"));
            put(&["-pix_fmt", if deep { "yuv420p10le" } else { "yuv420p" }]);
            let cuts = if codec.scene_cuts { "" } else { ":scenecut=0" };
            put(&["-x265-params", &format!("log-level=error{cuts}")]);
            arguments.extend(spent(codec, rate(video, facts)));
        }
        VideoCodec::ProRes(profile) => {
            let format = if *profile > 3 { "yuv444p10le" } else { "yuv422p10le" };
            // Only the other encoder tells the MXF writer its profile.
            let encoder = if in_mxf { "prores" } else { "prores_ks" };
            let profile = profile.to_string();
            put(&["-c:v", encoder, "-profile:v", &profile, "-vendor", "apl0"]);
            put(&["-pix_fmt", format]);
        }
        VideoCodec::Frames { max, quality, .. } => {
            // 100 is the best of MediaConvert, 2 the best of ffmpeg's 2 to 31.
            let scale = (2 + (100 - quality.clamp(&1, &100)) * 29 / 99).to_string();
            put(&["-c:v", "mjpeg", "-q:v", &scale, "-pix_fmt", "yuvj420p"]);
            put(&["-fps_mode", "passthrough"]);
            // Without a bound the service stops at ten million.
            put(&["-frames:v", &max.unwrap_or(10_000_000).to_string()]);
        }
    }
    arguments
}

fn spent(codec: &H26x, rate: (i64, i64)) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut put = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    match codec.quality {
        Quality::Level { level, max } => {
            // Level 7, "good for most", is near x264's own default of 23.
            put("-crf", format!("{:.1}", (37.0 - 2.0 * level).clamp(0.0, 51.0)));
            put("-maxrate", max.to_string());
            put("-bufsize", codec.buffer.unwrap_or(2 * max).to_string());
        }
        Quality::Constant(bits) => {
            put("-b:v", bits.to_string());
            put("-minrate", bits.to_string());
            put("-maxrate", bits.to_string());
            put("-bufsize", codec.buffer.unwrap_or(2 * bits).to_string());
        }
        Quality::Variable { average, max } => {
            put("-b:v", average.to_string());
            if let Some(max) = max {
                put("-maxrate", max.to_string());
                put("-bufsize", codec.buffer.unwrap_or(2 * max).to_string());
            }
        }
    }
    let gop = match codec.gop {
        Some(Gop::Frames(frames)) => Some(frames),
        Some(Gop::Seconds(seconds)) => Some(seconds * rate.0 as f64 / rate.1 as f64),
        None => None,
    };
    if let Some(gop) = gop.map(|gop| gop.round().max(1.0) as i64) {
        put("-g", gop.to_string());
    }
    if let Some(b_frames) = codec.b_frames {
        put("-bf", b_frames.to_string());
    }
    if let Some(level) = &codec.level {
        put("-level", level.clone());
    }
    arguments
}
