//! What ffprobe says of a file.

use std::path::Path;

use serde_json::{Value, json};

use super::run::Failed;
use crate::world::World;

/// What ffprobe says of a file.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    raw: Value,
}

/// A picture, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Picture {
    pub(super) width: i64,
    pub(super) height: i64,
    /// The shape of a pixel, width to height.
    pub(super) sar: (i64, i64),
    /// Clockwise, in degrees.
    pub(super) rotation: i64,
    /// Frames a second, as a fraction.
    pub(super) rate: (i64, i64),
    pub(super) interlaced: bool,
}

impl Facts {
    /// Asks ffprobe.
    ///
    /// # Errors
    /// What is no media, or a still picture: MediaConvert reads neither.
    pub(super) async fn of(world: &World, file: &Path) -> Result<Self, Failed> {
        let output = tokio::process::Command::new(&world.ffprobe)
            .args(["-v", "error", "-show_format", "-show_streams", "-of", "json"])
            .arg(file)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| Failed::new(1999, format!("{}: {error}", world.ffprobe.display())))?;
        let raw = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let facts = Self { raw };
        let still = ["image2", "_pipe", "tty", "subviewer", "srt", "webvtt", "lrc"];
        let format = facts.format();
        if !output.status.success()
            || still.iter().any(|name| format.contains(name))
            || facts.picture().is_none() && facts.sound().is_empty()
        {
            // The code and the words of the real service for what its demuxers refuse.
            let why = "Can't decode input. This may be because of invalid or unsupported media";
            return Err(Failed::new(1040, why));
        }
        Ok(facts)
    }

    /// Facts out of ffprobe's answer.
    #[cfg(test)]
    pub(super) fn from_raw(raw: Value) -> Self {
        Self { raw }
    }

    pub(super) fn format(&self) -> &str {
        self.raw.pointer("/format/format_name").and_then(Value::as_str).unwrap_or_default()
    }

    /// A member of the container, such as `bit_rate`.
    pub(super) fn of_format(&self, name: &str) -> Option<&str> {
        self.raw.pointer("/format")?.get(name)?.as_str()
    }

    /// A tag of the container, such as `major_brand`.
    pub(super) fn of_format_tag(&self, name: &str) -> Option<&str> {
        self.raw.pointer("/format/tags")?.get(name)?.as_str()
    }

    /// In seconds.
    pub(super) fn duration(&self) -> f64 {
        self.of_format("duration").and_then(|text| text.parse().ok()).unwrap_or(0.0)
    }

    pub(super) fn streams(&self) -> &[Value] {
        self.raw.get("streams").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The picture's stream. A cover of a song is no picture.
    pub(super) fn video(&self) -> Option<&Value> {
        self.streams().iter().find(|stream| {
            stream["codec_type"] == "video" && stream["disposition"]["attached_pic"] != 1
        })
    }

    pub(super) fn sound(&self) -> Vec<&Value> {
        self.streams().iter().filter(|stream| stream["codec_type"] == "audio").collect()
    }

    /// How many channels an audio track has, by its number from 1.
    pub(super) fn channels(&self, track: usize) -> Option<i64> {
        self.sound().get(track.checked_sub(1)?)?["channels"].as_i64()
    }

    pub(super) fn picture(&self) -> Option<Picture> {
        let stream = self.video()?;
        let field = stream["field_order"].as_str().unwrap_or("progressive");
        Some(Picture {
            width: stream["width"].as_i64().filter(|width| *width > 0)?,
            height: stream["height"].as_i64().filter(|height| *height > 0)?,
            sar: fraction(&stream["sample_aspect_ratio"], ':').unwrap_or((1, 1)),
            rotation: rotation(stream),
            rate: rate(stream)?,
            interlaced: !matches!(field, "progressive" | "unknown"),
        })
    }

    /// The timecode of the first frame.
    pub(super) fn timecode(&self) -> Option<&str> {
        let tagged = self.streams().iter().chain(self.raw.get("format"));
        tagged.filter_map(|part| part.pointer("/tags/timecode")?.as_str()).next()
    }

    /// What the event `INPUT_INFORMATION` says of the input.
    pub(super) fn input_details(&self, uri: &str) -> Value {
        let stream_id = |stream: &Value| stream["index"].as_i64().unwrap_or(0) + 1;
        let audio: Vec<Value> = self.sound().into_iter().map(|stream| json!({
            "channels": stream["channels"],
            "codec": codec_name(stream),
            "language": stream.pointer("/tags/language").and_then(Value::as_str)
                .unwrap_or("und").to_ascii_uppercase(),
            "sampleRate": stream["sample_rate"].as_str().and_then(|rate| rate.parse::<i64>().ok()),
            "streamId": stream_id(stream),
        })).collect();
        let video: Vec<Value> = self
            .video()
            .zip(self.picture())
            .map(|(stream, picture)| {
                json!({
                    "bitDepth": bit_depth(stream),
                    "codec": codec_name(stream),
                    "colorFormat": format!("YUV_{}", chroma(stream).replace(':', "")),
                    "fourCC": stream["codec_tag_string"],
                    "frameRate": picture.rate.0 as f64 / picture.rate.1 as f64,
                    "height": picture.height,
                    "interlaceMode": if picture.interlaced { "INTERLACED" } else { "PROGRESSIVE" },
                    "sar": format!("{}:{}", picture.sar.0, picture.sar.1),
                    "standard": "UNSPECIFIED",
                    "streamId": stream_id(stream),
                    "width": picture.width,
                })
            })
            .into_iter()
            .collect();
        json!({"inputDetails": [{"id": 1, "uri": uri, "audio": audio, "video": video}]})
    }
}

