//! Instants and durations as whole frames at a rate.
//!
//! The rate travels with the number because a frame count alone is how an offset at 24 gets added
//! to a position at 25. Changing the rate is explicit: it either is exact or says both answers.

use std::cmp::Ordering;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Rate, div_nearest, gcd, parse_decimal, shown};
use crate::error::{Error, Result};

/// Ticks per second in Adobe Premiere's project files and in its `pproTicks` elements.
///
/// Adobe chose the number so that a frame of every usual video rate and a sample of every usual
/// audio rate is a whole number of ticks.
pub const PREMIERE_TICKS_PER_SECOND: i64 = 254_016_000_000;

const MICROS_PER_SECOND: i128 = 1_000_000;

/// Digits after the point up to which [`MediaTime::to_decimal_seconds`] cannot overflow: a time in
/// seconds has at most 95 bits.
const MAX_PLACES: u32 = 9;

/// An instant or a duration: a whole number of frames (or samples) at a rate.
///
/// Whether it is an instant, and on which clock, its owner says; it may be negative. In JSON it is
/// `{"value": 100, "rate": "25"}`.
///
/// Equality compares the fields, so 24 frames at 24 and 25 frames at 25 are different values
/// although both are one second: code that finds a time in a map needs equal to mean
/// interchangeable. An order by time would contradict that, so there is no `Ord`; compare times
/// with [`cmp_time`](Self::cmp_time), which is exact at any two rates.
///
/// ```
/// use std::cmp::Ordering;
///
/// use emam_core::time::{MediaTime, Rate, Rescaled};
///
/// let film = MediaTime::new(24, Rate::FPS_24);
/// assert_eq!(film.rescale(Rate::FPS_25)?, Rescaled::Exact(25));
/// assert_eq!(film.cmp_time(&MediaTime::new(25, Rate::FPS_25)), Ordering::Equal);
///
/// let one = MediaTime::new(1, Rate::FPS_24);
/// assert_eq!(one.rescale(Rate::FPS_60)?, Rescaled::Inexact { floor: 2, nearest: 3 });
/// assert_eq!(one.premiere_ticks()?, 10_584_000_000);
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "An instant or a duration: a whole number of frames at a rate.")]
pub struct MediaTime {
    /// Frames (or samples) at the rate.
    value: i64,
    /// Frames (or samples) per second.
    rate: Rate,
}

/// A time at another rate; made by [`MediaTime::rescale`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rescaled {
    /// The time is this whole number of frames.
    Exact(i64),
    /// The time lies between two frames.
    Inexact {
        /// The frame that is on at this time.
        floor: i64,
        /// The closest frame; halfway between two, the later.
        nearest: i64,
    },
}

impl Rescaled {
    /// The frame number if nothing was rounded.
    pub const fn exact(self) -> Option<i64> {
        match self {
            Self::Exact(value) => Some(value),
            Self::Inexact { .. } => None,
        }
    }

    /// The frame that is on at this time.
    pub const fn floor(self) -> i64 {
        match self {
            Self::Exact(value) | Self::Inexact { floor: value, .. } => value,
        }
    }

    /// The closest frame; halfway between two, the later.
    pub const fn nearest(self) -> i64 {
        match self {
            Self::Exact(value) | Self::Inexact { nearest: value, .. } => value,
        }
    }
}

impl MediaTime {
    /// `value` frames (or samples) at `rate`.
    pub const fn new(value: i64, rate: Rate) -> Self {
        Self { value, rate }
    }

    /// No time, counted at `rate`.
    pub const fn zero(rate: Rate) -> Self {
        Self { value: 0, rate }
    }

    /// The number of frames (or samples).
    pub const fn value(self) -> i64 {
        self.value
    }

    /// Frames (or samples) per second.
    pub const fn rate(self) -> Rate {
        self.rate
    }

    /// The exact time in seconds as a reduced fraction: numerator, positive denominator.
    pub fn seconds(self) -> (i128, i128) {
        let (num, den) = self.rate.terms();
        let seconds = i128::from(self.value) * den;
        let common = gcd(seconds, num);
        (seconds / common, num / common)
    }

    /// The time in seconds, for display only: computing with it loses frames.
    pub fn as_secs_f64(self) -> f64 {
        let (num, den) = self.seconds();
        num as f64 / den as f64
    }

