//! Exact time: frame rates, instants, ranges and timecode.
//!
//! A timeline that is one frame off is wrong, and a floating-point second is one frame off sooner
//! or later: 30000/1001 has no finite decimal, and neither has a frame of 24 fps. So between a
//! file and a timeline every time is a whole number of frames (or samples) at a rational
//! [`Rate`], and unlike rates meet only as exact fractions in 128-bit integers. Floats appear at
//! the edges alone: [`Rate::from_f64`] reads what other programs wrote, and the `as_*_f64`
//! methods feed a display.
//!
//! - [`Rate`]: frames per second as a reduced fraction.
//! - [`MediaTime`]: an instant or a duration, in frames at a rate.
//! - [`TimeRange`]: a half-open range of frames at a rate.
//! - [`Speed`]: how fast a clip runs through its source, as a reduced fraction.
//! - [`Timecode`]: a frame number on the clock of a tape or file, and its SMPTE label.
//!
//! Nothing here panics on any input: what does not fit into 64 bits is an
//! [`Error`](crate::Error).
//!
//! ```
//! use emam_core::time::{MediaTime, Rate, Timecode};
//!
//! let start = Timecode::parse("01:00:00;00", Rate::FPS_29_97)?;
//! assert_eq!(start.frames(), 107_892);
//! assert_eq!(start.offset(1800)?.to_string(), "01:01:00;02");
//!
//! // An hour of drop-frame label is not an hour of time; the exact difference is kept.
//! assert_eq!(start.time().seconds(), (8_999_991, 2_500));
//! assert_eq!(MediaTime::new(24, Rate::FPS_24).rescale(Rate::FPS_25)?.exact(), Some(25));
//! # Ok::<(), emam_core::Error>(())
//! ```

mod instant;
mod range;
mod rate;
mod speed;
mod timecode;

pub use instant::{MediaTime, PREMIERE_TICKS_PER_SECOND, Rescaled};
pub use range::TimeRange;
pub use rate::Rate;
pub use speed::Speed;
pub use timecode::Timecode;

/// Both terms of what [`parse_decimal`] returns are at most ten to this power.
///
/// That is 94 bits: times a 32-bit term of a rate they still fit an `i128`.
const MAX_DECIMAL_DIGITS: u32 = 28;

/// The greatest common divisor; of zero and `n`, `n`.
pub(crate) const fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.abs()
}

/// `num / den` rounded to the nearest whole number, ties up. `den` must be positive.
///
/// Ties go up and not away from zero, so that shifting every time by a whole number of frames
/// never changes how one of them is rounded.
pub(crate) const fn div_nearest(num: i128, den: i128) -> i128 {
    let floor = num.div_euclid(den);
    // Compared by subtraction: twice the remainder could overflow.
    let rest = num.rem_euclid(den);
    if rest >= den - rest { floor + 1 } else { floor }
}

/// Reads a decimal number exactly, as a numerator over a power of ten.
///
/// An exponent is accepted because ffmpeg prints small times with `%.6g`. `None` is text that is
/// no number, or one that needs more than [`MAX_DECIMAL_DIGITS`] digits.
fn parse_decimal(text: &str) -> Option<(i128, i128)> {
    let limit = 10_i128.pow(MAX_DECIMAL_DIGITS);
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // Zeros at the end say nothing and would only use up digits.
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() && !mantissa.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut num = 0_i128;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        num = num * 10 + i128::from(byte - b'0');
        if num > limit {
            return None;
        }
    }
    let places = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
    let scale = u32::try_from(places.unsigned_abs()).ok()?;
    let num = if negative { -num } else { num };
    if num == 0 {
        return Some((0, 1));
    }
    if scale > MAX_DECIMAL_DIGITS {
        return None;
    }
    let power = 10_i128.pow(scale);
    if places >= 0 {
        return Some((num, power));
    }
    num.checked_mul(power).filter(|num| num.abs() <= limit).map(|num| (num, 1))
}

/// At most the first 40 characters of `text`, for an error message about hostile input.
fn shown(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, want) in [
            ("12.345678", Some((12_345_678, 1_000_000))),
            ("-0.50", Some((-5, 10))),
            ("+7", Some((7, 1))),
            (".5", Some((5, 10))),
            ("5.", Some((5, 1))),
            ("6.25e-05", Some((625, 10_000_000))),
            ("1.5E3", Some((1500, 1))),
            ("0e999", Some((0, 1))),
            ("0.000000000000000000000000000000000", Some((0, 1))),
            ("", None),
            (".", None),
            ("-", None),
            ("--1", None),
            ("N/A", None),
            ("inf", None),
            ("1.2.3", None),
            ("1e", None),
            ("1e400", None),
            ("1e99999999999", None),
            ("1 ", None),
            ("\u{661}", None),
            ("99999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(parse_decimal(text), want, "{text:?}");
        }
    }

    #[test]
    fn nearest_rounds_ties_up_on_both_sides_of_zero() {
        let rounded = [-3, -2, -1, 0, 1, 2, 3].map(|num| div_nearest(num, 2));
        assert_eq!(rounded, [-1, -1, 0, 0, 1, 1, 2]);
        assert_eq!(div_nearest(i128::MAX, i128::MAX), 1);
    }

    #[test]
    fn shown_text_is_cut_between_characters() {
        assert_eq!(shown("short"), "short");
        assert_eq!(shown(&"é".repeat(1000)), "é".repeat(40));
    }
}
