//! CMX3600 lists: written and judged by others, and real ones read.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use emam_core::clock::ManualClock;
use emam_core::model::{Clip, Item, Sequence, Track, TrackKind};
use emam_core::time::{MediaTime, Rate, Timecode};
use emam_core::timeline::format::{Document, Format, ReadDocument, ReadOptions, WriteOptions};
use emam_core::timeline::{IssueKind, check};
use emam_test_support::media::{sample_tools, samples};
use emam_test_support::skip;
use emam_timeline_tests::cut::{Cut, film};
use emam_timeline_tests::model::cut_of;
use serde_json::Value;

fn clock() -> ManualClock {
    ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap())
}

fn read(bytes: &[u8]) -> ReadDocument {
    Format::Edl.read(bytes, &ReadOptions::default(), &clock()).unwrap()
}

fn write(document: &Document) -> String {
    Format::Edl.write(document, &WriteOptions::default()).unwrap().text().to_owned()
}

/// The real lists, with what another parser reads of them.
fn lists() -> Vec<(PathBuf, Value)> {
    let Some(folder) = samples("timeline/edl") else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "edl"))
        .collect();
    files.sort();
    assert!(files.len() > 20, "the folder of lists is empty");
    let truth = |path: &Path| {
        let text = std::fs::read_to_string(format!("{}.truth.json", path.display())).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    files.into_iter().map(|path| (path.clone(), truth(&path))).collect()
}

/// What the event of an item is: kind of track, reel, record in and out, source in and out; drop-frame
/// marks aside.
type Shown = (TrackKind, String, [String; 4]);

fn digits(label: &str) -> String {
    label.replace(';', ":")
}

/// The events of a document: record in and out of every clip and of black that was told, its
/// source in, and its source out.
fn shown(document: &Document) -> Vec<Shown> {
    let sequence = document.main().unwrap();
    let label = |frames: i64, rate: Rate, drop: bool| {
        digits(&Timecode::new(frames, rate, drop).unwrap().wrapped().to_string())
    };
    let record = |at| label(sequence.start + at, sequence.rate, sequence.drop_frame);
    let mut shown = Vec::new();
    for track in &sequence.tracks {
        let mut at = 0;
        for item in &track.items {
            let end = at + item.duration();
            match item {
                Item::Clip(clip) => {
                    let media = document.media.of(&clip.source).unwrap();
                    let drop = media.summary.start_timecode.unwrap().drop_frame();
                    let first = media.summary.start_timecode.unwrap().frames();
                    let from = first + clip.source_start.value();
                    let length = MediaTime::new(clip.duration, sequence.rate);
                    let taken = clip.speed.source_time(length, sequence.rate).unwrap().nearest();
                    let source = |frames| label(frames, sequence.rate, drop);
                    let reel = media.reel.clone().unwrap_or_else(|| "AX".into());
                    let times = [record(at), record(end), source(from), source(from + taken)];
                    shown.push((track.kind, reel, times));
                }
                Item::Gap(gap) if gap.foreign.contains_key("edl") => {
                    let times = [record(at), record(end), String::new(), String::new()];
                    shown.push((track.kind, "BL".into(), times));
                }
                _ => {}
            }
            at = end;
        }
    }
    shown.sort();
    shown
}

/// The same of the truth. A source out is given where the length of the source is that of the
/// event, as it is where nothing says otherwise.
fn wanted(truth: &Value, lines: &[u64]) -> Vec<(Shown, bool)> {
    let mut wanted = Vec::new();
    for event in truth["events"].as_array().unwrap() {
        let text = |key: &str| event[key].as_str().unwrap().to_owned();
        let label = |key: &str| digits(&text(key));
        if label("rec_in") == label("rec_out") {
            continue;
        }
        let black = text("reel") == "BL";
        let source = |key| if black { String::new() } else { label(key) };
        let times = [label("rec_in"), label("rec_out"), source("src_in"), source("src_out")];
        let retimed = !event["m2"].as_array().unwrap().is_empty();
        // The truth counts lines from 1 as the reader does.
        let told = lines.contains(&event["line"].as_u64().unwrap());
        let channels = text("channels");
        let video = channels.contains('V') || channels == "B";
        let more = event["comments"].as_array().unwrap().iter();
        let more = more.filter_map(Value::as_str).any(|comment| comment.starts_with("AUD"));
        let audio = channels.contains('A') || channels == "B" || more;
        for (wants, kind) in [(video, TrackKind::Video), (audio, TrackKind::Audio)] {
            if wants {
                let shown = (kind, text("reel"), times.clone());
                wanted.push((shown, !retimed && !told));
            }
        }
    }
    wanted.sort();
    wanted
}

