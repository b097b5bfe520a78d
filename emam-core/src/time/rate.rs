//! Frame and sample rates as exact fractions.
//!
//! Programs write 29.97 for 30000/1001, and comparing floats for equality is how they come to
//! disagree about it. Here a rate is a reduced fraction; decimals are read once, at the edge, and
//! snap to the rate that was meant.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{gcd, parse_decimal, shown};
use crate::error::{Error, Result};

/// The largest denominator a decimal that is no known rate is approximated with.
const MAX_DENOMINATOR: i128 = 1_001_000;

/// A decimal within one part in this many of a known rate means that rate: 0.005, which covers
/// 23.98 and 29.97, while the closest two known rates, 23.976 and 24, are 0.024 apart.
const SNAP_PARTS: i128 = 200;

/// Frames or samples per second: an exact, reduced, positive fraction.
///
/// Ordered by value. As text and in JSON it is `"25"` or `"30000/1001"`; reading also accepts
/// decimals and JSON numbers, which snap as [`Rate::from_f64`] says.
///
/// ```
/// use emam_core::time::Rate;
///
/// assert_eq!(Rate::new(60_000, 2002)?, Rate::FPS_29_97);
/// assert_eq!("29.97".parse::<Rate>()?, Rate::FPS_29_97);
/// assert_eq!(Rate::FPS_29_97.to_string(), "30000/1001");
/// assert_eq!(Rate::FPS_29_97.nominal(), 30);
/// assert!(Rate::FPS_29_97.can_drop() && !Rate::FPS_23_976.can_drop());
/// assert!(Rate::FPS_23_976 < Rate::FPS_24);
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    num: u32,
    den: u32,
}

impl Rate {
    /// 24000/1001 frames per second.
    pub const FPS_23_976: Rate = Rate { num: 24_000, den: 1001 };
    /// 24 frames per second.
    pub const FPS_24: Rate = Rate { num: 24, den: 1 };
    /// 25 frames per second.
    pub const FPS_25: Rate = Rate { num: 25, den: 1 };
    /// 30000/1001 frames per second.
    pub const FPS_29_97: Rate = Rate { num: 30_000, den: 1001 };
    /// 30 frames per second.
    pub const FPS_30: Rate = Rate { num: 30, den: 1 };
    /// 48000/1001 frames per second.
    pub const FPS_47_952: Rate = Rate { num: 48_000, den: 1001 };
    /// 48 frames per second.
    pub const FPS_48: Rate = Rate { num: 48, den: 1 };
    /// 50 frames per second.
    pub const FPS_50: Rate = Rate { num: 50, den: 1 };
    /// 60000/1001 frames per second.
    pub const FPS_59_94: Rate = Rate { num: 60_000, den: 1001 };
    /// 60 frames per second.
    pub const FPS_60: Rate = Rate { num: 60, den: 1 };
    /// 100 frames per second.
    pub const FPS_100: Rate = Rate { num: 100, den: 1 };
    /// 120000/1001 frames per second.
    pub const FPS_119_88: Rate = Rate { num: 120_000, den: 1001 };
    /// 120 frames per second.
    pub const FPS_120: Rate = Rate { num: 120, den: 1 };
    /// 48000 samples per second.
    pub const AUDIO_48K: Rate = Rate { num: 48_000, den: 1 };

    /// The video rates editing programs offer, slowest first.
    pub const STANDARD: [Rate; 13] = [
        Self::FPS_23_976,
        Self::FPS_24,
        Self::FPS_25,
        Self::FPS_29_97,
        Self::FPS_30,
        Self::FPS_47_952,
        Self::FPS_48,
        Self::FPS_50,
        Self::FPS_59_94,
        Self::FPS_60,
        Self::FPS_100,
        Self::FPS_119_88,
        Self::FPS_120,
    ];

    /// The rate of `num` frames in `den` seconds, reduced.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `num` or `den` is zero.
    pub fn new(num: u32, den: u32) -> Result<Self> {
        Self::from_fraction(i128::from(num), i128::from(den))
            .ok_or_else(|| not_a_rate(format!("{num}/{den}")))
    }

    /// Frames in [`den`](Self::den) seconds.
    pub const fn num(self) -> u32 {
        self.num
    }

