//! Avid logs: real ones read, and ours read by others.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::process::Command;

use emam_core::clock::ManualClock;
use emam_core::time::Rate;
use emam_core::timeline::IssueKind;
use emam_core::timeline::format::{
    ClipMedia, Document, Format, ReadDocument, ReadOptions, WriteOptions,
};
use emam_test_support::media::samples;
use emam_timeline_tests::cut::{Cut, film};
use emam_timeline_tests::tools::{python, run};
use serde_json::Value;

fn clock() -> ManualClock {
    ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap())
}

fn read(bytes: &[u8]) -> ReadDocument {
    Format::Ale.read(bytes, &ReadOptions::default(), &clock()).unwrap()
}

fn write(document: &Document) -> String {
    Format::Ale.write(document, &WriteOptions::default()).unwrap().text().to_owned()
}

fn logs() -> Vec<(PathBuf, Value)> {
    let Some(folder) = samples("timeline/ale") else { return Vec::new() };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "ale")).collect();
    files.sort();
    assert!(!files.is_empty());
    let truth = |path: &PathBuf| {
        let text = std::fs::read_to_string(format!("{}.truth.json", path.display())).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    files.iter().map(|path| (path.clone(), truth(path))).collect()
}

/// The media in the order of the rows.
fn media(document: &Document) -> Vec<ClipMedia> {
    let sources = &document.bins[0].media;
    sources.iter().map(|source| document.media.get(source).unwrap().clone()).collect()
}

/// Name, first frame, frames and rate of media, as another reader of logs gives them.
fn agrees(media: &ClipMedia, clip: &Value) {
    let number = |key: &str, of: &str| clip["range"][key][of].as_f64().unwrap();
    let summary = &media.summary;
    let (start, duration) = (summary.start_timecode.unwrap(), summary.duration.unwrap());
    assert_eq!(media.name, clip["name"].as_str().unwrap());
    assert_eq!(start.frames() as f64, number("start", "value"), "{}", media.name);
    assert_eq!(duration.value() as f64, number("duration", "value"), "{}", media.name);
    let rate = Rate::from_f64(number("start", "rate")).unwrap();
    assert_eq!((start.rate(), duration.rate()), (rate, rate), "{}", media.name);
}

#[test]
fn every_real_log_reads_as_others_read_it_and_stays_the_same() {
    for (path, truth) in logs() {
        let first = read(&std::fs::read(&path).unwrap());
        assert_eq!(first.issues, [], "{}", path.display());
        let rows = media(&first.document);
        let clips = truth["clips"].as_array().unwrap();
        assert_eq!(rows.len(), clips.len(), "{}", path.display());
        for (media, clip) in rows.iter().zip(clips) {
            agrees(media, clip);
        }
        let text = write(&first.document);
        let second = read(text.as_bytes());
        assert_eq!(media(&second.document), rows, "{}:\n{text}", path.display());
        assert_eq!(write(&second.document), text);
    }
}

#[test]
fn the_media_of_a_cut_is_read_by_the_python_adapter() {
    let test = "the_media_of_a_cut_is_read_by_the_python_adapter";
    let Some(python) = python(test) else { return };
    let mut cut = Cut::new(Rate::FPS_23_976);
    for (name, start) in [("A001 & more.mov", "01:00:00:00"), ("café\t2.mov", "10:00:00:12")] {
        let source = cut.asset("x.mov", film(Rate::FPS_23_976, 2400, start));
        let media = cut.media.get_mut(&source).unwrap();
        media.name = name.into();
        media.reel = Some("A001".into());
    }
    let written = Format::Ale.write(&cut.document(), &WriteOptions::default()).unwrap();
    let lost = |issue: &emam_core::timeline::Issue| issue.message.contains("on one line");
    assert_eq!(written.issues.iter().filter(|issue| lost(issue)).count(), 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.ale");
    std::fs::write(&path, written.text()).unwrap();
    let script = "
import sys, opentimelineio as otio
read = otio.adapters.read_from_file(sys.argv[1])
for clip in read:
    start, frames = clip.source_range.start_time, clip.source_range.duration
    print(clip.name, start.value, frames.value, start.rate, clip.metadata['ALE']['Tape'], sep='|')
";
    let printed = run(Command::new(python).args(["-c", script]).arg(&path));
    let rate = Rate::FPS_23_976.as_f64();
    let want = [
        format!("A001 & more.mov|86400.0|2400.0|{rate}|A001"),
        format!("café 2.mov|{}.0|2400.0|{rate}|A001", 24 * 36_000 + 12),
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), want);
}

#[test]
fn broken_logs_are_told_of_and_none_is_an_error() {
    let head =
        "Heading\nFIELD_DELIM\tTABS\nFPS\t25\n\nColumn\nName\tStart\tEnd\tNote\tNote\n\nData\n";
    let kinds = |rows: &str| {
        let read = read(format!("{head}{rows}").as_bytes());
        (
            media(&read.document).len(),
            read.issues.iter().map(|issue| issue.kind).collect::<Vec<_>>(),
        )
    };
    let twice = IssueKind::Corrected;
    assert_eq!(kinds(""), (0, vec![twice]));
    let more = "a\t01:00:00:00\t01:00:01:00\tx\ty\tz\n";
    assert_eq!(kinds(more), (1, vec![twice, IssueKind::NotUnderstood]));
    assert_eq!(kinds("a\n\nb\t01:00:00:30\n"), (2, vec![twice, IssueKind::NotUnderstood]));
    let text = format!("{head}a\t23:59:59:24\t00:00:00:01\tone\ttwo\n");
    let read_it = read(text.as_bytes());
    let row = &media(&read_it.document)[0];
    assert_eq!(row.summary.duration.unwrap().value(), 2);
    assert_eq!(row.foreign["ale"], "Note\tone\nNote (5)\ttwo");
    let none =
        |bytes: &[u8]| Format::Ale.read(bytes, &ReadOptions::default(), &clock()).unwrap_err();
    for bytes in [&b""[..], b"TITLE: x\n", b"\xff\xfe\x00", b"Heading\n\nData\na\tb\n"] {
        assert_eq!(none(bytes).kind(), emam_core::ErrorKind::InvalidInput, "{bytes:?}");
    }
    let wide = format!("Heading\n\nColumn\n{}\nData\n", "x\t".repeat(5000));
    assert_eq!(none(wide.as_bytes()).get("max_columns"), Some("4096"));
}
