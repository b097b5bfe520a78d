//! `.otio`: every item of every track at its place, as OpenTimelineIO computes it.

use emam_core::model::{ClipSource, Item, Sequence, Track};
use emam_core::time::{MediaTime, Rate};
use emam_core::timeline::format::MediaMap;
use emam_timeline_tests::view::{placed, source_frame};
use serde_json::Value;

use super::{Wrong, corpus, list, number, text};

/// A time of the truth in frames of `rate`.
fn frames(time: &Value, rate: Rate) -> i64 {
    let own = Rate::from_f64(time["rate"].as_f64().unwrap()).unwrap();
    let value = time["value"].as_f64().unwrap().round() as i64;
    MediaTime::new(value, own).rescale(rate).unwrap().nearest()
}

fn compare(track: &Track, truth: &Value, sequence: &Sequence, media: &MediaMap, wrong: &mut Wrong) {
    let rate = sequence.rate;
    let placed = placed(track);
    let found: Vec<_> =
        placed.iter().filter(|placed| !matches!(placed.item, Item::Gap(_))).collect();
    let children = list(&truth["children"]);
    let wanted: Vec<_> = children.iter().filter(|child| child["schema"] != "Gap").collect();
    wrong.equal(&format!("items of {:?}", track.name), found.len(), wanted.len());
    // The truth counts from the first child, also where the track shows a part of its children.
    let place = |child: &Value| {
        let range = &child["range_in_track"];
        let start = (!range.is_null()).then(|| frames(&range["start"], rate))?;
        Some((start, start + frames(&range["duration"], rate)))
    };
    let first = wanted.iter().position(|child| place(child).is_some()).unwrap_or(0);
    let before = match (found.get(first), wanted.get(first).and_then(|child| place(child))) {
        (Some(found), Some((start, _))) => found.start - start,
        _ => 0,
    };
    let (length, last) = (placed.last().map_or(0, |last| last.end), children.last());
    let at_edge =
        |child: Option<&Value>| child.is_some_and(|child| child["schema"] == "Transition");
    if !at_edge(last) && !at_edge(children.first()) {
        let truth = frames(&truth["duration"], rate);
        wrong.equal(&format!("length of {:?}", track.name), length, truth);
    }
    for (placed, child) in found.iter().zip(wanted) {
        let what = format!("{} {}", text(&child["schema"]), child["name"]);
        match placed.item {
            Item::Transition(transition) => {
                let offset = |key: &str| frames(&child[key], rate);
                let truth = (offset("in_offset"), offset("out_offset"));
                wrong.equal(&what, (transition.in_offset, transition.out_offset), truth);
            }
            Item::Clip(clip) => {
                let found = (placed.start - before, placed.end - before);
                wrong.equal(&what, Some(found), place(child));
                wrong.equal(&format!("{what} name"), clip.name.as_str(), text(&child["name"]));
                wrong.equal(
                    &format!("{what} is on"),
                    Some(clip.enabled),
                    child["enabled"].as_bool(),
                );
                let markers = list(&child["markers"]).len();
                wrong.equal(&format!("{what} markers"), clip.markers.len(), markers);
                if let ClipSource::Asset(_) = clip.source
                    && let Some((source, counted)) = source_frame(placed.item, media)
                {
                    // Available ranges lie on the timecode of the media; without one the first
                    // frame is not known and the clip counts from 0.
                    let trimmed = frames(&child["trimmed"]["start"], counted);
                    wrong.equal(&format!("{what} source"), source, trimmed);
                }
                let nested = matches!(text(&child["schema"]), "Stack" | "Track");
                let found = matches!(clip.source, ClipSource::Sequence(_));
                wrong.equal(&format!("{what} is nested"), found, nested);
            }
            Item::Gap(_) => {}
        }
    }
}

#[test]
fn every_item_of_every_otio_is_where_it_was() {
    let Some(samples) = corpus("otio", "otio") else { return };
    let mut wrong = Wrong::default();
    for sample in &samples {
        wrong.of(sample.name());
        let found = match sample.read() {
            Ok(found) => found,
            Err(error) => {
                wrong.say(error.report());
                continue;
            }
        };
        let sequence = found.document.main().unwrap();
        wrong.equal("name", sequence.name.as_str(), text(&sample.truth["name"]));
        if !sample.truth["global_start_time"].is_null() {
            let start = frames(&sample.truth["global_start_time"], sequence.rate);
            wrong.equal("start", sequence.start, start);
        }
        let truths = list(&sample.truth["tracks"]);
        wrong.equal("tracks", sequence.tracks.len(), truths.len());
        for (track, truth) in sequence.tracks.iter().zip(truths) {
            let kind = format!("{:?}", track.kind);
            wrong.equal("kind", kind.as_str(), text(&truth["kind"]));
            compare(track, truth, sequence, &found.document.media, &mut wrong);
        }
    }
    wrong.none();
}

#[test]
fn a_number_of_the_truth_is_a_number() {
    assert_eq!(number(&serde_json::json!("12")), 12);
    assert_eq!(number(&serde_json::json!(11.6)), 12);
}
