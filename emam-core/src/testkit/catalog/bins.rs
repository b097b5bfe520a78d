//! Bins.

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::error::ErrorKind;
use crate::id::{AnnotationId, BinItemId, SequenceId, VersionId};
use crate::model::{Bin, BinItem, BinTarget};

/// Items read back in the order they were given.
pub async fn bin_items_keep_their_order(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (project, root) = bench.stored_project("p").await;
    let asset = bench.stored_asset("a").await.id;
    let targets = [
        BinTarget::Sequence { sequence: SequenceId::new(&bench.clock) },
        BinTarget::Asset { asset },
        BinTarget::Version { asset, version: VersionId::new(&bench.clock) },
        BinTarget::Subclip { asset, annotation: AnnotationId::new(&bench.clock) },
        BinTarget::Asset { asset },
    ];
    let mut bin = bench.bin(&project, Some(&root), "b");
    bin.items = targets.map(|target| BinItem { id: BinItemId::new(&bench.clock), target }).to_vec();
    bench.catalog.insert_bin(&bin).await.expect("insert");
    assert_eq!(bench.catalog.bin(bin.id).await.expect("read"), bin);
    bin.items.reverse();
    bin.items.remove(1);
    let updated = bench.catalog.update_bin(&bin).await.expect("update");
    assert_eq!(updated, Bin { revision: 2, ..bin.clone() });
    assert_eq!(bench.catalog.bin(bin.id).await.expect("read").items, bin.items);

    // Siblings by position, each after its parent.
    let mut names = Vec::new();
    for (position, name) in [(2, "third"), (0, "first"), (1, "second")] {
        let sibling = Bin { position, ..bench.bin(&project, Some(&updated), name) };
        bench.catalog.insert_bin(&sibling).await.expect("insert");
        bench.stored_bin(&project, &sibling, &format!("in {name}")).await;
    }
    for bin in bench.catalog.bins(project.id).await.expect("list") {
        names.push(bin.name);
    }
    let expected = ["p", "b", "first", "in first", "second", "in second", "third", "in third"];
    assert_eq!(names, expected);
}

/// A parent that is unknown is `NotFound`; one of another project is `InvalidInput`.
pub async fn bin_needs_its_parent(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (project, root) = bench.stored_project("p").await;
    let (_, other_root) = bench.stored_project("q").await;
    let unknown = bench.bin(&project, Some(&root), "unknown");
    let stored = bench.stored_bin(&project, &root, "stored").await;
    for (parent, kind) in [(&unknown, ErrorKind::NotFound), (&other_root, ErrorKind::InvalidInput)]
    {
        let bin = bench.bin(&project, Some(parent), "b");
        assert_kind(catalog.insert_bin(&bin).await, kind, "insert");
        assert_kind(catalog.bin(bin.id).await, ErrorKind::NotFound, "not inserted");
        let moved = Bin { parent: Some(parent.id), ..stored.clone() };
        assert_kind(catalog.update_bin(&moved).await, kind, "move");
    }
    let second_root = bench.bin(&project, None, "second root");
    assert_kind(catalog.insert_bin(&second_root).await, ErrorKind::InvalidInput, "a second root");
    let (nowhere, nowhere_root) = bench.project("nowhere");
    let bin = bench.bin(&nowhere, Some(&nowhere_root), "b");
    assert_kind(catalog.insert_bin(&bin).await, ErrorKind::NotFound, "an unknown project");
    assert_eq!(catalog.bins(project.id).await.expect("bins"), [root, stored]);
}

/// A parent that is the bin itself or below it is `InvalidInput` and changes nothing.
pub async fn bin_cycle(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (project, root) = bench.stored_project("p").await;
    let top = bench.stored_bin(&project, &root, "top").await;
    let middle = bench.stored_bin(&project, &top, "middle").await;
    let low = bench.stored_bin(&project, &middle, "low").await;
    for parent in [&top, &middle, &low] {
        let moved = Bin { parent: Some(parent.id), ..top.clone() };
        assert_kind(catalog.update_bin(&moved).await, ErrorKind::InvalidInput, "a cycle");
    }
    let listed = catalog.bins(project.id).await.expect("bins");
    assert_eq!(listed, [root.clone(), top.clone(), middle.clone(), low.clone()]);
    let moved = Bin { parent: Some(root.id), position: 7, ..middle };
    let middle = catalog.update_bin(&moved).await.expect("a move up");
    assert_eq!(catalog.bins(project.id).await.expect("bins"), [root, top, middle, low]);
}