    /// This time counted at another rate, with what rounding it takes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the frame number exceeds 64 bits.
    pub fn rescale(self, to: Rate) -> Result<Rescaled> {
        if to == self.rate {
            return Ok(Rescaled::Exact(self.value));
        }
        let (num, den) = self.at(to);
        let fit = |value| fit("time.rescale", value).map_err(|error| self.explain(error, to));
        let floor = fit(num.div_euclid(den))?;
        if num.rem_euclid(den) == 0 {
            return Ok(Rescaled::Exact(floor));
        }
        Ok(Rescaled::Inexact { floor, nearest: fit(div_nearest(num, den))? })
    }

    /// The frame at rate `to` that is on at this time.
    ///
    /// # Errors
    /// As [`rescale`](Self::rescale).
    pub fn rescale_floor(self, to: Rate) -> Result<Self> {
        Ok(Self::new(self.rescale(to)?.floor(), to))
    }

    /// The frame at rate `to` closest to this time; halfway between two, the later.
    ///
    /// # Errors
    /// As [`rescale`](Self::rescale).
    pub fn rescale_nearest(self, to: Rate) -> Result<Self> {
        Ok(Self::new(self.rescale(to)?.nearest(), to))
    }

    /// This time at rate `to`, if it is a whole number of frames there.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it lies between two frames, or the
    /// frame number exceeds 64 bits.
    pub fn rescale_exact(self, to: Rate) -> Result<Self> {
        match self.rescale(to)? {
            Rescaled::Exact(value) => Ok(Self::new(value, to)),
            Rescaled::Inexact { .. } => {
                let error = Error::invalid(
                    "time.rescale",
                    "this time lies between two frames of the other rate; \
                     choose a rounding with rescale_floor or rescale_nearest",
                );
                Err(self.explain(error, to))
            }
        }
    }

    /// The sum, at this time's rate.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `other` is not a whole number of frames
    /// at this rate, or the sum exceeds 64 bits.
    pub fn checked_add(self, other: Self) -> Result<Self> {
        let other = other.rescale_exact(self.rate)?;
        let sum = i128::from(self.value) + i128::from(other.value);
        Ok(Self::new(fit("time.add", sum)?, self.rate))
    }

    /// The difference, at this time's rate.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `other` is not a whole number of frames
    /// at this rate, or the difference exceeds 64 bits.
    pub fn checked_sub(self, other: Self) -> Result<Self> {
        let other = other.rescale_exact(self.rate)?;
        let difference = i128::from(self.value) - i128::from(other.value);
        Ok(Self::new(fit("time.subtract", difference)?, self.rate))
    }

    /// Compares the times meant, exactly, whatever their rates.
    pub fn cmp_time(&self, other: &Self) -> Ordering {
        // Both sides times both numerators; like `at`, these fit 128 bits.
        let (num, den) = self.rate.terms();
        let (other_num, other_den) = other.rate.terms();
        let left = i128::from(self.value) * den * other_num;
        let right = i128::from(other.value) * other_den * num;
        left.cmp(&right)
    }

    /// This time in Premiere's ticks; see [`PREMIERE_TICKS_PER_SECOND`].
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it is no whole number of ticks, which
    /// happens at unusual rates only, or exceeds 64 bits.
    pub fn premiere_ticks(self) -> Result<i64> {
        let (num, den) = self.rate.terms();
        let per_frame = i128::from(PREMIERE_TICKS_PER_SECOND) * den;
        let common = gcd(per_frame, num);
        let (frames, step) = (i128::from(self.value), num / common);
        if frames % step != 0 {
            let message = "this time is no whole number of Premiere ticks";
            return Err(Error::invalid("time.to_ticks", message).with("time", self));
        }
        // A product beyond 128 bits is beyond 64 too.
        let ticks = (frames / step).checked_mul(per_frame / common).unwrap_or(i128::MAX);
        fit("time.to_ticks", ticks).map_err(|error| error.with("time", self))
    }

