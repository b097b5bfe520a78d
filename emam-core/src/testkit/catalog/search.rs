//! Search: text, moments, cursors.

use std::collections::BTreeSet;

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::backend::Catalog;
use crate::backend::catalog::{FacetField, Query, Sort};
use crate::error::ErrorKind;
use crate::id::AssetId;
use crate::model::{Annotation, AnnotationKind, Asset, Lifecycle, PageRequest};
use crate::time::{Rate, TimeRange};

/// The assets a query finds, in order, read in pages of `limit`; checks each page on the way.
pub(super) async fn found(catalog: &dyn Catalog, query: &Query, limit: i64) -> Vec<AssetId> {
    let mut query = Query { limit, cursor: None, ..query.clone() };
    let mut ids = Vec::new();
    let mut total = None;
    loop {
        let page = catalog.search(&query).await.expect("search");
        assert!(page.items.len() <= usize::try_from(limit).expect("a limit of the suite"));
        assert!(page.next.is_none() || !page.items.is_empty(), "an empty page has a next one");
        assert_eq!(*total.get_or_insert(page.total), page.total, "the total is that of all pages");
        ids.extend(page.items.iter().map(|hit| hit.asset.id));
        match page.next {
            None => break,
            next => query.cursor = next,
        }
    }
    assert_eq!(total, u64::try_from(ids.len()).ok(), "the total is what all pages hold: {query:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each comes once");
    ids
}

/// The titles of the assets that are found by a text, sorted.
async fn titles(catalog: &dyn Catalog, text: &str) -> Vec<String> {
    let page = catalog.search(&Query::text(text)).await.expect(text);
    assert_eq!(page.total, u64::try_from(page.items.len()).expect("few"));
    let mut titles: Vec<String> = page.items.into_iter().map(|hit| hit.asset.title).collect();
    titles.sort_unstable();
    titles
}

/// Words are found in title, description, file name, tags and annotations, whatever their case
/// and accents.
pub async fn search_matches_every_text(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let mut a = bench.asset("a");
    a.description = "Ein Hund läuft".into();
    let mut b = bench.asset("b");
    b.file_name = "A001_C002_1122XY.mov".into();
    let mut c = bench.asset("c");
    c.tags = vec!["forest, dark".into(), "ЗИМА".into()];
    let d = bench.asset("Crème Brûlée naïve");
    let e = bench.asset("e");
    let f = bench.asset("re\u{301}sume\u{301} 東京");
    bench.catalog.insert_assets(&[a, b, c, d, e.clone(), f]).await.expect("insert");
    let named = bench.annotation(e.id, AnnotationKind::Label, "Elephant");
    let mut said = bench.annotation(e.id, AnnotationKind::Speech, "");
    said.text = "Good evening, São Paulo".into();
    bench.catalog.insert_annotations(&[named, said]).await.expect("insert");
    for (text, title) in [
        ("hund", "a"),
        ("LAUFT", "a"),
        ("läuft", "a"),
        ("A001", "b"),
        ("c002", "b"),
        ("A001_C002_1122XY.mov", "b"),
        ("mov", "b"),
        ("dark", "c"),
        ("зима", "c"),
        ("creme", "Crème Brûlée naïve"),
        ("BRÛLÉE", "Crème Brûlée naïve"),
        ("bru\u{302}le\u{301}e", "Crème Brûlée naïve"),
        ("elephant", "e"),
        ("sao evening", "e"),
        ("résumé", "re\u{301}sume\u{301} 東京"),
        ("東京", "re\u{301}sume\u{301} 東京"),
    ] {
        assert_eq!(titles(&*bench.catalog, text).await, [title], "{text}");
    }
    assert!(titles(&*bench.catalog, "nowhere").await.is_empty());
}

/// An asset is found where all words are in it or all are in one of its annotations.
pub async fn search_needs_all_words(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let mut own = bench.asset("own");
    own.description = "rain".into();
    own.tags = vec!["london".into()];
    let one = bench.asset("one annotation");
    let two = bench.asset("two annotations");
    let split = bench.asset("split rain");
    let neither = bench.asset("rain only");
    let all = [own, one.clone(), two.clone(), split.clone(), neither];
    bench.catalog.insert_assets(&all).await.expect("insert");
    let mut both = bench.annotation(one.id, AnnotationKind::Speech, "rain");
    both.text = "over london".into();
    let annotations = [
        both,
        bench.annotation(two.id, AnnotationKind::Label, "rain"),
        bench.annotation(two.id, AnnotationKind::Label, "london"),
        bench.annotation(split.id, AnnotationKind::Label, "london"),
    ];
    bench.catalog.insert_annotations(&annotations).await.expect("insert");
    assert_eq!(titles(&*bench.catalog, "rain london").await, ["one annotation", "own"]);
    assert_eq!(titles(&*bench.catalog, "london RAIN").await, ["one annotation", "own"]);
    let london = ["one annotation", "own", "split rain", "two annotations"];
    assert_eq!(titles(&*bench.catalog, "london").await, london);
}

