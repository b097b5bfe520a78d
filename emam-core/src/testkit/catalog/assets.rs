//! Assets.

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::backend::catalog::{AnnotationFilter, Query};
use crate::error::ErrorKind;
use crate::id::AssetId;
use crate::model::{AnnotationKind, Asset, InstanceState, Lifecycle, PageRequest, Role};

/// An asset reads back as it was inserted, every field.
pub async fn asset_round_trip(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let category = bench.stored_category(None, "News").await;
    let assets = [bench.full_asset(category.id), bench.asset("")];
    bench.catalog.insert_assets(&assets).await.expect("insert");
    for asset in &assets {
        assert_eq!(bench.catalog.asset(asset.id).await.expect("read"), *asset);
    }
    bench.catalog.insert_assets(&[]).await.expect("a batch of none is fine");
}

/// Reading, updating or deleting an unknown id is `NotFound` with the id.
pub async fn asset_missing(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    bench.stored_asset("there").await;
    let missing = bench.asset("missing");
    let id = missing.id.to_string();
    let catalog = &bench.catalog;
    let page = PageRequest::default();
    for error in [
        assert_kind(catalog.asset(missing.id).await, ErrorKind::NotFound, "read"),
        assert_kind(catalog.update_asset(&missing).await, ErrorKind::NotFound, "update"),
        assert_kind(catalog.delete_asset(missing.id).await, ErrorKind::NotFound, "delete"),
        assert_kind(catalog.versions(missing.id).await, ErrorKind::NotFound, "versions"),
        assert_kind(catalog.renditions(missing.id).await, ErrorKind::NotFound, "renditions"),
        assert_kind(
            catalog.annotations(missing.id, &AnnotationFilter::default(), &page).await,
            ErrorKind::NotFound,
            "annotations",
        ),
        assert_kind(
            catalog.insert_version(&bench.version(missing.id, 1)).await,
            ErrorKind::NotFound,
            "a version of an unknown asset",
        ),
    ] {
        assert_eq!(error.get("id"), Some(id.as_str()), "{error}");
        assert!(!error.is_retryable(), "{error}");
    }
}

/// Inserting a known id is `AlreadyExists`; a batch with one known id inserts nothing.
pub async fn asset_insert_twice(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let known = bench.stored_asset("known").await;
    let mut again = known.clone();
    again.title = "other".into();
    let new = bench.asset("new");
    let batch = [new.clone(), again];
    let error =
        assert_kind(bench.catalog.insert_assets(&batch).await, ErrorKind::AlreadyExists, "insert");
    assert_eq!(error.get("id"), Some(known.id.to_string().as_str()));
    assert_kind(bench.catalog.asset(new.id).await, ErrorKind::NotFound, "the rest of the batch");
    assert_eq!(bench.catalog.asset(known.id).await.expect("read"), known);
    let found = bench.catalog.search(&Query::text("new")).await.expect("search");
    assert_eq!(found.total, 0, "nothing of the batch is found");
    let twice = [new.clone(), new];
    assert_kind(
        bench.catalog.insert_assets(&twice).await,
        ErrorKind::AlreadyExists,
        "twice in one",
    );
}

/// An update gives the next revision and changes only it.
pub async fn asset_update_bumps_the_revision(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let category = bench.stored_category(None, "News").await;
    let other = bench.stored_asset("other").await;
    let mut asset = bench.stored_asset("draft").await;
    for (revision, title) in [(2, "second"), (3, "third"), (4, "third")] {
        asset.title = title.into();
        let updated = bench.catalog.update_asset(&asset).await.expect("update");
        asset.revision = revision;
        assert_eq!(updated, asset);
        assert_eq!(bench.catalog.asset(asset.id).await.expect("read"), asset);
    }
    let full = bench.full_asset(category.id);
    let full = crate::model::Asset { id: asset.id, revision: 4, ..full };
    let updated = bench.catalog.update_asset(&full).await.expect("every field can change");
    assert_eq!(updated, crate::model::Asset { revision: 5, ..full });
    assert_eq!(bench.catalog.asset(other.id).await.expect("read"), other);
}

/// A stale revision is `Conflict` with both revisions and changes nothing.
pub async fn asset_stale_update_conflicts(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let first = bench.stored_asset("first").await;
    let mut second = first.clone();
    second.title = "second".into();
    let second = bench.catalog.update_asset(&second).await.expect("update");
    let mut stale = first;
    stale.title = "stale".into();
    stale.lifecycle = Lifecycle::Trashed;
    let error =
        assert_kind(bench.catalog.update_asset(&stale).await, ErrorKind::Conflict, "stale update");
    assert_eq!((error.get("expected"), error.get("revision")), (Some("1"), Some("2")));
    stale.revision = 9;
    assert_kind(
        bench.catalog.update_asset(&stale).await,
        ErrorKind::Conflict,
        "a revision to come",
    );
    assert_eq!(bench.catalog.asset(second.id).await.expect("read"), second);
    let found = bench.catalog.search(&Query::text("stale")).await.expect("search");
    assert_eq!(found.total, 0, "nothing of the stale write is found");
}

