//! Runs: work under way and done.

use std::time::Duration;

use crate::backend::catalog::RunFilter;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, RunId};
use crate::library::run::succeeded;
use crate::library::{RunHandle, RunResult, handle, waiting};
use crate::model::{
    Asset, Page, PageRequest, Progress, Run, RunKind, RunProgress, RunState, StepState,
};

handle! {
    /// Work under way and done.
    Runs
}

impl Runs {
    /// Reads one run, with its progress as fresh as this process knows it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub async fn get(&self, id: RunId) -> Result<Run> {
        let mut run = self.library.backends().runs.run(id).await?;
        if run.state == RunState::Running {
            let begun = run.steps.iter().rev().find(|step| step.state == StepState::Running);
            let begun =
                begun.map(|step| Progress { step: step.name.clone(), fraction: 0.0, eta_ms: None });
            let live = self.library.engine().live_progress(id).or(run.progress);
            // A step that has only begun is news beside the progress of the one before it.
            run.progress = match (live, begun) {
                (Some(live), Some(begun)) if live.step != begun.step => Some(begun),
                (Some(live), _) => Some(live),
                (None, begun) => begun,
            };
        }
        Ok(run)
    }

    /// Lists runs, newest first.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a wrong limit or cursor.
    pub async fn list(&self, filter: RunFilter, page: PageRequest) -> Result<Page<Run>> {
        self.library.backends().runs.runs(&filter, &page).await
    }

    /// Waits until a run has ended, one way or the other, whichever process works on it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id;
    /// [`Timeout`](crate::ErrorKind::Timeout) where it has not ended within `timeout`.
    pub async fn wait(&self, id: RunId, timeout: Option<Duration>) -> Result<Run> {
        const OPERATION: &str = "runs.wait";
        let look = || async move {
            let run = self.library.backends().runs.run(id).await?;
            Ok(run.state.is_final().then_some(run))
        };
        let run = waiting::until(&self.library, OPERATION, timeout, look).await?;
        waiting::in_time(OPERATION, run).map_err(|error| error.with("run", id))
    }

    /// Waits until a run has succeeded and gives its result: of an ingest, the [asset]; of others,
    /// what they recorded.
    ///
    /// # Errors
    /// The error the run was given up for; [`Cancelled`](crate::ErrorKind::Cancelled) where it was
    /// cancelled; else as [`wait`](Self::wait).
    ///
    /// [asset]: crate::model::Asset
    pub async fn join(&self, id: RunId, timeout: Option<Duration>) -> Result<serde_json::Value> {
        let run = succeeded(self.wait(id, timeout).await?)?;
        if run.kind != RunKind::Ingest {
            return Ok(run.result);
        }
        let asset = Asset::read(&self.library, run).await?;
        serde_json::to_value(asset).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "runs.join", "the asset has no JSON").caused_by(cause)
        })
    }

    /// Waits until a run does something else than what was `seen` of it, or has ended. When the
    /// time is over, nothing is new.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub async fn progress(
        &self,
        id: RunId,
        seen: Option<Progress>,
        timeout: Option<Duration>,
    ) -> Result<RunProgress> {
        let seen = &seen;
        let look = || async move {
            let run = self.get(id).await?;
            let ended = run.state.is_final();
            let progress = run.progress.filter(|progress| Some(progress) != seen.as_ref());
            Ok((ended || progress.is_some()).then_some(RunProgress { progress, ended }))
        };
        let news = waiting::until(&self.library, "runs.progress", timeout, look).await?;
        Ok(news.unwrap_or_default())
    }

    /// Takes a run in the hand, to watch it and wait for its result.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub async fn handle<T: RunResult>(&self, id: RunId) -> Result<RunHandle<T>> {
        let run = self.library.backends().runs.run(id).await?;
        Ok(RunHandle::new(self.library.clone(), &run))
    }

    /// Asks a run to stop. One that nobody works on stops at once, another soon.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) where it has ended.
    pub async fn cancel(&self, id: RunId) -> Result<Run> {
        let run = self.library.backends().runs.cancel_run(id, self.clock().now()).await?;
        self.library.engine().wake();
        Ok(run)
    }

    /// Takes up a failed or cancelled run again, from its first step that is not done.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) where it has neither failed nor been cancelled.
    pub async fn retry(&self, id: RunId) -> Result<Run> {
        let run = self.library.backends().runs.retry_run(id, self.clock().now()).await?;
        self.library.engine().wake();
        Ok(run)
    }

    /// Stores a run and tells the workers.
    pub(super) async fn start<T: RunResult>(
        &self,
        kind: RunKind,
        asset: Option<AssetId>,
        params: &impl serde::Serialize,
        priority: i32,
        idempotency_key: Option<String>,
    ) -> Result<RunHandle<T>> {
        let now = self.clock().now();
        let params = serde_json::to_value(params).map_err(|cause| {
            Error::invalid("runs.start", "the parameters have no JSON").caused_by(cause)
        })?;
        let id = RunId::new(self.clock());
        let run = Run { asset, priority, idempotency_key, ..Run::new(id, kind, params, now) };
        let run = self.library.backends().runs.start_run(&run).await?;
        self.library.engine().wake();
        Ok(RunHandle::new(self.library.clone(), &run))
    }
}
