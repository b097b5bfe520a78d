//! Jobs on stored videos: started once per token, limited in number, read in pages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Shared, State, collections, fault, results, segments};
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

#[derive(Debug, Clone)]
struct Job {
    id: String,
    kind: Kind,
    input: Value,
    done_at: Timestamp,
    outcome: Option<Result<Arc<Seen>, String>>,
}

/// What a job found.
#[derive(Debug)]
struct Seen {
    measured: Measured,
    facts: Facts,
    /// Segments, and persons with their matches: what does not follow from the facts alone.
    items: Vec<Value>,
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
    let outcome = Box::pin(look(&shared, &job)).await.map(Arc::new);
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
    let items = items(&job, seen, sort, by == Some("SEGMENTS"));
    let token = text(input, "/NextToken");
    let (page, next) = state.pages.page(now, &scope, token, max, items)?;
    told[kind.member()] = json!(page);
    if let Some(next) = next {
        told["NextToken"] = json!(next);
    }
    describe(&mut told, &job, seen, input);
    Ok(told)
}

fn items(job: &Job, seen: &Seen, sort: Option<&str>, by_segment: bool) -> Vec<Value> {
    let duration = seen.measured.duration_ms;
    let facts = &seen.facts;
    let least = job.input["MinConfidence"].as_f64().unwrap_or(50.0);
    let spread = |name: &str, of: Value, span: (u64, Option<u64>)| {
        if by_segment {
            results::at_segment(name, &of, span, duration).into_iter().collect()
        } else {
            results::at_moments(name, &of, span, duration)
        }
    };
    let mut items: Vec<Value> = match job.kind {
        Kind::Labels => {
            let kept = facts.labels.iter().filter(|label| label.confidence >= least);
            kept.filter(|label| results::wanted(label, &job.input))
                .flat_map(|l| {
                    spread("Label", results::label(l, !by_segment), (l.start_ms, l.end_ms))
                })
                .collect()
        }
        Kind::Moderation => {
            let kept = facts.moderation.iter().filter(|label| label.confidence >= least);
            kept.flat_map(|l| {
                let told = results::moderation_label(l);
                spread("ModerationLabel", told, (l.start_ms, l.end_ms))
            })
            .collect()
        }
        Kind::Faces => {
            let all = results::all_attributes(&job.input["FaceAttributes"]);
            let told = facts.faces.iter().flat_map(|face| {
                spread("Face", results::face_detail(face, all), (face.start_ms, face.end_ms))
            });
            told.collect()
        }
        Kind::Celebrities => {
            let told = facts
                .celebrities
                .iter()
                .flat_map(|c| spread("Celebrity", results::celebrity(c), (c.start_ms, c.end_ms)));
            told.collect()
        }
        Kind::Text => text_items(job, facts, duration),
        Kind::Segments | Kind::FaceSearch => seen.items.clone(),
    };
    order(&mut items, job.kind, sort);
    items
}

/// Text is told frame by frame, so that its ids count within one frame.
fn text_items(job: &Job, facts: &Facts, duration: u64) -> Vec<Value> {
    let lines = facts.text.iter();
    let mut moments: Vec<u64> =
        lines.flat_map(|line| results::moments(line.start_ms, line.end_ms, duration)).collect();
    moments.sort_unstable();
    moments.dedup();
    let least = results::word_filter(&job.input);
    let mut items = Vec::new();
    for at in moments {
        let seen = |line: &&crate::truth::TextFact| {
            at >= line.start_ms && at < line.end_ms.unwrap_or(duration)
        };
        let lines: Vec<_> = facts.text.iter().filter(seen).collect();
        let found = results::text_detections(&lines, least);
        items.extend(found.into_iter().map(|t| json!({"Timestamp": at, "TextDetection": t})));
    }
    items
}

fn order(items: &mut [Value], kind: Kind, sort: Option<&str>) {
    let time = |item: &Value| item["Timestamp"].as_u64().unwrap_or(0);
    let name = |item: &Value, pointer: &str| text(item, pointer).unwrap_or_default().to_owned();
    match (kind, sort) {
        // Cues stand before shots, each in order of time, as the service tells them.
        (Kind::Segments, _) => {}
        (Kind::Labels, Some("NAME")) => {
            items.sort_by_key(|item| (name(item, "/Label/Name"), time(item)));
        }
        (Kind::Moderation, Some("NAME")) => {
            items.sort_by_key(|item| (name(item, "/ModerationLabel/Name"), time(item)));
        }
        (Kind::Celebrities, Some("ID")) => {
            items.sort_by_key(|item| (name(item, "/Celebrity/Id"), time(item)));
        }
        (Kind::FaceSearch, Some("INDEX")) => {
            items.sort_by_key(|item| (item["Person"]["Index"].as_u64(), time(item)));
        }
        _ => items.sort_by_key(time),
    }
}

/// Adds what is told beside the results.
fn describe(told: &mut Value, job: &Job, seen: &Seen, input: &Value) {
    let measured = &seen.measured;
    let metadata = measured.video.as_ref().map(|video| {
        json!({
            "Codec": video.codec,
            "DurationMillis": measured.duration_ms,
            "Format": measured.format,
            "FrameRate": video.rate.0 as f64 / video.rate.1 as f64,
            "FrameWidth": video.width,
            "FrameHeight": video.height,
            "ColorRange": if video.full_range { "FULL" } else { "LIMITED" },
        })
    });
    if job.kind == Kind::Segments {
        told["VideoMetadata"] = metadata.into_iter().collect();
        let audio = measured.audio.as_ref().map(|audio| {
            json!({
                "Codec": audio.codec,
                "DurationMillis": measured.duration_ms,
                "SampleRate": audio.sample_rate,
                "NumberOfChannels": audio.channels,
            })
        });
        told["AudioMetadata"] = audio.into_iter().collect();
        let kinds = job.input["SegmentTypes"].as_array().into_iter().flatten();
        told["SelectedSegmentTypes"] =
            kinds.map(|kind| json!({"Type": kind, "ModelVersion": "2.0"})).collect();
        return;
    }
    told["VideoMetadata"] = metadata.into_iter().next().unwrap_or_default();
    match job.kind {
        Kind::Labels => told["LabelModelVersion"] = json!("3.0"),
        Kind::Moderation => told["ModerationModelVersion"] = json!("7.0"),
        Kind::Text => told["TextModelVersion"] = json!("3.0"),
        _ => {}
    }
    if matches!(job.kind, Kind::Labels | Kind::Moderation) {
        told["GetRequestMetadata"] = json!({
            "SortBy": text(input, "/SortBy").unwrap_or("TIMESTAMP"),
            "AggregateBy": text(input, "/AggregateBy").unwrap_or("TIMESTAMPS"),
        });
    }
}
