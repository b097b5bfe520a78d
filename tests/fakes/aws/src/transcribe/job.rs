//! Transcription jobs from their request to their end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Shared, State, bad_request, output, page};
use crate::completion::TranscribeDone;
use crate::jobs::{hangs, not_emulated, text};
use crate::measure::{self, Measured};
use crate::service::Fault;
use crate::truth::Facts;

/// The largest media in bytes.
const MAX_BYTES: u64 = 2048 * 1024 * 1024;
/// The longest media in milliseconds.
const MAX_MS: u64 = 4 * 3600 * 1000;
/// How often a job looks at the account's clock and at the queue, in real time.
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
    told: Value,
    started: Option<Timestamp>,
    number: u64,
    bucket: String,
    key: String,
    /// Where the transcript goes; subtitles go beside it.
    output_bucket: String,
    output_key: String,
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
    check(&input)?;
    let (bucket, key) = location(text(&input, "/Media/MediaFileUri").unwrap_or_default())?;
    let name = text(&input, "/TranscriptionJobName").unwrap_or_default().to_owned();
    let (now, switches) = (shared.world.clock.now(), shared.world.switches());
    let mut state = shared.state();
    if state.jobs.by_name.contains_key(&name) {
        let said = "The requested job name already exists. Use a different job name.";
        return Err(Fault::new(400, "ConflictException", said));
    }
    for vocabulary in vocabularies(&input) {
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
        output_key: output_key(text(&input, "/OutputKey"), &name),
    };
    state.jobs.by_name.insert(name.clone(), job);
    let hangs = hangs(&switches, "transcribe", state.jobs.count);
    drop(state);
    tokio::spawn(run(Arc::clone(shared), name, hangs));
    Ok(json!({"TranscriptionJob": told}))
}

/// What the model cannot say about a request.
fn check(input: &Value) -> Result<(), Fault> {
    let unread = ["ModelSettings", "ContentRedaction", "ToxicityDetection"];
    let given = |member: &&&str| input.get(**member).is_some_and(|v| !v.is_null());
    if let Some(member) = unread.iter().find(given) {
        return Err(not_emulated("Transcribe StartTranscriptionJob", member));
    }
    if input.pointer("/Settings/VocabularyFilterName").is_some() {
        return Err(not_emulated("Transcribe StartTranscriptionJob", "VocabularyFilterName"));
    }
    if input["OutputBucketName"].is_null() {
        // The transcript would lie in a bucket of the service.
        return Err(not_emulated("Transcribe StartTranscriptionJob", "without OutputBucketName"));
    }
    let on = |pointer| input.pointer(pointer) == Some(&Value::Bool(true));
    let (one, many) = (on("/IdentifyLanguage"), on("/IdentifyMultipleLanguages"));
    let ways = [input["LanguageCode"].is_string(), one, many];
    if ways.into_iter().filter(|way| *way).count() != 1 {
        return Err(bad_request(
            "You must specify exactly one of LanguageCode, IdentifyLanguage or \
             IdentifyMultipleLanguages. Check your request and try again.",
        ));
    }
    if input["LanguageOptions"].as_array().is_some_and(|options| options.len() < 2) {
        return Err(bad_request("LanguageOptions must include at least two language codes."));
    }
    let settings = |name: &str| input.pointer(&format!("/Settings/{name}"));
    if on("/Settings/ShowSpeakerLabels") {
        if settings("MaxSpeakerLabels").is_none() {
            return Err(bad_request(
                "You must specify MaxSpeakerLabels when ShowSpeakerLabels is true.",
            ));
        }
        if on("/Settings/ChannelIdentification") {
            return Err(bad_request(
                "You can't use ShowSpeakerLabels and ChannelIdentification in the same request.",
            ));
        }
    }
    if on("/Settings/ChannelIdentification") {
        return Err(not_emulated("Transcribe StartTranscriptionJob", "ChannelIdentification"));
    }
    let role = input.pointer("/JobExecutionSettings/DataAccessRoleArn");
    if on("/JobExecutionSettings/AllowDeferredExecution") && role.is_none() {
        return Err(bad_request(
            "You must specify DataAccessRoleArn when AllowDeferredExecution is true.",
        ));
    }
    Ok(())
}

fn vocabularies(input: &Value) -> Vec<&str> {
    let of_languages = input["LanguageIdSettings"].as_object().into_iter().flat_map(Map::values);
    let all = of_languages.chain(input.get("Settings"));
    all.filter_map(|settings| settings["VocabularyName"].as_str()).collect()
}

