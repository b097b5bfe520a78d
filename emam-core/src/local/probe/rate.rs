//! The frame rate of a stream: what was meant, from what containers write.

use crate::time::{MediaTime, Rate};

/// No camera film is faster; ffprobe gives the tick rate (90000) where it finds no frame rate.
const MAX_FPS: u32 = 1000;

/// A measured rate within one part in this many of a known rate means that rate. 23.976 and 24 are
/// one part in 1001 apart; a phone's 30.01 is one in 3000 from 30.
const SNAP_PARTS: i128 = 2500;

/// An average further than one part in this many from the nominal rate is no jitter.
const VARIABLE_PARTS: i128 = 200;

/// An average within one part in this many is constant even where the count of frames does not
/// fit the length: an edit list has cut frames off.
const CONSTANT_PARTS: i128 = 2000;

/// What is known about the rate of one stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// The lowest rate that all timestamps fit (ffprobe's `r_frame_rate`).
    pub(super) lowest: Option<Rate>,
    /// Frames by length, as the container has it (ffprobe's `avg_frame_rate`).
    pub(super) average: Option<Rate>,
    /// Frames counted by the container or by reading all packets.
    pub(super) counted: Option<i64>,
    /// Whether `counted` comes from reading all packets: then `average` is a mere claim.
    pub(super) packets_read: bool,
    /// The stream's length.
    pub(super) length: Option<MediaTime>,
}

/// The rate of one stream and its length in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Timing {
    pub(super) rate: Option<Rate>,
    pub(super) average: Option<Rate>,
    pub(super) variable: bool,
    /// At a constant rate those in the file, at a variable one the length at `rate`.
    pub(super) frames: Option<i64>,
}

/// Chooses the rate.
pub(super) fn timing(facts: Facts) -> Timing {
    let usable = |rate: &Rate| rate.num() / rate.den() <= MAX_FPS;
    let lowest = facts.lowest.filter(usable).map(snapped);
    let claimed = facts.average.filter(usable);
    let average = measured(&facts).filter(usable).or(claimed);
    // By the claim: whether packets are fields is not known before the nominal rate is.
    let Some(nominal) = nominal(lowest, claimed.or(average)) else {
        return Timing { average, frames: facts.counted, ..Timing::default() };
    };
    // Two fields of one frame may be two packets.
    let expected = facts.length.and_then(|length| length.rescale_nearest(nominal).ok());
    let expected = expected.map(|length| length.value().max(1));
    let near = |count: i64, expected: i64| (count - expected).abs() <= 1;
    let fields = |count: &i64| {
        expected.is_some_and(|expected| !near(*count, expected) && near(*count / 2, expected))
    };
    let counted = match facts.counted {
        Some(count) if facts.packets_read && fields(&count) => Some(count / 2),
        other => other,
    };
    let average = if counted == facts.counted { average } else { Some(nominal) };

    let off = |parts| average.is_some_and(|average| !close(average, nominal, parts));
    let misses = match (counted, expected) {
        (Some(counted), Some(expected)) => Some(!near(counted, expected)),
        _ => None,
    };
    // In a short clip one frame more or less is far off the average, and says nothing.
    let variable =
        misses.map_or_else(|| off(VARIABLE_PARTS), |misses| misses && off(CONSTANT_PARTS));
    let misses = misses.unwrap_or(false);
    let rate =
        if variable { variable_nominal(lowest, average).unwrap_or(nominal) } else { nominal };
    let frames = if variable || misses {
        let length = facts.length.and_then(|length| length.rescale_nearest(rate).ok());
        length.map(|length| length.value().max(1)).or(counted)
    } else {
        counted.or(expected)
    };
    Timing { rate: Some(rate), average: average.or(Some(rate)), variable, frames }
}

/// Frames by length where both were measured.
fn measured(facts: &Facts) -> Option<Rate> {
    let (count, length) = (facts.counted?, facts.length?);
    if !facts.packets_read || count < 2 {
        return None;
    }
    let (num, den) = length.seconds();
    let fps = i128::from(count) as f64 * den as f64 / num as f64;
    Rate::from_f64(fps).ok()
}

fn nominal(lowest: Option<Rate>, average: Option<Rate>) -> Option<Rate> {
    let (Some(lowest), Some(average)) = (lowest, average) else {
        return lowest.or(average.map(snapped));
    };
    // Interlaced streams tick once a field.
    let halved = Rate::new(lowest.num(), lowest.den().checked_mul(2)?).ok()?;
    if close(average, halved, CONSTANT_PARTS) { Some(halved) } else { Some(lowest) }
}

