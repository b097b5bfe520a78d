//! What a finished job tells.

use serde_json::{Value, json};

use super::results;
use super::video::{Job, Kind, Seen};
use crate::jobs::text;
use crate::truth::{Facts, TextFact};

/// The results of a job in the order the caller wants.
pub(super) fn items(job: &Job, seen: &Seen, sort: Option<&str>, by_segment: bool) -> Vec<Value> {
    let duration = seen.measured.duration_ms;
    let facts = &seen.facts;
    let least = job.input["MinConfidence"].as_f64().unwrap_or(50.0);
    let spread = |name: &str, of: Value, span: (u64, Option<u64>)| {
        if by_segment {
            results::at_segment(name, &of, span, duration).into_iter().collect()
        } else {
            results::at_moments(name, &of, span, duration)
        }
    };
    let mut items: Vec<Value> = match job.kind {
        Kind::Labels => {
            let kept = facts.labels.iter().filter(|label| label.confidence >= least);
            kept.filter(|label| results::wanted(label, &job.input))
                .flat_map(|l| {
                    spread("Label", results::label(l, !by_segment), (l.start_ms, l.end_ms))
                })
                .collect()
        }
        Kind::Moderation => {
            let kept = facts.moderation.iter().filter(|label| label.confidence >= least);
            kept.flat_map(|l| {
                let told = results::moderation_label(l);
                spread("ModerationLabel", told, (l.start_ms, l.end_ms))
            })
            .collect()
        }
        Kind::Faces => {
            let all = results::all_attributes(&job.input["FaceAttributes"]);
            let told = facts.faces.iter().flat_map(|face| {
                spread("Face", results::face_detail(face, all), (face.start_ms, face.end_ms))
            });
            told.collect()
        }
        Kind::Celebrities => {
            let told = facts
                .celebrities
                .iter()
                .flat_map(|c| spread("Celebrity", results::celebrity(c), (c.start_ms, c.end_ms)));
            told.collect()
        }
        Kind::Text => text_items(job, facts, duration),
        Kind::Segments | Kind::FaceSearch => seen.items.clone(),
    };
    order(&mut items, job.kind, sort);
    items
}

/// Text is told frame by frame, so that its ids count within one frame.
fn text_items(job: &Job, facts: &Facts, duration: u64) -> Vec<Value> {
    let lines = facts.text.iter();
    let mut moments: Vec<u64> =
        lines.flat_map(|line| results::moments(line.start_ms, line.end_ms, duration)).collect();
    moments.sort_unstable();
    moments.dedup();
    let least = results::word_filter(&job.input);
    let mut items = Vec::new();
    for at in moments {
        let seen = |line: &&TextFact| at >= line.start_ms && at < line.end_ms.unwrap_or(duration);
        let lines: Vec<_> = facts.text.iter().filter(seen).collect();
        let found = results::text_detections(&lines, least);
        items.extend(found.into_iter().map(|t| json!({"Timestamp": at, "TextDetection": t})));
    }
    items
}

fn order(items: &mut [Value], kind: Kind, sort: Option<&str>) {
    let time = |item: &Value| item["Timestamp"].as_u64().unwrap_or(0);
    let name = |item: &Value, pointer: &str| text(item, pointer).unwrap_or_default().to_owned();
    match (kind, sort) {
        // Cues stand before shots, each in order of time, as the service tells them.
        (Kind::Segments, _) => {}
        (Kind::Labels, Some("NAME")) => {
            items.sort_by_key(|item| (name(item, "/Label/Name"), time(item)));
        }
        (Kind::Moderation, Some("NAME")) => {
            items.sort_by_key(|item| (name(item, "/ModerationLabel/Name"), time(item)));
        }
        (Kind::Celebrities, Some("ID")) => {
            items.sort_by_key(|item| (name(item, "/Celebrity/Id"), time(item)));
        }
        (Kind::FaceSearch, Some("INDEX")) => {
            items.sort_by_key(|item| (item["Person"]["Index"].as_u64(), time(item)));
        }
        _ => items.sort_by_key(time),
    }
}

/// Adds what is told beside the results.
pub(super) fn describe(told: &mut Value, job: &Job, seen: &Seen, input: &Value) {
    let measured = &seen.measured;
    let metadata = measured.video.as_ref().map(|video| {
        json!({
            "Codec": video.codec,
            "DurationMillis": measured.duration_ms,
            "Format": measured.format,
            "FrameRate": video.rate.0 as f64 / video.rate.1 as f64,
            "FrameWidth": video.width,
            "FrameHeight": video.height,
            "ColorRange": if video.full_range { "FULL" } else { "LIMITED" },
        })
    });
    if job.kind == Kind::Segments {
        told["VideoMetadata"] = metadata.into_iter().collect();
        let audio = measured.audio.as_ref().map(|audio| {
            json!({
                "Codec": audio.codec,
                "DurationMillis": measured.duration_ms,
                "SampleRate": audio.sample_rate,
                "NumberOfChannels": audio.channels,
            })
        });
        told["AudioMetadata"] = audio.into_iter().collect();
        let kinds = job.input["SegmentTypes"].as_array().into_iter().flatten();
        told["SelectedSegmentTypes"] =
            kinds.map(|kind| json!({"Type": kind, "ModelVersion": "2.0"})).collect();
        return;
    }
    told["VideoMetadata"] = metadata.into_iter().next().unwrap_or_default();
    match job.kind {
        Kind::Labels => told["LabelModelVersion"] = json!("3.0"),
        Kind::Moderation => told["ModerationModelVersion"] = json!("7.0"),
        Kind::Text => told["TextModelVersion"] = json!("3.0"),
        _ => {}
    }
    if matches!(job.kind, Kind::Labels | Kind::Moderation) {
        told["GetRequestMetadata"] = json!({
            "SortBy": text(input, "/SortBy").unwrap_or("TIMESTAMP"),
            "AggregateBy": text(input, "/AggregateBy").unwrap_or("TIMESTAMPS"),
        });
    }
}
