//! A plan in pieces that can be rendered one by one.

use serde::{Deserialize, Serialize};

use super::{FrameMap, Layer, Plan, Segment, shots};

/// How large a piece may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Frames.
    pub frames: i64,
    /// Files that are open at once.
    pub shots: usize,
    /// Frames of media that are held in memory to be shown backwards.
    pub reversed: i64,
}

/// Frames of a plan that are rendered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its first frame in the plan.
    pub start: i64,
    /// How many frames it has.
    pub frames: i64,
}

/// Parts a plan into pieces: every frame is in one, they are in order, and none reaches over the
/// end of a range.
pub fn pieces(plan: &Plan, limits: Limits) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open = 0;
    let mut ranges = plan.ranges.iter().map(|range| range.start).peekable();
    for segment in &plan.segments {
        let (longest, weight) = (longest(segment, limits), weight(&segment.layers));
        let mut at = segment.start;
        let end = segment.start + segment.frames;
        while at < end {
            let begins = ranges.next_if(|start| *start <= at).is_some();
            let frames = longest.min(end - at);
            match pieces.last_mut() {
                Some(last)
                    if !begins
                        && last.frames + frames <= limits.frames
                        && open + weight <= limits.shots =>
                {
                    last.frames += frames;
                    open += weight;
                }
                _ => {
                    pieces.push(Piece { start: at, frames });
                    open = weight;
                }
            }
            at += frames;
        }
    }
    pieces
}

/// How many frames of a segment may be in one piece.
fn longest(segment: &Segment, limits: Limits) -> i64 {
    let mut longest = limits.frames.max(1);
    shots(&segment.layers, &mut |shot| {
        if let FrameMap::Steps(steps) = &shot.map
            && shot.map.is_reverse()
        {
            let frames = steps.iter().fold(i128::from(limits.reversed), |frames, step| {
                frames * i128::from(step.den) / i128::from(step.num.max(1))
            });
            longest = longest.min(i64::try_from(frames).unwrap_or(i64::MAX).max(1));
        }
    });
    longest
}

fn weight(layers: &[Layer]) -> usize {
    let mut count = 0;
    shots(layers, &mut |_| count += 1);
    count
}

impl Plan {
    /// The segments of a piece, parted at its ends.
    pub fn segments_of(&self, piece: Piece) -> impl Iterator<Item = Segment> {
        let end = piece.start + piece.frames;
        let first = self.segments.partition_point(|s| s.start + s.frames <= piece.start);
        let inside = self.segments.get(first..).unwrap_or_default().iter();
        inside.take_while(move |segment| segment.start < end).map(move |segment| {
            let start = segment.start.max(piece.start);
            let frames = (segment.start + segment.frames).min(end) - start;
            Segment { start, frames, layers: segment.layers.clone() }
        })
    }
}
