//! Rates and source points as this format counts them.

use crate::time::{MediaTime, Rate, Speed};

/// Whether a rate is a whole number of frames, or that times 1000/1001: all the format can say.
pub(super) fn is_sayable(rate: Rate) -> bool {
    // Sound counts samples, and no program takes a timebase of 48000.
    let whole = if rate.den() == 1 { rate.num() } else { rate.nominal() };
    whole <= 1000
        && (rate.den() == 1 || (rate.is_ntsc() && u64::from(rate.num()) == u64::from(whole) * 1000))
}

/// The rate of a timebase.
pub(super) fn rate_of(timebase: u32, ntsc: bool) -> Option<Rate> {
    let rate =
        if ntsc { Rate::new(timebase.checked_mul(1000)?, 1001) } else { Rate::new(timebase, 1) };
    rate.ok()
}

/// Frames at another rate, the nearest number; absent if there are too many to count.
pub(super) fn rescaled(frames: i64, from: Rate, to: Rate) -> Option<i64> {
    Some(MediaTime::new(frames, from).rescale(to).ok()?.nearest())
}

/// Where a clip lies in its media, as its `in` tells it.
///
/// `in` counts frames of the clip as it plays: at half speed twice as many as its media has, and
/// backwards from the end of the media. A frozen frame counts frames of the media.
#[derive(Debug, Clone, Copy)]
pub(super) struct Playing {
    /// Frames a second that are counted.
    pub(super) rate: Rate,
    pub(super) speed: Speed,
    /// How many frames it plays, without handles.
    pub(super) shown: i64,
    /// The length of its media, if it is known.
    pub(super) media: Option<MediaTime>,
}

impl Playing {
    /// The `in` of a clip whose lowest frame this is.
    pub(super) fn point(&self, lowest: MediaTime) -> Option<i64> {
        let lowest = i128::from(lowest.rescale(self.rate).ok()?.floor());
        let point = match self.end() {
            Some(end) => self.played(end - lowest)? - i128::from(self.shown),
            None => self.played(lowest)?,
        };
        i64::try_from(point).ok()
    }

    /// The lowest frame of a clip whose `in` this is.
    pub(super) fn lowest(&self, point: i64) -> Option<MediaTime> {
        let frames = match self.end() {
            Some(end) => end - self.source(i128::from(point) + i128::from(self.shown))?,
            None => self.source(i128::from(point))?,
        };
        Some(MediaTime::new(i64::try_from(frames).ok()?, self.rate))
    }

    /// How many frames the whole media plays.
    pub(super) fn length(&self) -> Option<i64> {
        let frames = i128::from(self.media?.rescale(self.rate).ok()?.nearest());
        i64::try_from(self.played(frames)?).ok()
    }

    /// The end of the media, where a clip that runs backwards begins.
    fn end(&self) -> Option<i128> {
        let media = self.media.filter(|_| self.speed.is_reverse())?;
        Some(i128::from(media.rescale(self.rate).ok()?.nearest()))
    }

    fn played(&self, source: i128) -> Option<i128> {
        match i128::from(self.speed.num()).abs() {
            0 => Some(source),
            num => nearest(source.checked_mul(i128::from(self.speed.den()))?, num),
        }
    }

    fn source(&self, played: i128) -> Option<i128> {
        match i128::from(self.speed.num()).abs() {
            0 => Some(played),
            num => nearest(played.checked_mul(num)?, i128::from(self.speed.den())),
        }
    }
}

fn nearest(num: i128, den: i128) -> Option<i128> {
    Some(num.checked_mul(2)?.checked_add(den)?.div_euclid(den.checked_mul(2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_a_timebase_or_are_not() {
        for rate in Rate::STANDARD {
            assert!(is_sayable(rate));
            assert_eq!(rate_of(rate.nominal(), rate.den() == 1001), Some(rate));
        }
        for (num, den) in [(25, 2), (48_000, 1), (24_001, 1001), (u32::MAX, 1001)] {
            assert!(!is_sayable(Rate::new(num, den).unwrap()), "{num}/{den}");
        }
        assert_eq!(rate_of(0, false), None);
        assert_eq!(rate_of(u32::MAX, true), None);
    }

    #[test]
    fn in_counts_the_frames_that_are_played() {
        let rate = Rate::FPS_25;
        let playing = |speed, media| Playing {
            rate,
            speed,
            shown: 40,
            media: Some(MediaTime::new(media, rate)),
        };
        let half = playing(Speed::new(1, 2).unwrap(), 1000);
        assert_eq!(half.point(MediaTime::new(100, rate)), Some(200));
        assert_eq!(half.length(), Some(2000));
        // Backwards from frame 140 to frame 100 of 1000: 860 frames are played before it.
        let back = playing(Speed::REVERSE, 1000);
        assert_eq!(back.point(MediaTime::new(100, rate)), Some(860));
        assert_eq!(back.lowest(860), Some(MediaTime::new(100, rate)));
        let frozen = playing(Speed::FREEZE, 1000);
        assert_eq!(frozen.point(MediaTime::new(7, rate)), Some(7));
        assert_eq!(frozen.lowest(7), Some(MediaTime::new(7, rate)));
        assert_eq!(half.point(MediaTime::new(i64::MAX, rate)), None);
    }
}
