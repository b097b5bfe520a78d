//! The one loop: claim a run, execute it, keep its lease alive, settle it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::backend::Backends;
use crate::backend::catalog::{Claim, Lease, Leased, Settlement};
use crate::clock::{after, until};
use crate::error::{Error, ErrorKind, Result};
use crate::id::RunId;
use crate::model::{AnnotationKind, Failure, Progress, Run, RunKind};
use crate::workflow::context::{RunContext, lock};
use crate::workflow::retry::{RetryPolicy, reason};
use crate::workflow::{End, Stop, Workflow, notices, reconcile};

/// How an engine works.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How many runs are executed at once. 0 makes a library that starts runs and leaves them to
    /// other processes.
    pub workers: usize,
    /// How long a run stays with a process that does not answer any more.
    pub lease: Duration,
    /// How often to look for runs that other processes have started.
    pub idle_poll: Duration,
    /// When to try a failed step again.
    pub retry: RetryPolicy,
    /// How many may be in a lane at once, by lane; lanes not named here are not bounded.
    pub lanes: BTreeMap<String, usize>,
    /// What every ingest looks for unless told otherwise, beside what its transcoder finds.
    pub analyze: Vec<AnnotationKind>,
    /// Is told of every boundary between steps.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            workers: 4,
            lease: Duration::from_secs(15),
            idle_poll: Duration::from_secs(1),
            retry: RetryPolicy::default(),
            // One transcode already uses every core, one copy already uses the disk.
            lanes: BTreeMap::from([("transcode".to_owned(), 1), ("store".to_owned(), 2)]),
            analyze: Vec::new(),
            observer: None,
        }
    }
}

/// Is told of every boundary between steps, on the worker's own thread: for metrics, and for tests
/// that kill the process there.
pub trait Observer: Debug + Send + Sync + 'static {
    /// A run has reached a boundary.
    fn at(&self, boundary: &Boundary<'_>);
}

/// A boundary a run has reached.
#[derive(Debug, Clone, Copy)]
pub struct Boundary<'a> {
    /// The run as it was claimed.
    pub run: &'a Run,
    /// The step, where it is the boundary of one.
    pub step: Option<&'a str>,
    /// Which boundary.
    pub point: Point,
    /// What became of the run, at [`Point::Settled`]; absent where it was taken by another worker
    /// or could not be settled.
    pub settlement: Option<&'a Settlement>,
}

/// A boundary between or around steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A worker has taken the run.
    Claimed,
    /// A step has begun, and that is recorded.
    StepBegun,
    /// A step has done its work, and that is not yet recorded.
    StepWorked,
    /// A step is done, and that is recorded.
    StepDone,
    /// The run will be settled next.
    Settling,
    /// The run is settled.
    Settled,
}

/// Executes runs until it is closed or dropped.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// Begins to execute the runs of `workflows` in the catalog of `backends`.
    pub fn start(
        backends: Arc<Backends>,
        workflows: Vec<Arc<dyn Workflow>>,
        options: EngineOptions,
    ) -> Self {
        let shared = Arc::new(Shared {
            worker: format!("{}/{}", std::process::id(), backends.clock.new_uuid().simple()),
            workflows: workflows.into_iter().map(|workflow| (workflow.kind(), workflow)).collect(),
            lanes: options
                .lanes
                .iter()
                .map(|(name, room)| (name.clone(), Arc::new(Semaphore::new((*room).max(1)))))
                .collect(),
            backends,
            options,
            wake: Notify::new(),
            closing: watch::Sender::new(false),
            change: watch::Sender::new(0),
            live: Mutex::new(HashMap::new()),
        });
        let mut tasks: Vec<_> =
            (0..shared.options.workers).map(|_| tokio::spawn(work(Arc::clone(&shared)))).collect();
        if shared.options.workers > 0 {
            tasks.push(tokio::spawn(reconcile::keep_true(Arc::clone(&shared))));
            let since = shared.backends.clock.now();
            for notifier in &shared.backends.notifiers {
                let (shared, notifier) = (Arc::clone(&shared), Arc::clone(notifier));
                tasks.push(tokio::spawn(notices::tell(shared, notifier, since)));
            }
        }
        Self { shared, tasks: Mutex::new(tasks) }
    }

    /// Tells the workers that there may be something to do.
    pub fn wake(&self) {
        self.shared.wake.notify_waiters();
        self.shared.wake.notify_one();
    }

    /// Counts the changes this process makes to runs and their progress; wait on it instead of
    /// polling.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.change.subscribe()
    }

    /// Tells when it begins to close.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.shared.closing.subscribe()
    }

    /// What a run of this process is doing now, fresher than the catalog knows it.
    pub fn live_progress(&self, run: RunId) -> Option<Progress> {
        lock(&self.shared.live).get(&run).and_then(|live| live.progress.clone())
    }

    /// Stops taking runs, lets go of those under way so that others can take them at once, and
    /// waits until that is done.
    pub async fn close(&self) {
        self.shared.closing.send_replace(true);
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks {
            // A worker that panicked has nothing left to close.
            let _ = task.await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.closing.send_replace(true);
    }
}

