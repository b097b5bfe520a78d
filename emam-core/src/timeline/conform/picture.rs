//! What is seen: tracks and nested sequences flattened into segments.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::map::{Bound, FrameMap, Step};
use super::{
    Dissolve, Layer, MAX_DEPTH, MAX_SPANS, MediaFacts, OPERATION, Segment, Shot, note, too_many,
};
use crate::error::{Error, Result};
use crate::id::{ClipId, SequenceId};
use crate::model::{
    AssetSource, Clip, ClipSource, Gap, Item, Sequence, Track, TrackKind, Transition,
};
use crate::time::Rate;
use crate::timeline::format::Document;
use crate::timeline::placement::{has_picture, is_still};
use crate::timeline::{Issue, IssueKind, track};

/// Frames of a track or sequence, and what is seen in them.
type Span = (i64, i64, Vec<Layer>);

/// What is seen in the first sequence of a document: every frame of it in one segment.
pub(super) fn segments(
    document: &Document,
    facts: &dyn Fn(&AssetSource) -> Option<MediaFacts>,
    issues: &mut Vec<Issue>,
) -> Result<Rc<Vec<Segment>>> {
    let sequences = document.sequences.iter().map(|sequence| (sequence.id, sequence)).collect();
    let mut flattening = Flattening {
        sequences,
        facts,
        issues,
        noted: HashSet::new(),
        done: BTreeMap::new(),
        path: Vec::new(),
        spans: 0,
    };
    flattening.sequence(document.main()?)
}

/// The part of segments from frame `from` to `to`, moved by `shift`.
pub(super) fn cut(segments: &[Segment], from: i64, to: i64, shift: i64) -> Vec<Segment> {
    let moved = Step::plain(shift, 0);
    let first = segments.partition_point(|segment| segment.start + segment.frames <= from);
    let inside = segments.get(first..).unwrap_or_default().iter();
    inside
        .take_while(|segment| segment.start < to)
        .map(|segment| {
            let start = segment.start.max(from);
            let end = (segment.start + segment.frames).min(to);
            let layers = mapped(&segment.layers, &moved);
            Segment { start: start + shift, frames: end - start, layers }
        })
        .collect()
}

struct Flattening<'a> {
    sequences: BTreeMap<SequenceId, &'a Sequence>,
    facts: &'a dyn Fn(&AssetSource) -> Option<MediaFacts>,
    issues: &'a mut Vec<Issue>,
    noted: HashSet<(ClipId, IssueKind)>,
    done: BTreeMap<SequenceId, Rc<Vec<Segment>>>,
    /// The sequences being flattened, each nested in the one before.
    path: Vec<SequenceId>,
    spans: usize,
}

