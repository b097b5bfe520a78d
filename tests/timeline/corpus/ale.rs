//! ALEs: every clip with its timecode and length.

use std::collections::BTreeSet;

use super::{Wrong, corpus, list, number, text};

#[test]
fn every_clip_of_every_ale_is_as_it_was() {
    let Some(samples) = corpus("ale", "ale") else { return };
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
        let truth: BTreeSet<(String, i64, i64)> = list(&sample.truth["clips"])
            .iter()
            .map(|clip| {
                let (start, length) = (&clip["range"]["start"], &clip["range"]["duration"]);
                (text(&clip["name"]).to_owned(), number(&start["value"]), number(&length["value"]))
            })
            .collect();
        let read: BTreeSet<(String, i64, i64)> = found
            .document
            .media
            .iter()
            .map(|(_, media)| {
                let start = media.summary.start_timecode.map_or(-1, |start| start.frames());
                let length = media.summary.duration.map_or(-1, |length| length.value());
                (media.name.clone(), start, length)
            })
            .collect();
        for clip in truth.difference(&read) {
            wrong.say(format!("{clip:?} is missing; there are {read:?}"));
        }
        wrong.equal("media", found.document.media.len(), truth.len());
    }
    wrong.none();
}
