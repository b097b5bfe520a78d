//! Ranges of frames.
//!
//! Half-open, so that neighbours share a boundary and no frame, and the duration is the number of
//! frames: the inclusive out points of other formats are converted where they are read.

use std::cmp::Ordering;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{MediaTime, Rate, Rescaled};
use crate::error::{Error, Result};

/// A half-open range of frames (or samples) at a rate: `start` is inside, `end` is not.
///
/// The duration is zero or more, and the end fits 64 bits. In JSON it is
/// `{"start": 100, "duration": 50, "rate": "25"}`. Equality compares the fields, as that of
/// [`MediaTime`] does.
///
/// ```
/// use emam_core::time::{MediaTime, Rate, TimeRange};
///
/// let shot = TimeRange::new(100, 50, Rate::FPS_25)?;
/// assert_eq!(shot.to_string(), "[100, 150) @ 25");
/// assert!(shot.contains(MediaTime::new(149, Rate::FPS_25)));
/// assert!(!shot.contains(shot.end_time()));
///
/// let next = TimeRange::from_start_end(140, 200, Rate::FPS_25)?;
/// assert_eq!(shot.intersect(&next), Some(TimeRange::new(140, 10, Rate::FPS_25)?));
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[schemars(description = "A range of frames at a rate: from `start`, for `duration` frames.")]
pub struct TimeRange {
    /// The first frame.
    start: i64,
    /// The number of frames, zero or more.
    #[schemars(range(min = 0))]
    duration: i64,
    /// Frames (or samples) per second.
    rate: Rate,
}

impl TimeRange {
    /// The `duration` frames from `start` on.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `duration` is negative or the end
    /// exceeds 64 bits.
    pub fn new(start: i64, duration: i64, rate: Rate) -> Result<Self> {
        let wrong = |message| {
            let error = Error::invalid("range.new", message);
            error.with("start", start).with("duration", duration).with("rate", rate)
        };
        if duration < 0 {
            return Err(wrong("the duration of a range cannot be negative"));
        }
        if start.checked_add(duration).is_none() {
            return Err(wrong("the end of this range is too late to count in 64 bits"));
        }
        Ok(Self { start, duration, rate })
    }

    /// The frames from `start` up to but not including `end`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `end` is before `start` or the duration
    /// exceeds 64 bits.
    pub fn from_start_end(start: i64, end: i64, rate: Rate) -> Result<Self> {
        match end.checked_sub(start) {
            Some(duration @ 0..) => Ok(Self { start, duration, rate }),
            _ => {
                let message =
                    "a range must end at or after its start, and its duration fit 64 bits";
                let error = Error::invalid("range.new", message);
                Err(error.with("start", start).with("end", end).with("rate", rate))
            }
        }
    }

    /// The first frame.
    pub const fn start(self) -> i64 {
        self.start
    }

    /// The number of frames.
    pub const fn duration(self) -> i64 {
        self.duration
    }

    /// Frames (or samples) per second.
    pub const fn rate(self) -> Rate {
        self.rate
    }

    /// The frame after the last one.
    pub const fn end(self) -> i64 {
        // Every constructor has made sure that this fits.
        self.start.saturating_add(self.duration)
    }

    /// Whether the range holds no frame.
    pub const fn is_empty(self) -> bool {
        self.duration == 0
    }

    /// The instant at which the range starts.
    pub const fn start_time(self) -> MediaTime {
        MediaTime::new(self.start, self.rate)
    }

    /// The instant at which the range has ended; not inside it.
    pub const fn end_time(self) -> MediaTime {
        MediaTime::new(self.end(), self.rate)
    }

    /// How long the range is.
    pub const fn duration_time(self) -> MediaTime {
        MediaTime::new(self.duration, self.rate)
    }

    /// Whether an instant, at any rate, lies inside. An empty range contains none.
    pub fn contains(self, time: MediaTime) -> bool {
        self.start_time().cmp_time(&time).is_le() && time.cmp_time(&self.end_time()).is_lt()
    }

    /// Whether `other`, at any rate, neither starts before nor ends after this range.
    ///
    /// An empty range is contained where it lies inside or at either end.
    pub fn contains_range(self, other: &Self) -> bool {
        self.start_time().cmp_time(&other.start_time()).is_le()
            && other.end_time().cmp_time(&self.end_time()).is_le()
    }