    /// The time of a number of Premiere ticks, which must be a whole number of frames at `rate`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it lies between two frames;
    /// [`from_premiere_ticks_nearest`](Self::from_premiere_ticks_nearest) rounds.
    pub fn from_premiere_ticks(ticks: i64, rate: Rate) -> Result<Self> {
        let (num, den) = rate.terms();
        let frames = i128::from(ticks) * num;
        let per_frame = i128::from(PREMIERE_TICKS_PER_SECOND) * den;
        if frames % per_frame != 0 {
            let message = "these Premiere ticks lie between two frames of the rate";
            let error = Error::invalid("time.from_ticks", message);
            return Err(error.with("ticks", ticks).with("rate", rate));
        }
        Ok(Self::new(fit("time.from_ticks", frames / per_frame)?, rate))
    }

    /// The frame at `rate` closest to a number of Premiere ticks; halfway, the later.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the frame number exceeds 64 bits.
    pub fn from_premiere_ticks_nearest(ticks: i64, rate: Rate) -> Result<Self> {
        let per_second = i128::from(PREMIERE_TICKS_PER_SECOND);
        Self::from_fraction("time.from_ticks", i128::from(ticks), per_second, rate)
    }

    /// The frame at `rate` closest to a number of microseconds; halfway, the later.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the frame number exceeds 64 bits.
    pub fn from_micros(micros: i64, rate: Rate) -> Result<Self> {
        Self::from_fraction("time.from_micros", i128::from(micros), MICROS_PER_SECOND, rate)
    }

    /// The number of microseconds closest to this time; halfway, the later.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it exceeds 64 bits.
    pub fn to_micros(self) -> Result<i64> {
        let (num, den) = self.seconds();
        fit("time.to_micros", div_nearest(num * MICROS_PER_SECOND, den))
            .map_err(|error| error.with("time", self))
    }

    /// The frame at `rate` closest to decimal seconds as ffmpeg prints them, read exactly; halfway
    /// between two frames, the later.
    ///
    /// ```
    /// use emam_core::time::{MediaTime, Rate};
    ///
    /// let time = MediaTime::from_decimal_seconds("12.345678", Rate::FPS_25)?;
    /// assert_eq!(time, MediaTime::new(309, Rate::FPS_25));
    /// assert_eq!(time.to_decimal_seconds(3), "12.360");
    /// assert!(MediaTime::from_decimal_seconds("N/A", Rate::FPS_25).is_err());
    /// # Ok::<(), emam_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the text is no decimal number, has more
    /// than 28 digits, or the frame number exceeds 64 bits.
    pub fn from_decimal_seconds(text: &str, rate: Rate) -> Result<Self> {
        const OPERATION: &str = "time.from_decimal";
        let wrong = || {
            Error::invalid(OPERATION, "a time in seconds is a decimal number such as 12.345678")
                .with("seconds", shown(text))
        };
        let (num, den) = parse_decimal(text.trim()).ok_or_else(wrong)?;
        Self::from_fraction(OPERATION, num, den, rate)
            .map_err(|error| error.with("seconds", shown(text)))
    }

    /// This time in decimal seconds, rounded to the nearest with `digits` digits (at most nine)
    /// after the point.
    ///
    /// Six digits are enough to find the frame again at any rate below 1000000 per second.
    pub fn to_decimal_seconds(self, digits: u32) -> String {
        let digits = digits.min(MAX_PLACES);
        let unit = 10_i128.pow(digits);
        let (num, den) = self.seconds();
        let scaled = div_nearest(num * unit, den);
        let sign = if scaled < 0 { "-" } else { "" };
        let (whole, rest) = (scaled.abs() / unit, scaled.abs() % unit);
        match usize::try_from(digits) {
            Ok(width @ 1..) => format!("{sign}{whole}.{rest:0width$}"),
            _ => format!("{sign}{whole}"),
        }
    }

    /// This time in frames at `to`, as an exact fraction with a positive denominator.
    ///
    /// Cannot overflow: 63 bits of value and twice 32 bits of rate are 127, and the sign.
    fn at(self, to: Rate) -> (i128, i128) {
        let (num, den) = self.rate.terms();
        let (to_num, to_den) = to.terms();
        (i128::from(self.value) * den * to_num, num * to_den)
    }

