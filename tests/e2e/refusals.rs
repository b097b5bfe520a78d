//! Bad input, one by one: a typed error that names the input, and nothing changed.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use emam_core::backend::catalog::Query;
use emam_core::clock::SystemClock;
use emam_core::id::AssetId;
use emam_core::library::{
    AnnotationPatch, AssetPatch, BinPatch, CategoryPatch, ClipRequest, ExportOptions,
};
use emam_core::model::{
    AnnotationKind, Asset, AssetKind, BinTarget, Lifecycle, MediaSummary, NewAnnotation,
    PageRequest,
};
use emam_core::time::{MediaTime, Rate, TimeRange};
use emam_core::{Error, ErrorKind, Library};
use serde_json::json;

struct Scene {
    _folder: tempfile::TempDir,
    library: Library,
    asset: Asset,
}

impl Scene {
    /// A library with one asset of 100 frames; nothing works on runs.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::builder().workers(0).open(folder.path()).await.unwrap();
        let mut asset = Asset::new(AssetId::new(&SystemClock), "Rain", jiff_now());
        asset.kind = AssetKind::Video;
        asset.lifecycle = Lifecycle::Ready;
        asset.media = Some(MediaSummary {
            rate: Some(Rate::FPS_25),
            duration: Some(MediaTime::new(100, Rate::FPS_25)),
            width: Some(640),
            height: Some(360),
            ..MediaSummary::default()
        });
        library.backends().catalog.insert_assets(std::slice::from_ref(&asset)).await.unwrap();
        Self { _folder: folder, library, asset }
    }
}

fn jiff_now() -> jiff::Timestamp {
    use emam_core::clock::Clock;
    SystemClock.now()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, names: &str) {
    let error = result.expect_err("this should have been refused");
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(names), "{error} does not name {names}");
}

#[tokio::test]
async fn call_names_the_operation_and_the_field_it_does_not_know() {
    let scene = Scene::new().await;
    let (library, asset) = (&scene.library, &scene.asset);
    let call = |name: &'static str, params| library.call(name, params);
    let bad = ErrorKind::InvalidInput;
    refused(call("assets.serch", json!({})).await, ErrorKind::NotFound, "assets.serch");
    refused(call("assets.search", json!({ "txt": "rain" })).await, bad, "`txt`");
    refused(call("assets.get", json!({})).await, bad, "`id`");
    refused(call("assets.get", json!({ "id": "rain" })).await, bad, "rain");
    refused(call("assets.get", json!([])).await, bad, "assets.get");
    refused(
        call("sequences.create", json!({ "project": asset.id, "name": "x", "rate": "fast" })).await,
        bad,
        "fast",
    );
    refused(call("assets.search", json!({ "limit": 1e300 })).await, bad, "limit");
    let options = json!({ "path": "a.mov", "options": { "tag": ["x"] } });
    refused(call("assets.ingest", options).await, bad, "`tag`");
    // What is right is done, and null is as good as no parameters.
    let found = call("assets.search", json!({ "text": "rain" })).await.unwrap();
    assert_eq!(found["items"][0]["asset"]["id"], json!(asset.id));
    assert_eq!(call("categories.list", json!(null)).await.unwrap(), json!([]));
}

#[tokio::test]
async fn stale_revision_conflicts_and_changes_nothing() {
    let scene = Scene::new().await;
    let (library, asset) = (&scene.library, &scene.asset);
    let title = |title: &str, revision| AssetPatch {
        title: Some(title.to_owned()),
        revision,
        ..AssetPatch::default()
    };
    let changed = library.assets().update(asset.id, title("Storm", Some(1))).await.unwrap();
    assert_eq!(changed.revision, 2);
    let stale = library.assets().update(asset.id, title("Sun", Some(1))).await;
    refused(stale, ErrorKind::Conflict, "revision");
    assert_eq!(library.assets().get(asset.id).await.unwrap().title, "Storm");
    let blank = library.assets().update(asset.id, title("  ", None)).await;
    refused(blank, ErrorKind::InvalidInput, "name");
    let patch = AssetPatch { rating: Some(6), ..AssetPatch::default() };
    refused(library.assets().update(asset.id, patch).await, ErrorKind::InvalidInput, "6");
}

#[tokio::test]
async fn category_moved_under_itself_is_refused() {
    let scene = Scene::new().await;
    let library = &scene.library;
    let categories = library.categories();
    let top = categories.create("Top", None).await.unwrap();
    let below = categories.create("Below", Some(top.id)).await.unwrap();
    for parent in [top.id, below.id] {
        let patch = CategoryPatch { parent: Some(parent), ..CategoryPatch::default() };
        refused(
            categories.update(top.id, patch).await,
            ErrorKind::InvalidInput,
            &top.id.to_string(),
        );
    }
    assert_eq!(categories.get(top.id).await.unwrap(), top);
    refused(categories.create("Top", None).await, ErrorKind::AlreadyExists, "Top");
    refused(categories.delete(top.id).await, ErrorKind::Conflict, &top.id.to_string());
}

