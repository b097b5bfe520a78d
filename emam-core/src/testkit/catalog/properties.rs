//! What must hold over all nouns, whoever writes meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::backend::catalog::{AnnotationFilter, FacetField, Query, RunFilter, Sort};
use crate::error::ErrorKind;
use crate::id::AssetId;
use crate::model::{Asset, PageRequest, RunKind};

/// Paging on while assets come and go gives each asset that stays once.
pub async fn cursors_survive_changes(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    for sort in [Sort::Newest, Sort::Oldest, Sort::Title, Sort::Largest, Sort::Relevance] {
        let mut stay = BTreeSet::new();
        let mut go = Vec::new();
        for number in 0..30 {
            let asset = bench.stored_asset(&format!("rain {:02}", (number * 7) % 30)).await;
            if number % 3 == 0 {
                go.push(asset.id);
            } else {
                stay.insert(asset.id);
            }
        }
        let mut query = Query::text("rain").sort(sort).limit(4);
        let mut seen: Vec<AssetId> = Vec::new();
        loop {
            let page = bench.catalog.search(&query).await.expect("search");
            seen.extend(page.items.iter().map(|hit| hit.asset.id));
            let Some(next) = page.next else { break };
            query.cursor = Some(next);
            // One of the last page goes, and one of the pages to come where there is one.
            let last = page.items.last().map(|hit| hit.asset.id);
            for id in last.filter(|id| go.contains(id)).into_iter().chain(go.last().copied()) {
                bench.catalog.delete_asset(id).await.expect("delete");
                go.retain(|other| *other != id);
            }
            bench.stored_asset("rain 15").await;
        }
        let unique: BTreeSet<AssetId> = seen.iter().copied().collect();
        assert_eq!(unique.len(), seen.len(), "{sort:?}: each comes once");
        let missed: Vec<_> = stay.difference(&unique).collect();
        assert!(missed.is_empty(), "{sort:?}: missed {missed:?}");
        for id in unique {
            // Those deleted above are gone already.
            let _ = bench.catalog.delete_asset(id).await;
        }
        let rest = bench.catalog.search(&Query::text("rain").limit(1000)).await.expect("search");
        for hit in rest.items {
            bench.catalog.delete_asset(hit.asset.id).await.expect("delete");
        }
    }
}

/// A limit is from 1 to 1,000 for every list.
pub async fn limits_are_checked(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let asset = bench.stored_asset("a").await;
    let catalog = &bench.catalog;
    for limit in [i64::MIN, -1, 0, 1001, i64::MAX] {
        let page = PageRequest::first(limit);
        let search = catalog.search(&Query::all().limit(limit)).await;
        let error = assert_kind(search, ErrorKind::InvalidInput, "search");
        assert_eq!(error.get("limit"), Some(limit.to_string().as_str()));
        assert_kind(catalog.projects(&page).await, ErrorKind::InvalidInput, "projects");
        let runs = catalog.runs(&RunFilter::default(), &page).await;
        assert_kind(runs, ErrorKind::InvalidInput, "runs");
        let notes = catalog.annotations(asset.id, &AnnotationFilter::default(), &page).await;
        assert_kind(notes, ErrorKind::InvalidInput, "annotations");
    }
    for limit in [1, 1000] {
        assert_eq!(catalog.search(&Query::all().limit(limit)).await.expect("search").total, 1);
    }
}

/// What many write at once is all there, found and in the log.
pub async fn many_writers_lose_nothing(fixture: &dyn CatalogFixture) {
    let bench = Arc::new(Bench::new(fixture).await);
    const WRITERS: usize = 8;
    const EACH: usize = 10;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for number in 0..EACH {
                    let mut asset = bench.asset(&format!("rain {writer} {number}"));
                    asset.tags = vec![format!("tag {number}")];
                    bench
                        .catalog
                        .insert_assets(std::slice::from_ref(&asset))
                        .await
                        .expect("insert");
                    asset.title += " changed";
                    let asset = bench.catalog.update_asset(&asset).await.expect("update");
                    bench.started(RunKind::Analyze).await;
                    ids.push(asset.id);
                }
                ids
            })
        })
        .collect();
    let mut expected = BTreeSet::new();
    for writer in writers {
        expected.extend(writer.await.expect("a writer"));
    }
    let query = Query::text("rain changed").facet(FacetField::Tag).limit(1000);
    let page = bench.catalog.search(&query).await.expect("search");
    let found: BTreeSet<AssetId> = page.items.iter().map(|hit| hit.asset.id).collect();
    assert_eq!(found, expected);
    assert_eq!(page.total, u64::try_from(WRITERS * EACH).expect("small"));
    let tags: Vec<u64> = page.facets[0].values.iter().map(|value| value.count).collect();
    assert_eq!(tags, [u64::try_from(WRITERS).expect("small"); EACH]);
    let events = bench.catalog.events(0, 1000).await.expect("events");
    assert_eq!(events.len(), WRITERS * EACH * 3);
}

/// Of many writers who have read the same revision one wins; the others are told.
pub async fn one_of_many_stale_writers_wins(fixture: &dyn CatalogFixture) {
    let bench = Arc::new(Bench::new(fixture).await);
    let asset = bench.stored_asset("start").await;
    let writers: Vec<_> = (0..12)
        .map(|writer| {
            let bench = Arc::clone(&bench);
            let mine = Asset { title: format!("writer {writer}"), ..asset.clone() };
            tokio::spawn(async move { bench.catalog.update_asset(&mine).await })
        })
        .collect();
    let mut won = Vec::new();
    for writer in writers {
        match writer.await.expect("a writer") {
            Ok(asset) => won.push(asset),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(bench.catalog.asset(asset.id).await.expect("read"), won[0]);
}
