//! Moving cuts and clips without changing the length of the sequence: roll, slip, slide.

use std::collections::{BTreeMap, BTreeSet};

use super::locate::{beside, linked};
use super::trimming::resized;
use super::{Edge, Facts, OPERATION};
use crate::error::{Error, Result};
use crate::id::ClipId;
use crate::model::{Clip, Gap, Item, Sequence};
use crate::time::MediaTime;
use crate::timeline::{piece, track};

/// Moves the cut at an end of a clip, and that of linked clips at the same frame.
pub(super) fn roll(
    sequence: &mut Sequence,
    clip: ClipId,
    edge: Edge,
    by: i64,
    facts: &Facts<'_>,
) -> Result<()> {
    track::measured(sequence, OPERATION)?;
    let mut spots = linked(sequence, clip)?;
    let at = spots.first().map(|spot| spot.at(edge));
    spots.retain(|spot| Some(spot.at(edge)) == at);
    for spot in spots {
        let items = items_of(sequence, spot.track);
        let Some(other) = beside(items, spot.index, edge) else {
            let message = "there is nothing on the other side of this cut; trim the clip instead";
            return Err(Error::invalid(OPERATION, message).with("clip", spot.clip.id));
        };
        let (left, right) = match edge {
            Edge::Head => (other, spot.index),
            Edge::Tail => (spot.index, other),
        };
        move_ends(sequence, spot.track, left, 0, by, facts)?;
        move_ends(sequence, spot.track, right, by, 0, facts)?;
    }
    tidy(sequence);
    Ok(())
}

/// Shows another part of the source of a clip and of those linked to it.
pub(super) fn slip(
    sequence: &mut Sequence,
    clip: ClipId,
    by: i64,
    facts: &Facts<'_>,
) -> Result<()> {
    track::measured(sequence, OPERATION)?;
    let spots = linked(sequence, clip)?;
    let Some(by) = spots.first().map(|spot| MediaTime::new(by, spot.clip.source_start.rate()))
    else {
        return Ok(());
    };
    for spot in spots {
        let old = spot.clip;
        let media = facts.of(&old);
        if piece::is_timeless(&old, media.as_ref()) {
            if old.id == clip {
                let message = "the source of this clip has no time of its own, so it cannot slip";
                return Err(Error::invalid(OPERATION, message).with("clip", clip));
            }
            continue;
        }
        let by = by.rescale_nearest(old.source_start.rate())?;
        let new = Clip { source_start: old.source_start.checked_add(by)?, ..old.clone() };
        piece::verify_reach(&old, &new, sequence.rate, media.as_ref())?;
        set(sequence, spot.track, spot.index, Item::Clip(new));
    }
    Ok(())
}

/// Moves a clip, and those linked to it, between their neighbours.
pub(super) fn slide(
    sequence: &mut Sequence,
    clip: ClipId,
    by: i64,
    facts: &Facts<'_>,
) -> Result<()> {
    track::measured(sequence, OPERATION)?;
    let spots = linked(sequence, clip)?;
    let places: BTreeSet<_> = spots.iter().map(|spot| (spot.track, spot.index)).collect();
    // How much later each neighbour begins and ends: one between two linked clips moves with them.
    let mut given: BTreeMap<(usize, usize), (i64, i64)> = BTreeMap::new();
    let mut fronts = Vec::new();
    for spot in &spots {
        let items = items_of(sequence, spot.track);
        let before = beside(items, spot.index, Edge::Head);
        let after = beside(items, spot.index, Edge::Tail);
        let own =
            |index: Option<usize>| index.is_some_and(|index| places.contains(&(spot.track, index)));
        let wrong = |message| Err(Error::invalid(OPERATION, message).with("clip", spot.clip.id));
        if own(before) || own(after) {
            return wrong("two of the linked clips follow each other; unlink one of them first");
        }
        match before {
            Some(before) => given.entry((spot.track, before)).or_default().1 = by,
            None if by < 0 => return wrong("the clip is at the start of the sequence already"),
            None => fronts.push(spot.track),
        }
        if let Some(after) = after {
            given.entry((spot.track, after)).or_default().0 = by;
        }
    }
    for ((track, index), (head, tail)) in given {
        move_ends(sequence, track, index, head, tail, facts)?;
    }
    for index in fronts {
        if let Some(track) = sequence.tracks.get_mut(index) {
            track.items.insert(0, track::gap(by));
        }
    }
    tidy(sequence);
    Ok(())
}

/// Makes an item begin `head` and end `tail` frames later. A gap may come to nothing.
fn move_ends(
    sequence: &mut Sequence,
    track: usize,
    index: usize,
    head: i64,
    tail: i64,
    facts: &Facts<'_>,
) -> Result<()> {
    let item = match items_of(sequence, track).get(index) {
        Some(Item::Clip(clip)) => {
            let tail = tail.saturating_neg();
            Item::Clip(resized(clip, head, tail, sequence.rate, facts)?)
        }
        Some(Item::Gap(gap)) => {
            let duration = gap.duration.checked_add(tail).and_then(|end| end.checked_sub(head));
            let Some(duration @ 0..) = duration else {
                let message = "there is no room: the gap beside the clip is shorter than that";
                return Err(Error::invalid(OPERATION, message).with("free", gap.duration));
            };
            Item::Gap(Gap { duration, foreign: gap.foreign.clone() })
        }
        Some(Item::Transition(_)) | None => return Ok(()),
    };
    set(sequence, track, index, item);
    Ok(())
}

fn items_of(sequence: &Sequence, track: usize) -> &[Item] {
    sequence.tracks.get(track).map_or(&[], |track| &track.items)
}

fn set(sequence: &mut Sequence, track: usize, index: usize, new: Item) {
    let track = sequence.tracks.get_mut(track);
    if let Some(item) = track.and_then(|track| track.items.get_mut(index)) {
        *item = new;
    }
}

fn tidy(sequence: &mut Sequence) {
    for track in &mut sequence.tracks {
        track::tidy(&mut track.items);
    }
}
