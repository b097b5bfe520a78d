//! Times of captions: milliseconds and frames.

use std::fmt::Write as _;

use super::Kind;
use crate::time::{MediaTime, Rate};

/// Reads a time as milliseconds: `HH:MM:SS,mmm`, with a point or a comma, without hours or
/// minutes, with any number of digits. `.95` is 950 ms; what is finer is rounded.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once([',', '.']).unwrap_or((text, ""));
    let mut seconds = 0_i64;
    let mut fields = 0;
    for field in whole.split(':') {
        // Seconds alone may be left out before a point.
        let number = if field.is_empty() && fields == 0 && !fraction.is_empty() {
            0
        } else {
            digits(field, 9)?
        };
        fields += 1;
        if fields > 3 || fields > 1 && number > 59 {
            return None;
        }
        seconds = seconds.checked_mul(60)?.checked_add(number)?;
    }
    let mut millis = 0;
    if !fraction.is_empty() {
        digits(fraction, 18)?;
        // The digits there are, as thousandths and what is left of them.
        for place in 0..3 {
            let digit = fraction.as_bytes().get(place).map_or(0, |byte| i64::from(byte - b'0'));
            millis = millis * 10 + digit;
        }
        if fraction.as_bytes().get(3).is_some_and(|byte| *byte >= b'5') {
            millis += 1;
        }
    }
    seconds.checked_mul(1000)?.checked_add(millis)
}

fn digits(text: &str, most: usize) -> Option<i64> {
    let sound = !text.is_empty() && text.len() <= most;
    (sound && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Writes milliseconds as a format does.
pub(super) fn print(text: &mut String, millis: i64, kind: Kind) {
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let point = if kind == Kind::Srt { ',' } else { '.' };
    // Writing into a string cannot fail.
    let _ = write!(text, "{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}");
}

/// Milliseconds, as a rate.
pub(super) fn millisecond() -> Rate {
    Rate::new(1000, 1).unwrap_or(Rate::FPS_100)
}

/// The millisecond nearest to a frame; none past 64 bits.
pub(super) fn millis_of(frame: i64, rate: Rate) -> Option<i64> {
    Some(MediaTime::new(frame, rate).rescale(millisecond()).ok()?.nearest())
}

/// The frame nearest to a millisecond, and whether that millisecond is written for it.
pub(super) fn frame_of(millis: i64, rate: Rate) -> Option<(i64, bool)> {
    let frame = MediaTime::new(millis, millisecond()).rescale(rate).ok()?.nearest();
    Some((frame, millis_of(frame, rate)? == millis))
}

/// The rate at which every time is a frame: one that editing programs have, or milliseconds.
pub(super) fn rate_of(times: &[i64]) -> Rate {
    let likely = [
        Rate::FPS_25,
        Rate::FPS_24,
        Rate::FPS_23_976,
        Rate::FPS_29_97,
        Rate::FPS_30,
        Rate::FPS_50,
        Rate::FPS_59_94,
        Rate::FPS_60,
        Rate::FPS_100,
    ];
    let exact = |rate: &Rate| {
        times.iter().all(|time| frame_of(*time, *rate).is_some_and(|(_, exact)| exact))
    };
    likely.into_iter().find(exact).unwrap_or_else(millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_their_forms() {
        for (text, want) in [
            ("00:00:10,500", Some(10_500)),
            ("00:00:10.500", Some(10_500)),
            ("01:02:03.004", Some(3_723_004)),
            ("1:02.5", Some(62_500)),
            ("02:03.25", Some(123_250)),
            ("3", Some(3000)),
            (".95", Some(950)),
            ("00:00:01,", Some(1000)),
            ("00:00:00.9996", Some(1000)),
            ("00:00:00.0004", Some(0)),
            ("100:00:00.000", Some(360_000_000)),
            ("", None),
            (".", None),
            ("-00:00:01,000", None),
            ("00:60:00,000", None),
            ("00:00:61,000", None),
            ("1:2:3:4", None),
            ("00:00:01,5x", None),
            ("9999999999:00:00", None),
            ("\u{661}", None),
        ] {
            assert_eq!(parse(text), want, "{text:?}");
        }
        let mut text = String::new();
        print(&mut text, 363_723_004, Kind::Srt);
        print(&mut text, 7, Kind::Vtt);
        assert_eq!(text, "101:02:03,00400:00:00.007");
    }

    #[test]
    fn frames_and_milliseconds_find_each_other() {
        for rate in Rate::STANDARD {
            for frame in (0..5_000).chain([2_589_407, 10_000_000]) {
                let millis = millis_of(frame, rate).unwrap();
                assert_eq!(frame_of(millis, rate), Some((frame, true)), "{frame} at {rate}");
            }
        }
        // 1001 / 30 ms is 33.37, 3 * 1001 / 30 is 100.1.
        assert_eq!([1, 3].map(|f| millis_of(f, Rate::FPS_29_97)), [Some(33), Some(100)]);
        // 62.5 ms, halfway.
        assert_eq!(millis_of(1, Rate::new(16, 1).unwrap()), Some(63));
        assert_eq!(rate_of(&[0, 40, 1000]), Rate::FPS_25);
        assert_eq!(rate_of(&[0, 42, 83, 1000]), Rate::FPS_24);
        assert_eq!(rate_of(&[33, 100, 100_100]), Rate::FPS_29_97);
        assert_eq!(rate_of(&[33, 34]), millisecond());
        assert_eq!(millis_of(i64::MAX, Rate::FPS_24), None);
    }
}