/// The bins in a deleted bin go with it; assets stay.
pub async fn bin_delete_takes_its_bins(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.stored_asset("a").await;
    let (project, root) = bench.stored_project("p").await;
    let kept = bench.stored_bin(&project, &root, "kept").await;
    let top = bench.stored_bin(&project, &root, "top").await;
    let mut parent = top.clone();
    // Deep enough to trip what recurses.
    for depth in 0..40 {
        let mut bin = bench.bin(&project, Some(&parent), &format!("{depth}"));
        bin.items = vec![BinItem {
            id: BinItemId::new(&bench.clock),
            target: BinTarget::Asset { asset: asset.id },
        }];
        catalog.insert_bin(&bin).await.expect("insert");
        parent = bin;
    }
    catalog.delete_bin(top.id).await.expect("delete");
    assert_kind(catalog.bin(parent.id).await, ErrorKind::NotFound, "the lowest");
    assert_eq!(catalog.bins(project.id).await.expect("bins"), [root, kept]);
    assert_eq!(catalog.asset(asset.id).await.expect("read"), asset);
    assert_kind(catalog.delete_bin(top.id).await, ErrorKind::NotFound, "deleted twice");
}

/// Deleting or moving a root bin is `Conflict`.
pub async fn bin_root_stays(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (project, root) = bench.stored_project("p").await;
    let low = bench.stored_bin(&project, &root, "low").await;
    assert_kind(catalog.delete_bin(root.id).await, ErrorKind::Conflict, "delete");
    let moved = Bin { parent: Some(low.id), ..root.clone() };
    assert_kind(catalog.update_bin(&moved).await, ErrorKind::Conflict, "move");
    let renamed = Bin { name: "renamed".into(), ..root.clone() };
    let root = catalog.update_bin(&renamed).await.expect("a new name is fine");
    assert_eq!(catalog.bins(project.id).await.expect("bins"), [root, low]);
}

/// A stale revision is `Conflict` and changes nothing.
pub async fn bin_stale_update_conflicts(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (project, root) = bench.stored_project("p").await;
    let first = bench.stored_bin(&project, &root, "first").await;
    let second = Bin { name: "second".into(), ..first.clone() };
    let second = bench.catalog.update_bin(&second).await.expect("update");
    let stale = Bin { name: "stale".into(), ..first };
    let error = bench.catalog.update_bin(&stale).await;
    let error = assert_kind(error, ErrorKind::Conflict, "a stale update");
    assert_eq!((error.get("expected"), error.get("revision")), (Some("1"), Some("2")));
    assert_eq!(bench.catalog.bin(second.id).await.expect("read"), second);
    let unknown = bench.bin(&project, Some(&root), "unknown");
    assert_kind(bench.catalog.update_bin(&unknown).await, ErrorKind::NotFound, "unknown");
}

/// Every bin that has the asset, a version or a subclip of it now, oldest first.
pub async fn bins_that_hold_an_asset(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (project, root) = bench.stored_project("p").await;
    let (asset, other) = (bench.stored_asset("a").await.id, bench.stored_asset("b").await.id);
    let of = |name: &str, targets: &[BinTarget]| {
        let item =
            |target: &BinTarget| BinItem { id: BinItemId::new(&bench.clock), target: *target };
        Bin { items: targets.iter().map(item).collect(), ..bench.bin(&project, Some(&root), name) }
    };
    let version = BinTarget::Version { asset, version: VersionId::new(&bench.clock) };
    let subclip = BinTarget::Subclip { asset, annotation: AnnotationId::new(&bench.clock) };
    let whole = BinTarget::Asset { asset };
    let none = BinTarget::Sequence { sequence: SequenceId::new(&bench.clock) };
    let bins = [
        of("z", &[whole, whole]),
        of("a", &[version, BinTarget::Asset { asset: other }]),
        of("m", &[none, subclip]),
        of("x", &[none]),
    ];
    for bin in &bins {
        catalog.insert_bin(bin).await.expect("insert");
    }
    let holding = |asset| async move {
        let found = catalog.bins_with_asset(asset).await.expect("find");
        found.into_iter().map(|bin| bin.name).collect::<Vec<_>>()
    };
    assert_eq!(holding(asset).await, ["z", "a", "m"]);
    assert_eq!(catalog.bins_with_asset(other).await.expect("find"), [bins[1].clone()]);
    let emptied = Bin { items: Vec::new(), ..bins[1].clone() };
    catalog.update_bin(&emptied).await.expect("update");
    assert_eq!(holding(asset).await, ["z", "m"]);
    assert!(holding(other).await.is_empty());
    catalog.delete_bin(bins[0].id).await.expect("delete");
    assert_eq!(holding(asset).await, ["m"]);
}
