//! A sequence as single frames: what each edit must make of it, said without items.

use super::Edge;
use super::samples::length_of_film;
use super::track::placed;
use crate::id::{AssetId, ClipId};
use crate::model::{Clip, Item, Sequence};

/// The asset a frame of a track shows, and which of its frames.
pub(super) type Shown = Option<(AssetId, i64)>;

/// What every track shows, frame by frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frames(pub(super) Vec<Vec<Shown>>);

/// A clip and where it is.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) track: usize,
    pub(super) start: i64,
    pub(super) clip: Clip,
}

impl Found {
    pub(super) fn end(&self) -> i64 {
        self.start + self.clip.duration
    }

    fn at(&self, edge: Edge) -> i64 {
        if edge == Edge::Head { self.start } else { self.end() }
    }
}

/// What a clip shows at one of its frames, or would show before it or after it. All rates are
/// alike here and all speeds whole, so there is nothing to round.
pub(super) fn shown(clip: &Clip, at: i64) -> Shown {
    let speed = i64::from(clip.speed.num());
    let start = clip.source_start.value();
    let frame =
        if speed < 0 { start + (clip.duration - 1 - at) * -speed } else { start + at * speed };
    Some((clip.source.asset().unwrap().asset, frame))
}

pub(super) fn found(sequence: &Sequence) -> Vec<Found> {
    let mut all = Vec::new();
    for (track, on) in sequence.tracks.iter().enumerate() {
        for (start, item) in placed(&on.items) {
            if let Item::Clip(clip) = item {
                all.push(Found { track, start, clip: clip.clone() });
            }
        }
    }
    all
}

/// A clip and those linked to it, itself first.
pub(super) fn group(sequence: &Sequence, id: ClipId) -> Vec<Found> {
    let all = found(sequence);
    let own = all.iter().find(|found| found.clip.id == id).unwrap().clone();
    let others = all.into_iter().filter(|found| {
        found.clip.id != id && own.clip.link.is_some() && found.clip.link == own.clip.link
    });
    std::iter::once(own.clone()).chain(others).collect()
}

/// Those of a group that have an end at the same frame.
pub(super) fn aligned(sequence: &Sequence, id: ClipId, edge: Edge) -> Vec<Found> {
    let group = group(sequence, id);
    let at = group[0].at(edge);
    group.into_iter().filter(|found| found.at(edge) == at).collect()
}

fn index(frame: i64) -> usize {
    usize::try_from(frame).unwrap()
}

impl Frames {
    pub(super) fn of(sequence: &Sequence) -> Self {
        let mut tracks = vec![Vec::new(); sequence.tracks.len()];
        for found in found(sequence) {
            tracks[found.track].resize(index(found.start), None);
            tracks[found.track].extend((0..found.clip.duration).map(|at| shown(&found.clip, at)));
        }
        Self(tracks)
    }

    pub(super) fn trimmed(mut self) -> Self {
        for track in &mut self.0 {
            while track.last() == Some(&None) {
                track.pop();
            }
        }
        self
    }

    fn set(&mut self, track: usize, at: i64, shown: Shown) {
        let track = &mut self.0[track];
        if track.len() <= index(at) {
            track.resize(index(at) + 1, None);
        }
        track[index(at)] = shown;
    }

    pub(super) fn fill(&mut self, track: usize, from: i64, to: i64, what: impl Fn(i64) -> Shown) {
        for at in from..to {
            self.set(track, at, what(at - from));
        }
    }

    fn is_empty_at(&self, track: usize, at: i64) -> bool {
        self.0[track].get(index(at)).is_none_or(Option::is_none)
    }

    /// Takes those of some frames away that are empty on all tracks.
    fn close(&mut self, from: i64, to: i64) {
        for at in (from..to).rev() {
            if (0..self.0.len()).all(|track| self.is_empty_at(track, at)) {
                self.drop_frames(at, at + 1);
            }
        }
    }

    pub(super) fn drop_frames(&mut self, from: i64, to: i64) {
        for track in &mut self.0 {
            let end = index(to).min(track.len());
            track.drain(index(from).min(end)..end);
        }
    }

    fn open(&mut self, at: i64, frames: i64) {
        for track in self.0.iter_mut().filter(|track| track.len() > index(at)) {
            track.splice(index(at)..index(at), (0..frames).map(|_| None));
        }
    }

    /// What a trim makes of it; none where it must be refused.
    pub(super) fn trim(
        mut self,
        spots: &[Found],
        edge: Edge,
        by: i64,
        ripple: bool,
    ) -> Option<Self> {
        let at = spots[0].at(edge);
        if spots.iter().any(|spot| by >= spot.clip.duration) {
            return None;
        }
        let (from, to) = match edge {
            Edge::Head => (at, at + by),
            Edge::Tail => (at - by, at),
        };
        if by >= 0 {
            for spot in spots {
                self.fill(spot.track, from, to, |_| None);
            }
            if ripple {
                self.close(from, to);
            }
            return Some(self.trimmed());
        }
        let more = -by;
        if ripple {
            self.open(at, more);
        }
        for spot in spots {
            // Where the new frames lie in the sequence, and how many frames into the clip.
            let (first, inside) = match (edge, ripple) {
                (Edge::Tail, _) => (at, spot.clip.duration),
                (Edge::Head, true) => (at, -more),
                (Edge::Head, false) => (at - more, -more),
            };
            self.add(spot, first, inside, more, ripple)?;
        }
        Some(self.trimmed())
    }

    /// Shows more of a clip, in frames that must be empty and of which its media must have all.
    fn add(&mut self, spot: &Found, at: i64, inside: i64, more: i64, over: bool) -> Option<()> {
        for frame in 0..more {
            let new = shown(&spot.clip, inside + frame);
            let has = new.is_some_and(|(_, frame)| (0..length_of_film()).contains(&frame));
            if at + frame < 0 || !has || !(over || self.is_empty_at(spot.track, at + frame)) {
                return None;
            }
            self.set(spot.track, at + frame, new);
        }
        Some(())
    }

    /// Makes one more clip end later or earlier, or begin so: `by` frames more, below zero less.
    /// Frames it takes must be free, those it leaves are empty.
    pub(super) fn stretch(&mut self, spot: &Found, edge: Edge, by: i64) -> Option<()> {
        if -by >= spot.clip.duration {
            return None;
        }
        let at = spot.at(edge);
        match (edge, by >= 0) {
            (Edge::Tail, true) => self.add(spot, at, spot.clip.duration, by, true)?,
            (Edge::Head, true) => self.add(spot, at - by, -by, by, true)?,
            (Edge::Tail, false) => self.fill(spot.track, at + by, at, |_| None),
            (Edge::Head, false) => self.fill(spot.track, at, at - by, |_| None),
        }
        Some(())
    }
}
