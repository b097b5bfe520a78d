//! Where the items of a track lie: `start` and `end` are -1 beside a transition, whose cut tells.

use super::super::dom::Element;
use super::super::frames::rescaled;
use super::{Reader, own};
use crate::time::{MediaTime, Rate};
use crate::timeline::IssueKind;

/// An item of a track as the file tells of it.
pub(super) struct Told<'d> {
    pub(super) element: Element<'d>,
    pub(super) what: What,
    /// Its first frame, or the cut of a transition.
    pub(super) start: i64,
    /// Its frames.
    pub(super) duration: i64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Clip {
        /// The rate `in` and `out` count at.
        rate: Rate,
        /// `in` without the handle for a transition.
        point: i64,
    },
    Transition {
        before: i64,
        after: i64,
    },
}

/// An item before its place is known.
enum Raw {
    Clip {
        rate: Rate,
        start: Option<i64>,
        end: Option<i64>,
        points: (Option<i64>, Option<i64>),
    },
    /// `cut` is where Premiere says it is, `aligned` where the alignment says.
    Transition {
        start: i64,
        end: i64,
        cut: Option<i64>,
        aligned: Option<i64>,
    },
}

impl<'d> Reader<'_, 'd> {
    /// The items of a track of a sequence at `rate`, in the order of their places.
    pub(super) fn told(&mut self, track: Element<'d>, rate: Rate) -> Vec<Told<'d>> {
        let mut raws = Vec::new();
        for child in track.children() {
            match child.name() {
                "clipitem" | "generatoritem" => {
                    let element = self.resolve(child);
                    let raw = self.raw_clip(element, rate);
                    raws.push((element, raw));
                }
                "transitionitem" => {
                    if let Some(raw) = self.raw_transition(child, rate) {
                        raws.push((child, raw));
                    }
                }
                _ => {}
            }
        }
        let cuts: Vec<Option<i64>> = (0..raws.len()).map(|index| cut(&raws, index)).collect();
        let mut told: Vec<Told<'d>> = Vec::with_capacity(raws.len());
        let mut position = 0;
        for (index, (element, raw)) in raws.iter().enumerate() {
            let cut_at = |index: Option<usize>| index.and_then(|i| cuts.get(i).copied().flatten());
            let item = match raw {
                Raw::Transition { start, end, .. } => cut_at(Some(index)).map(|cut| Told {
                    element: *element,
                    what: What::Transition { before: cut - start, after: end - cut },
                    start: cut,
                    duration: 0,
                }),
                Raw::Clip { .. } => {
                    let before = index.checked_sub(1);
                    let lead = before.and_then(|index| raws.get(index)).and_then(|(_, raw)| {
                        let Raw::Transition { start, .. } = raw else { return None };
                        Some((cut_at(before)?, *start))
                    });
                    let tail = cut_at(index.checked_add(1));
                    self.clip_at(*element, raw, rate, position, (lead, tail))
                }
            };
            if let Some(item) = item {
                position = item.start.saturating_add(item.duration);
                told.push(item);
            }
        }
        let order = |item: &Told<'_>| (item.start, matches!(item.what, What::Clip { .. }));
        if !told.is_sorted_by_key(order) {
            let message = "the items of this track are not in the order of their times; they are \
                           now";
            self.note(track, IssueKind::Corrected, message);
            told.sort_by_key(order);
        }
        told
    }

    fn raw_clip(&mut self, element: Element<'d>, sequence: Rate) -> Raw {
        let rate = self.rate(element, Some(sequence)).unwrap_or(sequence);
        let mut place = |name| match self.number(element, name) {
            Some(frame) if frame < -1 => {
                let message = format!("<{name}> is {frame}, before the sequence; 0 is taken");
                self.note(element, IssueKind::Corrected, message);
                Some(0)
            }
            frame => frame.filter(|frame| *frame >= 0),
        };
        let (start, end) = (place("start"), place("end"));
        let points = (self.number(element, "in"), self.number(element, "out"));
        // Both -1 say that no limits are set; from emam they are frames of a handle.
        let unset = points == (Some(-1), Some(-1)) && own(element, "start").is_none();
        let points = if unset { (None, None) } else { points };
        Raw::Clip { rate, start, end, points }
    }

    fn raw_transition(&mut self, element: Element<'d>, rate: Rate) -> Option<Raw> {
        let range = self.number(element, "start").zip(self.number(element, "end"));
        let Some((start, end)) = range.filter(|(start, end)| start < end) else {
            let message = "a transition without a start before its end is left out";
            self.note(element, IssueKind::NotUnderstood, message);
            return None;
        };
        let ticks = element.child_text("cutPointTicks").and_then(|t| t.trim().parse().ok());
        let ticks = ticks.and_then(|t| MediaTime::from_premiere_ticks_nearest(t, rate).ok());
        let cut = ticks.and_then(|before| start.checked_add(before.value()));
        let cut = cut.filter(|cut| (start..=end).contains(cut));
        let alignment = element.child_text("alignment").unwrap_or_default();
        let aligned = match alignment.trim() {
            "start" | "start-black" => Some(start),
            "end" | "end-black" => Some(end),
            _ => None,
        };
        Some(Raw::Transition { start, end, cut, aligned })
    }

    fn clip_at(
        &mut self,
        element: Element<'d>,
        raw: &Raw,
        sequence: Rate,
        position: i64,
        (lead, tail): (Option<(i64, i64)>, Option<i64>),
    ) -> Option<Told<'d>> {
        let Raw::Clip { rate, start, end, points } = raw else { return None };
        let handle = match (start, lead) {
            (None, Some((cut, from))) => cut.saturating_sub(from),
            _ => 0,
        };
        let handle_at_rate = rescaled(handle, sequence, *rate)?;
        let point = points.0.unwrap_or(0).saturating_add(handle_at_rate);
        let playing = points.1.and_then(|out| rescaled(out - point, *rate, sequence));
        let start_said = start.or(lead.map(|(cut, _)| cut));
        let end_said = end.or(tail);
        let (start, end) = match (start_said, end_said, playing) {
            (Some(start), Some(end), _) => (start, end),
            (Some(start), None, Some(frames)) => (start, start.saturating_add(frames)),
            (None, Some(end), Some(frames)) => (end.saturating_sub(frames).max(0), end),
            (None, None, Some(frames)) => {
                let message =
                    format!("a clip does not say where it lies; frame {position} is taken");
                self.note(element, IssueKind::Guessed, message);
                (position, position.saturating_add(frames))
            }
            (None, Some(end), None) => (position, end),
            (start, None, None) => (start.unwrap_or(position), position),
        };
        if end <= start {
            let message =
                format!("a clip from frame {start} to {end} takes no frame; it is left out");
            self.note(element, IssueKind::NotUnderstood, message);
            return None;
        }
        let what = What::Clip { rate: *rate, point };
        Some(Told { element, what, start, duration: end - start })
    }
}

/// The cut of a transition: as it says, unless a clip beside it reaches over that; else where the
/// clips beside it end and begin.
fn cut(raws: &[(Element<'_>, Raw)], index: usize) -> Option<i64> {
    let (_, Raw::Transition { start, end, cut, aligned }) = raws.get(index)? else {
        return None;
    };
    let before = match index.checked_sub(1).and_then(|index| raws.get(index)) {
        Some((_, Raw::Clip { end, .. })) => *end,
        _ => None,
    };
    let after = match raws.get(index + 1) {
        Some((_, Raw::Clip { start, .. })) => *start,
        _ => None,
    };
    let free = |cut: &i64| before.is_none_or(|b| b <= *cut) && after.is_none_or(|a| a >= *cut);
    let inside = |frame: &i64| (*start..=*end).contains(frame);
    let beside = || before.filter(inside).or(after.filter(inside));
    Some(cut.filter(free).or_else(beside).or(*aligned).unwrap_or(start + (end - start) / 2))
}
