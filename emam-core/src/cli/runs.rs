//! `emam runs`: work under way and done.

use clap::{Args, Subcommand};

use super::names::named;
use super::output::{Failure, Out};
use super::session::{Session, Use};
use super::text;
use crate::Library;
use crate::backend::catalog::RunFilter;
use crate::error::Result;
use crate::id::{AssetId, RunId};
use crate::library::{RunHandle, RunResult};
use crate::model::{PageRequest, RunKind, RunState};

/// Lists runs, waits for them, stops them, takes them up again.
///
/// A run is work under way or done: an ingest, an archiving, a restore. It survives the process
/// that does it; `emam runs wait` and every other command that works go on with it.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  emam runs --state failed
  emam runs wait                                  work until nothing is left to do
  emam runs --state failed --all --json | jq -r .id | xargs emam runs retry --wait"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists runs, newest first; what `emam runs` alone does.
    List(List),
    /// Shows a run with its steps.
    Show {
        /// The id of the run.
        run: RunId,
    },
    /// Waits until runs have ended, working on them; exits with 1 where one has not succeeded.
    Wait {
        /// The ids of the runs; all that have not ended when none is given.
        #[arg(value_name = "RUN")]
        runs: Vec<RunId>,
    },
    /// Asks runs to stop.
    Cancel {
        /// The ids of the runs.
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<RunId>,
    },
    /// Takes up failed or cancelled runs again, from the first step that is not done.
    Retry {
        /// The ids of the runs.
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<RunId>,
        /// Works on them until they have ended.
        #[arg(long)]
        wait: bool,
    },
}

#[derive(Debug, Args)]
struct List {
    /// In this state, or in another one given.
    #[arg(long = "state", value_parser = named::<RunState>())]
    states: Vec<RunState>,
    /// Of this kind, or of another one given.
    #[arg(long = "kind", value_parser = named::<RunKind>())]
    kinds: Vec<RunKind>,
    /// About this asset, by id.
    #[arg(long)]
    asset: Option<AssetId>,
    /// How many at most, from 1 to 1,000; 50 unless given.
    #[arg(long, value_name = "N", conflicts_with = "all", allow_negative_numbers = true)]
    limit: Option<i64>,
    /// All of them, however many.
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command.unwrap_or(Command::List(arguments.list)) {
        Command::List(arguments) => list(session, arguments).await,
        Command::Show { run } => {
            let library = session.open(Use::Read).await?;
            session.out.record(&library.runs().get(run).await?, text::steps)
        }
        Command::Wait { runs } => {
            let library = session.open(Use::Work).await?;
            let runs = if runs.is_empty() { all_unfinished(&library).await? } else { runs };
            wait(&session.out, &library, &runs).await
        }
        Command::Cancel { runs } => {
            let library = session.open(Use::Read).await?;
            for run in runs {
                session.out.record(&library.runs().cancel(run).await?, text::run)?;
            }
            Ok(())
        }
        Command::Retry { runs, wait: waits } => {
            let library = session.open(if waits { Use::Work } else { Use::Read }).await?;
            for run in &runs {
                let record = library.runs().retry(*run).await?;
                if !waits {
                    session.out.record(&record, text::run)?;
                }
            }
            if waits { wait(&session.out, &library, &runs).await } else { Ok(()) }
        }
    }
}

async fn list(session: &Session, arguments: List) -> Result<(), Failure> {
    let List { states, kinds, asset, limit, all } = arguments;
    let filter = RunFilter { states, kinds, asset };
    let mut page = PageRequest::default();
    if all {
        page.limit = PageRequest::MAX_LIMIT;
    } else if let Some(limit) = limit {
        page.limit = limit;
    }
    let library = session.open(Use::Read).await?;
    loop {
        let found = library.runs().list(filter.clone(), page.clone()).await?;
        for run in &found.items {
            session.out.record(run, text::run)?;
        }
        match found.next {
            Some(next) if all => page.cursor = Some(next),
            Some(_) => {
                session.out.note("there are more; --all prints all");
                return Ok(());
            }
            None => return Ok(()),
        }
    }
}

/// The oldest first: in that order they are worked on.
async fn all_unfinished(library: &Library) -> Result<Vec<RunId>> {
    let mut page = PageRequest::first(PageRequest::MAX_LIMIT);
    let mut runs = Vec::new();
    loop {
        let found = library.runs().list(RunFilter::unfinished(), page.clone()).await?;
        runs.extend(found.items.iter().map(|run| run.id));
        match found.next {
            Some(next) => page.cursor = Some(next),
            None => break,
        }
    }
    runs.reverse();
    Ok(runs)
}

/// Prints each run once it has ended.
async fn wait(out: &Out, library: &Library, runs: &[RunId]) -> Result<(), Failure> {
    let mut failed = false;
    for (index, id) in runs.iter().enumerate() {
        let mut handle: RunHandle = library.runs().handle(*id).await?;
        watch(out, &mut handle, &format!("{} of {}", index + 1, runs.len())).await?;
        let run = library.runs().wait(*id, None).await?;
        failed |= run.state != RunState::Succeeded;
        out.record(&run, text::run)?;
    }
    if failed { Err(Failure::Told) } else { Ok(()) }
}

/// Shows the progress of a run until it has ended.
pub(super) async fn watch<T: RunResult>(
    out: &Out,
    handle: &mut RunHandle<T>,
    what: &str,
) -> Result<()> {
    out.progress(what);
    while let Some(progress) = handle.progress().await? {
        out.progress(format!("{what}: {} {:.0} %", progress.step, progress.fraction * 100.0));
    }
    Ok(())
}
