//! Sequences.

use serde_json::json;

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::error::ErrorKind;
use crate::id::AssetId;
use crate::model::{
    AssetSource, Caption, Clip, ClipSource, Foreign, Gap, Generator, Item, Marker, Sequence, Track,
    TrackKind, Transition,
};
use crate::time::{MediaTime, Rate, Speed};

/// A sequence reads back as it was inserted, every field.
pub async fn sequence_round_trip(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (project, _) = bench.stored_project("p").await;
    let mut sequence = bench.sequence(project.id, "Rough cut");
    sequence.rate = Rate::FPS_29_97;
    sequence.drop_frame = true;
    sequence.width = Some(1920);
    sequence.height = Some(1080);
    sequence.metadata.insert("mood".into(), json!(["dark"]));
    sequence.sample_rate = Some(48_000);
    let foreign: Foreign = [("otio".to_owned(), r#"{"a": NaN}"#.to_owned())].into();
    let marker = Marker {
        start: 5,
        duration: 0,
        name: "m".into(),
        comment: "c".into(),
        color: Some("red".into()),
        foreign: foreign.clone(),
    };
    sequence.markers = vec![marker.clone()];
    let source = AssetSource {
        asset: AssetId::new(&bench.clock),
        version: Some(crate::id::VersionId::new(&bench.clock)),
        subclip: Some(crate::id::AnnotationId::new(&bench.clock)),
    };
    let start = MediaTime::new(i64::from(i32::MAX), Rate::AUDIO_48K);
    let mut clip = Clip::new(&bench.clock, "A001", source, start, 50);
    clip.speed = Speed::new(-1, 2).expect("speed");
    clip.enabled = false;
    clip.link = Some(3);
    clip.audio_channels = vec![1, 8];
    clip.markers = vec![marker];
    clip.metadata = [("take".to_owned(), json!(null))].into();
    clip.foreign = foreign.clone();
    let of = |source: ClipSource| Clip::new(&bench.clock, "B", source, start, 1);
    let transition = Transition { foreign: foreign.clone(), ..Transition::new("dissolve", 5, 6) };
    let items = vec![
        Item::Gap(Gap { foreign: foreign.clone(), ..Gap::new(25) }),
        Item::Clip(clip),
        Item::Transition(transition),
        Item::Clip(of(sequence.id.into())),
        Item::Clip(of(ClipSource::Generator(Generator {
            generator: "Color".into(),
            parameters: [("red".to_owned(), json!(0.5))].into(),
        }))),
    ];
    let words = vec![Item::Clip(of(ClipSource::Caption(Caption { text: "a\nb".into() })))];
    for (kind, items) in
        [(TrackKind::Video, items), (TrackKind::Audio, Vec::new()), (TrackKind::Caption, words)]
    {
        let track = Track::new(&bench.clock, kind, "V1");
        sequence.tracks.push(Track { items, foreign: foreign.clone(), ..track });
    }
    sequence.foreign = foreign;
    catalog.insert_sequence(&sequence).await.expect("insert");
    assert_eq!(catalog.sequence(sequence.id).await.expect("read"), sequence);
    sequence.tracks.remove(0);
    let updated = catalog.update_sequence(&sequence).await.expect("update");
    assert_eq!(updated, Sequence { revision: 2, ..sequence.clone() });
    assert_eq!(catalog.sequence(sequence.id).await.expect("read"), updated);
    let again = catalog.insert_sequence(&sequence).await;
    assert_kind(again, ErrorKind::AlreadyExists, "inserted twice");
    catalog.delete_sequence(sequence.id).await.expect("delete");
    assert_kind(catalog.sequence(sequence.id).await, ErrorKind::NotFound, "deleted");
    let again = catalog.delete_sequence(sequence.id).await;
    assert_kind(again, ErrorKind::NotFound, "deleted twice");
}

/// An unknown project is `NotFound`.
pub async fn sequence_needs_its_project(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (unknown, _) = bench.project("unknown");
    let sequence = bench.sequence(unknown.id, "s");
    let error = bench.catalog.insert_sequence(&sequence).await;
    let error = assert_kind(error, ErrorKind::NotFound, "insert");
    assert_eq!(error.get("id"), Some(unknown.id.to_string().as_str()));
    assert_kind(bench.catalog.sequence(sequence.id).await, ErrorKind::NotFound, "not inserted");
    assert_kind(bench.catalog.sequences(unknown.id).await, ErrorKind::NotFound, "list");
}

/// A stale revision is `Conflict` and changes nothing.
pub async fn sequence_stale_update_conflicts(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (project, _) = bench.stored_project("p").await;
    let first = bench.sequence(project.id, "first");
    bench.catalog.insert_sequence(&first).await.expect("insert");
    let second = Sequence { name: "second".into(), ..first.clone() };
    let second = bench.catalog.update_sequence(&second).await.expect("update");
    let stale = Sequence { name: "stale".into(), ..first };
    let error = bench.catalog.update_sequence(&stale).await;
    let error = assert_kind(error, ErrorKind::Conflict, "a stale update");
    assert_eq!((error.get("expected"), error.get("revision")), (Some("1"), Some("2")));
    assert_eq!(bench.catalog.sequence(second.id).await.expect("read"), second);
    let unknown = bench.sequence(project.id, "unknown");
    let error = bench.catalog.update_sequence(&unknown).await;
    assert_kind(error, ErrorKind::NotFound, "unknown");
}

/// A list gives the sequences of that project, oldest first.
pub async fn sequences_of_a_project(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (project, _) = bench.stored_project("p").await;
    let (other, _) = bench.stored_project("q").await;
    let mut expected = Vec::new();
    for name in ["z", "a", "m"] {
        let sequence = bench.sequence(project.id, name);
        bench.catalog.insert_sequence(&sequence).await.expect("insert");
        bench.catalog.insert_sequence(&bench.sequence(other.id, name)).await.expect("insert");
        expected.push(sequence);
    }
    assert_eq!(bench.catalog.sequences(project.id).await.expect("list"), expected);
    let changed = Sequence { name: "changed".into(), ..expected[0].clone() };
    expected[0] = bench.catalog.update_sequence(&changed).await.expect("update");
    assert_eq!(bench.catalog.sequences(project.id).await.expect("list"), expected);
    assert_eq!(bench.catalog.sequences(other.id).await.expect("list").len(), 3);
}

/// Every sequence with a clip of the asset now, oldest first, whether the asset is still there or
/// not.
pub async fn sequences_that_use_an_asset(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (project, _) = bench.stored_project("p").await;
    let (one, two) = (AssetId::new(&bench.clock), AssetId::new(&bench.clock));
    let cut = |name: &str, assets: &[AssetId]| {
        let mut track = Track::new(&bench.clock, TrackKind::Video, "V1");
        for asset in assets {
            let (source, start) = (AssetSource::new(*asset), MediaTime::zero(Rate::FPS_25));
            track.items.push(Item::Clip(Clip::new(&bench.clock, "c", source, start, 5)));
        }
        Sequence { tracks: vec![track], ..bench.sequence(project.id, name) }
    };
    let first = cut("first", &[one, one, two]);
    let second = cut("second", &[one]);
    for sequence in [&first, &second, &cut("third", &[])] {
        catalog.insert_sequence(sequence).await.expect("insert");
    }
    let using = |asset| async move {
        let found = catalog.sequences_with_asset(asset).await.expect("find");
        found.into_iter().map(|sequence| sequence.name).collect::<Vec<_>>()
    };
    let found = catalog.sequences_with_asset(two).await.expect("find");
    assert_eq!(found, std::slice::from_ref(&first));
    assert_eq!(using(one).await, ["first", "second"]);
    assert!(using(AssetId::new(&bench.clock)).await.is_empty());
    let changed = Sequence { tracks: second.tracks.clone(), ..first };
    catalog.update_sequence(&changed).await.expect("update");
    assert_eq!(using(one).await, ["first", "second"]);
    assert!(using(two).await.is_empty());
    catalog.delete_sequence(second.id).await.expect("delete");
    assert_eq!(using(one).await, ["first"]);
    catalog.delete_project(project.id).await.expect("delete");
    assert!(using(one).await.is_empty());
}