impl Flattening<'_> {
    fn sequence(&mut self, sequence: &Sequence) -> Result<Rc<Vec<Segment>>> {
        if let Some(done) = self.done.get(&sequence.id) {
            return Ok(Rc::clone(done));
        }
        if self.path.contains(&sequence.id) || self.path.len() >= MAX_DEPTH {
            let message = "a sequence is nested in itself or deeper than can be followed; take \
                           the nested clip out";
            return Err(Error::invalid(OPERATION, message)
                .with("sequence", sequence.id)
                .with("name", &sequence.name));
        }
        self.path.push(sequence.id);
        let mut tracks = Vec::new();
        for track in &sequence.tracks {
            if track.kind == TrackKind::Video && track.enabled {
                tracks.push(self.track(sequence, track)?);
            }
        }
        self.path.pop();
        let flat = Rc::new(self.stack(&tracks, crate::timeline::length(sequence))?);
        self.done.insert(sequence.id, Rc::clone(&flat));
        Ok(flat)
    }

    fn track(&mut self, sequence: &Sequence, track: &Track) -> Result<Vec<Span>> {
        let mut spans = Vec::new();
        let transition = |index: Option<usize>| match index.and_then(|i| track.items.get(i)) {
            Some(Item::Transition(transition)) => Some(transition),
            _ => None,
        };
        let nothing = Item::Gap(Gap::new(0));
        let placed: Vec<(i64, &Item)> = track::placed(&track.items).collect();
        for (index, (start, item)) in placed.iter().enumerate() {
            let start = *start;
            if let Item::Transition(change) = item {
                let beside = |index: Option<usize>| {
                    index.and_then(|index| placed.get(index)).copied().unwrap_or((start, &nothing))
                };
                let range = (start - change.in_offset, start + change.out_offset);
                let (before, after) = (beside(index.checked_sub(1)), beside(Some(index + 1)));
                self.transition(sequence, change, range, before, after, &mut spans)?;
            } else {
                let taken = transition(index.checked_sub(1)).map_or(0, |t| t.out_offset);
                let given = transition(Some(index + 1)).map_or(0, |t| t.in_offset);
                let range = (start + taken, start + item.duration() - given);
                if range.0 < range.1 {
                    spans.extend(self.content(sequence, (start, item), range, false)?);
                }
            }
        }
        Ok(spans)
    }

    fn transition(
        &mut self,
        sequence: &Sequence,
        transition: &Transition,
        range: (i64, i64),
        before: (i64, &Item),
        after: (i64, &Item),
        spans: &mut Vec<Span>,
    ) -> Result<()> {
        if transition.kind != Transition::DISSOLVE
            && let Some(clip) = before.1.as_clip().or(after.1.as_clip())
        {
            let message = format!(
                "the transition {:?} beside clip {:?} is rendered as a dissolve",
                transition.kind, clip.name
            );
            self.note(clip.id, IssueKind::NotCarried, message);
        }
        let from = self.content(sequence, before, range, true)?;
        let to = self.content(sequence, after, range, true)?;
        let (mut left, mut right) = (from.iter().peekable(), to.iter().peekable());
        let mut at = range.0;
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            let end = one.1.min(two.1);
            let dissolve = Dissolve {
                from: one.2.clone(),
                to: two.2.clone(),
                start: range.0,
                frames: range.1 - range.0,
            };
            let empty = dissolve.from.is_empty() && dissolve.to.is_empty();
            let layers = if empty { Vec::new() } else { vec![Layer::Dissolve(dissolve)] };
            spans.push((at, end, layers));
            at = end;
            if one.1 == end {
                left.next();
            }
            if right.peek().is_some_and(|two| two.1 == end) {
                right.next();
            }
        }
        Ok(())
    }

    /// What an item shows in a range of frames; it may reach out of the item, into its handles.
    fn content(
        &mut self,
        sequence: &Sequence,
        (start, item): (i64, &Item),
        range: (i64, i64),
        handles: bool,
    ) -> Result<Vec<Span>> {
        self.spans += 1;
        if self.spans > MAX_SPANS {
            return Err(too_many());
        }
        let empty = vec![(range.0, range.1, Vec::new())];
        let Some(clip) = item.as_clip().filter(|clip| clip.enabled) else { return Ok(empty) };
        match &clip.source {
            ClipSource::Asset(source) => {
                let shot = self.shot(sequence.rate, clip, source, start, range, handles)?;
                Ok(vec![(range.0, range.1, shot.into_iter().map(Layer::Shot).collect())])
            }
            ClipSource::Sequence(nested) => {
                let Some(nested) = self.sequences.get(&nested.sequence).copied() else {
                    let message = format!("the sequence nested as clip {:?} is gone", clip.name);
                    self.note(clip.id, IssueKind::UnknownSequence, message);
                    return Ok(empty);
                };
                let flat = self.sequence(nested)?;
                self.nested(sequence.rate, clip, start, nested.rate, &flat, range)
            }
            ClipSource::Generator(generator) => {
                let message = format!(
                    "clip {:?} is made by the generator {:?} of an editing program; it is \
                     rendered as nothing",
                    clip.name, generator.generator
                );
                self.note(clip.id, IssueKind::NotCarried, message);
                Ok(empty)
            }
            ClipSource::Caption(_) => {
                let message = format!("the caption {:?} is not drawn into the picture", clip.name);
                self.note(clip.id, IssueKind::NotCarried, message);
                Ok(empty)
            }
        }
    }

    fn shot(
        &mut self,
        rate: Rate,
        clip: &Clip,
        source: &AssetSource,
        start: i64,
        range: (i64, i64),
        handles: bool,
    ) -> Result<Option<Shot>> {
        let Some(facts) = (self.facts)(source) else {
            let message = format!("nothing is known about the media of clip {:?}", clip.name);
            self.note(clip.id, IssueKind::UnknownMedia, message);
            return Ok(None);
        };
        if !has_picture(&facts.summary) {
            return Ok(None);
        }
        let mut shot = Shot {
            clip: clip.id,
            name: clip.name.clone(),
            source: *source,
            map: FrameMap::Still(0),
            length: Some(1),
            rate: None,
            alpha: facts.alpha,
        };
        if is_still(&facts.summary) {
            return Ok(Some(shot));
        }
        let counted = clip.source_start.rate();
        let media_rate = facts.summary.rate.unwrap_or(counted);
        if counted != media_rate {
            let message = format!(
                "clip {:?} counts its source at {counted}, its media runs at {media_rate}; the \
                 frame that is on at that time is taken",
                clip.name
            );
            self.note(clip.id, IssueKind::SourceRate, message);
        }
        let first = clip.source_start.rescale_floor(media_rate)?.value();
        let length = facts.summary.duration.and_then(|d| d.rescale_nearest(media_rate).ok());
        shot.length = length.map(|length| length.value()).filter(|length| *length > 0);
        shot.rate = Some(media_rate);
        let step = Step::of_clip(first, media_rate, clip.duration, clip.speed, rate)?;
        shot.map = match step {
            Some(step) => FrameMap::Steps(vec![step]).through(&Step::plain(start, 0)),
            None => FrameMap::Still(first),
        };
        let inside = |frame: i64| frame >= 0 && shot.length.is_none_or(|length| frame < length);
        if !inside(shot.map.at(range.0)) || !inside(shot.map.at(range.1 - 1)) {
            let (kind, what) = match handles {
                true => (IssueKind::NoHandles, "the transition beside it needs"),
                false => (IssueKind::OutsideMedia, "it shows"),
            };
            let message = format!(
                "clip {:?}: {what} frames its media does not have; the first or last one is held",
                clip.name
            );
            self.note(clip.id, kind, message);
        }
        Ok(Some(shot))
    }

    /// What a nested sequence shows.
    fn nested(
        &mut self,
        rate: Rate,
        clip: &Clip,
        start: i64,
        nested_rate: Rate,
        flat: &[Segment],
        range: (i64, i64),
    ) -> Result<Vec<Span>> {
        let first = clip.source_start.rescale_floor(nested_rate)?.value();
        let Some(step) = Step::of_clip(first, nested_rate, clip.duration, clip.speed, rate)? else {
            return Ok(vec![(range.0, range.1, self.frozen(clip, flat, first))]);
        };
        let step = Step { origin: step.origin.saturating_add(start), ..step };
        let ends = (step.at(range.0), step.at(range.1 - 1));
        let (low, high) = (ends.0.min(ends.1), ends.0.max(ends.1));
        let begin = flat.partition_point(|segment| segment.start + segment.frames <= low);
        let mut spans: Vec<Span> = Vec::new();
        let shown = flat.get(begin..).unwrap_or_default();
        for segment in shown.iter().take_while(|segment| segment.start <= high) {
            self.spans += 1;
            if self.spans > MAX_SPANS {
                return Err(too_many());
            }
            let (from, to) = outer(&step, segment.start, segment.start + segment.frames);
            let (from, to) = (from.max(range.0), to.min(range.1));
            if from < to {
                spans.push((from, to, mapped(&segment.layers, &step)));
            }
        }
        if step.reverse {
            spans.reverse();
        }
        let (mut whole, mut at) = (Vec::new(), range.0);
        for span in spans {
            if at < span.0 {
                whole.push((at, span.0, Vec::new()));
            }
            at = span.1;
            whole.push(span);
        }
        if at < range.1 {
            whole.push((at, range.1, Vec::new()));
        }
        let length = flat.last().map_or(0, |segment| segment.start + segment.frames);
        if low < 0 || high >= length {
            let message =
                format!("clip {:?} shows frames its nested sequence does not have", clip.name);
            self.note(clip.id, IssueKind::OutsideMedia, message);
        }
        Ok(whole)
    }

    /// One frame of a nested sequence, for as long as it is shown.
    fn frozen(&mut self, clip: &Clip, flat: &[Segment], frame: i64) -> Vec<Layer> {
        let index = flat.partition_point(|segment| segment.start + segment.frames <= frame);
        let Some(segment) = flat.get(index).filter(|segment| segment.start <= frame) else {
            return Vec::new();
        };
        let mut layers = Vec::new();
        let mut rounded = false;
        freeze(&segment.layers, frame, &mut layers, &mut rounded);
        if rounded {
            let message = format!(
                "clip {:?} stands still within a dissolve of its nested sequence; the picture \
                 that is seen more is shown",
                clip.name
            );
            self.note(clip.id, IssueKind::Rounded, message);
        }
        layers
    }

    /// Tracks over each other: what is behind something opaque is gone.
    fn stack(&mut self, tracks: &[Vec<Span>], length: i64) -> Result<Vec<Segment>> {
        let mut bounds: Vec<i64> = vec![0, length];
        for span in tracks.iter().flatten() {
            bounds.extend([span.0, span.1]);
        }
        bounds.sort_unstable();
        bounds.dedup();
        let mut next = vec![0_usize; tracks.len()];
        let mut segments: Vec<Segment> = Vec::new();
        for pair in bounds.windows(2) {
            let &[start, end] = pair else { continue };
            let mut behind: Vec<&[Layer]> = Vec::new();
            for (track, next) in tracks.iter().zip(&mut next) {
                while track.get(*next).is_some_and(|span| span.1 <= start) {
                    *next += 1;
                }
                let span = track.get(*next).filter(|span| span.0 <= start);
                let Some((_, _, layers)) = span.filter(|span| !span.2.is_empty()) else { continue };
                if is_opaque(layers) {
                    behind.clear();
                }
                behind.push(layers);
            }
            let layers: Vec<Layer> = behind.concat();
            self.spans += 1;
            if self.spans > MAX_SPANS {
                return Err(too_many());
            }
            match segments.last_mut() {
                Some(last) if last.layers == layers => last.frames += end - start,
                _ => segments.push(Segment { start, frames: end - start, layers }),
            }
        }
        Ok(segments)
    }

    fn note(&mut self, clip: ClipId, kind: IssueKind, message: String) {
        if self.noted.insert((clip, kind)) {
            note(self.issues, clip, kind, message);
        }
    }
}

