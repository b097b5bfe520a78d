//! Whether the media of a clip has what the clip shows.

use super::{Issue, IssueKind};
use crate::model::{Clip, Item, MediaSummary, Track, Transition};
use crate::time::Rate;
use crate::timeline::piece;
use crate::timeline::placement::is_still;

/// Whether the media has the frames that a clip, and the transitions at its ends, show, and the
/// sound channels it hears.
pub(super) fn check(
    rate: Rate,
    track: &Track,
    index: usize,
    clip: &Clip,
    media: Option<MediaSummary>,
    issues: &mut Vec<Issue>,
) {
    let mut add = |kind, message| {
        issues.push(Issue::new(kind, message).on_track(track.id).of_clip(clip.id));
    };
    let Some(media) = media else {
        let message = format!("nothing is known about the media of clip {:?}", clip.name);
        return add(IssueKind::UnknownMedia, message);
    };
    let has = |channel: u16| channel > 0 && u32::from(channel) <= media.audio_channels;
    if let Some(missing) = clip.audio_channels.iter().find(|channel| !has(**channel)) {
        let message = format!(
            "clip {:?} hears sound channel {missing} of its media, which has {}",
            clip.name, media.audio_channels
        );
        add(IssueKind::MediaChanged, message);
    }
    if is_still(&media) {
        return;
    }
    let source_rate = clip.source_start.rate();
    if let Some(length) = media.duration
        && length.rate() != source_rate
    {
        let message = format!(
            "clip {:?} counts its source at {source_rate}, its media runs at {}",
            clip.name,
            length.rate()
        );
        return add(IssueKind::SourceRate, message);
    }
    // A time too long to count is outside.
    let far = (i128::MIN, i128::MAX);
    let outside = |shown| piece::outside(clip, shown, Some(&media)).is_some();
    let (first, last) = piece::span(clip, rate).unwrap_or(far);
    if outside((first, last)) {
        let length =
            media.duration.map_or("an unknown number".to_owned(), |end| end.value().to_string());
        let message = format!(
            "clip {:?} shows frames {first} to {last} of its media, which has {length} from 0 on",
            clip.name
        );
        return add(IssueKind::OutsideMedia, message);
    }
    let transition = |index: Option<usize>| match index.and_then(|index| track.items.get(index)) {
        Some(Item::Transition(transition)) => Some(transition),
        _ => None,
    };
    if let Some(Transition { in_offset, .. }) = transition(index.checked_sub(1))
        && outside(piece::with_handles(clip, *in_offset, 0, rate).unwrap_or(far))
    {
        let message = format!(
            "the transition into clip {:?} needs {in_offset} frames before its start; its media \
             has not so many on that side",
            clip.name
        );
        add(IssueKind::NoHandles, message);
    }
    if let Some(Transition { out_offset, .. }) = transition(index.checked_add(1))
        && outside(piece::with_handles(clip, 0, *out_offset, rate).unwrap_or(far))
    {
        let message = format!(
            "the transition out of clip {:?} needs {out_offset} frames after its end; its media \
             has not so many on that side",
            clip.name
        );
        add(IssueKind::NoHandles, message);
    }
}
