//! Jobs on stored videos: started once per token, limited in number, read in pages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Shared, State, collections, fault, results, segments, told};
use crate::completion::RekognitionDone;
use crate::jobs::{hangs, hex_id, text};
use crate::measure::{self, Measured};
use crate::service::Fault;
use crate::truth::Facts;

/// The largest video in bytes.
const MAX_BYTES: u64 = 10 * 1024 * 1024 * 1024;
/// The longest video in milliseconds.
const MAX_MS: u64 = 6 * 3600 * 1000;
/// The most results in a page, and how many when the caller does not say.
const MAX_RESULTS: u64 = 1000;
/// How often a job looks at the account's clock, in real time.
const LOOK: Duration = Duration::from_millis(5);

/// Whether a job is begun or asked for.
pub(super) enum Call {
    Start,
    Get,
}

/// What a job looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Labels,
    Faces,
    Celebrities,
    Text,
    Segments,
    Moderation,
    FaceSearch,
}

impl Kind {
    pub(super) fn of(operation: &str) -> Option<(Call, Self)> {
        let (call, subject) = match operation.strip_prefix("Start") {
            Some(subject) => (Call::Start, subject),
            None => (Call::Get, operation.strip_prefix("Get")?),
        };
        let all = [
            Self::Labels,
            Self::Faces,
            Self::Celebrities,
            Self::Text,
            Self::Segments,
            Self::Moderation,
            Self::FaceSearch,
        ];
        all.into_iter().find(|kind| kind.subject() == subject).map(|kind| (call, kind))
    }

    /// The name within the operations.
    fn subject(self) -> &'static str {
        match self {
            Self::Labels => "LabelDetection",
            Self::Faces => "FaceDetection",
            Self::Celebrities => "CelebrityRecognition",
            Self::Text => "TextDetection",
            Self::Segments => "SegmentDetection",
            Self::Moderation => "ContentModeration",
            Self::FaceSearch => "FaceSearch",
        }
    }

    /// The member that holds the results.
    fn member(self) -> &'static str {
        match self {
            Self::Labels => "Labels",
            Self::Faces => "Faces",
            Self::Celebrities => "Celebrities",
            Self::Text => "TextDetections",
            Self::Segments => "Segments",
            Self::Moderation => "ModerationLabels",
            Self::FaceSearch => "Persons",
        }
    }
}

/// All jobs.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    by_id: HashMap<String, Job>,
    by_token: HashMap<(Kind, String), String>,
    count: u64,
}

/// A job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    id: String,
    pub(super) kind: Kind,
    pub(super) input: Value,
    done_at: Timestamp,
    outcome: Option<Result<Arc<Seen>, String>>,
}

/// What a job found.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) measured: Measured,
    pub(super) facts: Facts,
    /// Segments, and persons with their matches: what does not follow from the facts alone.
    pub(super) items: Vec<Value>,
}

impl Job {
    fn ended(&self, now: Timestamp) -> Option<&Result<Arc<Seen>, String>> {
        self.outcome.as_ref().filter(|_| now >= self.done_at)
    }

    fn video(&self) -> (&str, &str) {
        let at = |pointer| text(&self.input, pointer).unwrap_or_default();
        (at("/Video/S3Object/Bucket"), at("/Video/S3Object/Name"))
    }
}

/// Begins a job, or tells the one that was begun with the same token.
pub(super) async fn start(shared: &Arc<Shared>, kind: Kind, input: Value) -> Result<Value, Fault> {
    let bucket = text(&input, "/Video/S3Object/Bucket").unwrap_or_default();
    let key = text(&input, "/Video/S3Object/Name").unwrap_or_default();
    if let Some(id) = known(&shared.state(), kind, &input)? {
        return Ok(json!({"JobId": id}));
    }
    match shared.media.head(bucket, key).await {
        Ok(Some(size)) if size > MAX_BYTES => {
            let said = "The file size or duration of the supplied media is too large. The \
                        maximum file size is 10GB. The maximum duration is 6 hours.";
            return Err(fault("VideoTooLargeException", said));
        }
        Ok(Some(_)) => {}
        Ok(None) | Err(_) => {
            let said = "Unable to get object metadata from S3. Check object key, region and/or \
                        access permissions.";
            return Err(fault("InvalidS3ObjectException", said));
        }
    }
    let (job, hanging) = register(shared, kind, input)?;
    let Some(job) = job else { return Ok(json!({"JobId": hanging})) };
    let id = job.id.clone();
    tokio::spawn(run(Arc::clone(shared), job));
    Ok(json!({"JobId": id}))
}

