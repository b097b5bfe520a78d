//! The operation `Probe`, by ffprobe on the object.

use serde_json::{Value, json};

use super::facts::{Facts, bit_depth, chroma};
use super::plan::Address;
use super::run::fetch;
use crate::service::Fault;
use crate::world::World;

/// Answers `Probe`.
pub(super) async fn probe(world: &World, input: &Value) -> Result<Value, Fault> {
    let files = input["inputFiles"].as_array().map(Vec::as_slice).unwrap_or_default();
    if files.is_empty() {
        let why = "/inputFiles: should not be empty";
        return Err(Fault::new(400, "BadRequestException", why));
    }
    let mut results = Vec::new();
    for file in files {
        let url = file["fileUrl"].as_str().unwrap_or_default();
        let address = Address::read(url).ok_or_else(|| {
            Fault::new(
                400,
                "BadRequestException",
                format!("/inputFiles/0/fileUrl: {url} is no address in S3"),
            )
        })?;
        results.push(one(world, &address).await?);
    }
    Ok(json!({"probeResults": results}))
}

async fn one(world: &World, address: &Address) -> Result<Value, Fault> {
    let broken = |error: std::io::Error| Fault::new(500, "InternalServerErrorException", error);
    let work = tempfile::tempdir_in(&world.scratch).map_err(broken)?;
    let path = work.path().join("input");
    fetch(world, address, &path).await.map_err(|failed| match failed.code {
        1404 => Fault::new(404, "NotFoundException", failed.message),
        1401 => Fault::new(403, "ForbiddenException", failed.message),
        _ => Fault::new(500, "InternalServerErrorException", failed.message),
    })?;
    let facts = Facts::of(world, &path).await.map_err(|failed| {
        let why = format!("Unable to probe {address}: {}", failed.message);
        Fault::new(400, "BadRequestException", why)
    })?;
    let head = world.s3.head_object().bucket(&address.bucket).key(&address.key).send().await;
    let mut metadata = json!({"fileSize": std::fs::metadata(&path).map_err(broken)?.len()});
    if let Ok(head) = head {
        metadata["eTag"] = json!(head.e_tag());
        metadata["lastModified"] = json!(head.last_modified().map(|at| at.secs()));
        metadata["mimeType"] = json!(head.content_type());
    }
    let mut result = describe(&facts)?;
    result["metadata"] = metadata;
    Ok(result)
}

/// What `Probe` says of a file, without what S3 says of it.
fn describe(facts: &Facts) -> Result<Value, Fault> {
    let Some(format) = format(facts) else {
        let why = format!("Unsupported container: {}", facts.format());
        return Err(Fault::new(400, "BadRequestException", why));
    };
    let mut tracks = Vec::new();
    let mut indexes =
        json!({"audioTrackIndexes": [], "dataTrackIndexes": [], "videoTrackIndexes": []});
    for stream in facts.streams() {
        let (kind, list) = match stream["codec_type"].as_str() {
            Some("video") if stream["disposition"]["attached_pic"] != 1 => {
                ("video", "videoTrackIndexes")
            }
            Some("audio") => ("audio", "audioTrackIndexes"),
            Some("data" | "subtitle") => ("data", "dataTrackIndexes"),
            _ => continue,
        };
        let number = tracks.len() + 1;
        if let Some(list) = indexes[list].as_array_mut() {
            list.push(json!(number));
        }
        let mut track = json!({"index": number, "trackType": kind, "codec": codec(stream)});
        let seconds = number_of(&stream["duration"]).unwrap_or_else(|| facts.duration());
        track["duration"] = json!(seconds);
        match kind {
            "video" => track["videoProperties"] = video(facts, stream),
            "audio" => track["audioProperties"] = audio(stream),
            _ => track["dataProperties"] = json!({"languageCode": language(stream)}),
        }
        tracks.push(track);
    }
    let mut container = json!({"duration": facts.duration(), "format": format, "tracks": tracks});
    if let Some(rate) = facts.of_format("bit_rate").and_then(|rate| rate.parse::<i64>().ok()) {
        container["bitRate"] = json!(rate);
    }
    if let Some(timecode) = facts.timecode() {
        container["startTimecode"] = json!(timecode);
    }
    Ok(json!({"container": container, "trackMappings": [indexes]}))
}

