//! What the items of one track can do: be measured, parted at a frame, filled up and tidied.

use crate::error::{Error, Result};
use crate::model::{Clip, Gap, Item, Sequence, Track, Transition};

/// How many frames the items take.
pub(super) fn length(items: &[Item]) -> i64 {
    items.iter().fold(0, |sum: i64, item| sum.saturating_add(item.duration()))
}

/// The items with the frame each starts at; a transition is at its cut.
pub(super) fn placed(items: &[Item]) -> impl Iterator<Item = (i64, &Item)> {
    items.iter().scan(0_i64, |position, item| {
        let start = *position;
        *position = position.saturating_add(item.duration());
        Some((start, item))
    })
}

/// The length of a sequence whose items all have a length an edit can reckon with.
///
/// Edits start with this: past it, sums of positions and durations fit 64 bits.
pub(super) fn measured(sequence: &Sequence, operation: &'static str) -> Result<i64> {
    let mut longest = 0;
    for track in &sequence.tracks {
        let mut end = 0_i64;
        for item in &track.items {
            let sound = match item {
                Item::Transition(transition) => {
                    transition.in_offset >= 0 && transition.out_offset >= 0
                }
                item => item.duration() > 0,
            };
            end = match end.checked_add(item.duration()) {
                Some(end) if sound => end,
                _ => {
                    let message = "an item of this sequence has an impossible length; correct \
                                   what the check of the sequence names before editing it";
                    return Err(Error::invalid(operation, message)
                        .with("sequence", sequence.id)
                        .with("track", track.id));
                }
            };
        }
        longest = longest.max(end);
    }
    Ok(longest)
}

/// Takes frames `start` to `end` out of the items, and gives what is before and what is after
/// them. With `start` and `end` alike it parts the items and takes nothing.
///
/// `cut` is given a clip across `start`, `end` or both, with the number of its frames that stay on
/// the left and on the right, and gives what stays. A transition that is on at `start` or at
/// `end`, or has its cut from `start` to `end`, is in neither part: the sides it joined come apart.
pub(super) fn take_out(
    items: Vec<Item>,
    start: i64,
    end: i64,
    mut cut: impl FnMut(Clip, i64, i64) -> Result<(Option<Clip>, Option<Clip>)>,
) -> Result<(Vec<Item>, Vec<Item>)> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut position = 0;
    for item in items {
        let from = position;
        position += item.duration();
        match item {
            Item::Transition(transition)
                if (start <= from && from <= end)
                    || is_on(&transition, from, start)
                    || is_on(&transition, from, end) => {}
            item if from >= end => right.push(item),
            item if position <= start => left.push(item),
            Item::Clip(clip) => {
                let (first, second) = cut(clip, (start - from).max(0), (position - end).max(0))?;
                left.extend(first.map(Item::Clip));
                right.extend(second.map(Item::Clip));
            }
            Item::Gap(whole) => {
                if from < start {
                    left.push(Item::Gap(Gap { duration: start - from, ..whole }));
                }
                if position > end {
                    right.push(gap(position - end));
                }
            }
            // A transition takes no frame, so it was on one side above.
            Item::Transition(_) => {}
        }
    }
    Ok((left, right))
}

fn is_on(transition: &Transition, cut: i64, at: i64) -> bool {
    let before = cut.saturating_sub(transition.in_offset);
    let after = cut.saturating_add(transition.out_offset);
    before < at && at < after
}

/// Puts a clip at frame `at`, which must be at or after the end of the items.
///
/// A transition at the very end was a fade; it does not become one into the new clip.
pub(super) fn put(items: &mut Vec<Item>, at: i64, clip: Clip) {
    let end = length(items);
    if at > end {
        items.push(gap(at - end));
    } else {
        while matches!(items.last(), Some(Item::Transition(_))) {
            items.pop();
        }
    }
    items.push(Item::Clip(clip));
}

/// A gap of `duration` frames.
pub(super) fn gap(duration: i64) -> Item {
    Item::Gap(Gap::new(duration))
}

/// Takes spans of frames, in order and without overlap, out of the gaps they lie in; other items in
/// the spans stay.
pub(super) fn shrink_gaps(items: &mut [Item], mut spans: &[(i64, i64)]) {
    let mut position = 0;
    for item in items {
        let (start, end) = (position, position + item.duration());
        position = end;
        while let [first, rest @ ..] = spans
            && first.1 <= start
        {
            spans = rest;
        }
        if let Item::Gap(gap) = item {
            for span in spans.iter().take_while(|span| span.0 < end) {
                gap.duration -= (span.1.min(end) - span.0.max(start)).max(0);
            }
        }
    }
}

/// What of the spans no clip of any track is in; in order, without overlap.
pub(super) fn empty_on_all(tracks: &[Track], mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.retain(|span| span.0 < span.1);
    spans.sort_unstable();
    // Linked clips mostly take the same frames, which must not be closed twice.
    spans.dedup_by(|next, kept| {
        let overlap = next.0 <= kept.1;
        if overlap {
            kept.1 = kept.1.max(next.1);
        }
        overlap
    });
    for track in tracks {
        if spans.is_empty() {
            break;
        }
        spans = without_clips(track, &spans);
    }
    spans
}

