//! Which frames of its source a clip shows, and what becomes of them when it is cut or moved.

use crate::error::{Error, Result};
use crate::model::{Clip, ClipSource, MediaSummary};
use crate::time::{MediaTime, Rate, Rescaled};
use crate::timeline::placement::is_still;

/// How many frames of its source a clip of a sequence at `rate` runs through in `frames` frames of
/// the sequence.
pub(super) fn run_through(clip: &Clip, frames: i64, rate: Rate) -> Result<Rescaled> {
    clip.speed.source_time(MediaTime::new(frames, rate), clip.source_start.rate())
}

/// The frame of its source that is on at frame `at` of a clip; `at` may lie before the clip or
/// after it, where a transition shows more of the source.
///
/// A clip that runs backwards shows what it would show forwards in the opposite order.
pub(super) fn shown(clip: &Clip, at: i64, rate: Rate) -> Result<i128> {
    let at = if clip.speed.is_reverse() {
        clip.duration.saturating_sub(1).saturating_sub(at)
    } else {
        at
    };
    Ok(i128::from(clip.source_start.value()) + i128::from(run_through(clip, at, rate)?.floor()))
}

/// The lowest and the highest frame of its source that a clip shows.
pub(super) fn span(clip: &Clip, rate: Rate) -> Result<(i128, i128)> {
    let first = i128::from(clip.source_start.value());
    let last = run_through(clip, clip.duration.saturating_sub(1), rate)?.floor();
    Ok((first, first + i128::from(last)))
}

/// Whether the source of a clip has no time of its own: a still image, words, or what an editing
/// program makes by itself.
pub(super) fn is_timeless(clip: &Clip, media: Option<&MediaSummary>) -> bool {
    match &clip.source {
        ClipSource::Caption(_) | ClipSource::Generator(_) => true,
        ClipSource::Asset(_) => media.is_some_and(is_still),
        ClipSource::Sequence(_) => false,
    }
}

/// The clip with `head` frames of the sequence taken off its front and `tail` off its end; a number
/// below zero gives it as many more.
///
/// Where the source runs at another rate or speed, the new edge may lie between two of its frames.
/// The source then starts at the nearest, or at the one before if from the nearest on the clip
/// would show a frame after the last one it showed: cutting a clip never needs more media.
pub(super) fn trimmed(
    clip: Clip,
    head: i64,
    tail: i64,
    rate: Rate,
    media: Option<&MediaSummary>,
) -> Result<Clip> {
    let duration = clip
        .duration
        .checked_sub(head)
        .and_then(|left| left.checked_sub(tail))
        .filter(|left| *left > 0)
        .ok_or_else(|| {
            let message = "a clip keeps at least one frame; remove it instead";
            Error::invalid(super::edit::OPERATION, message)
                .with("clip", clip.id)
                .with("duration", clip.duration)
                .with("taken", i128::from(head) + i128::from(tail))
        })?;
    if is_timeless(&clip, media) {
        return Ok(Clip { duration, ..clip });
    }
    // The source starts where its lowest frame is: backwards that is the end of the clip.
    let front = if clip.speed.is_reverse() { tail } else { head };
    let moved = run_through(&clip, front, rate)?;
    let kept = duration.saturating_add(front).saturating_sub(1);
    let last = i128::from(run_through(&clip, kept, rate)?.floor());
    let rest = i128::from(run_through(&clip, duration - 1, rate)?.floor());
    let moved =
        if i128::from(moved.nearest()) + rest <= last { moved.nearest() } else { moved.floor() };
    let source_start =
        clip.source_start.checked_add(MediaTime::new(moved, clip.source_start.rate()))?;
    Ok(Clip { source_start, duration, ..clip })
}

/// The lowest and the highest frame of its source that is shown of a clip when transitions show
/// `head` frames of the sequence before it and `tail` after it.
pub(super) fn with_handles(clip: &Clip, head: i64, tail: i64, rate: Rate) -> Result<(i128, i128)> {
    let first = shown(clip, head.saturating_neg(), rate)?;
    let last = shown(clip, clip.duration.saturating_sub(1).saturating_add(tail), rate)?;
    Ok((first.min(last), first.max(last)))
}

/// The first of two frames of its source, the lowest and the highest, that the media of a clip does
/// not have.
pub(super) fn outside(
    clip: &Clip,
    (first, last): (i128, i128),
    media: Option<&MediaSummary>,
) -> Option<i128> {
    if is_timeless(clip, media) {
        return None;
    }
    if first < 0 {
        return Some(first);
    }
    end(clip, media).filter(|end| last >= *end).map(|_| last)
}

/// How many frames the media of a clip has, counted as the clip does.
fn end(clip: &Clip, media: Option<&MediaSummary>) -> Option<i128> {
    media
        .and_then(|media| media.duration)
        .filter(|length| length.rate() == clip.source_start.rate())
        .map(|length| i128::from(length.value()))
}

/// Refuses a clip that shows frames its media does not have, on a side on which it reaches further
/// than it did before.
pub(super) fn verify_reach(
    before: &Clip,
    after: &Clip,
    rate: Rate,
    media: Option<&MediaSummary>,
) -> Result<()> {
    if is_timeless(after, media) {
        return Ok(());
    }
    let (first, last) = span(after, rate)?;
    let (old_first, old_last) = span(before, rate)?;
    let end = end(after, media);
    let short = first < 0 && first < old_first;
    let long = last > old_last && end.is_some_and(|end| last >= end);
    if short || long {
        let message = "the media of the clip has no more frames on that side";
        let error = Error::invalid(super::edit::OPERATION, message)
            .with("clip", after.id)
            .with("first_frame", first)
            .with("last_frame", last);
        return Err(match end {
            Some(end) => error.with("media_frames", end),
            None => error,
        });
    }
    Ok(())
}
