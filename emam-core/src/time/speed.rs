//! How fast a clip runs through its source.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::rate::closest_fraction;
use super::{MediaTime, Rate, Rescaled, div_nearest, gcd, parse_decimal, shown};
use crate::error::{Error, Result};

/// The largest denominator a measured speed is given: a thousandth of a percent is kept exactly.
const MAX_DENOMINATOR: i128 = 100_000;

/// How fast a clip runs through its source, as a reduced fraction: 2 is twice as fast, 1/2 slow
/// motion, 0 a frozen frame, below 0 backwards.
///
/// As text, and in JSON, it is `"2"`, `"1/2"`, `"0"` or `"-1"`.
///
/// ```
/// use emam_core::time::{MediaTime, Rate, Speed};
///
/// let half: Speed = "1/2".parse()?;
/// let shown = MediaTime::new(50, Rate::FPS_25); // frames of the sequence
/// assert_eq!(half.source_time(shown, Rate::FPS_25)?.exact(), Some(25)); // frames of the source
/// assert_eq!(Speed::from_percent("150.0")?, Speed::new(3, 2)?);
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Speed {
    num: i32,
    den: u32,
}

impl Speed {
    /// As it was recorded.
    pub const NORMAL: Speed = Speed { num: 1, den: 1 };
    /// One frame, for as long as the clip takes.
    pub const FREEZE: Speed = Speed { num: 0, den: 1 };
    /// Backwards, as fast as it was recorded.
    pub const REVERSE: Speed = Speed { num: -1, den: 1 };

    /// The speed `num / den`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `den` is zero.
    pub fn new(num: i32, den: u32) -> Result<Self> {
        Self::from_fraction(i128::from(num), i128::from(den))
            .ok_or_else(|| not_a_speed(format!("{num}/{den}")))
    }

    /// The numerator; below zero for a clip that runs backwards.
    pub const fn num(self) -> i32 {
        self.num
    }

    /// The denominator, above zero.
    pub const fn den(self) -> u32 {
        self.den
    }

    /// Whether the clip runs as it was recorded.
    pub fn is_normal(&self) -> bool {
        *self == Self::NORMAL
    }

    /// Whether the clip stands on one frame.
    pub const fn is_freeze(self) -> bool {
        self.num == 0
    }

    /// Whether the clip runs backwards.
    pub const fn is_reverse(self) -> bool {
        self.num < 0
    }

    /// The speed without its direction.
    pub const fn abs(self) -> Self {
        Self { num: self.num.saturating_abs(), den: self.den }
    }

    /// How much of the source a clip of this length runs through, counted at the source's rate;
    /// never below zero, whichever way it runs.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the frame number exceeds 64 bits.
    pub fn source_time(self, length: MediaTime, source_rate: Rate) -> Result<Rescaled> {
        let overflow = || {
            let message = "the length times the speed exceeds 64 bits";
            Error::invalid("speed.source", message).with("length", length).with("speed", self)
        };
        let (rate_num, rate_den) = length.rate().terms();
        let (source_num, source_den) = source_rate.terms();
        // At most 2^63 * 2^32 in front: the rates are reduced against each other first.
        let (mut num, mut den) = (rate_den * source_num, rate_num * source_den);
        let common = gcd(num, den).max(1);
        (num, den) = (num / common, den / common);
        let speed = i128::from(self.num).abs();
        let common = gcd(num * speed, den * i128::from(self.den)).max(1);
        (num, den) = (num * speed / common, den * i128::from(self.den) / common);
        let num = i128::from(length.value()).checked_mul(num).ok_or_else(overflow)?;
        let fit = |value: i128| i64::try_from(value).map_err(|_| overflow());
        let floor = fit(num.div_euclid(den))?;
        if num.rem_euclid(den) == 0 {
            return Ok(Rescaled::Exact(floor));
        }
        Ok(Rescaled::Inexact { floor, nearest: fit(div_nearest(num, den))? })
    }

