//! Adding and removing transitions.

use super::locate::{Spot, beside, one, transition_at};
use super::{Edge, Facts, OPERATION};
use crate::error::{Error, ErrorKind, Result};
use crate::id::ClipId;
use crate::model::{Item, Sequence, Transition};
use crate::timeline::piece;
use crate::timeline::track;

/// Puts a transition at an end of a clip.
pub(super) fn add(
    sequence: &mut Sequence,
    clip: ClipId,
    edge: Edge,
    transition: &Transition,
    facts: &Facts<'_>,
) -> Result<()> {
    track::measured(sequence, OPERATION)?;
    let spot = one(sequence, clip)?;
    let Transition { in_offset, out_offset, .. } = *transition;
    let wrong = |message| {
        let error = Error::invalid(OPERATION, message);
        error.with("clip", clip).with("in_offset", in_offset).with("out_offset", out_offset)
    };
    if in_offset < 0 || out_offset < 0 || (in_offset, out_offset) == (0, 0) {
        return Err(wrong("a transition takes frames before its cut, after it, or both"));
    }
    let items = sequence.tracks.get(spot.track).map_or(&[][..], |track| &track.items);
    if transition_at(items, spot.index, edge).is_some() {
        let message = "there is a transition at this cut; remove it first";
        return Err(Error::new(ErrorKind::AlreadyExists, OPERATION, message).with("clip", clip));
    }
    let other = beside(items, spot.index, edge).and_then(|index| items.get(index));
    let (before, after) = match edge {
        Edge::Head => (other, items.get(spot.index)),
        Edge::Tail => (items.get(spot.index), other),
    };
    if (before.is_none() && in_offset > 0) || (after.is_none() && out_offset > 0) {
        return Err(wrong("there is nothing on one side of this cut for the transition to take"));
    }
    verify_handles(sequence, before, after, transition, facts)?;
    let place = match edge {
        Edge::Head => spot.index,
        Edge::Tail => spot.index + 1,
    };
    insert(sequence, &spot, place, transition).map_err(|()| {
        wrong("the items beside the cut are shorter than the transition would take of them")
    })
}

/// Makes sure that the media of both clips has the frames a transition shows beyond the cut.
fn verify_handles(
    sequence: &Sequence,
    before: Option<&Item>,
    after: Option<&Item>,
    transition: &Transition,
    facts: &Facts<'_>,
) -> Result<()> {
    let after = after.and_then(Item::as_clip).map(|clip| (clip, transition.in_offset, 0));
    let before = before.and_then(Item::as_clip).map(|clip| (clip, 0, transition.out_offset));
    for (clip, head, tail) in [before, after].into_iter().flatten() {
        let shown = piece::with_handles(clip, head, tail, sequence.rate)?;
        let media = facts.of(clip);
        if let Some(missing) = piece::outside(clip, shown, media.as_ref())
            && piece::outside(clip, piece::span(clip, sequence.rate)?, media.as_ref()).is_none()
        {
            let message = "the media of a clip at this cut has no frames beyond it for the \
                           transition to show";
            return Err(Error::invalid(OPERATION, message)
                .with("clip", clip.id)
                .with("frame", missing));
        }
    }
    Ok(())
}

fn insert(
    sequence: &mut Sequence,
    spot: &Spot,
    place: usize,
    transition: &Transition,
) -> Result<(), ()> {
    let Some(track) = sequence.tracks.get_mut(spot.track) else {
        return Ok(());
    };
    let before = track::misfits(&track.items).len();
    track.items.insert(place, Item::Transition(transition.clone()));
    if track::misfits(&track.items).len() > before {
        track.items.remove(place);
        return Err(());
    }
    Ok(())
}

/// Takes away the transition at an end of a clip.
pub(super) fn remove(sequence: &mut Sequence, clip: ClipId, edge: Edge) -> Result<()> {
    let spot = one(sequence, clip)?;
    if let Some(track) = sequence.tracks.get_mut(spot.track)
        && let Some(index) = transition_at(&track.items, spot.index, edge)
    {
        track.items.remove(index);
        return Ok(());
    }
    let message = "there is no transition at this end of the clip";
    Err(Error::new(ErrorKind::NotFound, OPERATION, message).with("clip", clip))
}
