//! What a list does not say: its rate, and how its timecode is counted.

use super::line::Event;
use crate::error::Result;
use crate::time::{Rate, Timecode};
use crate::timeline::IssueKind;
use crate::timeline::format::reading::Reading;

/// How the times of a list are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) rate: Rate,
    /// Whether the sequence is shown drop-frame.
    pub(super) drop: bool,
}

/// A time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) frames: i64,
    pub(super) drop: bool,
    /// Whether the label is none in this counting, and the nearest that is was taken.
    pub(super) corrected: bool,
}

impl Clock {
    /// Reads a time: timecode, or a number of frames. Colons mean drop-frame where `drop` does.
    pub(super) fn read(self, text: &str, drop: bool) -> Result<At> {
        if let Ok(frames) = text.parse() {
            return Ok(At { frames, drop, corrected: false });
        }
        let can_drop = self.rate.can_drop();
        let marked = text.bytes().any(|byte| byte != b':' && !byte.is_ascii_digit());
        let drop = can_drop && (drop || marked);
        let label = labelled(text, drop);
        match Timecode::parse_wrapping(&label, self.rate) {
            Ok(at) => Ok(At { frames: at.frames(), drop, corrected: marked && !can_drop }),
            // A label that drop-frame counting skips is taken for the one after those skipped.
            Err(_) if drop && skipped(&label, self.rate).is_some() => {
                let label = skipped(&label, self.rate).unwrap_or_default();
                let at = Timecode::parse_wrapping(&label, self.rate)?;
                Ok(At { frames: at.frames(), drop, corrected: true })
            }
            Err(error) => Err(error),
        }
    }

    /// The frames from `start` to `end`, which is on the next day where it is earlier.
    pub(super) fn span(self, start: At, end: At) -> i64 {
        let length = end.frames.saturating_sub(start.frames);
        if length >= 0 { length } else { length.saturating_add(self.day(end.drop)) }
    }

    /// The frames of a day.
    pub(super) fn day(self, drop: bool) -> i64 {
        Timecode::new(0, self.rate, drop && self.rate.can_drop())
            .map_or(i64::MAX, Timecode::frames_per_day)
    }
}

/// A label with the marks of a counting.
fn labelled(text: &str, drop: bool) -> String {
    let mut left = 3;
    let mark = |byte: char| {
        if byte.is_ascii_digit() {
            return byte;
        }
        left -= 1;
        if drop && left == 0 { ';' } else { ':' }
    };
    text.chars().map(mark).collect()
}

/// The first label after those skipped at the start of this one's minute, if this is one of them.
fn skipped(label: &str, rate: Rate) -> Option<String> {
    let (minute, frames) = label.rsplit_once(';')?;
    let first = rate.nominal() / 15;
    let frames: u32 = frames.parse().ok()?;
    (minute.ends_with(":00") && frames < first).then(|| format!("{minute};{first:02}"))
}

/// The hours, minutes and seconds of a label as seconds, and its frames.
fn fields(label: &str) -> Option<(i64, i64)> {
    let mut fields = [0_i64; 4];
    let mut words = label.split([':', ';', '.', ',']);
    for field in &mut fields {
        *field = words.next()?.parse::<u32>().ok()?.into();
    }
    let [hours, minutes, seconds, frames] = fields;
    Some((hours * 3600 + minutes * 60 + seconds, frames))
}

