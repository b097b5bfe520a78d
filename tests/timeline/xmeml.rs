//! Timelines written as FCP7 XML and read from it, judged by parties that are not emam.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use emam_core::clock::ManualClock;
use emam_core::model::{Clip, Item, Sequence, Track, TrackKind, Transition};
use emam_core::timeline::format::{Document, Format, ReadDocument, ReadOptions, WriteOptions};
use emam_test_support::media::samples;
use emam_timeline_tests::cut::Cut;
use emam_timeline_tests::model::cut_of;
use emam_timeline_tests::tools::{python, run};
use serde_json::Value;

/// The XML of a cut.
fn written(cut: &Cut) -> String {
    Format::Xmeml.write(&cut.document(), &WriteOptions::default()).unwrap().text().to_owned()
}

/// The models of sequences whose truth is known.
fn models(folder: &Path) -> Vec<PathBuf> {
    let mut models: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".model.json"))
        .collect();
    models.sort();
    models
}

fn model(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What the adapter of OpenTimelineIO for this format makes of a file: its tracks of pictures, each
/// child with its kind, frames, and first frame in its source.
const ADAPTER: &str = r#"
import json, sys
import opentimelineio as otio
read = otio.adapters.read_from_file(sys.argv[1], adapter_name="fcp_xml")
tracks = []
for track in read.video_tracks():
    children = []
    for child in track:
        kind = child.schema_name()
        if kind == "Transition":
            children.append([kind, child.in_offset.value + child.out_offset.value])
        elif kind == "Gap":
            children.append([kind, child.duration().value])
        else:
            start = child.source_range.start_time
            url = child.media_reference.target_url
            length = child.duration().value_rescaled_to(read.global_start_time.rate)
            children.append([kind, length, start.value, start.rate, child.name, url])
    tracks.append(children)
print(json.dumps({"name": read.name, "start": read.global_start_time.value, "tracks": tracks}))
"#;

#[test]
fn opentimelineio_reads_every_synthetic_cut_alike() {
    let test = "opentimelineio_reads_every_synthetic_cut_alike";
    let (Some(python), Some(data)) = (python(test), samples("timeline/synthetic")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for path in models(&data) {
        let cut = cut_of(&model(&path));
        let file = folder.path().join("cut.xml");
        std::fs::write(&file, written(&cut)).unwrap();
        let printed = run(Command::new(&python).args(["-c", ADAPTER]).arg(&file));
        let read: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(read["name"], cut.sequence.name);
        assert_eq!(read["start"], cut.sequence.start as f64);
        let tracks = cut.sequence.tracks.iter().filter(|track| track.kind == TrackKind::Video);
        for (index, track) in tracks.enumerate() {
            let children = read["tracks"][index].as_array().unwrap();
            assert_eq!(children.len(), track.items.len(), "{} {index}", path.display());
            let moves = |index: Option<usize>| match index.and_then(|i| track.items.get(i)) {
                Some(Item::Transition(Transition { in_offset, out_offset, .. })) => {
                    *in_offset != (in_offset + out_offset) / 2 && *in_offset * *out_offset > 0
                }
                _ => false,
            };
            for (at, (child, item)) in children.iter().zip(&track.items).enumerate() {
                // It knows only even transitions, and moves the cut of others.
                if moves(at.checked_sub(1)) || moves(Some(at)) || moves(Some(at + 1)) {
                    continue;
                }
                compared += 1;
                let at = format!("{} {index}: {child}, not {item:?}", path.display());
                match item {
                    Item::Gap(gap) => assert_eq!(child[1], gap.duration as f64, "{at}"),
                    Item::Transition(transition) => {
                        let length = transition.in_offset + transition.out_offset;
                        assert_eq!(child[1], length as f64, "{at}");
                    }
                    Item::Clip(clip) => {
                        assert_eq!(child[4], clip.name, "{at}");
                        let off = (child[1].as_f64().unwrap() - clip.duration as f64).abs();
                        assert!(off < 1e-6, "{at}");
                    }
                }
            }
        }
    }
    assert!(compared > 200, "{compared} items");
}

fn read(xml: &[u8]) -> ReadDocument {
    let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    Format::Xmeml.read(xml, &ReadOptions::default(), &clock).unwrap()
}

fn write(document: &Document) -> String {
    Format::Xmeml.write(document, &WriteOptions::default()).unwrap().text().to_owned()
}

#[test]
fn every_synthetic_cut_is_read_as_it_was_written() {
    let Some(data) = samples("timeline/synthetic") else { return };
    for path in models(&data) {
        let document = cut_of(&model(&path)).document();
        let read = read(write(&document).as_bytes());
        assert_eq!(read.issues, [], "{}", path.display());
        assert_eq!(read.document.sequences, document.sequences, "{}", path.display());
        for (source, media) in read.document.media.iter() {
            assert_eq!(document.media.get(&source), Some(media), "{}", path.display());
        }
    }
}

/// The sample files with sequences, and their truth, drawn from them by a plain XML reader.
fn files(data: &Path) -> Vec<(PathBuf, Value)> {
    let mut files: Vec<_> = std::fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .map(|path| {
            let truth = path.with_extension("xml.truth.json");
            (path, model(&truth))
        })
        .filter(|(_, truth)| truth["n_sequences"] != 0)
        .collect();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

/// The clips of a track with their first frames.
fn placed(track: &Track) -> Vec<(i64, &Clip)> {
    let mut position = 0;
    let mut clips = Vec::new();
    for item in &track.items {
        if let Item::Clip(clip) = item {
            clips.push((position, clip));
        }
        position += item.duration();
    }
    clips
}

fn frame(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<f64>().unwrap() as i64
}

/// Holds the tracks of one kind against those of the truth.
fn compare(sequence: &Sequence, kind: &str, truth: &Value) {
    let of_kind = if kind == "video" { TrackKind::Video } else { TrackKind::Audio };
    let tracks: Vec<_> = sequence.tracks.iter().filter(|track| track.kind == of_kind).collect();
    let wanted = truth["tracks"].as_array().unwrap().iter().filter(|track| {
        track["kind"] == kind && matches!(track["exploded"][0].as_str(), None | Some("0"))
    });
    let wanted: Vec<_> = wanted.collect();
    assert_eq!(tracks.len(), wanted.len(), "{kind} tracks of {}", sequence.name);
    for (track, wanted) in tracks.iter().zip(wanted) {
        assert_eq!(track.enabled, wanted["enabled"] != "FALSE");
        let items = wanted["items"].as_array().unwrap();
        let clips: Vec<_> = items.iter().filter(|item| item["tag"] != "transitionitem").collect();
        assert_eq!(
            placed(track).len(),
            clips.len(),
            "clips of {} in {}",
            track.name,
            sequence.name
        );
        // A crossfade of sound comes from Premiere as two clips that overlap: the later one holds.
        let next = clips.iter().skip(1).map(|clip| frame(&clip["start"])).chain([i64::MAX]);
        for (((start, clip), want), next) in placed(track).iter().zip(&clips).zip(next) {
            assert_eq!(clip.name, want["name"].as_str().unwrap_or_default());
            assert_eq!(clip.enabled, want["enabled"] != "FALSE", "{}", clip.name);
            for (is, said) in [(*start, &want["start"]), (start + clip.duration, &want["end"])] {
                let said = frame(said);
                let fits = said == is || said == -1 || (said > next && is == next);
                assert!(fits, "{} is at {is}, not {said}", clip.name);
            }
            if want["filters"] == serde_json::json!([]) && frame(&want["start"]) != -1 {
                let said = frame(&want["in"]);
                let start = clip.source_start;
                let timebase = frame(&want["rate"]["timebase"]);
                if i64::from(start.rate().nominal()) == timebase {
                    assert_eq!(start.value(), said, "in of {}", clip.name);
                }
            }
        }
        let transitions = track.items.iter().filter(|i| matches!(i, Item::Transition(_))).count();
        assert_eq!(transitions, items.iter().filter(|i| i["tag"] == "transitionitem").count());
    }
}

#[test]
fn files_of_other_programs_are_read_as_a_plain_reader_sees_them() {
    let Some(data) = samples("timeline/fcp7xml") else { return };
    let files = files(&data);
    assert!(files.len() >= 5);
    for (path, truth) in files {
        let document = read(&std::fs::read(&path).unwrap()).document;
        let sequences = truth["sequences"].as_array().unwrap();
        assert_eq!(document.sequences.len(), sequences.len(), "{}", path.display());
        for truth in sequences {
            let named = |sequence: &&Sequence| sequence.name == truth["name"].as_str().unwrap();
            let sequence = document.sequences.iter().find(named).unwrap();
            let nominal = i64::from(sequence.rate.nominal());
            assert_eq!(nominal, frame(&truth["rate"]["timebase"]), "{}", path.display());
            assert_eq!(sequence.rate.den() == 1001, truth["rate"]["ntsc"] == "TRUE");
            if let Some(start) = truth["timecode"]["frame"].as_str() {
                assert_eq!(sequence.start.to_string(), start);
            }
            assert_eq!(sequence.markers.len(), truth["markers"].as_array().unwrap().len());
            compare(sequence, "video", truth);
            compare(sequence, "audio", truth);
        }
    }
}

#[test]
fn files_of_other_programs_keep_everything_when_written_and_read_again() {
    let Some(data) = samples("timeline/fcp7xml") else { return };
    for (path, _) in files(&data) {
        let first = read(&std::fs::read(&path).unwrap());
        for issue in &first.issues {
            println!("{}: {issue:?}", path.display());
        }
        let text = write(&first.document);
        let second = read(text.as_bytes()).document;
        for (second, first) in second.sequences.iter().zip(&first.document.sequences) {
            for (second, first) in second.tracks.iter().zip(&first.tracks) {
                for (second, first) in second.items.iter().zip(&first.items) {
                    assert_eq!(second, first, "{}", path.display());
                }
            }
        }
        assert_eq!(second.sequences, first.document.sequences, "{}", path.display());
        assert_eq!(second.media, first.document.media, "{}", path.display());
        assert_eq!(second.bins, first.document.bins);
        assert_eq!(write(&second), text, "{}", path.display());
    }
}
