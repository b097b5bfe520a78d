//! Stills: the service answers at once.

use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::types::{Attribute, Image, S3Object};
use emam_core::Result;
use emam_core::model::{AnnotationKind, Region};

use super::faces::{FaceCollection, People};
use super::hits::Hit;
use super::{FINDINGS, read};
use crate::error::error;
use crate::uri::S3Uri;

pub(super) fn image(still: &S3Uri) -> Image {
    let object = S3Object::builder().bucket(&still.bucket).name(&still.key).build();
    Image::builder().s3_object(object).build()
}

/// What is seen of `kind` in a still.
pub(super) async fn hits(
    client: &Client,
    kind: AnnotationKind,
    still: &S3Uri,
    min_confidence: f32,
    faces: Option<(&FaceCollection, &People)>,
) -> Result<Vec<Hit>> {
    let image = image(still);
    let failed = |error: emam_core::Error| error.with("still", still);
    let mut hits: Vec<Hit> = match kind {
        AnnotationKind::Label => {
            let asked = client.detect_labels().image(image).min_confidence(min_confidence);
            let told = asked.send().await.map_err(|cause| failed(error(FINDINGS, cause)))?;
            let model = told
                .label_model_version()
                .map_or_else(String::new, |version| format!("LabelModelVersion/{version}"));
            of_model(told.labels().iter().filter_map(read::label), &model)
        }
        AnnotationKind::Moderation => {
            let asked =
                client.detect_moderation_labels().image(image).min_confidence(min_confidence);
            let told = asked.send().await.map_err(|cause| failed(error(FINDINGS, cause)))?;
            let model = told
                .moderation_model_version()
                .map_or_else(String::new, |version| format!("ModerationModelVersion/{version}"));
            let labels = told.moderation_labels().iter();
            of_model(labels.filter_map(|one| read::moderation(one, told.content_types())), &model)
        }
        AnnotationKind::Text => {
            let asked = client.detect_text().image(image);
            let told = asked.send().await.map_err(|cause| failed(error(FINDINGS, cause)))?;
            let model = told
                .text_model_version()
                .map_or_else(String::new, |version| format!("TextModelVersion/{version}"));
            of_model(told.text_detections().iter().filter_map(read::text), &model)
        }
        AnnotationKind::Celebrity => {
            let asked = client.recognize_celebrities().image(image);
            let told = asked.send().await.map_err(|cause| failed(error(FINDINGS, cause)))?;
            let hits = told.celebrity_faces().iter().filter_map(|one| {
                let mut hit = Hit::new(kind, one.name()?, one.match_confidence());
                hit.region = read::region(one.face().and_then(|face| face.bounding_box()));
                let gender = one.known_gender().and_then(|gender| gender.r#type());
                hit.data = serde_json::json!({
                    "celebrity_id": one.id(),
                    "urls": one.urls(),
                    "gender": gender.map(|gender| gender.as_str()),
                });
                Some(hit)
            });
            of_model(hits, "CelebrityRecognition")
        }
        AnnotationKind::Face => match faces {
            Some((collection, people)) => {
                of_model(collection.look(still, people).await?.into_iter(), "IndexFaces")
            }
            None => {
                let asked = client.detect_faces().image(image).attributes(Attribute::All);
                let told = asked.send().await.map_err(|cause| failed(error(FINDINGS, cause)))?;
                of_model(told.face_details().iter().map(read::face), "FaceDetection")
            }
        },
        // A still has no shots and no black ranges.
        _ => Vec::new(),
    };
    hits.sort_by(|one, other| {
        let left = |hit: &Hit| hit.region.map_or(0.0, |Region { x, .. }| x);
        one.name.cmp(&other.name).then(left(one).total_cmp(&left(other)))
    });
    Ok(hits)
}

fn of_model(hits: impl Iterator<Item = Hit>, model: &str) -> Vec<Hit> {
    let named = hits.map(|mut hit| {
        model.clone_into(&mut hit.model);
        hit
    });
    named.collect()
}
