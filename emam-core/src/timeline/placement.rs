//! What is to be put into a sequence: a piece of an asset, in the times of both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{AssetSource, ClipSource, MediaSummary};
use crate::time::{MediaTime, Rate, TimeRange};

const OPERATION: &str = "timeline.place";

/// A piece of an asset to be put into a sequence.
///
/// Made from the facts of its media by [`of_asset`](Self::of_asset), [`of_range`](Self::of_range)
/// or [`of_still`](Self::of_still); the fields can be changed afterwards, for example `audio` to
/// leave the sound away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Placement {
    /// The name the clips get.
    pub name: String,
    /// What it is a piece of.
    pub source: ClipSource,
    /// Where in the source it begins, counted from the first frame (0) of the media, at the
    /// source's own rate.
    pub source_start: MediaTime,
    /// How many frames of the sequence it takes.
    pub duration: i64,
    /// Whether its picture goes on the first video track.
    pub video: bool,
    /// Whether its sound, all channels, goes on the first audio track.
    pub audio: bool,
}

impl Placement {
    /// Seconds a still image takes unless told otherwise.
    pub const STILL_SECONDS: i64 = 5;

    /// Picture and sound of `source` from `source_start` on, for `duration` frames of the
    /// sequence.
    pub fn new(
        name: impl Into<String>,
        source: impl Into<ClipSource>,
        source_start: MediaTime,
        duration: i64,
    ) -> Self {
        let source = source.into();
        Self { name: name.into(), source, source_start, duration, video: true, audio: true }
    }

    /// All of an asset, for a sequence at `rate`; a still image for
    /// [`STILL_SECONDS`](Self::STILL_SECONDS).
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the media has neither picture nor sound
    /// or is of unknown length.
    pub fn of_asset(
        name: impl Into<String>,
        source: AssetSource,
        media: &MediaSummary,
        rate: Rate,
    ) -> Result<Self> {
        if is_still(media) {
            let second = Rate::new(1, 1)?;
            let length = MediaTime::new(Self::STILL_SECONDS, second);
            return Self::of_still(name, source, media, length, rate);
        }
        let length = media_length(media)?;
        let all = TimeRange::new(0, length.value(), length.rate())?;
        Self::of_range(name, source, media, all, rate)
    }

    /// A range of an asset, for a sequence at `rate`.
    ///
    /// The range counts from the first frame (0) of the media, not from its timecode, at any rate:
    /// at another than the media's it starts with the frame that is on. The clip takes the nearest
    /// number of the sequence's frames, at least one. Of a still image only the length of the range
    /// matters.
    ///
    /// ```
    /// # use emam_core::clock::SystemClock;
    /// # use emam_core::id::AssetId;
    /// use emam_core::model::{AssetSource, MediaSummary};
    /// use emam_core::time::{MediaTime, Rate, TimeRange};
    /// use emam_core::timeline::Placement;
    ///
    /// # let source = AssetSource::new(AssetId::new(&SystemClock));
    /// let film = MediaSummary {
    ///     rate: Some(Rate::FPS_23_976),
    ///     duration: Some(MediaTime::new(2400, Rate::FPS_23_976)),
    ///     ..MediaSummary::default()
    /// };
    /// let range = TimeRange::new(240, 48, Rate::FPS_23_976)?;
    /// let placement = Placement::of_range("rain", source, &film, range, Rate::FPS_25)?;
    /// assert_eq!(placement.source_start, range.start_time()); // exact, at the source's rate
    /// assert_eq!(placement.duration, 50); // 2.002 s at 25 frames a second
    /// # Ok::<(), emam_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the range is empty or reaches out of the
    /// media, naming both; if the media has neither picture nor sound or is of unknown length.
    pub fn of_range(
        name: impl Into<String>,
        source: AssetSource,
        media: &MediaSummary,
        range: TimeRange,
        rate: Rate,
    ) -> Result<Self> {
        if range.is_empty() {
            let message = "a clip needs at least one frame; give a range that is not empty";
            return Err(Error::invalid(OPERATION, message)
                .with("asset", source.asset)
                .with("range", range));
        }
        if is_still(media) {
            return Self::of_still(name, source, media, range.duration_time(), rate);
        }
        let length = media_length(media).map_err(|error| error.with("asset", source.asset))?;
        let inside = TimeRange::new(0, length.value(), length.rate())?.contains_range(&range);
        if !inside {
            let message =
                "the range reaches out of the media; ranges count from its first frame, 0";
            return Err(Error::invalid(OPERATION, message)
                .with("asset", source.asset)
                .with("range", range)
                .with("media_duration", length));
        }
        Ok(Self {
            video: has_picture(media),
            audio: media.audio_channels > 0,
            ..Self::new(
                name,
                source,
                range.start_time().rescale_floor(length.rate())?,
                frames_of(range.duration_time(), rate)?,
            )
        })
    }

    /// A still image, shown for `length` in a sequence at `rate`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the length is not above zero, or the
    /// media is not a still image.
    pub fn of_still(
        name: impl Into<String>,
        source: AssetSource,
        media: &MediaSummary,
        length: MediaTime,
        rate: Rate,
    ) -> Result<Self> {
        let wrong = |message| Err(Error::invalid(OPERATION, message).with("asset", source.asset));
        if !is_still(media) {
            return wrong("this media is no still image; place a range of it");
        }
        if length.value() <= 0 {
            return wrong("a still image needs a length above zero")
                .map_err(|error: Error| error.with("length", length));
        }
        // A still has no rate of its own; that of the sequence makes every position in it exact.
        let start = MediaTime::zero(rate);
        Ok(Self { audio: false, ..Self::new(name, source, start, frames_of(length, rate)?) })
    }

