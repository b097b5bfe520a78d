//! Read, write, read: nothing changes on the way.

use std::collections::HashMap;

use emam_core::clock::SystemClock;
use emam_core::timeline::format::{Document, Format, ReadDocument, ReadOptions, WriteOptions};
use emam_timeline_tests::tools::sample_files;
use serde_json::{Value, json};

use super::Wrong;

/// A document in which each id is a number, in the order ids first appear: readers make new ones.
fn numbered(document: &Document) -> Value {
    let mut ids = HashMap::new();
    let mut sequences: Vec<Value> = Vec::new();
    let mut media = Vec::new();
    for sequence in &document.sequences {
        let mut value = serde_json::to_value(sequence).unwrap();
        for key in ["project", "created_at", "updated_at", "revision"] {
            value.as_object_mut().unwrap().remove(key);
        }
        number_ids(&mut value, &mut ids);
        sequences.push(value);
    }
    for (source, known) in document.media.iter() {
        let mut id = serde_json::to_value(source.asset).unwrap();
        let used = ids.contains_key(id.as_str().unwrap());
        number_ids(&mut id, &mut ids);
        let what = json!({
            "name": known.name, "summary": known.summary, "urls": known.urls,
            "reel": known.reel, "foreign": known.foreign,
        });
        // Media no clip is cut from has no order of its own.
        media.push((if used { id.to_string() } else { "unused".into() }, what.to_string()));
    }
    media.sort();
    json!({"sequences": sequences, "media": media, "bins": bins(&document.bins)})
}

fn bins(list: &[emam_core::timeline::format::DocumentBin]) -> Value {
    list.iter()
        .map(|bin| json!([bin.name, bin.media.len(), bin.sequences.len(), bins(&bin.bins)]))
        .collect()
}

fn number_ids(value: &mut Value, ids: &mut HashMap<String, usize>) {
    match value {
        Value::String(text) if is_uuid(text) => {
            let next = ids.len();
            let number = *ids.entry(text.clone()).or_insert(next);
            *value = json!(format!("id {number}"));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| number_ids(value, ids)),
        Value::Object(map) => map.values_mut().for_each(|value| number_ids(value, ids)),
        _ => {}
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

/// The first place where two documents differ, as a path and both values.
fn difference(path: &str, one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| difference(&format!("{path}[{index}]"), a, b)),
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(key, a)| difference(&format!("{path}.{key}"), a, &b[key]))
        }
        (a, b) if a == b => None,
        (a, b) => {
            let (a, b) = (a.to_string(), b.to_string());
            let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
            let shown =
                |text: &str| text.chars().skip(same.max(60) - 60).take(240).collect::<String>();
            Some(format!("{path}, from letter {same} on:\n  {}\n  {}", shown(&a), shown(&b)))
        }
    }
}

fn read(format: Format, bytes: &[u8], name: &str) -> emam_core::Result<ReadDocument> {
    format.read(bytes, &ReadOptions::default().with_name(name), &SystemClock)
}

/// Looks at every file of a folder; false where the samples are not there.
fn stable(folder: &str, format: Format, wrong: &mut Wrong) -> bool {
    let Some(files) = sample_files(folder, format.extension()) else { return false };
    let mut looked_at = 0;
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        wrong.of(name);
        let bytes = std::fs::read(&path).unwrap();
        // What cannot be read at all is looked at elsewhere.
        let Ok(first) = read(format, &bytes, name) else { continue };
        looked_at += 1;
        let options = WriteOptions::default().with_split(true);
        let again = format.write(&first.document, &options).and_then(|written| {
            // An EDL has a file for each track; the first holds the first.
            let again = read(format, written.text().as_bytes(), name)?;
            let twice = format.write(&again.document, &options)?;
            Ok((written, again, twice))
        });
        let (written, again, twice) = match again {
            Ok(again) => again,
            Err(error) if first.document.sequences.is_empty() => {
                assert_eq!(error.kind(), emam_core::ErrorKind::InvalidInput);
                continue;
            }
            Err(error) => {
                wrong.say(error.report());
                continue;
            }
        };
        if written.text() != twice.text() {
            let at = written.text().lines().zip(twice.text().lines()).position(|(a, b)| a != b);
            let line = |text: &str| text.lines().nth(at.unwrap_or(0)).unwrap_or("").to_owned();
            wrong.say(format!(
                "written again it differs in line {:?}:\n  {}\n  {}",
                at.map(|at| at + 1),
                line(written.text()),
                line(twice.text())
            ));
        }
        if written.files.len() > 1 {
            continue;
        }
        let (one, other) = (numbered(&first.document), numbered(&again.document));
        if let Some(what) = difference("", &one, &other) {
            wrong.say(what);
        }
    }
    assert!(looked_at > 0, "no file of {folder} can be read");
    true
}

#[test]
fn every_edl_reads_back_as_it_was_read() {
    let mut wrong = Wrong::default();
    stable("edl", Format::Edl, &mut wrong);
    wrong.none();
}

#[test]
fn every_xml_reads_back_as_it_was_read() {
    let mut wrong = Wrong::default();
    stable("fcp7xml", Format::Xmeml, &mut wrong);
    wrong.none();
}

#[test]
fn every_otio_reads_back_as_it_was_read() {
    let mut wrong = Wrong::default();
    if stable("otio", Format::Otio, &mut wrong) {
        stable("synthetic", Format::Otio, &mut wrong);
    }
    wrong.none();
}

#[test]
fn every_ale_reads_back_as_it_was_read() {
    let mut wrong = Wrong::default();
    stable("ale", Format::Ale, &mut wrong);
    wrong.none();
}
