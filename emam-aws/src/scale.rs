//! The time of media as a service tells it, in milliseconds, and as it is kept, in frames.

use emam_core::Result;
use emam_core::model::Technical;
use emam_core::time::{MediaTime, Rate, TimeRange};
use serde::{Deserialize, Serialize};

/// How the time of some media is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scale {
    /// Frames a second; samples where there is sound only.
    pub(crate) rate: Rate,
    /// How long the media is at that rate, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<i64>,
}

impl Scale {
    /// The scale of media: that of its picture, else that of its sound.
    ///
    /// # Errors
    /// A length that no number of frames holds.
    pub(crate) fn of(technical: &Technical) -> Result<Self> {
        let (video, audio) = (technical.video.first(), technical.audio.first());
        let rate = match (video.and_then(|video| video.rate), audio) {
            (Some(rate), _) => rate,
            (None, Some(audio)) if video.is_none() && audio.sample_rate > 0 => {
                Rate::new(audio.sample_rate, 1)?
            }
            // The services' own milliseconds.
            _ => Rate::new(1_000, 1)?,
        };
        let length = match (video.and_then(|video| video.frames), technical.container.duration) {
            (Some(frames), _) => Some(frames),
            (None, Some(duration)) => Some(duration.rescale_nearest(rate)?.value()),
            (None, None) => None,
        };
        Ok(Self { rate, length })
    }

    /// The frame closest to a number of milliseconds, inside the media.
    ///
    /// # Errors
    /// A time that no number of frames holds.
    pub(crate) fn frame(&self, millis: i64) -> Result<i64> {
        let frame = MediaTime::from_micros(millis.saturating_mul(1_000), self.rate)?.value();
        Ok(self.inside(frame))
    }

    /// `frame`, or the closest bound of the media.
    pub(crate) fn inside(&self, frame: i64) -> i64 {
        frame.clamp(0, self.length.unwrap_or(i64::MAX).max(0))
    }

    /// The frames from `start` up to `end`, at least one where the media has one.
    ///
    /// # Errors
    /// A range that no numbers of frames hold.
    pub(crate) fn range(&self, start: i64, end: i64) -> Result<TimeRange> {
        let last = self.length.map_or(i64::MAX - 1, |length| (length - 1).max(0));
        let start = start.clamp(0, last);
        let end = self.inside(end.max(start + 1)).max(start);
        TimeRange::from_start_end(start, end, self.rate)
    }

    /// The frames from one time up to another, in milliseconds.
    ///
    /// # Errors
    /// As [`range`](Self::range).
    pub(crate) fn span(&self, start_ms: i64, end_ms: i64) -> Result<TimeRange> {
        self.range(self.frame(start_ms)?, self.frame(end_ms)?)
    }
}

#[cfg(test)]
mod tests {
    use emam_core::model::AssetKind;

    use super::*;
    use crate::canned::technical;

    #[test]
    fn ranges_stay_inside_and_hold_a_frame() {
        let scale = Scale { rate: Rate::FPS_25, length: Some(100) };
        let range = |start, end| {
            let range = scale.range(start, end).unwrap();
            (range.start(), range.end())
        };
        assert_eq!(range(10, 20), (10, 20));
        assert_eq!(range(10, 10), (10, 11));
        assert_eq!(range(90, 130), (90, 100));
        assert_eq!(range(100, 101), (99, 100));
        assert_eq!(range(-5, i64::MAX), (0, 100));
        assert_eq!(scale.frame(1_000).unwrap(), 25);
        assert_eq!(scale.frame(1_019).unwrap(), 25);
        assert_eq!(scale.frame(1_020).unwrap(), 26, "1020 ms is frame 25.5");
        let endless = Scale { length: None, ..scale };
        assert_eq!(endless.range(i64::MAX, i64::MAX).unwrap().duration(), 1);
        let empty = Scale { length: Some(0), ..scale };
        assert_eq!(empty.range(3, 9).unwrap().duration(), 0);
    }

    #[test]
    fn pictures_count_frames_and_sound_counts_samples() {
        let video = Scale::of(&technical(AssetKind::Video, 20)).unwrap();
        assert_eq!(video, Scale { rate: Rate::FPS_25, length: Some(500) });
        let audio = Scale::of(&technical(AssetKind::Audio, 20)).unwrap();
        let rate = Rate::new(48_000, 1).unwrap();
        assert_eq!(audio, Scale { rate, length: Some(960_000) });
    }
}
