//! Putting clips in: append, insert, overwrite, lay over.

use std::collections::BTreeMap;

use super::locate::{free_link, verify_tracks};
use super::razor::Razor;
use super::{Facts, OPERATION};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::id::{ClipId, TrackId};
use crate::model::{Clip, ClipSource, Item, Sequence, Track, TrackKind};
use crate::timeline::placement::Placement;
use crate::timeline::track;

/// What an edit put in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placed {
    /// The frame of the sequence it starts at.
    pub start: i64,
    /// The new clips: the picture, then the sound.
    pub clips: Vec<ClipId>,
}

/// What of a placement is wanted, and on which tracks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Targets<'a> {
    only: Option<TrackKind>,
    tracks: &'a [TrackId],
}

impl<'a> Targets<'a> {
    /// Everything, on the first track of each kind.
    const FIRST: Targets<'static> = Targets { only: None, tracks: &[] };

    pub(super) const fn new(only: Option<TrackKind>, tracks: &'a [TrackId]) -> Self {
        Self { only, tracks }
    }

    /// The index of the track a clip goes on; one is made where there is none of its kind.
    fn lane(&self, tracks: &mut Vec<Track>, kind: TrackKind, clock: &dyn Clock) -> usize {
        tracks
            .iter()
            .position(|track| track.kind == kind && self.tracks.contains(&track.id))
            .or_else(|| tracks.iter().position(|track| track.kind == kind))
            .unwrap_or_else(|| add_lane(tracks, kind, clock))
    }
}

/// Puts a piece of an asset at the end of the sequence.
///
/// The picture goes on the first video track and the sound on the first audio track, linked; words
/// go on the first caption track; a track that is missing is made. All start where the longest
/// track ends. A fade at that very place is removed.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a placement without length, picture and
/// sound, and for a sequence that would be longer than 64 bits can count.
pub fn append(sequence: &mut Sequence, placement: &Placement, clock: &dyn Clock) -> Result<Placed> {
    append_to(sequence, placement, Targets::FIRST, &Facts::none(clock))
}

/// As [`append`], on chosen tracks. Changes nothing where it fails.
pub(super) fn append_to(
    sequence: &mut Sequence,
    placement: &Placement,
    targets: Targets<'_>,
    facts: &Facts<'_>,
) -> Result<Placed> {
    const OPERATION: &str = "sequences.append";

    placement.verify(OPERATION)?;
    let at = track::measured(sequence, OPERATION)?;
    end_of(OPERATION, at, placement)?;
    verify_tracks(sequence, targets.tracks)?;
    let link = free_link(&sequence.tracks);
    let mut placed = Placed { start: at, clips: Vec::new() };
    for (kind, clip) in clips_of(placement, targets.only, link, facts.clock)? {
        placed.clips.push(clip.id);
        let index = targets.lane(&mut sequence.tracks, kind, facts.clock);
        if let Some(track) = sequence.tracks.get_mut(index) {
            track::put(&mut track.items, at, clip);
            track::tidy(&mut track.items);
        }
    }
    Ok(placed)
}

/// Puts a piece of an asset at frame `at` of the sequence, and moves what is there and after it
/// back by as much, on all tracks.
///
/// The picture goes on the first video track and the sound on the first audio track, linked; a
/// track that is missing is made. A clip across `at` is parted; where its source has another rate,
/// its second part starts at the nearest frame of the source (or the one before, where it would
/// need more media otherwise), and the second parts of linked clips are linked to each other.
/// Transitions at `at` are removed. Beyond the end of a track a gap fills up.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a negative frame, a placement without
/// length, picture and sound, and for a sequence that would be longer than 64 bits can count.
pub fn insert(
    sequence: &mut Sequence,
    at: i64,
    placement: &Placement,
    clock: &dyn Clock,
) -> Result<Placed> {
    // On a copy: parting a clip can fail, and then nothing may have changed.
    let mut draft = sequence.clone();
    let placed = insert_at(&mut draft, at, placement, Targets::FIRST, &Facts::none(clock))?;
    *sequence = draft;
    Ok(placed)
}

/// As [`insert`], on chosen tracks.
pub(super) fn insert_at(
    sequence: &mut Sequence,
    at: i64,
    placement: &Placement,
    targets: Targets<'_>,
    facts: &Facts<'_>,
) -> Result<Placed> {
    const OPERATION: &str = "sequences.insert";

    verify(OPERATION, sequence, at, placement, targets)?;
    let razor = Razor::new(&sequence.tracks, |_| true, (at, at), sequence.rate, facts);
    let mut placed = Placed { start: at, clips: Vec::new() };
    let mut new = BTreeMap::new();
    for (kind, clip) in clips_of(placement, targets.only, razor.free_link, facts.clock)? {
        placed.clips.push(clip.id);
        let index = targets.lane(&mut sequence.tracks, kind, facts.clock);
        new.insert(index_id(&sequence.tracks, index), clip);
    }
    for track in &mut sequence.tracks {
        let clip = new.remove(&Some(track.id));
        open(track, at, placement.duration, clip, &razor)?;
    }
    Ok(placed)
}

fn index_id(tracks: &[Track], index: usize) -> Option<TrackId> {
    tracks.get(index).map(|track| track.id)
}

/// Puts `duration` frames into a track at frame `at`, filled by a clip or a gap; `razor` cuts
/// there. Beyond the end of the track there is nothing to move.
pub(super) fn open(
    track: &mut Track,
    at: i64,
    duration: i64,
    clip: Option<Clip>,
    razor: &Razor<'_>,
) -> Result<()> {
    if at >= track::length(&track.items) {
        if let Some(clip) = clip {
            track::put(&mut track.items, at, clip);
        }
    } else {
        let (left, right) = razor.take_out(std::mem::take(&mut track.items))?;
        track.items = left;
        track.items.push(clip.map_or(track::gap(duration), Item::Clip));
        track.items.extend(right);
    }
    track::tidy(&mut track.items);
    Ok(())
}

