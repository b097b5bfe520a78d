//! The transcript as the service writes it.

use emam_core::time::{MediaTime, Rate};
use emam_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::FINDINGS;

/// A word that was said, with the marks that follow it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    /// From 0 to 1.
    pub(super) confidence: f64,
    pub(super) speaker: Option<String>,
    pub(super) language: Option<String>,
}

/// What was said in some media.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Transcript {
    pub(super) words: Vec<Word>,
    /// The language of all of it, for example `en-US`.
    pub(super) language: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    speaker_labels: Option<SpeakerLabels>,
    #[serde(default)]
    language_code: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    r#type: String,
    #[serde(default)]
    alternatives: Vec<Alternative>,
    #[serde(default)]
    start_time: Option<Value>,
    #[serde(default)]
    end_time: Option<Value>,
    #[serde(default)]
    speaker_label: Option<String>,
    #[serde(default)]
    language_code: Option<String>,
}

#[derive(Deserialize)]
struct Alternative {
    #[serde(default)]
    confidence: Option<Value>,
    content: String,
}

#[derive(Deserialize)]
struct SpeakerLabels {
    #[serde(default)]
    segments: Vec<SpeakerSegment>,
}

#[derive(Deserialize)]
struct SpeakerSegment {
    #[serde(default)]
    items: Vec<SpeakerItem>,
}

#[derive(Deserialize)]
struct SpeakerItem {
    start_time: Value,
    speaker_label: String,
}

/// Reads a transcript.
///
/// # Errors
/// [`Unexpected`](ErrorKind::Unexpected) where it is none.
pub(super) fn read(bytes: &[u8]) -> Result<Transcript> {
    let wrong = |cause: String| {
        Error::new(
            ErrorKind::Unexpected,
            FINDINGS,
            "the transcript is not in the form Transcribe writes",
        )
        .with("cause", cause)
    };
    let document: Document =
        serde_json::from_slice(bytes).map_err(|cause| wrong(cause.to_string()))?;
    let results = document.results;
    // Older transcripts tell the speaker apart from the words.
    let segments = results.speaker_labels.map(|labels| labels.segments).unwrap_or_default();
    let speakers: Vec<(i64, String)> = segments
        .into_iter()
        .flat_map(|segment| segment.items)
        .filter_map(|item| Some((millis(&item.start_time)?, item.speaker_label)))
        .collect();
    let mut words: Vec<Word> = Vec::new();
    for item in results.items {
        let Some(best) = item.alternatives.into_iter().next() else { continue };
        if item.r#type == "punctuation" {
            if let Some(word) = words.last_mut() {
                word.text.push_str(&best.content);
            }
            continue;
        }
        let start_ms = item.start_time.as_ref().and_then(millis);
        let end_ms = item.end_time.as_ref().and_then(millis);
        let (Some(start_ms), Some(end_ms)) = (start_ms, end_ms) else {
            return Err(wrong(format!("the word {:?} has no time", best.content)));
        };
        let speaker = item.speaker_label.or_else(|| {
            let of = speakers.iter().find(|(at, _)| *at == start_ms);
            of.map(|(_, speaker)| speaker.clone())
        });
        words.push(Word {
            text: best.content,
            start_ms,
            end_ms: end_ms.max(start_ms),
            confidence: best.confidence.as_ref().and_then(number).unwrap_or(0.0).clamp(0.0, 1.0),
            speaker,
            language: item.language_code,
        });
    }
    Ok(Transcript { words, language: results.language_code })
}

/// The transcript of media whose pieces were heard one by one, as the service would write it.
pub(super) fn write(name: &str, transcript: &Transcript) -> Value {
    let seconds = |ms: i64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let items = transcript.words.iter().map(|word| {
        let mut item = json!({
            "type": "pronunciation",
            "alternatives": [{
                "confidence": word.confidence.to_string(), "content": word.text,
            }],
            "start_time": seconds(word.start_ms),
            "end_time": seconds(word.end_ms),
        });
        if let Some(speaker) = &word.speaker {
            item["speaker_label"] = json!(speaker);
        }
        if let Some(language) = &word.language {
            item["language_code"] = json!(language);
        }
        item
    });
    let words: Vec<&str> = transcript.words.iter().map(|word| word.text.as_str()).collect();
    let mut results = json!({
        "transcripts": [{ "transcript": words.join(" ") }],
        "items": items.collect::<Vec<_>>(),
    });
    if let Some(language) = &transcript.language {
        results["language_code"] = json!(language);
    }
    json!({ "jobName": name, "status": "COMPLETED", "results": results })
}