/// The rate a stream of varying rate is best played and counted at: at least as fast as its
/// average, and one that editing programs have.
fn variable_nominal(lowest: Option<Rate>, average: Option<Rate>) -> Option<Rate> {
    let Some(average) = average else { return lowest };
    let fits = |rate: &Rate| {
        let (rate, average) = (fps(*rate), fps(average));
        rate.0 * average.1 * 50 >= average.0 * rate.1 * 49
            && rate.0 * average.1 <= average.0 * rate.1 * 2
    };
    let standard = lowest.filter(|rate| rate.is_standard() && fits(rate));
    let whole = Rate::STANDARD.into_iter().find(|rate| rate.den() == 1 && fits(rate));
    standard.or(whole).or(Some(snapped(average)))
}

/// The known rate this one means, or itself.
fn snapped(rate: Rate) -> Rate {
    Rate::STANDARD.into_iter().find(|known| close(rate, *known, SNAP_PARTS)).unwrap_or(rate)
}

fn fps(rate: Rate) -> (i128, i128) {
    (i128::from(rate.num()), i128::from(rate.den()))
}

/// Whether `a` is within one part in `parts` of `b`.
fn close(a: Rate, b: Rate, parts: i128) -> bool {
    let ((a_num, a_den), (b_num, b_den)) = (fps(a), fps(b));
    let (left, right) = (a_num * b_den, b_num * a_den);
    (left - right).abs().checked_mul(parts).is_some_and(|off| off <= right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(num: u32, den: u32) -> Option<Rate> {
        Some(Rate::new(num, den).unwrap())
    }

    fn micros(value: i64) -> Option<MediaTime> {
        Some(MediaTime::new(value, Rate::new(1_000_000, 1).unwrap()))
    }

    #[test]
    fn constant_rates_keep_their_frames() {
        let film = timing(Facts {
            lowest: rate(24_000, 1001),
            average: rate(24_000, 1001),
            counted: Some(48),
            length: micros(2_002_000),
            ..Facts::default()
        });
        assert_eq!(film.rate, Some(Rate::FPS_23_976));
        assert_eq!((film.variable, film.frames), (false, Some(48)));
    }

    #[test]
    fn a_phone_that_stumbles_varies_and_is_counted_at_its_nominal_rate() {
        // The real numbers of a phone's MP4: the first of 41 frames lasts 0.18 s.
        let phone = timing(Facts {
            lowest: rate(90_000, 2999),
            average: rate(369_000, 13_657),
            counted: Some(41),
            length: Some(MediaTime::new(136_570, Rate::new(90_000, 1).unwrap())),
            ..Facts::default()
        });
        assert_eq!(phone.rate, Some(Rate::FPS_30));
        assert_eq!(phone.average, rate(369_000, 13_657));
        assert_eq!((phone.variable, phone.frames), (true, Some(46)));
    }

    #[test]
    fn interlaced_streams_are_counted_by_frames() {
        let pal = timing(Facts {
            lowest: rate(50, 1),
            average: rate(25, 1),
            counted: Some(500),
            packets_read: true,
            length: micros(10_000_000),
        });
        assert_eq!((pal.rate, pal.variable, pal.frames), (Some(Rate::FPS_25), false, Some(250)));
    }

    #[test]
    fn a_claimed_average_yields_to_the_packets() {
        let screen = timing(Facts {
            lowest: rate(30, 1),
            average: rate(30, 1),
            counted: Some(60),
            packets_read: true,
            length: micros(4_000_000),
        });
        assert!(screen.variable);
        assert_eq!((screen.rate, screen.frames), (Some(Rate::FPS_30), Some(120)));
    }

    #[test]
    fn an_edit_list_cuts_frames_and_does_not_vary() {
        let trimmed = timing(Facts {
            lowest: rate(30, 1),
            average: rate(30, 1),
            counted: Some(300),
            length: micros(5_000_000),
            ..Facts::default()
        });
        assert_eq!((trimmed.variable, trimmed.frames), (false, Some(150)));
    }

    #[test]
    fn one_packet_is_one_frame() {
        let one = timing(Facts {
            lowest: rate(25, 1),
            average: rate(25, 1),
            counted: Some(1),
            packets_read: true,
            length: micros(40_000),
        });
        assert_eq!((one.rate, one.variable, one.frames), (Some(Rate::FPS_25), false, Some(1)));
    }

    #[test]
    fn nothing_known_is_nothing_said() {
        assert_eq!(timing(Facts::default()), Timing::default());
        let ticks = timing(Facts { lowest: rate(90_000, 1), ..Facts::default() });
        assert_eq!(ticks.rate, None);
        let one = timing(Facts {
            lowest: rate(25, 1),
            average: rate(25, 2),
            counted: Some(1),
            length: micros(40_000),
            ..Facts::default()
        });
        assert!(!one.variable, "one frame cannot vary");
    }
}