#[test]
fn every_real_list_reads_with_all_its_events_and_times() {
    for (path, truth) in lists() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let read = read(&std::fs::read(&path).unwrap());
        let sequence = read.document.main().unwrap();
        assert_eq!(sequence.name, truth["title"].as_str().unwrap(), "{name}");
        let broken = check(sequence, &|source| read.document.media.summary(source));
        assert!(broken.iter().all(|issue| !issue.kind.is_error()), "{name}: {broken:#?}");
        let corrected = read.issues.iter().filter(|issue| issue.kind == IssueKind::Corrected);
        let lines: Vec<u64> = corrected.filter_map(|issue| issue.line).collect();
        let (found, wanted) = (shown(&read.document), wanted(&truth, &lines));
        assert_eq!(found.len(), wanted.len(), "{name}: {found:#?} {wanted:#?}");
        for (found, (wanted, exact)) in found.iter().zip(&wanted) {
            let (a, b) = (&found.2, &wanted.2);
            assert_eq!((found.0, &found.1), (wanted.0, &wanted.1), "{name}");
            assert_eq!(a[..3], b[..3], "{name}");
            assert!(!exact || a[3] == b[3], "{name}: {found:?} ends elsewhere than {wanted:?}");
        }
        eprintln!("{name}: {} events, {} issues", found.len(), read.issues.len());
        for issue in &read.issues {
            eprintln!("   {:?} {:?} {}", issue.line, issue.kind, issue.message);
        }
    }
}

#[test]
fn what_was_read_is_written_and_read_again_unchanged() {
    let mut stable = 0;
    for (path, _) in lists() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let first = read(&std::fs::read(&path).unwrap()).document;
        let rate = first.main().unwrap().rate;
        let options = ReadOptions::default().with_rate(rate);
        let long = WriteOptions::default().with_long_reels(true);
        for options_of_write in [WriteOptions::default(), long] {
            let text = Format::Edl.write(&first, &options_of_write).unwrap();
            let text = text.text().to_owned();
            let second = Format::Edl.read(text.as_bytes(), &options, &clock()).unwrap().document;
            for (second, first) in plain(&second).iter().zip(&plain(&first)) {
                assert_eq!(second, first, "{name}:\n{text}");
            }
            assert_eq!(plain(&second), plain(&first), "{name}:\n{text}");
            let again = Format::Edl.write(&second, &options_of_write).unwrap();
            assert_eq!(again.text(), text, "{name}");
        }
        stable += 1;
    }
    assert!(stable > 20 || lists().is_empty());
}

/// A document without ids.
fn plain(document: &Document) -> Vec<String> {
    let sequence = document.main().unwrap();
    let mut lines = vec![format!(
        "{} {} {} {} {:?} {:?}",
        sequence.name,
        sequence.rate,
        sequence.drop_frame,
        sequence.start,
        sequence.markers,
        sequence.foreign
    )];
    for Track { kind, name, items, foreign, .. } in &sequence.tracks {
        lines.push(format!("{kind:?} {name} {foreign:?}"));
        for item in items {
            lines.push(match item {
                Item::Clip(clip) => {
                    let Clip { name, source_start, duration, speed, link, .. } = clip;
                    let media = document.media.of(&clip.source).unwrap();
                    format!(
                        "{name} {source_start:?} {duration} {speed} {link:?} {:?} {:?} {:?} {media:?}",
                        clip.audio_channels, clip.markers, clip.foreign
                    )
                }
                other => format!("{other:?}"),
            });
        }
    }
    lines
}

#[test]
fn the_judge_finds_nothing_wrong() {
    let test = "the_judge_finds_nothing_wrong";
    let Some(models) = samples("timeline/synthetic") else { return };
    let Some(tools) = sample_tools("timeline") else { return };
    let python = std::env::var_os("EMAM_TEST_PYTHON").filter(|python| !python.is_empty());
    let Some(python) = python else {
        return skip(&format!("{test}: EMAM_TEST_PYTHON names no Python with pycmx"));
    };
    let folder = tempfile::tempdir().unwrap();
    let mut judged = 0;
    for entry in models.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(name) = name.strip_suffix(".model.json") else { continue };
        let model: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let text = write(&cut_of(&model).document());
        std::fs::write(folder.path().join(format!("{name}.edl")), text).unwrap();
        std::fs::copy(&path, folder.path().join(format!("{name}.model.json"))).unwrap();
        judged += 1;
    }
    assert!(judged > 0, "the folder of sequence models is empty");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/judge_edl.py");
    let output = Command::new(python).arg(script).arg(tools).arg(folder.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), judged.to_string());
}