/// Bucket and key of `s3://BUCKET/KEY` or `https://s3.REGION.amazonaws.com/BUCKET/KEY`.
fn location(uri: &str) -> Result<(String, String), Fault> {
    let path = uri.strip_prefix("s3://").or_else(|| {
        let (host, path) = uri.strip_prefix("https://")?.split_once('/')?;
        host.starts_with("s3").then_some(path)
    });
    match path.and_then(|path| path.split_once('/')) {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
            Ok((bucket.to_owned(), key.to_owned()))
        }
        _ => Err(bad_request(
            "The S3 URI that you provided isn't valid. Check the URI and try your request again.",
        )),
    }
}

/// Where the transcript goes. A key that ends in `.json` is taken as it is; any other is a folder.
fn output_key(asked: Option<&str>, name: &str) -> String {
    match asked {
        None => format!("{name}.json"),
        Some(key) if key.ends_with(".json") => key.to_owned(),
        Some(key) => format!("{}/{name}.json", key.trim_end_matches('/')),
    }
}

async fn run(shared: Arc<Shared>, name: String, hangs: bool) {
    while !begun(&shared, &name) {
        tokio::time::sleep(LOOK).await;
    }
    if hangs {
        return;
    }
    let takes = SignedDuration::from_secs_f64(shared.world.switches().job_seconds);
    let Some(job) = shared.state().jobs.by_name.get(&name).cloned() else { return };
    let begin = job.started.unwrap_or_else(|| shared.world.clock.now());
    let done_at = begin.saturating_add(takes).unwrap_or(begin);
    let heard = Box::pin(listen(&shared, &job)).await;
    while shared.world.clock.now() < done_at {
        tokio::time::sleep(LOOK).await;
    }
    let written = match heard {
        Ok(heard) => Box::pin(write(&shared, &job, &heard)).await,
        Err(reason) => Err(reason),
    };
    let now = shared.world.clock.now();
    let done = settle(&mut shared.state(), &name, written, now);
    if let Some(done) = done {
        shared.completion.transcribe_done(&done).await;
    }
}

