//! From the service's records to hits.

use aws_sdk_rekognition::types::{
    BoundingBox, CelebrityDetail, ContentType, FaceDetail, FaceMatch, Label, ModerationLabel,
    TextDetection, TextTypes,
};
use emam_core::model::{AnnotationKind, Region};
use serde_json::{Map, Value, json};

use super::faces::People;
use super::hits::{Hit, share};

/// A box as fractions of the picture. Boxes of things cut by its edge reach over it: they are cut.
pub(super) fn region(found: Option<&BoundingBox>) -> Option<Region> {
    let found = found?;
    let side = |start: Option<f32>, length: Option<f32>| {
        let start = f64::from(start?);
        let end = (start + f64::from(length?)).clamp(0.0, 1.0);
        let start = start.clamp(0.0, 1.0);
        Some((round(start), round(end - start)))
    };
    let (x, width) = side(found.left, found.width)?;
    let (y, height) = side(found.top, found.height)?;
    Some(Region { x, y, width, height })
}

/// With six digits: a millionth of a picture is less than a pixel.
fn round(share: f64) -> f64 {
    (share * 1_000_000.0).round() / 1_000_000.0
}

fn names<'a>(names: impl Iterator<Item = Option<&'a str>>) -> Value {
    names.flatten().collect()
}

