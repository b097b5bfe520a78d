//! The jobs and what they are at.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::run::Failed;
use crate::account::{arn, unique};
use crate::service::Fault;

/// How long the same token means the same job. Source: nothing in the API reference; observed by
/// its users, see the design notes on idempotency.
const TOKEN_HOLDS: SignedDuration = SignedDuration::from_mins(1);

/// What a job is at while it progresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Probing,
    Transcoding,
    Uploading,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Probing => "PROBING",
            Self::Transcoding => "TRANSCODING",
            Self::Uploading => "UPLOADING",
        }
    }
}

/// All jobs of the account.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of their making.
    jobs: Vec<Record>,
    tokens: HashMap<String, (String, Timestamp)>,
    paused: Vec<String>,
}

#[derive(Debug)]
struct Record {
    id: String,
    /// As `GetJob` answers it.
    job: Value,
    abort: Option<AbortHandle>,
}

/// Which jobs are wanted.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) status: Option<&'a str>,
    pub(super) queue: Option<&'a str>,
    pub(super) input: Option<&'a str>,
    pub(super) oldest_first: bool,
}

impl Jobs {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job this token stands for at `now`.
    pub(super) fn by_token(&self, token: &str, now: Timestamp) -> Option<Value> {
        let state = self.state();
        let (id, since) = state.tokens.get(token)?;
        if now.duration_since(*since) >= TOKEN_HOLDS {
            return None;
        }
        Some(state.jobs.iter().find(|record| record.id == *id)?.job.clone())
    }

    /// Adds a job; `job` lacks what the service adds itself.
    pub(super) fn add(&self, mut job: Value, token: Option<&str>, now: Timestamp) -> Value {
        let letters: String =
            unique().chars().filter(char::is_ascii_hexdigit).skip(12).take(6).collect();
        let mut state = self.state();
        // The count keeps two jobs of one millisecond apart.
        let id = format!("{}-{letters}{}", now.as_millisecond(), state.jobs.len());
        job["id"] = json!(id);
        job["arn"] = json!(arn("mediaconvert", &format!("jobs/{id}")));
        job["status"] = json!("SUBMITTED");
        job["createdAt"] = json!(now.as_second());
        job["timing"] = json!({"submitTime": now.as_second()});
        if let Some(token) = token {
            job["clientRequestToken"] = json!(token);
            state.tokens.insert(token.to_owned(), (id.clone(), now));
        }
        state.jobs.push(Record { id, job: job.clone(), abort: None });
        job
    }

    /// Remembers how to stop a job.
    pub(super) fn can_abort(&self, id: &str, handle: AbortHandle) {
        let mut state = self.state();
        if let Some(record) = state.jobs.iter_mut().find(|record| record.id == id) {
            record.abort = Some(handle);
        }
    }

    pub(super) fn get(&self, id: &str) -> Result<Value, Fault> {
        let state = self.state();
        let found = state.jobs.iter().find(|record| record.id == id);
        found.map(|record| record.job.clone()).ok_or_else(|| no_job(id))
    }

    /// The jobs that are wanted, newest first unless asked otherwise.
    pub(super) fn list(&self, wanted: &Wanted<'_>) -> Vec<Value> {
        let is = |job: &Value, name: &str, value: Option<&str>| {
            value.is_none_or(|value| job[name].as_str() == Some(value))
        };
        let reads = |job: &Value| {
            let inputs = job.pointer("/settings/inputs").and_then(Value::as_array);
            let mut files =
                inputs.into_iter().flatten().filter_map(|one| one["fileInput"].as_str());
            wanted.input.is_none_or(|part| files.any(|file| file.contains(part)))
        };
        let state = self.state();
        let jobs = state.jobs.iter().map(|record| &record.job).filter(|job| {
            is(job, "status", wanted.status) && is(job, "queue", wanted.queue) && reads(job)
        });
        let mut jobs: Vec<Value> = jobs.cloned().collect();
        if !wanted.oldest_first {
            jobs.reverse();
        }
        jobs
    }

    /// How many jobs of a queue wait, and how many progress.
    pub(super) fn of_queue(&self, queue: &str) -> (usize, usize) {
        let count = |status| {
            self.list(&Wanted { status: Some(status), queue: Some(queue), ..Wanted::default() })
                .len()
        };
        (count("SUBMITTED"), count("PROGRESSING"))
    }

    /// Cancels a job; its record as it then is.
    pub(super) fn cancel(&self, id: &str, now: Timestamp) -> Result<Value, Fault> {
        let mut state = self.state();
        let found = state.jobs.iter_mut().find(|record| record.id == id);
        let record = found.ok_or_else(|| no_job(id))?;
        let status = record.job["status"].as_str().unwrap_or_default();
        if !matches!(status, "SUBMITTED" | "PROGRESSING") {
            let why = format!("Cannot cancel job {id}: its status is {status}");
            return Err(Fault::new(409, "ConflictException", why));
        }
        if let Some(abort) = record.abort.take() {
            abort.abort();
        }
        record.job["status"] = json!("CANCELED");
        record.job["timing"]["finishTime"] = json!(now.as_second());
        Ok(record.job.clone())
    }

