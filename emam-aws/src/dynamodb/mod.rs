//! Runs in DynamoDB, for workers that share no disk.
//!
//! Two tables, as the template makes them: one for runs that bring media in (ingest, analyze), one
//! for runs that move it out and back (archive, restore). Each run is one item with its steps inside
//! it. Every write is conditional on what was read, so that of two workers one wins. The index `due`
//! holds what is claimed and listed: its key is the run's kind and state, sorted by priority, time or
//! age, as the state wants it.
//!
//! What differs from a catalog in one file:
//! - The index follows the table within milliseconds and not at once, so a run just started may be
//!   claimed and listed a moment later. A claim itself is never shared.
//! - A change is told to the event log after it is made: where the process dies in between, or the
//!   log cannot be reached, the event is missing. Whoever waits for a run looks at the run as well.
//! - A step's output may have 64 KB and a run 380 KB, see `docs/limits.md`.

mod claim;
mod item;
mod lanes;
mod list;
mod start;
mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use emam_core::backend::catalog::{
    Claim, Events, LaneEntry, Lease, Leased, RunFilter, Settlement, StepReport, Workflows,
    run_rules,
};
use emam_core::id::RunId;
use emam_core::model::{NewEvent, Page, PageRequest, Progress, Run, RunKind, Topic};
use emam_core::{Error, ErrorKind, Result, Retry};
use jiff::Timestamp;
use serde_json::{Value, json};

use item::Row;

/// How often a change is tried again because another worker was faster. Each time somebody has
/// got further, so this ends long before.
const ROUNDS: usize = 50;

/// The names of the two tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Runs that bring media in: ingest, analyze.
    pub ingest: String,
    /// Runs that move media out and back, or make some of it: archive, restore, render, consolidate.
    pub delivery: String,
}

impl Tables {
    fn of(&self, kind: RunKind) -> &str {
        match kind {
            RunKind::Ingest | RunKind::Analyze => &self.ingest,
            _ => &self.delivery,
        }
    }

    fn each(&self) -> impl Iterator<Item = &str> {
        let second = (self.delivery != self.ingest).then_some(self.delivery.as_str());
        std::iter::once(self.ingest.as_str()).chain(second)
    }
}

/// How runs are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// How long a run stays after its end; for ever when absent. DynamoDB deletes it within days
    /// after that. A run that is retried stays.
    pub keep_ended: Option<Duration>,
}

/// Keeps runs in DynamoDB.
#[derive(Clone)]
pub struct DynamoRuns {
    client: aws_sdk_dynamodb::Client,
    tables: Tables,
    options: RunOptions,
    log: Arc<dyn Events>,
}

impl fmt::Debug for DynamoRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds credentials.
        f.debug_struct("DynamoRuns")
            .field("tables", &self.tables)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl DynamoRuns {
    /// Keeps runs in `tables` and tells `log` what becomes of them. Asks no service.
    pub fn new(
        client: aws_sdk_dynamodb::Client,
        tables: Tables,
        options: RunOptions,
        log: Arc<dyn Events>,
    ) -> Self {
        Self { client, tables, options, log }
    }

    /// Tells the log what became of a run. The change is made: failing it now would undo nothing.
    async fn tell(&self, verb: &str, run: &Run, mut data: Value) {
        data["kind"] = json!(run.kind);
        data["state"] = json!(run.state);
        let topic = Topic::new("run", verb);
        let event = NewEvent { at: run.updated_at, topic, subject: run.id.uuid(), data };
        if let Err(error) = self.log.log_event(&event).await {
            tracing::warn!(run = %run.id, error = %error.report(), "an event of a run is not logged");
        }
    }

    /// Reads a run, lets `change` change it and writes it back, again where somebody else was
    /// faster. `change` tells whether there is anything to write.
    async fn change(
        &self,
        operation: &'static str,
        id: RunId,
        mut change: impl FnMut(&mut Row) -> Result<bool> + Send,
    ) -> Result<(Row, bool)> {
        for _ in 0..ROUNDS {
            let mut row = self.load(operation, id).await?;
            if !change(&mut row)? {
                return Ok((row, false));
            }
            if self.store(operation, &mut row).await? {
                return Ok((row, true));
            }
        }
        Err(crowded(operation).with("run", id))
    }
}

