//! A run in the hand: wait for it, watch it, stop it.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::Library;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, RunId};
use crate::model::{Asset, Progress, Run, RunState};
use crate::workflow::IngestResult;

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

impl RunResult for crate::workflow::Rendered {
    async fn read(_: &Library, run: Run) -> Result<Self> {
        decode(&run)
    }
}

impl RunResult for crate::workflow::Consolidated {
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

/// The run, unless it has failed or was cancelled.
pub(super) fn succeeded(run: Run) -> Result<Run> {
    let id = run.id;
    let error = match (run.state, run.failure) {
        (RunState::Succeeded, _) => return Ok(Run { failure: None, ..run }),
        (RunState::Failed, Some(failure)) => Error::from(failure.error),
        (RunState::Failed, None) => {
            Error::new(ErrorKind::Unexpected, "runs.join", "the run has failed")
        }
        _ => Error::new(ErrorKind::Cancelled, "runs.join", "the run was cancelled"),
    };
    Err(error.with("run", id))
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
        let run = self.library.runs().wait(self.id, None).await?;
        T::read(&self.library, succeeded(run)?).await
    }

    /// Waits for news of its progress; nothing when the run has ended. News that comes faster than
    /// it is asked for is passed over.
    ///
    /// # Errors
    /// What reading the catalog gives.
    pub async fn progress(&mut self) -> Result<Option<Progress>> {
        if self.ended {
            return Ok(None);
        }
        let news = self.library.runs().progress(self.id, self.seen.clone(), None).await?;
        self.ended = news.ended;
        if news.progress.is_some() {
            self.seen.clone_from(&news.progress);
        }
        Ok(news.progress)
    }

    /// Asks the run to stop; it is stopped soon. What it has stored is tidied away.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where it has ended.
    pub async fn cancel(&self) -> Result<Run> {
        self.library.runs().cancel(self.id).await
    }
}
