//! From a job to what is to be done.

use std::collections::BTreeMap;

use emam_core::backend::Key;
use emam_core::model::{CaptionsSpec, Corner, HlsSpec, OutputSpec, Profile, Watermark};
use emam_core::{Error, ErrorKind, Result};

use super::document::{Captions, Job, Output, Playlist, PresetWatermark, tell_rest};
use super::{Lost, OPERATION, ReadPreset, Task, lost, wrong};

/// What the service adds to a job or an output when it is read back, and what only it needed.
const JOB_FACTS: [&str; 6] = ["Arn", "Id", "PipelineId", "Status", "Timing", "StatusDetail"];
const OUTPUT_FACTS: [&str; 10] = [
    "Id",
    "Status",
    "StatusDetail",
    "Duration",
    "DurationMillis",
    "Width",
    "Height",
    "FrameRate",
    "FileSize",
    "AppliedColorSpaceConversion",
];
const INPUT_FACTS: [&str; 1] = ["DetectedProperties"];

/// Reads a job: each of its outputs is a task, and so is each playlist with its outputs.
pub(super) fn read(job: &Job, presets: &BTreeMap<String, ReadPreset>) -> Result<Vec<Task>> {
    let inputs: Vec<_> = if job.inputs.is_empty() {
        job.input.iter().collect()
    } else {
        job.inputs.iter().collect()
    };
    let [input] = inputs.as_slice() else {
        let message = "a job of several inputs joins them, which the library does not; cut a \
                       sequence of them";
        return Err(
            Error::new(ErrorKind::Unsupported, OPERATION, message).with("inputs", inputs.len())
        );
    };
    let mut common = Vec::new();
    tell_rest(&job.rest, "", &JOB_FACTS, &mut common);
    tell_rest(&input.rest, "Input.", &INPUT_FACTS, &mut common);
    let outputs: Vec<&Output> = if job.outputs.is_empty() {
        job.output.iter().collect()
    } else {
        job.outputs.iter().collect()
    };
    let before = job.output_key_prefix.as_deref().unwrap_or_default();
    let key: Key = input.key.parse()?;
    let task = |name: &str, profile: Profile, mut told: Vec<Lost>| -> Result<Task> {
        told.extend(common.iter().cloned());
        let prefix = prefix(before, name)?;
        Ok(Task { input: key.clone(), profile, prefix, lost: told })
    };

    let mut tasks = Vec::new();
    let mut listed: Vec<&str> = Vec::new();
    for playlist in &job.playlists {
        if playlist.format.starts_with("HLS") {
            listed.extend(playlist.output_keys.iter().map(String::as_str));
            let (profile, told) = streaming(playlist, &outputs, presets)?;
            tasks.push(task(&playlist.name, profile, told)?);
        }
    }
    for output in outputs.iter().filter(|output| !listed.contains(&output.key.as_str())) {
        let (profile, told) = alone(output, presets)?;
        tasks.push(task(&output.key, profile, told)?);
    }
    for playlist in job.playlists.iter().filter(|list| !list.format.starts_with("HLS")) {
        let instead = "no playlist is made; its outputs are";
        for one in &mut tasks {
            one.lost.push(lost("Playlists.Format", &playlist.format, instead));
        }
    }
    Ok(tasks)
}

fn preset<'a>(
    output: &Output,
    presets: &'a BTreeMap<String, ReadPreset>,
) -> Result<&'a ReadPreset> {
    presets.get(&output.preset_id).ok_or_else(|| {
        let message = "the job uses a preset that was not given; read it with `aws \
                       elastictranscoder read-preset` as long as you have it, or write one";
        Error::new(ErrorKind::NotFound, OPERATION, message).with("preset", &output.preset_id)
    })
}

