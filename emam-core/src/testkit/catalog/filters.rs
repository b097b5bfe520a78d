//! Search: filters, facets, orders.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::CatalogFixture;
use super::make::Bench;
use super::search::found;
use crate::backend::catalog::{FacetField, Query, Sort};
use crate::id::AssetId;
use crate::model::{AnnotationKind, Asset, AssetKind, Category, Lifecycle, MediaSummary};
use crate::time::{MediaTime, Rate};

/// A library that has something of everything, the oldest first: 48 assets and the categories
/// `top`, `top/low` and `aside`.
async fn library(bench: &Bench) -> (Vec<Asset>, [Category; 3]) {
    let top = bench.stored_category(None, "top").await;
    let low = bench.stored_category(Some(&top), "low").await;
    let aside = bench.stored_category(None, "aside").await;
    let kinds = [AssetKind::Video, AssetKind::Audio, AssetKind::Image, AssetKind::Other];
    let lifecycles = [
        Lifecycle::Ready,
        Lifecycle::Failed,
        Lifecycle::Ready,
        Lifecycle::Trashed,
        Lifecycle::Added,
    ];
    let mut assets = Vec::new();
    for n in 0..48_usize {
        // Titles come twice and do not sort as they were made.
        let mut asset = bench.asset(&format!("Clip {:02}", (n * 29) % 24));
        asset.kind = kinds[n % 4];
        asset.lifecycle = lifecycles[n % 5];
        asset.description = if n % 3 == 0 { "rain".into() } else { "sun".into() };
        asset.rating = (n % 6 > 0).then(|| u8::try_from(n % 6).expect("small"));
        asset.tags = match n % 7 {
            0 => vec!["Été".into(), "wet".into()],
            1 => vec!["wet".into()],
            2 => vec!["fog, heavy".into()],
            _ => Vec::new(),
        };
        asset.categories = match n % 5 {
            0 => vec![top.id],
            1 => vec![low.id, aside.id],
            2 => vec![aside.id],
            _ => Vec::new(),
        };
        let frames = i64::try_from((n * 7) % 10).expect("small") * 25;
        asset.media = (n % 4 != 3).then(|| MediaSummary {
            size: u64::try_from((n * 31) % 12).expect("small") * 1_000_000_007,
            md5: Some(format!("{:032x}", n / 2)),
            container: Some(if n % 2 == 0 { "mov" } else { "mxf" }.into()),
            video_codec: (n % 4 == 0).then(|| "prores".into()),
            audio_codec: Some(if n % 8 < 4 { "aac" } else { "pcm_s24le" }.into()),
            duration: (n % 4 != 2).then(|| MediaTime::new(frames, Rate::FPS_25)),
            ..MediaSummary::default()
        });
        asset.created_at = bench.at(i64::try_from(n).expect("small"));
        assets.push(asset);
    }
    for batch in assets.chunks(20) {
        bench.catalog.insert_assets(batch).await.expect("insert");
    }
    (assets, [top, low, aside])
}

fn codec(asset: &Asset) -> Option<&str> {
    let media = asset.media.as_ref()?;
    media.video_codec.as_deref().or(media.audio_codec.as_deref())
}

fn millis(asset: &Asset) -> Option<i64> {
    let duration = asset.media.as_ref()?.duration?;
    let (seconds, parts) = duration.seconds();
    i64::try_from(seconds * 1000 / parts).ok()
}

