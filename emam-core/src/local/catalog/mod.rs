//! The catalog in one SQLite file.
//!
//! Write-ahead logging lets searches go on while one writer at a time works, in any number of
//! processes. A write is one `BEGIN IMMEDIATE` transaction that is on disk when its call returns.
//! SQLite blocks, so each call runs on a thread for blocking work; waiting for the writer's turn
//! does not take one. Dropping a call's future lets a transaction that has begun run to its end:
//! it is done or not, never in part.

mod annotations;
mod assets;
mod bins;
mod categories;
mod codes;
mod cursor;
mod error;
mod events;
mod facts;
mod projects;
mod records;
mod renditions;
mod schema;
mod search;
mod sequences;
mod tree;
mod uses;
mod workflows;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

use self::cursor::Cursors;
use self::error::{Fault, Sql};
use self::records::Tx;

/// How many reads run at once. Each holds a page cache, and more threads than cores gain little.
const READERS: usize = 4;

/// The catalog in one SQLite file.
///
/// Any number of these, in any number of processes on one machine, can have the same file open.
/// Cloning gives another handle on the same connections.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use emam_core::backend::catalog::{Assets, Query, Search};
/// use emam_core::clock::{Clock, SystemClock};
/// use emam_core::id::AssetId;
/// use emam_core::local::SqliteCatalog;
/// use emam_core::model::Asset;
///
/// let folder = tempfile::tempdir()?;
/// let clock = Arc::new(SystemClock);
/// let catalog = SqliteCatalog::open(folder.path().join("catalog.db"), clock.clone()).await?;
///
/// let asset = Asset::new(AssetId::new(&*clock), "Rain over London", clock.now());
/// catalog.insert_assets(&[asset.clone()]).await?;
/// let found = catalog.search(&Query::text("london")).await?;
/// assert_eq!(found.items[0].asset, asset);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct SqliteCatalog {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    cursors: Cursors,
    writer: Arc<tokio::sync::Mutex<Connection>>,
    /// Bounds the reads under way; `idle` holds the connections none of them uses.
    reading: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteCatalog {
    /// Opens the catalog at `path`, or makes one where there is no file. An older schema is
    /// brought forward. The folder must exist.
    ///
    /// # Errors
    /// - [`Unsupported`](ErrorKind::Unsupported) where a newer version of the library has written
    ///   the file.
    /// - [`Integrity`](ErrorKind::Integrity) where the file is damaged.
    /// - [`InvalidInput`](ErrorKind::InvalidInput) where it is another program's database.
    /// - [`NotFound`](ErrorKind::NotFound) where the folder is missing.
    ///
    /// In all of these the file is left as it was.
    pub async fn open(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self> {
        let path = path.into();
        blocking(OPEN, move || {
            let (writer, secret) = schema::open(&path, &*clock)?;
            Ok(Self {
                shared: Arc::new(Shared {
                    path,
                    clock,
                    cursors: Cursors::new(secret),
                    writer: Arc::new(tokio::sync::Mutex::new(writer)),
                    reading: Semaphore::new(READERS),
                    idle: Mutex::new(Vec::new()),
                }),
            })
        })
        .await
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    fn cursors(&self) -> &Cursors {
        &self.shared.cursors
    }

    /// Runs `work` in one transaction that is durable when this returns, or undone if `work` fails.
    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Tx<'_>) -> Sql<T> + Send + 'static,
    ) -> Result<T> {
        let mut writer = Arc::clone(&self.shared.writer).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        blocking(operation, move || {
            let run = || {
                let inner = Transaction::new(&mut writer, TransactionBehavior::Immediate)?;
                let tx = Tx::new(inner, operation, shared.clock.now());
                let value = work(&tx)?;
                tx.commit()?;
                Ok(value)
            };
            run().map_err(|fault: Fault| fault.into_error(operation, &shared.path))
        })
        .await
    }

    /// Runs `work` on one consistent state of the catalog.
    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Sql<T> + Send + 'static,
    ) -> Result<T> {
        // The semaphore is never closed, so there is always a permit in the end.
        let _permit = self.shared.reading.acquire().await.ok();
        let shared = Arc::clone(&self.shared);
        blocking(operation, move || {
            let reader = match shared.ready() {
                Some(reader) => Ok(reader),
                None => schema::open_reader(&shared.path),
            };
            let reader = reader.map_err(|fault| fault.into_error(operation, &shared.path))?;
            shared.read_on(reader, operation, work)
        })
        .await
    }

    /// As [`read`](Self::read), for one record that is found by its key: that takes some
    /// microseconds, less than the way to another thread and back. Where a connection lies ready it
    /// is done on the spot.
    async fn find<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Sql<T> + Send + 'static,
    ) -> Result<T> {
        if let Ok(_permit) = self.shared.reading.try_acquire()
            && let Some(reader) = self.shared.ready()
        {
            return self.shared.read_on(reader, operation, work);
        }
        self.read(operation, work).await
    }
}

