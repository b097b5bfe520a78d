//! Files of lines: their encoding, their lines, and text that must stay on one line.

use std::borrow::Cow;

use super::reading::Reading;
use crate::error::{Error, Result};
use crate::timeline::IssueKind;

/// The longest line read, in bytes. No program writes one nearly as long, and what is done with a
/// line may take several times its memory.
const MAX_LINE: usize = 1 << 20;

/// The text of a file: UTF-8, UTF-16 with a byte order mark, or else ISO 8859-1, with an issue.
pub(super) fn decode<'b>(bytes: &'b [u8], reading: &mut Reading<'_>) -> Cow<'b, str> {
    let utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| read(*pair));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let bytes = match bytes {
        [0xFF, 0xFE, rest @ ..] => return Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => return Cow::Owned(utf16(rest, u16::from_be_bytes)),
        [0xEF, 0xBB, 0xBF, rest @ ..] => rest,
        bytes => bytes,
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            let message = "the file is not UTF-8 from here on; it was read as ISO 8859-1";
            reading.issue_at(line, IssueKind::Guessed, message);
            Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())
        }
    }
}

/// The lines of a text with their numbers from 1, whichever way they end, without their ends.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming a line that is longer than a line can
/// be.
pub(super) fn lines(text: &str) -> Result<impl Iterator<Item = (u64, &str)>> {
    // Carriage returns alone ended lines on old Macs.
    let end = if text.contains('\n') { '\n' } else { '\r' };
    for (index, line) in text.split(end).enumerate() {
        if line.len() > MAX_LINE {
            let message = "a line is longer than any program writes; this is no file of lines";
            return Err(Error::invalid("timeline.read", message)
                .with("line", index + 1)
                .with("bytes", line.len())
                .with("max_bytes", MAX_LINE));
        }
    }
    let lines = text.split(end).map(|line| line.strip_suffix('\r').unwrap_or(line));
    Ok((1..).zip(lines))
}

/// A text on one line, without blanks at its ends: control characters, line ends among them, become
/// spaces.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    if text.contains(char::is_control) {
        Cow::Owned(text.replace(char::is_control, " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// At most the first 60 characters of a text, for a message about it.
pub(super) fn shown(text: &str) -> &str {
    text.char_indices().nth(60).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::format::ReadOptions;
    use crate::timeline::samples::clock;

    #[test]
    fn every_encoding_in_use_is_read() {
        let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}é\n".encode_utf16().flat_map(order).collect()
        };
        for (bytes, issues) in [
            ("é\n".as_bytes().to_vec(), 0),
            ("\u{feff}é\n".as_bytes().to_vec(), 0),
            (utf16(u16::to_le_bytes), 0),
            (utf16(u16::to_be_bytes), 0),
            (b"\xe9\n".to_vec(), 1),
        ] {
            let (clock, options) = (clock(), ReadOptions::default());
            let mut reading = Reading::new(&options, &clock);
            assert_eq!(decode(&bytes, &mut reading), "é\n", "{bytes:?}");
            assert_eq!(reading.finish().issues.len(), issues, "{bytes:?}");
        }
    }

    #[test]
    fn lines_end_in_every_way_and_have_a_longest() {
        for text in ["a\nb\n", "a\r\nb\r\n", "a\rb\r"] {
            let found: Vec<_> = lines(text).unwrap().collect();
            assert_eq!(found, [(1, "a"), (2, "b"), (3, "")], "{text:?}");
        }
        let long = format!("a\n{}", "x".repeat(MAX_LINE + 1));
        let error = lines(&long).err().unwrap();
        assert_eq!(error.get("line"), Some("2"));
        assert_eq!(one_line(" a\r\nb\tc "), "a  b c");
    }
}
