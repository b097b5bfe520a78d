//! What a camera wrote into a picture (EXIF).

use std::path::Path;

use nom_exif::{EntryValue, ExifTag, MediaKind, MediaParser, MediaSource};
use serde_json::{Map, Value};

use crate::model::Exif;

/// Values longer than this are told by their length only.
const MAX_VALUE: usize = 256;

/// The fields of interest, and everything as text.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) exif: Option<Exif>,
    pub(super) raw: Value,
    /// Width and height as the camera wrote them, where it did.
    pub(super) size: Option<(u32, u32)>,
}

/// Reads the EXIF of a picture. What cannot be read is absent: a camera's note is never a reason to
/// refuse a picture.
pub(super) fn exif(path: &Path) -> Found {
    let Ok(source) = MediaSource::open(path) else { return Found::default() };
    if source.kind() != MediaKind::Image {
        return Found::default();
    }
    let Ok(entries) = MediaParser::new().parse_exif(source) else { return Found::default() };
    let exif: nom_exif::Exif = entries.into();

    let text = |tag| match exif.get(tag) {
        Some(EntryValue::Text(text)) => {
            let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
            (!text.is_empty()).then(|| text.to_owned())
        }
        _ => None,
    };
    let number = |tag| exif.get(tag).and_then(EntryValue::try_as_integer);
    let side = |tag| number(tag).and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
    let place = exif.gps_info();
    let degrees = |value: Option<f64>, limit: f64| {
        value.filter(|value| value.is_finite() && value.abs() <= limit)
    };
    let found = Exif {
        make: text(ExifTag::Make),
        model: text(ExifTag::Model),
        lens: text(ExifTag::LensModel),
        taken_at: [ExifTag::DateTimeOriginal, ExifTag::CreateDate]
            .into_iter()
            .find_map(|tag| exif.get(tag).and_then(taken_at)),
        latitude: degrees(place.and_then(|place| place.latitude_decimal()), 90.0),
        longitude: degrees(place.and_then(|place| place.longitude_decimal()), 180.0),
        altitude: place.and_then(|place| place.altitude_meters()).filter(|value| value.is_finite()),
        orientation: number(ExifTag::Orientation)
            .and_then(|value| u8::try_from(value).ok())
            .filter(|value| (1..=8).contains(value)),
    };
    let size = side(ExifTag::ExifImageWidth)
        .zip(side(ExifTag::ExifImageHeight))
        .or_else(|| side(ExifTag::ImageWidth).zip(side(ExifTag::ImageHeight)));
    let raw: Map<String, Value> = exif
        .entries()
        .map(|entry| (format!("{}/{}", entry.ifd(), entry.tag()), shown(entry.value())))
        .collect();
    Found {
        exif: (found != Exif::default()).then_some(found),
        raw: if raw.is_empty() { Value::Null } else { Value::Object(raw) },
        size,
    }
}

fn taken_at(value: &EntryValue) -> Option<String> {
    Some(match value {
        EntryValue::DateTime(time) => time.to_rfc3339(),
        EntryValue::NaiveDateTime(time) => time.format("%Y-%m-%dT%H:%M:%S").to_string(),
        _ => return None,
    })
}

fn shown(value: &EntryValue) -> Value {
    let text = match value {
        EntryValue::Undefined(bytes) if bytes.len() > MAX_VALUE => {
            format!("{} bytes", bytes.len())
        }
        EntryValue::U8Array(bytes) if bytes.len() > MAX_VALUE => format!("{} bytes", bytes.len()),
        other => other.to_string(),
    };
    Value::String(text.chars().take(4 * MAX_VALUE).collect())
}