/// Versions, renditions, annotations and search go with a deleted asset; its neighbours stay.
pub async fn asset_delete_takes_everything(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let mut kept = Vec::new();
    for title in ["london one", "london two", "london three"] {
        let asset = bench.stored_asset(title).await;
        let version = bench.version(asset.id, 1);
        catalog.insert_version(&version).await.expect("version");
        let verified = InstanceState::Verified { verified_at: bench.now() };
        let original = bench.rendition(
            &version,
            Role::Original,
            vec![bench.instance(&"a".repeat(32), 77, verified)],
        );
        catalog.put_rendition(&original).await.expect("rendition");
        let annotation = bench.annotation(asset.id, AnnotationKind::Marker, "thunder");
        catalog.insert_annotations(std::slice::from_ref(&annotation)).await.expect("annotation");
        kept.push((asset, original, annotation));
    }
    let (gone, original, annotation) = kept.remove(1);
    catalog.delete_asset(gone.id).await.expect("delete");
    assert_kind(catalog.asset(gone.id).await, ErrorKind::NotFound, "the asset");
    assert_kind(catalog.rendition(original.id).await, ErrorKind::NotFound, "its rendition");
    assert_kind(catalog.annotation(annotation.id).await, ErrorKind::NotFound, "its annotation");
    let to = InstanceState::Missing;
    let instance = original.instances[0].id;
    let state = catalog.set_instance_state(instance, &["verified"], &to).await;
    assert_kind(state, ErrorKind::NotFound, "its instance");
    let left: Vec<AssetId> = kept.iter().map(|(asset, ..)| asset.id).collect();
    for text in ["london", "thunder"] {
        let found = catalog.search(&Query::text(text)).await.expect("search");
        let mut ids: Vec<AssetId> = found.items.iter().map(|hit| hit.asset.id).collect();
        ids.sort_unstable();
        assert_eq!((ids, found.total), (left.clone(), 2), "{text}");
    }
    let content = catalog.find_content(&"a".repeat(32), 77).await.expect("content");
    assert_eq!(content.iter().map(|found| found.asset).collect::<Vec<_>>(), left);
    for (asset, original, annotation) in kept {
        assert_eq!(catalog.renditions(asset.id).await.expect("renditions"), [original]);
        assert_eq!(catalog.annotation(annotation.id).await.expect("annotation"), annotation);
    }
    // The id is free again, as it never was there.
    catalog.insert_assets(std::slice::from_ref(&gone)).await.expect("insert again");
    assert!(catalog.versions(gone.id).await.expect("versions").is_empty());
}

/// Assets whose file names have that stem, oldest first and at most as many as asked for; trashed
/// ones are not found.
pub async fn assets_are_found_by_stem(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let mut assets = Vec::new();
    let names = ["A001.MOV", "caf\u{e9} 😀.wav", "a001.mxf", "A001.x.mov", "", "a001"];
    for name in names {
        assets.push(Asset { file_name: name.into(), ..bench.asset("t") });
    }
    catalog.insert_assets(&assets).await.expect("insert");
    let found = |stem: &'static str, limit| async move {
        let found = catalog.assets_by_stem(stem, limit).await.expect("find");
        found.into_iter().map(|asset| asset.id).collect::<Vec<_>>()
    };
    let ids: Vec<_> = assets.iter().map(|asset| asset.id).collect();
    assert_eq!(found("a001", 10).await, [ids[0], ids[2], ids[5]]);
    assert_eq!(found("a001", 2).await, [ids[0], ids[2]]);
    assert_eq!(found("caf\u{e9} 😀", 10).await, [ids[1]]);
    assert_eq!(found("a001.x", 10).await, [ids[3]]);
    assert!(found("", 10).await.is_empty() && found("a", 10).await.is_empty());

    let renamed = Asset { file_name: "B002.mov".into(), ..assets[0].clone() };
    catalog.update_asset(&renamed).await.expect("rename");
    let trashed = Asset { lifecycle: Lifecycle::Trashed, ..assets[2].clone() };
    catalog.update_asset(&trashed).await.expect("trash");
    assert_eq!(found("a001", 10).await, [ids[5]]);
    assert_eq!(found("b002", 10).await, [ids[0]]);
    catalog.delete_asset(ids[5]).await.expect("delete");
    assert!(found("a001", 10).await.is_empty());
}
