//! What ffmpeg has made: under which keys it goes, and what is told of it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::args;
use super::super::facts::Facts;
use super::super::plan::{Address, Output, Plan, Quality, Video, VideoCodec};
use super::super::playlist;
use super::Failed;
use crate::world::World;

/// What was made of a group.
#[derive(Debug)]
pub(super) struct GroupMade {
    kind: &'static str,
    playlist: Option<(Address, PathBuf)>,
    outputs: Vec<OutputMade>,
}

/// What was made of an output.
#[derive(Debug)]
struct OutputMade {
    files: Vec<(Address, PathBuf)>,
    /// The one file that stands for the output in events.
    named: Option<Address>,
    duration_ms: i64,
    size: Option<(i64, i64)>,
    frames: bool,
    quality: Option<f64>,
}

impl GroupMade {
    /// All files and where they go; playlists after what they name.
    pub(super) fn files(&self) -> impl Iterator<Item = &(Address, PathBuf)> {
        self.outputs.iter().flat_map(|output| &output.files).chain(&self.playlist)
    }

    /// As `GetJob` tells it.
    pub(super) fn of_job(&self) -> Value {
        let outputs: Vec<Value> = self.outputs.iter().map(|output| output.common()).collect();
        json!({"outputDetails": outputs})
    }

    /// As the event `COMPLETE` tells it. Accelerated jobs leave out the paths of frame captures and
    /// the durations: `video-on-demand-on-aws` issue 40.
    pub(super) fn of_event(&self, accelerated: bool) -> Value {
        let output = |output: &OutputMade| {
            let mut details = output.common();
            if accelerated {
                details["durationInMs"] = json!(0);
            }
            if let Some(named) = output.named.as_ref().filter(|_| !(accelerated && output.frames)) {
                details["outputFilePaths"] = json!([named.to_string()]);
            }
            if let (Some(level), Some(video)) = (output.quality, details.get_mut("videoDetails")) {
                video["averageQVBRScore"] = json!(level);
                video["minimumQVBRScore"] = json!(level);
                video["maximumQVBRScore"] = json!(level);
            }
            details
        };
        let outputs: Vec<Value> = self.outputs.iter().map(output).collect();
        let mut group = json!({"outputDetails": outputs, "type": self.kind});
        if let Some((address, _)) = &self.playlist {
            group["playlistFilePaths"] = json!([address.to_string()]);
        }
        group
    }
}

impl OutputMade {
    fn common(&self) -> Value {
        let mut details = json!({"durationInMs": self.duration_ms});
        if let Some((width, height)) = self.size {
            details["videoDetails"] = json!({"widthInPx": width, "heightInPx": height});
        }
        details
    }
}

/// Finds what was made, names it, and writes the playlists.
pub(super) async fn collect(
    world: &World,
    plan: &Plan,
    work: &Path,
) -> Result<Vec<GroupMade>, Failed> {
    let mut groups = Vec::new();
    for (at, group) in plan.groups.iter().enumerate() {
        let base = group.base(&plan.input.file);
        let mut outputs = Vec::new();
        let mut variants = Vec::new();
        for (number, output) in group.outputs.iter().enumerate() {
            let folder = args::folder(work, at, number);
            let stem = format!("{}{}", base.key, output.modifier);
            let made = if group.hls.is_some() {
                let (made, variant) = segments(world, &base, &stem, output, &folder).await?;
                variants.push(variant);
                made
            } else {
                plain(world, &base, &stem, output, &folder).await?
            };
            outputs.push(made);
        }
        let mut made = GroupMade { kind: "FILE_GROUP", playlist: None, outputs };
        if group.hls.is_some() {
            made.kind = "HLS_GROUP";
            made.playlist = Some(master(&base, &variants, work, at)?);
        }
        groups.push(made);
    }
    Ok(groups)
}