    /// The frame at `rate` closest to `num / den` seconds, where both have at most 94 bits.
    fn from_fraction(operation: &'static str, num: i128, den: i128, rate: Rate) -> Result<Self> {
        let (rate_num, rate_den) = rate.terms();
        let frames = div_nearest(num * rate_num, den * rate_den);
        fit(operation, frames)
            .map(|value| Self::new(value, rate))
            .map_err(|error| error.with("rate", rate))
    }

    fn explain(self, error: Error, to: Rate) -> Error {
        error.with("time", self).with("to_rate", to)
    }
}

/// As a frame number, or the error of one that is too large.
fn fit(operation: &'static str, value: i128) -> Result<i64> {
    i64::try_from(value)
        .map_err(|_| Error::invalid(operation, "this time is too long to count in 64 bits"))
}

impl fmt::Display for MediaTime {
    /// Writes frames and rate, for example `100 @ 25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} @ {}", self.value, self.rate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXTREMES: [i64; 5] = [i64::MIN, -1, 0, 1, i64::MAX];

    fn extreme_rates() -> [Rate; 4] {
        [(1, 1), (u32::MAX, 1), (1, u32::MAX), (u32::MAX, u32::MAX - 1)]
            .map(|(num, den)| Rate::new(num, den).unwrap())
    }

    #[test]
    fn nothing_panics_at_the_extremes() {
        for rate in extreme_rates() {
            for value in EXTREMES {
                let time = MediaTime::new(value, rate);
                let _ = (time.premiere_ticks(), time.to_micros(), time.as_secs_f64());
                let _ = MediaTime::from_premiere_ticks(value, rate);
                let _ = MediaTime::from_premiere_ticks_nearest(value, rate);
                let _ = MediaTime::from_micros(value, rate);
                assert!(!time.to_decimal_seconds(u32::MAX).is_empty());
                for other in extreme_rates() {
                    let _ = time.rescale(other);
                    for value in EXTREMES {
                        let other = MediaTime::new(value, other);
                        let _ = (time.checked_add(other), time.checked_sub(other));
                        assert_eq!(time.cmp_time(&other), other.cmp_time(&time).reverse());
                    }
                }
            }
            let long = "9".repeat(28);
            assert!(MediaTime::from_decimal_seconds(&long, rate).is_err() || rate.num() == 1);
        }
        let time = MediaTime::new(i64::MAX, Rate::FPS_24);
        assert!(time.rescale(Rate::FPS_25).is_err());
        assert!(time.checked_add(MediaTime::new(1, Rate::FPS_24)).is_err());
    }

    #[test]
    fn unlike_rates_add_only_where_nothing_is_rounded() {
        let base = MediaTime::new(100, Rate::FPS_25);
        let second = MediaTime::new(24, Rate::FPS_24);
        assert_eq!(base.checked_add(second).unwrap(), MediaTime::new(125, Rate::FPS_25));
        assert_eq!(base.checked_sub(second).unwrap(), MediaTime::new(75, Rate::FPS_25));
        let error = base.checked_add(MediaTime::new(1, Rate::FPS_24)).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
        assert_eq!(error.get("to_rate"), Some("25"));
    }

    #[test]
    fn decimal_seconds_are_exact_until_the_last_rounding() {
        let frame = |text, rate| MediaTime::from_decimal_seconds(text, rate).unwrap().value();
        assert_eq!(frame("0.02", Rate::FPS_25), 1);
        assert_eq!(frame("0.019999", Rate::FPS_25), 0);
        assert_eq!(frame("-0.02", Rate::FPS_25), 0);
        assert_eq!(frame("0.033367", Rate::FPS_29_97), 1);
        assert_eq!(frame("6.25e-05", Rate::AUDIO_48K), 3);
        let text = |value, rate, digits| MediaTime::new(value, rate).to_decimal_seconds(digits);
        assert_eq!(text(1, Rate::FPS_29_97, 6), "0.033367");
        assert_eq!(text(-1, Rate::FPS_25, 3), "-0.040");
        assert_eq!(text(-1, Rate::FPS_25, 1), "0.0");
        assert_eq!(text(49, Rate::FPS_25, 0), "2");
        assert_eq!(text(i64::MIN, Rate::FPS_25, 99), "-368934881474191032.320000000");
        assert_eq!(MediaTime::new(1, Rate::FPS_24).to_micros().unwrap(), 41_667);
    }