/// What a query finds, the plain way. `categories` are those asked for with those below them.
fn fits(query: &Query, categories: &[crate::id::CategoryId], asset: &Asset) -> bool {
    let any = |wanted: bool, fits: bool| !wanted || fits;
    let md5 = asset.media.as_ref().and_then(|media| media.md5.clone());
    let lifecycle = if query.lifecycles.is_empty() {
        asset.lifecycle != Lifecycle::Trashed
    } else {
        query.lifecycles.contains(&asset.lifecycle)
    };
    let tags = |tag: &String| asset.tags.iter().any(|own| fold(own) == fold(tag));
    lifecycle
        && any(!query.kinds.is_empty(), query.kinds.contains(&asset.kind))
        && query.tags.iter().all(tags)
        && any(
            !query.categories.is_empty(),
            asset.categories.iter().any(|category| categories.contains(category)),
        )
        && any(
            !query.codecs.is_empty(),
            codec(asset).is_some_and(|codec| query.codecs.iter().any(|wanted| wanted == codec)),
        )
        && any(query.md5.is_some(), md5 == query.md5.as_ref().map(|md5| md5.to_lowercase()))
        && query.min_rating.is_none_or(|least| asset.rating.is_some_and(|own| own >= least))
        && query.min_duration_ms.is_none_or(|least| millis(asset).is_some_and(|own| own >= least))
        && query.max_duration_ms.is_none_or(|most| millis(asset).is_some_and(|own| own <= most))
        && query.created_from.is_none_or(|from| asset.created_at >= from)
        && query.created_before.is_none_or(|before| asset.created_at < before)
        && query.text.as_ref().is_none_or(|text| asset.description == *text)
}

/// The few letters of this suite with case and accents aside.
fn fold(text: &str) -> String {
    text.replace(['É', 'é'], "e").to_lowercase()
}

/// Queries for the library: each filter alone, and several together.
fn queries(bench: &Bench, [top, low, aside]: &[Category; 3]) -> Vec<Query> {
    let one = |change: &dyn Fn(&mut Query)| {
        let mut query = Query::all();
        change(&mut query);
        query
    };
    let mut queries = vec![
        Query::all(),
        one(&|q| q.kinds = vec![AssetKind::Video]),
        one(&|q| q.kinds = vec![AssetKind::Video, AssetKind::Image]),
        one(&|q| q.kinds = vec![AssetKind::Document]),
        one(&|q| q.lifecycles = vec![Lifecycle::Trashed, Lifecycle::Failed]),
        one(&|q| q.tags = vec!["WET".into()]),
        one(&|q| q.tags = vec!["ete".into()]),
        one(&|q| q.tags = vec!["wet".into(), "été".into()]),
        one(&|q| q.tags = vec!["Fog, heavy".into()]),
        one(&|q| q.tags = vec!["fog".into()]),
        one(&|q| q.categories = vec![top.id]),
        one(&|q| q.categories = vec![low.id]),
        one(&|q| q.categories = vec![low.id, aside.id]),
        one(&|q| q.categories = vec![crate::id::CategoryId::from_uuid(uuid::Uuid::nil())]),
        one(&|q| q.codecs = vec!["prores".into()]),
        one(&|q| q.codecs = vec!["aac".into(), "pcm_s24le".into()]),
        one(&|q| q.codecs = vec!["no such codec".into()]),
        one(&|q| q.md5 = Some(format!("{:032X}", 10))),
        one(&|q| q.md5 = Some("f".repeat(32))),
        one(&|q| q.min_rating = Some(4)),
        one(&|q| q.min_rating = Some(6)),
        one(&|q| q.min_duration_ms = Some(4000)),
        one(&|q| q.max_duration_ms = Some(3000)),
        one(&|q| q.min_duration_ms = Some(-1)),
        one(&|q| (q.min_duration_ms, q.max_duration_ms) = (Some(2000), Some(2000))),
        one(&|q| (q.min_duration_ms, q.max_duration_ms) = (Some(5000), Some(4000))),
        one(&|q| q.created_from = Some(bench.at(20))),
        one(&|q| q.created_before = Some(bench.at(20))),
        one(&|q| (q.created_from, q.created_before) = (Some(bench.at(7)), Some(bench.at(31)))),
        one(&|q| {
            q.kinds = vec![AssetKind::Video, AssetKind::Audio];
            q.min_rating = Some(2);
            q.categories = vec![top.id];
        }),
        one(&|q| {
            q.kinds = vec![AssetKind::Video];
            q.lifecycles = vec![Lifecycle::Ready, Lifecycle::Added];
            q.tags = vec!["wet".into()];
            q.categories = vec![top.id, aside.id];
            q.codecs = vec!["prores".into()];
            q.min_rating = Some(1);
            q.min_duration_ms = Some(0);
            q.max_duration_ms = Some(9000);
            q.created_from = Some(bench.at(0));
            q.created_before = Some(bench.at(47));
        }),
    ];
    let with_text: Vec<Query> =
        queries.iter().map(|query| Query { text: Some("rain".into()), ..query.clone() }).collect();
    queries.extend(with_text);
    queries
}

