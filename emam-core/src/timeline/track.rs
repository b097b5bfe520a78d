//! What the items of one track can do: be measured, parted at a frame, filled up and tidied.

use crate::error::{Error, Result};
use crate::id::ClipId;
use crate::model::{Clip, Gap, Item, Sequence, Transition};
use crate::time::{MediaTime, Rate};

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

/// Parts the items at frame `at`: what is before it and what is from it on.
///
/// A clip across that frame is given to `part` with the number of its frames that stay left. A
/// transition that is on at that frame, or has its cut there, is in neither part: the two sides it
/// joined come apart.
pub(super) fn split(
    items: Vec<Item>,
    at: i64,
    mut part: impl FnMut(Clip, i64) -> Result<(Clip, Clip)>,
) -> Result<(Vec<Item>, Vec<Item>)> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut position = 0;
    for item in items {
        let start = position;
        position += item.duration();
        match item {
            Item::Transition(transition) if is_on(&transition, start, at) => {}
            item if start >= at => right.push(item),
            item if position <= at => left.push(item),
            Item::Clip(clip) => {
                let (first, second) = part(clip, at - start)?;
                left.push(Item::Clip(first));
                right.push(Item::Clip(second));
            }
            Item::Gap(_) => {
                left.push(gap(at - start));
                right.push(gap(position - at));
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
    at == cut || (before < at && at < after)
}

/// The two parts of a clip of a sequence at `rate`, of which the first keeps `frames` frames.
///
/// Where the source runs at another rate, the cut may lie between two of its frames. The second
/// part then starts at the nearest, or at the one before if from the nearest on it would show a
/// frame after the last one the clip showed: parting a clip never needs more media.
pub(super) fn part_clip(clip: Clip, frames: i64, rate: Rate, id: ClipId) -> Result<(Clip, Clip)> {
    let source_rate = clip.source_start.rate();
    let in_source = |frames| MediaTime::new(frames, rate).rescale(source_rate);
    let rest = clip.duration - frames;
    let last_shown = i128::from(in_source(clip.duration - 1)?.floor());
    let rest_shown = i128::from(in_source(rest - 1)?.floor());
    let cut = in_source(frames)?;
    let cut = if i128::from(cut.nearest()) + rest_shown <= last_shown {
        cut.nearest()
    } else {
        cut.floor()
    };
    let source_start = clip.source_start.checked_add(MediaTime::new(cut, source_rate))?;
    let second = Clip { id, source_start, duration: rest, ..clip.clone() };
    Ok((Clip { duration: frames, ..clip }, second))
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

/// Takes spans of frames out of the gaps they lie in; other items in the spans stay.
pub(super) fn shrink_gaps(items: &mut [Item], spans: &[(i64, i64)]) {
    let mut position = 0;
    for item in items {
        let (start, end) = (position, position + item.duration());
        position = end;
        if let Item::Gap(gap) = item {
            let shared = |span: &(i64, i64)| (span.1.min(end) - span.0.max(start)).max(0);
            gap.duration -= spans.iter().map(shared).sum::<i64>();
        }
    }
}

/// Makes neighbouring gaps one, and drops gaps without length, gaps at the end, and transitions
/// that no longer fit where they are.
pub(super) fn tidy(items: &mut Vec<Item>) {
    join_gaps(items);
    let wrong = misfits(items);
    if !wrong.is_empty() {
        let mut index = 0;
        items.retain(|_| {
            index += 1;
            !wrong.iter().any(|(misfit, _)| misfit + 1 == index)
        });
        join_gaps(items);
    }
    while let [.., Item::Gap(_)] | [.., Item::Gap(_), Item::Transition(_)] | [Item::Transition(_)] =
        items.as_slice()
    {
        items.pop();
    }
}

fn join_gaps(items: &mut Vec<Item>) {
    items.retain(|item| !matches!(item, Item::Gap(gap) if gap.duration == 0));
    items.dedup_by(|next, kept| match (next, kept) {
        (Item::Gap(next), Item::Gap(kept)) => {
            kept.duration += next.duration;
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