/// Finds out how the times of a list are counted: from what the caller says, from how they are
/// marked, and else by the rate at which most events are as long on both sides.
pub(super) fn clock<'e, 't: 'e>(
    events: impl Iterator<Item = (&'e Event<'t>, bool)> + Clone,
    fcm: Option<bool>,
    reading: &mut Reading<'_>,
) -> Clock {
    // A source may be counted otherwise than the record side, which is the list's own.
    let marked = events.clone().any(|(event, _)| {
        let [_, _, start, end] = event.times;
        start.contains(';') || end.contains(';')
    });
    let drop = marked || fcm.unwrap_or_else(|| reading.options.drop_frame.unwrap_or(false));
    if let Some(rate) = reading.options.rate {
        return told(rate, drop, reading);
    }
    // Only events that run as recorded say something; those of black do not.
    let measured = events.filter(|(event, as_recorded)| {
        *as_recorded && !event.reel.eq_ignore_ascii_case(super::BLACK)
    });
    let measured: Vec<[(i64, i64); 4]> = measured
        .filter_map(|(event, _)| {
            let [a, b, c, d] = event.times.map(fields);
            Some([a?, b?, c?, d?])
        })
        .collect();
    let wrong = |nominal: i64| {
        let wrong = |times: &&[(i64, i64); 4]| {
            let [a, b, c, d] = times.map(|(seconds, frames)| {
                (frames < nominal).then(|| seconds.saturating_mul(nominal).saturating_add(frames))
            });
            match (a, b, c, d) {
                (Some(a), Some(b), Some(c), Some(d)) => b.saturating_sub(a) != d.saturating_sub(c),
                _ => true,
            }
        };
        measured.iter().filter(wrong).count()
    };
    let whole = [
        Rate::FPS_24,
        Rate::FPS_25,
        Rate::FPS_30,
        Rate::FPS_48,
        Rate::FPS_50,
        Rate::FPS_60,
        Rate::FPS_100,
        Rate::FPS_120,
    ];
    let best = |rates: &[Rate]| {
        let wrong = rates.iter().map(|rate| (wrong(i64::from(rate.nominal())), *rate));
        wrong.min_by_key(|(wrong, _)| *wrong)
    };
    let dropping = [Rate::FPS_29_97, Rate::FPS_59_94, Rate::FPS_119_88];
    let highest = measured.iter().flatten().map(|(_, frames)| *frames).max().unwrap_or_default();
    let (rate, drop) = if measured.is_empty() {
        (if drop { Rate::FPS_29_97 } else { Rate::FPS_25 }, drop)
    } else if drop {
        // Lengths across a skipped label look one frame wrong here, at every rate alike.
        let rate = dropping.into_iter().find(|rate| highest < i64::from(rate.nominal()));
        let rate = rate.unwrap_or(Rate::FPS_119_88);
        match best(&whole) {
            // A list that says drop-frame but is whole only where there is none.
            Some((0, other))
                if !marked && other.nominal() < 30 && wrong(i64::from(rate.nominal())) > 0 =>
            {
                (other, false)
            }
            _ => (rate, true),
        }
    } else {
        (best(&whole).map_or(Rate::FPS_25, |(_, rate)| rate), false)
    };
    let message = format!(
        "the list does not say its rate; {rate} frames a second{} was taken, from the frame \
         numbers up to {highest} and the lengths of its events",
        if drop { ", drop-frame," } else { "" }
    );
    reading.issue(IssueKind::Guessed, message);
    Clock { rate, drop }
}

