//! How values look in columns.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::model::{AnnotationKind, AssetKind, Lifecycle, Role, RunKind, RunState};

/// A value that is stored as a number, the same for good.
pub(super) trait Code: Copy + Serialize + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// Its number.
    fn code(self) -> i64;
}

macro_rules! codes {
    ($($name:ident { $($variant:ident = $code:literal),* $(,)? })*) => {$(
        impl Code for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn code(self) -> i64 {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    )*};
}

// Numbers are in files out there: add, never change.
codes! {
    AssetKind {
        Video = 1, Audio = 2, Image = 3, Document = 4, ProjectFile = 5, ImageSequence = 6,
        Other = 7,
    }
    Lifecycle {
        Placeholder = 1, Uploading = 2, Added = 3, Processing = 4, Ready = 5, Failed = 6,
        Trashed = 7,
    }
    // In the order renditions are listed.
    Role {
        Original = 10, Proxy = 20, EditProxy = 30, Mezzanine = 40, AudioProxy = 50,
        Thumbnail = 60, Poster = 70, Storyboard = 80, Waveform = 90, Captions = 100,
        Transcript = 110, Hls = 120,
    }
    AnnotationKind {
        Marker = 1, Subclip = 2, Comment = 3, Label = 4, Face = 5, Text = 6, Moderation = 7,
        Shot = 8, Speech = 9, Black = 10, Silence = 11, Loudness = 12, Celebrity = 13,
    }
    RunKind { Ingest = 1, Analyze = 2, Archive = 3, Restore = 4, Render = 5, Consolidate = 6 }
    RunState { Queued = 1, Running = 2, Waiting = 3, Succeeded = 4, Failed = 5, Cancelled = 6 }
}

/// The value as it is written in JSON.
pub(super) fn name_of(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// Numbers as an SQL list: `1,2`. Numbers only, so nothing can be slipped in.
pub(super) fn sql_list(numbers: impl IntoIterator<Item = i64>) -> String {
    let mut list = String::new();
    for number in numbers {
        if !list.is_empty() {
            list.push(',');
        }
        list += &number.to_string();
    }
    list
}

/// An instant as it is stored: microseconds since 1970.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The instant that was stored.
pub(super) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A text with case, accents and the width of spaces aside, for comparing tags and sorting titles.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        let mut folded = text.trim().to_ascii_lowercase();
        if folded.contains("  ") || folded.contains(|c: char| c.is_ascii_whitespace() && c != ' ') {
            folded = folded.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        }
        return folded;
    }
    let bare: String = text.nfd().filter(|c| !is_combining_mark(*c)).collect();
    let lower = bare.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect()
}

/// The marks around what matches in a snippet. They are taken out of text before it is indexed, so
/// that no text can forge them.
pub(super) const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];

/// A text as it is indexed: without the marks of snippets.
pub(super) fn unmarked(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(MARKS) { text.replace(MARKS, "").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distinct<T: Code>() {
        let mut codes: Vec<i64> = T::ALL.iter().map(|value| value.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), T::ALL.len());
    }

    #[test]
    fn no_two_values_share_a_code() {
        distinct::<AssetKind>();
        distinct::<Lifecycle>();
        distinct::<Role>();
        distinct::<AnnotationKind>();
        distinct::<RunKind>();
        distinct::<RunState>();
    }

    #[test]
    fn roles_are_stored_in_their_own_order() {
        let mut sorted = Role::ALL.to_vec();
        sorted.sort_by_key(|role| role.code());
        let mut declared = Role::ALL.to_vec();
        declared.sort();
        assert_eq!(sorted, declared);
    }

    #[test]
    fn folding_puts_case_accents_and_spaces_aside() {
        for (text, folded) in [
            ("Rain", "rain"),
            ("  Été\u{3000} 2026 ", "ete 2026"),
            ("E\u{301}te\u{301} 2026", "ete 2026"),
            ("Łódź", "łodz"),
            ("a \t b", "a b"),
            ("東京", "東京"),
            ("한국", "한국"),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
        }
    }
}
