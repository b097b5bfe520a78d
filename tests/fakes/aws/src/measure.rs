//! What ffmpeg can tell of media: streams, cuts, black frames.

use std::path::Path;

use regex::Regex;
use serde_json::Value;
use tokio::process::Command;

/// What ffprobe tells of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    /// The container's names, for example `mov,mp4,m4a,3gp,3g2,mj2`.
    pub(crate) format_names: String,
    /// The container's long name, for example `QuickTime / MOV`.
    pub(crate) format: String,
    /// The length in milliseconds.
    pub(crate) duration_ms: u64,
    /// The first video stream.
    pub(crate) video: Option<VideoStream>,
    /// The first audio stream.
    pub(crate) audio: Option<AudioStream>,
}

/// What ffprobe tells of a video stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VideoStream {
    pub(crate) codec: String,
    pub(crate) width: u64,
    pub(crate) height: u64,
    /// Frames per second as a fraction.
    pub(crate) rate: (u64, u64),
    /// Whether samples use the full range.
    pub(crate) full_range: bool,
}

/// What ffprobe tells of an audio stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AudioStream {
    pub(crate) codec: String,
    pub(crate) sample_rate: u64,
    pub(crate) channels: u64,
}

/// Measures a file.
pub(crate) async fn measure(ffprobe: &Path, file: &Path) -> Result<Measured, String> {
    let mut command = Command::new(ffprobe);
    command.args(["-v", "error", "-of", "json", "-show_format", "-show_streams"]).arg(file);
    let output = command.kill_on_drop(true).output().await;
    let output = output.map_err(|error| format!("ffprobe does not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let told: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    Ok(read(&told))
}

fn read(told: &Value) -> Measured {
    let text = |at: &Value, name: &str| at[name].as_str().unwrap_or_default().to_owned();
    let stream = |kind: &str| {
        let streams = told["streams"].as_array()?;
        let fits = |s: &&Value| {
            s["codec_type"] == kind && s["disposition"]["attached_pic"].as_i64() != Some(1)
        };
        streams.iter().find(fits)
    };
    let video = stream("video").map(|s| VideoStream {
        codec: text(s, "codec_name"),
        width: s["width"].as_u64().unwrap_or(0),
        height: s["height"].as_u64().unwrap_or(0),
        rate: fraction(&text(s, "avg_frame_rate")),
        full_range: text(s, "color_range") == "pc",
    });
    let audio = stream("audio").map(|s| AudioStream {
        codec: text(s, "codec_name"),
        sample_rate: text(s, "sample_rate").parse().unwrap_or(0),
        channels: s["channels"].as_u64().unwrap_or(0),
    });
    let seconds: f64 = text(&told["format"], "duration").parse().unwrap_or(0.0);
    Measured {
        format_names: text(&told["format"], "format_name"),
        format: text(&told["format"], "format_long_name"),
        duration_ms: (seconds * 1000.0).round() as u64,
        video,
        audio,
    }
}

fn fraction(text: &str) -> (u64, u64) {
    let read = || {
        let (above, below) = text.split_once('/')?;
        Some((above.parse().ok()?, below.parse().ok()?))
    };
    match read() {
        Some((above, below)) if above > 0 && below > 0 => (above, below),
        _ => (25, 1),
    }
}

/// Where the picture changes and where it is black, in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cuts {
    /// Each cut, with how much the picture changes there from 0 to 100.
    pub(crate) cuts: Vec<(f64, f64)>,
    /// Beginning and end of each stretch of black frames.
    pub(crate) black: Vec<(f64, f64)>,
}

/// Finds cuts, and black of at least half a second. `pixel` is the brightness from 0 to 1 up to
/// which a pixel is black, `coverage` the share of black pixels that makes a black frame.
pub(crate) async fn cuts(
    ffmpeg: &Path,
    file: &Path,
    pixel: f64,
    coverage: f64,
) -> Result<Cuts, String> {
    let filter = format!("scdet=t=10,blackdetect=d=0.5:pix_th={pixel}:pic_th={coverage}");
    let mut command = Command::new(ffmpeg);
    command.args(["-nostdin", "-hide_banner", "-nostats", "-i"]).arg(file);
    command.args(["-an", "-sn", "-vf", &filter, "-f", "null", "-"]);
    let output = command.kill_on_drop(true).output().await;
    let output = output.map_err(|error| format!("ffmpeg does not start: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(log.lines().last().unwrap_or_default().to_owned());
    }
    read_cuts(&log)
}

fn read_cuts(log: &str) -> Result<Cuts, String> {
    let pattern = |text| Regex::new(text).map_err(|error| error.to_string());
    let cut = pattern(r"lavfi\.scd\.score:\s*([0-9.]+), lavfi\.scd\.time:\s*([0-9.]+)")?;
    let black = pattern(r"black_start:([0-9.]+) black_end:([0-9.]+)")?;
    let number = |text: &str| text.parse::<f64>().map_err(|error| error.to_string());
    let mut found = Cuts::default();
    for (_, [score, time]) in cut.captures_iter(log).map(|c| c.extract()) {
        found.cuts.push((number(time)?, number(score)?));
    }
    for (_, [start, end]) in black.captures_iter(log).map(|c| c.extract()) {
        found.black.push((number(start)?, number(end)?));
    }
    Ok(found)
}
