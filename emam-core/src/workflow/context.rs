//! What a workflow is handed: its run, its steps, its lanes.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::backend::catalog::{Lease, StepReport};
use crate::backend::{Backends, token};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Progress, Run, Step, StepState};
use crate::workflow::Stop;
use crate::workflow::engine::{EngineOptions, Point, Shared};

/// The steps of a run as recorded, by name.
type Journal = Arc<Mutex<BTreeMap<String, Step>>>;

/// A run under execution.
#[derive(Debug)]
pub struct RunContext {
    shared: Arc<Shared>,
    run: Run,
    lease: Lease,
    /// The steps as recorded, by name.
    journal: Journal,
    /// The step begun last: the one a failure is blamed on.
    current: Mutex<String>,
}

impl RunContext {
    pub(super) fn new(shared: Arc<Shared>, run: Run, lease: Lease) -> Self {
        let begun = run.steps.iter().rev().find(|step| step.state != StepState::Done);
        let current = Mutex::new(begun.map(|step| step.name.clone()).unwrap_or_default());
        let journal = run.steps.iter().map(|step| (step.name.clone(), step.clone())).collect();
        Self { shared, run, lease, journal: Arc::new(Mutex::new(journal)), current }
    }

    /// The run as it was claimed.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The backends of the library.
    pub fn backends(&self) -> &Backends {
        &self.shared.backends
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.backends().clock.now()
    }

    /// What the run was asked to do.
    ///
    /// # Errors
    /// [`Unexpected`](ErrorKind::Unexpected) where the stored parameters are of another shape.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.run.params.clone()).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "runs.params", "the run's parameters are damaged")
                .with("run", self.run.id)
                .caused_by(cause)
        })
    }

    /// Does `work` as the step `name`, unless it was done before: then its recorded output is
    /// given back. A name stands for one step of the run.
    ///
    /// # Errors
    /// What `work` gives; [`Conflict`](ErrorKind::Conflict) where the lease is lost.
    pub async fn step<T, F>(
        &self,
        name: &str,
        work: impl FnOnce(StepContext) -> F,
    ) -> Result<T, Stop>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, Stop>>,
    {
        let before = lock(&self.journal).get(name).cloned();
        let note = match before {
            Some(step) if step.state == StepState::Done => return Ok(decode(name, step.output)?),
            // Begun by a process that died, or tried in vain: what was noted is still true.
            Some(step) => Note::read(step.output),
            None => None,
        };
        let note = note.unwrap_or_else(|| self.new_note());
        name.clone_into(&mut lock(&self.current));
        self.report(name, StepState::Running, encode(name, &note)?, None).await?;
        self.shared.observe(&self.run, Some(name), Point::StepBegun);

        let note = Arc::new(Mutex::new(note));
        let context = StepContext {
            shared: Arc::clone(&self.shared),
            lease: self.lease.clone(),
            journal: Arc::clone(&self.journal),
            name: name.to_owned(),
            note: Arc::clone(&note),
        };
        match work(context).await {
            Ok(output) => {
                let output_json = encode(name, &output)?;
                self.shared.observe(&self.run, Some(name), Point::StepWorked);
                self.report(name, StepState::Done, output_json, None).await?;
                self.shared.observe(&self.run, Some(name), Point::StepDone);
                Ok(output)
            }
            Err(Stop::Failed(error)) => {
                name.clone_into(&mut lock(&self.current));
                // What may have reached a service before it failed must not be begun a second time
                // when it is tried again.
                let output = match error.is_retryable() {
                    true => encode(name, &*lock(&note))?,
                    false => Value::Null,
                };
                self.report(name, StepState::Failed, output, Some(&error)).await?;
                Err(Stop::Failed(error))
            }
            // Not a failure: the step goes on with its note when the run is taken up again.
            Err(stop) => Err(stop),
        }
    }

    /// What the step `name` noted when it was last at work and did not get done: the token of its
    /// attempt, and what it kept.
    pub(super) fn note<T: DeserializeOwned>(&self, name: &str) -> Option<(String, Option<T>)> {
        let step = lock(&self.journal).get(name).cloned()?;
        if step.state == StepState::Done {
            return None;
        }
        let note = Note::read(step.output)?;
        Some((note.token, serde_json::from_value(note.kept).ok()))
    }

    /// The names of the steps begun so far.
    pub(super) fn step_names(&self) -> Vec<String> {
        lock(&self.journal).keys().cloned().collect()
    }

    /// How the engine works.
    pub(super) fn options(&self) -> &EngineOptions {
        &self.shared.options
    }

    fn new_note(&self) -> Note {
        let token = token::new(self.run.id, self.backends().clock.as_ref());
        Note { token, kept: Value::Null }
    }

    /// Waits for room in a lane: how many may do something costly at once, in this process.
    pub async fn lane(&self, name: &str) -> Option<OwnedSemaphorePermit> {
        self.shared.lane(name).await
    }

    /// The step begun last.
    pub(super) fn current_step(&self) -> String {
        lock(&self.current).clone()
    }

    async fn report(
        &self,
        name: &str,
        state: StepState,
        output: Value,
        error: Option<&Error>,
    ) -> Result<()> {
        let now = self.now();
        let error = error.map(Error::to_info);
        let report = StepReport {
            name: name.to_owned(),
            state,
            output: output.clone(),
            error: error.clone(),
            now,
        };
        self.shared.backends.runs.report_step(&self.lease, &report).await?;
        let step = Step {
            name: name.to_owned(),
            state,
            output,
            error,
            attempts: 0,
            started_at: now,
            finished_at: None,
        };
        lock(&self.journal).insert(name.to_owned(), step);
        self.shared.changed();
        Ok(())
    }
}

