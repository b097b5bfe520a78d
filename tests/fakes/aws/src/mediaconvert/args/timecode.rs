//! Timecodes as counts of frames. Drop-frame counting: SMPTE ST 12-1.

use std::fmt;

/// A timecode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timecode {
    /// Frames since 00:00:00:00.
    pub(super) frames: i64,
    rate: (i64, i64),
    drop: bool,
}

impl Timecode {
    pub(super) fn zero(rate: (i64, i64)) -> Self {
        Self { frames: 0, rate, drop: false }
    }

    pub(super) fn later(self, frames: i64) -> Self {
        Self { frames: self.frames + frames, ..self }
    }

    /// Reads `HH:MM:SS:FF`, or `HH:MM:SS;FF` in drop-frame counting.
    pub(super) fn read(text: &str, rate: (i64, i64)) -> Option<Self> {
        let mut parts = text.split([':', ';', '.']).map(|part| part.parse::<i64>().ok());
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        let frames = parts.next()??;
        let nominal = nominal(rate);
        if parts.next().is_some() || minutes > 59 || seconds > 59 || frames >= nominal {
            return None;
        }
        let drop = text.contains(';');
        let all = (hours * 60 + minutes) * 60 + seconds;
        let whole_minutes = hours * 60 + minutes;
        let dropped =
            if drop { dropped(nominal) * (whole_minutes - whole_minutes / 10) } else { 0 };
        Some(Self { frames: all * nominal + frames - dropped, rate, drop })
    }

    /// The same instant at another rate; drop-frame where the rate has it and it is wanted.
    pub(super) fn at_rate(self, rate: (i64, i64), drop: bool) -> Self {
        let seconds = self.frames as f64 * self.rate.1 as f64 / self.rate.0 as f64;
        let frames = (seconds * rate.0 as f64 / rate.1 as f64).round() as i64;
        Self { frames, rate, drop: drop && rate.1 == 1001 && matches!(rate.0, 30000 | 60000) }
    }
}

impl fmt::Display for Timecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nominal = nominal(self.rate);
        let mut count = self.frames;
        if self.drop {
            let each = dropped(nominal);
            let (ten, minute) = (nominal * 600 - 9 * each, nominal * 60 - each);
            let (tens, rest) = (count / ten, count % ten);
            let minutes = if rest < nominal * 60 { 0 } else { 1 + (rest - nominal * 60) / minute };
            count += each * (9 * tens + minutes);
        }
        let (frames, seconds) = (count % nominal, count / nominal);
        let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
        let mark = if self.drop { ';' } else { ':' };
        write!(f, "{hours:02}:{minutes:02}:{:02}{mark}{frames:02}", seconds % 60)
    }
}

/// Frames in a second of timecode.
fn nominal((numerator, denominator): (i64, i64)) -> i64 {
    ((numerator + denominator / 2) / denominator.max(1)).max(1)
}

/// Numbers left out at the beginning of nine minutes out of ten.
fn dropped(nominal: i64) -> i64 {
    nominal / 30 * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTSC: (i64, i64) = (30000, 1001);

    #[test]
    fn timecodes_are_counted_and_written_alike() {
        for (text, rate, frames) in [
            ("00:00:00:00", (25, 1), 0),
            ("01:00:00:00", (25, 1), 90_000),
            ("10:11:12:24", (25, 1), 916_824),
            ("00:00:59;29", NTSC, 1799),
            ("00:01:00;02", NTSC, 1800),
            ("00:10:00;00", NTSC, 17_982),
            ("01:00:00;00", NTSC, 107_892),
            ("01:00:00:00", NTSC, 108_000),
        ] {
            let read = Timecode::read(text, rate).expect(text);
            assert_eq!(read.frames, frames, "{text}");
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_no_timecode() {
        for text in ["", "1:2:3", "00:00:00:25", "00:60:00:00", "a:b:c:d", "00:00:00:00:00"] {
            assert_eq!(Timecode::read(text, (25, 1)), None, "{text}");
        }
    }

    #[test]
    fn another_rate_is_the_same_instant() {
        let hour = Timecode::read("01:00:00:00", (25, 1)).expect("a timecode");
        assert_eq!(hour.at_rate((50, 1), true).to_string(), "01:00:00:00");
        assert_eq!(hour.at_rate(NTSC, true).to_string(), "01:00:00;00");
    }
}
