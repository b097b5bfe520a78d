//! Captions of what is said, as WebVTT and SubRip.
//!
//! They are made from the words and not asked of the service: with speakers told apart its own
//! have wrong times, and media heard in pieces has none as a whole.

use super::document::{Transcript, Word};
use super::speech;

/// Characters of a line; two lines are shown at once. What broadcasters use (EBU Tech 3360: 37 to
/// 42).
const LINE: usize = 42;

/// The longest time one caption is shown, in milliseconds.
const LONGEST_MS: i64 = 7_000;

/// One caption.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cue {
    start_ms: i64,
    end_ms: i64,
    lines: Vec<String>,
    speaker: Option<String>,
}

/// The captions as WebVTT (<https://www.w3.org/TR/webvtt1/>), with the speakers as voices.
pub(super) fn vtt(transcript: &Transcript) -> String {
    let mut out = "WEBVTT\n\n".to_owned();
    for cue in cues(transcript) {
        let escape =
            |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let text = escape(&cue.lines.join("\n"));
        let text = match &cue.speaker {
            Some(speaker) => format!("<v {}>{text}", escape(speaker)),
            None => text,
        };
        let (from, to) = (time(cue.start_ms, '.'), time(cue.end_ms, '.'));
        out.push_str(&format!("{from} --> {to}\n{text}\n\n"));
    }
    out
}

/// The captions as SubRip.
pub(super) fn srt(transcript: &Transcript) -> String {
    let mut out = String::new();
    for (number, cue) in cues(transcript).into_iter().enumerate() {
        let (from, to) = (time(cue.start_ms, ','), time(cue.end_ms, ','));
        out.push_str(&format!("{}\n{from} --> {to}\n{}\n\n", number + 1, cue.lines.join("\n")));
    }
    out
}

fn time(ms: i64, point: char) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{:03}", seconds % 60, ms % 1_000)
}

fn cues(transcript: &Transcript) -> Vec<Cue> {
    let language = transcript.language.as_deref();
    let mut cues: Vec<Cue> = Vec::new();
    for mut words in speech::stretches(&transcript.words) {
        while let Some(first) = words.first() {
            let fits = |count: &usize| {
                let some = &words[..*count];
                lines(some, language).len() <= 2
                    && some[count - 1].end_ms - first.start_ms <= LONGEST_MS
            };
            // One word is a caption, however long it is.
            let count = (2..=words.len()).take_while(fits).last().unwrap_or(1);
            let (these, rest) = words.split_at(count);
            words = rest;
            let end_ms = these.last().map_or(first.end_ms, |last| last.end_ms);
            cues.push(Cue {
                start_ms: first.start_ms,
                // What is shown for no time is not shown.
                end_ms: end_ms.max(first.start_ms + 1),
                lines: lines(these, language),
                speaker: first.speaker.clone(),
            });
        }
    }
    cues
}

/// The words in lines of up to [`LINE`] characters; a longer word is a line of its own.
fn lines(words: &[Word], language: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut begin = 0;
    for end in 1..=words.len() {
        let more = words.get(begin..=end).map(|words| speech::text(words, language));
        if more.is_none_or(|text| text.chars().count() > LINE) {
            lines.push(speech::text(&words[begin..end], language));
            begin = end;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcribe::document::{read, tests::example};

    fn transcript() -> Transcript {
        read(example().to_string().as_bytes()).unwrap()
    }

    #[test]
    fn captions_have_the_times_of_their_words() {
        let mut transcript = transcript();
        for word in &mut transcript.words {
            word.speaker = None;
        }
        transcript.words[5].text = "R&D <what>?".to_owned();
        assert_eq!(
            vtt(&transcript),
            "WEBVTT\n\n00:00:00.009 --> 00:00:01.400\nAsk not, my friends.\n\n\
             00:00:04.000 --> 00:00:04.750\nAsk R&amp;D &lt;what&gt;?\n\n"
        );
        assert_eq!(
            srt(&transcript),
            "1\n00:00:00,009 --> 00:00:01,400\nAsk not, my friends.\n\n\
             2\n00:00:04,000 --> 00:00:04,750\nAsk R&D <what>?\n\n"
        );
        assert_eq!(vtt(&Transcript::default()), "WEBVTT\n\n");
    }

    #[test]
    fn speakers_are_voices() {
        let mut transcript = transcript();
        for (at, word) in transcript.words.iter_mut().enumerate() {
            word.speaker = Some(format!("spk_{}", at / 4));
        }
        let vtt = vtt(&transcript);
        assert!(vtt.contains("\n<v spk_0>Ask not, my friends.\n"), "{vtt}");
        assert!(vtt.contains("\n<v spk_1>Ask what?\n"), "{vtt}");
    }

    #[test]
    fn a_long_sentence_is_several_captions_of_two_lines() {
        let word = &transcript().words[0];
        let words = (0..40).map(|i| Word {
            text: format!("word{i:02}"),
            start_ms: i * 200,
            end_ms: i * 200 + 150,
            ..word.clone()
        });
        let transcript = Transcript { words: words.collect(), language: None };
        let cues = cues(&transcript);
        // Six words of six letters are 41 characters.
        assert_eq!(cues.len(), 4, "{cues:?}");
        for (cue, next) in cues.iter().zip(cues.iter().skip(1)) {
            assert!(cue.lines.len() <= 2 && cue.end_ms <= next.start_ms, "{cue:?}");
            assert!(cue.lines.iter().all(|line| line.chars().count() <= LINE), "{cue:?}");
        }
        let text: Vec<String> = cues.into_iter().flat_map(|cue| cue.lines).collect();
        assert_eq!(text.join(" "), speech::text(&transcript.words, None), "nothing is lost");
    }

    #[test]
    fn hours_are_counted() {
        assert_eq!(time(3_600_000 * 5 + 61_007, '.'), "05:01:01.007");
    }
}
