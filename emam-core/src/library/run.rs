//! A run in the hand: wait for it, watch it, stop it.

use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::Library;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, RunId};
use crate::model::{Asset, Progress, Run, RunState};
use crate::workflow::IngestResult;

/// How long to rely on being told before looking again, for runs other processes work on.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// A run that was started. Dropping the handle changes nothing: the run goes on.
#[derive(Debug)]
pub struct RunHandle<T = serde_json::Value> {
    library: Library,
    id: RunId,
    asset: Option<AssetId>,
    seen: Option<Progress>,
    ended: bool,
    result: PhantomData<fn() -> T>,
}

/// What a run of a kind results in.
pub trait RunResult: Sized {
    /// Makes the result out of what the run recorded.
    fn read(library: &Library, run: Run) -> impl Future<Output = Result<Self>> + Send;
}

impl RunResult for serde_json::Value {
    async fn read(_: &Library, run: Run) -> Result<Self> {
        Ok(run.result)
    }
}

impl RunResult for Asset {
    async fn read(library: &Library, run: Run) -> Result<Self> {
        let asset = match run.kind {
            crate::model::RunKind::Ingest => Some(decode::<IngestResult>(&run)?.asset),
            _ => run.asset,
        };
        match asset {
            Some(id) => library.assets().get(id).await,
            None => Err(Error::new(ErrorKind::Unexpected, "runs.join", "the run has no asset")
                .with("run", run.id)),
        }
    }
}

impl RunResult for IngestResult {
    async fn read(_: &Library, run: Run) -> Result<Self> {
        decode(&run)
    }
}

fn decode<T: DeserializeOwned>(run: &Run) -> Result<T> {
    serde_json::from_value(run.result.clone()).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "runs.join", "the run's result has another shape")
            .with("run", run.id)
            .caused_by(cause)
    })
}

impl<T: RunResult> RunHandle<T> {
    pub(super) fn new(library: Library, run: &Run) -> Self {
        Self {
            library,
            id: run.id,
            asset: run.asset,
            seen: None,
            ended: false,
            result: PhantomData,
        }
    }

    /// Its id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The asset it is about: of an ingest, the one registered for it.
    pub fn asset_id(&self) -> Option<AssetId> {
        self.asset
    }

    /// Waits until the run is done, whichever process does it.
    ///
    /// # Errors
    /// The error the run was given up for; [`Cancelled`](ErrorKind::Cancelled) where it was
    /// cancelled.
    pub async fn join(&self) -> Result<T> {
        let run = self.library.runs().wait(self.id).await?;
        match run.state {
            RunState::Succeeded => T::read(&self.library, run).await,
            RunState::Failed => Err(match run.failure {
                Some(failure) => Error::from(failure.error),
                None => Error::new(ErrorKind::Unexpected, "runs.join", "the run has failed"),
            }
            .with("run", run.id)),
            _ => Err(Error::new(ErrorKind::Cancelled, "runs.join", "the run was cancelled")
                .with("run", run.id)),
        }
    }

    /// Waits for news of its progress; nothing when the run has ended. News that comes faster than
    /// it is asked for is passed over.
    ///
    /// # Errors
    /// What reading the catalog gives.
    pub async fn progress(&mut self) -> Result<Option<Progress>> {
        let mut changes = self.library.engine().changes();
        while !self.ended {
            let run = self.library.runs().get(self.id).await?;
            self.ended = run.state.is_final();
            if run.progress.is_some() && run.progress != self.seen {
                self.seen.clone_from(&run.progress);
                return Ok(run.progress);
            }
            if !self.ended {
                let _ = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
            }
        }
        Ok(None)
    }

    /// Asks the run to stop; it is stopped soon. What it has stored is tidied away.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where it has ended.
    pub async fn cancel(&self) -> Result<Run> {
        self.library.runs().cancel(self.id).await
    }
}
