//! From words to what is said at a time.

use emam_core::Result;
use emam_core::model::{AnnotationKind, NewAnnotation, Source};
use serde_json::{Value, json};

use super::SERVICE;
use super::document::{Transcript, Word};
use crate::scale::Scale;

/// The longest stretch of speech, in milliseconds.
const LONGEST_MS: i64 = 10_000;

/// A pause that ends a stretch, in milliseconds.
const PAUSE_MS: i64 = 1_500;

/// The stretches of what is said: up to the end of a sentence, a pause, another speaker or
/// language, ten seconds at most.
pub(super) fn stretches(words: &[Word]) -> Vec<&[Word]> {
    let mut stretches = Vec::new();
    let mut begin = 0;
    for next in 1..=words.len() {
        let ends = match words.get(next) {
            None => true,
            Some(word) => {
                let (first, last) = (&words[begin], &words[next - 1]);
                last.text.ends_with(['.', '?', '!', '。', '？', '！', '।', '؟'])
                    || word.start_ms - last.end_ms >= PAUSE_MS
                    || word.speaker != last.speaker
                    || word.language != last.language
                    || word.end_ms - first.start_ms > LONGEST_MS
            }
        };
        if ends {
            stretches.push(&words[begin..next]);
            begin = next;
        }
    }
    stretches
}

/// The words as they are written: apart, but in languages that write no spaces.
pub(super) fn text(words: &[Word], language: Option<&str>) -> String {
    let language = words.first().and_then(|word| word.language.as_deref()).or(language);
    let tight = language.is_some_and(|code| {
        ["zh", "ja", "th"].contains(&code.split('-').next().unwrap_or_default())
    });
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    words.join(if tight { "" } else { " " })
}

/// What is said, stretch by stretch.
///
/// # Errors
/// Times that no number of frames holds.
pub(super) fn annotations(transcript: &Transcript, scale: &Scale) -> Result<Vec<NewAnnotation>> {
    let mut found = Vec::new();
    for words in stretches(&transcript.words) {
        let ([first, ..], [.., last]) = (words, words) else { continue };
        let said = text(words, transcript.language.as_deref());
        let range = scale.span(first.start_ms, last.end_ms)?;
        let mut made = NewAnnotation::new(AnnotationKind::Speech).at(range).saying(said);
        let sure: f64 = words.iter().map(|word| word.confidence).sum();
        made.confidence = Some((sure / words.len() as f64 * 1_000.0).round() / 1_000.0);
        made.source = Source::Service { name: SERVICE.to_owned(), model: String::new(), run: None };
        let each = words.iter().map(|word| {
            json!({
                "text": word.text,
                "start_ms": word.start_ms,
                "end_ms": word.end_ms,
                "confidence": word.confidence,
            })
        });
        made.data = json!({ "words": each.collect::<Vec<Value>>() });
        if let Some(speaker) = &first.speaker {
            made.data["speaker"] = json!(speaker);
        }
        if let Some(language) = first.language.as_ref().or(transcript.language.as_ref()) {
            made.data["language"] = json!(language);
        }
        found.push(made);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use emam_core::time::Rate;

    use super::*;
    use crate::transcribe::document::{read, tests::example};

    fn word(text: &str, start_ms: i64, end_ms: i64) -> Word {
        Word {
            text: text.to_owned(),
            start_ms,
            end_ms,
            confidence: 1.0,
            speaker: None,
            language: None,
        }
    }

    #[test]
    fn sentences_are_annotations_at_exact_frames() {
        let transcript = read(example().to_string().as_bytes()).unwrap();
        let scale = Scale { rate: Rate::FPS_25, length: Some(118) };
        let mut words = transcript.words;
        for word in &mut words {
            word.speaker = None;
        }
        let found = annotations(&Transcript { words, ..transcript }, &scale).unwrap();
        let said: Vec<_> = found
            .iter()
            .map(|one| (one.text.as_str(), one.range.unwrap().start(), one.range.unwrap().end()))
            .collect();
        // 1400 ms are frame 35; 4750 ms are 118.75, past the end.
        assert_eq!(said, [("Ask not, my friends.", 0, 35), ("Ask what?", 100, 118)]);
        assert_eq!(found[0].confidence, Some(0.98));
        assert_eq!(found[0].data["language"], "en-US");
        assert_eq!(found[0].data["words"][1]["start_ms"], 300);
        assert!(found[0].data.get("speaker").is_none());
    }

    #[test]
    fn long_speech_another_speaker_and_a_pause_end_a_stretch() {
        let mut words: Vec<Word> =
            (0..30).map(|i| word("word", i * 1_000, i * 1_000 + 900)).collect();
        let lengths = |words: &[Word]| -> Vec<usize> {
            stretches(words).into_iter().map(<[Word]>::len).collect()
        };
        assert_eq!(lengths(&words), [10, 10, 10]);
        words[4].speaker = Some("spk_1".to_owned());
        assert_eq!(lengths(&words[..6]), [4, 1, 1]);
        words[2].start_ms += 1_500;
        assert_eq!(lengths(&words[..4]), [2, 2]);
        assert!(stretches(&[]).is_empty());
    }

    #[test]
    fn languages_without_spaces_are_written_without() {
        let words = [word("你", 0, 100), word("好。", 100, 200)];
        assert_eq!(text(&words, Some("zh-CN")), "你好。");
        assert_eq!(text(&words, Some("en-US")), "你 好。");
        assert_eq!(text(&words, None), "你 好。");
    }
}
