//! The operations on a single picture.

use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{Shared, fault, results};
use crate::jobs::{internal, text};
use crate::service::Fault;
use crate::truth::{FaceFact, Facts};

/// The largest picture in S3, in bytes.
const MAX_S3_BYTES: u64 = 15 * 1024 * 1024;
/// The largest picture in a request, in bytes.
const MAX_INLINE_BYTES: usize = 5 * 1024 * 1024;
/// The largest width and height in pixels.
const MAX_PIXELS: u32 = 10_000;
/// The smallest width and height in pixels.
const MIN_PIXELS: u32 = 80;

/// A picture that passed the service's limits.
pub(super) struct Picture {
    pub(super) bytes: Bytes,
    pub(super) facts: Facts,
}

/// Loads the picture at a member of the input.
pub(super) async fn picture(
    shared: &Shared,
    input: &Value,
    member: &str,
) -> Result<Picture, Fault> {
    let bucket = text(input, &format!("/{member}/S3Object/Bucket")).unwrap_or_default();
    let key = text(input, &format!("/{member}/S3Object/Name")).unwrap_or_default();
    let bytes = match text(input, &format!("/{member}/Bytes")) {
        Some(inline) => inline_bytes(inline)?,
        None if bucket.is_empty() || key.is_empty() => {
            return Err(fault("InvalidParameterException", "Request has invalid parameters"));
        }
        None => s3_bytes(shared, bucket, key).await?,
    };
    let (width, height) = dimensions(&bytes)
        .ok_or_else(|| fault("InvalidImageFormatException", "Request has invalid image format"))?;
    if width > MAX_PIXELS || height > MAX_PIXELS {
        let said = format!("Image dimensions: {width} x {height} pixels exceed the maximum limit.");
        return Err(fault("ImageTooLargeException", said));
    }
    if width < MIN_PIXELS || height < MIN_PIXELS {
        let said = format!("Image dimensions: {width} x {height} pixels are below the minimum.");
        return Err(fault("InvalidParameterException", said));
    }
    let facts = shared.truth.of(shared.media.as_ref(), bucket, key).await;
    Ok(Picture { bytes, facts: facts.map_err(|e| internal("InternalServerError", e))? })
}

fn inline_bytes(inline: &str) -> Result<Bytes, Fault> {
    let bytes = BASE64.decode(inline.as_bytes()).map_err(|error| {
        fault("SerializationException", format!("Image.Bytes is not base64: {error}"))
    })?;
    if bytes.len() > MAX_INLINE_BYTES {
        return Err(fault("ImageTooLargeException", "Image size is larger than 5 MB"));
    }
    Ok(bytes.into())
}

async fn s3_bytes(shared: &Shared, bucket: &str, key: &str) -> Result<Bytes, Fault> {
    let unreadable = || {
        let said = "Unable to get object metadata from S3. Check object key, region and/or access \
                    permissions.";
        fault("InvalidS3ObjectException", said)
    };
    match shared.media.head(bucket, key).await {
        Ok(Some(size)) if size > MAX_S3_BYTES => {
            return Err(fault("ImageTooLargeException", "Image size is larger than 15 MB"));
        }
        Ok(Some(_)) => {}
        Ok(None) | Err(_) => return Err(unreadable()),
    }
    shared.media.get(bucket, key).await.ok().flatten().ok_or_else(unreadable)
}

/// Width and height of a JPEG or PNG.
fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let pair =
        |at: usize| Some(u32::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let long = |at: usize| Some(pair(at)? << 16 | pair(at + 2)?);
        return Some((long(16)?, long(20)?));
    }
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    // A frame header is any of SOF0 to SOF15 but the three that are tables.
    let mut at = 2;
    loop {
        match (*bytes.get(at)?, *bytes.get(at + 1)?) {
            (0xff, 0xff) => at += 1,
            (0xff, kind @ 0xc0..=0xcf) if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                return Some((pair(at + 7)?, pair(at + 5)?));
            }
            (0xff, 0x01 | 0xd0..=0xd8) => at += 2,
            (0xff, _) => at += 2 + pair(at + 2)? as usize,
            _ => return None,
        }
    }
}