    /// Begins a job, unless it was cancelled before.
    pub(super) fn begin(&self, id: &str, now: Timestamp) -> bool {
        self.turn(id, "SUBMITTED", |job| {
            job["status"] = json!("PROGRESSING");
            job["timing"]["startTime"] = json!(now.as_second());
        })
    }

    /// Tells how far a job is.
    pub(super) fn progress(&self, id: &str, phase: Phase, percent: i64) {
        self.turn(id, "PROGRESSING", |job| {
            job["currentPhase"] = json!(phase.name());
            job["jobPercentComplete"] = json!(percent);
        });
    }

    /// Ends a job well. False when it was cancelled meanwhile.
    pub(super) fn complete(&self, id: &str, now: Timestamp, details: Value) -> bool {
        self.turn(id, "PROGRESSING", |job| {
            job["status"] = json!("COMPLETE");
            job["jobPercentComplete"] = json!(100);
            job["outputGroupDetails"] = details;
            job["timing"]["finishTime"] = json!(now.as_second());
            if job["accelerationStatus"] == "IN_PROGRESS" {
                job["accelerationStatus"] = json!("ACCELERATED");
            }
        })
    }

    /// Ends a job badly. False when it was cancelled meanwhile.
    pub(super) fn fail(&self, id: &str, now: Timestamp, failed: &Failed) -> bool {
        self.turn(id, "PROGRESSING", |job| {
            job["status"] = json!("ERROR");
            job["errorCode"] = json!(failed.code);
            job["errorMessage"] = json!(failed.message);
            job["timing"]["finishTime"] = json!(now.as_second());
        })
    }

    fn turn(&self, id: &str, from: &str, change: impl FnOnce(&mut Value)) -> bool {
        let mut state = self.state();
        let found = state.jobs.iter_mut().find(|record| record.id == id);
        let Some(record) = found.filter(|record| record.job["status"] == from) else {
            return false;
        };
        change(&mut record.job);
        true
    }

    /// Holds or releases the jobs of a queue.
    pub(super) fn pause(&self, queue: &str, paused: bool) {
        let mut state = self.state();
        state.paused.retain(|other| other != queue);
        if paused {
            state.paused.push(queue.to_owned());
        }
    }

    /// Waits for as long as a queue is paused.
    pub(super) async fn until_active(&self, queue: &str) {
        while self.state().paused.iter().any(|paused| paused == queue) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn no_job(id: &str) -> Fault {
    Fault::new(404, "NotFoundException", format!("The job {id} was not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).expect("an instant")
    }

    fn job() -> Value {
        json!({"settings": {"inputs": [{"fileInput": "s3://b/one.mov"}]}, "queue": "q"})
    }

    #[test]
    fn a_token_holds_for_a_minute() {
        let jobs = Jobs::default();
        let first = jobs.add(job(), Some("t"), at(0));
        assert_eq!(jobs.by_token("t", at(59)), Some(first));
        assert_eq!(jobs.by_token("t", at(60)), None);
        assert_eq!(jobs.by_token("other", at(0)), None);
    }

    #[test]
    fn a_job_runs_once_to_one_end() {
        let jobs = Jobs::default();
        let id = jobs.add(job(), None, at(0))["id"].as_str().expect("an id").to_owned();
        assert!(!jobs.complete(&id, at(1), json!([])));
        assert!(jobs.begin(&id, at(1)));
        assert!(!jobs.begin(&id, at(1)));
        assert!(jobs.fail(&id, at(2), &Failed::new(1404, "gone")));
        assert!(!jobs.complete(&id, at(3), json!([])));
        let job = jobs.get(&id).expect("the job");
        assert_eq!((&job["status"], &job["errorCode"]), (&json!("ERROR"), &json!(1404)));
        assert_eq!(jobs.cancel(&id, at(4)).map_err(|fault| fault.status), Err(409));
    }

    #[test]
    fn a_cancelled_job_stays_cancelled() {
        let jobs = Jobs::default();
        let id = jobs.add(job(), None, at(0))["id"].as_str().expect("an id").to_owned();
        assert_eq!(jobs.cancel(&id, at(1)).expect("cancelled")["status"], "CANCELED");
        assert!(!jobs.begin(&id, at(2)));
        assert_eq!(jobs.get("nobody").map_err(|fault| fault.code), Err("NotFoundException".into()));
    }

    #[test]
    fn lists_are_newest_first_and_filtered() {
        let jobs = Jobs::default();
        let ids: Vec<Value> = (0..3).map(|n| jobs.add(job(), None, at(n))["id"].clone()).collect();
        let listed: Vec<Value> =
            jobs.list(&Wanted::default()).iter().map(|job| job["id"].clone()).collect();
        assert_eq!(listed, ids.iter().rev().cloned().collect::<Vec<_>>());
        let none = Wanted { input: Some("two.mov"), ..Wanted::default() };
        assert!(jobs.list(&none).is_empty());
        assert_eq!(jobs.of_queue("q"), (3, 0));
    }
}
