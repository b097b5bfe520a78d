//! Running clips at another speed.

use super::locate::linked;
use super::trimming::resize;
use super::{Edge, Facts, OPERATION};
use crate::error::{Error, Result};
use crate::id::ClipId;
use crate::model::{Clip, MediaSummary, Sequence};
use crate::time::{MediaTime, Rate, Speed};
use crate::timeline::{piece, track};

/// Runs a clip, and those linked to it, at another speed.
pub(super) fn set(
    sequence: &mut Sequence,
    clip: ClipId,
    speed: Speed,
    keep_duration: bool,
    ripple: bool,
    facts: &Facts<'_>,
) -> Result<()> {
    track::measured(sequence, OPERATION)?;
    let mut retimed = Vec::new();
    for spot in linked(sequence, clip)? {
        let media = facts.of(&spot.clip);
        let duration = if keep_duration {
            spot.clip.duration
        } else {
            duration_at(&spot.clip, speed, sequence.rate, media.as_ref())?
        };
        let new = Clip { speed, duration, ..spot.clip.clone() };
        piece::verify_reach(&spot.clip, &new, sequence.rate, media.as_ref())?;
        retimed.push((spot, new));
    }
    // Clips that end at different frames cannot all grow there and stay together.
    let end = retimed.first().map(|(spot, new)| (spot.end(), new.duration - spot.clip.duration));
    let together = |(spot, new): &(super::locate::Spot, Clip)| {
        Some((spot.end(), new.duration - spot.clip.duration)) == end
    };
    if !keep_duration
        && !retimed.iter().all(together)
        && retimed.iter().any(|(spot, new)| new.duration != spot.clip.duration)
    {
        let message = "the linked clips do not end at the same frame or do not run at the same \
                       speed; unlink them, or keep their durations";
        return Err(Error::invalid(OPERATION, message).with("clip", clip));
    }
    if keep_duration || end.is_some_and(|(_, more)| more == 0) {
        for (spot, new) in retimed {
            let track = sequence.tracks.get_mut(spot.track);
            if let Some(item) = track.and_then(|track| track.items.get_mut(spot.index)) {
                *item = crate::model::Item::Clip(new);
            }
        }
        return Ok(());
    }
    resize(sequence, retimed, Edge::Tail, ripple, facts)
}

/// How long a clip takes to show the same piece of its source at another speed: the nearest number
/// of frames, at least one, and no more than its media has frames for.
fn duration_at(clip: &Clip, speed: Speed, rate: Rate, media: Option<&MediaSummary>) -> Result<i64> {
    let timeless = piece::is_timeless(clip, media);
    if timeless || speed.is_freeze() || clip.speed.is_freeze() || speed.abs() == clip.speed.abs() {
        return Ok(clip.duration);
    }
    // One step and one rounding: through the source, the piece would be rounded to its frames.
    let (old, new) = (clip.speed.abs(), speed.abs());
    let num = i128::from(old.num()) * i128::from(new.den());
    let den = i128::from(old.den()) * i128::from(new.num());
    let frames = i128::from(clip.duration).checked_mul(num).map(|frames| {
        // The nearest, ties up.
        (frames + den / 2).div_euclid(den)
    });
    let frames = frames.and_then(|frames| i64::try_from(frames).ok()).ok_or_else(|| {
        let message = "at this speed the clip would be longer than 64 bits can count";
        Error::invalid(OPERATION, message).with("clip", clip.id).with("speed", speed)
    })?;
    let source_rate = clip.source_start.rate();
    let room = media
        .and_then(|media| media.duration)
        .filter(|length| length.rate() == source_rate)
        .map(|length| length.value().saturating_sub(clip.source_start.value()))
        .filter(|room| *room > 0);
    let most = match room {
        // The last frame has to begin before the media ends: that is so for the frames of a clip
        // that takes this time, rounded up.
        Some(room) => {
            let most = speed.shown_time(MediaTime::new(room, source_rate), rate)?;
            most.floor().saturating_add(i64::from(most.exact().is_none()))
        }
        None => i64::MAX,
    };
    Ok(frames.min(most).max(1))
}
