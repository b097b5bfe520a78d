//! Whether the pictures of a plan can be copied as they are stored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::backend::{Backends, Inspected, RenderFormat, RenderSettings, RenderSources};
use crate::error::{ErrorKind, Result};
use crate::timeline::conform::{Layer, Plan};

/// Frames of a file that can be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::workflow) struct CopyPiece {
    pub(in crate::workflow) input: PathBuf,
    pub(in crate::workflow) frames: i64,
    pub(in crate::workflow) start_us: i64,
    pub(in crate::workflow) end_us: i64,
    /// The sizes of its packets, by which they are known again.
    pub(in crate::workflow) sizes: Vec<u32>,
}

/// The copies a plan is made of, or why it cannot be.
pub(super) async fn copies(
    backends: &Backends,
    plan: &Plan,
    sources: &RenderSources,
    settings: &RenderSettings,
    any_format: bool,
) -> Result<Result<Vec<CopyPiece>, String>> {
    if settings.burn_in.is_any() {
        return Ok(Err("text is drawn into the picture".to_owned()));
    }
    let mut wanted = Vec::new();
    for segment in &plan.segments {
        let [Layer::Shot(shot)] = segment.layers.as_slice() else {
            return Ok(Err(format!(
                "frame {} shows nothing, or more than one picture",
                segment.start
            )));
        };
        let last = segment.start + segment.frames - 1;
        let (first, end) = (shot.map.at(segment.start), shot.map.at(last) + 1);
        let inside = first >= 0 && shot.length.is_some_and(|length| end <= length);
        if !shot.map.is_plain() || shot.rate != Some(plan.rate) || shot.alpha || !inside {
            return Ok(Err(format!(
                "clip {:?} runs at another speed or rate, or out of its media",
                shot.name
            )));
        }
        wanted.push((shot, first, end));
    }
    let mut known: BTreeMap<PathBuf, Inspected> = BTreeMap::new();
    let mut kind: Option<String> = None;
    let mut copies = Vec::new();
    for (shot, first, end) in wanted {
        let Some(media) = sources.get(&shot.source) else {
            return Ok(Err(format!("clip {:?} has no file", shot.name)));
        };
        if !any_format && !fits(media.technical.video.first(), settings) {
            return Ok(Err(format!(
                "the media of clip {:?} is not of the format and size asked for",
                shot.name
            )));
        }
        if !known.contains_key(&media.path) {
            let found = match backends.renderer.inspect(&media.path).await {
                Err(error) if error.kind() == ErrorKind::InvalidMedia => {
                    return Ok(Err(format!("clip {:?}: {}", shot.name, error.message())));
                }
                found => found?,
            };
            known.insert(media.path.clone(), found);
        }
        let Some(stored) = known.get(&media.path) else { continue };
        if kind.get_or_insert_with(|| stored.kind.clone()) != &stored.kind {
            return Ok(Err(format!("the media of clip {:?} is of another kind", shot.name)));
        }
        match piece(stored, media.path.clone(), plan.rate, first, end) {
            Some(piece) => copies.push(piece),
            None => {
                return Ok(Err(format!("clip {:?} is not cut at keyframes", shot.name)));
            }
        }
    }
    Ok(Ok(copies))
}

fn fits(video: Option<&crate::model::VideoStream>, settings: &RenderSettings) -> bool {
    let codec = match settings.format {
        RenderFormat::H264 | RenderFormat::Proxy => "h264",
        RenderFormat::Mezzanine => "prores",
    };
    let size = (settings.width, settings.height);
    video.is_some_and(|video| {
        video.codec == codec
            && video.shown_size() == size
            && (video.width, video.height) == size
            && video.rotation == 0
    })
}

/// Frames as a copy: the packets of the frames from `first` to before `end` must follow each other
/// in the file, with nothing between them, and begin with a keyframe.
pub(in crate::workflow) fn piece(
    stored: &Inspected,
    input: PathBuf,
    rate: crate::time::Rate,
    first: i64,
    end: i64,
) -> Option<CopyPiece> {
    let frames = stored.frames(rate)?;
    let begin = frames.iter().position(|(frame, key)| *frame == first && *key)?;
    let count = usize::try_from(end.checked_sub(first)?).ok()?;
    let inside = frames.get(begin..begin.checked_add(count)?)?;
    if !inside.iter().all(|(frame, _)| (first..end).contains(frame)) {
        return None;
    }
    Some(CopyPiece {
        input,
        frames: end - first,
        start_us: stored.shown_at_us(first, rate)?,
        end_us: stored.shown_at_us(end, rate)?,
        sizes: stored.packets.get(begin..begin + count)?.iter().map(|packet| packet.size).collect(),
    })
}
