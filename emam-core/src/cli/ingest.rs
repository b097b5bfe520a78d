//! `emam ingest`: files in.

use std::path::PathBuf;

use clap::Args;

use super::names::named;
use super::output::Failure;
use super::runs::watch;
use super::session::{Session, Use};
use super::text;
use crate::Library;
use crate::error::{Error, Result};
use crate::id::{CategoryId, RunId};
use crate::model::KnownContent;
use crate::workflow::IngestOptions;

/// Takes files into the library: copied, checked, probed, made playable and searchable.
///
/// Folders are taken with all that is in them, hidden files left out. A file that cannot be taken
/// is told of and holds up no other. With --json each asset that is ready is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  emam ingest --library media A001.mov           make the library where there is none
  emam ingest A001.mov cards/ --tag rain --tag \"day 3\"
  emam ingest A001.mov --no-wait                  leave the work to `emam runs wait` or a server")]
pub(super) struct Arguments {
    /// The files and folders.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The asset's name for people; the file name without extension unless given.
    #[arg(long)]
    title: Option<String>,
    /// What is to be said about it.
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// A word for finding it; may be given many times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The id of a category it is filed under; may be given many times.
    #[arg(long = "category", value_name = "ID")]
    categories: Vec<CategoryId>,
    /// What to do with content the library already holds; `reuse` unless given.
    #[arg(long, value_parser = named::<KnownContent>())]
    known: Option<KnownContent>,
    /// The MD5 the file must add up to.
    #[arg(long, value_name = "HEX")]
    md5: Option<String>,
    /// Runs with a higher priority are taken first; 0 unless given.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Ingesting again with the same key gives the run that was started first.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Only registers the files; whoever next works on the library does the rest.
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    let out = &session.out;
    let options = IngestOptions {
        title: arguments.title,
        description: arguments.description,
        tags: arguments.tags,
        categories: arguments.categories,
        known_content: arguments.known.unwrap_or_default(),
        expected_md5: arguments.md5,
        priority: arguments.priority.unwrap_or_default(),
        idempotency_key: arguments.idempotency_key,
        ..IngestOptions::default()
    };
    let to = if arguments.no_wait { Use::Read } else { Use::Work };
    let library = session.open_or_make(to).await?;
    let intake = library.assets().ingest_all(&arguments.paths, options).await?;
    for refused in &intake.refused {
        out.error(&Error::from(refused.error.clone()));
    }
    let mut failed = intake.refused.len();
    let all = intake.runs.len();
    for (index, mut handle) in intake.runs.into_iter().enumerate() {
        if arguments.no_wait {
            out.record(&library.runs().get(handle.id()).await?, text::run)?;
            continue;
        }
        let name = file_name(&library, handle.id()).await?;
        watch(out, &mut handle, &format!("{} of {all}: {name}", index + 1)).await?;
        match handle.join().await {
            Ok(asset) => {
                let known = if handle.asset_id() == Some(asset.id) { "" } else { "  (known)" };
                out.record(&asset, |asset| format!("{}{known}", text::asset(asset)))?;
            }
            Err(error) => {
                out.error(&error.with("file", name));
                failed += 1;
            }
        }
    }
    if failed > 0 { Err(Failure::Told) } else { Ok(()) }
}

/// The name of the file a run takes in, as the run was told it.
async fn file_name(library: &Library, run: RunId) -> Result<String> {
    let run = library.runs().get(run).await?;
    Ok(run.params["file_name"].as_str().map_or_else(|| run.id.to_string(), str::to_owned))
}
