//! `.otio` files of other programs, read, written and read again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use emam_core::clock::ManualClock;
use emam_core::model::{Clip, Item, Marker, Role, Sequence};
use emam_core::timeline::IssueKind;
use emam_core::timeline::format::{
    Document, Flavour, Format, ReadDocument, ReadOptions, WriteOptions,
};
use emam_test_support::media::samples;
use emam_timeline_tests::model::cut_of;
use emam_timeline_tests::tools::{python, run, script};
use serde_json::Value;

fn clock() -> ManualClock {
    ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap())
}

fn read(bytes: &[u8]) -> ReadDocument {
    Format::Otio.read(bytes, &ReadOptions::default(), &clock()).unwrap()
}

fn write(document: &Document) -> String {
    Format::Otio.write(document, &WriteOptions::default()).unwrap().text().to_owned()
}

/// The files of a folder with this ending, by name.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    files.sort();
    assert!(!files.is_empty(), "no {ending} in {}", folder.display());
    files
}

#[test]
fn every_file_reads_the_same_after_it_was_written() {
    let Some(folder) = samples("timeline/otio") else { return };
    for path in files(&folder, ".otio") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let first = read(&fs::read(&path).unwrap());
        let text = write(&first.document);
        let second = read(text.as_bytes());
        for issue in &first.issues {
            println!("{name}: {issue:?}");
        }
        assert_eq!(first.document.sequences, second.document.sequences, "{name}");
        assert_eq!(first.document.media, second.document.media, "{name}");
        assert_eq!(text, write(&second.document), "{name}");
    }
}

#[test]
fn opentimelineio_finds_everything_of_a_file_in_what_is_written() {
    let test = "opentimelineio_finds_everything_of_a_file_in_what_is_written";
    let Some(folder) = samples("timeline/otio") else { return };
    let Some(python) = python(test) else { return };
    let written = tempfile::tempdir().unwrap();
    let mut pairs = Vec::new();
    for path in files(&folder, ".otio") {
        // Marker.3, which version 0.18.1 does not read; a stack of clips without tracks, which get
        // some; a track that starts at -7, which becomes a gap of 7.
        let name = path.file_name().unwrap();
        if ["screening_example", "nested_example", "multiple_track"]
            .iter()
            .any(|changed| name.to_str().unwrap().contains(changed))
        {
            continue;
        }
        let document = read(&fs::read(&path).unwrap()).document;
        let ours = written.path().join(name);
        fs::write(&ours, write(&document)).unwrap();
        pairs.extend([path.clone(), ours]);
    }
    let printed = run(Command::new(python).arg(script("compare_otio.py")).args(&pairs));
    assert_eq!(printed.trim(), (pairs.len() / 2).to_string());
}

/// What an independent reader saw in a file: where each item lies, and what it shows.
#[test]
fn items_lie_where_opentimelineio_sees_them() {
    let Some(folder) = samples("timeline/otio") else { return };
    let mut compared = 0;
    for path in files(&folder, ".otio.truth.json") {
        let truth: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let file = path.to_str().unwrap().strip_suffix(".truth.json").unwrap();
        let document = read(&fs::read(file).unwrap()).document;
        let sequence = document.main().unwrap();
        assert_eq!(sequence.name, truth["name"].as_str().unwrap_or_default(), "{file}");
        if let Some(start) = truth["global_start_time"]["value"].as_f64() {
            assert_eq!(sequence.start as f64, start, "{file}");
        }
        let tracks = truth["tracks"].as_array().unwrap();
        assert_eq!(sequence.tracks.len(), tracks.len(), "{file}");
        for (track, truth) in sequence.tracks.iter().zip(tracks) {
            let mut begin = 0;
            let children = truth["children"].as_array().unwrap();
            // A track that starts before its first frame begins with a gap.
            let more = usize::from(file.contains("multiple_track") && track.name == "Track-003");
            assert_eq!(track.items.len(), children.len() + more, "{file} {}", track.name);
            for (item, truth) in track.items.iter().skip(more).zip(children) {
                compared += 1;
                let place = format!("{file} {} {}", track.name, truth["name"]);
                if let Item::Transition(transition) = item {
                    let offsets = [&truth["in_offset"], &truth["out_offset"]];
                    let offsets = offsets.map(|offset| offset["value"].as_f64().unwrap());
                    let read = [transition.in_offset, transition.out_offset];
                    assert_eq!(read.map(|frames| frames as f64), offsets, "{place}");
                    continue;
                }
                let seconds =
                    |time: &Value| time["value"].as_f64().unwrap() / time["rate"].as_f64().unwrap();
                let rate = sequence.rate.as_f64();
                let near = |frames: i64, time: &Value| {
                    let wanted = seconds(time) * rate;
                    assert!((frames as f64 - wanted).abs() <= 0.5, "{place}: {frames} {wanted}");
                };
                near(begin, &truth["range_in_track"]["start"]);
                near(item.duration(), &truth["range_in_track"]["duration"]);
                begin += item.duration();
                if let Item::Clip(clip) = item {
                    clip_is(&document, clip, truth, &place);
                }
            }
        }
    }
    assert!(compared > 50, "{compared}");
}