/// What of the spans no clip of a track is in.
fn without_clips(track: &Track, spans: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut free = Vec::with_capacity(spans.len());
    let mut clips = placed(&track.items)
        .filter(|(_, item)| matches!(item, Item::Clip(_)))
        .map(|(start, item)| (start, start + item.duration()))
        .peekable();
    for &(mut start, end) in spans {
        while start < end {
            match clips.peek() {
                Some(clip) if clip.1 <= start => {
                    clips.next();
                }
                Some(clip) if clip.0 < end => {
                    if start < clip.0 {
                        free.push((start, clip.0));
                    }
                    start = clip.1;
                }
                _ => {
                    free.push((start, end));
                    break;
                }
            }
        }
    }
    free
}

/// Makes neighbouring gaps one, and drops gaps without length, gaps at the end, and transitions
/// that no longer fit where they are.
///
/// With a gap that has closed go the transitions beside it: they were fades.
pub(super) fn tidy(items: &mut Vec<Item>) {
    drop_closed_gaps(items);
    drop_idle_transitions(items);
    join_gaps(items);
    let wrong = misfits(items);
    if !wrong.is_empty() {
        drop_at(items, wrong.into_iter().map(|(index, _)| index).collect());
        join_gaps(items);
    }
    while let [.., Item::Gap(_)] | [.., Item::Gap(_), Item::Transition(_)] | [Item::Transition(_)] =
        items.as_slice()
    {
        items.pop();
    }
}

fn drop_closed_gaps(items: &mut Vec<Item>) {
    let closed = |item: &Item| matches!(item, Item::Gap(gap) if gap.duration == 0);
    if !items.iter().any(closed) {
        return;
    }
    let mut kept: Vec<Item> = Vec::with_capacity(items.len());
    let mut after_closed = false;
    for item in items.drain(..) {
        if closed(&item) {
            kept.pop_if(|last| matches!(last, Item::Transition(_)));
            after_closed = true;
        } else if !(after_closed && matches!(item, Item::Transition(_))) {
            kept.push(item);
            after_closed = false;
        }
    }
    *items = kept;
}

/// Drops the transitions without a clip on either side: there is nothing to fade.
fn drop_idle_transitions(items: &mut Vec<Item>) {
    let is_clip = |index: Option<usize>| {
        matches!(index.and_then(|index| items.get(index)), Some(Item::Clip(_)))
    };
    let idle: Vec<usize> = (0..items.len())
        .filter(|index| {
            matches!(items.get(*index), Some(Item::Transition(_)))
                && !is_clip(index.checked_sub(1))
                && !is_clip(index.checked_add(1))
        })
        .collect();
    drop_at(items, idle);
}

/// Drops the items at some indices, which come in order.
fn drop_at(items: &mut Vec<Item>, indices: Vec<usize>) {
    if indices.is_empty() {
        return;
    }
    let mut indices = indices.into_iter().peekable();
    let mut index = 0;
    items.retain(|_| {
        let gone = indices.next_if_eq(&index).is_some();
        index += 1;
        !gone
    });
}

fn join_gaps(items: &mut Vec<Item>) {
    items.dedup_by(|next, kept| match (next, kept) {
        (Item::Gap(next), Item::Gap(kept)) => {
            // A track too long to be counted is refused when the edit is done.
            kept.duration = kept.duration.saturating_add(next.duration);
            true
        }
        _ => false,
    });
}

/// Why a transition cannot be where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It takes no frame, or less.
    NoLength,
    /// It is next to another transition, or next to nothing on both sides.
    Misplaced,
    /// It begins before the item in front of it does, ends after the item behind it, or overlaps
    /// the transition before.
    TooLong,
}

/// The transitions that cannot be where they are, by index.
pub(super) fn misfits(items: &[Item]) -> Vec<(usize, Misfit)> {
    let mut found = Vec::new();
    // How much the last transition that fits takes of the item behind it.
    let mut taken = 0;
    for (index, item) in items.iter().enumerate() {
        let Item::Transition(transition) = item else {
            continue;
        };
        let before = index.checked_sub(1).and_then(|index| items.get(index));
        let after = items.get(index + 1);
        let of_item_before = match index.checked_sub(2).and_then(|index| items.get(index)) {
            Some(Item::Transition(_)) => taken,
            _ => 0,
        };
        let Transition { in_offset, out_offset, .. } = *transition;
        let is_transition = |item: Option<&Item>| matches!(item, Some(Item::Transition(_)));
        let misfit = if in_offset < 0 || out_offset < 0 || (in_offset, out_offset) == (0, 0) {
            Some(Misfit::NoLength)
        } else if is_transition(before)
            || is_transition(after)
            || (before.is_none() && after.is_none())
        {
            Some(Misfit::Misplaced)
        } else if before
            .is_some_and(|item| in_offset > item.duration().saturating_sub(of_item_before))
            || after.is_some_and(|item| out_offset > item.duration())
        {
            Some(Misfit::TooLong)
        } else {
            None
        };
        taken = if misfit.is_none() { out_offset } else { 0 };
        found.extend(misfit.map(|misfit| (index, misfit)));
    }
    found
}
