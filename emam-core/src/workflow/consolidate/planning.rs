//! Which files of a cut are wanted, and which frames of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::OPERATION;
use super::options::{ConsolidateOptions, ConsolidationPlan, PlannedFile};
use crate::backend::Backends;
use crate::error::{Error, Result};
use crate::model::{AssetSource, Clip, Item, Sequence, Track};
use crate::time::{MediaTime, Rate};
use crate::workflow::cut::{Cut, StoredFile};

/// A file that is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WantedFile {
    /// The media; all clips of the same asset and version are pieces of it.
    pub(super) source: AssetSource,
    pub(super) file: StoredFile,
    pub(super) name: String,
    /// The frames that are wanted, from the first to before the last, where it is to be trimmed.
    pub(super) range: Option<(i64, i64)>,
}

/// The files of all clips, whether they are seen or not: an editor may want to see them again.
pub(super) async fn wanted(
    backends: &Backends,
    cut: &Cut,
    options: &ConsolidateOptions,
) -> Result<Vec<WantedFile>> {
    let mut used: BTreeMap<AssetSource, Option<(i64, i64)>> = BTreeMap::new();
    for sequence in &cut.document.sequences {
        for track in &sequence.tracks {
            for (index, item) in track.items.iter().enumerate() {
                let Item::Clip(clip) = item else { continue };
                let Some(source) = clip.source.asset() else { continue };
                let whole = AssetSource { subclip: None, ..*source };
                let rate = cut.facts(source).and_then(|facts| facts.summary.rate);
                let range = match rate {
                    Some(rate) if rate == clip.source_start.rate() => {
                        Some(shown(sequence, track, index, clip, rate)?)
                    }
                    // Counted in another way, or without frames: all of it.
                    _ => None,
                };
                let both = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
                let known = used.entry(whole).or_insert(range);
                *known = known.zip(range).map(|(known, range)| both(known, range));
            }
        }
    }
    if used.is_empty() {
        let message = "no clip of this sequence is a piece of media, so there is nothing to copy";
        return Err(Error::invalid(OPERATION, message));
    }
    let mut names = BTreeSet::new();
    let mut files = Vec::new();
    for (source, range) in used {
        let mut file = cut.file(backends, &source, options.target, OPERATION).await?;
        // What the prober said word by word would only make the record of the run long.
        file.technical.raw = serde_json::Value::Null;
        let handles = i64::from(options.handles);
        let range = range.filter(|_| options.trim).map(|(first, end)| {
            (first.saturating_sub(handles).max(0), end.saturating_add(handles))
        });
        let name = unique(&file, &mut names);
        files.push(WantedFile { source, file, name, range });
    }
    Ok(files)
}

/// The frames of its media a clip shows, transitions included.
fn shown(
    sequence: &Sequence,
    track: &Track,
    index: usize,
    clip: &Clip,
    rate: Rate,
) -> Result<(i64, i64)> {
    let first = clip.source_start.value();
    if clip.speed.is_freeze() {
        return Ok((first, first.saturating_add(1)));
    }
    let transition = |index: Option<usize>| match index.and_then(|i| track.items.get(i)) {
        Some(Item::Transition(transition)) => Some(transition),
        _ => None,
    };
    let ahead = transition(index.checked_sub(1)).map_or(0, |t| t.in_offset);
    let behind = transition(Some(index + 1)).map_or(0, |t| t.out_offset);
    let (ahead, behind) = if clip.speed.is_reverse() { (behind, ahead) } else { (ahead, behind) };
    // One more where it lies between two frames.
    let frames = |length: i64| -> Result<i64> {
        let time = clip.speed.source_time(MediaTime::new(length, sequence.rate), rate)?;
        Ok(time.floor().saturating_add(i64::from(time.exact().is_none())))
    };
    let end = first.saturating_add(frames(clip.duration.saturating_add(behind))?);
    Ok((first.saturating_sub(frames(ahead)?), end.max(first.saturating_add(1))))
}

/// The file's own name; with a number where another has it already.
fn unique(file: &StoredFile, names: &mut BTreeSet<String>) -> String {
    let safe = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    let name: String = file.file_name.chars().map(safe).collect();
    let (stem, own) = name.rsplit_once('.').unwrap_or((&name, ""));
    let stored = file.instance.key.rsplit_once('.').map_or("", |(_, extension)| extension);
    // A stand-in is in a container of its own.
    let extension = if file.role == crate::model::Role::Original { own } else { stored };
    let dot = if extension.is_empty() { "" } else { "." };
    let stem = match stem.trim_start_matches('.') {
        "" => "media",
        stem => stem,
    };
    let mut name = format!("{stem}{dot}{extension}");
    let mut number = 2;
    // Systems that know no difference between large and small letters must not mix them up.
    while !names.insert(name.to_lowercase()) {
        name = format!("{stem} ({number}){dot}{extension}");
        number += 1;
    }
    name
}

pub(super) fn told(files: &[WantedFile]) -> ConsolidationPlan {
    let planned = files.iter().map(|wanted| PlannedFile {
        asset: wanted.source.asset,
        name: wanted.name.clone(),
        size: wanted.file.instance.size,
        first_frame: wanted.range.map(|(first, _)| first),
        frames: wanted.range.map(|(first, end)| end.saturating_sub(first)),
    });
    let bytes = files.iter().map(|wanted| wanted.file.instance.size).sum();
    ConsolidationPlan { files: planned.collect(), bytes }
}
