//! Transcription jobs from their request to their end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Shared, State, bad_request, hearing, page, request};
use crate::completion::TranscribeDone;
use crate::jobs::{hangs, text};
use crate::service::Fault;

/// How often a job looks at the account's clock, in real time.
const LOOK: Duration = Duration::from_millis(5);

/// All jobs, by name.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    by_name: HashMap<String, Job>,
    count: u64,
}

impl Jobs {
    fn with_status(&self, status: &str) -> impl Iterator<Item = &Job> {
        self.by_name.values().filter(move |job| job.told["TranscriptionJobStatus"] == status)
    }
}

/// A job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// As the service tells it.
    pub(super) told: Value,
    started: Option<Timestamp>,
    number: u64,
    pub(super) bucket: String,
    pub(super) key: String,
    /// Where the transcript goes; subtitles go beside it.
    pub(super) output_bucket: String,
    pub(super) output_key: String,
}

/// The members of a request that a job tells again.
const TOLD: [&str; 13] = [
    "TranscriptionJobName",
    "LanguageCode",
    "MediaSampleRateHertz",
    "MediaFormat",
    "Media",
    "Settings",
    "JobExecutionSettings",
    "IdentifyLanguage",
    "IdentifyMultipleLanguages",
    "LanguageOptions",
    "Tags",
    "Subtitles",
    "LanguageIdSettings",
];

fn seconds(at: Timestamp) -> Value {
    json!(at.as_millisecond() as f64 / 1000.0)
}

/// Takes a job.
pub(super) fn start(shared: &Arc<Shared>, input: Value) -> Result<Value, Fault> {
    request::check(&input)?;
    let (bucket, key) = request::location(text(&input, "/Media/MediaFileUri").unwrap_or_default())?;
    let name = text(&input, "/TranscriptionJobName").unwrap_or_default().to_owned();
    let (now, switches) = (shared.world.clock.now(), shared.world.switches());
    let mut state = shared.state();
    if state.jobs.by_name.contains_key(&name) {
        let said = "The requested job name already exists. Use a different job name.";
        return Err(Fault::new(400, "ConflictException", said));
    }
    for vocabulary in request::vocabularies(&input) {
        state.vocabularies.check(vocabulary, now)?;
    }
    let deferred = input.pointer("/JobExecutionSettings/AllowDeferredExecution");
    let busy = state.jobs.with_status("IN_PROGRESS").count() >= shared.concurrent;
    if busy && deferred != Some(&json!(true)) {
        let said = "You have reached your concurrent job limit. Wait until a job has completed, \
                    or allow deferred execution, and try your request again.";
        return Err(Fault::new(400, "LimitExceededException", said));
    }
    let mut told = Map::new();
    for member in TOLD {
        if let Some(value) = input.get(member) {
            told.insert(member.to_owned(), value.clone());
        }
    }
    let mut told = Value::Object(told);
    told["CreationTime"] = seconds(now);
    told["TranscriptionJobStatus"] = json!(if busy { "QUEUED" } else { "IN_PROGRESS" });
    if !busy {
        told["StartTime"] = seconds(now);
    }
    state.jobs.count += 1;
    let job = Job {
        told: told.clone(),
        started: (!busy).then_some(now),
        number: state.jobs.count,
        bucket,
        key,
        output_bucket: text(&input, "/OutputBucketName").unwrap_or_default().to_owned(),
        output_key: request::output_key(text(&input, "/OutputKey"), &name),
    };
    state.jobs.by_name.insert(name.clone(), job);
    let hangs = hangs(&switches, "transcribe", state.jobs.count);
    drop(state);
    tokio::spawn(run(Arc::clone(shared), name, hangs));
    Ok(json!({"TranscriptionJob": told}))
}

async fn run(shared: Arc<Shared>, name: String, hangs: bool) {
    loop {
        // Heard from now on, so that a place that is freed meanwhile is not missed.
        let freed = shared.freed.notified();
        if begun(&shared, &name) {
            break;
        }
        freed.await;
    }
    if hangs {
        return;
    }
    let takes = SignedDuration::from_secs_f64(shared.world.switches().job_seconds);
    let Some(job) = shared.state().jobs.by_name.get(&name).cloned() else { return };
    let begin = job.started.unwrap_or_else(|| shared.world.clock.now());
    let done_at = begin.saturating_add(takes).unwrap_or(begin);
    let heard = {
        let _place = shared.ffmpeg.acquire().await;
        Box::pin(hearing::listen(&shared, &job)).await
    };
    while shared.world.clock.now() < done_at {
        tokio::time::sleep(LOOK).await;
    }
    let written = match heard {
        Ok(heard) => Box::pin(hearing::write(&shared, &job, &heard)).await,
        Err(reason) => Err(reason),
    };
    let now = shared.world.clock.now();
    let done = {
        let mut state = shared.state();
        let done = settle(&mut state, &name, written, now);
        promote(&mut state.jobs, shared.concurrent, now);
        done
    };
    shared.freed.notify_waiters();
    if let Some(done) = done {
        shared.completion.transcribe_done(&done).await;
    }
}

