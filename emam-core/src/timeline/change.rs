//! What is different between two states of a sequence, small enough to keep, to send and to undo.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::id::TrackId;
use crate::model::{Item, Marker, Sequence, Track};

const OPERATION: &str = "sequences.undo";

/// The difference between two states of the tracks and marks of a sequence.
///
/// It names what it replaces, so that it is refused where something else stands by now, and its
/// [`inverse`](Self::inverse) undoes it. Its size goes with what changed, not with the sequence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What is replaced, one after the other.
    pub steps: Vec<ChangeStep>,
}

/// A part of a [`Change`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChangeStep {
    /// Items of a track in place of others.
    Items {
        /// The track.
        track: TrackId,
        /// Where the first of them stands among the items of the track, from 0.
        at: usize,
        /// What stands there.
        removed: Vec<Item>,
        /// What comes there.
        added: Vec<Item>,
    },
    /// Marks of the sequence in place of others.
    Markers {
        /// Where the first of them stands among the marks, from 0.
        at: usize,
        /// What stands there.
        removed: Vec<Marker>,
        /// What comes there.
        added: Vec<Marker>,
    },
    /// A track that goes, with what is on it.
    RemoveTrack {
        /// Where it stands among the tracks, from 0.
        at: usize,
        /// The track.
        track: Track,
    },
    /// A track that comes, with what is on it.
    AddTrack {
        /// Where it comes among the tracks, from 0.
        at: usize,
        /// The track.
        track: Track,
    },
}

impl Change {
    /// What makes the tracks and marks of `after` out of those of `before`.
    pub fn between(before: &Sequence, after: &Sequence) -> Self {
        let mut steps = Vec::new();
        for (at, removed, added) in splices(&before.markers, &after.markers) {
            steps.push(ChangeStep::Markers { at, removed, added });
        }
        let places: BTreeMap<TrackId, usize> =
            after.tracks.iter().enumerate().map(|(index, track)| (track.id, index)).collect();
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        // Where the next track of `after` is that has not been seen to.
        let mut next = 0;
        for (at, track) in before.tracks.iter().enumerate() {
            let place = places.get(&track.id).copied().filter(|place| *place >= next);
            let same = place
                .and_then(|place| Some((place, after.tracks.get(place)?)))
                .filter(|(_, other)| is_same(track, other));
            let Some((place, other)) = same else {
                gone.push(ChangeStep::RemoveTrack { at, track: track.clone() });
                continue;
            };
            for (at, removed, added) in splices(&track.items, &other.items) {
                steps.push(ChangeStep::Items { track: track.id, at, removed, added });
            }
            come.extend(added_tracks(after, next, place));
            next = place + 1;
        }
        come.extend(added_tracks(after, next, after.tracks.len()));
        // The last first, so that the others stand where they are said to.
        steps.extend(gone.into_iter().rev());
        steps.extend(come);
        Self { steps }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What undoes it.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { steps: self.steps.iter().rev().map(ChangeStep::inverse).collect() }
    }

