//! Taking out: remove, lift, extract.

use super::locate::{clips, no_such_clip, verify_tracks};
use super::razor::Razor;
use super::{Facts, OPERATION};
use crate::error::{Error, Result};
use crate::id::{ClipId, TrackId};
use crate::model::{Item, Sequence, Track};
use crate::timeline::track;

/// What an edit took out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// The clips, in the order of the tracks.
    pub clips: Vec<ClipId>,
    /// How many frames earlier what comes after them is now; 0 if a gap was left.
    pub closed: i64,
}

/// Takes a clip out, and the clips linked to it.
///
/// Without `ripple` gaps are left, and nothing else moves. With `ripple` the time that is now empty
/// is closed on all tracks; where another clip is seen or heard meanwhile, that time stays, as
/// closing it would either cut that clip or move it against the others. Transitions at the removed
/// clips go with them, and so do those that the closed gaps leave no room for.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) if the sequence has no such clip.
pub fn remove(sequence: &mut Sequence, clip: ClipId, ripple: bool) -> Result<Removed> {
    const OPERATION: &str = "sequences.remove";

    track::measured(sequence, OPERATION)?;
    let Some(link) = clips(&sequence.tracks).find(|found| found.id == clip).map(|clip| clip.link)
    else {
        return Err(no_such_clip(OPERATION, sequence, clip));
    };
    let goes = |item: &Item| match item {
        Item::Clip(other) => other.id == clip || (link.is_some() && other.link == link),
        _ => false,
    };
    let mut removed = Removed { clips: Vec::new(), closed: 0 };
    let mut empty = Vec::new();
    for track in &mut sequence.tracks {
        for (start, item) in track::placed(&track.items) {
            if let Item::Clip(clip) = item
                && goes(item)
            {
                removed.clips.push(clip.id);
                empty.push((start, start + clip.duration));
            }
        }
        leave_gaps(&mut track.items, goes);
    }
    if ripple {
        removed.closed = close(&mut sequence.tracks, empty);
    }
    for track in &mut sequence.tracks {
        track::tidy(&mut track.items);
    }
    Ok(removed)
}

/// Takes what is empty on all tracks out of the spans, and says how many frames that was. Gaps
/// without length stay, for [`tidy`](track::tidy).
pub(super) fn close(tracks: &mut [Track], spans: Vec<(i64, i64)>) -> i64 {
    let empty = track::empty_on_all(tracks, spans);
    for track in tracks {
        track::shrink_gaps(&mut track.items, &empty);
    }
    empty.iter().map(|(start, end)| end - start).sum()
}

/// Leaves gaps in place of some clips, and drops the transitions next to them.
fn leave_gaps(items: &mut Vec<Item>, goes: impl Fn(&Item) -> bool) {
    let gone: Vec<bool> = items.iter().map(goes).collect();
    let is_gone = |index: Option<usize>| index.and_then(|index| gone.get(index)) == Some(&true);
    let mut index = 0_usize;
    items.retain_mut(|item| {
        let here = index;
        index += 1;
        match item {
            Item::Transition(_) => !is_gone(here.checked_sub(1)) && !is_gone(Some(here + 1)),
            item => {
                if is_gone(Some(here)) {
                    *item = track::gap(item.duration());
                }
                true
            }
        }
    });
}

/// Empties a range of frames on some tracks, or on all when none is named.
pub(super) fn lift(
    sequence: &mut Sequence,
    start: i64,
    duration: i64,
    tracks: &[TrackId],
    facts: &Facts<'_>,
) -> Result<()> {
    let (start, end) = range(sequence, start, duration)?;
    verify_tracks(sequence, tracks)?;
    let chosen = |track: &Track| tracks.is_empty() || tracks.contains(&track.id);
    let razor = Razor::new(&sequence.tracks, chosen, (start, end), sequence.rate, facts);
    for track in sequence.tracks.iter_mut().filter(|track| chosen(track)) {
        let here = |(from, item): (i64, &Item)| {
            matches!(item, Item::Clip(_)) && from < end && start < from + item.duration()
        };
        // Where nothing is, a fade beside it stays.
        if !track::placed(&track.items).any(here) {
            continue;
        }
        let (left, right) = razor.take_out(std::mem::take(&mut track.items))?;
        track.items = left;
        track.items.push(track::gap(end - start));
        track.items.extend(right);
        track::tidy(&mut track.items);
    }
    Ok(())
}

/// Takes a range of frames out of all tracks.
pub(super) fn extract(
    sequence: &mut Sequence,
    start: i64,
    duration: i64,
    facts: &Facts<'_>,
) -> Result<()> {
    let (start, end) = range(sequence, start, duration)?;
    let razor = Razor::new(&sequence.tracks, |_| true, (start, end), sequence.rate, facts);
    for track in &mut sequence.tracks {
        if track::length(&track.items) <= start {
            continue;
        }
        let (left, right) = razor.take_out(std::mem::take(&mut track.items))?;
        track.items = left;
        track.items.extend(right);
        track::tidy(&mut track.items);
    }
    Ok(())
}

/// The first frame of a range and the one after its last, cut to the sequence.
fn range(sequence: &Sequence, start: i64, duration: i64) -> Result<(i64, i64)> {
    let length = track::measured(sequence, OPERATION)?;
    if start < 0 || duration < 1 {
        let message = "a range starts at frame 0 or later and has at least one frame";
        return Err(Error::invalid(OPERATION, message)
            .with("start", start)
            .with("duration", duration));
    }
    let start = start.min(length);
    Ok((start, start.saturating_add(duration).min(length)))
}
