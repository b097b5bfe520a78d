//! Collections of faces. Two faces are of the same person when truth gives both the same
//! `face_id`; a face of nobody known is like no other.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::image::{largest, picture};
use super::{Shared, fault, results};
use crate::jobs::{text, uuid};
use crate::service::Fault;
use crate::truth::{FaceFact, Place};

const MODEL: &str = "7.0";
/// How like a match must be when the caller does not say.
const DEFAULT_THRESHOLD: f64 = 80.0;

/// All collections, by id.
#[derive(Debug, Default)]
pub(super) struct Collections {
    by_id: BTreeMap<String, Collection>,
    count: u64,
}

#[derive(Debug)]
struct Collection {
    created: Timestamp,
    faces: Vec<Indexed>,
}

/// A face in a collection.
#[derive(Debug, Clone)]
pub(super) struct Indexed {
    face_id: String,
    image_id: String,
    external_image_id: Option<String>,
    place: Place,
    confidence: f64,
    person: Option<String>,
}

impl Indexed {
    fn told(&self) -> Value {
        let mut told = json!({
            "FaceId": self.face_id,
            "ImageId": self.image_id,
            "BoundingBox": results::place(self.place),
            "Confidence": self.confidence,
            "IndexFacesModelVersion": MODEL,
        });
        if let Some(id) = &self.external_image_id {
            told["ExternalImageId"] = json!(id);
        }
        told
    }
}

impl Collections {
    fn get(&self, id: &str) -> Result<&Collection, Fault> {
        self.by_id.get(id).ok_or_else(|| missing(id))
    }

    /// Fails when there is no such collection.
    pub(super) fn check(&self, id: &str) -> Result<(), Fault> {
        self.get(id).map(|_| ())
    }

    /// The faces of a collection that are of the same person as `face`, likest first.
    pub(super) fn matches(
        &self,
        id: &str,
        face: &FaceFact,
        least: f64,
    ) -> Result<Vec<Value>, Fault> {
        let person = face.face_id.as_deref();
        Ok(like(&self.get(id)?.faces, person, face.confidence, least, None))
    }
}

fn like(
    faces: &[Indexed],
    person: Option<&str>,
    confidence: f64,
    least: f64,
    but: Option<&str>,
) -> Vec<Value> {
    let similarity = |face: &Indexed| face.confidence.min(confidence);
    let same = |face: &&Indexed| {
        person.is_some()
            && face.person.as_deref() == person
            && Some(face.face_id.as_str()) != but
            && similarity(face) >= least
    };
    let mut found: Vec<_> = faces.iter().filter(same).collect();
    found.sort_by(|a, b| similarity(b).total_cmp(&similarity(a)));
    found.iter().map(|f| json!({"Similarity": similarity(f), "Face": f.told()})).collect()
}

fn missing(id: &str) -> Fault {
    fault("ResourceNotFoundException", format!("The collection id: {id} does not exist"))
}

fn id_of(input: &Value) -> &str {
    text(input, "/CollectionId").unwrap_or_default()
}

fn arn(id: &str) -> String {
    format!("aws:rekognition:us-east-1:000000000000:collection/{id}")
}

/// How like a match must be.
pub(super) fn threshold(input: &Value) -> f64 {
    input["FaceMatchThreshold"].as_f64().unwrap_or(DEFAULT_THRESHOLD)
}

pub(super) fn create(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let (id, mut state) = (id_of(input), shared.state());
    if state.collections.by_id.contains_key(id) {
        let said = format!("The collection id: {id} already exists");
        return Err(fault("ResourceAlreadyExistsException", said));
    }
    let collection = Collection { created: shared.world.clock.now(), faces: Vec::new() };
    state.collections.by_id.insert(id.to_owned(), collection);
    Ok(json!({"StatusCode": 200, "CollectionArn": arn(id), "FaceModelVersion": MODEL}))
}

pub(super) fn list(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let mut state = shared.state();
    let ids = state.collections.by_id.keys().map(|id| json!(id)).collect();
    let (token, now) = (text(input, "/NextToken"), shared.world.clock.now());
    let (page, next) = state.pages.page(now, "collections", token, max_results(input), ids)?;
    let models = vec![MODEL; page.len()];
    let mut told = json!({"CollectionIds": page, "FaceModelVersions": models});
    put_next(&mut told, next);
    Ok(told)
}

fn max_results(input: &Value) -> usize {
    match input["MaxResults"].as_u64() {
        Some(max @ 1..) => usize::try_from(max).unwrap_or(4096),
        _ => 1000,
    }
}

fn put_next(told: &mut Value, next: Option<String>) {
    if let Some(next) = next {
        told["NextToken"] = json!(next);
    }
}

pub(super) fn describe(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let (id, state) = (id_of(input), shared.state());
    let collection = state.collections.get(id)?;
    Ok(json!({
        "FaceCount": collection.faces.len(),
        "UserCount": 0,
        "FaceModelVersion": MODEL,
        "CollectionARN": arn(id),
        "CreationTimestamp": collection.created.as_millisecond() as f64 / 1000.0,
    }))
}

pub(super) fn delete(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let id = id_of(input);
    shared.state().collections.by_id.remove(id).ok_or_else(|| missing(id))?;
    Ok(json!({"StatusCode": 200}))
}