/// Whether the job runs; takes a free place when it is the first in the queue.
fn begun(shared: &Shared, name: &str) -> bool {
    let now = shared.world.clock.now();
    let mut state = shared.state();
    let jobs = &mut state.jobs;
    let free = jobs.with_status("IN_PROGRESS").count() < shared.concurrent;
    let first = jobs.with_status("QUEUED").map(|job| job.number).min();
    let Some(job) = jobs.by_name.get_mut(name) else { return true };
    if job.told["TranscriptionJobStatus"] == "QUEUED" && free && first == Some(job.number) {
        job.told["TranscriptionJobStatus"] = json!("IN_PROGRESS");
        job.told["StartTime"] = seconds(now);
        job.started = Some(now);
    }
    job.told["TranscriptionJobStatus"] != "QUEUED"
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

/// What a job heard.
struct Heard {
    measured: Measured,
    facts: Facts,
    language: Option<String>,
}

async fn listen(shared: &Shared, job: &Job) -> Result<Heard, String> {
    let (bucket, key) = (&job.bucket, &job.key);
    let unreadable = || {
        "The S3 URI that you provided can't be accessed. Make sure that you have read permission \
         and try your request again."
            .to_owned()
    };
    match shared.media.head(bucket, key).await {
        Ok(Some(size)) if size > MAX_BYTES => {
            // The first sentence is the reference's; the second was seen in reports of users.
            return Err("Invalid file size: file size too large. The media file exceeds the \
                        maximum size of 2048 MB."
                .to_owned());
        }
        Ok(Some(_)) => {}
        Ok(None) | Err(_) => return Err(unreadable()),
    }
    let folder = tempfile::tempdir_in(&shared.world.scratch).map_err(|e| e.to_string())?;
    let file = folder.path().join("media");
    if !shared.media.save(bucket, key, &file).await.unwrap_or(false) {
        return Err(unreadable());
    }
    let measured = measure::measure(&shared.world.ffprobe, &file).await;
    let measured = measured.map_err(|_| "Failed to parse audio file.".to_owned())?;
    accept(&measured, &job.told)?;
    let facts = shared.truth.of(shared.media.as_ref(), bucket, key).await?;
    let language = language(&job.told, &facts)?;
    Ok(Heard { measured, facts, language })
}

/// Fails in the words of the reference when the media is not what the service takes.
fn accept(measured: &Measured, told: &Value) -> Result<(), String> {
    let audio = measured.audio.as_ref().ok_or("Failed to parse audio file.")?;
    let names: &[&str] = match measured.format_names.as_str() {
        names if names.contains("mp4") => &["mp4", "m4a"],
        names if names.contains("webm") => &["webm"],
        "wav" => &["wav"],
        "mp3" => &["mp3"],
        "flac" => &["flac"],
        "ogg" => &["ogg"],
        "amr" => &["amr"],
        _ => return Err("Unsupported media format.".to_owned()),
    };
    if text(told, "/MediaFormat").is_some_and(|format| !names.contains(&format)) {
        let said = "The media format provided does not match the detected media format.";
        return Err(said.to_owned());
    }
    if told["MediaSampleRateHertz"].as_u64().is_some_and(|rate| rate != audio.sample_rate) {
        let said = "The sample rate provided does not match the detected sample rate.";
        return Err(said.to_owned());
    }
    if measured.duration_ms > MAX_MS {
        return Err("Invalid file size: file size too large. Maximum audio duration is 4.000000 \
                    hours. Check the length of the file and try your request again."
            .to_owned());
    }
    Ok(())
}

/// The language that was identified, when that was asked for.
fn language(told: &Value, facts: &Facts) -> Result<Option<String>, String> {
    if told["LanguageCode"].is_string() {
        return Ok(None);
    }
    let Some(spoken) = &facts.language else {
        return Err(match facts.speech.is_empty() {
            true => "Your audio file must have a speech segment long enough in duration to \
                     perform automatic language identification. Provide an audio file with \
                     someone speaking for a longer period of time and try your request again."
                .to_owned(),
            false => "Internal Failure: the truth has words but no language.".to_owned(),
        });
    };
    let options: Vec<_> = told["LanguageOptions"].as_array().into_iter().flatten().collect();
    let first = options.first().and_then(|option| option.as_str());
    Ok(Some(match first {
        Some(first) if !options.iter().any(|option| *option == spoken) => first.to_owned(),
        _ => spoken.clone(),
    }))
}

/// Writes transcript and subtitles, and tells what the job tells about them.
async fn write(shared: &Shared, job: &Job, heard: &Heard) -> Result<Value, String> {
    let language = heard.language.as_deref();
    let document = output::document(&job.told, &heard.facts.speech, language);
    let mut files =
        vec![(job.output_key.clone(), "application/json", Bytes::from(document.to_string()))];
    let stem = job.output_key.strip_suffix(".json").unwrap_or(&job.output_key);
    let mut subtitles = job.told["Subtitles"].clone();
    let start = subtitles["OutputStartIndex"].as_u64().unwrap_or(0);
    let formats: Vec<_> = subtitles["Formats"].as_array().into_iter().flatten().collect();
    for format in formats.into_iter().filter_map(Value::as_str) {
        let body = output::subtitles(&heard.facts.speech, format, start);
        let kind = if format == "vtt" { "text/vtt" } else { "application/x-subrip" };
        files.push((format!("{stem}.{format}"), kind, Bytes::from(body)));
    }
    let mut uris = Vec::new();
    for (key, kind, body) in files {
        let put = shared.media.put(&job.output_bucket, &key, kind, body).await;
        put.map_err(|_| {
            format!(
                "The output bucket that you provided can't be written to: {}",
                job.output_bucket
            )
        })?;
        uris.push(format!("https://s3.us-east-1.amazonaws.com/{}/{key}", job.output_bucket));
    }
    let transcript = uris.remove(0);
    let mut told = json!({"Transcript": {"TranscriptFileUri": transcript}});
    if !uris.is_empty() {
        subtitles["SubtitleFileUris"] = json!(uris);
        subtitles["OutputStartIndex"] = json!(start);
        told["Subtitles"] = subtitles;
    }
    if job.told["MediaSampleRateHertz"].is_null() {
        told["MediaSampleRateHertz"] = json!(heard.measured.audio.as_ref().map(|a| a.sample_rate));
    }
    if let Some(language) = language {
        let seconds = heard.measured.duration_ms as f64 / 1000.0;
        if job.told["IdentifyMultipleLanguages"] == true {
            let codes = json!([{"LanguageCode": language, "DurationInSeconds": seconds}]);
            told["LanguageCodes"] = codes;
        } else {
            told["LanguageCode"] = json!(language);
            told["IdentifiedLanguageScore"] = json!(output::LANGUAGE_SCORE);
        }
    }
    Ok(told)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_key_follows_the_reference() {
        assert_eq!(output_key(None, "job"), "job.json");
        assert_eq!(output_key(Some("test-files/my.json"), "job"), "test-files/my.json");
        assert_eq!(output_key(Some("test-files/my"), "job"), "test-files/my/job.json");
        assert_eq!(output_key(Some("test-files/"), "job"), "test-files/job.json");
    }

    #[test]
    fn location_reads_both_forms() {
        let found = ("b".to_owned(), "a/c d.mp4".to_owned());
        assert_eq!(location("s3://b/a/c d.mp4").unwrap(), found);
        assert_eq!(location("https://s3.us-east-1.amazonaws.com/b/a/c d.mp4").unwrap(), found);
        assert!(location("http://elsewhere/b/c").is_err() && location("s3://b").is_err());
    }
}
