//! Transcript and subtitles in the forms the service writes.

use serde_json::{Value, json};

use crate::truth::WordFact;

/// How sure the service says it is of an identified language.
pub(super) const LANGUAGE_SCORE: f64 = 0.99;
/// A pause that ends a stretch of speech, in milliseconds.
const PAUSE_MS: u64 = 1500;
/// The most words in one subtitle.
const CUE_WORDS: usize = 12;

/// Seconds as the service writes them in text.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// A word and the mark that follows it.
fn split(word: &str) -> (&str, &str) {
    let bare = word.trim_end_matches(['.', ',', '?', '!', ';', ':']);
    if bare.is_empty() { (word, "") } else { word.split_at(bare.len()) }
}

/// Stretches of speech: as far as the end of a sentence, a pause or another speaker.
fn stretches(words: &[WordFact]) -> Vec<&[WordFact]> {
    let together = |a: &WordFact, b: &WordFact| {
        !a.word.ends_with(['.', '?', '!'])
            && a.speaker == b.speaker
            && b.start_ms.saturating_sub(a.end_ms) < PAUSE_MS
    };
    words.chunk_by(together).collect()
}

fn speaker(word: &WordFact) -> String {
    format!("spk_{}", word.speaker.unwrap_or(0))
}

/// The transcript. `language` is what was identified.
pub(super) fn document(job: &Value, words: &[WordFact], language: Option<&str>) -> Value {
    let speakers = job.pointer("/Settings/ShowSpeakerLabels") == Some(&json!(true));
    let several = job["IdentifyMultipleLanguages"] == true;
    let mut items = Vec::new();
    let (mut audio_segments, mut speaker_segments) = (Vec::new(), Vec::new());
    for (id, stretch) in stretches(words).into_iter().enumerate() {
        let first = items.len();
        for word in stretch {
            let mut add = |mut item: Value| {
                item["id"] = json!(items.len());
                if speakers {
                    item["speaker_label"] = json!(speaker(word));
                }
                if let Some(language) = language.filter(|_| several) {
                    item["language_code"] = json!(language);
                }
                items.push(item);
            };
            let (said, mark) = split(&word.word);
            let confidence = format!("{:.3}", word.confidence / 100.0);
            add(json!({
                "type": "pronunciation",
                "alternatives": [{"confidence": confidence, "content": said}],
                "start_time": seconds(word.start_ms),
                "end_time": seconds(word.end_ms),
            }));
            if !mark.is_empty() {
                let alternatives = [json!({"confidence": "0.0", "content": mark})];
                add(json!({"type": "punctuation", "alternatives": alternatives}));
            }
        }
        let (Some(begin), Some(end)) = (stretch.first(), stretch.last()) else { continue };
        let mut segment = json!({
            "id": id,
            "transcript": text(stretch),
            "start_time": seconds(begin.start_ms),
            "end_time": seconds(end.end_ms),
            "items": (first..items.len()).collect::<Vec<_>>(),
        });
        if speakers {
            segment["speaker_label"] = json!(speaker(begin));
            speaker_segments.push(speaker_segment(stretch, begin, end));
        }
        if let Some(language) = language {
            segment["language_code"] = json!(language);
        }
        audio_segments.push(segment);
    }
    let mut results = json!({
        "transcripts": [{"transcript": text(words)}],
        "items": items,
        "audio_segments": audio_segments,
    });
    if speakers {
        let mut all: Vec<_> = words.iter().map(speaker).collect();
        all.sort_unstable();
        all.dedup();
        let labels = json!({
            "channel_label": "ch_0",
            "speakers": all.len(),
            "segments": speaker_segments,
        });
        results["speaker_labels"] = labels;
    }
    if let Some(language) = language {
        if several {
            let length = words.last().map_or(0, |word| word.end_ms) as f64 / 1000.0;
            let codes = json!([{"language_code": language, "duration_in_seconds": length}]);
            results["language_codes"] = codes;
        } else {
            results["language_code"] = json!(language);
            let score = format!("{LANGUAGE_SCORE:.4}");
            results["language_identification"] = json!([{"score": score, "code": language}]);
        }
    }
    json!({
        "jobName": job["TranscriptionJobName"],
        "accountId": "000000000000",
        "status": "COMPLETED",
        "results": results,
    })
}

fn speaker_segment(stretch: &[WordFact], begin: &WordFact, end: &WordFact) -> Value {
    let items = stretch.iter().map(|word| {
        json!({
            "start_time": seconds(word.start_ms),
            "end_time": seconds(word.end_ms),
            "speaker_label": speaker(word),
        })
    });
    json!({
        "start_time": seconds(begin.start_ms),
        "end_time": seconds(end.end_ms),
        "speaker_label": speaker(begin),
        "items": items.collect::<Vec<_>>(),
    })
}

fn text(words: &[WordFact]) -> String {
    words.iter().map(|word| word.word.as_str()).collect::<Vec<_>>().join(" ")
}

/// Subtitles as `vtt` or `srt`, numbered from `start`.
pub(super) fn subtitles(words: &[WordFact], format: &str, start: u64) -> String {
    let (mut out, point) = match format {
        "vtt" => ("WEBVTT\n\n".to_owned(), '.'),
        _ => (String::new(), ','),
    };
    let at = |ms: u64| {
        let (s, ms) = (ms / 1000, ms % 1000);
        format!("{:02}:{:02}:{:02}{point}{ms:03}", s / 3600, s / 60 % 60, s % 60)
    };
    let cues = stretches(words).into_iter().flat_map(|stretch| stretch.chunks(CUE_WORDS));
    for (number, cue) in (start..).zip(cues) {
        let (Some(begin), Some(end)) = (cue.first(), cue.last()) else { continue };
        let (from, to) = (at(begin.start_ms), at(end.end_ms));
        out.push_str(&format!("{number}\n{from} --> {to}\n{}\n\n", text(cue)));
    }
    out
}
