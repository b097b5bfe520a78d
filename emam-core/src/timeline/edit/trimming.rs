//! Trimming: moving one end of clips.

use super::locate::{Spot, beside, linked, transition_at};
use super::place::open;
use super::razor::Razor;
use super::removal::close;
use super::{Edge, Facts, OPERATION};
use crate::error::{Error, Result};
use crate::id::ClipId;
use crate::model::{Clip, Item, Sequence};
use crate::time::Rate;
use crate::timeline::{piece, track};

/// Moves one end of a clip, and that of linked clips which have that end at the same frame.
pub(super) fn trim(
    sequence: &mut Sequence,
    clip: ClipId,
    edge: Edge,
    by: i64,
    ripple: bool,
    facts: &Facts<'_>,
) -> Result<()> {
    track::measured(sequence, OPERATION)?;
    let mut spots = linked(sequence, clip)?;
    let at = spots.first().map(|spot| spot.at(edge));
    spots.retain(|spot| Some(spot.at(edge)) == at);
    let (head, tail) = match edge {
        Edge::Head => (by, 0),
        Edge::Tail => (0, by),
    };
    let mut trimmed = Vec::with_capacity(spots.len());
    for spot in spots {
        let clip = resized(&spot.clip, head, tail, sequence.rate, facts)?;
        trimmed.push((spot, clip));
    }
    resize(sequence, trimmed, edge, ripple, facts)
}

/// The clip with `head` and `tail` frames less at its ends, or as many more below zero where its
/// media has them.
pub(super) fn resized(
    clip: &Clip,
    head: i64,
    tail: i64,
    rate: Rate,
    facts: &Facts<'_>,
) -> Result<Clip> {
    let media = facts.of(clip);
    let new = piece::trimmed(clip.clone(), head, tail, rate, media.as_ref())?;
    piece::verify_reach(clip, &new, rate, media.as_ref())?;
    Ok(new)
}

/// Puts clips of another length in place of some that have an end at the same frame and become
/// longer or shorter there by the same number of frames. There is at most one on a track.
pub(super) fn resize(
    sequence: &mut Sequence,
    resized: Vec<(Spot, Clip)>,
    edge: Edge,
    ripple: bool,
    facts: &Facts<'_>,
) -> Result<()> {
    let Some((first, new)) = resized.first() else {
        return Ok(());
    };
    let (at, more) = (first.at(edge), new.duration.saturating_sub(first.clip.duration));
    track::measured(sequence, OPERATION)?.checked_add(more.max(0)).ok_or_else(|| {
        let message = "the sequence would be longer than 64 bits can count";
        Error::invalid(OPERATION, message).with("clip", first.clip.id).with("more", more)
    })?;
    let on: Vec<_> = resized.iter().map(|(spot, _)| spot.track).collect();
    if more > 0 && ripple {
        let razor = Razor::new(&sequence.tracks, |_| true, (at, at), sequence.rate, facts);
        for (index, track) in sequence.tracks.iter_mut().enumerate() {
            if !on.contains(&index) {
                open(track, at, more, None, &razor)?;
            }
        }
    }
    let mut left = Vec::with_capacity(resized.len());
    for (spot, clip) in resized {
        let Some(track) = sequence.tracks.get_mut(spot.track) else {
            continue;
        };
        if let Some(item) = track.items.get_mut(spot.index) {
            *item = Item::Clip(clip);
        }
        if more < 0 {
            left.push((spot.track, leave_gap(&mut track.items, spot.index, edge, -more)));
        } else if !ripple {
            take_from_gap(&mut track.items, spot.index, edge, more)
                .map_err(|error| error.with("clip", spot.clip.id))?;
        }
    }
    if more < 0 && ripple {
        let empty = match edge {
            Edge::Head => (at, at - more),
            Edge::Tail => (at + more, at),
        };
        close(&mut sequence.tracks, vec![empty]);
    }
    for (index, gap) in left {
        if let Some(track) = sequence.tracks.get_mut(index) {
            settle(&mut track.items, gap, edge);
        }
    }
    for track in &mut sequence.tracks {
        track::tidy(&mut track.items);
    }
    Ok(())
}

/// Puts a gap beside a clip, on the far side of a transition there; gives its index.
fn leave_gap(items: &mut Vec<Item>, index: usize, edge: Edge, duration: i64) -> usize {
    let beyond = transition_at(items, index, edge).unwrap_or(index);
    let place = match edge {
        Edge::Head => beyond,
        Edge::Tail => beyond + 1,
    };
    items.insert(place, track::gap(duration));
    place
}

/// Decides on the transition between a clip and the gap it has left, at `gap`: where the gap has
/// closed it stays, and so it does as a fade where there was a gap before.
fn settle(items: &mut Vec<Item>, gap: usize, edge: Edge) {
    if items.get(gap).is_none_or(|item| item.duration() == 0) {
        if gap < items.len() {
            items.remove(gap);
        }
        return;
    }
    let (near, far) = match edge {
        Edge::Head => (Some(gap + 1), gap.checked_sub(1)),
        Edge::Tail => (gap.checked_sub(1), Some(gap + 1)),
    };
    let is_clip = |index: Option<usize>| {
        index.and_then(|index| items.get(index)).is_some_and(|item| item.as_clip().is_some())
    };
    if is_clip(far)
        && let Some(near) = near
        && matches!(items.get(near), Some(Item::Transition(_)))
    {
        items.remove(near);
    }
}

/// Takes frames out of the gap beside a clip; after the last clip there is no end of them.
pub(super) fn take_from_gap(
    items: &mut [Item],
    index: usize,
    edge: Edge,
    frames: i64,
) -> Result<()> {
    let beside = beside(items, index, edge);
    let free = match beside.and_then(|beside| items.get_mut(beside)) {
        Some(Item::Gap(gap)) if gap.duration >= frames => {
            gap.duration -= frames;
            return Ok(());
        }
        Some(Item::Gap(gap)) => gap.duration,
        None if edge == Edge::Tail => return Ok(()),
        _ => 0,
    };
    if frames == 0 {
        return Ok(());
    }
    let message = "there is no room beside the clip; take from the other clip with a roll, or \
                   move what is there with ripple";
    Err(Error::invalid(OPERATION, message).with("wanted", frames).with("free", free))
}
