//! Where clips, links and tracks of a sequence are.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ClipId, TrackId};
use crate::model::{Clip, Item, Sequence, Track};
use crate::timeline::edit::{Edge, OPERATION};
use crate::timeline::track;

/// Where a clip is.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    /// Its track, by index.
    pub(super) track: usize,
    /// Its place among the items of the track, by index.
    pub(super) index: usize,
    /// The frame of the sequence it begins at.
    pub(super) start: i64,
    /// The clip as it is.
    pub(super) clip: Clip,
}

impl Spot {
    /// The frame of the sequence after its last.
    pub(super) fn end(&self) -> i64 {
        self.start + self.clip.duration
    }

    /// The frame of the sequence an end of it is at.
    pub(super) fn at(&self, edge: Edge) -> i64 {
        match edge {
            Edge::Head => self.start,
            Edge::Tail => self.end(),
        }
    }
}

/// Every clip, in the order of the tracks.
pub(super) fn clips(tracks: &[Track]) -> impl Iterator<Item = &Clip> {
    tracks.iter().flat_map(Track::clips)
}

/// The clip, and then those linked to it, in the order of the tracks.
pub(super) fn linked(sequence: &Sequence, clip: ClipId) -> Result<Vec<Spot>> {
    let link = clips(&sequence.tracks)
        .find(|found| found.id == clip)
        .map(|found| found.link)
        .ok_or_else(|| no_such_clip(OPERATION, sequence, clip))?;
    let mut spots =
        spots_of(sequence, |found| found.id == clip || (link.is_some() && found.link == link));
    if let Some(own) = spots.iter().position(|spot| spot.clip.id == clip)
        && let Some(front) = spots.get_mut(..=own)
    {
        front.rotate_right(1);
    }
    Ok(spots)
}

/// The clip alone.
pub(super) fn one(sequence: &Sequence, clip: ClipId) -> Result<Spot> {
    spots_of(sequence, |found| found.id == clip)
        .into_iter()
        .next()
        .ok_or_else(|| no_such_clip(OPERATION, sequence, clip))
}

/// Where the clips that are wanted are, in the order of the tracks.
pub(super) fn spots_of(sequence: &Sequence, wanted: impl Fn(&Clip) -> bool) -> Vec<Spot> {
    let mut spots = Vec::new();
    for (track, on) in sequence.tracks.iter().enumerate() {
        for (index, (start, item)) in track::placed(&on.items).enumerate() {
            if let Item::Clip(clip) = item
                && wanted(clip)
            {
                spots.push(Spot { track, index, start, clip: clip.clone() });
            }
        }
    }
    spots
}

/// The error of a clip that is not there.
pub(super) fn no_such_clip(operation: &'static str, sequence: &Sequence, clip: ClipId) -> Error {
    Error::new(ErrorKind::NotFound, operation, "the sequence has no such clip")
        .with("clip", clip)
        .with("sequence", sequence.id)
}

/// Makes sure that the sequence has each of the tracks.
pub(super) fn verify_tracks(sequence: &Sequence, wanted: &[TrackId]) -> Result<()> {
    let known: BTreeSet<_> = sequence.tracks.iter().map(|track| track.id).collect();
    match wanted.iter().find(|id| !known.contains(id)) {
        None => Ok(()),
        Some(missing) => {
            let message = "the sequence has no such track";
            Err(Error::new(ErrorKind::NotFound, OPERATION, message)
                .with("track", missing)
                .with("sequence", sequence.id))
        }
    }
}

/// The index of the item beside one, past a transition.
pub(super) fn beside(items: &[Item], index: usize, edge: Edge) -> Option<usize> {
    let step = |index: usize| match edge {
        Edge::Head => index.checked_sub(1),
        Edge::Tail => Some(index + 1).filter(|index| *index < items.len()),
    };
    let next = step(index)?;
    match items.get(next) {
        Some(Item::Transition(_)) => step(next),
        _ => Some(next),
    }
}

/// The index of the transition at an end of an item.
pub(super) fn transition_at(items: &[Item], index: usize, edge: Edge) -> Option<usize> {
    let next = match edge {
        Edge::Head => index.checked_sub(1)?,
        Edge::Tail => index + 1,
    };
    matches!(items.get(next), Some(Item::Transition(_))).then_some(next)
}

/// A link number no clip has.
pub(super) fn free_link(tracks: &[Track]) -> u32 {
    next_link(clips(tracks).filter_map(|clip| clip.link).max().unwrap_or(0), tracks)
}

/// A link number no clip has: the first above `last`, or from 1 on once those are spent.
pub(super) fn next_link(last: u32, tracks: &[Track]) -> u32 {
    if let Some(next) = last.checked_add(1)
        && clips(tracks).all(|clip| clip.link.is_none_or(|link| link <= last))
    {
        return next;
    }
    let used: BTreeSet<u32> = clips(tracks).filter_map(|clip| clip.link).collect();
    (last.saturating_add(1)..=u32::MAX)
        .chain(1..=last)
        .find(|number| !used.contains(number))
        .unwrap_or(u32::MAX)
}