    /// How long a clip takes to run through a length of its source, counted at `rate`: the inverse
    /// of [`source_time`](Self::source_time).
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a frozen frame, which runs through
    /// nothing, and if the frame number exceeds 64 bits.
    pub fn shown_time(self, source: MediaTime, rate: Rate) -> Result<Rescaled> {
        let wrong = |message| {
            Error::invalid("speed.shown", message).with("source", source).with("speed", self)
        };
        if self.is_freeze() {
            return Err(wrong("a frozen frame runs through none of its source"));
        }
        let overflow = || wrong("the length over the speed exceeds 64 bits");
        let (rate_num, rate_den) = rate.terms();
        let (source_num, source_den) = source.rate().terms();
        let (mut num, mut den) = (source_den * rate_num, source_num * rate_den);
        let common = gcd(num, den).max(1);
        (num, den) = (num / common, den / common);
        let speed = i128::from(self.num).abs();
        let common = gcd(num * i128::from(self.den), den * speed).max(1);
        (num, den) = (num * i128::from(self.den) / common, den * speed / common);
        let num = i128::from(source.value()).checked_mul(num).ok_or_else(overflow)?;
        let fit = |value: i128| i64::try_from(value).map_err(|_| overflow());
        let floor = fit(num.div_euclid(den))?;
        if num.rem_euclid(den) == 0 {
            return Ok(Rescaled::Exact(floor));
        }
        Ok(Rescaled::Inexact { floor, nearest: fit(div_nearest(num, den))? })
    }

    /// The speed a float means: the closest fraction whose denominator is at most 100,000.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for what is not finite, or has a size of
    /// 2^31 or more.
    pub fn from_f64(speed: f64) -> Result<Self> {
        // Written out, a float is the shortest decimal that means it; that is what was typed.
        let decimal = parse_decimal(&speed.to_string()).or_else(|| {
            // More digits than are read are digits of rounding.
            parse_decimal(&format!("{speed:.12}"))
        });
        decimal
            .and_then(|(num, den)| Self::from_measured(num, den))
            .ok_or_else(|| not_a_speed(speed))
    }

    /// The speed as a float, for display and for formats that know no other.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The speed of a number in percent, such as `"50"` or `"-100.0"`.
    ///
    /// # Errors
    /// As [`from_f64`](Self::from_f64).
    pub fn from_percent(text: &str) -> Result<Self> {
        parse_decimal(text.trim())
            .and_then(|(num, den)| Self::from_measured(num, den.checked_mul(100)?))
            .ok_or_else(|| not_a_speed(shown(text)))
    }

    fn from_fraction(num: i128, den: i128) -> Option<Self> {
        if den <= 0 {
            return None;
        }
        let common = gcd(num, den).max(1);
        let num = i32::try_from(num / common).ok()?;
        let den = u32::try_from(den / common).ok()?;
        Some(Self { num, den })
    }

    fn from_measured(num: i128, den: i128) -> Option<Self> {
        if num.abs() / den > i128::from(i32::MAX) {
            return None;
        }
        let room = match num.abs() {
            0 => MAX_DENOMINATOR,
            size => (i128::from(i32::MAX).checked_mul(den)? / size).clamp(1, MAX_DENOMINATOR),
        };
        let (closest, over) = closest_fraction(num.abs(), den, room);
        Self::from_fraction(closest * num.signum(), over)
    }
}

impl Default for Speed {
    fn default() -> Self {
        Self::NORMAL
    }
}

fn not_a_speed(text: impl fmt::Display) -> Error {
    let message = "a speed is a number or a fraction such as 2, 1/2, 0 (a frozen frame) or -1 \
                   (backwards)";
    Error::invalid("speed.parse", message).with("speed", text)
}

impl FromStr for Speed {
    type Err = Error;