/// The container in the words of the model; nothing for one `Probe` does not read.
fn format(facts: &Facts) -> Option<&'static str> {
    let name = facts.format();
    let brand = facts.of_format_tag("major_brand").unwrap_or_default();
    Some(match name {
        _ if name.contains("mov") && brand.starts_with("qt") => "quicktime",
        _ if name.contains("mov") && brand.starts_with("3gp") => "three_gp",
        _ if name.contains("mov") && brand.starts_with("3g2") => "three_g2",
        _ if name.contains("mov") && brand.is_empty() => "quicktime",
        _ if name.contains("mov") => "mp4",
        _ if name.contains("matroska") => "matroska",
        "mxf" | "avi" | "mpegts" | "mp3" | "flac" | "asf" | "ogg" | "aac" | "ac3" | "eac3" => {
            return ["mxf", "avi", "mpegts", "mp3", "flac", "asf", "ogg", "aac", "ac3", "eac3"]
                .into_iter()
                .find(|known| *known == name);
        }
        "wav" | "w64" => "wave",
        "mpeg" => "mpegps",
        _ => return None,
    })
}

fn codec(stream: &Value) -> &'static str {
    match stream["codec_name"].as_str().unwrap_or_default() {
        "aac" => "AAC",
        "ac3" => "AC3",
        "amr_nb" | "amr_wb" => "AMR",
        "eac3" => "EAC3",
        "flac" => "FLAC",
        "mp2" => "MP2",
        "mp3" => "MP3",
        "opus" => "OPUS",
        "vorbis" => "VORBIS",
        "wmav1" => "WMA",
        "wmav2" => "WMA2",
        "wmapro" => "WMAPRO",
        "av1" => "AV1",
        "h264" => "AVC",
        "dvvideo" => "DV",
        "h263" => "H263",
        "hevc" => "HEVC",
        "jpeg2000" => "JPEG2000",
        "mjpeg" => "MJPEG",
        "mpeg1video" => "MPEG1",
        "mpeg4" => "MP4V",
        "mpeg2video" => "MPEG2",
        "prores" => "PRORES",
        "qtrle" => "QTRLE",
        "theora" => "THEORA",
        "rawvideo" | "v210" => "UNCOMPRESSED",
        "vc1" => "VC1",
        "dnxhd" => "VC3",
        "vp8" => "VP8",
        "vp9" => "VP9",
        "webvtt" => "WEBVTT",
        "eia_608" => "C608",
        name if name.starts_with("pcm_") => "PCM",
        _ => "UNKNOWN",
    }
}

fn video(facts: &Facts, stream: &Value) -> Value {
    let ratio = |(numerator, denominator): (i64, i64)| json!({"numerator": numerator, "denominator": denominator});
    let mut properties = json!({
        "width": stream["width"],
        "height": stream["height"],
        "bitDepth": bit_depth(stream),
        "colorPrimaries": primaries(&stream["color_primaries"]),
        "transferCharacteristics": transfer(&stream["color_transfer"]),
        "matrixCoefficients": matrix(&stream["color_space"]),
    });
    if let Some(rate) = number_of(&stream["bit_rate"]) {
        properties["bitRate"] = json!(rate as i64);
    }
    let mut inside = json!({
        "width": stream["width"],
        "height": stream["height"],
        "bitDepth": bit_depth(stream),
        "chromaSubsampling": chroma(stream),
        "profile": stream["profile"].as_str().unwrap_or_default(),
        "level": stream["level"].as_i64().unwrap_or_default().to_string(),
        "colorPrimaries": properties["colorPrimaries"],
        "transferCharacteristics": properties["transferCharacteristics"],
        "matrixCoefficients": properties["matrixCoefficients"],
    });
    if let Some(picture) = facts.picture() {
        let shape = reduced(picture.width * picture.sar.0, picture.height * picture.sar.1);
        properties["frameRate"] = ratio(picture.rate);
        properties["rotation"] = json!(picture.rotation);
        properties["sampleAspectRatio"] = ratio(picture.sar);
        properties["displayAspectRatio"] = ratio(shape);
        inside["codedFrameRate"] = ratio(picture.rate);
        inside["scanType"] = json!(if picture.interlaced { "interlaced" } else { "progressive" });
        if picture.interlaced {
            let top = matches!(stream["field_order"].as_str(), Some("tt" | "tb"));
            inside["fieldOrder"] = json!(if top { "top" } else { "bottom" });
        }
    }
    properties["codecMetadata"] = inside;
    properties
}

