//! Runs, and who works on them.
//!
//! A worker claims a run for a limited time and gets a fencing token, the epoch. Whoever claims
//! the run later gets a greater epoch; from then on every write with the old one is refused. So a
//! worker that slept through its lease cannot undo what its successor has done.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ErrorInfo, Result};
use crate::id::{AssetId, RunId};
use crate::model::{Failure, Page, PageRequest, Progress, Run, RunKind, RunState, StepState};

/// Keeps runs.
///
/// # Contract
/// - `start_is_idempotent`: starting with a known idempotency key gives the run started first.
/// - `claim_by_priority_then_age`: the queued run with the highest priority comes first, the older
///   one among equals.
/// - `claim_only_what_is_due`: waiting runs are claimed once their time has come, not before.
/// - `claim_filters_by_kind`: only the kinds asked for are claimed.
/// - `two_workers_never_share_a_run`: a leased run is claimed by nobody else.
/// - `expired_lease_is_taken_over`: once the lease is over the run is claimed again, with a
///   greater epoch.
/// - `lost_worker_counts_as_an_attempt`: taking a run over whose lease ran out adds one to its
///   attempts; taking one up that was let go or has waited does not.
/// - `stale_epoch_is_refused`: `extend_lease`, `report_step` and `settle_run` with an old
///   epoch are `Conflict` and change nothing.
/// - `steps_are_kept`: reported steps read back in the order they were begun, with their outputs.
/// - `running_step_keeps_its_note`: the output reported with a running step reads back, so that a
///   worker that takes over can go on; reporting it again is no further attempt.
/// - `failed_step_keeps_its_note`: so does what is reported with a failed step, until it is begun
///   again.
/// - `done_step_stays_done`: a report on a step that is done is `Conflict`.
/// - `settled_run_is_final`: a run settled to a final state is not claimed again.
/// - `cancel_of_a_queued_run`: cancelling a run that has begun no step makes it `Cancelled` at once.
/// - `cancel_of_a_waiting_run`: cancelling a run that has begun steps and nobody works on queues it
///   with `cancel_requested`: its next worker tidies what the steps have done.
/// - `cancel_of_a_running_run`: cancelling a leased run sets `cancel_requested`; its worker stops.
/// - `cancel_of_a_final_run`: cancelling a run in a final state is `Conflict`.
/// - `retry_goes_on_where_it_failed`: `retry` of a failed or cancelled run queues it again with
///   its done steps kept; of any other it is `Conflict`.
/// - `woken_run_is_due_at_once`: `wake_run` of a waiting run makes it due now and is no attempt; of a
///   run in another state it changes nothing; of an unknown one it is `NotFound`.
/// - `a_lane_has_so_much_room`: no more holders than there is room for are let into a lane; one that
///   is in is let in again.
/// - `a_lane_is_left`: whoever leaves makes room, leaving twice is fine, and a holder whose time is
///   over holds nothing any more.
/// - `runs_are_listed_newest_first`: with filter by state, kind and asset, over pages of any size.
/// - `changes_of_runs_are_logged`: each change but an extended lease is an event `run.created` or
///   `run.updated` with the run's kind and state.
#[async_trait]
pub trait Workflows: Debug + Send + Sync + 'static {
    /// Stores a queued run; gives the run that has its idempotency key, if one has.
    async fn start_run(&self, run: &Run) -> Result<Run>;

    /// Takes the next run that is due, if any.
    async fn claim_run(&self, claim: &Claim) -> Result<Option<Leased>>;

    /// Keeps a lease until `until` and records what the run is doing now, where there is news (not
    /// an event: it changes too often). Tells whether somebody asked the run to stop.
    async fn extend_lease(
        &self,
        lease: &Lease,
        now: Timestamp,
        until: Timestamp,
        progress: Option<&Progress>,
    ) -> Result<bool>;

    /// Records that a step has begun, is done or has failed.
    async fn report_step(&self, lease: &Lease, report: &StepReport) -> Result<()>;

    /// Ends the lease and says what becomes of the run.
    async fn settle_run(
        &self,
        lease: &Lease,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Run>;

    /// Asks a run to stop.
    async fn cancel_run(&self, id: RunId, now: Timestamp) -> Result<Run>;

    /// Queues a failed or cancelled run again, from its first step that is not done.
    async fn retry_run(&self, id: RunId, now: Timestamp) -> Result<Run>;

    /// Makes a waiting run due now: there is news of what it waits for.
    async fn wake_run(&self, id: RunId, now: Timestamp) -> Result<()>;

    /// Lets `entry` into its lane, shared by all who share the runs, where there is room. Not an
    /// event: it changes too often.
    async fn enter_lane(&self, entry: &LaneEntry, now: Timestamp) -> Result<bool>;

    /// Takes a holder out of a lane.
    async fn leave_lane(&self, lane: &str, holder: &str) -> Result<()>;

    /// Reads one run.
    async fn run(&self, id: RunId) -> Result<Run>;

    /// Lists runs, newest first.
    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>>;

    /// When the next run will be due, if one is queued (then it is now) or waiting, or leased (then
    /// it is when the lease ends).
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>>;
}

/// Who wants to work, on what and for how long.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The worker, for people who look at the runs.
    pub worker: String,
    /// The kinds it can work on.
    pub kinds: Vec<RunKind>,
    /// The present instant.
    pub now: Timestamp,
    /// When the lease ends unless extended.
    pub until: Timestamp,
}

/// The right to work on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which run.
    pub run: RunId,
    /// The fencing token.
    pub epoch: i64,
}

/// Somebody who wants into a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneEntry {
    /// The lane.
    pub lane: String,
    /// How many may be in it.
    pub room: usize,
    /// Who wants in: the token of a job.
    pub holder: String,
    /// When the holder holds nothing any more even if it never leaves, so that one that is lost
    /// does not block the lane.
    pub until: Timestamp,
}

/// A run with the right to work on it.
#[derive(Debug, Clone)]
pub struct Leased {
    /// The run as it stands, steps included.
    pub run: Run,
    /// The right.
    pub lease: Lease,
}

/// What happened to a step.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// Where it is now.
    pub state: StepState,
    /// What it gave, when it is done; what it keeps to go on with, while it runs or has failed.
    pub output: Value,
    /// Why it failed, when it has.
    pub error: Option<ErrorInfo>,
    /// The present instant.
    pub now: Timestamp,
}

/// What becomes of a run when a worker lets go of it.
#[derive(Debug, Clone)]
pub enum Settlement {
    /// It is done.
    Succeeded(Value),
    /// It is given up.
    Failed(Failure),
    /// It was stopped.
    Cancelled,
    /// It goes on later: a remote job is under way. Not an attempt.
    Waiting {
        /// When it is to be taken up again.
        resume_at: Timestamp,
    },
    /// It is tried again later: its present step has failed.
    Retry {
        /// When it is to be taken up again.
        resume_at: Timestamp,
    },
    /// Somebody else may take it at once: the worker is closing.
    Released,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunFilter {
    /// In these states; in every state when empty.
    pub states: Vec<RunState>,
    /// Of these kinds; of every kind when empty.
    pub kinds: Vec<RunKind>,
    /// About this asset.
    pub asset: Option<AssetId>,
}

impl RunFilter {
    /// Runs that somebody has yet to work on.
    pub fn unfinished() -> Self {
        let states = vec![RunState::Queued, RunState::Running, RunState::Waiting];
        Self { states, ..Self::default() }
    }
}