pub(super) async fn index_faces(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let id = id_of(input);
    shared.state().collections.check(id)?;
    let picture = picture(shared, input, "Image").await?;
    let digest = HEXLOWER.encode(&Sha256::digest(&picture.bytes));
    let external = text(input, "/ExternalImageId").map(str::to_owned);
    let all = results::all_attributes(&input["DetectionAttributes"]);
    let max = input["MaxFaces"].as_u64().map_or(usize::MAX, |max| max as usize);
    let mut faces: Vec<_> = picture.facts.faces.iter().collect();
    let area = |face: &FaceFact| face.place.width * face.place.height;
    faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
    let mut state = shared.state();
    let collections = &mut state.collections;
    let collection = collections.by_id.get_mut(id).ok_or_else(|| missing(id))?;
    let image_id = uuid(&["image", id, &digest, external.as_deref().unwrap_or_default()]);
    let (mut records, mut left_out) = (Vec::new(), Vec::new());
    for (at, face) in faces.into_iter().enumerate() {
        let detail = results::face_detail(face, all);
        if at >= max {
            left_out.push(json!({"Reasons": ["EXCEEDS_MAX_FACES"], "FaceDetail": detail}));
            continue;
        }
        // The service keeps a face of the same picture with the same external id only once.
        let known = collection.faces.iter();
        let known = known.clone().find(|f| f.image_id == image_id && f.place == face.place);
        let indexed = match known {
            Some(known) => known.clone(),
            None => {
                collections.count += 1;
                let face = Indexed {
                    face_id: uuid(&["face", id, &collections.count.to_string()]),
                    image_id: image_id.clone(),
                    external_image_id: external.clone(),
                    place: face.place,
                    confidence: face.confidence,
                    person: face.face_id.clone(),
                };
                collection.faces.push(face.clone());
                face
            }
        };
        records.push(json!({"Face": indexed.told(), "FaceDetail": detail}));
    }
    Ok(json!({
        "FaceRecords": records,
        "UnindexedFaces": left_out,
        "FaceModelVersion": MODEL,
    }))
}

pub(super) fn list_faces(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let (id, mut state) = (id_of(input), shared.state());
    let wanted = input["FaceIds"].as_array().filter(|ids| !ids.is_empty());
    let asked = |face: &&Indexed| wanted.is_none_or(|ids| ids.iter().any(|i| i == &face.face_id));
    let faces = &state.collections.get(id)?.faces;
    let faces = faces.iter().filter(asked).map(Indexed::told).collect();
    let (token, now) = (text(input, "/NextToken"), shared.world.clock.now());
    let scope = format!("faces {id}");
    let (page, next) = state.pages.page(now, &scope, token, max_results(input), faces)?;
    let mut told = json!({"Faces": page, "FaceModelVersion": MODEL});
    put_next(&mut told, next);
    Ok(told)
}

pub(super) fn delete_faces(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let (id, mut state) = (id_of(input), shared.state());
    let collection = state.collections.by_id.get_mut(id).ok_or_else(|| missing(id))?;
    let (mut gone, mut unknown) = (Vec::new(), Vec::new());
    for face in input["FaceIds"].as_array().into_iter().flatten() {
        let before = collection.faces.len();
        collection.faces.retain(|known| face != &known.face_id);
        if collection.faces.len() < before {
            gone.push(face.clone());
        } else {
            unknown.push(json!({"FaceId": face, "Reasons": ["FACE_NOT_FOUND"]}));
        }
    }
    Ok(json!({"DeletedFaces": gone, "UnsuccessfulFaceDeletions": unknown}))
}

pub(super) fn search_faces(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let (id, state) = (id_of(input), shared.state());
    let wanted = text(input, "/FaceId").unwrap_or_default();
    let faces = &state.collections.get(id)?.faces;
    let face = faces.iter().find(|face| face.face_id == wanted).ok_or_else(|| {
        let said = format!("The face id: {wanted} does not exist in the collection id: {id}");
        fault("InvalidParameterException", said)
    })?;
    let person = face.person.as_deref();
    let mut found = like(faces, person, face.confidence, threshold(input), Some(wanted));
    found.truncate(max_faces(input));
    Ok(json!({"SearchedFaceId": wanted, "FaceMatches": found, "FaceModelVersion": MODEL}))
}

fn max_faces(input: &Value) -> usize {
    input["MaxFaces"].as_u64().map_or(80, |max| max as usize)
}

pub(super) async fn search_faces_by_image(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let id = id_of(input);
    shared.state().collections.check(id)?;
    let picture = picture(shared, input, "Image").await?;
    let face = largest(&picture.facts.faces).ok_or_else(|| {
        let said = "There are no faces in the image. Should be at least 1.";
        fault("InvalidParameterException", said)
    })?;
    let mut found = shared.state().collections.matches(id, face, threshold(input))?;
    found.truncate(max_faces(input));
    Ok(json!({
        "SearchedFaceBoundingBox": results::place(face.place),
        "SearchedFaceConfidence": face.confidence,
        "FaceMatches": found,
        "FaceModelVersion": MODEL,
    }))
}