/// One output by itself.
fn alone(output: &Output, presets: &BTreeMap<String, ReadPreset>) -> Result<(Profile, Vec<Lost>)> {
    let read = preset(output, presets)?;
    let mut profile = read.profile.clone();
    let mut told = read.lost.clone();
    // Thumbnails are made where a job names them.
    if output.thumbnail_pattern.as_deref().is_none_or(str::is_empty) {
        profile.outputs.retain(|made| !matches!(made, OutputSpec::Thumbnail(_)));
        told.retain(|lost| !lost.what.starts_with("Thumbnails."));
    }
    let mark = watermark(output, read, &mut told)?;
    for made in &mut profile.outputs {
        match made {
            OutputSpec::Proxy(spec) => spec.watermark = mark.clone(),
            OutputSpec::Hls(spec) => {
                spec.watermark = mark.clone();
                spec.segment_s = segment(output)?.unwrap_or(spec.segment_s);
            }
            _ => {}
        }
    }
    rest(output, &mut profile, &mut told);
    Ok((profile, told))
}

/// A playlist with the outputs it lists.
fn streaming(
    playlist: &Playlist,
    outputs: &[&Output],
    presets: &BTreeMap<String, ReadPreset>,
) -> Result<(Profile, Vec<Lost>)> {
    let mut profile =
        Profile { name: playlist.name.clone(), outputs: Vec::new(), findings: Vec::new() };
    let mut spec = HlsSpec { heights: Vec::new(), ..HlsSpec::default() };
    let mut told = Vec::new();
    if playlist.format == "HLSv4" {
        let instead = "transport streams with pictures and sound together, as in version 3";
        told.push(lost("Playlists.Format", "HLSv4", instead));
    }
    tell_rest(&playlist.rest, "Playlists.", &["Status", "StatusDetail"], &mut told);
    for key in &playlist.output_keys {
        let listed = outputs.iter().find(|output| output.key == *key);
        let output = listed.ok_or_else(|| wrong("Playlists.OutputKeys", key))?;
        let read = preset(output, presets)?;
        let height = read.profile.outputs.iter().find_map(|made| match made {
            OutputSpec::Hls(spec) => spec.heights.first().copied(),
            OutputSpec::Proxy(spec) => Some(spec.max_height).filter(|height| *height > 0),
            _ => None,
        });
        match height {
            Some(height) => spec.heights.push(height),
            None => told.push(lost("Playlists.OutputKeys", key, "no stream of sound alone")),
        }
        spec.segment_s = segment(output)?.unwrap_or(spec.segment_s);
        spec.watermark = spec.watermark.or(watermark(output, read, &mut told)?);
        told.extend(read.lost.iter().filter(|l| !l.what.starts_with("Thumbnails.")).cloned());
        if output.thumbnail_pattern.as_deref().is_some_and(|pattern| !pattern.is_empty()) {
            let thumbs =
                read.profile.outputs.iter().find(|m| matches!(m, OutputSpec::Thumbnail(_)));
            profile.outputs.extend(thumbs.cloned());
        }
        rest(output, &mut profile, &mut told);
    }
    if spec.heights.is_empty() {
        return Err(wrong("Playlists.OutputKeys", "no output with a picture"));
    }
    let wanted = spec.heights.len();
    spec.heights.sort_unstable();
    spec.heights.dedup();
    if spec.heights.len() < wanted {
        let instead = format!("one stream for each height: {:?}", spec.heights);
        told.push(lost("Playlists.OutputKeys", wanted.to_string(), instead));
    }
    profile.outputs.push(OutputSpec::Hls(spec));
    told.sort_by(|a, b| (&a.what, &a.value).cmp(&(&b.what, &b.value)));
    told.dedup();
    Ok((profile, told))
}

/// What of an output is neither preset nor name.
fn rest(output: &Output, profile: &mut Profile, told: &mut Vec<Lost>) {
    tell_rest(&output.rest, "Output.", &OUTPUT_FACTS, told);
    if let Some(turn) = output.rotate.as_deref().filter(|turn| !["auto", "0"].contains(turn)) {
        told.push(lost("Output.Rotate", turn, "turned as the original says"));
    }
    if let Some(captions) = &output.captions {
        profile.outputs.extend(subtitles(captions, told).map(OutputSpec::Captions));
    }
}