    /// Refuses what no sequence can hold; the fields are public.
    pub(super) fn verify(&self, operation: &'static str) -> Result<()> {
        let wrong = |message| Err(Error::invalid(operation, message).with("clip", &self.name));
        if self.duration < 1 {
            return wrong("a clip takes at least one frame of the sequence")
                .map_err(|error: Error| error.with("duration", self.duration));
        }
        if self.source_start.value() < 0 {
            return wrong("a clip cannot start before the first frame (0) of its media")
                .map_err(|error: Error| error.with("source_start", self.source_start));
        }
        if !self.video && !self.audio {
            return wrong("neither picture nor sound is asked for; set video, audio or both");
        }
        Ok(())
    }
}

/// Whether there is something to see.
pub(super) fn has_picture(media: &MediaSummary) -> bool {
    media.rate.is_some() || media.width.is_some()
}

/// Whether the media is one picture: something to see that has no time of its own.
pub(super) fn is_still(media: &MediaSummary) -> bool {
    has_picture(media) && media.rate.is_none() && media.duration.is_none()
}

/// The length of media that has one, at its own rate.
fn media_length(media: &MediaSummary) -> Result<MediaTime> {
    if !has_picture(media) && media.audio_channels == 0 {
        let message = "this media has neither picture nor sound, so it cannot be in a sequence";
        return Err(Error::invalid(OPERATION, message));
    }
    media.duration.filter(|length| length.value() > 0).ok_or_else(|| {
        let message = "the length of this media is not known; probe its original again";
        Error::invalid(OPERATION, message)
    })
}

/// How many frames at `rate` a length takes: the nearest number, at least one.
fn frames_of(length: MediaTime, rate: Rate) -> Result<i64> {
    Ok(length.rescale_nearest(rate)?.value().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples::{clock, film, sound, source, still};

    #[test]
    fn all_of_an_asset_takes_its_time_in_the_sequence() {
        let source = source(&clock());
        let of = |media: &MediaSummary, rate| {
            let placed = Placement::of_asset("x", source, media, rate).unwrap();
            (placed.source_start, placed.duration, placed.video, placed.audio)
        };
        let film = film(Rate::FPS_23_976, 240);
        let at = |rate| MediaTime::zero(rate);
        assert_eq!(of(&film, Rate::FPS_23_976), (at(Rate::FPS_23_976), 240, true, true));
        // 10.01 seconds are 250.25 frames.
        assert_eq!(of(&film, Rate::FPS_25), (at(Rate::FPS_23_976), 250, true, true));
        let silent = MediaSummary { audio_channels: 0, ..film };
        assert_eq!(of(&silent, Rate::FPS_25), (at(Rate::FPS_23_976), 250, true, false));
        assert_eq!(of(&sound(48_000), Rate::FPS_25), (at(Rate::AUDIO_48K), 25, false, true));
        assert_eq!(of(&sound(1), Rate::FPS_25), (at(Rate::AUDIO_48K), 1, false, true));
        assert_eq!(of(&still(), Rate::FPS_29_97), (at(Rate::FPS_29_97), 150, true, false));
    }

    #[test]
    fn a_range_keeps_its_frames_and_may_come_at_another_rate() {
        let source = source(&clock());
        let film = film(Rate::FPS_25, 500);
        let of = |start, duration, rate| {
            let range = TimeRange::new(start, duration, rate).unwrap();
            let placed = Placement::of_range("x", source, &film, range, Rate::FPS_25).unwrap();
            (placed.source_start.value(), placed.duration)
        };
        assert_eq!(of(499, 1, Rate::FPS_25), (499, 1));
        assert_eq!(of(48_000, 4800, Rate::AUDIO_48K), (25, 3)); // 2.5 frames, ties up
        assert_eq!(of(3839, 1, Rate::AUDIO_48K), (1, 1)); // the frame that is on
        let range = TimeRange::new(1000, 50, Rate::FPS_25).unwrap();
        let placed = Placement::of_range("x", source, &still(), range, Rate::FPS_50).unwrap();
        assert_eq!((placed.source_start, placed.duration), (MediaTime::zero(Rate::FPS_50), 100));
    }

    #[test]
    fn what_cannot_be_placed_is_named() {
        let source = source(&clock());
        let film = film(Rate::FPS_25, 500);
        let range = |start, duration| TimeRange::new(start, duration, Rate::FPS_25).unwrap();
        let of = |range| Placement::of_range("x", source, &film, range, Rate::FPS_25);
        for wrong in [range(451, 50), range(-1, 5), range(500, 1), range(90_000, 50)] {
            let error = of(wrong).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
            assert_eq!(error.get("range"), Some(wrong.to_string().as_str()));
            assert_eq!(error.get("media_duration"), Some("500 @ 25"));
        }
        assert!(of(range(5, 0)).unwrap_err().message().contains("not empty"));
        let length = MediaTime::new(1, Rate::FPS_25);
        assert!(Placement::of_still("x", source, &film, length, Rate::FPS_25).is_err());
        let none = MediaTime::zero(Rate::FPS_25);
        assert!(Placement::of_still("x", source, &still(), none, Rate::FPS_25).is_err());
        for (media, reason) in [
            (MediaSummary::default(), "neither picture nor sound"),
            (MediaSummary { duration: None, ..film.clone() }, "length of this media is not known"),
        ] {
            let error = Placement::of_asset("x", source, &media, Rate::FPS_25).unwrap_err();
            assert!(error.message().contains(reason), "{error}");
        }
    }
}