    /// Whether the two ranges, at any rates, share time. Neighbours do not, nor do empty ranges.
    pub fn overlaps(self, other: &Self) -> bool {
        !self.is_empty()
            && !other.is_empty()
            && self.start_time().cmp_time(&other.end_time()).is_lt()
            && other.start_time().cmp_time(&self.end_time()).is_lt()
    }

    /// The frames of this range during which `other` is on, at this range's rate; `None` if the
    /// two do not [overlap](Self::overlaps).
    ///
    /// Exact if the rates are equal or the bounds of `other` are whole frames here. Otherwise a
    /// frame during only part of which `other` is on counts: that the ranges overlap is never
    /// lost to rounding.
    pub fn intersect(self, other: &Self) -> Option<Self> {
        if !self.overlaps(other) {
            return None;
        }
        // Bounds beyond this range are not converted, so nothing can be out of 64 bits.
        let start = match other.start_time().cmp_time(&self.start_time()) {
            Ordering::Greater => other.start_time().rescale(self.rate).ok()?.floor(),
            _ => self.start,
        };
        let end = match other.end_time().cmp_time(&self.end_time()) {
            Ordering::Less => ceil(other.end_time(), self.rate).ok()?,
            _ => self.end(),
        };
        Self::from_start_end(start, end, self.rate).ok()
    }

    /// This range cut to `bounds`; where the two are disjoint, an empty range at the bound
    /// nearest to it.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the bounds are not whole frames at this
    /// range's rate.
    pub fn clamp_to(self, bounds: &Self) -> Result<Self> {
        let low = bounds.start_time().rescale_exact(self.rate)?.value();
        let high = bounds.end_time().rescale_exact(self.rate)?.value();
        Self::from_start_end(self.start.clamp(low, high), self.end().clamp(low, high), self.rate)
    }

    /// This range moved by a number of frames, earlier if negative.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if start or end exceed 64 bits.
    pub fn offset(self, frames: i64) -> Result<Self> {
        let Some(start) = self.start.checked_add(frames) else {
            let error = Error::invalid("range.offset", "the range would start out of 64 bits");
            return Err(error.with("range", self).with("frames", frames));
        };
        Self::new(start, self.duration, self.rate)
    }

    /// The smallest range at another rate that covers this one: the start is rounded down, the
    /// end up.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if start, end or duration exceed 64 bits.
    pub fn rescale_to(self, rate: Rate) -> Result<Self> {
        let start = self.start_time().rescale(rate)?.floor();
        Self::from_start_end(start, ceil(self.end_time(), rate)?, rate)
    }
}

/// The first frame at `rate` that is not before `time`.
fn ceil(time: MediaTime, rate: Rate) -> Result<i64> {
    match time.rescale(rate)? {
        Rescaled::Exact(value) => Ok(value),
        Rescaled::Inexact { floor, .. } => floor.checked_add(1).ok_or_else(|| {
            Error::invalid("time.rescale", "this time is too long to count in 64 bits")
                .with("time", time)
                .with("to_rate", rate)
        }),
    }
}

impl fmt::Display for TimeRange {
    /// Writes the bounds and the rate, for example `[100, 150) @ 25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}) @ {}", self.start, self.end(), self.rate)
    }
}

