//! The models of synthetic sequences whose truth is known, `emam-seq-truth/1`.

use std::collections::HashMap;

use emam_core::model::{Gap, Item, Marker, MediaSummary, Role, TrackKind, Transition};
use emam_core::time::{MediaTime, Rate, Speed, Timecode};
use serde_json::Value;

use crate::cut::Cut;

/// The sequence of a model, with its media.
pub fn cut_of(model: &Value) -> Cut {
    let mut cut = Cut::new(rate(&model["rate"]));
    cut.sequence.name = text(&model["name"]);
    cut.sequence.drop_frame = model["drop"].as_bool().unwrap();
    cut.sequence.start = number(&model["start_frame"]);
    let drop = cut.sequence.drop_frame;
    let mut sources = HashMap::new();
    for asset in list(&model["assets"]) {
        let (rate, start) = (rate(&asset["rate"]), number(&asset["start_frame"]));
        let summary = MediaSummary {
            rate: Some(rate),
            width: Some(1920),
            height: Some(1080),
            duration: Some(MediaTime::new(number(&asset["duration"]), rate)),
            // As the judge reads it: media of the sequence's rate counts as the sequence does.
            start_timecode: Timecode::new(start, rate, drop && rate.can_drop()).ok(),
            audio_channels: u32::try_from(number(&asset["audio_channels"])).unwrap(),
            ..MediaSummary::default()
        };
        let source = cut.asset("x", summary);
        let media = cut.media.get_mut(&source).unwrap();
        media.urls = [(Role::Original, text(&asset["url"]))].into();
        media.name = text(&asset["name"]);
        media.reel = Some(text(&asset["reel"]));
        sources.insert(text(&asset["id"]), (source, rate, start));
    }
    for track in list(&model["tracks"]) {
        let kind = if track["kind"] == "Video" { TrackKind::Video } else { TrackKind::Audio };
        let items = list(&track["items"]).iter().map(|item| match item["type"].as_str().unwrap() {
            "gap" => Item::Gap(Gap::new(number(&item["dur"]))),
            "transition" => Item::Transition(Transition::new(
                Transition::DISSOLVE,
                number(&item["in"]),
                number(&item["out"]),
            )),
            _ => {
                let (source, rate, first) = sources[item["asset"].as_str().unwrap()];
                let start = MediaTime::new(number(&item["src_in"]) - first, rate);
                let mut clip = cut.clip(&text(&item["id"]), source, start, number(&item["dur"]));
                if let Item::Clip(clip) = &mut clip {
                    clip.enabled = item["enabled"].as_bool().unwrap();
                    let terms = [&item["speed"][0], &item["speed"][1]].map(number);
                    let [num, den] = terms;
                    let (num, den) = (i32::try_from(num).unwrap(), u32::try_from(den).unwrap());
                    clip.speed = Speed::new(num, den).unwrap();
                    clip.markers = list(&item["markers"])
                        .iter()
                        .map(|marker| marker_of(marker, number(&marker["src_frame"]) - first))
                        .collect();
                }
                clip
            }
        });
        let items = items.collect();
        cut.track(kind, items);
    }
    cut.sequence.markers =
        list(&model["markers"]).iter().map(|m| marker_of(m, number(&m["frame"]))).collect();
    cut
}

fn marker_of(marker: &Value, start: i64) -> Marker {
    Marker {
        start,
        duration: number(&marker["dur"]),
        name: text(&marker["name"]),
        comment: text(&marker["comment"]),
        color: Some(text(&marker["color"])),
        ..Marker::default()
    }
}

fn rate(value: &Value) -> Rate {
    let [num, den] = [&value[0], &value[1]].map(|term| u32::try_from(number(term)).unwrap());
    Rate::new(num, den).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap()
}