    /// Makes the change. `revision` and `updated_at` are the caller's.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where something else stands than what it replaces; then
    /// the sequence is as it was.
    pub fn apply(&self, sequence: &mut Sequence) -> Result<()> {
        for (done, step) in self.steps.iter().enumerate() {
            if let Err(error) = step.apply(sequence) {
                for step in self.steps.iter().take(done).rev() {
                    // What was just put there stands there.
                    step.inverse().apply(sequence)?;
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Whether two tracks are the same but for what is on them.
fn is_same(track: &Track, other: &Track) -> bool {
    track.id == other.id
        && track.kind == other.kind
        && track.name == other.name
        && track.enabled == other.enabled
        && track.foreign == other.foreign
}

fn added_tracks(after: &Sequence, from: usize, to: usize) -> impl Iterator<Item = ChangeStep> {
    let track = |(at, track): (usize, &Track)| ChangeStep::AddTrack { at, track: track.clone() };
    after.tracks.iter().enumerate().take(to).skip(from).map(track)
}

/// What is replaced in a list: where, what stood there, and what comes there. Where as many come as
/// go, those between that stay are not named.
fn splices<T: Clone + PartialEq>(before: &[T], after: &[T]) -> Vec<(usize, Vec<T>, Vec<T>)> {
    let start = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let (_, old) = before.split_at(start);
    let (_, new) = after.split_at(start);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, _) = old.split_at(old.len() - end);
    let (new, _) = new.split_at(new.len() - end);
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    if old.len() != new.len() {
        return vec![(start, old.to_vec(), new.to_vec())];
    }
    let mut splices: Vec<(usize, Vec<T>, Vec<T>)> = Vec::new();
    let mut open = false;
    for (index, (old, new)) in old.iter().zip(new).enumerate() {
        if old == new {
            open = false;
            continue;
        }
        match splices.last_mut() {
            Some((_, removed, added)) if open => {
                removed.push(old.clone());
                added.push(new.clone());
            }
            _ => splices.push((start + index, vec![old.clone()], vec![new.clone()])),
        }
        open = true;
    }
    splices
}

impl ChangeStep {
    fn inverse(&self) -> Self {
        match self.clone() {
            Self::Items { track, at, removed, added } => {
                Self::Items { track, at, removed: added, added: removed }
            }
            Self::Markers { at, removed, added } => {
                Self::Markers { at, removed: added, added: removed }
            }
            Self::RemoveTrack { at, track } => Self::AddTrack { at, track },
            Self::AddTrack { at, track } => Self::RemoveTrack { at, track },
        }
    }

    fn apply(&self, sequence: &mut Sequence) -> Result<()> {
        let id = sequence.id;
        let done = match self {
            Self::Items { track, at, removed, added } => sequence
                .tracks
                .iter_mut()
                .find(|found| found.id == *track)
                .is_some_and(|track| replace(&mut track.items, *at, removed, added)),
            Self::Markers { at, removed, added } => {
                replace(&mut sequence.markers, *at, removed, added)
            }
            Self::RemoveTrack { at, track } => {
                replace(&mut sequence.tracks, *at, std::slice::from_ref(track), &[])
            }
            Self::AddTrack { at, track } => {
                // A second track of this id could not be told from the first.
                sequence.tracks.iter().all(|found| found.id != track.id)
                    && replace(&mut sequence.tracks, *at, &[], std::slice::from_ref(track))
            }
        };
        if done {
            return Ok(());
        }
        let message = "something else stands in the sequence by now than what is to be replaced; \
                       read it again";
        let error = Error::new(ErrorKind::Conflict, OPERATION, message).with("sequence", id);
        Err(match self {
            Self::Items { track, at, .. } => error.with("track", track).with("item", at),
            Self::Markers { at, .. } => error.with("marker", at),
            Self::RemoveTrack { track, .. } | Self::AddTrack { track, .. } => {
                error.with("track", track.id)
            }
        })
    }
}

/// Puts `added` in place of `removed`, if that stands at `at`.
fn replace<T: Clone + PartialEq>(list: &mut Vec<T>, at: usize, removed: &[T], added: &[T]) -> bool {
    let Some(end) = at.checked_add(removed.len()) else {
        return false;
    };
    let stands = list.get(at..end).is_some_and(|there| there == removed);
    if stands {
        list.splice(at..end, added.iter().cloned());
    }
    stands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TrackKind;
    use crate::time::Rate;
    use crate::timeline::samples::{clip, clock, gap, sequence, track};

    #[test]
    fn a_change_names_what_changed_and_no_more() {
        let clock = clock();
        let mut before = sequence(Rate::FPS_25, &clock);
        let items = (0..1000).map(|start| clip("a", start, 10, &clock)).collect();
        before.tracks.push(track(TrackKind::Video, items, &clock));
        let mut after = before.clone();
        after.tracks[0].items.splice(500..502, [gap(20)]);
        let change = Change::between(&before, &after);
        let [ChangeStep::Items { at: 500, removed, added, .. }] = &change.steps[..] else {
            panic!("{change:?}");
        };
        assert_eq!((removed.len(), added.len()), (2, 1));

        // Two places, and none of what is between them.
        let mut after = before.clone();
        after.tracks[0].items[3] = gap(1);
        after.tracks[0].items[900] = gap(2);
        after.markers.push(Marker { start: 7, ..Marker::default() });
        let change = Change::between(&before, &after);
        assert_eq!(change.steps.len(), 3);
        assert!(serde_json::to_string(&change).unwrap().len() < 2000);
        let read: Change = serde_json::from_str(&serde_json::to_string(&change).unwrap()).unwrap();
        assert_eq!(read, change);
        let mut redone = before.clone();
        read.apply(&mut redone).unwrap();
        assert_eq!(redone, after);
        change.inverse().apply(&mut redone).unwrap();
        assert_eq!(redone, before);
        assert!(Change::between(&before, &before).is_empty());
    }

    #[test]
    fn tracks_come_go_and_change_places() {
        let clock = clock();
        let mut before = sequence(Rate::FPS_25, &clock);
        for name in ["a", "b", "c", "d"] {
            let items = vec![clip(name, 0, 10, &clock)];
            before.tracks.push(track(TrackKind::Video, items, &clock));
        }
        let other = track(TrackKind::Video, vec![clip("e", 0, 10, &clock)], &clock);
        for order in [vec![0, 2, 3], vec![3, 0, 4, 1], vec![4, 0, 1, 2, 3, 4], vec![], vec![1, 0]] {
            let mut after = before.clone();
            after.tracks.clear();
            for index in order {
                let mut track = before.tracks.get(index).unwrap_or(&other).clone();
                if after.tracks.iter().any(|found| found.id == track.id) {
                    track.id = TrackId::new(&clock);
                }
                track.items.push(clip("new", 5, 5, &clock));
                after.tracks.push(track);
            }
            let change = Change::between(&before, &after);
            let mut made = before.clone();
            change.apply(&mut made).unwrap();
            assert_eq!(made, after);
            change.inverse().apply(&mut made).unwrap();
            assert_eq!(made, before);
        }
    }

    #[test]
    fn a_change_of_what_is_no_longer_there_is_a_conflict_and_changes_nothing() {
        let clock = clock();
        let mut before = sequence(Rate::FPS_25, &clock);
        let items = vec![clip("a", 0, 10, &clock), clip("b", 0, 10, &clock)];
        before.tracks.push(track(TrackKind::Video, items, &clock));
        let mut after = before.clone();
        after.markers.push(Marker::default());
        after.tracks[0].items.pop();
        let undo = Change::between(&before, &after).inverse();
        let mut other = after.clone();
        other.tracks[0].items.clear();
        let kept = other.clone();
        let error = undo.apply(&mut other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(other, kept);
        other.tracks.clear();
        assert_eq!(undo.apply(&mut other).unwrap_err().kind(), ErrorKind::Conflict);
        let far = ChangeStep::Markers { at: usize::MAX, removed: vec![], added: vec![] };
        assert!(Change { steps: vec![far] }.apply(&mut other).is_err());
    }
}