/// `"two words"` in that order, `pre*`, `-without`.
pub async fn search_phrase_prefix_and_exclusion(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let ben = bench.asset("big ben");
    let bens = bench.asset("ben is big");
    let bigger = bench.asset("bigger benches");
    let noted = bench.asset("noted");
    let all = [ben, bens, bigger, noted.clone()];
    bench.catalog.insert_assets(&all).await.expect("insert");
    let mut note = bench.annotation(noted.id, AnnotationKind::Comment, "fog");
    note.text = "the big ben, by night".into();
    let other = bench.annotation(noted.id, AnnotationKind::Comment, "drizzle");
    bench.catalog.insert_annotations(&[note, other]).await.expect("insert");
    for (text, expected) in [
        ("big ben", &["ben is big", "big ben", "noted"][..]),
        ("\"big ben\"", &["big ben", "noted"]),
        ("\"ben big\"", &[]),
        ("big*", &["ben is big", "big ben", "bigger benches", "noted"]),
        ("bigg*", &["bigger benches"]),
        ("\"big ben\"*", &["big ben", "noted"]),
        ("\"big be\"*", &["big ben", "noted"]),
        ("big -ben", &[]),
        ("big* -ben", &["bigger benches"]),
        ("big* -\"big ben\"", &["ben is big", "bigger benches"]),
        ("ben -fog", &["ben is big", "big ben"]),
        ("ben -drizzle", &["ben is big", "big ben"]),
        ("ben -benc*", &["ben is big", "big ben", "noted"]),
        ("noted -ben", &[]),
        ("big-ben", &["big ben", "noted"]),
    ] {
        assert_eq!(titles(&*bench.catalog, text).await, expected, "{text}");
    }
    let only = bench.catalog.search(&Query::text("-ben")).await;
    assert_kind(only, ErrorKind::InvalidInput, "only a word to be left out");
}

/// Operators, quotes and emoji in the text are text, never an error.
pub async fn search_takes_any_text(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let mut asset = bench.asset("AND OR NOT NEAR title");
    asset.description = "x 5".into();
    bench.catalog.insert_assets(&[asset]).await.expect("insert");
    let note = bench.annotation(
        bench.stored_asset("other").await.id,
        AnnotationKind::Comment,
        "it's \"quoted\" \u{e000}marked\u{e001}",
    );
    bench.catalog.insert_annotations(&[note]).await.expect("insert");
    for (text, total) in [
        ("AND", 1),
        ("NEAR(title, 5)", 1),
        ("title NOT near", 1),
        ("title : *", 1),
        ("^title", 1),
        ("{title description}: x", 0),
        ("'); DROP TABLE asset; --", 0),
        ("it's", 1),
        ("\"quoted", 1),
        ("marked", 1),
        ("", 2),
        ("   ", 2),
        ("\"", 2),
        ("\"\"*", 2),
        ("* ^ : ( ) { } + - ~ | & , ; \\ / %", 2),
        ("\u{1f327}\u{fe0f} \u{1f468}\u{200d}\u{1f469}", 2),
        ("\u{0}\n\t\r", 2),
        ("near\u{0}title", 1),
        ("\u{24b6}", 0),
        ("\u{e000}", 2),
        ("\u{93f}", 0),
        ("\u{fdfa} \u{ff21}", 0),
    ] {
        let page = bench.catalog.search(&Query::text(text)).await;
        let page = page.unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        assert_eq!(page.total, total, "{text:?}");
    }
    // As many words as fit, plain, as prefixes and to be left out.
    let many: String = (0..26).map(|n| format!("{} ", char::from(b'a' + n))).collect();
    for text in
        [many.repeat(18), many.repeat(9).replace(' ', "* "), format!("title{}", " -x".repeat(300))]
    {
        let page = bench.catalog.search(&Query::text(&text[..text.len().min(999)])).await;
        assert_eq!(page.expect("many words").total, 0);
    }
    let long = bench.catalog.search(&Query::text("a".repeat(1001))).await;
    assert_kind(long, ErrorKind::InvalidInput, "a text too long");
    for text in ["title", "", "AND"] {
        for sort in [Sort::Relevance, Sort::Newest, Sort::Title, Sort::Longest] {
            let query = Query::text(text).sort(sort);
            assert!(bench.catalog.search(&query).await.expect("search").total > 0, "{query:?}");
        }
    }
}

