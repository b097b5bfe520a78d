//! Media that is too long or too large for one job: how it is cut, and how what was heard in the
//! pieces is put together.

use emam_core::backend::Key;
use serde::{Deserialize, Serialize};

use super::document::{Transcript, Word};

/// How long a piece is, in seconds: ten minutes less than the service allows.
const PIECE_S: u64 = 4 * 3_600 - 600;

/// How long two pieces overlap, in seconds, so that no word is cut in both.
const OVERLAP_S: u64 = 10;

/// A piece of media, in whole seconds from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Where it begins.
    pub start_s: u64,
    /// Where it ends.
    pub end_s: u64,
    /// The key its sound is stored under, in the destination of the analysis: ends in `.m4a`.
    pub key: Key,
}

/// The pieces of media of some milliseconds: from and until when, in seconds.
pub(super) fn plan(duration_ms: u64) -> Vec<(u64, u64)> {
    let end = duration_ms.div_ceil(1_000).max(1);
    let mut pieces = Vec::new();
    let mut start = 0;
    loop {
        if start + PIECE_S >= end {
            pieces.push((start, end));
            return pieces;
        }
        pieces.push((start, start + PIECE_S));
        start += PIECE_S - OVERLAP_S;
    }
}

/// What was said in media of which pieces were heard one by one, in their order. Where two overlap
/// the first is believed up to the longest pause in it, and the second from there on. Which
/// speaker of one piece is which of another is not known: they are told apart.
pub(super) fn merge(heard: Vec<(Piece, Transcript)>) -> Transcript {
    let several = heard.len() > 1;
    let mut whole = Transcript::default();
    let mut from_ms = i64::MIN;
    let mut heard = heard.into_iter().enumerate().peekable();
    while let Some((number, (piece, transcript))) = heard.next() {
        let offset = millis(piece.start_s);
        let mut words = transcript.words;
        for word in &mut words {
            word.start_ms += offset;
            word.end_ms += offset;
            if let (true, Some(speaker)) = (several, &mut word.speaker) {
                *speaker = format!("part {} {speaker}", number + 1);
            }
        }
        let until_ms = heard.peek().map_or(i64::MAX, |(_, (next, _))| {
            seam(&words, millis(next.start_s), millis(piece.end_s))
        });
        let middle = |word: &Word| i64::midpoint(word.start_ms, word.end_ms);
        whole
            .words
            .extend(words.into_iter().filter(|word| (from_ms..until_ms).contains(&middle(word))));
        whole.language = whole.language.or(transcript.language);
        from_ms = until_ms;
    }
    whole
}

/// The middle of the longest pause between `start_ms` and `end_ms`.
fn seam(words: &[Word], start_ms: i64, end_ms: i64) -> i64 {
    let mut pauses = Vec::new();
    let mut silent_from = start_ms;
    for word in words.iter().filter(|word| word.end_ms > start_ms && word.start_ms < end_ms) {
        pauses.push((silent_from, word.start_ms));
        silent_from = silent_from.max(word.end_ms);
    }
    pauses.push((silent_from, end_ms));
    let longest = pauses.into_iter().max_by_key(|(from, to)| to - from);
    longest.map_or(start_ms, |(from, to)| i64::midpoint(from, to))
}

fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, start_ms: i64, end_ms: i64) -> Word {
        Word {
            text: text.to_owned(),
            start_ms,
            end_ms,
            confidence: 1.0,
            speaker: Some("spk_0".to_owned()),
            language: None,
        }
    }

    fn piece(start_s: u64, end_s: u64) -> Piece {
        Piece { start_s, end_s, key: format!("p/{start_s}.m4a").parse().unwrap() }
    }

    #[test]
    fn pieces_are_short_enough_overlap_and_cover_everything() {
        for hours in [0, 1, 3, 4, 5, 8, 24, 100] {
            let duration_ms = hours * 3_600_000 + 1;
            let pieces = plan(duration_ms);
            assert_eq!(pieces[0].0, 0);
            assert!(pieces.last().unwrap().1 * 1_000 >= duration_ms);
            assert!(pieces.iter().all(|(start, end)| start < end && end - start < 4 * 3_600));
            for pair in pieces.windows(2) {
                assert_eq!(pair[0].1 - pair[1].0, OVERLAP_S);
            }
        }
        assert_eq!(plan(4 * 3_600_000), [(0, 13_800), (13_790, 14_400)]);
    }

    /// What is said over and over, as each piece hears it: whole words only, 30 ms later in the
    /// second piece because its codec begins with silence.
    fn heard(all: &[Word], piece: &Piece, late: i64) -> Transcript {
        let (start, end) = (millis(piece.start_s), millis(piece.end_s));
        let inside = all.iter().filter(|word| word.start_ms >= start && word.end_ms <= end);
        let words = inside.map(|word| Word {
            start_ms: word.start_ms - start + late,
            end_ms: word.end_ms - start + late,
            ..word.clone()
        });
        Transcript { words: words.collect(), language: Some("en-US".to_owned()) }
    }

    #[test]
    fn nothing_is_lost_and_nothing_said_twice_at_a_seam() {
        // Irregular enough that words lie across every bound; pauses of 40 to 160 ms.
        let all: Vec<Word> = (0..200)
            .map(|i| {
                let start = i * 500 + (i * 37) % 60;
                word(&format!("word{i}"), start, start + 340 + (i * 53) % 60)
            })
            .collect();
        let pieces = [piece(0, 40), piece(30, 70), piece(60, 101)];
        let each =
            pieces.iter().map(|p| (p.clone(), heard(&all, p, 30 * i64::from(p.start_s > 0))));
        let whole = merge(each.collect());
        let texts = |words: &[Word]| -> Vec<String> {
            words.iter().map(|word| word.text.clone()).collect()
        };
        assert_eq!(texts(&whole.words), texts(&all));
        for (got, wanted) in whole.words.iter().zip(&all) {
            assert!((got.start_ms - wanted.start_ms).abs() <= 30, "{got:?} {wanted:?}");
        }
        assert_eq!(whole.language.as_deref(), Some("en-US"));
        let speakers: std::collections::BTreeSet<_> =
            whole.words.iter().filter_map(|word| word.speaker.clone()).collect();
        assert_eq!(speakers.len(), 3, "{speakers:?}");
    }

    #[test]
    fn one_piece_is_the_whole_and_silence_is_none() {
        let one = Transcript { words: vec![word("a", 10, 20)], language: None };
        assert_eq!(merge(vec![(piece(0, 50), one.clone())]), one);
        let silent = vec![
            (piece(0, 40), Transcript::default()),
            (piece(30, 70), Transcript { words: vec![word("late", 9_000, 9_500)], language: None }),
        ];
        let whole = merge(silent);
        assert_eq!((whole.words.len(), whole.words[0].start_ms), (1, 39_000));
    }
}
