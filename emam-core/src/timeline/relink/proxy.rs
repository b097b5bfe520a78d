//! Whether a proxy can stand in for its original on a timeline.

use crate::model::{FrameMap, MediaSummary};
use crate::time::MediaTime;

/// Says why a proxy with this frame map cannot stand in for its original; nothing where it can.
///
/// One frame more or less is let pass: containers round the length of the last frame.
///
/// An edit made on one and opened on the other must show the same frames under the same timecode
/// and the same channels of sound; see [`FrameMap`].
pub fn frame_map_fits(original: &MediaSummary, map: Option<&FrameMap>) -> Vec<String> {
    let Some(map) = map else {
        return vec!["its frames were never compared with those of the original".to_owned()];
    };
    let mut why = Vec::new();
    let rate = original.duration.map(MediaTime::rate).or(original.rate);
    if let Some(rate) = rate
        && rate != map.rate
    {
        why.push(format!("it runs at {}, the original at {rate}", map.rate));
    } else if let Some(length) = original.duration
        && length.value().abs_diff(map.frames) > 1
    {
        why.push(format!("it was made for {} frames, the original has {length}", map.frames));
    }
    if original.start_timecode != map.start_timecode {
        let shown = |start: Option<crate::time::Timecode>| {
            start.map_or("no timecode".to_owned(), |start| start.to_string())
        };
        why.push(format!(
            "it starts at {}, the original at {}",
            shown(map.start_timecode),
            shown(original.start_timecode)
        ));
    }
    let heard = map.audio_channels.iter().zip(0_u32..).all(|(heard, channel)| *heard == channel);
    let channels = u32::try_from(map.audio_channels.len()).unwrap_or(u32::MAX);
    if channels != original.audio_channels || !heard {
        why.push(format!(
            "the original's {} channels of sound are not in the same order in it",
            original.audio_channels
        ));
    }
    why
}
