//! A sequence as a list of things on tracks, each with its place, to be compared with what other
//! programs see.

use emam_core::model::{ClipSource, Item, Sequence, Track, TrackKind};
use emam_core::time::Rate;
use emam_core::timeline::format::MediaMap;

/// One thing on a track.
#[derive(Debug, Clone)]
pub struct Placed<'a> {
    /// What it is.
    pub item: &'a Item,
    /// Its first frame, from the start of the sequence (0); of a transition the frame of its cut.
    pub start: i64,
    /// The frame after its last.
    pub end: i64,
    /// How far the transition at its head begins before it.
    pub head: i64,
    /// How far the transition at its tail begins before its end.
    pub tail: i64,
}

/// The things on a track, in order.
pub fn placed(track: &Track) -> Vec<Placed<'_>> {
    let mut at = 0;
    let mut placed: Vec<Placed<'_>> = Vec::new();
    for item in &track.items {
        let start = at;
        at += item.duration();
        placed.push(Placed { item, start, end: at, head: 0, tail: 0 });
    }
    for index in 0..placed.len() {
        let Item::Transition(transition) = placed[index].item else { continue };
        if let Some(before) = index.checked_sub(1) {
            placed[before].tail = transition.in_offset;
        }
        if let Some(after) = placed.get_mut(index + 1) {
            after.head = transition.in_offset;
        }
    }
    placed
}

/// The things on all tracks of a kind.
pub fn all_placed(sequence: &Sequence, kind: TrackKind) -> impl Iterator<Item = Placed<'_>> {
    sequence.tracks.iter().filter(move |track| track.kind == kind).flat_map(placed)
}

/// Where a clip begins in its source, on the timecode of its media where that is known; with the
/// rate it is counted at.
pub fn source_frame(item: &Item, media: &MediaMap) -> Option<(i64, Rate)> {
    let clip = item.as_clip()?;
    let first = match &clip.source {
        ClipSource::Asset(source) => media
            .get(source)
            .and_then(|media| media.summary.start_timecode)
            .map_or(0, |start| start.frames()),
        _ => 0,
    };
    Some((first + clip.source_start.value(), clip.source_start.rate()))
}
