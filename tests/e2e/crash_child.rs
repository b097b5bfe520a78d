//! A process that works on a library and kills itself at a boundary; see `crash.rs`.
//!
//! `crash_child FOLDER JOB [N]`: opens the library, starts the job unless it was started, and works
//! until nothing is left to do; at the N-th boundary it dies by SIGKILL. Every boundary is
//! appended to `FOLDER.log`.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use emam_core::Library;
use emam_core::backend::catalog::{Query, RunFilter};
use emam_core::library::{ArchiveRequest, RestoreRequest};
use emam_core::model::{PageRequest, StorageClass};
use emam_core::workflow::{Boundary, IngestOptions, Observer};

#[derive(Debug)]
struct Killer {
    left: AtomicUsize,
    log: Mutex<std::fs::File>,
}

impl Observer for Killer {
    fn at(&self, boundary: &Boundary<'_>) {
        let mut log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let step = boundary.step.unwrap_or("-");
        let _ = writeln!(log, "{} {step} {:?}", boundary.run.id, boundary.point);
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let _ = log.flush();
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("FOLDER")?);
    let job = arguments.next().context("JOB")?;
    let kill_at = arguments.next().map(|n| n.parse::<usize>()).transpose()?;

    let log =
        std::fs::OpenOptions::new().create(true).append(true).open(folder.with_extension("log"))?;
    // Without N the count wraps round and never comes to its end.
    let killer = Killer { left: AtomicUsize::new(kill_at.unwrap_or(0)), log: Mutex::new(log) };
    let library = Library::builder()
        .lease(Duration::from_millis(400))
        .observer(Arc::new(killer))
        .open(&folder)
        .await?;
    if started(&library, &job).await? == 0 {
        start(&library, &job, &folder).await?;
    }
    wait(&library).await?;
    library.close().await;
    Ok(())
}

async fn started(library: &Library, job: &str) -> Result<usize> {
    let runs = library.runs().list(RunFilter::default(), PageRequest::first(100)).await?;
    Ok(runs.items.iter().filter(|run| run.kind.as_str() == job).count())
}

async fn start(library: &Library, job: &str, folder: &Path) -> Result<()> {
    if job == "ingest" {
        // The same key again is the same run: a process may die before it learns of its own.
        let options =
            IngestOptions { idempotency_key: Some("crash".to_owned()), ..IngestOptions::default() };
        library.assets().ingest(folder.with_extension("mkv"), options).await?;
        return Ok(());
    }
    let assets: Vec<_> =
        library.assets().search(Query::all()).await?.items.iter().map(|hit| hit.asset.id).collect();
    match job {
        "archive" => {
            let request = ArchiveRequest { assets, storage_class: StorageClass::Archive };
            library.archive().store(&request).await?;
        }
        "restore" => {
            let asset = *assets.first().context("an asset")?;
            library.archive().restore(&RestoreRequest::new(asset)).await?;
        }
        other => bail!("no such job: {other}"),
    }
    Ok(())
}

async fn wait(library: &Library) -> Result<()> {
    let runs = library.runs().list(RunFilter::default(), PageRequest::first(100)).await?;
    for run in runs.items {
        library.runs().wait(run.id, None).await?;
    }
    Ok(())
}