/// What the workers of one engine share.
#[derive(Debug)]
pub(super) struct Shared {
    worker: String,
    pub(super) backends: Arc<Backends>,
    workflows: HashMap<RunKind, Arc<dyn Workflow>>,
    pub(super) options: EngineOptions,
    lanes: HashMap<String, Arc<Semaphore>>,
    wake: Notify,
    closing: watch::Sender<bool>,
    change: watch::Sender<u64>,
    live: Mutex<HashMap<RunId, Live>>,
}

/// A run this process executes.
#[derive(Debug, Default)]
struct Live {
    progress: Option<Progress>,
    /// Whether the catalog does not know the progress yet.
    fresh: bool,
}

impl Shared {
    pub(super) fn changed(&self) {
        self.change.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn observe(&self, run: &Run, step: Option<&str>, point: Point) {
        if let Some(observer) = &self.options.observer {
            observer.at(&Boundary { run, step, point, settlement: None });
        }
    }

    fn observe_settled(&self, run: &Run, settlement: Option<&Settlement>) {
        if let Some(observer) = &self.options.observer {
            observer.at(&Boundary { run, step: None, point: Point::Settled, settlement });
        }
    }

    pub(super) async fn lane(&self, name: &str) -> Option<OwnedSemaphorePermit> {
        let lane = Arc::clone(self.lanes.get(name)?);
        lane.acquire_owned().await.ok()
    }

    pub(super) fn live_progress(&self, lease: &Lease, progress: Progress) {
        if let Some(live) = lock(&self.live).get_mut(&lease.run) {
            live.progress = Some(progress);
            live.fresh = true;
        }
        self.changed();
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Waits for `wait`, or less when the engine is closing.
    pub(super) async fn rest_undisturbed(&self, wait: Duration) {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }

    /// Waits for `wait`, or less: until there may be something to do or the engine is closing.
    pub(super) async fn rest(&self, wait: Duration) {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            () = self.wake.notified() => {}
            () = tokio::time::sleep(wait) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}

async fn work(shared: Arc<Shared>) {
    let kinds: Vec<_> = shared.workflows.keys().copied().collect();
    while !shared.is_closing() {
        let now = shared.backends.clock.now();
        let claim = Claim {
            worker: shared.worker.clone(),
            kinds: kinds.clone(),
            now,
            until: after(now, shared.options.lease),
        };
        match shared.backends.runs.claim_run(&claim).await {
            Ok(Some(leased)) => execute(&shared, leased).await,
            Ok(None) => {
                let due = shared.backends.runs.next_due(now).await.ok().flatten();
                let wait = due.map_or(shared.options.idle_poll, |due| until(now, due));
                shared.rest(wait.clamp(Duration::from_millis(10), shared.options.idle_poll)).await;
            }
            Err(error) => {
                tracing::warn!(error = %error.report(), "no run could be claimed");
                shared.rest(shared.options.idle_poll).await;
            }
        }
    }
}

/// How the execution of a run came to its end.
enum Outcome {
    Finished(Result<Value, Stop>),
    CancelRequested,
    LeaseLost,
    Closing,
}

async fn execute(shared: &Arc<Shared>, leased: Leased) {
    let Leased { run, lease } = leased;
    let Some(workflow) = shared.workflows.get(&run.kind).map(Arc::clone) else { return };
    lock(&shared.live).insert(run.id, Live::default());
    shared.observe(&run, None, Point::Claimed);
    let cancelled_before = run.cancel_requested;
    let cx = RunContext::new(Arc::clone(shared), run, lease.clone());
    let mut closing = shared.closing.subscribe();
    let outcome = if cancelled_before {
        Outcome::CancelRequested
    } else if cx.run().attempts >= shared.options.retry.max_attempts {
        Outcome::Finished(Err(Stop::Failed(worn_out(cx.run()))))
    } else {
        // Whatever ends first, the workflow's future is dropped there: its processes die with it.
        tokio::select! {
            result = workflow.run(&cx) => Outcome::Finished(result),
            outcome = keep_lease(shared, &lease) => outcome,
            _ = closing.wait_for(|closing| *closing) => Outcome::Closing,
        }
    };
    shared.observe(cx.run(), None, Point::Settling);
    let settled = settle(shared, workflow.as_ref(), &cx, &lease, outcome).await;
    let settlement = settled.unwrap_or_else(|error| {
        // The lease runs out and the run is taken up again.
        tracing::warn!(run = %lease.run, error = %error.report(), "the run could not be settled");
        None
    });
    lock(&shared.live).remove(&lease.run);
    shared.observe_settled(cx.run(), settlement.as_ref());
    shared.changed();
}

/// Why a run is given up whose workers died or hung one after the other.
fn worn_out(run: &Run) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "runs.execute",
        "the workers at this step died or hung time and again; mend the cause, then retry the run",
    )
    .with("run", run.id)
    .with("attempts", run.attempts)
}

async fn settle(
    shared: &Shared,
    workflow: &dyn Workflow,
    cx: &RunContext,
    lease: &Lease,
    outcome: Outcome,
) -> Result<Option<Settlement>> {
    let clock = shared.backends.clock.as_ref();
    let settlement = match outcome {
        Outcome::LeaseLost => return Ok(None),
        Outcome::Closing => Settlement::Released,
        Outcome::CancelRequested => {
            workflow.stopped(cx, &End::Cancelled).await?;
            Settlement::Cancelled
        }
        Outcome::Finished(Ok(result)) => Settlement::Succeeded(result),
        Outcome::Finished(Err(Stop::Wait(resume_at))) => Settlement::Waiting { resume_at },
        // A service that takes no more for now is waited for, however long: nothing has gone wrong.
        Outcome::Finished(Err(Stop::Failed(error))) if error.kind() == ErrorKind::RateLimited => {
            let wait = shared.options.retry.busy(&error, clock);
            Settlement::Waiting { resume_at: after(clock.now(), wait) }
        }
        Outcome::Finished(Err(Stop::Failed(error))) => {
            match shared.options.retry.wait(&error, cx.run().attempts, clock) {
                Some(wait) => Settlement::Retry { resume_at: after(clock.now(), wait) },
                None => {
                    let failure = Failure {
                        reason: reason(&error),
                        step: cx.current_step(),
                        error: error.to_info(),
                    };
                    workflow.stopped(cx, &End::Failed(failure.clone())).await?;
                    Settlement::Failed(failure)
                }
            }
        }
    };
    shared.backends.runs.settle_run(lease, &settlement, clock.now()).await?;
    Ok(Some(settlement))
}

/// Keeps the lease alive and the catalog's view of the progress fresh; comes back when the run is
/// to stop.
async fn keep_lease(shared: &Shared, lease: &Lease) -> Outcome {
    // Every beat extends the lease and looks whether the run is to stop along the way, so the
    // shorter the beat the sooner a cancel is heard.
    let beat = (shared.options.lease / 4).min(Duration::from_millis(500));
    let mut silent = Duration::ZERO;
    loop {
        tokio::time::sleep(beat).await;
        let fresh = lock(&shared.live).get_mut(&lease.run).and_then(|live| {
            std::mem::take(&mut live.fresh).then(|| live.progress.clone()).flatten()
        });
        let now = shared.backends.clock.now();
        let until = after(now, shared.options.lease);
        match shared.backends.runs.extend_lease(lease, now, until, fresh.as_ref()).await {
            Ok(true) => return Outcome::CancelRequested,
            Ok(false) => silent = Duration::ZERO,
            Err(error) if error.kind() == ErrorKind::Conflict => return Outcome::LeaseLost,
            Err(error) => {
                tracing::warn!(run = %lease.run, %error, "the lease was not extended");
                silent += beat;
                // A catalog that does not answer for a whole lease has given the run away.
                if silent >= shared.options.lease {
                    return Outcome::LeaseLost;
                }
            }
        }
    }
}