/// The job that the caller's token already stands for.
fn known(state: &State, kind: Kind, input: &Value) -> Result<Option<String>, Fault> {
    let Some(token) = text(input, "/ClientRequestToken") else { return Ok(None) };
    let Some(id) = state.jobs.by_token.get(&(kind, token.to_owned())) else { return Ok(None) };
    match state.jobs.by_id.get(id) {
        Some(job) if job.input == *input => Ok(Some(id.clone())),
        _ => Err(fault(
            "IdempotentParameterMismatchException",
            "A ClientRequestToken input parameter was reused with an operation, but at least one \
             of the other input parameters is different from the previous call to the operation.",
        )),
    }
}

/// Writes the job down. What is to run comes back as the first of the pair; a job that is already
/// known or that hangs has only an id, the second.
fn register(shared: &Shared, kind: Kind, input: Value) -> Result<(Option<Job>, String), Fault> {
    let (switches, now) = (shared.world.switches(), shared.world.clock.now());
    let mut state = shared.state();
    // Looked at again: two calls with one token may both have waited for S3.
    if let Some(id) = known(&state, kind, &input)? {
        return Ok((None, id));
    }
    if kind == Kind::FaceSearch {
        state.collections.check(text(&input, "/CollectionId").unwrap_or_default())?;
    }
    let open = state.jobs.by_id.values().filter(|job| job.ended(now).is_none()).count();
    if open >= switches.rekognition_jobs {
        let limit = switches.rekognition_jobs;
        let said = format!("User has {open} open Jobs. Maximum limit: {limit}");
        return Err(fault("LimitExceededException", said));
    }
    state.jobs.count += 1;
    let count = state.jobs.count;
    let id = hex_id(&["rekognition", kind.subject(), &count.to_string(), &now.to_string()]);
    let takes = SignedDuration::from_secs_f64(switches.job_seconds);
    let done_at = now.saturating_add(takes).unwrap_or(now);
    if let Some(token) = text(&input, "/ClientRequestToken") {
        state.jobs.by_token.insert((kind, token.to_owned()), id.clone());
    }
    let job = Job { id: id.clone(), kind, input, done_at, outcome: None };
    state.jobs.by_id.insert(id.clone(), job.clone());
    let runs = !hangs(&switches, "rekognition", count);
    Ok((runs.then_some(job), id))
}

async fn run(shared: Arc<Shared>, job: Job) {
    let outcome = {
        let _place = shared.ffmpeg.acquire().await;
        Box::pin(look(&shared, &job)).await.map(Arc::new)
    };
    let status = if outcome.is_ok() { "SUCCEEDED" } else { "FAILED" };
    if let Some(kept) = shared.state().jobs.by_id.get_mut(&job.id) {
        kept.outcome = Some(outcome);
    }
    while shared.world.clock.now() < job.done_at {
        tokio::time::sleep(LOOK).await;
    }
    let Some(topic) = text(&job.input, "/NotificationChannel/SNSTopicArn") else { return };
    let (bucket, key) = job.video();
    let done = RekognitionDone {
        job_id: job.id.clone(),
        status,
        api: format!("Start{}", job.kind.subject()),
        job_tag: text(&job.input, "/JobTag").map(str::to_owned),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        topic_arn: topic.to_owned(),
        at: shared.world.clock.now(),
    };
    shared.completion.rekognition_done(&done).await;
}