fn audio(stream: &Value) -> Value {
    let mut properties = json!({
        "channels": stream["channels"],
        "sampleRate": number_of(&stream["sample_rate"]).map(|rate| rate as i64),
        "languageCode": language(stream),
        "channelLayout": stream["channel_layout"],
    });
    if let Some(rate) = number_of(&stream["bit_rate"]) {
        properties["bitRate"] = json!(rate as i64);
    }
    if codec(stream) == "PCM" || codec(stream) == "FLAC" {
        properties["bitDepth"] = json!(bit_depth(stream));
    }
    properties
}

fn language(stream: &Value) -> Option<&str> {
    stream.pointer("/tags/language")?.as_str().filter(|language| *language != "und")
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

fn reduced(numerator: i64, denominator: i64) -> (i64, i64) {
    let (mut a, mut b) = (numerator.abs(), denominator.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (numerator / a.max(1), denominator / a.max(1))
}

fn primaries(value: &Value) -> &'static str {
    match value.as_str() {
        Some("bt709") => "ITU_709",
        Some("bt470m") => "ITU_470M",
        Some("bt470bg") => "ITU_470BG",
        Some("smpte170m") => "SMPTE_170M",
        Some("smpte240m") => "SMPTE_240M",
        Some("bt2020") => "ITU_2020",
        Some("smpte428") => "SMPTE_428_1",
        Some("smpte431") => "SMPTE_431_2",
        Some("smpte432") => "SMPTE_EG_432_1",
        _ => "UNSPECIFIED",
    }
}

fn transfer(value: &Value) -> &'static str {
    match value.as_str() {
        Some("bt709") => "ITU_709",
        Some("bt470m") => "ITU_470M",
        Some("bt470bg") => "ITU_470BG",
        Some("smpte170m") => "SMPTE_170M",
        Some("smpte240m") => "SMPTE_240M",
        Some("linear") => "LINEAR",
        Some("iec61966-2-1") => "IEC_61966_2_1",
        Some("bt2020-10") => "ITU_2020_10bit",
        Some("bt2020-12") => "ITU_2020_12bit",
        Some("smpte2084") => "SMPTE_2084",
        Some("smpte428") => "SMPTE_428_1",
        Some("arib-std-b67") => "ARIB_B67",
        _ => "UNSPECIFIED",
    }
}

fn matrix(value: &Value) -> &'static str {
    match value.as_str() {
        Some("gbr") => "RGB",
        Some("bt709") => "ITU_709",
        Some("fcc") => "FCC",
        Some("bt470bg") => "ITU_470BG",
        Some("smpte170m") => "SMPTE_170M",
        Some("smpte240m") => "SMPTE_240M",
        Some("bt2020nc") => "ITU_2020_NCL",
        Some("bt2020c") => "ITU_2020_CL",
        Some("smpte2085") => "SMPTE_2085",
        Some("ictcp") => "ITU_2100ICtCp",
        _ => "UNSPECIFIED",
    }
}