fn subtitles(captions: &Captions, told: &mut Vec<Lost>) -> Option<CaptionsSpec> {
    for source in captions.caption_sources.iter().filter_map(|source| source.key.as_ref()) {
        let instead = "captions of the picture are taken; add the file to the asset by itself";
        told.push(lost("Captions.CaptionSources", source, instead));
    }
    let formats: Vec<&str> =
        captions.caption_formats.iter().filter_map(|one| one.format.as_deref()).collect();
    for format in formats.iter().filter(|format| **format != "webvtt") {
        told.push(lost("Captions.CaptionFormats", *format, "WebVTT is made"));
    }
    let language = captions.caption_sources.iter().find_map(|source| source.language.clone());
    // Three letters are ISO 639-2; the service took two as well.
    let language = language.filter(|code| code.len() == 3);
    (!formats.is_empty()).then_some(CaptionsSpec { language })
}

fn watermark(
    output: &Output,
    read: &ReadPreset,
    told: &mut Vec<Lost>,
) -> Result<Option<Watermark>> {
    let Some(video) = &read.preset.video else { return Ok(None) };
    let mut marks = output.watermarks.iter();
    let Some(mark) = marks.next() else { return Ok(None) };
    for more in marks {
        told.push(lost("Output.Watermarks", &more.input_key, "one watermark is laid over"));
    }
    let place = video.watermarks.iter().find(|place| place.id == mark.preset_watermark_id);
    let place =
        place.ok_or_else(|| wrong("Watermarks.PresetWatermarkId", &mark.preset_watermark_id))?;
    if !mark.input_key.to_lowercase().ends_with(".png") {
        told.push(lost("Output.Watermarks", &mark.input_key, "none: make a PNG of it"));
        return Ok(None);
    }
    let instead = "read from the storage of renditions: copy it there";
    told.push(lost("Output.Watermarks", &mark.input_key, instead));
    placed(place, mark.input_key.clone(), &video.max_width, told).map(Some)
}

fn placed(
    place: &PresetWatermark,
    image: String,
    of: &Option<String>,
    told: &mut Vec<Lost>,
) -> Result<Watermark> {
    let align = |side: &Option<String>| side.clone().unwrap_or_default();
    let sides = (align(&place.horizontal_align), align(&place.vertical_align));
    let corner = match (sides.0.as_str(), sides.1.as_str()) {
        ("Left", "Bottom") => Corner::BottomLeft,
        ("Left", _) => Corner::TopLeft,
        (_, "Bottom") => Corner::BottomRight,
        _ => Corner::TopRight,
    };
    if sides.0 == "Center" || sides.1 == "Center" {
        let instead = "a watermark is in a corner";
        told.push(lost("Video.Watermarks", format!("{} {}", sides.0, sides.1), instead));
    }
    let number = |text: &str| text.parse::<f64>().map_err(|_| wrong("Video.Watermarks", text));
    let width = match place.max_width.as_deref() {
        None => 10.0,
        Some(text) => match (text.strip_suffix('%'), text.strip_suffix("px")) {
            (Some(share), _) => number(share)?,
            (_, Some(pixels)) => {
                let all = of.as_deref().and_then(|all| all.parse::<f64>().ok()).unwrap_or(1_920.0);
                number(pixels)? * 100.0 / all.max(1.0)
            }
            _ => return Err(wrong("Video.Watermarks.MaxWidth", text)),
        },
    };
    let opacity = place.opacity.as_deref().map_or(Ok(100.0), number)?;
    let percent = |value: f64| value.round().clamp(0.0, 100.0) as u32;
    Ok(Watermark { image, corner, opacity: percent(opacity), width: percent(width).max(1) })
}

/// Seconds of one segment.
fn segment(output: &Output) -> Result<Option<u32>> {
    let Some(text) = output.segment_duration.as_deref() else { return Ok(None) };
    let seconds: f64 = text.parse().map_err(|_| wrong("Output.SegmentDuration", text))?;
    if !(0.5..=3_600.0).contains(&seconds) {
        return Err(wrong("Output.SegmentDuration", text));
    }
    Ok(Some(seconds.round().max(1.0) as u32))
}

/// The key of what comes of an output: the job's prefix, which is mere text, and the output's name
/// without its ending.
fn prefix(before: &str, name: &str) -> Result<Key> {
    let folder = name.rsplit_once('/').map_or(0, |(folder, _)| folder.len() + 1);
    let ending = name[folder..].rfind('.').filter(|at| *at > 0);
    let stem = ending.map_or(name, |at| &name[..folder + at]);
    format!("{before}{stem}").trim_matches('/').parse()
}