    /// The number of seconds that hold [`num`](Self::num) frames.
    pub const fn den(self) -> u32 {
        self.den
    }

    /// The whole number of frames timecode counts in one of its seconds: the rate rounded up.
    pub const fn nominal(self) -> u32 {
        self.num.div_ceil(self.den)
    }

    /// Whether this is a whole rate slowed by 1000/1001, as NTSC colour television did.
    pub fn is_ntsc(self) -> bool {
        self.den == 1001 && u64::from(self.num) == u64::from(self.nominal()) * 1000
    }

    /// Whether drop-frame timecode is defined at this rate: 29.97 and its multiples.
    pub fn can_drop(self) -> bool {
        self.is_ntsc() && self.nominal().is_multiple_of(30)
    }

    /// Whether this is one of [`Rate::STANDARD`], which every editing program can open.
    pub fn is_standard(self) -> bool {
        Self::STANDARD.contains(&self)
    }

    /// The rate a float written by another program means.
    ///
    /// Within 0.005 of a rate in [`Rate::STANDARD`] it is that rate, so 23.98 and
    /// 23.976024627685547 are both 24000/1001. Otherwise it is the closest fraction with a
    /// denominator of at most 1001000; [`is_standard`](Self::is_standard) tells the two apart.
    ///
    /// ```
    /// use emam_core::time::Rate;
    ///
    /// assert_eq!(Rate::from_f64(23.98)?, Rate::FPS_23_976);
    /// assert_eq!(Rate::from_f64(12.5)?, Rate::new(25, 2)?);
    /// assert!(Rate::from_f64(f64::NAN).is_err());
    /// # Ok::<(), emam_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) unless the number is finite, above zero
    /// and within the range of the fractions above.
    pub fn from_f64(fps: f64) -> Result<Self> {
        // A float is an integer times a power of two: taken apart, it is an exact fraction.
        const MANTISSA_BITS: u32 = 52;
        const EXPONENT_BIAS: u64 = 1075;
        let exact = if (1e-6..=f64::from(u32::MAX)).contains(&fps) {
            let bits = fps.to_bits();
            let mantissa = (bits & ((1 << MANTISSA_BITS) - 1)) | (1 << MANTISSA_BITS);
            // Within that range the sign is zero and the exponent between -72 and -21.
            EXPONENT_BIAS
                .checked_sub(bits >> MANTISSA_BITS)
                .and_then(|shift| u32::try_from(shift).ok())
                .and_then(|shift| 1_i128.checked_shl(shift))
                .map(|den| (i128::from(mantissa), den))
        } else {
            None
        };
        exact
            .and_then(|(num, den)| Self::from_measured(num, den))
            .ok_or_else(|| not_a_rate(fps.to_string()))
    }

    /// The rate as a float, for display only: computing with it loses frames.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The rate as exact 128-bit terms, for arithmetic that cannot overflow.
    pub(super) fn terms(self) -> (i128, i128) {
        (i128::from(self.num), i128::from(self.den))
    }

    fn from_fraction(num: i128, den: i128) -> Option<Self> {
        if num <= 0 || den <= 0 {
            return None;
        }
        let common = gcd(num, den);
        let num = u32::try_from(num / common).ok()?;
        let den = u32::try_from(den / common).ok()?;
        Some(Self { num, den })
    }

    /// The rate meant by an inexact `num / den`: a known one nearby, or the closest fraction.
    fn from_measured(num: i128, den: i128) -> Option<Self> {
        // The bounds keep every product below within 128 bits.
        if num <= 0 || den <= 0 || den > 1 << 74 || num / den > i128::from(u32::MAX) {
            return None;
        }
        let near = |known: &Rate| {
            let (n, d) = known.terms();
            (num * d - n * den).abs() * SNAP_PARTS <= den * d
        };
        // No two known rates are within 0.01 of each other, so the first is the only one.
        if let Some(known) = Self::STANDARD.into_iter().find(near) {
            return Some(known);
        }
        // A fast rate leaves less room for its denominator, as the numerator has 32 bits too.
        let room = i128::from(u32::MAX) * den / num;
        let (num, den) = closest_fraction(num, den, room.clamp(1, MAX_DENOMINATOR));
        Self::from_fraction(num, den)
    }
}

