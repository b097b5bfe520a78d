//! How rendered files are encoded and contained.

use std::ffi::OsString;
use std::path::Path;

use super::add;
use crate::backend::RenderFormat;
use crate::local::tools::ToolVersion;
use crate::time::{Rate, Timecode};

/// The encoder of pictures.
pub(super) fn pictures(
    arguments: &mut Vec<OsString>,
    format: RenderFormat,
    rate: Rate,
    version: &ToolVersion,
) {
    // Frames are placed by the graph; the encoder is to take them as they are.
    match version.at_least(5, 1) {
        true => add(arguments, ["-fps_mode:v", "passthrough"]),
        false => add(arguments, ["-vsync", "0"]),
    }
    match format {
        RenderFormat::H264 => {
            add(arguments, ["-c:v", "libx264", "-preset", "medium", "-crf", "16"]);
        }
        RenderFormat::Proxy => {
            add(arguments, ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23"]);
        }
        // Profile 3 is 422 HQ; the vendor is what QuickTime writes, which some readers insist on.
        RenderFormat::Mezzanine => {
            add(arguments, ["-c:v", "prores_ks", "-profile:v", "3", "-vendor", "apl0"]);
        }
    }
    add(arguments, ["-video_track_timescale", &timescale(rate)]);
}

/// The encoder of sound.
pub(super) fn sound(arguments: &mut Vec<OsString>, format: RenderFormat) {
    match format {
        RenderFormat::H264 => add(arguments, ["-c:a", "aac", "-b:a", "256k"]),
        RenderFormat::Proxy => add(arguments, ["-c:a", "aac", "-b:a", "128k"]),
        RenderFormat::Mezzanine => add(arguments, ["-c:a", "pcm_s24le"]),
    }
}

/// The timecode of the first frame.
pub(super) fn timecode(arguments: &mut Vec<OsString>, timecode: Timecode, output: &Path) {
    let label = timecode.wrapped().to_string();
    match is_quicktime(output) {
        true => add(arguments, ["-timecode", &label]),
        false => add(arguments, ["-metadata", &format!("TIMECODE={label}")]),
    }
}

/// What the container is told.
pub(super) fn container(arguments: &mut Vec<OsString>, output: &Path, rate: Rate) {
    if is_quicktime(output) {
        add(arguments, ["-video_track_timescale", &timescale(rate)]);
        // The index in front, so that it plays while it is being fetched.
        add(arguments, ["-movflags", "+faststart"]);
    }
}

fn is_quicktime(output: &Path) -> bool {
    let extension = output.extension().unwrap_or_default();
    ["mov", "mp4", "m4v"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Ticks a second of which a frame takes a whole number.
fn timescale(rate: Rate) -> String {
    let mut ticks = u64::from(rate.num());
    while ticks < 10_000 {
        ticks *= 10;
    }
    ticks.to_string()
}