impl Shared {
    fn read_on<T>(
        &self,
        mut reader: Connection,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Sql<T>,
    ) -> Result<T> {
        let run = || {
            let tx = reader.transaction()?;
            let value = work(&tx)?;
            tx.commit()?;
            // After a failure the connection is not used again.
            self.give_back(reader);
            Ok(value)
        };
        run().map_err(|fault: Fault| fault.into_error(operation, &self.path))
    }

    /// A connection that lies ready.
    fn ready(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, reader: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

impl fmt::Debug for SqliteCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteCatalog").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

const OPEN: &str = "catalog.open";

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|cause| {
        Err(Error::new(ErrorKind::Unexpected, operation, "the catalog's work was broken off")
            .caused_by(cause))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::backend::catalog::{
        Annotations, Assets, Claim, Events, Settlement, StepReport, Workflows,
    };
    use crate::clock::{ManualClock, after};
    use crate::id::{AnnotationId, AssetId, RunId};
    use crate::model::{
        Annotation, AnnotationKind, Asset, Lifecycle, NewAnnotation, Run, RunKind, RunState,
        StepState,
    };

    fn clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()))
    }

    async fn fresh(clock: &Arc<dyn Clock>) -> (tempfile::TempDir, SqliteCatalog) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let catalog = SqliteCatalog::open(path, Arc::clone(clock)).await.unwrap();
        (folder, catalog)
    }

    fn count(catalog: &SqliteCatalog, table: &str) -> i64 {
        let conn = Connection::open(catalog.path()).unwrap();
        conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    /// What searches read must leave nothing behind that a later asset could be found by.
    #[tokio::test]
    async fn a_deleted_asset_leaves_no_row_behind() {
        let clock = clock();
        let (_folder, catalog) = fresh(&clock).await;
        let mut asset = Asset::new(AssetId::new(&*clock), "Rain", clock.now());
        asset.tags = vec!["Wet".into(), "wet".into()];
        asset.media = Some(crate::model::MediaSummary {
            md5: Some("A".repeat(32)),
            container: Some("mov".into()),
            ..Default::default()
        });
        catalog.insert_assets(&[asset.clone()]).await.unwrap();
        asset.title = "Snow".into();
        asset.lifecycle = Lifecycle::Ready;
        let asset = catalog.update_asset(&asset).await.unwrap();
        let new = NewAnnotation::new(AnnotationKind::Marker).named("flash");
        let annotation = Annotation {
            id: AnnotationId::new(&*clock),
            asset: asset.id,
            version: None,
            revision: 1,
            kind: new.kind,
            range: None,
            name: new.name,
            text: new.text,
            color: None,
            source: new.source,
            confidence: None,
            region: None,
            parent: None,
            edited: true,
            resolved: false,
            data: Value::Null,
            created_at: clock.now(),
            updated_at: clock.now(),
        };
        catalog.insert_annotations(&[annotation]).await.unwrap();
        assert_eq!(count(&catalog, "annotation_text WHERE annotation_text MATCH 'flash'"), 1);
        catalog.delete_asset(asset.id).await.unwrap();
        for table in [
            "asset",
            "annotation",
            "asset_facts",
            "asset_count WHERE assets <> 0",
            "asset_title",
            "asset_md5",
            "asset_tag",
            "asset_tags",
            "asset_size",
            "asset_duration",
            "asset_text WHERE asset_text MATCH 'snow OR rain'",
            "annotation_text WHERE annotation_text MATCH 'flash'",
        ] {
            assert_eq!(count(&catalog, table), 0, "{table}");
        }
        assert_eq!(catalog.last_event().await.unwrap(), 4);
    }

    #[tokio::test]
    async fn a_run_goes_from_claim_to_its_end() {
        let clock = clock();
        let (_folder, catalog) = fresh(&clock).await;
        let now = clock.now();
        let run = Run {
            id: RunId::new(&*clock),
            kind: RunKind::Ingest,
            state: RunState::Queued,
            asset: None,
            priority: 0,
            params: json!({ "path": "a.mov" }),
            result: Value::Null,
            steps: Vec::new(),
            progress: None,
            failure: None,
            attempts: 0,
            cancel_requested: false,
            resume_at: None,
            idempotency_key: Some("a".into()),
            created_at: now,
            updated_at: now,
            finished_at: None,
        };
        assert_eq!(catalog.start_run(&run).await.unwrap(), run);
        assert_eq!(catalog.next_due(now).await.unwrap(), Some(now));
        let until = after(now, Duration::from_secs(30));
        let claim = Claim { worker: "w".into(), kinds: vec![RunKind::Ingest], now, until };
        let leased = catalog.claim_run(&claim).await.unwrap().unwrap();
        assert!(catalog.claim_run(&claim).await.unwrap().is_none());
        let report = StepReport {
            name: "probe".into(),
            state: StepState::Done,
            output: json!(1),
            error: None,
            now,
        };
        catalog.report_step(&leased.lease, &report).await.unwrap();
        let done = Settlement::Succeeded(json!("ok"));
        let run = catalog.settle_run(&leased.lease, &done, now).await.unwrap();
        assert_eq!((run.state, run.steps.len()), (RunState::Succeeded, 1));
        assert_eq!(catalog.run(run.id).await.unwrap(), run);
        assert_eq!(catalog.next_due(now).await.unwrap(), None);
    }
}
