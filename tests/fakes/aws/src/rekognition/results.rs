//! Facts in the service's own shapes.

use serde_json::{Value, json};

use crate::truth::{CelebrityFact, FaceFact, LabelFact, ModerationFact, Place, TextFact};

/// How far apart the moments are at which a video is looked at, in milliseconds.
const STEP_MS: u64 = 500;

pub(super) fn place(place: Place) -> Value {
    json!({"Left": place.left, "Top": place.top, "Width": place.width, "Height": place.height})
}

fn point(place: Place, x: f64, y: f64) -> Value {
    json!({"X": place.left + x * place.width, "Y": place.top + y * place.height})
}

fn geometry(at: Place) -> Value {
    let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
    let polygon: Vec<_> = corners.into_iter().map(|(x, y)| point(at, x, y)).collect();
    json!({"BoundingBox": place(at), "Polygon": polygon})
}

fn names(names: &[String]) -> Value {
    names.iter().map(|name| json!({"Name": name})).collect()
}

/// A label; segments tell no instances.
pub(super) fn label(label: &LabelFact, instances: bool) -> Value {
    let places = label.instances.iter().filter(|_| instances);
    let places: Vec<_> = places
        .map(|seen| json!({"BoundingBox": place(seen.place), "Confidence": seen.confidence}))
        .collect();
    json!({
        "Name": label.name,
        "Confidence": label.confidence,
        "Instances": places,
        "Parents": names(&label.parents),
        "Aliases": names(&label.aliases),
        "Categories": names(&label.categories),
    })
}

/// Whether the caller's filters let a label through.
pub(super) fn wanted(label: &LabelFact, input: &Value) -> bool {
    let filter = |name: &str| input.pointer(&format!("/Settings/GeneralLabels/{name}"));
    let names = |name: &str, of: &[String]| {
        let list = filter(name).and_then(Value::as_array).filter(|list| !list.is_empty())?;
        Some(list.iter().any(|wanted| of.iter().any(|name| wanted == name.as_str())))
    };
    let own = std::slice::from_ref(&label.name);
    let included = [
        names("LabelInclusionFilters", own),
        names("LabelCategoryInclusionFilters", &label.categories),
    ];
    let excluded = [
        names("LabelExclusionFilters", own),
        names("LabelCategoryExclusionFilters", &label.categories),
    ];
    let asked = included.iter().any(Option::is_some);
    (!asked || included.contains(&Some(true))) && !excluded.contains(&Some(true))
}

pub(super) fn moderation_label(label: &ModerationFact) -> Value {
    json!({
        "Name": label.name,
        "ParentName": label.parent,
        "Confidence": label.confidence,
        "TaxonomyLevel": if label.parent.is_empty() { 1 } else { 2 },
    })
}

/// Whether all attributes of faces are asked for.
pub(super) fn all_attributes(asked: &Value) -> bool {
    match asked {
        Value::Array(list) => list.iter().any(|one| one != "DEFAULT"),
        other => other == "ALL",
    }
}

pub(super) fn face_detail(face: &FaceFact, all: bool) -> Value {
    let mut detail = compared_face(face.place, face.confidence);
    if !all {
        return detail;
    }
    let sure = face.confidence;
    if let Some((low, high)) = face.age {
        detail["AgeRange"] = json!({"Low": low, "High": high});
    }
    if let Some(gender) = &face.gender {
        detail["Gender"] = json!({"Value": gender, "Confidence": sure});
    }
    if let Some(smile) = face.smile {
        detail["Smile"] = json!({"Value": smile, "Confidence": sure});
    }
    let emotions = face.emotions.iter().map(|kind| json!({"Type": kind, "Confidence": sure}));
    detail["Emotions"] = emotions.collect();
    detail
}

/// A face with its box and the five landmarks that lie where they do in a face seen from ahead.
pub(super) fn compared_face(at: Place, confidence: f64) -> Value {
    let landmarks = [
        ("eyeLeft", 0.3, 0.4),
        ("eyeRight", 0.7, 0.4),
        ("nose", 0.5, 0.6),
        ("mouthLeft", 0.35, 0.8),
        ("mouthRight", 0.65, 0.8),
    ];
    let landmarks = landmarks.into_iter().map(|(kind, x, y)| {
        let mut point = point(at, x, y);
        point["Type"] = json!(kind);
        point
    });
    json!({
        "BoundingBox": place(at),
        "Confidence": confidence,
        "Landmarks": landmarks.collect::<Vec<_>>(),
    })
}

pub(super) fn celebrity(celebrity: &CelebrityFact) -> Value {
    json!({
        "Name": celebrity.name,
        "Id": celebrity.id,
        "Urls": celebrity.urls,
        "Confidence": celebrity.confidence,
        "BoundingBox": place(celebrity.place),
        "Face": compared_face(celebrity.place, celebrity.confidence),
    })
}

/// The least confidence of text that the caller wants.
pub(super) fn word_filter(input: &Value) -> f64 {
    input.pointer("/Filters/WordFilter/MinConfidence").and_then(Value::as_f64).unwrap_or(0.0)
}

/// Lines first, then their words, as the service orders them.
pub(super) fn text_detections(lines: &[&TextFact], least: f64) -> Vec<Value> {
    let lines: Vec<_> = lines.iter().filter(|line| line.confidence >= least).collect();
    let mut found: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(id, line)| {
            json!({
                "DetectedText": line.text,
                "Type": "LINE",
                "Id": id,
                "Confidence": line.confidence,
                "Geometry": geometry(line.place),
            })
        })
        .collect();
    for (parent, line) in lines.iter().enumerate() {
        for (word, at) in words(line) {
            let id = found.len();
            found.push(json!({
                "DetectedText": word,
                "Type": "WORD",
                "Id": id,
                "ParentId": parent,
                "Confidence": line.confidence,
                "Geometry": geometry(at),
            }));
        }
    }
    found
}

/// The words of a line, each with its share of the line's box.
fn words(line: &TextFact) -> Vec<(&str, Place)> {
    let long = line.text.chars().count().max(1) as f64;
    let mut found = Vec::new();
    for word in line.text.split_whitespace() {
        let before = word.as_ptr() as usize - line.text.as_ptr() as usize;
        let before = line.text[..before].chars().count() as f64 / long;
        let wide = word.chars().count() as f64 / long;
        let left = line.place.left + before * line.place.width;
        found.push((word, Place { left, width: wide * line.place.width, ..line.place }));
    }
    found
}

/// The moments at which something that lasts from `start` to `end` is seen.
pub(super) fn moments(start: u64, end: Option<u64>, duration: u64) -> Vec<u64> {
    let end = end.unwrap_or(duration).min(duration);
    let step = usize::try_from(STEP_MS).unwrap_or(500);
    (start..end.max(start)).step_by(step).collect()
}

/// One item per moment, under `name` beside its `Timestamp`.
pub(super) fn at_moments(
    name: &str,
    of: &Value,
    span: (u64, Option<u64>),
    duration: u64,
) -> Vec<Value> {
    let item = |at| json!({"Timestamp": at, name: of});
    moments(span.0, span.1, duration).into_iter().map(item).collect()
}

/// One item for the whole time, under `name`; none when it lies after the end.
pub(super) fn at_segment(
    name: &str,
    of: &Value,
    span: (u64, Option<u64>),
    duration: u64,
) -> Option<Value> {
    let (start, end) = (span.0, span.1.unwrap_or(duration).min(duration));
    (start < end).then(|| {
        json!({
            "Timestamp": start,
            name: of,
            "StartTimestampMillis": start,
            "EndTimestampMillis": end,
            "DurationMillis": end - start,
        })
    })
}