/// The categories asked for with those below them.
fn below(query: &Query, [top, low, _]: &[Category; 3]) -> Vec<crate::id::CategoryId> {
    let mut categories = query.categories.clone();
    if categories.contains(&top.id) {
        categories.push(low.id);
    }
    categories
}

/// Each filter alone and all together give exactly what fits.
pub async fn search_filters_narrow(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (assets, categories) = library(&bench).await;
    let mut matched = 0;
    for query in queries(&bench, &categories) {
        let below = below(&query, &categories);
        let expected: BTreeSet<AssetId> = assets
            .iter()
            .filter(|asset| fits(&query, &below, asset))
            .map(|asset| asset.id)
            .collect();
        matched += expected.len();
        let ids: BTreeSet<AssetId> =
            found(&*bench.catalog, &query, 100).await.into_iter().collect();
        assert_eq!(ids, expected, "{query:?}");
    }
    assert!(matched > 300, "the queries of this case find something");
}

/// Facet values count every match, not just the page; the most frequent come first.
pub async fn search_facets_count_all_matches(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (assets, categories) = library(&bench).await;
    let fields = [
        FacetField::Kind,
        FacetField::Lifecycle,
        FacetField::Codec,
        FacetField::Container,
        FacetField::Rating,
        FacetField::Tag,
        FacetField::Category,
    ];
    let values = |field: FacetField, asset: &Asset| -> BTreeSet<String> {
        let name = |value: serde_json::Value| value.as_str().map(str::to_owned);
        let media = asset.media.as_ref();
        match field {
            FacetField::Kind => {
                serde_json::to_value(asset.kind).ok().and_then(name).into_iter().collect()
            }
            FacetField::Lifecycle => {
                serde_json::to_value(asset.lifecycle).ok().and_then(name).into_iter().collect()
            }
            FacetField::Codec => codec(asset).map(str::to_owned).into_iter().collect(),
            FacetField::Container => {
                media.and_then(|media| media.container.clone()).into_iter().collect()
            }
            FacetField::Rating => {
                asset.rating.map(|rating| rating.to_string()).into_iter().collect()
            }
            FacetField::Tag => asset.tags.iter().cloned().collect(),
            FacetField::Category => asset.categories.iter().map(ToString::to_string).collect(),
        }
    };
    for query in queries(&bench, &categories) {
        let below = below(&query, &categories);
        let matches: Vec<&Asset> =
            assets.iter().filter(|asset| fits(&query, &below, asset)).collect();
        // All at once, in any order and of each alone: the ways to count may differ.
        let alone = fields.iter().map(|field| vec![*field]);
        for wanted in alone.chain([fields.to_vec(), fields.iter().rev().copied().collect()]) {
            let asked = Query { facets: wanted.clone(), limit: 1, ..query.clone() };
            let page = bench.catalog.search(&asked).await.expect("search");
            assert_eq!(page.facets.iter().map(|f| f.field).collect::<Vec<_>>(), wanted);
            for facet in page.facets {
                let mut counts: BTreeMap<String, u64> = BTreeMap::new();
                for value in matches.iter().flat_map(|asset| values(facet.field, asset)) {
                    *counts.entry(value).or_default() += 1;
                }
                let listed: Vec<u64> = facet.values.iter().map(|value| value.count).collect();
                assert!(listed.is_sorted_by_key(|count| Reverse(*count)), "{facet:?}");
                let listed: BTreeMap<String, u64> =
                    facet.values.into_iter().map(|value| (value.value, value.count)).collect();
                assert_eq!(listed, counts, "{:?} of {query:?}", facet.field);
            }
        }
    }
    let twice = Query::all().facet(FacetField::Kind).facet(FacetField::Kind);
    let page = bench.catalog.search(&twice).await.expect("search");
    let counted: u64 = page.facets[0].values.iter().map(|value| value.count).sum();
    assert_eq!(counted, page.total, "a facet asked for twice is counted once");
}