    /// Reads `"2"`, `"1/2"`, `"-1"` exactly and a decimal as [`Speed::from_f64`] does.
    fn from_str(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let speed = match trimmed.split_once('/') {
            Some((num, den)) => num
                .parse::<i32>()
                .ok()
                .zip(den.parse::<u32>().ok())
                .and_then(|(num, den)| Self::from_fraction(num.into(), den.into())),
            None => parse_decimal(trimmed).and_then(|(num, den)| Self::from_measured(num, den)),
        };
        speed.ok_or_else(|| not_a_speed(shown(trimmed)))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

impl Serialize for Speed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Speed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Speed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a speed such as \"1/2\", \"-1\" or 1.5")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Speed, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, speed: i64) -> Result<Speed, E> {
                Speed::from_fraction(speed.into(), 1).ok_or_else(|| E::custom(not_a_speed(speed)))
            }

            fn visit_u64<E: de::Error>(self, speed: u64) -> Result<Speed, E> {
                Speed::from_fraction(speed.into(), 1).ok_or_else(|| E::custom(not_a_speed(speed)))
            }

            fn visit_f64<E: de::Error>(self, speed: f64) -> Result<Speed, E> {
                Speed::from_f64(speed).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Speed {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Speed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "How fast a clip runs through its source: \"2\", \"1/2\", \"0\" for a \
                            frozen frame, \"-1\" backwards.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_read_back_as_they_were_written() {
        for (text, want) in [
            ("1", Speed::NORMAL),
            ("0", Speed::FREEZE),
            ("-0", Speed::FREEZE),
            ("-1", Speed::REVERSE),
            ("2/4", Speed { num: 1, den: 2 }),
            ("1.5", Speed { num: 3, den: 2 }),
            ("-0.25", Speed { num: -1, den: 4 }),
            ("0.333333333333", Speed { num: 1, den: 3 }),
            ("1000", Speed { num: 1000, den: 1 }),
        ] {
            let speed: Speed = text.parse().unwrap();
            assert_eq!(speed, want, "{text}");
            assert_eq!(speed.to_string().parse::<Speed>().unwrap(), speed);
            assert_eq!(Speed::from_f64(speed.as_f64()).unwrap(), speed);
        }
        for text in ["", "x", "1/0", "1/-2", "NaN", "inf", "3000000000", "1e30"] {
            let error = text.parse::<Speed>().unwrap_err();
            assert_eq!(error.get("speed"), Some(text));
        }
        assert!(Speed::from_f64(f64::NAN).is_err() && Speed::from_f64(f64::INFINITY).is_err());
        assert_eq!(Speed::from_f64(1.0 / 3.0).unwrap(), Speed { num: 1, den: 3 });
        assert_eq!(Speed::from_f64(1e-300).unwrap(), Speed::FREEZE);
    }

    #[test]
    fn a_speed_says_how_much_of_the_source_is_run_through() {
        let of = |speed: &str, length, rate, source| {
            let speed: Speed = speed.parse().unwrap();
            speed.source_time(MediaTime::new(length, rate), source).unwrap()
        };
        let (film, pal) = (Rate::FPS_23_976, Rate::FPS_25);
        assert_eq!(of("2", 50, pal, pal), Rescaled::Exact(100));
        assert_eq!(of("-2", 50, pal, pal), Rescaled::Exact(100));
        assert_eq!(of("0", 50, pal, pal), Rescaled::Exact(0));
        assert_eq!(of("1/2", 51, pal, pal), Rescaled::Inexact { floor: 25, nearest: 26 });
        assert_eq!(of("1", 1, pal, film), Rescaled::Inexact { floor: 0, nearest: 1 });
        let back = |speed: &str, length, rate, source| {
            let speed: Speed = speed.parse().unwrap();
            speed.shown_time(MediaTime::new(length, source), rate).unwrap()
        };
        assert_eq!(back("2", 100, pal, pal), Rescaled::Exact(50));
        assert_eq!(back("-1/2", 25, pal, pal), Rescaled::Exact(50));
        assert_eq!(back("2", 51, pal, pal), Rescaled::Inexact { floor: 25, nearest: 26 });
        assert_eq!(back("1", 240, pal, film), Rescaled::Inexact { floor: 250, nearest: 250 });
        assert!(Speed::FREEZE.shown_time(MediaTime::new(1, pal), pal).is_err());
        let far = MediaTime::new(i64::MAX, Rate::new(1, u32::MAX).unwrap());
        assert!(Speed::NORMAL.source_time(far, Rate::new(u32::MAX, 1).unwrap()).is_err());
    }
}