async fn look(shared: &Shared, job: &Job) -> Result<Seen, String> {
    let (bucket, key) = job.video();
    let folder = tempfile::tempdir_in(&shared.world.scratch).map_err(|e| e.to_string())?;
    let file = folder.path().join("video");
    match shared.media.save(bucket, key, &file).await {
        Ok(true) => {}
        Ok(false) => return Err("Unable to get object from S3".to_owned()),
        Err(error) => return Err(format!("{error:#}")),
    }
    let measured = measure::measure(&shared.world.ffprobe, &file).await;
    let measured = measured.map_err(|_| "Unsupported codec/format".to_owned())?;
    // The service takes H.264 in MPEG-4 and MOV only.
    let video = match &measured.video {
        Some(video) if video.codec == "h264" && measured.format_names.contains("mp4") => video,
        _ => return Err("Unsupported codec/format".to_owned()),
    };
    if measured.duration_ms > MAX_MS {
        return Err("The maximum duration is 6 hours.".to_owned());
    }
    let facts = shared.truth.of(shared.media.as_ref(), bucket, key).await?;
    let items = match job.kind {
        Kind::Segments => {
            let black = |name: &str| {
                let at = format!("/Filters/TechnicalCueFilter/BlackFrame/{name}");
                job.input.pointer(&at).and_then(Value::as_f64)
            };
            let pixel = black("MaxPixelThreshold").unwrap_or(0.2);
            let coverage = black("MinCoveragePercentage").unwrap_or(99.0) / 100.0;
            let cuts = measure::cuts(&shared.world.ffmpeg, &file, pixel, coverage).await?;
            segments::segments(&job.input, video, measured.duration_ms, &cuts, &facts.cues)
        }
        Kind::FaceSearch => persons(shared, job, &facts, measured.duration_ms)?,
        _ => Vec::new(),
    };
    Ok(Seen { measured, facts, items })
}

fn persons(shared: &Shared, job: &Job, facts: &Facts, duration: u64) -> Result<Vec<Value>, String> {
    let id = text(&job.input, "/CollectionId").unwrap_or_default();
    let least = collections::threshold(&job.input);
    let mut found = Vec::new();
    for (index, face) in facts.faces.iter().enumerate() {
        let matches = shared.state().collections.matches(id, face, least);
        let matches = matches.map_err(|fault| fault.message)?;
        let person = json!({"Index": index, "Face": results::face_detail(face, false)});
        let mut seen =
            results::at_moments("Person", &person, (face.start_ms, face.end_ms), duration);
        for item in &mut seen {
            item["FaceMatches"] = json!(matches);
        }
        found.extend(seen);
    }
    Ok(found)
}

/// Tells a job and a page of its results.
pub(super) fn get(shared: &Shared, kind: Kind, input: &Value) -> Result<Value, Fault> {
    let now = shared.world.clock.now();
    let mut state = shared.state();
    let id = text(input, "/JobId").unwrap_or_default();
    let job = state.jobs.by_id.get(id).filter(|job| job.kind == kind).cloned();
    let job = job.ok_or_else(|| fault("ResourceNotFoundException", "Could not find JobId"))?;
    let mut told = json!({"JobId": id, "Video": job.input["Video"]});
    if let Some(tag) = text(&job.input, "/JobTag") {
        told["JobTag"] = json!(tag);
    }
    let seen = match job.ended(now) {
        None => {
            told["JobStatus"] = json!("IN_PROGRESS");
            return Ok(told);
        }
        Some(Err(message)) => {
            told["JobStatus"] = json!("FAILED");
            told["StatusMessage"] = json!(message);
            return Ok(told);
        }
        Some(Ok(seen)) => seen,
    };
    told["JobStatus"] = json!("SUCCEEDED");
    let (sort, by) = (text(input, "/SortBy"), text(input, "/AggregateBy"));
    let scope = format!("{id} {} {}", sort.unwrap_or_default(), by.unwrap_or_default());
    let max = input["MaxResults"].as_u64().unwrap_or(MAX_RESULTS).min(MAX_RESULTS) as usize;
    let items = told::items(&job, seen, sort, by == Some("SEGMENTS"));
    let token = text(input, "/NextToken");
    let (page, next) = state.pages.page(now, &scope, token, max, items)?;
    told[kind.member()] = json!(page);
    if let Some(next) = next {
        told["NextToken"] = json!(next);
    }
    told::describe(&mut told, &job, seen, input);
    Ok(told)
}
