//! Annotations.

use serde_json::json;

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::backend::Catalog;
use crate::backend::catalog::{AnnotationFilter, Query};
use crate::error::ErrorKind;
use crate::id::{AssetId, RunId};
use crate::model::{Annotation, AnnotationKind, PageRequest, Region, Source};
use crate::time::{Rate, TimeRange};

/// All annotations of an asset, read in pages of `limit`.
async fn list(
    catalog: &dyn Catalog,
    asset: AssetId,
    kinds: &[AnnotationKind],
    limit: i64,
) -> Vec<Annotation> {
    let filter = AnnotationFilter { kinds: kinds.to_vec() };
    let mut page = PageRequest::first(limit);
    let mut all = Vec::new();
    loop {
        let got = catalog.annotations(asset, &filter, &page).await.expect("list");
        assert!(got.items.len() <= usize::try_from(limit).expect("a limit of the suite"));
        assert!(got.next.is_none() || !got.items.is_empty(), "an empty page has a next one");
        all.extend(got.items);
        match got.next {
            None => return all,
            next => page.cursor = next,
        }
    }
}

/// An annotation reads back as it was inserted, every field.
pub async fn annotation_round_trip(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let asset = bench.stored_asset("a").await;
    let plain = bench.annotation(asset.id, AnnotationKind::Comment, "");
    let mut full = bench.annotation(asset.id, AnnotationKind::Face, "Ada \u{1f600}");
    full.version = Some(bench.version(asset.id, 1).id);
    full.range = TimeRange::new(-3, 0, Rate::FPS_23_976).ok();
    full.text = "more words\nand \"quotes\" \u{e000}".into();
    full.color = Some("red".into());
    full.source = Source::Service {
        name: "rekognition".into(),
        model: "7.0".into(),
        run: Some(RunId::new(&bench.clock)),
    };
    full.confidence = Some(0.1);
    full.region = Some(Region { x: 0.1, y: 0.2, width: 0.3, height: 1.0 / 3.0 });
    full.parent = Some(plain.id);
    full.edited = false;
    full.resolved = true;
    full.data = json!({ "lufs": -23.5 });
    full.updated_at = bench.at(9);
    let catalog = &bench.catalog;
    catalog.insert_annotations(&[plain.clone(), full.clone()]).await.expect("insert");
    assert_eq!(catalog.annotation(plain.id).await.expect("read"), plain);
    assert_eq!(catalog.annotation(full.id).await.expect("read"), full);
    full.range = None;
    full.name = "Grace".into();
    let updated = catalog.update_annotation(&full).await.expect("update");
    full.revision = 2;
    assert_eq!(updated, full);
    assert_eq!(catalog.annotation(full.id).await.expect("read"), full);
    catalog.delete_annotation(full.id).await.expect("delete");
    assert_kind(catalog.annotation(full.id).await, ErrorKind::NotFound, "deleted");
    assert_kind(catalog.delete_annotation(full.id).await, ErrorKind::NotFound, "deleted twice");
    let again = catalog.insert_annotations(std::slice::from_ref(&plain)).await;
    assert_kind(again, ErrorKind::AlreadyExists, "inserted twice");
}

/// Inserting for an unknown asset is `NotFound`, nothing inserted.
pub async fn annotation_needs_its_asset(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let asset = bench.stored_asset("a").await;
    let good = bench.annotation(asset.id, AnnotationKind::Marker, "good");
    let stray = bench.annotation(bench.asset("b").id, AnnotationKind::Marker, "stray");
    let batch = [good.clone(), stray];
    let error = assert_kind(
        bench.catalog.insert_annotations(&batch).await,
        ErrorKind::NotFound,
        "an annotation of an unknown asset",
    );
    assert_eq!(error.get("id"), Some(batch[1].asset.to_string().as_str()));
    assert_kind(bench.catalog.annotation(good.id).await, ErrorKind::NotFound, "of the batch");
    assert!(list(&*bench.catalog, asset.id, &[], 10).await.is_empty());
}