/// Whether the job runs.
fn begun(shared: &Shared, name: &str) -> bool {
    let state = shared.state();
    let job = state.jobs.by_name.get(name);
    job.is_none_or(|job| job.told["TranscriptionJobStatus"] != "QUEUED")
}

/// Gives the places that are free to those who wait longest.
fn promote(jobs: &mut Jobs, concurrent: usize, now: Timestamp) {
    let running = jobs.with_status("IN_PROGRESS").count();
    let mut queued: Vec<_> = jobs.by_name.values_mut().collect();
    queued.retain(|job| job.told["TranscriptionJobStatus"] == "QUEUED");
    queued.sort_by_key(|job| job.number);
    for job in queued.into_iter().take(concurrent.saturating_sub(running)) {
        job.told["TranscriptionJobStatus"] = json!("IN_PROGRESS");
        job.told["StartTime"] = seconds(now);
        job.started = Some(now);
    }
}

fn settle(
    state: &mut State,
    name: &str,
    written: Result<Value, String>,
    now: Timestamp,
) -> Option<TranscribeDone> {
    let job = state.jobs.by_name.get_mut(name)?;
    job.told["CompletionTime"] = seconds(now);
    let (status, failure_reason) = match written {
        Ok(Value::Object(members)) => {
            for (member, value) in members {
                job.told[member] = value;
            }
            ("COMPLETED", None)
        }
        Ok(_) => ("COMPLETED", None),
        Err(reason) => {
            job.told["FailureReason"] = json!(reason);
            ("FAILED", Some(reason))
        }
    };
    job.told["TranscriptionJobStatus"] = json!(status);
    Some(TranscribeDone { job_name: name.to_owned(), status, failure_reason, at: now })
}

fn missing() -> Fault {
    bad_request(
        "The requested job couldn't be found. Check the job name and try your request again.",
    )
}

pub(super) fn get(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let name = text(input, "/TranscriptionJobName").unwrap_or_default();
    let state = shared.state();
    let job = state.jobs.by_name.get(name).ok_or_else(missing)?;
    Ok(json!({"TranscriptionJob": job.told}))
}

/// The newest first.
pub(super) fn list(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let state = shared.state();
    let contains = text(input, "/JobNameContains").unwrap_or_default();
    let status = input["Status"].as_str();
    let fits = |job: &&Job| {
        status.is_none_or(|status| job.told["TranscriptionJobStatus"] == status)
            && job.told["TranscriptionJobName"].as_str().is_some_and(|name| name.contains(contains))
    };
    let mut jobs: Vec<_> = state.jobs.by_name.values().filter(fits).collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(job.number));
    let (page, next) = page(input, jobs.into_iter().map(summary).collect())?;
    let mut told = json!({"TranscriptionJobSummaries": page});
    if let Some(status) = status {
        told["Status"] = json!(status);
    }
    if let Some(next) = next {
        told["NextToken"] = json!(next);
    }
    Ok(told)
}

fn summary(job: &Job) -> Value {
    let members = [
        "TranscriptionJobName",
        "CreationTime",
        "StartTime",
        "CompletionTime",
        "LanguageCode",
        "TranscriptionJobStatus",
        "FailureReason",
        "IdentifyLanguage",
        "IdentifyMultipleLanguages",
        "IdentifiedLanguageScore",
        "LanguageCodes",
    ];
    let mut told = json!({"OutputLocationType": "CUSTOMER_BUCKET"});
    for member in members {
        if let Some(value) = job.told.get(member) {
            told[member] = value.clone();
        }
    }
    told
}

pub(super) fn delete(shared: &Shared, input: &Value) -> Result<Value, Fault> {
    let name = text(input, "/TranscriptionJobName").unwrap_or_default();
    let mut state = shared.state();
    let job = state.jobs.by_name.get(name).ok_or_else(missing)?;
    match job.told["TranscriptionJobStatus"].as_str() {
        Some("QUEUED" | "IN_PROGRESS") => Err(bad_request(
            "The requested job isn't in a terminal state. Wait until it has ended and try your \
             request again.",
        )),
        _ => {
            state.jobs.by_name.remove(name);
            Ok(json!({}))
        }
    }
}
