//! What is stored in a file, packet by packet.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{OPERATION, add};
use crate::backend::{Inspected, Packet};
use crate::error::{Error, ErrorKind, Result};
use crate::local::process::{self, DEFAULT_STALL, Line, Program};
use crate::local::tools::{Tool, Tools, media_input};
use crate::time::{MediaTime, Rate};

/// How long ffprobe may take for what headers say.
const HEADER_TIME: Duration = Duration::from_secs(60);

/// How much ffprobe may say of headers.
const MAX_REPLY: usize = 4 << 20;

/// How many packets are looked at: a day at 120 frames a second, and half as much again.
const MAX_PACKETS: usize = 16_000_000;

pub(super) async fn inspect(tools: &Tools, file: &Path) -> Result<Inspected> {
    let ffprobe = tools.ffprobe().await?;
    let mut inspected = headers(ffprobe, file).await?;
    inspected.packets = packets(ffprobe, file).await?;
    Ok(inspected)
}

fn program(ffprobe: &Tool, file: &Path, asked: Vec<OsString>, stall: Duration) -> Program {
    let mut arguments = Vec::new();
    add(&mut arguments, ["-hide_banner", "-v", "error"]);
    arguments.extend(asked);
    arguments.extend(media_input(file));
    let path = ffprobe.path.clone();
    Program { path, arguments, work_dir: None, stall, operation: OPERATION }
}

async fn headers(ffprobe: &Tool, file: &Path) -> Result<Inspected> {
    let mut asked = Vec::new();
    add(&mut asked, ["-show_streams", "-show_format", "-show_data_hash", "MD5", "-of", "json"]);
    let program = program(ffprobe, file, asked, HEADER_TIME);
    let (ended, reply) = process::capture(&program, MAX_REPLY).await?;
    let reply: Value = serde_json::from_slice(&reply).unwrap_or_default();
    let streams = reply["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_type = |kind: &str| {
        streams.iter().find(|s| s["codec_type"] == kind && s["disposition"]["attached_pic"] != 1)
    };
    let Some(video) = of_type("video").filter(|_| ended.status.success()) else {
        let message = "the file has no picture that can be read";
        return Err(Error::new(ErrorKind::InvalidMedia, OPERATION, message)
            .with("file", file.display())
            .with("reason", ended.tail));
    };
    let micros = |value: &Value| {
        let rate = Rate::new(1_000_000, 1).ok()?;
        MediaTime::from_decimal_seconds(value.as_str()?, rate).ok().map(MediaTime::value)
    };
    let text = |key: &str| video[key].as_str().unwrap_or_default();
    let size = |key: &str| video[key].as_u64().and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
    let kind = ["codec_name", "profile", "pix_fmt", "field_order", "color_space", "extradata_hash"];
    let kind: Vec<&str> = kind.iter().map(|key| text(key)).collect();
    let base = text("time_base").split_once('/');
    let base = base.and_then(|(num, den)| Some((num.parse().ok()?, den.parse().ok()?)));
    let timecode = streams
        .iter()
        .map(|stream| &stream["tags"])
        .chain([&reply["format"]["tags"]])
        .find_map(|tags| tags["timecode"].as_str().or_else(|| tags["TIMECODE"].as_str()));
    let sound = of_type("audio").and_then(|audio| {
        let rate = audio["sample_rate"].as_str()?.parse().ok()?;
        let length = micros(&audio["duration"]).or_else(|| micros(&reply["format"]["duration"]))?;
        Some((rate, length))
    });
    Ok(Inspected {
        kind: format!("{} {}x{}", kind.join(" "), size("width"), size("height")),
        codec: text("codec_name").to_owned(),
        width: size("width"),
        height: size("height"),
        time_base: base.filter(|(num, den)| *num > 0 && *den > 0).unwrap_or((1, 1_000_000)),
        start_us: micros(&reply["format"]["start_time"]).unwrap_or(0),
        timecode: timecode.map(str::to_owned),
        sound,
        packets: Vec::new(),
    })
}

async fn packets(ffprobe: &Tool, file: &Path) -> Result<Vec<Packet>> {
    let mut asked = Vec::new();
    add(&mut asked, ["-select_streams", "V:0", "-show_entries", "packet=pts,size,flags"]);
    add(&mut asked, ["-of", "compact=p=0:nk=1"]);
    let program = program(ffprobe, file, asked, DEFAULT_STALL);
    let mut packets = Vec::new();
    let mut odd = false;
    let ended = process::run(&program, std::future::pending(), |line| {
        let Line::Out(line) = line else { return false };
        let mut fields = line.split('|');
        let mut next = || fields.next().unwrap_or_default();
        let (pts, size, flags) = (next().parse(), next().parse(), next());
        match (pts, size) {
            (Ok(pts), Ok(size)) if packets.len() < MAX_PACKETS => {
                packets.push(Packet { pts, size, key: flags.contains('K') });
            }
            _ => odd = true,
        }
        true
    })
    .await?;
    if !ended.status.success() || odd {
        let message = "the packets of the file cannot be read, or do not say when they are shown";
        return Err(Error::new(ErrorKind::InvalidMedia, OPERATION, message)
            .with("file", file.display())
            .with("reason", ended.tail));
    }
    Ok(packets)
}
