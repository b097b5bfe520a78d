//! Speeds as `M2` lines say them.
//!
//! An `M2` line gives frames a second with one digit after the point, where the nominal rate of
//! the list is normal speed: `012.5` at 25 is half speed. That is too coarse for most speeds, so
//! the length of the source is reckoned with too: the speed meant is the simplest fraction that
//! both allow.

use crate::error::{Error, Result};
use crate::time::{MediaTime, Rate, Speed, gcd};

/// A speed as it stands in an `M2` line of a list at `rate`.
pub(super) fn text(speed: Speed, rate: Rate) -> String {
    let (num, den) = (i64::from(speed.num()), i64::from(speed.den()));
    let tenths = (num.abs() * i64::from(rate.nominal()) * 20 + den) / (den * 2);
    let sign = if speed.is_reverse() { "-" } else { "" };
    format!("{sign}{:03}.{}", tenths / 10, tenths % 10)
}

/// The speed an `M2` line means for an event of `record` frames that runs through `source` frames.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for what is no number, or far too large.
pub(super) fn parse(fps: &str, rate: Rate, source: i64, record: i64) -> Result<Speed> {
    let said: Speed = fps.parse()?;
    if said.is_freeze() {
        return Ok(said);
    }
    let wrong = || Error::invalid("edl.speed", "this speed is no number of frames a second");
    let nominal = i128::from(rate.nominal());
    let sign = i128::from(said.num().signum());
    let said = (i128::from(said.num()).abs(), i128::from(said.den()) * nominal);
    // Half of the last digit to each side; the upper end is no more part of it, as it would be
    // rounded up.
    let digits = fps.split_once('.').map_or(0, |(_, fraction)| fraction.len().min(6));
    let unit = 2 * 10_i128.pow(u32::try_from(digits).map_err(|_| wrong())?);
    let written = around((said.0 * unit, said.1 * unit), said.1 / nominal);
    // Longer events are decades long; with these the products below fit 128 bits.
    let (source, record) = (source.clamp(0, 1 << 40), record.clamp(1, 1 << 40));
    let (source, record) = (i128::from(source), i128::from(record));
    let counted = |source: i128| around((source * 2, record * 2), 1);
    // Where the length contradicts it, what is written counts, and the length it makes.
    let made = (2 * said.0 * record + said.1).div_euclid(2 * said.1);
    let meant = between(written, counted(source)).or_else(|| between(written, counted(made)));
    let (num, den) = meant.unwrap_or(said);
    let common = gcd(num, den).max(1);
    let num = i32::try_from(sign * num / common).map_err(|_| wrong())?;
    Speed::new(num, u32::try_from(den / common).map_err(|_| wrong())?)
}

type Fraction = (i128, i128);

/// From a fraction less a part of its denominator to almost as much more.
fn around(middle: Fraction, part: i128) -> (Fraction, Fraction) {
    const FINE: i128 = 1000;
    let (num, den) = middle;
    ((num - part, den), ((num + part) * FINE - 1, den * FINE))
}

/// The simplest fraction in both of two ranges.
fn between(a: (Fraction, Fraction), b: (Fraction, Fraction)) -> Option<Fraction> {
    let less = |a: Fraction, b: Fraction| a.0 * b.1 < b.0 * a.1;
    let low = if less(a.0, b.0) { b.0 } else { a.0 };
    let high = if less(b.1, a.1) { b.1 } else { a.1 };
    if less(high, low) || low.0 <= 0 { None } else { simplest(low, high) }
}

/// How many frames of a source at `source_rate` an event of `record` frames runs through: nearest,
/// and one for a frozen frame, as Avid writes.
pub(super) fn source_length(
    speed: Speed,
    record: MediaTime,
    source_rate: Rate,
) -> Result<(i64, bool)> {
    if speed.is_freeze() {
        return Ok((1, true));
    }
    let length = speed.source_time(record, source_rate)?;
    Ok((length.nearest(), length.exact().is_some()))
}

/// The fraction of the smallest denominator from one positive fraction to another.
fn simplest(mut low: Fraction, mut high: Fraction) -> Option<Fraction> {
    // Along the continued fractions of both ends while they agree; these shrink like Euclid's.
    let mut wholes = Vec::new();
    loop {
        let whole = low.0.div_euclid(low.1);
        let (low_rest, high_rest) = (low.0 - whole * low.1, high.0 - whole * high.1);
        if low_rest == 0 {
            wholes.push(whole);
            break;
        }
        if high_rest >= high.1 {
            wholes.push(whole + 1);
            break;
        }
        if high_rest <= 0 {
            return None;
        }
        wholes.push(whole);
        (low, high) = ((high.1, high_rest), (low.1, low_rest));
    }
    let mut found = (1, 0);
    for whole in wholes.iter().rev() {
        found = (whole * found.0 + found.1, found.0);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_found_again_from_one_digit_and_the_length() {
        for rate in [Rate::FPS_23_976, Rate::FPS_25, Rate::FPS_29_97, Rate::FPS_60] {
            for (num, den) in
                [(1, 2), (2, 1), (3, 2), (-1, 1), (-1, 3), (10, 1), (4, 5), (1, 3), (2, 3), (5, 4)]
            {
                let speed = Speed::new(num, den).unwrap();
                for record in [7, 50, 101, 5000] {
                    let time = MediaTime::new(record, rate);
                    let (source, _) = source_length(speed, time, rate).unwrap();
                    let read = parse(&text(speed, rate), rate, source, record).unwrap();
                    assert_eq!(read, speed, "{} of {record} at {rate}", text(speed, rate));
                }
            }
        }
    }

    #[test]
    fn what_other_programs_write_is_read() {
        let of = |fps, source, record| parse(fps, Rate::FPS_24, source, record).unwrap();
        assert_eq!(of("000.0", 1, 17), Speed::FREEZE);
        assert_eq!(of("-24.0", 50, 50), Speed::REVERSE);
        assert_eq!(of("24", 50, 50), Speed::NORMAL);
        // 70 frames in 36 are 46.7 a second, not 47.6: what is written counts, so 71 frames.
        assert_eq!(of("047.6", 70, 36), Speed::new(107, 54).unwrap());
        assert_eq!(of("047.6", 71, 36), Speed::new(107, 54).unwrap());
        assert_eq!(text(Speed::new(107, 54).unwrap(), Rate::FPS_24), "047.6");
        assert_eq!(text(Speed::REVERSE, Rate::FPS_29_97), "-030.0");
        for wrong in ["", "fast", "1e400", "--1"] {
            assert!(parse(wrong, Rate::FPS_24, 1, 1).is_err(), "{wrong}");
        }
        assert!(parse("1000000.0", Rate::FPS_24, i64::MAX, i64::MAX).is_ok());
    }
}
