//! Categories.

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::backend::catalog::Query;
use crate::error::ErrorKind;
use crate::model::Category;

/// A second sibling of a name is `AlreadyExists`; elsewhere the name is free.
pub async fn category_names_are_unique_among_siblings(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let news = bench.stored_category(None, "News").await;
    let sport = bench.stored_category(None, "Sport").await;
    let inner = bench.stored_category(Some(&news), "News").await;
    let other = bench.stored_category(Some(&sport), "News").await;
    for parent in [None, Some(&news)] {
        let second = bench.category(parent, "News");
        let error = catalog.insert_category(&second).await;
        assert_kind(error, ErrorKind::AlreadyExists, "a second of the name");
        assert_kind(catalog.category(second.id).await, ErrorKind::NotFound, "not inserted");
    }
    let mut renamed = sport.clone();
    renamed.name = "News".into();
    let error = catalog.update_category(&renamed).await;
    assert_kind(error, ErrorKind::AlreadyExists, "renamed to a sibling's name");
    let mut moved = other.clone();
    moved.parent = Some(news.id);
    let error = catalog.update_category(&moved).await;
    assert_kind(error, ErrorKind::AlreadyExists, "moved beside one of its name");
    let listed = catalog.categories().await.expect("list");
    assert_eq!(listed, [news, inner, sport, other], "each after its parent, siblings by name");
    let again = catalog.insert_category(&listed[0]).await;
    assert_kind(again, ErrorKind::AlreadyExists, "a known id");
}

/// An unknown parent is `NotFound`.
pub async fn category_needs_its_parent(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let unknown = bench.category(None, "unknown");
    let orphan = bench.category(Some(&unknown), "orphan");
    let error = bench.catalog.insert_category(&orphan).await;
    let error = assert_kind(error, ErrorKind::NotFound, "an unknown parent");
    assert_eq!(error.get("id"), Some(unknown.id.to_string().as_str()));
    let mut stored = bench.stored_category(None, "a").await;
    stored.parent = Some(unknown.id);
    let error = bench.catalog.update_category(&stored).await;
    assert_kind(error, ErrorKind::NotFound, "moved under an unknown one");
    stored.parent = None;
    assert_eq!(bench.catalog.categories().await.expect("list"), [stored]);
}

/// A parent that is the category itself or below it is `InvalidInput` and changes nothing.
pub async fn category_moved_under_itself(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let top = bench.stored_category(None, "top").await;
    let middle = bench.stored_category(Some(&top), "middle").await;
    let low = bench.stored_category(Some(&middle), "low").await;
    let aside = bench.stored_category(None, "aside").await;
    for parent in [&top, &middle, &low] {
        let moved = Category { parent: Some(parent.id), ..top.clone() };
        let error = catalog.update_category(&moved).await;
        assert_kind(error, ErrorKind::InvalidInput, "moved under itself");
    }
    let own = bench.category(None, "own");
    let own = Category { parent: Some(own.id), ..own };
    assert!(catalog.insert_category(&own).await.is_err(), "inserted under itself");
    let listed = catalog.categories().await.expect("list");
    assert_eq!(listed, [aside.clone(), top.clone(), middle.clone(), low.clone()]);

    let moved = Category { parent: Some(aside.id), ..middle };
    let middle = catalog.update_category(&moved).await.expect("a move elsewhere");
    assert_eq!(middle, Category { revision: 2, ..moved });
    assert_eq!(catalog.categories().await.expect("list"), [aside, middle, low, top]);
}

/// Deleting a category that has children is `Conflict`.
pub async fn category_delete_with_children(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let top = bench.stored_category(None, "top").await;
    let low = bench.stored_category(Some(&top), "low").await;
    assert_kind(catalog.delete_category(top.id).await, ErrorKind::Conflict, "it has a child");
    assert_eq!(catalog.categories().await.expect("list").len(), 2);
    catalog.delete_category(low.id).await.expect("delete the child");
    catalog.delete_category(top.id).await.expect("delete it then");
    assert_kind(catalog.delete_category(top.id).await, ErrorKind::NotFound, "deleted twice");
    assert!(catalog.categories().await.expect("list").is_empty());
}

/// Deleting a category takes it off every asset filed under it.
pub async fn category_delete_unfiles(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let (news, sport) =
        (bench.stored_category(None, "News").await, bench.stored_category(None, "Sport").await);
    let mut both = bench.asset("both");
    both.categories = vec![sport.id, news.id];
    let mut one = bench.asset("one");
    one.categories = vec![sport.id];
    catalog.insert_assets(&[both.clone(), one.clone()]).await.expect("insert");
    catalog.delete_category(news.id).await.expect("delete");
    let mut unfiled = catalog.asset(both.id).await.expect("read");
    assert_eq!(unfiled.categories, [sport.id]);
    assert_eq!(catalog.asset(one.id).await.expect("read"), one);
    let filed = |id| Query { categories: vec![id], ..Query::all() };
    assert_eq!(catalog.search(&filed(news.id)).await.expect("search").total, 0);
    assert_eq!(catalog.search(&filed(sport.id)).await.expect("search").total, 2);
    // Who read it before must not write the category back.
    assert_kind(catalog.update_asset(&both).await, ErrorKind::Conflict, "a write from before");
    unfiled.title = "changed".into();
    catalog.update_asset(&unfiled).await.expect("what is read now can be written");
}

/// A stale revision is `Conflict` and changes nothing.
pub async fn category_stale_update_conflicts(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let first = bench.stored_category(None, "first").await;
    let second = Category { name: "second".into(), ..first.clone() };
    let second = bench.catalog.update_category(&second).await.expect("update");
    let stale = Category { name: "stale".into(), ..first };
    let error = bench.catalog.update_category(&stale).await;
    let error = assert_kind(error, ErrorKind::Conflict, "a stale update");
    assert_eq!((error.get("expected"), error.get("revision")), (Some("1"), Some("2")));
    assert_eq!(bench.catalog.category(second.id).await.expect("read"), second);
    let unknown = bench.category(None, "unknown");
    assert_kind(bench.catalog.update_category(&unknown).await, ErrorKind::NotFound, "unknown");
}
