//! `emam archive`: originals out of the way and back, after a look at what that takes.

use clap::{Args, Subcommand};

use super::names::named;
use super::output::Failure;
use super::runs::watch;
use super::session::{Session, Use, ask};
use super::text;
use crate::Library;
use crate::backend::RestoreSpeed;
use crate::error::{Error, Result};
use crate::id::{AssetId, RunId};
use crate::library::{ArchivePlan, ArchiveRequest, RestoreRequest, RunHandle};
use crate::model::{Asset, StorageClass};

/// Puts originals into the archive and gets them back.
///
/// What it takes is shown first; nothing is moved without a yes. Proxies stay: archived assets can
/// be found, watched and cut.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  emam archive plan store 0199f2c4-… --class deep_archive
  emam archive store 0199f2c4-… --class deep_archive --yes
  emam archive restore 0199f2c4-… --speed bulk --keep-days 3")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Puts the originals of assets into the archive.
    Store {
        #[command(flatten)]
        what: Store,
        #[command(flatten)]
        how: How,
    },
    /// Gets the originals of assets back for a time.
    Restore {
        #[command(flatten)]
        what: Restore,
        #[command(flatten)]
        how: How,
    },
    /// Says what it would take, and does nothing.
    #[command(subcommand)]
    Plan(Plan),
}

#[derive(Debug, Subcommand)]
enum Plan {
    /// Says what archiving would take.
    Store(Store),
    /// Says what restoring would take.
    Restore(Restore),
}

#[derive(Debug, Args)]
#[group(skip)]
struct Store {
    /// The ids of the assets.
    #[arg(required = true, value_name = "ASSET")]
    assets: Vec<AssetId>,
    /// The class their originals go into.
    #[arg(long, value_parser = named::<StorageClass>())]
    class: StorageClass,
}

#[derive(Debug, Args)]
#[group(skip)]
struct Restore {
    /// The ids of the assets.
    #[arg(required = true, value_name = "ASSET")]
    assets: Vec<AssetId>,
    /// How fast; `standard` unless given.
    #[arg(long, value_parser = named::<RestoreSpeed>())]
    speed: Option<RestoreSpeed>,
    /// How many days the readable copies stay; a week unless given.
    #[arg(long, value_name = "DAYS")]
    keep_days: Option<u32>,
}

#[derive(Debug, Args)]
struct How {
    /// Does it without asking.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Only says what it would take.
    #[arg(long)]
    dry_run: bool,
    /// Only starts it; whoever next works on the library does the rest.
    #[arg(long)]
    no_wait: bool,
}

impl From<Store> for ArchiveRequest {
    fn from(store: Store) -> Self {
        Self { assets: store.assets, storage_class: store.class }
    }
}

impl From<Restore> for RestoreRequest {
    fn from(restore: Restore) -> Self {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        // The command line has asked for one at least.
        let mut request = Self::new(restore.assets[0]);
        request.assets = restore.assets;
        request.speed = restore.speed.unwrap_or_default();
        if let Some(days) = restore.keep_days {
            request.keep_for_ms = u64::from(days) * DAY_MS;
        }
        request
    }
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Plan(Plan::Store(what)) => {
            let library = session.open(Use::Read).await?;
            session.out.record(&library.archive().plan_store(&what.into()).await?, text::plan)
        }
        Command::Plan(Plan::Restore(what)) => {
            let library = session.open(Use::Read).await?;
            session.out.record(&library.archive().plan_restore(&what.into()).await?, text::plan)
        }
        Command::Store { what, how } => {
            let library = session.open(how.to()).await?;
            let request = what.into();
            let plan = library.archive().plan_store(&request).await?;
            if !agreed(session, &how, &plan, "Archive these").await? {
                return Ok(());
            }
            let runs = library.archive().store(&request).await?;
            finish(session, &library, &how, runs.iter().map(RunHandle::id)).await
        }
        Command::Restore { what, how } => {
            let library = session.open(how.to()).await?;
            let request = what.into();
            let plan = library.archive().plan_restore(&request).await?;
            if !agreed(session, &how, &plan, "Restore these").await? {
                return Ok(());
            }
            let runs = library.archive().restore(&request).await?;
            finish(session, &library, &how, runs.iter().map(RunHandle::id)).await
        }
    }
}

impl How {
    fn to(&self) -> Use {
        if self.dry_run || self.no_wait { Use::Read } else { Use::Work }
    }
}

/// Shows the plan, and whether it is to be done.
async fn agreed(
    session: &Session,
    how: &How,
    plan: &ArchivePlan,
    question: &str,
) -> Result<bool, Failure> {
    if how.dry_run {
        session.out.record(plan, text::plan)?;
        return Ok(false);
    }
    session.out.note(text::plan(plan));
    if how.yes {
        return Ok(true);
    }
    if session.out.can_ask() {
        return ask(format!("{question}?")).await;
    }
    Err(Error::invalid(
        "cli.archive",
        "nobody is here to be asked: say --yes to do it, or --dry-run to see what it takes",
    )
    .into())
}

/// Prints each asset once its run has ended.
async fn finish(
    session: &Session,
    library: &Library,
    how: &How,
    runs: impl Iterator<Item = RunId>,
) -> Result<(), Failure> {
    let out = &session.out;
    let mut failed = false;
    for id in runs {
        if how.no_wait {
            out.record(&library.runs().get(id).await?, text::run)?;
            continue;
        }
        let mut handle: RunHandle<Asset> = library.runs().handle(id).await?;
        watch(out, &mut handle, &format!("run {id}")).await?;
        match handle.join().await {
            Ok(asset) => out.record(&asset, text::asset)?,
            Err(error) => {
                out.error(&error);
                failed = true;
            }
        }
    }
    if failed { Err(Failure::Told) } else { Ok(()) }
}
