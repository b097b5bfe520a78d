//! What a job is asked to do, and what is refused at once.

use serde_json::{Map, Value};

use super::bad_request;
use crate::jobs::{not_emulated, refuse};
use crate::service::Fault;

/// What is not emulated. A key for encryption is heeded by nobody here: what S3 encrypts is read
/// back the same.
const UNHEEDED: [&str; 5] = [
    "/ModelSettings",
    "/ContentRedaction",
    "/ToxicityDetection",
    "/Settings/VocabularyFilterName",
    "/Settings/ShowAlternatives",
];

/// What the model cannot say about a request.
pub(super) fn check(input: &Value) -> Result<(), Fault> {
    refuse("Transcribe", "StartTranscriptionJob", input, &UNHEEDED)?;
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

pub(super) fn vocabularies(input: &Value) -> Vec<&str> {
    let of_languages = input["LanguageIdSettings"].as_object().into_iter().flat_map(Map::values);
    let all = of_languages.chain(input.get("Settings"));
    all.filter_map(|settings| settings["VocabularyName"].as_str()).collect()
}

/// Bucket and key of `s3://BUCKET/KEY` or `https://s3.REGION.amazonaws.com/BUCKET/KEY`.
pub(super) fn location(uri: &str) -> Result<(String, String), Fault> {
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
pub(super) fn output_key(asked: Option<&str>, name: &str) -> String {
    match asked {
        None => format!("{name}.json"),
        Some(key) if key.ends_with(".json") => key.to_owned(),
        Some(key) => format!("{}/{name}.json", key.trim_end_matches('/')),
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