/// Leaves out what is not known.
fn known(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let full = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    let map: Map<String, Value> = pairs
        .into_iter()
        .filter(|(_, value)| full(value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

/// A thing or scene.
pub(super) fn label(found: &Label) -> Option<Hit> {
    let mut hit = Hit::new(AnnotationKind::Label, found.name()?, found.confidence());
    if let [instance] = found.instances() {
        hit.region = region(instance.bounding_box());
    }
    let instances = found.instances().len();
    hit.data = known([
        ("parents", names(found.parents().iter().map(|one| one.name()))),
        ("categories", names(found.categories().iter().map(|one| one.name()))),
        ("aliases", names(found.aliases().iter().map(|one| one.name()))),
        ("instances", if instances > 0 { json!(instances) } else { Value::Null }),
    ]);
    Some(hit)
}

/// What some audiences must not see.
pub(super) fn moderation(found: &ModerationLabel, types: &[ContentType]) -> Option<Hit> {
    let mut hit = Hit::new(AnnotationKind::Moderation, found.name()?, found.confidence());
    hit.data = known([
        ("parent", json!(found.parent_name())),
        ("level", json!(found.taxonomy_level())),
        ("content_types", names(types.iter().map(|one| one.name()))),
    ]);
    Some(hit)
}

/// A line of text. The words of a line are told once more on their own: they are left out.
pub(super) fn text(found: &TextDetection) -> Option<Hit> {
    if found.r#type() != Some(&TextTypes::Line) {
        return None;
    }
    let text = found.detected_text().filter(|text| !text.is_empty())?;
    let mut hit = Hit::new(AnnotationKind::Text, "", found.confidence());
    hit.same = text.to_lowercase();
    hit.text = text.to_owned();
    hit.region = region(found.geometry().and_then(|geometry| geometry.bounding_box()));
    Some(hit)
}

/// A well-known person.
pub(super) fn celebrity(found: &CelebrityDetail) -> Option<Hit> {
    let confidence = found.confidence();
    let mut hit = Hit::new(AnnotationKind::Celebrity, found.name()?, confidence);
    if let Some(id) = found.id() {
        hit.same = id.to_owned();
    }
    let face = found.face().and_then(FaceDetail::bounding_box);
    hit.region = region(face.or(found.bounding_box()));
    let gender = found.known_gender().and_then(|gender| gender.r#type());
    hit.data = known([
        ("celebrity_id", json!(found.id())),
        ("urls", json!(found.urls())),
        ("gender", json!(gender.map(|gender| gender.as_str()))),
    ]);
    Some(hit)
}

/// A face, with what it looks like.
pub(super) fn face(found: &FaceDetail) -> Hit {
    let mut hit = Hit::new(AnnotationKind::Face, "Face", found.confidence());
    hit.region = region(found.bounding_box());
    let emotions = found.emotions().iter().filter(|one| one.confidence() >= Some(50.0));
    let emotions = emotions.filter_map(|one| one.r#type().map(|kind| kind.as_str()));
    let age = |value: Option<i32>| value.map_or(Value::Null, |value| json!(value));
    hit.data = known([
        ("age_low", age(found.age_range().and_then(|age| age.low()))),
        ("age_high", age(found.age_range().and_then(|age| age.high()))),
        ("gender", json!(found.gender().and_then(|one| one.value()).map(|one| one.as_str()))),
        ("emotions", emotions.collect()),
        ("smile", json!(found.smile().map(|one| one.value()))),
        ("eyeglasses", json!(found.eyeglasses().map(|one| one.value()))),
        ("sunglasses", json!(found.sunglasses().map(|one| one.value()))),
        ("beard", json!(found.beard().map(|one| one.value()))),
        ("mustache", json!(found.mustache().map(|one| one.value()))),
        ("eyes_open", json!(found.eyes_open().map(|one| one.value()))),
        ("mouth_open", json!(found.mouth_open().map(|one| one.value()))),
        ("occluded", json!(found.face_occluded().map(|one| one.value()))),
        ("brightness", json!(found.quality().and_then(|one| one.brightness()))),
        ("sharpness", json!(found.quality().and_then(|one| one.sharpness()))),
    ]);
    hit
}

/// Says of a face which of the collection's it is, and whose where that is known: that of the most
/// alike, and of the most alike with a name.
pub(super) fn matched(hit: &mut Hit, matches: &[FaceMatch], people: &People) {
    let mut alike: Vec<(&str, f32)> = matches
        .iter()
        .filter_map(|one| Some((one.face()?.face_id()?, one.similarity().unwrap_or_default())))
        .collect();
    alike.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let Some((id, similarity)) = alike.first().copied() else { return };
    identify(hit, id, Some(similarity));
    if let Some(name) = alike.iter().find_map(|(id, _)| people.name(id)) {
        name.clone_into(&mut hit.name);
    }
}

/// Writes down which face of a collection this is.
pub(super) fn identify(hit: &mut Hit, face_id: &str, similarity: Option<f32>) {
    if !hit.data.is_object() {
        hit.data = Value::Object(Map::new());
    }
    hit.data["face_id"] = json!(face_id);
    if let Some(similarity) = similarity {
        hit.data["similarity"] = json!(share(similarity));
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rekognition::types::{Face, Geometry, Instance, Parent};

    use super::*;

    #[test]
    fn a_label_keeps_its_place_in_the_taxonomy_and_in_the_picture() {
        let instance = |left: f32| {
            let place = BoundingBox::builder().left(left).top(0.5).width(0.25).height(0.75).build();
            Instance::builder().bounding_box(place).confidence(90.0).build()
        };
        let label_with = |instances| {
            let parent = Parent::builder().name("Vehicle").build();
            let built = Label::builder().name("Car").confidence(98.25).parents(parent);
            label(&built.set_instances(Some(instances)).build()).unwrap()
        };
        let one = label_with(vec![instance(-0.05)]);
        let region = one.region.unwrap();
        assert_eq!((region.x, region.y, region.width, region.height), (0.0, 0.5, 0.2, 0.5));
        assert_eq!(one.confidence, Some(0.9825));
        assert_eq!(one.data, json!({ "parents": ["Vehicle"], "instances": 1 }));
        let two = label_with(vec![instance(0.1), instance(0.5)]);
        assert_eq!((two.region, two.data["instances"].as_i64()), (None, Some(2)));
    }

    #[test]
    fn lines_of_text_count_and_words_do_not() {
        let of = |kind| {
            let place = BoundingBox::builder().left(0.1).top(0.1).width(0.5).height(0.1).build();
            let geometry = Geometry::builder().bounding_box(place).build();
            let built = TextDetection::builder().detected_text("Exit Only").geometry(geometry);
            text(&built.r#type(kind).confidence(99.0).build())
        };
        assert_eq!(of(TextTypes::Word), None);
        let line = of(TextTypes::Line).unwrap();
        assert_eq!((line.text.as_str(), line.same.as_str()), ("Exit Only", "exit only"));
        assert!(line.region.is_some());
    }

    #[test]
    fn a_face_is_the_most_alike_and_named_by_the_most_alike_with_a_name() {
        let like = |id: &str, similarity| {
            let face = Face::builder().face_id(id).build();
            FaceMatch::builder().face(face).similarity(similarity).build()
        };
        let people = People::from_iter([("b".to_owned(), "Åsa Öberg".to_owned())]);
        let mut hit = face(&FaceDetail::builder().confidence(99.0).build());
        matched(&mut hit, &[], &people);
        assert_eq!((hit.name.as_str(), &hit.data), ("Face", &Value::Null));
        matched(&mut hit, &[like("c", 91.0), like("a", 97.0), like("b", 95.5)], &people);
        assert_eq!(hit.name, "Åsa Öberg");
        assert_eq!(hit.data, json!({ "face_id": "a", "similarity": 0.97 }));
    }
}