/// The rate the caller says; drop-frame exists at the NTSC rates only.
fn told(rate: Rate, drop: bool, reading: &mut Reading<'_>) -> Clock {
    if !drop || rate.can_drop() {
        return Clock { rate, drop };
    }
    let slowed = rate.num().checked_mul(1000).and_then(|num| {
        Rate::new(num, rate.den().checked_mul(1001)?).ok().filter(|rate| rate.can_drop())
    });
    let message = match slowed {
        Some(slowed) => {
            format!("the list counts drop-frame, so it was read at {slowed}, not {rate}")
        }
        None => format!("the list says drop-frame, which {rate} frames a second has none of"),
    };
    reading.issue(IssueKind::Corrected, message);
    slowed.map_or(Clock { rate, drop: false }, |rate| Clock { rate, drop: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::format::ReadOptions;
    use crate::timeline::format::edl::line::{self, Line};
    use crate::timeline::samples::clock as ids;

    fn found(lines: &[&str], fcm: Option<bool>, rate: Option<Rate>) -> (Clock, usize) {
        let lines: Vec<String> = lines.iter().map(|line| format!("1 AX V C {line}")).collect();
        let events: Vec<Event<'_>> = lines
            .iter()
            .map(|line| match line::parse(line) {
                Line::Event(event) => event,
                other => panic!("{other:?}"),
            })
            .collect();
        let (ids, options) = (ids(), ReadOptions { rate, ..ReadOptions::default() });
        let mut reading = Reading::new(&options, &ids);
        let clock = clock(events.iter().map(|event| (event, true)), fcm, &mut reading);
        (clock, reading.finish().issues.len())
    }

    #[test]
    fn the_rate_is_the_one_at_which_both_sides_are_as_long() {
        let at = |rate, drop| Clock { rate, drop };
        for (line, fcm, want) in [
            ("01:00:00:20 01:00:01:10 00:00:00:00 00:00:00:14", None, at(Rate::FPS_24, false)),
            ("01:00:00:20 01:00:01:10 00:00:00:00 00:00:00:15", None, at(Rate::FPS_25, false)),
            ("01:00:00:20 01:00:01:10 00:00:00:00 00:00:00:20", None, at(Rate::FPS_30, false)),
            ("01:00:00:20 01:00:01:10 00:00:00:00 00:00:00:40", None, at(Rate::FPS_50, false)),
            ("01:00:00:20 01:00:01:10 00:00:00;00 00:00:00;20", None, at(Rate::FPS_29_97, true)),
            (
                "01:00:00:20 01:00:01:10 00:00:00:00 00:00:00:20",
                Some(true),
                at(Rate::FPS_29_97, true),
            ),
            (
                "01:00:00:59 01:00:01:10 00:00:00:00 00:00:00:11",
                Some(true),
                at(Rate::FPS_59_94, true),
            ),
        ] {
            assert_eq!(found(&[line], fcm, None), (want, 1), "{line}");
        }
        // One broken label does not make it a list of 100 frames a second.
        let broken = ["01:00:00:99 01:00:01:10 00:00:00:00 00:00:00:14"; 1];
        let good = "01:00:00:20 01:00:01:10 00:00:00:00 00:00:00:14";
        assert_eq!(found(&[broken[0], good, good], None, None).0.rate, Rate::FPS_24);
        let told = |fcm, rate| found(&[good], fcm, Some(rate));
        assert_eq!(told(None, Rate::FPS_60), (at(Rate::FPS_60, false), 0));
        assert_eq!(told(Some(true), Rate::FPS_30), (at(Rate::FPS_29_97, true), 1));
        assert_eq!(told(Some(true), Rate::FPS_25), (at(Rate::FPS_25, false), 1));
    }

    #[test]
    fn labels_that_do_not_exist_are_told() {
        let clock = Clock { rate: Rate::FPS_29_97, drop: true };
        let read = |text| clock.read(text, true).map(|at| (at.frames, at.drop, at.corrected)).ok();
        assert_eq!(read("00:01:00:00"), Some((1800, true, true)));
        assert_eq!(read("00:01:00;01"), Some((1800, true, true)));
        assert_eq!(read("00:01:00:02"), Some((1800, true, false)));
        assert_eq!(read("1800"), Some((1800, true, false)));
        assert_eq!(read("25:00:00;00"), read("01:00:00;00"));
        assert_eq!(read("00:61:00;00"), None);
        assert_eq!(clock.read("00:01:00:00", false).unwrap().frames, 1800);
        let clock = Clock { rate: Rate::FPS_25, drop: false };
        let at = clock.read("00:00:01;05", false).unwrap();
        assert_eq!((at.frames, at.drop, at.corrected), (30, false, true));
        let at = |text| clock.read(text, false).unwrap();
        assert_eq!(clock.span(at("23:59:59:24"), at("00:00:00:01")), 2);
    }
}
