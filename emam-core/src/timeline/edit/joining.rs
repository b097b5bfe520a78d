//! Cutting clips in two and making them one again.

use super::locate::{Spot, beside, linked, spots_of};
use super::razor::Razor;
use super::{Edge, Facts, OPERATION};
use crate::error::{Error, Result};
use crate::id::ClipId;
use crate::model::{Clip, Item, MediaSummary, Sequence};
use crate::time::Rate;
use crate::timeline::{piece, track};

/// Cuts a clip and those linked to it, or every clip, at a frame.
pub(super) fn split(
    sequence: &mut Sequence,
    at: i64,
    clip: Option<ClipId>,
    facts: &Facts<'_>,
) -> Result<()> {
    track::measured(sequence, OPERATION)?;
    let spots = match clip {
        Some(clip) => linked(sequence, clip)?,
        None => spots_of(sequence, |_| true),
    };
    let across = |spot: &Spot| spot.start < at && at < spot.end();
    let named = spots.first().is_some_and(across);
    let tracks: Vec<_> = spots
        .iter()
        .filter(|spot| across(spot))
        .filter_map(|spot| sequence.tracks.get(spot.track))
        .map(|track| track.id)
        .collect();
    if tracks.is_empty() || (clip.is_some() && !named) {
        let message = "there is no clip to be cut at this frame: it must have frames on both sides";
        let error = Error::invalid(OPERATION, message).with("at", at);
        return Err(match clip {
            Some(clip) => error.with("clip", clip),
            None => error,
        });
    }
    let chosen = |track: &crate::model::Track| tracks.contains(&track.id);
    let razor = Razor::new(&sequence.tracks, chosen, (at, at), sequence.rate, facts);
    for track in sequence.tracks.iter_mut().filter(|track| chosen(track)) {
        let (left, right) = razor.take_out(std::mem::take(&mut track.items))?;
        track.items = left;
        track.items.extend(right);
        track::tidy(&mut track.items);
    }
    Ok(())
}

/// Makes a clip and the one after it one, and so the clips linked to it that end at the same frame.
pub(super) fn join(sequence: &mut Sequence, clip: ClipId, facts: &Facts<'_>) -> Result<()> {
    track::measured(sequence, OPERATION)?;
    let mut spots = linked(sequence, clip)?;
    let end = spots.first().map(Spot::end);
    spots.retain(|spot| Some(spot.end()) == end);
    for spot in spots {
        let rate = sequence.rate;
        let Some(track) = sequence.tracks.get_mut(spot.track) else {
            continue;
        };
        let next = beside(&track.items, spot.index, Edge::Tail);
        let second = next.and_then(|next| track.items.get(next)).and_then(Item::as_clip);
        let media = facts.of(&spot.clip);
        let joined = match second {
            Some(second) => joined(&spot.clip, second, rate, media.as_ref())?,
            None => None,
        };
        match (next, joined) {
            (Some(next), Some(joined)) => {
                // A transition between the two goes with the cut.
                track.items.splice(spot.index..=next, [Item::Clip(joined)]);
                track::tidy(&mut track.items);
            }
            _ if spot.clip.id == clip => {
                let message = "what follows the clip is not the same source going on where it \
                               ends, at the same speed and with the same channels";
                return Err(Error::invalid(OPERATION, message).with("clip", clip));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The clip that two make, if cutting it where the first ends gives the two.
fn joined(
    first: &Clip,
    second: &Clip,
    rate: Rate,
    media: Option<&MediaSummary>,
) -> Result<Option<Clip>> {
    let alike = first.source == second.source
        && first.speed == second.speed
        && first.enabled == second.enabled
        && first.audio_channels == second.audio_channels
        && first.source_start.rate() == second.source_start.rate();
    let Some(duration) = first.duration.checked_add(second.duration).filter(|_| alike) else {
        return Ok(None);
    };
    let lowest = if first.speed.is_reverse() { second } else { first };
    let whole = Clip { duration, source_start: lowest.source_start, ..first.clone() };
    let goes_on = piece::is_timeless(first, media) || {
        let head = piece::trimmed(whole.clone(), 0, second.duration, rate, media)?;
        let tail = piece::trimmed(whole.clone(), first.duration, 0, rate, media)?;
        (head.source_start, tail.source_start) == (first.source_start, second.source_start)
    };
    if !goes_on {
        return Ok(None);
    }
    let mut whole = whole;
    for marker in &second.markers {
        if !whole.markers.contains(marker) {
            whole.markers.push(marker.clone());
        }
    }
    for (key, value) in &second.metadata {
        whole.metadata.entry(key.clone()).or_insert_with(|| value.clone());
    }
    for (format, text) in &second.foreign {
        whole.foreign.entry(format.clone()).or_insert_with(|| text.clone());
    }
    Ok(Some(whole))
}
