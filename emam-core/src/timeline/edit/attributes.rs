//! What a clip is besides its place: seen or not, linked, marked.

use std::collections::{BTreeMap, BTreeSet};

use super::OPERATION;
use super::locate::{clips, free_link, linked, no_such_clip, one};
use crate::error::{Error, ErrorKind, Result};
use crate::id::ClipId;
use crate::model::{Clip, Item, Marker, Sequence, Track};

/// Says whether a clip is seen or heard, and so for those linked to it unless it is `alone`.
pub(super) fn set_enabled(
    sequence: &mut Sequence,
    clip: ClipId,
    enabled: bool,
    alone: bool,
) -> Result<()> {
    let spots = if alone { vec![one(sequence, clip)?] } else { linked(sequence, clip)? };
    let chosen: BTreeSet<_> = spots.into_iter().map(|spot| spot.clip.id).collect();
    each_clip(&mut sequence.tracks, |clip| {
        if chosen.contains(&clip.id) {
            clip.enabled = enabled;
        }
    });
    Ok(())
}

/// Makes clips move together.
pub(super) fn link(sequence: &mut Sequence, wanted: &[ClipId]) -> Result<()> {
    let chosen = chosen(sequence, wanted)?;
    if chosen.len() < 2 {
        let message = "it takes two clips at least to be linked";
        return Err(Error::invalid(OPERATION, message).with("clips", chosen.len()));
    }
    let link = free_link(&sequence.tracks);
    each_clip(&mut sequence.tracks, |clip| {
        if chosen.contains(&clip.id) {
            clip.link = Some(link);
        }
    });
    Ok(())
}

/// Makes clips move by themselves.
pub(super) fn unlink(sequence: &mut Sequence, wanted: &[ClipId]) -> Result<()> {
    let chosen = chosen(sequence, wanted)?;
    each_clip(&mut sequence.tracks, |clip| {
        if chosen.contains(&clip.id) {
            clip.link = None;
        }
    });
    Ok(())
}

/// Drops the links that only one clip has left of what were more before the edits.
pub(super) fn drop_lone_links(before: &[Track], after: &mut [Track]) {
    let before = uses(before);
    let lone: BTreeSet<u32> = uses(after)
        .into_iter()
        .filter(|(link, uses)| *uses == 1 && before.get(link).is_none_or(|uses| *uses > 1))
        .map(|(link, _)| link)
        .collect();
    if lone.is_empty() {
        return;
    }
    each_clip(after, |clip| {
        if clip.link.is_some_and(|link| lone.contains(&link)) {
            clip.link = None;
        }
    });
}

fn uses(tracks: &[Track]) -> BTreeMap<u32, usize> {
    let mut uses = BTreeMap::new();
    for link in clips(tracks).filter_map(|clip| clip.link) {
        *uses.entry(link).or_default() += 1;
    }
    uses
}

/// Puts a mark on the sequence or on a clip: after those that begin before it or with it.
pub(super) fn add_marker(
    sequence: &mut Sequence,
    clip: Option<ClipId>,
    marker: &Marker,
) -> Result<()> {
    if marker.duration < 0 || (marker.start < 0 && clip.is_none()) {
        let message = "a mark cannot begin before the start (0), and takes 0 frames or more";
        return Err(Error::invalid(OPERATION, message)
            .with("start", marker.start)
            .with("duration", marker.duration));
    }
    let markers = markers_of(sequence, clip)?;
    let place = markers.iter().position(|other| other.start > marker.start);
    markers.insert(place.unwrap_or(markers.len()), marker.clone());
    Ok(())
}

/// Takes a mark away.
pub(super) fn remove_marker(
    sequence: &mut Sequence,
    clip: Option<ClipId>,
    marker: &Marker,
) -> Result<()> {
    let markers = markers_of(sequence, clip)?;
    match markers.iter().position(|other| other == marker) {
        Some(place) => {
            markers.remove(place);
            Ok(())
        }
        None => {
            let message = "there is no such mark; read the sequence again";
            Err(Error::new(ErrorKind::NotFound, OPERATION, message)
                .with("start", marker.start)
                .with("name", &marker.name))
        }
    }
}

fn markers_of(sequence: &mut Sequence, clip: Option<ClipId>) -> Result<&mut Vec<Marker>> {
    let Some(clip) = clip else {
        return Ok(&mut sequence.markers);
    };
    let spot = one(sequence, clip)?;
    let missing = no_such_clip(OPERATION, sequence, clip);
    let track = sequence.tracks.get_mut(spot.track);
    match track.and_then(|track| track.items.get_mut(spot.index)) {
        Some(Item::Clip(clip)) => Ok(&mut clip.markers),
        _ => Err(missing),
    }
}

fn chosen(sequence: &Sequence, wanted: &[ClipId]) -> Result<BTreeSet<ClipId>> {
    let known: BTreeSet<_> = sequence.clips().map(|clip| clip.id).collect();
    match wanted.iter().find(|id| !known.contains(id)) {
        Some(missing) => Err(no_such_clip(OPERATION, sequence, *missing)),
        None => Ok(wanted.iter().copied().collect()),
    }
}

fn each_clip(tracks: &mut [Track], mut change: impl FnMut(&mut Clip)) {
    for item in tracks.iter_mut().flat_map(|track| &mut track.items) {
        if let Item::Clip(clip) = item {
            change(clip);
        }
    }
}