/// A step under execution.
#[derive(Debug)]
pub struct StepContext {
    shared: Arc<Shared>,
    lease: Lease,
    journal: Journal,
    name: String,
    note: Arc<Mutex<Note>>,
}

impl StepContext {
    /// Names this attempt at the step, the same after a crash and after an error that can be tried
    /// again: hand it to services that take an idempotency token. See
    /// [`backend::token`](crate::backend::token).
    pub fn token(&self) -> String {
        lock(&self.note).token.clone()
    }

    /// What [`keep`](Self::keep) kept before a crash or an error that can be tried again.
    pub fn kept<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(lock(&self.note).kept.clone()).ok()
    }

    /// Keeps something the step needs to go on after a crash, durably.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where the lease is lost.
    pub async fn keep<T: Serialize>(&self, value: &T) -> Result<()> {
        let kept = encode(&self.name, value)?;
        self.write(Note { token: self.token(), kept }).await
    }

    /// Makes this another attempt, with another token and nothing kept: what was begun under the
    /// last one has ended badly.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where the lease is lost.
    pub(super) async fn renew(&self) -> Result<()> {
        let token = token::new(self.lease.run, self.shared.backends.clock.as_ref());
        self.write(Note { token, kept: Value::Null }).await
    }

    async fn write(&self, note: Note) -> Result<()> {
        let report = StepReport {
            name: self.name.clone(),
            state: StepState::Running,
            output: encode(&self.name, &note)?,
            error: None,
            now: self.shared.backends.clock.now(),
        };
        self.shared.backends.runs.report_step(&self.lease, &report).await?;
        // Whoever tidies after the run is to know what was noted last.
        if let Some(step) = lock(&self.journal).get_mut(&self.name) {
            step.output = report.output;
        }
        *lock(&self.note) = note;
        Ok(())
    }

    /// Says how much of the step is done, from 0 to 1. Cheap: call it as often as there is news.
    pub fn progress(&self, fraction: f64, eta_ms: Option<u64>) {
        let progress =
            Progress { step: self.name.clone(), fraction: fraction.clamp(0.0, 1.0), eta_ms };
        self.shared.live_progress(&self.lease, progress);
    }

    /// A function that says how much of the step is done, in units of its own.
    pub fn meter(&self) -> impl Fn(u64, u64) + Send + Sync + 'static {
        let (shared, lease, name) =
            (Arc::clone(&self.shared), self.lease.clone(), self.name.clone());
        let begun = shared.backends.clock.now();
        move |done, total| {
            let fraction = if total == 0 { 1.0 } else { done as f64 / total as f64 };
            let elapsed = crate::clock::until(begun, shared.backends.clock.now()).as_millis();
            let eta_ms = (done > 0).then(|| {
                let left = u128::from(total.saturating_sub(done));
                u64::try_from(elapsed * left / u128::from(done)).unwrap_or(u64::MAX)
            });
            shared.live_progress(&lease, Progress { step: name.clone(), fraction, eta_ms });
        }
    }
}

/// What a step that has begun and not ended keeps in the place of its output.
#[derive(Debug, Serialize, serde::Deserialize)]
struct Note {
    token: String,
    #[serde(default)]
    kept: Value,
}

impl Note {
    fn read(output: Value) -> Option<Self> {
        serde_json::from_value(output).ok()
    }
}

fn encode<T: Serialize>(step: &str, value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|cause| damaged(step).caused_by(cause))
}

fn decode<T: DeserializeOwned>(step: &str, output: Value) -> Result<T> {
    serde_json::from_value(output).map_err(|cause| damaged(step).caused_by(cause))
}

fn damaged(step: &str) -> Error {
    Error::new(ErrorKind::Unexpected, "runs.step", "the step's output has another shape")
        .with("step", step)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
