//! Conforming: which frames of which media, and which sound, make up a cut.
//!
//! A [`Plan`] is what a renderer needs and no more: nested sequences are flattened, hidden clips
//! are gone, and for every frame of the output it is known which frame of which media is seen. It
//! is a pure function of the document; nothing is opened. [`Plan::at`] answers frame by frame and
//! is what a renderer is checked against.

mod map;
mod picture;
mod pieces;
mod sound;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use map::{FrameMap, Step};
pub use pieces::{Limits, Piece, pieces};

use super::{Issue, IssueKind};
use crate::error::{Error, Result};
use crate::id::ClipId;
use crate::model::{AssetSource, MediaSummary, Sequence};
use crate::time::{MediaTime, Rate, TimeRange};
use crate::timeline::format::Document;

pub(super) const OPERATION: &str = "timeline.conform";

/// How deep sequences may be nested in each other.
pub const MAX_DEPTH: usize = 32;

/// How many pieces a flattened cut may have: nesting multiplies, and a few small sequences can
/// stand for more than any memory holds.
pub const MAX_SPANS: usize = 1_000_000;

/// What a plan needs to know of media.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MediaFacts {
    /// The facts of its original.
    pub summary: MediaSummary,
    /// Whether what is behind its picture can be seen through it.
    pub alpha: bool,
}

/// What is seen and heard, frame by frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Frames a second.
    pub rate: Rate,
    /// Whether its timecode is shown drop-frame.
    pub drop_frame: bool,
    /// How many frames it has.
    pub frames: i64,
    /// Its ranges of the sequence, in order; they follow each other without a gap.
    pub ranges: Vec<PlanRange>,
    /// What is seen: every frame is in one segment, and they are in order.
    pub segments: Vec<Segment>,
    /// What is heard.
    pub sounds: Vec<Sound>,
    /// What cannot be rendered as the sequence says it.
    pub issues: Vec<Issue>,
}

/// A range of the sequence in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRange {
    /// Its first frame in the plan.
    pub start: i64,
    /// How many frames it has.
    pub frames: i64,
    /// The timecode of its first frame, as a frame number.
    pub timecode: i64,
}

/// Frames that show the same things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its first frame in the plan.
    pub start: i64,
    /// How many frames it has.
    pub frames: i64,
    /// What is seen, from the back to the front; black where nothing is.
    pub layers: Vec<Layer>,
}

/// One thing that is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A picture.
    Shot(Shot),
    /// One picture giving way to another.
    Dissolve(Dissolve),
}

/// Frames of media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shot {
    /// The clip it is of.
    pub clip: ClipId,
    /// The clip's name.
    pub name: String,
    /// The media.
    pub source: AssetSource,
    /// From frames of the plan to frames of the media.
    pub map: FrameMap,
    /// How many frames the media has, where that is known. Frames before its first and after its
    /// last are shown as these.
    pub length: Option<i64>,
    /// Frames of the media a second; of a picture without time, none.
    pub rate: Option<Rate>,
    /// Whether what is behind it can be seen through it.
    pub alpha: bool,
}

/// One picture giving way to another. At its frame `k` of `n` the second is seen to
/// `(k + 1) / (n + 1)`: no frame of it shows only one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dissolve {
    /// What is seen before, from the back to the front: what lies behind where there is nothing.
    pub from: Vec<Layer>,
    /// What is seen after.
    pub to: Vec<Layer>,
    /// Its first frame in the plan; it may lie before the segment's.
    pub start: i64,
    /// How many frames it takes.
    pub frames: i64,
}

/// Sound of media.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sound {
    /// The clip it is of.
    pub clip: ClipId,
    /// The clip's name.
    pub name: String,
    /// The media.
    pub source: AssetSource,
    /// Its first frame in the plan.
    pub start: i64,
    /// How many frames of the plan it takes.
    pub frames: i64,
    /// Where in the media the first of these is, in seconds as a fraction. Of sound that runs
    /// backwards it is where the media is at the end of the first sample heard.
    pub at: (i64, i64),
    /// How fast it runs, as a fraction; negative backwards.
    pub speed: (i64, i64),
    /// Which channels are heard, counted from 1; all when empty.
    pub channels: Vec<u16>,
    /// How it swells and dies away.
    pub fades: Vec<Fade>,
}

/// A steady change between silence and full sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fade {
    /// Its first frame in the plan; it may lie before the sound's.
    pub start: i64,
    /// How many frames it takes.
    pub frames: i64,
    /// Whether it ends in silence and does not begin in it.
    pub out: bool,
}

impl Shot {
    /// The frame of the media seen at a frame of the plan.
    pub fn at(&self, frame: i64) -> i64 {
        let frame = self.map.at(frame).max(0);
        self.length.map_or(frame, |length| frame.min(length.saturating_sub(1).max(0)))
    }
}

/// What is seen of one shot at one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen<'a> {
    /// The shot.
    pub shot: &'a Shot,
    /// The frame of its media.
    pub frame: i64,
    /// How much of it is seen over what is behind it, as a fraction.
    pub share: (i64, i64),
}