/// An annotation that matches comes with its range and a snippet.
pub async fn search_hits_carry_moments(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let asset = bench.stored_asset("storm").await;
    let mut rain: Vec<Annotation> = Vec::new();
    for start in [300, 100, 200] {
        let mut said = bench.annotation(asset.id, AnnotationKind::Speech, "");
        said.range = TimeRange::new(start, 50, Rate::FPS_25).ok();
        said.text = format!("and then, \u{e000}at {start}\u{e001}, the RAIN came down");
        rain.push(said);
    }
    let mut about_all = bench.annotation(asset.id, AnnotationKind::Comment, "Rain!");
    about_all.text = "much".into();
    rain.push(about_all);
    let dry = bench.annotation(asset.id, AnnotationKind::Comment, "dry");
    bench.catalog.insert_annotations(&rain).await.expect("insert");
    bench.catalog.insert_annotations(&[dry]).await.expect("insert");
    let other = bench.stored_asset("rain in the title").await;

    let query = Query { moments: 10, ..Query::text("rain") };
    let page = bench.catalog.search(&query).await.expect("search");
    assert_eq!(page.total, 2);
    let hit = |id| page.items.iter().find(|hit| hit.asset.id == id).expect("a hit");
    assert!(hit(other.id).moments.is_empty());
    let moments = &hit(asset.id).moments;
    assert_eq!(hit(asset.id).asset, asset);
    let expected: Vec<_> = [3, 1, 2, 0].iter().map(|at: &usize| &rain[*at]).collect();
    assert_eq!(moments.len(), expected.len());
    for (moment, annotation) in moments.iter().zip(expected) {
        assert_eq!((moment.annotation, moment.kind), (annotation.id, annotation.kind));
        assert_eq!(moment.range, annotation.range, "moments come in time order");
        let matches: Vec<&str> = moment
            .snippet
            .split('\u{e000}')
            .skip(1)
            .filter_map(|rest| rest.split('\u{e001}').next())
            .collect();
        assert_eq!(matches.len(), 1, "{:?}", moment.snippet);
        assert!(matches[0].eq_ignore_ascii_case("rain"), "{:?}", moment.snippet);
    }
    for most in [0, 1, 2] {
        let query = Query { moments: most, ..query.clone() };
        let page = bench.catalog.search(&query).await.expect("search");
        let hit = page.items.iter().find(|hit| hit.asset.id == asset.id).expect("a hit");
        assert_eq!(hit.moments.len(), most);
        assert!(hit.moments.iter().all(|moment| moments.contains(moment)));
    }
    let words = Query { moments: 10, ..Query::text("dry -nothing") };
    let page = bench.catalog.search(&words).await.expect("search");
    assert_eq!(page.items[0].moments.len(), 1, "only what matches");
}

/// A cursor that was not given for this query is `InvalidInput`.
pub async fn search_forged_cursor(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let elsewhere = Bench::new(fixture).await;
    for number in 0..3 {
        bench.stored_asset(&format!("rain {number}")).await;
        elsewhere.stored_asset(&format!("rain {number}")).await;
        bench.stored_project("p").await;
    }
    let query = Query::text("rain").sort(Sort::Newest).limit(1);
    let page = bench.catalog.search(&query).await.expect("search");
    let cursor = page.next.expect("there are more");
    bench.catalog.search(&query.clone().after(&cursor)).await.expect("its own query");
    // What does not move a hit may change from page to page.
    let other_page = Query { moments: 1, ..query.clone() }.facet(FacetField::Kind).limit(2);
    bench.catalog.search(&other_page.after(&cursor)).await.expect("another page size");

    let listed = bench.catalog.projects(&PageRequest::first(1)).await.expect("projects");
    let foreign = elsewhere.catalog.search(&query).await.expect("search").next;
    let mut forged = vec![
        String::new(),
        "0".into(),
        "AAAA".into(),
        "not a cursor \u{1f600}".into(),
        format!("{cursor}A"),
        format!("{cursor}{cursor}"),
        cursor[1..].to_owned(),
        listed.next.clone().expect("there are more"),
        foreign.expect("there are more"),
    ];
    for at in 0..cursor.len() {
        let mut bytes = cursor.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(bytes).expect("ASCII"));
    }
    for forged in &forged {
        let error = bench.catalog.search(&query.clone().after(forged)).await;
        assert_kind(error, ErrorKind::InvalidInput, forged);
    }
    for other in [
        Query::text("rain").sort(Sort::Oldest).limit(1),
        Query::text("rain").limit(1),
        Query::text("rain 1").sort(Sort::Newest).limit(1),
        query.clone().tag("wet"),
        Query { min_rating: Some(1), ..query.clone() },
    ] {
        let error = bench.catalog.search(&other.clone().after(&cursor)).await;
        assert_kind(error, ErrorKind::InvalidInput, &format!("{other:?}"));
    }
    let page = PageRequest { limit: 1, cursor: Some(cursor) };
    let error = bench.catalog.projects(&page).await;
    assert_kind(error, ErrorKind::InvalidInput, "a search's cursor for a list");
}

