//! Final Cut Pro 7 XML: every clip item at its place.

use std::collections::BTreeSet;

use emam_core::ErrorKind;
use emam_core::model::{Item, Sequence, Track, TrackKind};
use emam_core::time::Rate;
use emam_timeline_tests::view::{Placed, placed};
use serde_json::Value;

use super::{Wrong, corpus, list, number, text};

fn rate(value: &Value) -> Rate {
    let base = u32::try_from(number(&value["timebase"])).unwrap();
    match text(&value["ntsc"]).eq_ignore_ascii_case("true") {
        true => Rate::new(base * 1000, 1001).unwrap(),
        false => Rate::new(base, 1).unwrap(),
    }
}

/// Start, end and where in the source, each absent where the file does not say it itself.
type Place = (Option<i64>, Option<i64>, Option<i64>);

fn in_truth(item: &Value) -> Place {
    let frame = |key: &str| item[key].as_str().map(|_| number(&item[key])).filter(|at| *at >= 0);
    let (start, end) = (frame("start"), frame("end"));
    // Beside a transition the in-point has the handle in it.
    let retimed = list(&item["filters"]).iter().any(|filter| filter == "timeremap");
    (start, end, frame("in").filter(|_| start.is_some() && !retimed))
}

fn in_track(placed: &Placed<'_>, truth: Place, counted: Rate) -> Place {
    let source = placed.item.as_clip().map(|clip| clip.source_start);
    let source = source.and_then(|at| at.rescale(counted).ok()).map(|at| at.nearest());
    (truth.0.map(|_| placed.start), truth.1.map(|_| placed.end), truth.2.and(source))
}

fn compare_video(tracks: &[&Track], truth: &[&Value], wrong: &mut Wrong) {
    wrong.equal("video tracks", tracks.len(), truth.len());
    for (index, (track, truth)) in tracks.iter().zip(truth).enumerate() {
        let placed = placed(track);
        let clips: Vec<_> =
            placed.iter().filter(|placed| placed.item.as_clip().is_some()).collect();
        let is = |item: &&Value, tag: &str| item["tag"] == tag;
        let items = list(&truth["items"]);
        let wanted: Vec<_> =
            items.iter().filter(|item| is(item, "clipitem") || is(item, "generatoritem")).collect();
        wrong.equal(&format!("clips of V{}", index + 1), clips.len(), wanted.len());
        let transitions =
            track.items.iter().filter(|item| matches!(item, Item::Transition(_))).count();
        let wanted_transitions = items.iter().filter(|item| is(item, "transitionitem")).count();
        wrong.equal(&format!("transitions of V{}", index + 1), transitions, wanted_transitions);
        for (clip, item) in clips.iter().zip(wanted) {
            let (what, place) = (format!("V{} {}", index + 1, item["name"]), in_truth(item));
            wrong.equal(&what, in_track(clip, place, rate(&item["rate"])), place);
            let Item::Clip(clip) = clip.item else { continue };
            let on = !text(&item["enabled"]).eq_ignore_ascii_case("false");
            wrong.equal(&format!("{what} is on"), clip.enabled, on);
            if item["tag"] == "clipitem" {
                wrong.equal(&format!("{what} name"), clip.name.as_str(), text(&item["name"]));
                let markers = i64::try_from(clip.markers.len()).unwrap();
                wrong.equal(&format!("{what} markers"), markers, number(&item["n_markers"]));
            }
        }
    }
}

/// A stereo clip lies on two exploded tracks, which can be trimmed apart: what counts is that one of
/// its places is there.
fn compare_audio(tracks: &[&Track], truth: &[&Value], wrong: &mut Wrong) {
    // The places each clip has, over the tracks its channels were exploded to.
    let mut wanted: Vec<Vec<(i64, i64)>> = Vec::new();
    for track in truth {
        let places = list(&track["items"]).iter().filter(|item| item["tag"] == "clipitem");
        let places = places.map(in_truth).filter_map(|place| match place {
            (Some(start), Some(end), _) => Some((start, end)),
            _ => None,
        });
        let places: Vec<_> = places.collect();
        let channel = track["exploded"][0].as_str().map_or(0, |_| number(&track["exploded"][0]));
        match wanted.len().checked_sub(places.len()) {
            Some(before) if channel > 0 => {
                for (all, place) in wanted[before..].iter_mut().zip(places) {
                    all.push(place);
                }
            }
            _ => wanted.extend(places.into_iter().map(|place| vec![place])),
        }
    }
    let found: BTreeSet<(i64, i64)> = tracks
        .iter()
        .flat_map(|track| placed(track))
        .filter(|placed| placed.item.as_clip().is_some())
        .map(|placed| (placed.start, placed.end))
        .collect();
    for places in wanted {
        if !places.iter().any(|place| found.contains(place)) {
            wrong.say(format!("no sound at any of {places:?}; there is some at {found:?}"));
        }
    }
}

fn compare(sequence: &Sequence, truth: &Value, wrong: &mut Wrong) {
    wrong.equal("rate", sequence.rate, rate(&truth["rate"]));
    let start = number(&truth["timecode"]["frame"]);
    wrong.equal("start", sequence.start, start);
    wrong.equal("drop-frame", sequence.drop_frame, truth["timecode"]["displayformat"] == "DF");
    for (kind, name) in [(TrackKind::Video, "video"), (TrackKind::Audio, "audio")] {
        let tracks: Vec<_> = sequence.tracks.iter().filter(|track| track.kind == kind).collect();
        let truth: Vec<_> =
            list(&truth["tracks"]).iter().filter(|track| track["kind"] == name).collect();
        match kind {
            TrackKind::Video => compare_video(&tracks, &truth, wrong),
            _ => compare_audio(&tracks, &truth, wrong),
        }
    }
}

#[test]
fn every_clip_of_every_xml_is_where_it_was() {
    let Some(samples) = corpus("fcp7xml", "xml") else { return };
    let mut wrong = Wrong::default();
    for sample in &samples {
        wrong.of(sample.name());
        let sequences = list(&sample.truth["sequences"]);
        let found = match sample.read() {
            Ok(found) => found,
            // A lone filter is no timeline.
            Err(error) if sequences.is_empty() => {
                wrong.equal("refused as", error.kind(), ErrorKind::InvalidInput);
                continue;
            }
            Err(error) => {
                wrong.say(error.report());
                continue;
            }
        };
        wrong.equal("sequences", found.document.sequences.len(), sequences.len());
        for truth in sequences {
            let name = text(&truth["name"]);
            match found.document.sequences.iter().find(|sequence| sequence.name == name) {
                Some(sequence) => compare(sequence, truth, &mut wrong),
                None => wrong.say(format!("there is no sequence {name:?}")),
            }
        }
    }
    wrong.none();
}