#[tokio::test]
async fn bin_cycle_is_refused() {
    let scene = Scene::new().await;
    let library = &scene.library;
    let project = library.projects().create("Promo").await.unwrap();
    let bins = library.bins();
    let outer = bins.create(project.root_bin, "Outer").await.unwrap();
    let inner = bins.create(outer.id, "Inner").await.unwrap();
    let patch = BinPatch { parent: Some(inner.id), ..BinPatch::default() };
    refused(bins.update(outer.id, patch).await, ErrorKind::InvalidInput, &outer.id.to_string());
    assert_eq!(bins.get(outer.id).await.unwrap(), outer);
    refused(bins.delete(project.root_bin).await, ErrorKind::Conflict, "root");
    let nowhere = AssetId::new(&SystemClock);
    let target = BinTarget::Asset { asset: nowhere };
    refused(bins.add(outer.id, target).await, ErrorKind::NotFound, &nowhere.to_string());
}

#[tokio::test]
async fn range_outside_its_asset_is_refused() {
    let scene = Scene::new().await;
    let (library, asset) = (&scene.library, &scene.asset);
    let range = |start, duration| TimeRange::new(start, duration, Rate::FPS_25).unwrap();
    for outside in [range(90, 11), range(-1, 5), range(100, 1)] {
        let subclip = NewAnnotation::new(AnnotationKind::Subclip).named("x").at(outside);
        let added = library.annotations().add(asset.id, subclip).await;
        refused(added, ErrorKind::InvalidInput, &outside.to_string());
    }
    let inside = NewAnnotation::new(AnnotationKind::Subclip).named("x").at(range(90, 10));
    let subclip = library.annotations().add(asset.id, inside).await.unwrap();
    let patch = AnnotationPatch { range: Some(range(95, 10)), ..AnnotationPatch::default() };
    let updated = library.annotations().update(subclip.id, patch).await;
    refused(updated, ErrorKind::InvalidInput, "[95, 105)");
    let unnamed = NewAnnotation::new(AnnotationKind::Subclip).at(range(0, 10));
    refused(library.annotations().add(asset.id, unnamed).await, ErrorKind::InvalidInput, "name");

    let project = library.projects().create("Promo").await.unwrap();
    let cut = library.sequences().create(project.id, "Cut", Rate::FPS_25).await.unwrap();
    let clip = ClipRequest { range: Some(range(50, 51)), ..ClipRequest::from(asset.id) };
    refused(library.sequences().append(cut.id, clip).await, ErrorKind::InvalidInput, "[50, 101)");
    assert!(library.sequences().get(cut.id).await.unwrap().tracks.is_empty());
    let path = std::path::Path::new("/nowhere/rough.otio");
    let exported = library.sequences().export(cut.id, path, ExportOptions::default()).await;
    refused(exported, ErrorKind::Unavailable, "/nowhere/rough.otio");
    let exported = library.sequences().export(cut.id, "rough.mov", ExportOptions::default()).await;
    refused(exported, ErrorKind::InvalidInput, ".otio");
}

#[tokio::test]
async fn search_takes_any_text_and_refuses_forged_cursors_and_limits() {
    let scene = Scene::new().await;
    let (library, asset) = (&scene.library, &scene.asset);
    for text in [
        "rain OR",
        "NEAR(rain",
        "\"rain",
        "rain\"*",
        "title:rain",
        "rain AND NOT",
        "^rain",
        "ra*",
        "'); DROP TABLE asset; --",
        "🌧",
        "\u{0}",
        "-",
        "((((",
        "rain^5",
    ] {
        library
            .assets()
            .search(Query::text(text))
            .await
            .unwrap_or_else(|e| panic!("{text:?}: {e:?}"));
    }
    for text in ["rain", "\"rain\"", "(rain)", "ra*", "RAIN"] {
        let found = library.assets().search(Query::text(text)).await.unwrap();
        assert_eq!(found.items.first().map(|hit| hit.asset.id), Some(asset.id), "{text:?}");
    }
    for cursor in ["", "x", "AAAA", &"A".repeat(10_000)] {
        let found = library.assets().search(Query::all().after(cursor)).await;
        refused(found, ErrorKind::InvalidInput, "cursor");
        let page = PageRequest { cursor: Some(cursor.to_owned()), ..PageRequest::default() };
        refused(library.projects().list(page).await, ErrorKind::InvalidInput, "cursor");
    }
    for limit in [0, -1, 1001, i64::MAX, i64::MIN] {
        let found = library.assets().search(Query::all().limit(limit)).await;
        refused(found, ErrorKind::InvalidInput, &limit.to_string());
        let listed = library.projects().list(PageRequest::first(limit)).await;
        refused(listed, ErrorKind::InvalidInput, &limit.to_string());
        refused(
            library.events().list(0, limit, Duration::ZERO).await,
            ErrorKind::InvalidInput,
            &limit.to_string(),
        );
    }
}

#[tokio::test]
async fn catalogs_of_others_are_left_as_they_are() {
    for (content, kind) in [
        (b"SQLite format 3\0 and then nothing of the kind".repeat(200), ErrorKind::Integrity),
        (b"not a database at all".to_vec(), ErrorKind::Integrity),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        std::fs::write(&path, &content).unwrap();
        refused(Library::open(folder.path()).await, kind, "catalog.db");
        assert_eq!(std::fs::read(&path).unwrap(), content, "the file was changed");
    }
}