/// A change is found, and its past no more, when its call returns.
pub async fn search_sees_changes_at_once(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let category = bench.stored_category(None, "News").await;
    let tagged = |tag: &str| Query::all().tag(tag);
    let filed = Query { categories: vec![category.id], ..Query::all() };
    let total = async |query: &Query| catalog.search(query).await.expect("search").total;

    let asset = bench.stored_asset("sunrise").await;
    assert_eq!(total(&Query::text("sunrise")).await, 1);
    let changed = Asset {
        title: "sunset".into(),
        tags: vec!["warm".into()],
        categories: vec![category.id],
        lifecycle: Lifecycle::Ready,
        ..asset
    };
    let asset = catalog.update_asset(&changed).await.expect("update");
    assert_eq!(total(&Query::text("sunrise")).await, 0);
    assert_eq!(total(&Query::text("sunset")).await, 1);
    assert_eq!((total(&tagged("warm")).await, total(&filed).await), (1, 1));
    let ready = Query { lifecycles: vec![Lifecycle::Ready], ..Query::all() };
    assert_eq!(total(&ready).await, 1);
    let changed =
        Asset { tags: Vec::new(), categories: Vec::new(), lifecycle: Lifecycle::Failed, ..asset };
    let asset = catalog.update_asset(&changed).await.expect("update");
    assert_eq!((total(&tagged("warm")).await, total(&filed).await), (0, 0));
    assert_eq!((total(&ready).await, total(&Query::text("warm")).await), (0, 0));
    assert_eq!(total(&Query::text("sunset")).await, 1);

    let mut note = bench.annotation(asset.id, AnnotationKind::Comment, "clouds");
    catalog.insert_annotations(std::slice::from_ref(&note)).await.expect("insert");
    assert_eq!(total(&Query::text("clouds")).await, 1);
    note.name = "stars".into();
    catalog.update_annotation(&note).await.expect("update");
    let (clouds, stars) = (Query::text("clouds"), Query::text("stars"));
    assert_eq!((total(&clouds).await, total(&stars).await), (0, 1));
    catalog.delete_annotation(note.id).await.expect("delete");
    assert_eq!(total(&stars).await, 0);

    catalog.delete_asset(asset.id).await.expect("delete");
    for sort in [Sort::Newest, Sort::Title, Sort::Largest, Sort::Longest] {
        assert_eq!(total(&Query::all().sort(sort)).await, 0);
    }
    assert_eq!(total(&Query::text("sunset")).await, 0);
}

/// Trashed assets are found only when asked for.
pub async fn search_leaves_out_the_trash(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let kept = bench.stored_asset("rain kept").await;
    let trashed =
        Asset { lifecycle: Lifecycle::Trashed, ..bench.stored_asset("rain trashed").await };
    bench.catalog.update_asset(&trashed).await.expect("trash");
    let trash = |query: Query| Query { lifecycles: vec![Lifecycle::Trashed], ..query };
    for query in [Query::text("rain"), Query::all()] {
        let query = query.facet(FacetField::Lifecycle);
        assert_eq!(found(&*bench.catalog, &query, 10).await, [kept.id]);
        assert_eq!(found(&*bench.catalog, &trash(query.clone()), 10).await, [trashed.id]);
        let page = bench.catalog.search(&query).await.expect("search");
        let values: Vec<_> =
            page.facets[0].values.iter().map(|value| value.value.as_str()).collect();
        assert_eq!(values, ["placeholder"], "the trash is not counted either");
    }
}