/// A list is ordered by start time across rates, those about all of the asset first, then by id;
/// each comes once over pages of any size.
pub async fn annotations_come_in_time_order(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (asset, other) = (bench.stored_asset("a").await, bench.stored_asset("b").await);
    let mut annotations = Vec::new();
    for (start, rate) in [
        (1, Rate::FPS_24),
        (1, Rate::FPS_25),
        (0, Rate::FPS_25),
        (1001, Rate::new(24_000, 1).expect("a rate")),
        (1, Rate::FPS_23_976),
        (-1, Rate::FPS_60),
        (2002, Rate::AUDIO_48K),
        (24, Rate::FPS_24),
        (25, Rate::FPS_25),
        (i64::MAX, Rate::FPS_60),
        (10, Rate::FPS_24),
        (9, Rate::FPS_24),
    ] {
        let mut annotation = bench.annotation(asset.id, AnnotationKind::Marker, "m");
        annotation.range = TimeRange::new(start, 0, rate).ok();
        annotations.push(annotation);
        annotations.push(bench.annotation(other.id, AnnotationKind::Marker, "of another"));
    }
    annotations.push(bench.annotation(asset.id, AnnotationKind::Comment, "about all of it"));
    annotations.push(bench.annotation(asset.id, AnnotationKind::Comment, "that too"));
    bench.catalog.insert_annotations(&annotations).await.expect("insert");

    let mut expected: Vec<Annotation> =
        annotations.into_iter().filter(|annotation| annotation.asset == asset.id).collect();
    expected.sort_by(|a, b| {
        let times = match (a.range, b.range) {
            (Some(a), Some(b)) => a.start_time().cmp_time(&b.start_time()),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        times.then(a.id.cmp(&b.id))
    });
    for limit in [1, 2, 5, 14, 1000] {
        let listed = list(&*bench.catalog, asset.id, &[], limit).await;
        assert_eq!(listed, expected, "in pages of {limit}");
    }
}

/// A filter gives exactly the kinds asked for.
pub async fn annotations_filter_by_kind(fixture: &dyn CatalogFixture) {
    use AnnotationKind::{Black, Marker, Shot, Speech, Subclip};
    let bench = Bench::new(fixture).await;
    let asset = bench.stored_asset("a").await;
    let all: Vec<Annotation> = [Shot, Marker, Shot, Black, Subclip, Shot, Marker]
        .into_iter()
        .zip(0..)
        .map(|(kind, start)| bench.finding(asset.id, "ffmpeg", kind, start))
        .collect();
    bench.catalog.insert_annotations(&all).await.expect("insert");
    for kinds in [&[][..], &[Shot], &[Marker, Black], &[Speech], &[Speech, Shot]] {
        let expected: Vec<Annotation> = all
            .iter()
            .filter(|annotation| kinds.is_empty() || kinds.contains(&annotation.kind))
            .cloned()
            .collect();
        for limit in [1, 2, 100] {
            assert_eq!(list(&*bench.catalog, asset.id, kinds, limit).await, expected, "{kinds:?}");
        }
    }
}

/// `replace_findings` removes the service's earlier annotations of those kinds and inserts the
/// new, in one transaction.
pub async fn findings_replace_findings(fixture: &dyn CatalogFixture) {
    use AnnotationKind::{Black, Shot, Silence};
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (asset, other) = (bench.stored_asset("a").await, bench.stored_asset("b").await);
    let old = [
        bench.finding(asset.id, "ffmpeg", Shot, 0),
        bench.finding(asset.id, "ffmpeg", Black, 1),
        bench.finding(asset.id, "ffmpeg", Silence, 2),
        bench.finding(asset.id, "rekognition", Shot, 3),
        bench.finding(other.id, "ffmpeg", Shot, 4),
    ];
    catalog.insert_annotations(&old).await.expect("insert");
    let mut new = bench.finding(asset.id, "ffmpeg", Shot, 9);
    new.name = "sunrise".into();
    let kinds = [Shot, Black];
    catalog
        .replace_findings(asset.id, "ffmpeg", &kinds, std::slice::from_ref(&new))
        .await
        .expect("replace");
    let left = list(&**catalog, asset.id, &[], 10).await;
    assert_eq!(left, [old[2].clone(), old[3].clone(), new.clone()]);
    assert_eq!(list(&**catalog, other.id, &[], 10).await, [old[4].clone()]);
    let found = catalog.search(&Query::text("sunrise")).await.expect("search");
    assert_eq!(found.total, 1);

    // One that cannot be inserted leaves everything as it was.
    let mut twice = bench.finding(asset.id, "ffmpeg", Shot, 10);
    twice.id = old[2].id;
    let failed = catalog.replace_findings(asset.id, "ffmpeg", &kinds, &[twice]).await;
    assert_kind(failed, ErrorKind::AlreadyExists, "a known id");
    assert_eq!(list(&**catalog, asset.id, &[], 10).await, left);

    catalog.replace_findings(asset.id, "ffmpeg", &kinds, &[]).await.expect("nothing found");
    assert_eq!(list(&**catalog, asset.id, &[], 10).await, left[..2]);
    let missing = bench.asset("c").id;
    let failed = catalog.replace_findings(missing, "ffmpeg", &kinds, &[]).await;
    assert_kind(failed, ErrorKind::NotFound, "an unknown asset");
}

/// What a person made or edited stays through `replace_findings`.
pub async fn findings_spare_human_edits(fixture: &dyn CatalogFixture) {
    use AnnotationKind::Shot;
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.stored_asset("a").await;
    let mut by_person = bench.finding(asset.id, "ffmpeg", Shot, 0);
    by_person.source = Source::Person { name: "ffmpeg".into() };
    let mut edited = bench.finding(asset.id, "ffmpeg", Shot, 1);
    let untouched = bench.finding(asset.id, "ffmpeg", Shot, 2);
    catalog
        .insert_annotations(&[by_person.clone(), edited.clone(), untouched])
        .await
        .expect("insert");
    edited.edited = true;
    edited.name = "the good one".into();
    let edited = catalog.update_annotation(&edited).await.expect("edit");
    let new = bench.finding(asset.id, "ffmpeg", Shot, 3);
    for _ in 0..2 {
        catalog
            .replace_findings(asset.id, "ffmpeg", &[Shot], std::slice::from_ref(&new))
            .await
            .expect("analysed again");
        let left = list(&**catalog, asset.id, &[], 10).await;
        assert_eq!(left, [by_person.clone(), edited.clone(), new.clone()]);
    }
}

/// A stale revision is `Conflict` and changes nothing.
pub async fn annotation_stale_update_conflicts(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let asset = bench.stored_asset("a").await;
    let first = bench.annotation(asset.id, AnnotationKind::Marker, "first");
    bench.catalog.insert_annotations(std::slice::from_ref(&first)).await.expect("insert");
    let mut second = first.clone();
    second.name = "second".into();
    let second = bench.catalog.update_annotation(&second).await.expect("update");
    let mut stale = first;
    stale.name = "stale".into();
    let error = assert_kind(
        bench.catalog.update_annotation(&stale).await,
        ErrorKind::Conflict,
        "a stale update",
    );
    assert_eq!((error.get("expected"), error.get("revision")), (Some("1"), Some("2")));
    assert_eq!(bench.catalog.annotation(second.id).await.expect("read"), second);
    let found = bench.catalog.search(&Query::text("stale")).await.expect("search");
    assert_eq!(found.total, 0);
    let unknown = bench.annotation(asset.id, AnnotationKind::Marker, "");
    let missing = bench.catalog.update_annotation(&unknown).await;
    assert_kind(missing, ErrorKind::NotFound, "an unknown annotation");
}