/// Seconds, which are a number in text, as milliseconds.
fn millis(seconds: &Value) -> Option<i64> {
    let rate = Rate::new(1_000, 1).ok()?;
    let time = match seconds {
        Value::String(text) => MediaTime::from_decimal_seconds(text, rate),
        Value::Number(number) => MediaTime::from_decimal_seconds(&number.to_string(), rate),
        _ => return None,
    };
    time.ok().map(MediaTime::value)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A transcript in the service's form, with the speakers apart as it once wrote them.
    pub(in crate::transcribe) fn example() -> Value {
        let word = |content: &str, start: &str, end: &str| {
            json!({ "start_time": start, "end_time": end, "type": "pronunciation",
                "alternatives": [{ "confidence": "0.98", "content": content }] })
        };
        let mark = |content: &str| {
            json!({ "type": "punctuation",
                "alternatives": [{ "confidence": "0.0", "content": content }] })
        };
        json!({
            "jobName": "media-1", "accountId": "123456789012", "status": "COMPLETED",
            "results": {
                "language_code": "en-US",
                "transcripts": [{ "transcript": "Ask not, my friends. Ask what?" }],
                "items": [
                    word("Ask", "0.009", "0.3"), word("not", "0.3", "0.62"), mark(","),
                    word("my", "0.7", "0.81"), word("friends", "0.81", "1.4"), mark("."),
                    word("Ask", "4.0", "4.2"), word("what", "4.2", "4.75"), mark("?"),
                ],
                "speaker_labels": { "speakers": 2, "segments": [
                    { "start_time": "0.009", "end_time": "1.4", "speaker_label": "spk_0",
                      "items": [
                        { "start_time": "0.009", "end_time": "0.3", "speaker_label": "spk_0" },
                        { "start_time": "0.3", "end_time": "0.62", "speaker_label": "spk_0" },
                      ] },
                    { "start_time": "4.0", "end_time": "4.75", "speaker_label": "spk_1",
                      "items": [
                        { "start_time": "4.0", "end_time": "4.2", "speaker_label": "spk_1" },
                      ] },
                ] },
            },
        })
    }

    #[test]
    fn words_have_their_marks_times_and_speakers() {
        let read = read(example().to_string().as_bytes()).unwrap();
        assert_eq!(read.language.as_deref(), Some("en-US"));
        let words: Vec<_> = read
            .words
            .iter()
            .map(|word| (word.text.as_str(), word.start_ms, word.end_ms, word.speaker.as_deref()))
            .collect();
        assert_eq!(
            words,
            [
                ("Ask", 9, 300, Some("spk_0")),
                ("not,", 300, 620, Some("spk_0")),
                ("my", 700, 810, None),
                ("friends.", 810, 1_400, None),
                ("Ask", 4_000, 4_200, Some("spk_1")),
                ("what?", 4_200, 4_750, None),
            ]
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut transcript = read(example().to_string().as_bytes()).unwrap();
        transcript.words[2].language = Some("fr-FR".to_owned());
        let written = write("media-1", &transcript).to_string();
        assert_eq!(read(written.as_bytes()).unwrap(), transcript);
    }

    #[test]
    fn what_is_no_transcript_is_refused() {
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"results": {"items": [{"type": "pronunciation",
            "alternatives": [{"content": "x"}]}]}}"#,
        ] {
            assert_eq!(
                read(wrong.as_bytes()).unwrap_err().kind(),
                ErrorKind::Unexpected,
                "{wrong}"
            );
        }
        let silent = read(br#"{"results": {"transcripts": [{"transcript": ""}], "items": []}}"#);
        assert_eq!(silent.unwrap(), Transcript::default());
    }
}
