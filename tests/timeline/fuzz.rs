//! The readers on inputs nobody thought of: samples changed at random, for `EMAM_FUZZ_SECONDS` each
//! (two unless given). The targets are those of `tests/fuzz`, where cargo-fuzz runs them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use emam_core::model::{Caption, Clip, ClipSource, Item, Marker, TrackKind, Transition};
use emam_core::time::{MediaTime, Rate, Speed};
use emam_core::timeline::format::{Format, WriteOptions};
use emam_timeline_tests::cut::{Cut, film};

/// What means something to some reader.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1",
    "25",
    "29.97",
    "30000/1001",
    "1e308",
    "-1e-308",
    "NaN",
    "Infinity",
    "9223372036854775807",
    "-9223372036854775808",
    "340282366920938463463374607431768211456",
    "null",
    "true",
    "[",
    "]",
    "{",
    "}",
    "[[[[[[[[[[[[[[[[",
    "\"",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\"OTIO_SCHEMA\": \"Clip.2\"",
    "\"OTIO_SCHEMA\": \"Stack.1\"",
    "\"children\": [",
    "\"rate\": 0.0",
    "\"value\": 1e300",
    "<",
    ">",
    "</",
    "/>",
    "<!--",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#0;",
    "&#x10ffff;",
    "&lol;",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "<clipitem id=\"a\"/>",
    "<sequence id=\"a\">",
    "<start>-1</start>",
    "<end>-1</end>",
    "<timebase>0</timebase>",
    "<ntsc>TRUE</ntsc>",
    "<file id=\"x\"/>",
    "FCM: DROP FRAME\r\n",
    "FCM: NON-DROP FRAME\n",
    "001  AX       V     C        00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00\n",
    "002  BL       V     D    025 00:00:00:00 00:00:00:00 01:00:00:00 01:00:00:00\n",
    "M2   AX       000.0                00:00:00:00\n",
    "00:00:00;00",
    "23:59:59:24",
    "99:99:99:99",
    "* FROM CLIP NAME: \n",
    "* LOC: 01:00:00:00 RED x\n",
    "AUD  3    4\n",
    ">>> SOURCE\n",
    "Heading\nFIELD_DELIM\tTABS\n",
    "Column\n",
    "Data\n",
    "\t",
    "\r",
    "\n\n",
    "\0",
    "\u{85}",
    "00:00:01,000 --> 00:00:00,500\n",
    "WEBVTT\n\n",
    " --> ",
    "NOTE\n",
    "STYLE\n",
    "line:0%",
];

/// What a Premiere project says of its media, as far as it is read.
const PROJECT: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<PremiereData Version="3">
  <Media ObjectUID="4b8f3d5e-0000-4000-8000-000000000001" ClassID="7a5c103e" Version="30">
    <RelativePath>../media/A001.mov</RelativePath>
    <FilePath>/Volumes/Media/A001.mov</FilePath>
    <ActualMediaFilePath>\\?\C:\Media\A001 &amp; B.mov</ActualMediaFilePath>
    <Title>A001.mov</Title>
    <Start>914457600000000</Start>
  </Media>
</PremiereData>
"#;

/// Random numbers that can be had again (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`, or 0 where there is none.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() >> 11).unwrap() % end.max(1)
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// A number of the environment; tests have no other configuration.
#[allow(clippy::disallowed_methods)]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// A cut with something of everything, in every format.
fn written(format: Format) -> Vec<u8> {
    let rate = Rate::FPS_25;
    let mut cut = Cut::new(rate);
    let (a, b) = (
        cut.asset("a.mov", film(rate, 5000, "01:00:00:00")),
        cut.asset("b & c.mov", film(rate, 900, "00:00:00:00")),
    );
    let clip = |source, start, duration| {
        Clip::new(&cut.clock, "take <1>", source, MediaTime::new(start, rate), duration)
    };
    let mut fast = clip(ClipSource::Asset(a), 100, 50);
    fast.speed = Speed::new(3, 2).unwrap();
    let mut marked = clip(ClipSource::Asset(b), 200, 80);
    marked.markers = vec![Marker { start: 210, name: "m".into(), ..Marker::default() }];
    let said = clip(ClipSource::Caption(Caption { text: "one\ntwo".into() }), 0, 40);
    let items = vec![
        Item::Clip(fast),
        Item::Gap(emam_core::model::Gap::new(9)),
        Item::Clip(clip(ClipSource::Asset(a), 300, 60)),
        Item::Transition(Transition::new(Transition::DISSOLVE, 5, 5)),
        Item::Clip(marked.clone()),
    ];
    cut.track(TrackKind::Video, items);
    cut.track(TrackKind::Audio, vec![Item::Clip(Clip { markers: Vec::new(), ..marked })]);
    cut.track(TrackKind::Caption, vec![Item::Clip(said)]);
    for track in &mut cut.sequence.tracks {
        for item in &mut track.items {
            if let Item::Clip(clip) = item {
                clip.id = emam_core::id::ClipId::new(&cut.clock);
            }
        }
    }
    let written = format.write(&cut.document(), &WriteOptions::default());
    written.unwrap_or_else(|error| panic!("{format:?}: {}", error.report())).text().into()
}