async fn plain(
    world: &World,
    base: &Address,
    stem: &str,
    output: &Output,
    folder: &Path,
) -> Result<OutputMade, Failed> {
    let extension = args::extension(output);
    if let Some(Video { codec: VideoCodec::Frames { .. }, .. }) = &output.video {
        let paths = listed(folder, "jpg")?;
        let mut files = Vec::new();
        for path in paths {
            let number = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let number = number.unwrap_or_default();
            files.push((base.with_key(format!("{stem}.{number}.{extension}")), path));
        }
        let Some((last, picture)) = files.last().cloned() else {
            return Err(Failed::new(1040, "no frame was captured"));
        };
        let size = still_size(world, &picture).await?;
        // Only the last image is told: `video-on-demand-on-aws` issue 40.
        let named = Some(last);
        let duration_ms = 0;
        return Ok(OutputMade { files, named, duration_ms, size, frames: true, quality: None });
    }
    let path = folder.join(format!("file.{extension}"));
    let address = base.with_key(format!("{stem}.{extension}"));
    let (mut duration_ms, mut size) = (0, None);
    if output.captions.is_empty() {
        let facts = Facts::of(world, &path).await?;
        duration_ms = (facts.duration() * 1000.0).round() as i64;
        size = facts.picture().map(|picture| (picture.width, picture.height));
    }
    let quality = output.video.as_ref().and_then(level);
    let named = Some(address.clone());
    Ok(OutputMade {
        files: vec![(address, path)],
        named,
        duration_ms,
        size,
        frames: false,
        quality,
    })
}

fn level(video: &Video) -> Option<f64> {
    match &video.codec {
        VideoCodec::H264(codec) | VideoCodec::H265(codec) => match codec.quality {
            Quality::Level { level, .. } => Some(level),
            _ => None,
        },
        _ => None,
    }
}

async fn segments(
    world: &World,
    base: &Address,
    stem: &str,
    output: &Output,
    folder: &Path,
) -> Result<(OutputMade, playlist::Variant), Failed> {
    let time = world.clock.now().strftime("%Y%m%dT%H%M%S").to_string();
    let stamped = format!("{stem}{}", output.segment_modifier.replace("$dt$", &time));
    let name = stem.rsplit('/').next().unwrap_or_default();
    let mut files = Vec::new();
    let mut bytes = Vec::new();
    for path in listed(folder, "ts")? {
        let number = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let number = number.unwrap_or_default();
        let size = std::fs::metadata(&path).map_err(missing)?.len();
        bytes.push((format!("{number}.ts"), size));
        files.push((base.with_key(format!("{stamped}_{number}.ts")), path));
    }
    let Some((_, first)) = files.first() else {
        return Err(Failed::new(1040, "no segment was made"));
    };
    let facts = Facts::of(world, first).await?;
    let list = folder.join("list.m3u8");
    let text = std::fs::read_to_string(&list).map_err(missing)?;
    let durations = playlist::durations(&text);
    let renamed = playlist::renamed(&text, stamped.rsplit('/').next().unwrap_or_default());
    std::fs::write(&list, renamed).map_err(missing)?;
    let address = base.with_key(format!("{stem}.m3u8"));
    let rates = playlist::rates(&durations, &bytes);
    let size = facts.picture().map(|picture| (picture.width, picture.height));
    let variant = playlist::Variant {
        name: format!("{name}.m3u8"),
        peak: rates.0,
        average: rates.1,
        size,
        rate: facts.picture().map(|picture| picture.rate),
        codecs: playlist::codecs(&facts),
        audio_group: output.audio_group.clone(),
    };
    files.push((address.clone(), list));
    let total: f64 = durations.iter().map(|(_, seconds)| seconds).sum();
    let made = OutputMade {
        files,
        named: Some(address),
        duration_ms: (total * 1000.0).round() as i64,
        size,
        frames: false,
        quality: output.video.as_ref().and_then(level),
    };
    Ok((made, variant))
}

fn master(
    base: &Address,
    variants: &[playlist::Variant],
    work: &Path,
    at: usize,
) -> Result<(Address, PathBuf), Failed> {
    let path = work.join(format!("{at}-master.m3u8"));
    std::fs::write(&path, playlist::master(variants)).map_err(missing)?;
    Ok((base.with_key(format!("{}.m3u8", base.key)), path))
}

async fn still_size(world: &World, picture: &Path) -> Result<Option<(i64, i64)>, Failed> {
    let output = tokio::process::Command::new(&world.ffprobe)
        .args(["-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0"])
        .arg(picture)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(missing)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut sides = text.trim().split(',').map(str::parse);
    Ok(match (sides.next(), sides.next()) {
        (Some(Ok(width)), Some(Ok(height))) => Some((width, height)),
        _ => None,
    })
}

/// The files of a folder with this ending, in order.
fn listed(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failed> {
    let entries = std::fs::read_dir(folder).map_err(missing)?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .collect();
    paths.sort();
    Ok(paths)
}

fn missing(error: std::io::Error) -> Failed {
    Failed::new(1999, format!("an output went missing: {error}"))
}
