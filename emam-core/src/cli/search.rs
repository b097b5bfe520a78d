//! `emam search`: what is there.

use clap::Args;
use jiff::Timestamp;

use super::names::named;
use super::output::Failure;
use super::session::{Session, Use};
use super::text;
use crate::backend::catalog::{Query, Sort};
use crate::id::CategoryId;
use crate::model::{AssetKind, Lifecycle, PageRequest};

/// Finds assets, and the moments in them.
///
/// TEXT is words to be found: `rain london`, `"exact phrase"`, `pre*` (begins with), `-without`.
/// Everything given must hold; options given more than once as they say.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  emam search rain --kind video
  emam search '\"big ben\" lon*' -- -fog          a phrase, a beginning, and one word left out
  emam search --tag rain --sort largest --limit 5
  emam search --all --json | jq -r .asset.id")]
pub(super) struct Arguments {
    /// Words to be found; everything when there are none.
    text: Vec<String>,
    /// Of this kind, or of another one given.
    #[arg(long = "kind", value_parser = named::<AssetKind>())]
    kinds: Vec<AssetKind>,
    /// In this lifecycle, or in another one given; all but the trash unless given.
    #[arg(long = "lifecycle", value_parser = named::<Lifecycle>())]
    lifecycles: Vec<Lifecycle>,
    /// With this tag, and each other one given.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Under this category or one below it, or another one given, by id.
    #[arg(long = "category", value_name = "ID")]
    categories: Vec<CategoryId>,
    /// With this video codec (audio codec where there is no video), or another one given.
    #[arg(long = "codec", value_name = "NAME")]
    codecs: Vec<String>,
    /// With this MD5 of the original.
    #[arg(long, value_name = "HEX")]
    md5: Option<String>,
    /// Rated this or better, from 1 to 5.
    #[arg(long, value_name = "N")]
    min_rating: Option<u8>,
    /// Made at this instant or later, for example 2026-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    created_from: Option<Timestamp>,
    /// Made before this instant.
    #[arg(long, value_name = "TIME")]
    created_before: Option<Timestamp>,
    /// The order; the best match first where there is text, else the newest.
    #[arg(long, value_parser = named::<Sort>())]
    sort: Option<Sort>,
    /// How many at most, from 1 to 1,000; 50 unless given.
    #[arg(long, value_name = "N", conflicts_with = "all", allow_negative_numbers = true)]
    limit: Option<i64>,
    /// All of them, however many.
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    let text = arguments.text.join(" ");
    let mut query = Query {
        text: (!text.is_empty()).then_some(text),
        kinds: arguments.kinds,
        lifecycles: arguments.lifecycles,
        tags: arguments.tags,
        categories: arguments.categories,
        codecs: arguments.codecs,
        md5: arguments.md5,
        min_rating: arguments.min_rating,
        created_from: arguments.created_from,
        created_before: arguments.created_before,
        sort: arguments.sort,
        ..Query::default()
    };
    if let Some(limit) = arguments.limit {
        query.limit = limit;
    } else if arguments.all {
        query.limit = PageRequest::MAX_LIMIT;
    }
    let library = session.open(Use::Read).await?;
    let mut shown = 0;
    loop {
        let page = library.assets().search(query.clone()).await?;
        for hit in &page.items {
            session.out.record(hit, text::hit)?;
        }
        shown += page.items.len();
        match page.next {
            Some(next) if arguments.all => query.cursor = Some(next),
            Some(_) => {
                session.out.note(format!("{shown} of {}; --all prints all", page.total));
                return Ok(());
            }
            None => return Ok(()),
        }
    }
}
