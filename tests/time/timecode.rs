//! Timecode against a counter that knows only the rule, for every frame of a day.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::path::Path;

use emam_core::time::{MediaTime, Rate, Timecode};

/// An eleven-character label that counts up digit by digit, as a mechanical counter does.
///
/// Shares no arithmetic with the library: after each frame it adds one to the text, and where
/// the rule says that a number does not exist it adds one again.
struct Counter {
    label: [u8; 11],
    last_frame: [u8; 2],
    dropped: u8,
}

impl Counter {
    fn new(nominal: u8, dropped: u8) -> Self {
        let mut label = *b"00:00:00:00";
        if dropped > 0 {
            label[8] = b';';
        }
        let last = nominal - 1;
        Self { label, last_frame: [b'0' + last / 10, b'0' + last % 10], dropped }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.label).unwrap()
    }

    fn advance(&mut self) {
        self.add_one();
        while self.is_dropped() {
            self.add_one();
        }
    }

    fn is_dropped(&self) -> bool {
        let [_, _, _, _, minute, _, second_tens, second, _, frame_tens, frame] = self.label;
        self.dropped > 0
            && minute != b'0'
            && [second_tens, second, frame_tens] == *b"000"
            && frame < b'0' + self.dropped
    }

    fn add_one(&mut self) {
        for (at, last) in [(9, self.last_frame), (6, *b"59"), (3, *b"59"), (0, *b"23")] {
            if self.label[at..at + 2] != last {
                if self.label[at + 1] == b'9' {
                    self.label[at] += 1;
                    self.label[at + 1] = b'0';
                } else {
                    self.label[at + 1] += 1;
                }
                return;
            }
            self.label[at] = b'0';
            self.label[at + 1] = b'0';
        }
    }
}

/// Every frame of 24 hours to text and back, against the counter.
fn whole_day(rate: Rate, nominal: u8, dropped: u8, frames_in_day: i64) {
    let drop = dropped > 0;
    let mut counter = Counter::new(nominal, dropped);
    let mut text = String::with_capacity(16);
    for frame in 0..frames_in_day {
        let timecode = Timecode::new(frame, rate, drop).unwrap();
        text.clear();
        write!(text, "{timecode}").unwrap();
        if text != counter.text() || Timecode::parse(&text, rate).ok() != Some(timecode) {
            let read = Timecode::parse(&text, rate);
            let want = counter.text();
            panic!("frame {frame} at {rate}: wrote {text}, want {want}, read back as {read:?}");
        }
        counter.advance();
    }
    // The counter has come round exactly at the end of the day, and so does the library.
    assert_eq!(counter.label[..8], *b"00:00:00");
    assert_eq!(counter.label[9..], *b"00");
    let midnight = Timecode::new(frames_in_day, rate, drop).unwrap();
    assert_eq!(midnight.frames_per_day(), frames_in_day);
    assert_eq!(midnight.wrapped().frames(), 0);
    assert_eq!(&midnight.to_string()[..8], "24:00:00");
}

macro_rules! whole_days {
    ($($name:ident: $rate:ident, $nominal:literal, $dropped:literal, $frames:literal;)*) => {
        $(#[test]
        fn $name() {
            whole_day(Rate::$rate, $nominal, $dropped, $frames);
        })*
    };
}

// The frame counts are stated, not computed: SMPTE ST 12-1 gives 2589408 for a day of 29.97 DF.
whole_days! {
    a_day_at_23_976: FPS_23_976, 24, 0, 2_073_600;
    a_day_at_24: FPS_24, 24, 0, 2_073_600;
    a_day_at_25: FPS_25, 25, 0, 2_160_000;
    a_day_at_29_97_drop: FPS_29_97, 30, 2, 2_589_408;
    a_day_at_29_97_non_drop: FPS_29_97, 30, 0, 2_592_000;
    a_day_at_30: FPS_30, 30, 0, 2_592_000;
    a_day_at_50: FPS_50, 50, 0, 4_320_000;
    a_day_at_59_94_drop: FPS_59_94, 60, 4, 5_178_816;
    a_day_at_59_94_non_drop: FPS_59_94, 60, 0, 5_184_000;
    a_day_at_60: FPS_60, 60, 0, 5_184_000;
}