    #[test]
    fn every_standard_frame_is_whole_ticks() {
        let half = PREMIERE_TICKS_PER_SECOND / 50;
        for rate in Rate::STANDARD.into_iter().chain([Rate::AUDIO_48K]) {
            let ticks = MediaTime::new(1, rate).premiere_ticks().unwrap();
            let (num, den) = rate.terms();
            assert_eq!(i128::from(ticks) * num, i128::from(PREMIERE_TICKS_PER_SECOND) * den);
        }
        assert!(MediaTime::new(1, Rate::new(997, 1).unwrap()).premiere_ticks().is_err());
        assert!(MediaTime::from_premiere_ticks(half, Rate::FPS_25).is_err());
        let nearest = MediaTime::from_premiere_ticks_nearest(half, Rate::FPS_25).unwrap();
        assert_eq!(nearest, MediaTime::new(1, Rate::FPS_25));
    }

    #[test]
    fn json_is_value_and_rate() {
        let time = MediaTime::new(100, Rate::FPS_25);
        let json = serde_json::to_value(time).unwrap();
        assert_eq!(json, serde_json::json!({"value": 100, "rate": "25"}));
        assert_eq!(serde_json::from_value::<MediaTime>(json).unwrap(), time);
    }

    fn rates() -> impl Strategy<Value = Rate> {
        prop_oneof![
            proptest::sample::select(Rate::STANDARD.to_vec()),
            (1..=u32::MAX, 1..=u32::MAX).prop_map(|(num, den)| Rate::new(num, den).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn an_exact_rescale_comes_back(value in -1_000_000_000..1_000_000_000_i64,
                                       from in rates(), to in rates()) {
            let time = MediaTime::new(value, from);
            if let Ok(Rescaled::Exact(there)) = time.rescale(to) {
                let there = MediaTime::new(there, to);
                prop_assert_eq!(there.rescale(from).unwrap(), Rescaled::Exact(value));
                prop_assert_eq!(there.cmp_time(&time), Ordering::Equal);
                prop_assert_eq!(there.seconds(), time.seconds());
            }
        }

        #[test]
        fn a_rescale_stands_next_to_its_time(value: i64, from in rates(), to in rates()) {
            let time = MediaTime::new(value, from);
            if let Ok(Rescaled::Inexact { floor, nearest }) = time.rescale(to) {
                prop_assert_eq!(MediaTime::new(floor, to).cmp_time(&time), Ordering::Less);
                prop_assert!(nearest == floor || nearest == floor + 1);
                if let Some(next) = floor.checked_add(1) {
                    prop_assert_eq!(MediaTime::new(next, to).cmp_time(&time), Ordering::Greater);
                }
            }
        }

        #[test]
        fn a_frame_survives_a_faster_rate(value in -1_000_000_000_i64..1_000_000_000) {
            // Going to a rate at least twice as fast and back must not move a frame.
            let time = MediaTime::new(value, Rate::FPS_23_976);
            let fast = time.rescale_nearest(Rate::FPS_50).unwrap();
            prop_assert_eq!(fast.rescale_nearest(Rate::FPS_23_976).unwrap(), time);
        }

        #[test]
        fn micros_and_decimals_find_the_frame_again(
            value in -10_000_000_000..10_000_000_000_i64,
            rate in proptest::sample::select([&Rate::STANDARD[..], &[Rate::AUDIO_48K]].concat()),
        ) {
            let time = MediaTime::new(value, rate);
            prop_assert_eq!(MediaTime::from_micros(time.to_micros().unwrap(), rate).unwrap(), time);
            let text = time.to_decimal_seconds(6);
            prop_assert_eq!(MediaTime::from_decimal_seconds(&text, rate).unwrap(), time);
            if let Ok(ticks) = time.premiere_ticks() {
                prop_assert_eq!(MediaTime::from_premiere_ticks(ticks, rate).unwrap(), time);
            }
        }

        #[test]
        fn adding_and_taking_away_is_nothing(a: i64, b: i64, rate in rates(), other in rates()) {
            let (a, b) = (MediaTime::new(a, rate), MediaTime::new(b, other));
            if let Ok(sum) = a.checked_add(b) {
                prop_assert_eq!(sum.checked_sub(b).unwrap(), a);
            }
        }
    }
}