/// The fraction closest to `num / den` whose denominator is at most `limit`.
///
/// Continued fractions: the answer is the last convergent that fits, or the last semiconvergent.
pub(super) fn closest_fraction(num: i128, den: i128, limit: i128) -> (i128, i128) {
    let (mut above, mut below) = (num, den);
    let (mut p0, mut q0, mut p1, mut q1) = (0, 1, 1, 0);
    while below != 0 {
        let term = above / below;
        let q2 = q0 + term * q1;
        if q2 > limit {
            let steps = (limit - q0) / q1;
            let (p2, q2) = (p0 + steps * p1, q0 + steps * q1);
            let miss = |p: i128, q: i128| (p * den - num * q).abs();
            return if miss(p2, q2) * q1 < miss(p1, q1) * q2 { (p2, q2) } else { (p1, q1) };
        }
        (p0, q0, p1, q1) = (p1, q1, p0 + term * p1, q2);
        (above, below) = (below, above % below);
    }
    (p1, q1)
}

fn not_a_rate(text: impl fmt::Display) -> Error {
    Error::invalid(
        "rate.parse",
        "a rate is a number of frames per second above zero, such as 25, 29.97 or 30000/1001",
    )
    .with("rate", text)
}

impl FromStr for Rate {
    type Err = Error;

