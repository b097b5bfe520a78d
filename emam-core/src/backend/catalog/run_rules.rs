//! What becomes of a run: the rules every store of runs goes by, so that none has its own.
//!
//! Each function changes a run that was read, and the store writes it back if nobody else has
//! changed it since. All of them are pure: they know no store and no clock.

use jiff::Timestamp;
use serde_json::Value;

use super::{Lease, Settlement, StepReport};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Run, RunState, Step, StepState};

/// Checks a run that is to be started.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) where it is not queued.
pub fn check_start(operation: &'static str, run: &Run) -> Result<()> {
    if run.state == RunState::Queued {
        return Ok(());
    }
    Err(Error::invalid(operation, "a run starts in the state queued")
        .with("run", run.id)
        .with("state", run.state.as_str()))
}

/// Checks that a lease still holds on its run, of which `epoch` is the present fencing token.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) where somebody else has taken it since, or it was let go.
pub fn check_lease(operation: &'static str, lease: &Lease, run: &Run, epoch: i64) -> Result<()> {
    if run.state == RunState::Running && epoch == lease.epoch {
        return Ok(());
    }
    let message = "this lease on the run is over; stop working on it";
    Err(Error::new(ErrorKind::Conflict, operation, message)
        .with("run", lease.run)
        .with("state", run.state.as_str())
        .with("epoch", lease.epoch)
        .with("present_epoch", epoch))
}

/// A worker takes a run that is due.
pub fn claim(run: &mut Run, now: Timestamp) {
    // Its worker has died or hung: if the step is why, that must not go on for ever.
    run.attempts += u32::from(run.state == RunState::Running);
    run.state = RunState::Running;
    run.resume_at = None;
    run.updated_at = now;
}

/// A step has begun, is done or has failed. Gives the step's place among the run's steps.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) where the step is done.
pub fn report_step(operation: &'static str, run: &mut Run, report: &StepReport) -> Result<usize> {
    let at = match run.steps.iter().position(|step| step.name == report.name) {
        Some(at) if run.steps[at].state == StepState::Done => {
            let message = "this step is done; a done step is never done again";
            return Err(Error::new(ErrorKind::Conflict, operation, message)
                .with("run", run.id)
                .with("step", &report.name));
        }
        Some(at) => at,
        None => {
            run.steps.push(Step {
                name: report.name.clone(),
                state: report.state,
                output: Value::Null,
                error: None,
                attempts: u32::from(report.state != StepState::Running),
                started_at: report.now,
                finished_at: None,
            });
            run.steps.len() - 1
        }
    };
    let step = &mut run.steps[at];
    let goes_on = step.state == StepState::Running && step.attempts > 0;
    step.state = report.state;
    step.output = report.output.clone();
    match report.state {
        StepState::Running => {
            // A step that goes on, after a crash or with something to keep, is not begun again.
            if !goes_on {
                step.attempts += 1;
                step.started_at = report.now;
            }
            step.finished_at = None;
        }
        StepState::Done => {
            step.error = None;
            step.finished_at = Some(report.now);
            // It counts how often the present step has failed; the next one has not yet.
            run.attempts = 0;
        }
        StepState::Failed => {
            step.error.clone_from(&report.error);
            step.finished_at = Some(report.now);
        }
    }
    run.updated_at = report.now;
    Ok(at)
}

/// A worker lets go of a run.
pub fn settle(run: &mut Run, settlement: &Settlement, now: Timestamp) {
    // A run that was asked to stop does not wait: the next worker sees it at once.
    let resume = |at: Timestamp| Some(if run.cancel_requested { now } else { at });
    match settlement {
        Settlement::Succeeded(result) => {
            run.state = RunState::Succeeded;
            run.result = result.clone();
            run.failure = None;
        }
        Settlement::Failed(failure) => {
            run.state = RunState::Failed;
            run.failure = Some(failure.clone());
        }
        Settlement::Cancelled => run.state = RunState::Cancelled,
        Settlement::Waiting { resume_at } => {
            run.resume_at = resume(*resume_at);
            run.state = RunState::Waiting;
        }
        Settlement::Retry { resume_at } => {
            run.resume_at = resume(*resume_at);
            run.state = RunState::Waiting;
            run.attempts += 1;
        }
        Settlement::Released => run.state = RunState::Queued,
    }
    run.progress = None;
    run.updated_at = now;
    run.finished_at = run.state.is_final().then_some(now);
}

/// Somebody asks a run to stop. Tells whether that changed anything: asking twice does not.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) where the run is over.
pub fn cancel(operation: &'static str, run: &mut Run, now: Timestamp) -> Result<bool> {
    match run.state {
        // What has begun is left to a worker, which tidies what the steps have done.
        RunState::Queued | RunState::Waiting if !run.steps.is_empty() => {
            run.state = RunState::Queued;
            run.resume_at = None;
        }
        RunState::Queued | RunState::Waiting => {
            run.state = RunState::Cancelled;
            run.resume_at = None;
            run.progress = None;
            run.finished_at = Some(now);
        }
        RunState::Running if run.cancel_requested => return Ok(false),
        // Even where the lease is over: its next worker cleans up what the last one left.
        RunState::Running => {}
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => {
            return Err(wrong_state(operation, run, "the run is over; there is nothing to cancel"));
        }
    }
    run.cancel_requested = true;
    run.updated_at = now;
    Ok(true)
}

/// Somebody wants a run tried again.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) where it has not failed and was not cancelled.
pub fn retry(operation: &'static str, run: &mut Run, now: Timestamp) -> Result<()> {
    if !matches!(run.state, RunState::Failed | RunState::Cancelled) {
        let message = "only a run that has failed or was cancelled can be retried";
        return Err(wrong_state(operation, run, message));
    }
    run.state = RunState::Queued;
    run.failure = None;
    run.attempts = 0;
    run.cancel_requested = false;
    run.resume_at = None;
    run.finished_at = None;
    run.updated_at = now;
    Ok(())
}

/// There is news of what a run waits for. Tells whether that changed anything: it does not where
/// the run waits for nothing.
pub fn wake(run: &mut Run, now: Timestamp) -> bool {
    if run.state != RunState::Waiting {
        return false;
    }
    run.resume_at = Some(now);
    run.updated_at = now;
    true
}

fn wrong_state(operation: &'static str, run: &Run, message: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, operation, message)
        .with("run", run.id)
        .with("state", run.state.as_str())
}