fn clip_is(document: &Document, clip: &Clip, truth: &Value, place: &str) {
    assert_eq!(clip.name, truth["name"].as_str().unwrap_or_default(), "{place}");
    assert_eq!(clip.enabled, truth["enabled"].as_bool().unwrap_or(true), "{place}");
    assert_eq!(clip.markers.len(), truth["markers"].as_array().unwrap().len(), "{place}");
    let Some(media) = document.media.of(&clip.source) else { return };
    let url = truth["url"].as_str();
    assert_eq!(media.urls.get(&Role::Original).map(String::as_str), url, "{place}");
    let first = media.summary.start_timecode.map_or(0, |timecode| timecode.frames());
    let shown = truth["trimmed"]["start"]["value"].as_f64().unwrap();
    assert!(((clip.source_start.value() + first) as f64 - shown).abs() <= 0.5, "{place}");
}

/// A clip as the models of known truth describe it.
fn facts(sequence: &Sequence, document: &Document, clip: &Clip) -> String {
    let media = document.media.of(&clip.source).unwrap();
    let first = media.summary.start_timecode.map_or(0, |timecode| timecode.frames());
    let markers = clip.markers.iter().map(|marker| Marker { foreign: [].into(), ..marker.clone() });
    format!(
        "{} {} {} {} {} {:?} {:?} {:?} {:?}",
        sequence.rate,
        clip.source_start.rate(),
        clip.source_start.value() + first,
        clip.duration,
        clip.speed,
        clip.enabled,
        media.urls.get(&Role::Original),
        media.reel,
        markers.collect::<Vec<_>>(),
    )
}

#[test]
fn what_opentimelineio_wrote_is_the_sequence_of_the_model() {
    let Some(models) = samples("timeline/synthetic") else { return };
    for path in files(&models, ".model.json") {
        let model: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let file = path.to_str().unwrap().replace(".model.json", ".otio");
        let cut = cut_of(&model);
        let truth = cut.document();
        let read = read(&fs::read(&file).unwrap());
        let sequence = read.document.main().unwrap();
        let wanted = truth.main().unwrap();
        let head =
            |s: &Sequence| (s.name.clone(), s.rate, s.start, s.drop_frame, s.markers.clone());
        let plain = |(a, b, c, d, markers): (_, _, _, _, Vec<Marker>)| {
            let markers = markers.into_iter().map(|m| Marker { foreign: [].into(), ..m });
            (a, b, c, d, markers.collect::<Vec<_>>())
        };
        assert_eq!(plain(head(sequence)), plain(head(wanted)), "{file}");
        assert_eq!(sequence.tracks.len(), wanted.tracks.len(), "{file}");
        for (track, wanted_track) in sequence.tracks.iter().zip(&wanted.tracks) {
            assert_eq!(track.kind, wanted_track.kind, "{file}");
            assert_eq!(track.items.len(), wanted_track.items.len(), "{file}");
            for (item, wanted_item) in track.items.iter().zip(&wanted_track.items) {
                match (item, wanted_item) {
                    (Item::Clip(clip), Item::Clip(wanted_clip)) => assert_eq!(
                        facts(sequence, &read.document, clip),
                        facts(wanted, &truth, wanted_clip),
                        "{file}"
                    ),
                    (Item::Gap(gap), Item::Gap(wanted)) => {
                        assert_eq!(gap.duration, wanted.duration, "{file}");
                    }
                    (Item::Transition(transition), Item::Transition(wanted)) => assert_eq!(
                        (&transition.kind, transition.in_offset, transition.out_offset),
                        (&wanted.kind, wanted.in_offset, wanted.out_offset),
                        "{file}"
                    ),
                    other => panic!("{file}: {other:?}"),
                }
            }
        }
        let wrong = |kind| matches!(kind, IssueKind::Rounded | IssueKind::Corrected);
        assert!(!read.issues.iter().any(|issue| wrong(issue.kind)), "{file}: {:?}", read.issues);
    }
}

#[test]
fn every_flavour_of_every_file_is_read_by_opentimelineio() {
    let test = "every_flavour_of_every_file_is_read_by_opentimelineio";
    let Some(folder) = samples("timeline/otio") else { return };
    let Some(python) = python(test) else { return };
    let written = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for path in files(&folder, ".otio") {
        let document = read(&fs::read(&path).unwrap()).document;
        for flavour in [Flavour::Plain, Flavour::Premiere, Flavour::Resolve] {
            for legacy in [false, true] {
                let mut options = WriteOptions::default().with_flavour(flavour);
                options.legacy = legacy;
                let text = Format::Otio.write(&document, &options).unwrap().text().to_owned();
                let path = written.path().join(format!("{}.otio", paths.len()));
                fs::write(&path, text).unwrap();
                paths.push(path);
            }
        }
    }
    run(Command::new(python).arg(script("read_otio.py")).args(&paths));
}