fn is_opaque(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| match layer {
        Layer::Shot(shot) => !shot.alpha,
        Layer::Dissolve(dissolve) => is_opaque(&dissolve.from) && is_opaque(&dissolve.to),
    })
}

/// The outer frames that show inner ones from `from` to before `to`.
fn outer(step: &Step, from: i64, to: i64) -> (i64, i64) {
    let first = |bound| match step.bound(bound) {
        Bound::AtLeast(frame) | Bound::AtMost(frame) => frame,
    };
    match step.reverse {
        false => (first(Bound::AtLeast(from)), first(Bound::AtLeast(to))),
        true => (first(Bound::AtMost(to - 1)), first(Bound::AtMost(from - 1))),
    }
}

/// Layers as seen through a step in front of them.
fn mapped(layers: &[Layer], step: &Step) -> Vec<Layer> {
    layers
        .iter()
        .map(|layer| match layer {
            Layer::Shot(shot) => Layer::Shot(Shot { map: shot.map.through(step), ..shot.clone() }),
            Layer::Dissolve(dissolve) => {
                let end = dissolve.start + dissolve.frames;
                let (start, end) = outer(step, dissolve.start, end);
                let (mut from, mut to) = (mapped(&dissolve.from, step), mapped(&dissolve.to, step));
                if step.reverse {
                    std::mem::swap(&mut from, &mut to);
                }
                Layer::Dissolve(Dissolve { from, to, start, frames: (end - start).max(1) })
            }
        })
        .collect()
}

fn freeze(layers: &[Layer], frame: i64, frozen: &mut Vec<Layer>, rounded: &mut bool) {
    for layer in layers {
        match layer {
            Layer::Shot(shot) => {
                let map = FrameMap::Still(shot.map.at(frame));
                frozen.push(Layer::Shot(Shot { map, ..shot.clone() }));
            }
            Layer::Dissolve(dissolve) => {
                *rounded = true;
                let later = 2 * (frame - dissolve.start + 1) > dissolve.frames + 1;
                freeze(if later { &dissolve.to } else { &dissolve.from }, frame, frozen, rounded);
            }
        }
    }
}