pub(super) async fn detect_labels(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let picture = picture(shared, input, "Image").await?;
    let least = input["MinConfidence"].as_f64().unwrap_or(55.0);
    let max = input["MaxLabels"].as_u64().unwrap_or(1000) as usize;
    let mut seen: Vec<_> = picture.facts.labels.iter().collect();
    seen.retain(|label| label.confidence >= least && results::wanted(label, input));
    seen.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let labels: Vec<_> = seen.into_iter().take(max).map(|l| results::label(l, true)).collect();
    Ok(json!({"Labels": labels, "LabelModelVersion": "3.0"}))
}

pub(super) async fn detect_text(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let picture = picture(shared, input, "Image").await?;
    let lines: Vec<_> = picture.facts.text.iter().collect();
    let found = results::text_detections(&lines, results::word_filter(input));
    Ok(json!({"TextDetections": found, "TextModelVersion": "3.0"}))
}

pub(super) async fn detect_faces(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let picture = picture(shared, input, "Image").await?;
    let all = results::all_attributes(&input["Attributes"]);
    let faces: Vec<_> = picture.facts.faces.iter().map(|f| results::face_detail(f, all)).collect();
    Ok(json!({"FaceDetails": faces}))
}

pub(super) async fn detect_moderation_labels(
    shared: &Shared,
    input: &Value,
) -> Result<Value, Fault> {
    let picture = picture(shared, input, "Image").await?;
    let least = input["MinConfidence"].as_f64().unwrap_or(50.0);
    let seen = picture.facts.moderation.iter().filter(|label| label.confidence >= least);
    let labels: Vec<_> = seen.map(results::moderation_label).collect();
    Ok(json!({"ModerationLabels": labels, "ModerationModelVersion": "7.0", "ContentTypes": []}))
}

pub(super) async fn recognize_celebrities(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let picture = picture(shared, input, "Image").await?;
    let known = picture.facts.celebrities.iter().map(|celebrity| {
        json!({
            "Name": celebrity.name,
            "Id": celebrity.id,
            "Urls": celebrity.urls,
            "MatchConfidence": celebrity.confidence,
            "Face": results::compared_face(celebrity.place, celebrity.confidence),
        })
    });
    let unknown = picture.facts.faces.iter();
    let unknown = unknown.map(|face| results::compared_face(face.place, face.confidence));
    Ok(json!({
        "CelebrityFaces": known.collect::<Vec<_>>(),
        "UnrecognizedFaces": unknown.collect::<Vec<_>>(),
    }))
}

pub(super) async fn compare_faces(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let source = picture(shared, input, "SourceImage").await?;
    let target = picture(shared, input, "TargetImage").await?;
    let least = input["SimilarityThreshold"].as_f64().unwrap_or(80.0);
    let face = largest(&source.facts.faces)
        .ok_or_else(|| fault("InvalidParameterException", "Request has invalid parameters"))?;
    let (mut matches, mut others) = (Vec::new(), Vec::new());
    for seen in &target.facts.faces {
        let told = results::compared_face(seen.place, seen.confidence);
        let similarity = face.confidence.min(seen.confidence);
        if face.face_id.is_some() && face.face_id == seen.face_id && similarity >= least {
            matches.push(json!({"Similarity": similarity, "Face": told}));
        } else {
            others.push(told);
        }
    }
    Ok(json!({
        "SourceImageFace": {
            "BoundingBox": results::place(face.place),
            "Confidence": face.confidence,
        },
        "FaceMatches": matches,
        "UnmatchedFaces": others,
    }))
}

/// The largest face, which the service takes when it wants only one.
pub(super) fn largest(faces: &[FaceFact]) -> Option<&FaceFact> {
    let area = |face: &FaceFact| face.place.width * face.place.height;
    faces.iter().max_by(|a, b| area(a).total_cmp(&area(b)))
}