/// What is changed: what we write, and the smaller samples where they are.
fn seeds(formats: &[Format], with_first: bool) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for format in formats {
        let first = Format::ALL.iter().position(|one| one == format).unwrap();
        let mut add = |mut bytes: Vec<u8>| {
            if with_first {
                bytes.insert(0, u8::try_from(first).unwrap());
            }
            seeds.push(bytes);
        };
        add(written(*format));
        let folder = match format {
            Format::Xmeml => "timeline/fcp7xml",
            Format::Edl => "timeline/edl",
            Format::Ale => "timeline/ale",
            Format::Otio => "timeline/otio",
            _ => "captions",
        };
        // Without the samples there is still what we write: nothing is skipped.
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
        let Ok(entries) = folder.read_dir() else { continue };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.extension().is_some_and(|found| found == format.extension())
                && path.metadata().unwrap().len() < 64 << 10
            {
                add(std::fs::read(path).unwrap());
            }
        }
    }
    seeds
}

/// Changes an input in one of the ways that break readers.
fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    let end = (at + 1 + dice.below(40)).min(input.len());
    match dice.below(9) {
        0 if at < input.len() => input[at] ^= 1 << dice.below(8),
        1 => drop(input.splice(at..at, dice.of(WORDS).bytes())),
        2 => drop(input.splice(at..end.max(at), dice.of(WORDS).bytes())),
        3 => drop(input.drain(at..end.max(at))),
        4 => input.truncate(at),
        // A piece again: twin ids, overlaps, nesting.
        5 => {
            let from = dice.below(input.len() + 1);
            let to = (from + dice.below(400)).min(input.len());
            let piece = input[from..to].to_vec();
            drop(input.splice(at..at, piece));
        }
        6 => {
            let other = dice.of(seeds);
            let from = dice.below(other.len() + 1);
            let to = (from + dice.below(400)).min(other.len());
            drop(input.splice(at..at, other[from..to].iter().copied()));
        }
        7 => {
            let piece = dice.of(WORDS).repeat(1 + dice.below(3000));
            if input.len() + piece.len() < 1 << 20 {
                drop(input.splice(at..at, piece.into_bytes()));
            }
        }
        // A number becomes another one.
        _ => {
            let digits = input[at.min(input.len())..].iter().position(u8::is_ascii_digit);
            let Some(from) = digits.map(|digit| at + digit) else { return };
            let to = input[from..].iter().position(|byte| !byte.is_ascii_digit());
            let to = to.map_or(input.len(), |digit| from + digit);
            drop(input.splice(from..to, dice.of(WORDS).bytes()));
        }
    }
}

/// Runs a target on files of these formats until the time is up.
fn fuzz(name: &str, formats: &[Format]) {
    fuzz_from(name, &seeds(formats, name == "roundtrip"));
}

/// Inputs of a run that is not given a time: the same in every run, so that a failure is news of the
/// code and not of the dice.
const INPUTS: u64 = 400;

/// Runs a target on a number of inputs, or for `EMAM_FUZZ_SECONDS` on others than the last time.
#[allow(clippy::disallowed_methods)]
fn fuzz_from(name: &str, seeds: &[Vec<u8>]) {
    let target = targets::ALL.iter().find(|(known, _)| *known == name).unwrap().1;
    let time = variable("EMAM_FUZZ_SECONDS").map(Duration::from_secs);
    let seed = variable("EMAM_FUZZ_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        time.map_or(1, |_| now.as_nanos() as u64)
    });
    let mut dice = Dice(seed | 1);
    let (begun, mut inputs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    // As they are first, then changed more and more.
    let mut waiting: Vec<Vec<u8>> = seeds.to_vec();
    while time.map_or(inputs < INPUTS, |time| begun.elapsed() < time) || !waiting.is_empty() {
        let input = waiting.pop().unwrap_or_else(|| {
            let mut input = dice.of(seeds).clone();
            for _ in 0..=dice.below(6) {
                change(&mut input, seeds, &mut dice);
            }
            input
        });
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        slowest = slowest.max(started.elapsed());
        inputs += 1;
        if outcome.is_err() || started.elapsed() > Duration::from_secs(10) {
            let path =
                std::env::temp_dir().join(format!("emam-fuzz-{name}-{}", std::process::id()));
            std::fs::write(&path, &input).unwrap();
            let what = if outcome.is_err() { "breaks on" } else { "takes too long for" };
            panic!("{name} {what} input {inputs} of EMAM_FUZZ_SEED={seed}: {}", path.display());
        }
    }
    eprintln!("{name}: {inputs} inputs, the slowest took {slowest:?} (EMAM_FUZZ_SEED={seed})");
}

#[test]
fn otio_read() {
    fuzz("otio_read", &[Format::Otio]);
}

#[test]
fn xmeml_read() {
    fuzz("xmeml_read", &[Format::Xmeml]);
}

#[test]
fn edl_read() {
    fuzz("edl_read", &[Format::Edl]);
}

#[test]
fn ale_read() {
    fuzz("ale_read", &[Format::Ale]);
}

#[test]
fn captions_read() {
    fuzz("captions_read", &[Format::Srt, Format::Vtt]);
}

#[test]
fn prproj_scan() {
    fuzz_from("prproj_scan", &[PROJECT.as_bytes().to_vec(), written(Format::Xmeml)]);
}

#[test]
fn roundtrip() {
    fuzz("roundtrip", &Format::ALL);
}

#[test]
fn every_target_is_a_program_of_cargo_fuzz_and_a_test() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    let run = include_str!("../fuzz/run");
    let tests = include_str!("fuzz.rs");
    for (name, _) in targets::ALL {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        assert!(run.contains(name), "{name}");
        assert!(tests.contains(&format!("fn {name}()")), "{name}");
    }
}
