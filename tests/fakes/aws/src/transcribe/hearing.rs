//! From media to files: what is measured, what truth says, what is written.

use bytes::Bytes;
use serde_json::{Value, json};

use super::job::Job;
use super::{Shared, output};
use crate::jobs::text;
use crate::measure::{self, Measured};
use crate::truth::Facts;

/// The largest media in bytes.
const MAX_BYTES: u64 = 2048 * 1024 * 1024;
/// The longest media in milliseconds.
const MAX_MS: u64 = 4 * 3600 * 1000;

/// What a job heard.
pub(super) struct Heard {
    measured: Measured,
    facts: Facts,
    language: Option<String>,
}

/// Hears what is said in the media, or tells why the service cannot.
pub(super) async fn listen(shared: &Shared, job: &Job) -> Result<Heard, String> {
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
pub(super) async fn write(shared: &Shared, job: &Job, heard: &Heard) -> Result<Value, String> {
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
