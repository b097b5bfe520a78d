//! One file of a consolidation, whole or trimmed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::planning::WantedFile;
use super::{OPERATION, disk};
use crate::backend::{CopyJob, Inspected, Key, Storage};
use crate::checksum::check_md5;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Role;
use crate::time::Rate;
use crate::transfer::{CopyOut, copy_out, hash_file};
use crate::workflow::render::copy_of;
use crate::workflow::{RunContext, StepContext};

/// What a copy has become.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Copy {
    pub(super) size: u64,
    pub(super) md5: String,
    pub(super) first_frame: i64,
    pub(super) frames: Option<i64>,
    pub(super) note: Option<String>,
}

/// Copies a file into a folder, trimmed where that is wanted and possible.
pub(super) async fn copy(
    cx: &RunContext,
    wanted: &WantedFile,
    folder: &Path,
    step: &StepContext,
) -> Result<Copy> {
    let instance = &wanted.file.instance;
    let storage = cx.backends().storage(&instance.storage)?;
    let key: Key = instance.key.parse()?;
    let path = folder.join(&wanted.name);
    let mut note = None;
    if let Some(range) = wanted.range {
        match trim(cx, wanted, storage.as_ref(), &key, range, &path).await? {
            Ok((first_frame, frames)) => {
                let copied = hash_file(&path, None).await?;
                let (size, md5) = (copied.size, copied.md5);
                return Ok(Copy { size, md5, first_frame, frames: Some(frames), note });
            }
            Err(why) => note = Some(why),
        }
    }
    let options = CopyOut {
        expected_size: Some(instance.size),
        expected_md5: instance.checksums.md5.clone(),
        expected_xxh3: instance.checksums.xxh3.clone(),
        progress: Some(Box::new(step.meter())),
    };
    copy_out(storage.as_ref(), &key, &path, options).await?;
    // What the disk holds counts, not what was sent to it.
    let copied = hash_file(&path, None).await?;
    if let Some(expected) = &instance.checksums.md5 {
        check_md5(OPERATION, expected, &copied.md5)
            .map_err(|error| error.with("file", &wanted.name))?;
    }
    Ok(Copy { size: copied.size, md5: copied.md5, first_frame: 0, frames: None, note })
}

/// Copies from a keyframe to a keyframe; else says why it cannot.
async fn trim(
    cx: &RunContext,
    wanted: &WantedFile,
    storage: &dyn Storage,
    key: &Key,
    (first, end): (i64, i64),
    path: &Path,
) -> Result<Result<(i64, i64), String>> {
    let Some(input) = storage.local_path(key) else {
        return Ok(Err("its storage has no files on this machine".to_owned()));
    };
    let input = std::path::absolute(input).map_err(|cause| disk(path, cause))?;
    let video = wanted.file.technical.video.first();
    let Some((video, rate)) = video.and_then(|video| Some((video, video.rate?))) else {
        return Ok(Err("it has no frames to be counted".to_owned()));
    };
    let renderer = &cx.backends().renderer;
    let stored = match renderer.inspect(&input).await {
        Err(error) if error.kind() == ErrorKind::InvalidMedia => {
            return Ok(Err(error.message().to_owned()));
        }
        stored => stored?,
    };
    let Some((first, end)) = keyframes_around(&stored, rate, first, end) else {
        return Ok(Err("its frames cannot be counted, or begin with no keyframe".to_owned()));
    };
    let count = i64::try_from(stored.packets.len()).unwrap_or(i64::MAX);
    if (first, end) == (0, count) {
        return Ok(Err("nearly all of it is used".to_owned()));
    }
    let Some(piece) = copy_of(&stored, input, rate, first, end) else {
        return Ok(Err("its keyframes are no clean cuts".to_owned()));
    };
    let timecode = match video.start_timecode {
        Some(timecode) => Some(timecode.offset(first)?.wrapped()),
        None => None,
    };
    let (frames, start_us, end_us) = (piece.frames, piece.start_us, piece.end_us);
    let (input, output) = (piece.input, path.to_owned());
    let job = CopyJob { input, start_us, frames, end_us, with_sound: true, timecode, output };
    let copied = match renderer.copy(&job).await {
        Ok(()) => renderer.inspect(path).await,
        Err(error) => Err(error),
    };
    let exact = match copied {
        Ok(copied) => {
            copied.packets.iter().map(|packet| packet.size).eq(piece.sizes)
                && copied.frames(rate).is_some()
                && (timecode.is_none()
                    || wanted.file.role != Role::Original
                    || copied.timecode == timecode.map(|timecode| timecode.to_string()))
        }
        Err(error) if error.kind() == ErrorKind::InvalidMedia => false,
        Err(error) => return Err(error),
    };
    if exact {
        return Ok(Ok((first, frames)));
    }
    match tokio::fs::remove_file(path).await {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new(ErrorKind::Unavailable, OPERATION, "a file cannot be removed")
                .caused_by(cause))
        }
        _ => Ok(Err("a trimmed copy of it was not exact".to_owned())),
    }
}

/// The frames from the last keyframe at or before `first` to the first one at or after `end`.
fn keyframes_around(stored: &Inspected, rate: Rate, first: i64, end: i64) -> Option<(i64, i64)> {
    let frames = stored.frames(rate)?;
    let count = i64::try_from(frames.len()).ok()?;
    let keys = || frames.iter().filter(|(_, key)| *key).map(|(frame, _)| *frame);
    let begin = keys().filter(|frame| *frame <= first).max()?;
    let end = keys().filter(|frame| *frame >= end).min().unwrap_or(count);
    Some((begin, end.min(count)))
}
