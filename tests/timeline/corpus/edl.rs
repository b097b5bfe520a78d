//! EDLs: every event at its record and source timecode.

use std::collections::BTreeSet;

use emam_core::ErrorKind;
use emam_core::model::{Sequence, TrackKind};
use emam_core::time::Timecode;
use emam_core::timeline::format::MediaMap;
use emam_timeline_tests::view::{all_placed, source_frame};
use serde_json::Value;

use super::{Wrong, corpus, list, text};

/// Where an event lies: the first frame of its record side, the one after its last, the first of
/// its source; without the source where another speed makes readers differ.
type Place = (i64, i64, Option<i64>);

fn frames(timecode: &str, drop: bool, sequence: &Sequence) -> Option<i64> {
    let mut timecode = timecode.replace([';', '.'], ":");
    if drop {
        let last = timecode.rfind(':')?;
        timecode.replace_range(last..=last, ";");
    }
    Timecode::parse_unbounded(&timecode, sequence.rate).ok().map(Timecode::frames)
}

/// Whether a line says that channels beyond the second are meant too.
fn has_aud(event: &Value) -> bool {
    list(&event["comments"]).iter().any(|line| text(line).starts_with("AUD"))
}

/// Where the truth has events, of picture or of sound.
fn in_truth(truth: &Value, sound: bool, sequence: &Sequence, wrong: &mut Wrong) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    for event in list(&truth["events"]) {
        let channels = text(&event["channels"]);
        let has = match sound {
            true => channels.contains('A') || channels == "B" || has_aud(event),
            false => channels.contains('V') || channels == "B",
        };
        if !has || text(&event["reel"]) == "BL" || event["rec_in"] == event["rec_out"] {
            continue;
        }
        let drop = event["fcm"] == "DF" || text(&event["rec_in"]).contains(';');
        let time = |key: &str| frames(text(&event[key]), drop, sequence);
        let (Some(from), Some(to), Some(source)) =
            (time("rec_in"), time("rec_out"), time("src_in"))
        else {
            wrong.say(format!("line {} has no time at {}", event["line"], sequence.rate));
            continue;
        };
        let retimed = !list(&event["m2"]).is_empty();
        places.insert((from, to, (!retimed).then_some(source)));
    }
    places
}

/// Where the sequence has clips.
fn in_sequence(sequence: &Sequence, kind: TrackKind, media: &MediaMap) -> BTreeSet<Place> {
    all_placed(sequence, kind)
        .filter_map(|placed| {
            let clip = placed.item.as_clip()?;
            let (source, _) = source_frame(placed.item, media)?;
            let (from, to) = (placed.start - placed.head, placed.end - placed.tail);
            let source = clip.speed.is_normal().then_some(source - placed.head);
            Some((sequence.start + from, sequence.start + to, source))
        })
        .collect()
}

#[test]
fn every_event_of_every_edl_is_where_it_was() {
    let Some(samples) = corpus("edl", "edl") else { return };
    let mut wrong = Wrong::default();
    for sample in &samples {
        wrong.of(sample.name());
        let found = match sample.read() {
            Ok(found) => found,
            // A dissolve with nothing to come from: no EDL, whoever reads it.
            Err(error) if sample.name().contains("fail") => {
                wrong.equal("refused as", error.kind(), ErrorKind::InvalidInput);
                continue;
            }
            Err(error) => {
                wrong.say(error.report());
                continue;
            }
        };
        if sample.name().contains("fail") {
            wrong.equal("the break is told of", found.issues.is_empty(), false);
            continue;
        }
        let sequence = found.document.main().unwrap();
        wrong.equal("title", sequence.name.trim(), text(&sample.truth["title"]).trim());
        for (kind, sound) in [(TrackKind::Video, false), (TrackKind::Audio, true)] {
            let truth = in_truth(&sample.truth, sound, sequence, &mut wrong);
            let read = in_sequence(sequence, kind, &found.document.media);
            for place in truth.difference(&read) {
                wrong.say(format!("{kind:?} is missing at {place:?} ({})", sequence.rate));
            }
            for place in read.difference(&truth) {
                wrong.say(format!("{kind:?} is read at {place:?} ({})", sequence.rate));
            }
        }
    }
    wrong.none();
}

#[test]
fn the_rate_is_found_out_where_the_events_tell() {
    let Some(samples) = corpus("edl", "edl") else { return };
    let mut wrong = Wrong::default();
    for sample in samples {
        wrong.of(sample.name());
        let Ok(found) = sample.read() else { continue };
        let sequence = found.document.main().unwrap();
        if sample.name().contains("25") {
            wrong.equal("rate", sequence.rate.nominal(), 25);
        }
        let drops = list(&sample.truth["events"]).iter().any(|event| event["fcm"] == "DF");
        wrong.equal("drop-frame", sequence.drop_frame, drops);
    }
    wrong.none();
}