fn crowded(operation: &'static str) -> Error {
    let message = "too many workers change this at once; try again";
    Error::new(ErrorKind::Conflict, operation, message).retry(Retry::Yes)
}

#[async_trait]
impl Workflows for DynamoRuns {
    async fn start_run(&self, run: &Run) -> Result<Run> {
        let (run, new) = self.start("runs.start", run).await?;
        if new {
            self.tell("created", &run, json!({})).await;
        }
        Ok(run)
    }

    async fn claim_run(&self, claim: &Claim) -> Result<Option<Leased>> {
        let Some(row) = self.claim("runs.claim", claim).await? else { return Ok(None) };
        self.tell("updated", &row.run, json!({})).await;
        let lease = Lease { run: row.run.id, epoch: row.epoch };
        Ok(Some(Leased { run: row.run, lease }))
    }

    async fn extend_lease(
        &self,
        lease: &Lease,
        _now: Timestamp,
        until: Timestamp,
        progress: Option<&Progress>,
    ) -> Result<bool> {
        self.extend("runs.extend", lease, until, progress).await
    }

    async fn report_step(&self, lease: &Lease, report: &StepReport) -> Result<()> {
        const OPERATION: &str = "runs.report_step";
        item::check_output(OPERATION, lease.run, report)?;
        let (row, _) = self
            .change(OPERATION, lease.run, |row| {
                run_rules::check_lease(OPERATION, lease, &row.run, row.epoch)?;
                run_rules::report_step(OPERATION, &mut row.run, report).map(|_| true)
            })
            .await?;
        let data = json!({ "step": report.name, "step_state": report.state });
        self.tell("updated", &row.run, data).await;
        Ok(())
    }

    async fn settle_run(
        &self,
        lease: &Lease,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Run> {
        const OPERATION: &str = "runs.settle";
        let (row, _) = self
            .change(OPERATION, lease.run, |row| {
                run_rules::check_lease(OPERATION, lease, &row.run, row.epoch)?;
                run_rules::settle(&mut row.run, settlement, now);
                Ok(true)
            })
            .await?;
        self.tell("updated", &row.run, json!({})).await;
        Ok(row.run)
    }

    async fn cancel_run(&self, id: RunId, now: Timestamp) -> Result<Run> {
        const OPERATION: &str = "runs.cancel";
        let (row, changed) = self
            .change(OPERATION, id, |row| run_rules::cancel(OPERATION, &mut row.run, now))
            .await?;
        if changed {
            self.tell("updated", &row.run, json!({ "cancel_requested": true })).await;
        }
        Ok(row.run)
    }

    async fn retry_run(&self, id: RunId, now: Timestamp) -> Result<Run> {
        const OPERATION: &str = "runs.retry";
        let (row, _) = self
            .change(OPERATION, id, |row| {
                run_rules::retry(OPERATION, &mut row.run, now).map(|()| true)
            })
            .await?;
        self.tell("updated", &row.run, json!({})).await;
        Ok(row.run)
    }

    async fn wake_run(&self, id: RunId, now: Timestamp) -> Result<()> {
        let (row, changed) =
            self.change("runs.wake", id, |row| Ok(run_rules::wake(&mut row.run, now))).await?;
        if changed {
            self.tell("updated", &row.run, json!({})).await;
        }
        Ok(())
    }

    async fn enter_lane(&self, entry: &LaneEntry, now: Timestamp) -> Result<bool> {
        self.enter("runs.enter_lane", entry, now).await
    }

    async fn leave_lane(&self, lane: &str, holder: &str) -> Result<()> {
        self.leave("runs.leave_lane", lane, holder).await
    }

    async fn run(&self, id: RunId) -> Result<Run> {
        Ok(self.load("runs.get", id).await?.run)
    }

    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>> {
        self.list("runs.list", filter, page).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        self.due("runs.next_due", now).await
    }
}