impl Plan {
    /// What is seen at a frame of the plan, from the back to the front.
    pub fn at(&self, frame: i64) -> Vec<Seen<'_>> {
        let index = self.segments.partition_point(|segment| segment.start <= frame);
        let segment = index.checked_sub(1).and_then(|index| self.segments.get(index));
        let mut seen = Vec::new();
        if let Some(segment) = segment.filter(|segment| frame < segment.start + segment.frames) {
            see(&segment.layers, frame, (1, 1), &mut seen);
        }
        seen
    }

    /// The media that is seen or heard.
    pub fn sources(&self) -> BTreeSet<AssetSource> {
        let mut sources: BTreeSet<_> = self.sounds.iter().map(|sound| sound.source).collect();
        for segment in &self.segments {
            shots(&segment.layers, &mut |shot| {
                sources.insert(shot.source);
            });
        }
        sources
    }
}

fn see<'a>(layers: &'a [Layer], frame: i64, share: (i64, i64), seen: &mut Vec<Seen<'a>>) {
    for layer in layers {
        match layer {
            Layer::Shot(shot) => seen.push(Seen { shot, frame: shot.at(frame), share }),
            Layer::Dissolve(dissolve) => {
                let (done, of) = (frame - dissolve.start + 1, dissolve.frames + 1);
                see(&dissolve.from, frame, (share.0 * (of - done), share.1 * of), seen);
                see(&dissolve.to, frame, (share.0 * done, share.1 * of), seen);
            }
        }
    }
}

/// Calls `each` with every shot of the layers.
pub fn shots<'a>(layers: &'a [Layer], each: &mut dyn FnMut(&'a Shot)) {
    for layer in layers {
        match layer {
            Layer::Shot(shot) => each(shot),
            Layer::Dissolve(dissolve) => {
                shots(&dissolve.from, each);
                shots(&dissolve.to, each);
            }
        }
    }
}

/// Which part of a sequence a plan is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Ranges of the sequence, counted from its start (0) at its rate, one after the other; all of
    /// it where there is none.
    pub ranges: Vec<TimeRange>,
    /// Frames before and after each range, as far as the sequence has them.
    pub handles: i64,
}

/// Plans the first sequence of a document.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a broken or an empty sequence, a range
/// that is outside of it, sequences nested in themselves or too deep, and more pieces than
/// [`MAX_SPANS`].
pub fn plan(
    document: &Document,
    wanted: &Wanted,
    facts: &dyn Fn(&AssetSource) -> Option<MediaFacts>,
) -> Result<Plan> {
    document.verify()?;
    let sequence = document.main()?;
    let ranges = ranges(sequence, wanted)?;
    let mut issues = Vec::new();
    let segments = picture::segments(document, facts, &mut issues)?;
    let sounds = sound::sounds(document, facts, &mut issues)?;
    let mut plan = Plan {
        rate: sequence.rate,
        drop_frame: sequence.drop_frame,
        frames: 0,
        ranges: Vec::new(),
        segments: Vec::new(),
        sounds: Vec::new(),
        issues,
    };
    for (from, to) in ranges {
        let shift = plan.frames.saturating_sub(from);
        plan.segments.extend(picture::cut(&segments, from, to, shift));
        plan.sounds.extend(
            sounds.iter().filter_map(|sound| sound::cut(sound, from, to, shift, sequence.rate)),
        );
        let timecode = sequence.start.saturating_add(from);
        plan.ranges.push(PlanRange { start: plan.frames, frames: to - from, timecode });
        plan.frames += to - from;
    }
    Ok(plan)
}

fn ranges(sequence: &Sequence, wanted: &Wanted) -> Result<Vec<(i64, i64)>> {
    let length = super::length(sequence);
    let wrong = |message| Error::invalid(OPERATION, message).with("sequence", sequence.id);
    if length < 1 {
        return Err(wrong("the sequence is empty, so there is nothing to render"));
    }
    if wanted.handles < 0 {
        return Err(wrong("handles are frames outside a range; they cannot be negative"));
    }
    if wanted.ranges.is_empty() {
        return Ok(vec![(0, length)]);
    }
    wanted
        .ranges
        .iter()
        .map(|range| {
            let exact = |frame| {
                MediaTime::new(frame, range.rate())
                    .rescale_exact(sequence.rate)
                    .map(MediaTime::value)
            };
            let (start, end) = (exact(range.start())?, exact(range.end())?);
            if start < 0 || end > length || start >= end {
                let message = "a range must lie in the sequence and have a frame at least";
                return Err(wrong(message).with("range", range).with("length", length));
            }
            let first = start.saturating_sub(wanted.handles).max(0);
            Ok((first, end.saturating_add(wanted.handles).min(length)))
        })
        .collect()
}

pub(super) fn too_many() -> Error {
    let message = "the sequence and those nested in it are more pieces than can be rendered at \
                   once; render the nested ones first and cut with what comes of it";
    Error::invalid(OPERATION, message).with("limit", MAX_SPANS)
}

/// Adds an issue of a clip.
pub(super) fn note(issues: &mut Vec<Issue>, clip: ClipId, kind: IssueKind, message: String) {
    issues.push(Issue::new(kind, message).of_clip(clip));
}