/// Every match comes once over pages of any size, in every order.
pub async fn search_pages_are_complete(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let (assets, categories) = library(&bench).await;
    let noted: Vec<_> = assets
        .iter()
        .step_by(5)
        .map(|asset| bench.annotation(asset.id, AnnotationKind::Comment, "rain"))
        .collect();
    let has_note: BTreeSet<AssetId> = noted.iter().map(|note| note.asset).collect();
    let some = Query { min_rating: Some(2), ..Query::all() };
    let tagged = Query::all().tag("wet");
    let filed = Query { categories: vec![categories[0].id, categories[2].id], ..Query::all() };
    for with_notes in [false, true] {
        if with_notes {
            bench.catalog.insert_annotations(&noted).await.expect("insert");
        }
        for query in [&Query::all(), &some, &tagged, &filed, &Query::text("rain")] {
            for sort in [
                Sort::Relevance,
                Sort::Newest,
                Sort::Oldest,
                Sort::Title,
                Sort::Largest,
                Sort::Longest,
            ] {
                let below = below(query, &categories);
                let mut expected: Vec<(usize, &Asset)> = assets
                    .iter()
                    .enumerate()
                    .filter(|(_, asset)| {
                        fits(query, &below, asset)
                            || (with_notes
                                && query.text.is_some()
                                && has_note.contains(&asset.id)
                                && asset.lifecycle != Lifecycle::Trashed)
                    })
                    .collect();
                assert!(expected.len() > 5);
                expected.sort_by_key(|(age, asset)| {
                    let size = asset.media.as_ref().map_or(-1, |media| i128::from(media.size));
                    let by: (i128, &str) = match sort {
                        Sort::Title => (0, &asset.title),
                        Sort::Largest => (-size, ""),
                        Sort::Longest => (-i128::from(millis(asset).unwrap_or(-1)), ""),
                        Sort::Relevance | Sort::Newest | Sort::Oldest => (0, ""),
                    };
                    let age = i64::try_from(*age).expect("small");
                    (by, if sort == Sort::Oldest { age } else { -age })
                });
                let expected: Vec<AssetId> = expected.iter().map(|(_, asset)| asset.id).collect();
                let query = query.clone().sort(sort);
                let in_order = found(&*bench.catalog, &query, 1000).await;
                if sort == Sort::Relevance {
                    let set = |ids: &[AssetId]| ids.iter().copied().collect::<BTreeSet<_>>();
                    assert_eq!(set(&in_order), set(&expected), "{query:?}");
                } else {
                    assert_eq!(in_order, expected, "{query:?}");
                }
                for limit in [1, 3, 7] {
                    let paged = found(&*bench.catalog, &query, limit).await;
                    assert_eq!(paged, in_order, "{query:?} in pages of {limit}");
                }
            }
        }
    }
    // The best match first: in the title before in the description.
    let mut best = bench.asset("rain");
    best.description = "sun".into();
    bench.catalog.insert_assets(std::slice::from_ref(&best)).await.expect("insert");
    for _ in 0..3 {
        let mut newer = bench.asset("something else with a title of many words");
        newer.description =
            "where rain is one word of a description that has several others".into();
        bench.catalog.insert_assets(&[newer]).await.expect("insert");
    }
    let ranked = found(&*bench.catalog, &Query::text("rain"), 100).await;
    assert_eq!(ranked[0], best.id);
}