#[test]
fn an_impossible_label_is_an_error() {
    for (rate, labels) in [
        (
            Rate::FPS_25,
            &[
                // not four fields
                "",
                ":",
                "01",
                "01:00",
                "01:00:00",
                "01:00:00:00:00",
                "01:00:00:00:",
                "1000000",
                // fields out of range, or without or with too many digits
                "00:00:00:25",
                "00:00:00:99",
                "00:60:00:00",
                "00:00:60:00",
                "24:00:00:00",
                "99:59:59:24",
                "::::",
                ":::",
                "00::00:00",
                "00:00:00:",
                "001:00:00:00",
                "00:000:00:00",
                "00:00:00:001",
                "99999999999999999999:00:00:00",
                // drop-frame marks at a rate without drop-frame
                "01:00:00;00",
                "01:00:00.00",
                "01:00:00,00",
                "01;00;00;00",
                // marks at the wrong places
                "01;00:00:00",
                "01:00;00:00",
                "01.00.00.00",
                "01,00,00,00",
                "01:00;00;00",
                // anything else around or inside
                "01:00:00:00 ",
                " 01:00:00:00",
                "01:00:00:00x",
                "01:00:00:00\n",
                "01:00:00:00\0",
                "+01:00:00:00",
                "-01:00:00:00",
                "01:00:00:-1",
                "01:00:00:+1",
                "0x:00:00:00",
                "01-00-00-00",
                "01 00 00 00",
                "\u{661}1:00:00:00",
                "01\u{ff1a}00:00:00",
                "01:00:00:0e",
                "01:00:00:00 NDF",
                "NaN",
                "01/00/00/00",
            ][..],
        ),
        (Rate::FPS_23_976, &["00:00:00:24", "00:00:00;00", "00:01:00;02", "00:00:00.10"]),
        (Rate::FPS_24, &["00:00:00:24", "00:00:00;23"]),
        (Rate::FPS_30, &["00:00:00:30", "00:00:00;00"]),
        (Rate::FPS_50, &["00:00:00:50", "00:00:00;00", "00:00:00:049"]),
        (Rate::FPS_60, &["00:00:00:60", "00:00:00;00"]),
        (Rate::FPS_47_952, &["00:00:00:48", "00:00:00;00"]),
        (Rate::FPS_120, &["00:00:00:120", "00:00:00:0119", "00:00:00;00"]),
        (
            Rate::FPS_29_97,
            &[
                "00:01:00;00",
                "00:01:00;01",
                "00:09:00;01",
                "00:11:00;00",
                "23:59:00;01",
                "01;01;00;00",
                "00:01:00.01",
                "00:01:00,00",
                "1:1:0;0",
                "00:00:00;30",
                "00:00:00:30",
                "24:00:00;00",
                "00;01:00:00",
                "00:01;00:00",
                "00;01;00:02",
                "00;00;00.00",
            ],
        ),
        (
            Rate::FPS_59_94,
            &["00:01:00;00", "00:01:00;03", "00:59:00;02", "00:00:00;60", "00:00:00:60"],
        ),
        (Rate::FPS_119_88, &["00:01:00;07", "00:01:00;00", "00:00:00;120"]),
    ] {
        for label in labels {
            let result = Timecode::parse(label, rate);
            let error = result.expect_err(&format!("{label:?} at {rate} was read"));
            assert_eq!(error.kind(), emam_core::ErrorKind::InvalidInput);
            assert!(error.message().contains(&format!("{label:?}")), "{error}");
        }
    }
    // Their neighbours exist, so the errors above are about the labels and not the rates.
    for (label, rate) in [
        ("00:01:00;02", Rate::FPS_29_97),
        ("00:10:00;00", Rate::FPS_29_97),
        ("00:01:00:00", Rate::FPS_29_97),
        ("00:01:00;04", Rate::FPS_59_94),
        ("00:01:00;08", Rate::FPS_119_88),
        ("00:00:00:119", Rate::FPS_120),
    ] {
        assert_eq!(Timecode::parse(label, rate).unwrap().to_string(), label);
    }
    for rate in Rate::STANDARD {
        assert_eq!(Timecode::new(0, rate, true).is_ok(), rate.can_drop(), "{rate}");
    }
}

#[test]
fn the_smpte_table_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("shared/data/timeline/timecode/smpte_truth.csv");
    let Ok(table) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the_smpte_table_holds, there is no {}", path.display());
        return;
    };
    let mut rows = table.lines();
    assert_eq!(rows.next(), Some("rate,drop,frames,timecode,ppro_ticks"));
    let mut checked = 0;
    for row in rows {
        let [rate, drop, frames, label, ticks] =
            row.split(',').collect::<Vec<_>>().try_into().expect(row);
        let rate: Rate = rate.parse().expect(row);
        let timecode = Timecode::new(frames.parse().expect(row), rate, drop == "DF").expect(row);
        assert_eq!(timecode.to_string(), label, "{row}");
        assert_eq!(Timecode::parse(label, rate).expect(row), timecode, "{row}");
        let ticks: i64 = ticks.parse().expect(row);
        assert_eq!(timecode.time().premiere_ticks().expect(row), ticks, "{row}");
        let back = MediaTime::from_premiere_ticks(ticks, rate).expect(row);
        assert_eq!(back, timecode.time(), "{row}");
        checked += 1;
    }
    assert!(checked > 6000, "only {checked} rows");
    println!("{checked} rows of the SMPTE table hold");
}
