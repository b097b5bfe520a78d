//! Projects.

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::error::ErrorKind;
use crate::model::{BinItem, BinTarget, PageRequest, Project};

/// A project and its root bin are inserted together.
pub async fn project_comes_with_its_root_bin(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (project, root) = bench.stored_project("Promo").await;
    assert_eq!(catalog.project(project.id).await.expect("read"), project);
    assert_eq!(catalog.bin(root.id).await.expect("read"), root);
    assert_eq!(catalog.bins(project.id).await.expect("bins"), std::slice::from_ref(&root));

    // Neither without the other.
    let (other, mut other_root) = bench.project("Other");
    other_root.id = root.id;
    let other = Project { root_bin: root.id, ..other };
    let error = catalog.insert_project(&other, &other_root).await;
    assert_kind(error, ErrorKind::AlreadyExists, "a root bin that exists");
    assert_kind(catalog.project(other.id).await, ErrorKind::NotFound, "a project without root");
    let (stranger, _) = bench.project("Stranger");
    let (_, foreign_root) = bench.project("Foreign");
    let error = catalog.insert_project(&stranger, &foreign_root).await;
    assert_kind(error, ErrorKind::InvalidInput, "a root bin of another project");
    let error = catalog.insert_project(&project, &root).await;
    assert_kind(error, ErrorKind::AlreadyExists, "a known project");
    assert_kind(catalog.bins(stranger.id).await, ErrorKind::NotFound, "bins of an unknown one");
}

/// A stale revision is `Conflict` and changes nothing.
pub async fn project_stale_update_conflicts(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (first, _) = bench.stored_project("first").await;
    let second = Project { name: "second".into(), ..first.clone() };
    let second = bench.catalog.update_project(&second).await.expect("update");
    assert_eq!((second.revision, second.name.as_str()), (2, "second"));
    let stale = Project { name: "stale".into(), ..first };
    let error = bench.catalog.update_project(&stale).await;
    let error = assert_kind(error, ErrorKind::Conflict, "a stale update");
    assert_eq!((error.get("expected"), error.get("revision")), (Some("1"), Some("2")));
    assert_eq!(bench.catalog.project(second.id).await.expect("read"), second);
    let (unknown, _) = bench.project("unknown");
    assert_kind(bench.catalog.update_project(&unknown).await, ErrorKind::NotFound, "unknown");
}

/// A deleted project's bins and sequences go with it; assets stay.
pub async fn project_delete_takes_bins_and_sequences(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.stored_asset("a").await;
    let (kept, kept_root) = bench.stored_project("kept").await;
    let (gone, root) = bench.stored_project("gone").await;
    let mut low = bench.stored_bin(&gone, &root, "low").await;
    low.items = vec![BinItem {
        id: crate::id::BinItemId::new(&bench.clock),
        target: BinTarget::Asset { asset: asset.id },
    }];
    let low = catalog.update_bin(&low).await.expect("update");
    let lower = bench.stored_bin(&gone, &low, "lower").await;
    let sequence = bench.sequence(gone.id, "cut");
    catalog.insert_sequence(&sequence).await.expect("insert");
    catalog.delete_project(gone.id).await.expect("delete");
    assert_kind(catalog.project(gone.id).await, ErrorKind::NotFound, "the project");
    for bin in [root.id, low.id, lower.id] {
        assert_kind(catalog.bin(bin).await, ErrorKind::NotFound, "its bin");
    }
    assert_kind(catalog.sequence(sequence.id).await, ErrorKind::NotFound, "its sequence");
    assert_eq!(catalog.asset(asset.id).await.expect("read"), asset);
    assert_eq!(catalog.bins(kept.id).await.expect("bins"), [kept_root]);
    assert_kind(catalog.delete_project(gone.id).await, ErrorKind::NotFound, "deleted twice");
}

/// Each project comes once over pages of any size, the newest first.
pub async fn projects_are_paged_newest_first(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let empty = bench.catalog.projects(&PageRequest::default()).await.expect("list");
    assert!(empty.items.is_empty() && empty.next.is_none());
    let mut expected = Vec::new();
    for number in 0..7 {
        expected.insert(0, bench.stored_project(&format!("{number}")).await.0);
    }
    for limit in [1, 2, 3, 7, 8] {
        let mut page = PageRequest::first(limit);
        let mut listed = Vec::new();
        loop {
            let got = bench.catalog.projects(&page).await.expect("list");
            listed.extend(got.items);
            match got.next {
                None => break,
                next => page.cursor = next,
            }
        }
        assert_eq!(listed, expected, "in pages of {limit}");
    }
}