    /// Reads `"25"`, `"30000/1001"` exactly, and a decimal such as `"29.97"` by snapping it as
    /// [`Rate::from_f64`] does.
    fn from_str(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let digits = |part: &str| {
            // The standard parser would take a sign.
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>().ok())?
        };
        let rate = match trimmed.split_once('/') {
            Some((num, den)) => digits(num)
                .zip(digits(den))
                .and_then(|(num, den)| Self::from_fraction(i128::from(num), i128::from(den))),
            None => parse_decimal(trimmed).and_then(|(num, den)| Self::from_measured(num, den)),
        };
        rate.ok_or_else(|| not_a_rate(shown(trimmed)))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

impl Ord for Rate {
    fn cmp(&self, other: &Self) -> Ordering {
        let scaled = |a: &Self, b: &Self| u64::from(a.num) * u64::from(b.den);
        scaled(self, other).cmp(&scaled(other, self))
    }
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate such as \"25\", \"30000/1001\" or 29.97")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, fps: u64) -> Result<Rate, E> {
                Rate::from_fraction(i128::from(fps), 1).ok_or_else(|| E::custom(not_a_rate(fps)))
            }

            fn visit_i64<E: de::Error>(self, fps: i64) -> Result<Rate, E> {
                Rate::from_fraction(i128::from(fps), 1).ok_or_else(|| E::custom(not_a_rate(fps)))
            }

            fn visit_f64<E: de::Error>(self, fps: f64) -> Result<Rate, E> {
                Rate::from_f64(fps).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Frames or samples per second: a whole number such as 25, or an exact \
                            fraction such as 30000/1001. A decimal such as 29.97 is read as the \
                            known rate within 0.005 of it.",
            "pattern": r"^[0-9]+(/[0-9]+|\.[0-9]+)?$",
            "examples": ["25", "30000/1001"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_snap_to_the_rate_that_was_meant() {
        for (text, want) in [
            ("23.98", Rate::FPS_23_976),
            ("23.976", Rate::FPS_23_976),
            ("23.976024627685547", Rate::FPS_23_976),
            ("24.000", Rate::FPS_24),
            ("24.0051", Rate::new(240_051, 10_000).unwrap()),
            ("25.005", Rate::FPS_25),
            ("29.97", Rate::FPS_29_97),
            ("59.94", Rate::FPS_59_94),
            ("119.88", Rate::FPS_119_88),
            (" 25 ", Rate::FPS_25),
            ("48000", Rate::AUDIO_48K),
            ("2997/100", Rate { num: 2997, den: 100 }),
            ("14.985014985014985", Rate { num: 15_000, den: 1001 }),
            ("44100.000001", Rate { num: 44_100, den: 1 }),
        ] {
            assert_eq!(rate(text), want, "{text}");
        }
        assert_eq!(Rate::from_f64(23.976_024_627_685_547).unwrap(), Rate::FPS_23_976);
        assert_eq!(Rate::from_f64(24_000.0 / 1001.0).unwrap(), Rate::FPS_23_976);
        assert_eq!(Rate::from_f64(f64::from(u32::MAX)).unwrap().num(), u32::MAX);
        assert_eq!(Rate::from_f64(1e-6).unwrap(), Rate { num: 1, den: 1_000_000 });
        assert_eq!(Rate::from_f64(1.0 / 3.0).unwrap(), Rate { num: 1, den: 3 });
    }

    #[test]
    fn what_is_no_rate_is_an_error() {
        for text in [
            "",
            "0",
            "-25",
            "0/0",
            "25/0",
            "0/1",
            "25/1/1",
            "+25/1",
            "25 fps",
            "NaN",
            "inf",
            "/",
            "1/",
            "4294967296",
            "1e99",
            "0.0000000001",
            "30000/-1001",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
        let floats = [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -0.0, -25.0, 1e-7, 1e300];
        for fps in floats.into_iter().chain([f64::MIN_POSITIVE, 5e-324, 4_294_967_296.0]) {
            assert!(Rate::from_f64(fps).is_err(), "{fps}");
        }
        let error = "25 fps".parse::<Rate>().unwrap_err();
        assert_eq!(error.get("rate"), Some("25 fps"));
        assert!(Rate::new(0, 1).is_err() && Rate::new(1, 0).is_err());
    }

    #[test]
    fn only_multiples_of_29_97_can_drop() {
        let drops: Vec<_> = Rate::STANDARD.into_iter().filter(|rate| rate.can_drop()).collect();
        assert_eq!(drops, [Rate::FPS_29_97, Rate::FPS_59_94, Rate::FPS_119_88]);
        // Rounds up to 30 over 1001, and is still nobody's drop-frame rate.
        assert!(!Rate::new(29_500, 1001).unwrap().can_drop());
        assert!(Rate::STANDARD.is_sorted() && Rate::STANDARD.iter().all(|rate| rate.is_standard()));
        assert!(!Rate::AUDIO_48K.is_standard());
    }

    #[test]
    fn json_is_text_and_reads_numbers_too() {
        assert_eq!(serde_json::to_string(&Rate::FPS_29_97).unwrap(), r#""30000/1001""#);
        for json in [r#""30000/1001""#, r#""29.97""#, "29.97", "29.97002997002997"] {
            assert_eq!(serde_json::from_str::<Rate>(json).unwrap(), Rate::FPS_29_97, "{json}");
        }
        assert_eq!(serde_json::from_str::<Rate>("25").unwrap(), Rate::FPS_25);
        for json in ["0", "-25", "null", "[]", "5000000000", r#""""#] {
            assert!(serde_json::from_str::<Rate>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn no_fraction_within_the_limit_is_closer(
            num in 1..5000_i128,
            den in 1..5000_i128,
            limit in 1..60_i128,
        ) {
            let (p, q) = closest_fraction(num, den, limit);
            prop_assert!((1..=limit).contains(&q));
            for other in 1..=limit {
                let nearest = crate::time::div_nearest(num * other, den);
                let miss = |p: i128, q: i128| (p * den - num * q).abs();
                prop_assert!(miss(p, q) * other <= miss(nearest, other) * q);
            }
        }

        #[test]
        fn text_round_trips(num in 1..=u32::MAX, den in 1..=u32::MAX) {
            let rate = Rate::new(num, den).unwrap();
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }

        #[test]
        fn a_float_finds_its_fraction_again(num in 1..200_000_u32, den in 1..=1001_u32) {
            let rate = Rate::new(num, den).unwrap();
            let found = Rate::from_f64(rate.as_f64()).unwrap();
            prop_assert!(found == rate || found.is_standard());
            prop_assert!((found.as_f64() - rate.as_f64()).abs() <= 0.005);
        }

        #[test]
        fn any_float_is_a_rate_or_an_error(bits: u64) {
            let _ = Rate::from_f64(f64::from_bits(bits));
        }

        #[test]
        fn any_text_is_a_rate_or_an_error(text in "[0-9./eE+-]{0,40}") {
            let _ = text.parse::<Rate>();
        }
    }
}