impl<'de> Deserialize<'de> for TimeRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "TimeRange")]
        struct Unchecked {
            start: i64,
            duration: i64,
            rate: Rate,
        }
        let Unchecked { start, duration, rate } = Unchecked::deserialize(deserializer)?;
        Self::new(start, duration, rate).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(start: i64, end: i64, rate: Rate) -> TimeRange {
        TimeRange::from_start_end(start, end, rate).unwrap()
    }

    #[test]
    fn what_is_no_range_is_an_error() {
        assert!(TimeRange::new(0, -1, Rate::FPS_25).is_err());
        assert!(TimeRange::new(i64::MAX, 1, Rate::FPS_25).is_err());
        assert!(TimeRange::from_start_end(1, 0, Rate::FPS_25).is_err());
        assert!(TimeRange::from_start_end(i64::MIN, i64::MAX, Rate::FPS_25).is_err());
        assert!(range(0, 1, Rate::FPS_25).offset(i64::MAX).is_err());
        assert!(range(-5, 0, Rate::FPS_25).offset(i64::MIN).is_err());
        assert!(range(0, i64::MAX, Rate::FPS_25).rescale_to(Rate::FPS_30).is_err());
        assert_eq!(range(0, 1, Rate::FPS_25).offset(-3).unwrap(), range(-3, -2, Rate::FPS_25));
    }

    #[test]
    fn json_is_validated() {
        let range = range(100, 150, Rate::FPS_25);
        let json = serde_json::to_value(range).unwrap();
        assert_eq!(json, serde_json::json!({"start": 100, "duration": 50, "rate": "25"}));
        assert_eq!(serde_json::from_value::<TimeRange>(json).unwrap(), range);
        let json = r#"{"start": 0, "duration": -1, "rate": "25"}"#;
        let error = serde_json::from_str::<TimeRange>(json).unwrap_err();
        assert!(error.to_string().contains("cannot be negative"), "{error}");
    }

    #[test]
    fn neighbours_share_no_frame() {
        let (a, b) = (range(0, 10, Rate::FPS_25), range(10, 20, Rate::FPS_25));
        assert!(!a.overlaps(&b) && a.intersect(&b).is_none() && b.intersect(&a).is_none());
        let empty = range(5, 5, Rate::FPS_25);
        assert!(empty.is_empty() && !empty.contains(empty.start_time()));
        assert!(a.contains_range(&empty) && a.intersect(&empty).is_none());
        assert!(a.contains_range(&range(10, 10, Rate::FPS_25)));
        assert!(!a.contains_range(&range(5, 11, Rate::FPS_25)));
    }

    #[test]
    fn unlike_rates_meet_exactly() {
        let (film, video) = (range(24, 48, Rate::FPS_24), range(25, 50, Rate::FPS_25));
        assert!(film.contains_range(&video) && video.contains_range(&film));
        assert_eq!(film.intersect(&video), Some(film));
        assert_eq!(film.rescale_to(Rate::FPS_25).unwrap(), video);
        // A sixtieth of a second within a 24th: the whole frame during which it is on.
        let (frame, field) = (range(0, 24, Rate::FPS_24), range(4, 5, Rate::FPS_60));
        assert_eq!(frame.intersect(&field), Some(range(1, 2, Rate::FPS_24)));
        assert_eq!(field.intersect(&frame), Some(field));
        assert_eq!(field.rescale_to(Rate::FPS_24).unwrap(), range(1, 2, Rate::FPS_24));
    }

    #[test]
    fn clamping_cuts_or_leaves_an_empty_range_at_the_bound() {
        let bounds = range(10, 20, Rate::FPS_25);
        let clamp = |start, end| range(start, end, Rate::FPS_25).clamp_to(&bounds).unwrap();
        assert_eq!(clamp(5, 15), range(10, 15, Rate::FPS_25));
        assert_eq!(clamp(0, 5), range(10, 10, Rate::FPS_25));
        assert_eq!(clamp(30, 50), range(20, 20, Rate::FPS_25));
        assert!(range(0, 9, Rate::FPS_24).clamp_to(&bounds).is_err());
    }

    fn ranges() -> impl Strategy<Value = TimeRange> {
        let rate = proptest::sample::select(Rate::STANDARD.to_vec());
        (-1000..1000_i64, 0..500_i64, rate)
            .prop_map(|(start, duration, rate)| TimeRange::new(start, duration, rate).unwrap())
    }

    proptest! {
        #[test]
        fn an_intersection_is_the_frames_touched(a in ranges(), b in ranges()) {
            let touched = (a.start()..a.end())
                .filter(|&frame| range(frame, frame + 1, a.rate()).overlaps(&b));
            let got = a.intersect(&b).map_or(0..0, |shared| shared.start()..shared.end());
            prop_assert!(touched.eq(got));
            prop_assert_eq!(a.intersect(&b).is_some(), b.intersect(&a).is_some());
        }

        #[test]
        fn a_rescaled_range_covers_tightly(a in ranges(), b in ranges()) {
            let there = a.rescale_to(b.rate()).unwrap();
            prop_assert!(there.contains_range(&a));
            if there.duration() > 1 {
                let inner = range(there.start() + 1, there.end(), b.rate());
                prop_assert!(!inner.contains_range(&a));
                let inner = range(there.start(), there.end() - 1, b.rate());
                prop_assert!(!inner.contains_range(&a));
            }
        }

        #[test]
        fn extremes_are_a_range_or_an_error(start: i64, duration: i64, shift: i64) {
            if let Ok(range) = TimeRange::new(start, duration, Rate::FPS_29_97) {
                let _ = (range.offset(shift), range.rescale_to(Rate::FPS_120));
                let other = TimeRange::new(shift, 0, Rate::FPS_24).unwrap();
                let _ = (range.intersect(&other), other.clamp_to(&range));
                prop_assert_eq!(range.end() - range.start(), range.duration());
            }
        }
    }
}