/// `30000/1001` or `4:3` as numbers; nothing for `0/0`.
pub(super) fn fraction(value: &Value, by: char) -> Option<(i64, i64)> {
    let (numerator, denominator) = value.as_str()?.split_once(by)?;
    let (numerator, denominator) = (numerator.parse().ok()?, denominator.parse().ok()?);
    (numerator > 0 && denominator > 0).then_some((numerator, denominator))
}

/// The rate a stream runs at: the base rate, unless it is only the tick of a variable rate.
fn rate(stream: &Value) -> Option<(i64, i64)> {
    let average = fraction(&stream["avg_frame_rate"], '/');
    let base = fraction(&stream["r_frame_rate"], '/');
    let value = |(numerator, denominator): (i64, i64)| numerator as f64 / denominator as f64;
    match (base, average) {
        (Some(base), Some(average)) if value(base) > value(average) * 1.1 => Some(average),
        (Some(base), _) => Some(base),
        (None, average) => average,
    }
}

fn rotation(stream: &Value) -> i64 {
    let tag =
        stream.pointer("/tags/rotate").and_then(Value::as_str).and_then(|tag| tag.parse().ok());
    let sides = stream["side_data_list"].as_array().map(Vec::as_slice).unwrap_or_default();
    // ffprobe counts the matrix anticlockwise.
    let matrix = sides.iter().find_map(|side| side["rotation"].as_i64()).map(|turn| -turn);
    matrix.or(tag).unwrap_or(0).rem_euclid(360)
}

/// The name MediaConvert's events give a codec.
fn codec_name(stream: &Value) -> String {
    match stream["codec_name"].as_str().unwrap_or_default() {
        "h264" => "H_264".to_owned(),
        "hevc" => "HEVC".to_owned(),
        "mpeg2video" => "MPEG2".to_owned(),
        name if name.starts_with("pcm_") => "PCM".to_owned(),
        name => name.to_ascii_uppercase(),
    }
}

/// Bits of a sample of picture or sound.
pub(super) fn bit_depth(stream: &Value) -> i64 {
    let number = |name: &str| match &stream[name] {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    let stated = number("bits_per_raw_sample").or_else(|| number("bits_per_sample"));
    let format = stream["pix_fmt"].as_str().unwrap_or_default();
    let by_format = [("p10", 10), ("p12", 12), ("p16", 16)];
    let by_format = by_format.iter().find(|(part, _)| format.contains(part)).map(|(_, bits)| *bits);
    stated.filter(|bits| *bits > 0).or(by_format).unwrap_or(8)
}

pub(super) fn chroma(stream: &Value) -> &'static str {
    let format = stream["pix_fmt"].as_str().unwrap_or_default();
    match format {
        _ if format.contains("444") => "4:4:4",
        _ if format.contains("422") => "4:2:2",
        _ => "4:2:0",
    }
}