/// Puts a piece of an asset at frame `at` in place of what is there.
pub(super) fn overwrite(
    sequence: &mut Sequence,
    at: i64,
    placement: &Placement,
    targets: Targets<'_>,
    facts: &Facts<'_>,
) -> Result<()> {
    verify(OPERATION, sequence, at, placement, targets)?;
    let end = at.saturating_add(placement.duration);
    let mut new = BTreeMap::new();
    for (kind, clip) in clips_of(placement, targets.only, 0, facts.clock)? {
        let index = targets.lane(&mut sequence.tracks, kind, facts.clock);
        new.insert(index_id(&sequence.tracks, index), clip);
    }
    let chosen = |track: &Track| new.contains_key(&Some(track.id));
    let razor = Razor::new(&sequence.tracks, chosen, (at, end), sequence.rate, facts);
    for track in &mut sequence.tracks {
        let Some(mut clip) = new.remove(&Some(track.id)) else {
            continue;
        };
        clip.link = clip.link.map(|_| razor.free_link);
        let (left, right) = razor.take_out(std::mem::take(&mut track.items))?;
        track.items = left;
        track::put(&mut track.items, at, clip);
        track.items.extend(right);
        track::tidy(&mut track.items);
    }
    Ok(())
}

/// Puts a piece of an asset over what is at frame `at`.
pub(super) fn lay_over(
    sequence: &mut Sequence,
    at: i64,
    placement: &Placement,
    only: Option<TrackKind>,
    facts: &Facts<'_>,
) -> Result<()> {
    verify(OPERATION, sequence, at, placement, Targets::new(only, &[]))?;
    let end = at.saturating_add(placement.duration);
    let mut lanes = Vec::new();
    for (kind, _) in clips_of(placement, only, 0, facts.clock)? {
        let mut index = None;
        for (here, track) in sequence.tracks.iter().enumerate() {
            if track.kind != kind {
                continue;
            }
            let free = is_free(track, at, end);
            if !free && kind != TrackKind::Audio {
                // What is below a clip would not be over it.
                index = None;
            } else if free && index.is_none() {
                index = Some(here);
            }
        }
        let index = index.unwrap_or_else(|| add_lane(&mut sequence.tracks, kind, facts.clock));
        lanes.extend(index_id(&sequence.tracks, index));
    }
    overwrite(sequence, at, placement, Targets::new(only, &lanes), facts)
}

fn is_free(track: &Track, start: i64, end: i64) -> bool {
    track::placed(&track.items)
        .skip_while(|(from, item)| from + item.duration() <= start)
        .take_while(|(from, _)| *from < end)
        .all(|(_, item)| !matches!(item, Item::Clip(_)))
}

/// Refuses what no sequence, or not this one, can take in.
fn verify(
    operation: &'static str,
    sequence: &Sequence,
    at: i64,
    placement: &Placement,
    targets: Targets<'_>,
) -> Result<()> {
    placement.verify(operation)?;
    if at < 0 {
        let message = "a sequence starts at frame 0; nothing can be put before it";
        return Err(Error::invalid(operation, message).with("at", at));
    }
    let length = track::measured(sequence, operation)?;
    end_of(operation, length.max(at), placement)?;
    verify_tracks(sequence, targets.tracks)
}

/// The clips a placement becomes, with the kinds of track they go on.
fn clips_of(
    placement: &Placement,
    only: Option<TrackKind>,
    link: u32,
    clock: &dyn Clock,
) -> Result<Vec<(TrackKind, Clip)>> {
    let words = matches!(placement.source, ClipSource::Caption(_));
    let mut kinds = vec![
        (TrackKind::Video, !words && placement.video),
        (TrackKind::Audio, !words && placement.audio),
        (TrackKind::Caption, words),
    ];
    kinds.retain(|(kind, wanted)| *wanted && only.is_none_or(|only| only == *kind));
    if kinds.is_empty() {
        let message = "the clip has nothing of the kind that is asked for";
        return Err(Error::invalid(OPERATION, message).with("clip", &placement.name));
    }
    let both = kinds.len() > 1;
    let clip = |(kind, _)| {
        let clip = Clip::new(
            clock,
            &placement.name,
            placement.source.clone(),
            placement.source_start,
            placement.duration,
        );
        (kind, Clip { link: both.then_some(link), ..clip })
    };
    Ok(kinds.into_iter().map(clip).collect())
}

/// Makes a track above the others of its kind; gives its index.
fn add_lane(tracks: &mut Vec<Track>, kind: TrackKind, clock: &dyn Clock) -> usize {
    let letter = match kind {
        TrackKind::Video => "V",
        TrackKind::Audio => "A",
        TrackKind::Caption => "C",
    };
    let number = tracks.iter().filter(|track| track.kind == kind).count() + 1;
    // Video tracks come first, then audio, then captions.
    let index = tracks.partition_point(|track| track.kind <= kind);
    tracks.insert(index, Track::new(clock, kind, format!("{letter}{number}")));
    index
}

/// Makes sure that the sequence can hold the placement at `at`.
fn end_of(operation: &'static str, at: i64, placement: &Placement) -> Result<()> {
    match at.checked_add(placement.duration) {
        Some(_) => Ok(()),
        None => {
            let message = "the sequence would be longer than 64 bits can count";
            Err(Error::invalid(operation, message)
                .with("at", at)
                .with("duration", placement.duration))
        }
    }
}
