//! The service's jobs: beginning one and asking after it.

use std::collections::HashMap;

use aws_sdk_transcribe::Client;
use aws_sdk_transcribe::config::retry::RetryConfig;
use aws_sdk_transcribe::config::{Builder, Config};
use aws_sdk_transcribe::types::{
    JobExecutionSettings, LanguageCode, LanguageIdSettings, Media, MediaFormat, Settings,
    TranscriptionJob, TranscriptionJobStatus,
};
use emam_core::{Error, ErrorKind, Result};

use super::Options;
use super::vocabulary::{self, State};
use crate::error::error;
use crate::uri::S3Uri;

/// The formats the service reads, by their extensions.
/// <https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html>
pub(super) fn format(key: &str) -> Option<MediaFormat> {
    let (_, extension) = key.rsplit_once('.')?;
    Some(match extension.to_lowercase().as_str() {
        "amr" => MediaFormat::Amr,
        "flac" => MediaFormat::Flac,
        "m4a" => MediaFormat::M4A,
        "mp3" => MediaFormat::Mp3,
        "mp4" => MediaFormat::Mp4,
        "ogg" | "opus" => MediaFormat::Ogg,
        "wav" => MediaFormat::Wav,
        "webm" => MediaFormat::Webm,
        _ => return None,
    })
}

/// Begins the job of that name, which hears `media` and writes to `output`. A job of that name that
/// there is already is taken for this one. Tells whether there is a job now: there is none yet
/// while a vocabulary is being made.
pub(super) async fn begin(
    client: &Client,
    operation: &'static str,
    options: &Options,
    name: &str,
    media: &S3Uri,
    output: &S3Uri,
) -> Result<bool> {
    let words = match &options.vocabulary {
        None => None,
        Some(name) => match vocabulary::state(client, operation, name).await? {
            State::Ready(language) => Some((name.clone(), language)),
            State::Pending => return Ok(false),
        },
    };
    let mut request = client
        .start_transcription_job()
        .transcription_job_name(name)
        .media(Media::builder().media_file_uri(media.to_string()).build())
        .set_media_format(format(&media.key))
        .output_bucket_name(&output.bucket)
        .output_key(&output.key);
    let languages: Vec<LanguageCode> =
        options.languages.iter().map(|code| LanguageCode::from(code.as_str())).collect();
    let mut settings = Settings::builder();
    let mut by_language = None;
    // Exactly one way of knowing the language is allowed.
    match languages.as_slice() {
        [only] if !options.multiple_languages => {
            request = request.language_code(only.clone());
            settings = settings.set_vocabulary_name(words.map(|(name, _)| name));
        }
        _ => {
            request = if options.multiple_languages {
                request.identify_multiple_languages(true)
            } else {
                request.identify_language(true)
            };
            // Fewer than two are no choice, and refused.
            request = request.set_language_options((languages.len() >= 2).then_some(languages));
            by_language = words.map(|(name, language)| {
                let with = LanguageIdSettings::builder().vocabulary_name(name).build();
                HashMap::from([(language, with)])
            });
        }
    }
    if let Some(speakers) = options.speakers {
        let most = i32::try_from(speakers.clamp(2, 30)).unwrap_or(30);
        settings = settings.show_speaker_labels(true).max_speaker_labels(most);
    }
    let settings = settings.build();
    let any = settings.vocabulary_name.is_some() || settings.show_speaker_labels.is_some();
    let execution = options.role_arn.as_ref().map(|role| {
        let settings = JobExecutionSettings::builder().allow_deferred_execution(true);
        settings.data_access_role_arn(role).build()
    });
    let begun = request
        .set_settings(any.then_some(settings))
        .set_language_id_settings(by_language)
        .set_job_execution_settings(execution)
        .customize()
        .config_override(at_once())
        .send()
        .await;
    match begun.map_err(|cause| error(operation, cause)) {
        Ok(_) => Ok(true),
        Err(there) if there.get("code") == Some("ConflictException") => Ok(true),
        Err(error) => Err(error.with("job", name)),
    }
}

/// That the service has no room is told at once: the SDK would wait and ask again, as the engine
/// does.
fn at_once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

/// The job of that name, where there is one.
pub(super) async fn get(
    client: &Client,
    operation: &'static str,
    name: &str,
) -> Result<Option<TranscriptionJob>> {
    let told = client.get_transcription_job().transcription_job_name(name).send().await;
    match told.map_err(|cause| error(operation, cause)) {
        Ok(told) => Ok(told.transcription_job),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error.with("job", name)),
    }
}

/// Forgets the job of that name.
pub(super) async fn delete(client: &Client, operation: &'static str, name: &str) -> Result<()> {
    let told = client.delete_transcription_job().transcription_job_name(name).send().await;
    match told.map_err(|cause| error(operation, cause)) {
        Ok(_) => Ok(()),
        // What cannot be deleted while it runs ends on its own.
        Err(error) if is_missing(&error) || error.get("code") == Some("BadRequestException") => {
            Ok(())
        }
        Err(error) => Err(error.with("job", name)),
    }
}

/// Whether the service says that there is no such thing. It says so by a code of its own only in
/// its documentation; in fact it is a bad request.
pub(super) fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
        || (error.get("code") == Some("BadRequestException")
            && error.get("said").is_some_and(|said| said.contains("couldn't be found")))
}

/// What a job is at.
#[derive(Debug)]
pub(super) enum Progress {
    /// How much is done, as far as the service tells.
    Running(f64),
    /// There is a transcript.
    Done,
    /// There will be none.
    Failed(Error),
}

pub(super) fn progress(operation: &'static str, job: &TranscriptionJob) -> Progress {
    match job.transcription_job_status() {
        Some(TranscriptionJobStatus::Completed) => Progress::Done,
        Some(TranscriptionJobStatus::Failed) => {
            let reason = job.failure_reason().unwrap_or_default();
            let theirs = reason.to_lowercase().contains("internal");
            let (kind, message) = if theirs {
                (ErrorKind::Unavailable, "Transcribe has failed; trying again may help")
            } else {
                (ErrorKind::InvalidMedia, "Transcribe cannot hear this media")
            };
            let name = job.transcription_job_name().unwrap_or_default();
            Progress::Failed(
                Error::new(kind, operation, message).with("job", name).with("said", reason),
            )
        }
        Some(TranscriptionJobStatus::InProgress) => Progress::Running(0.5),
        _ => Progress::Running(0.0),
    }
}
