//! The bytes of an XML file as text.

use std::borrow::Cow;

use super::text::is_allowed;
use crate::error::{Error, Result};

/// The text of a file, and whether characters that XML forbids had to be replaced in it.
///
/// UTF-8 and UTF-16 are told by their byte order mark, Latin-1 by the declaration; without either it
/// is UTF-8.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for another encoding, and for bytes that are
/// not of the one declared.
pub(super) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, bool)> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(utf8(rest)?),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        _ => match declared(bytes).as_deref() {
            None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => Cow::Borrowed(utf8(bytes)?),
            Some("iso-8859-1" | "latin1" | "latin-1") => {
                Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())
            }
            Some(encoding) => {
                let message = "the file is in an encoding that is not read; save it as UTF-8";
                return Err(Error::invalid("timeline.read", message).with("encoding", encoding));
            }
        },
    };
    // Forbidden are control characters, and U+FFFE and U+FFFF: EF BF BE and EF BF BF.
    let suspicious = text.bytes().any(|b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r'))
        || text.contains(['\u{fffe}', '\u{ffff}']);
    if suspicious {
        let sound = text.chars().map(|c| if is_allowed(c) { c } else { '\u{fffd}' }).collect();
        return Ok((Cow::Owned(sound), true));
    }
    Ok((text, false))
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|cause| {
        let message = "the file is not UTF-8 although it should be; save it as UTF-8";
        Error::invalid("timeline.read", message).with("byte", cause.valid_up_to()).caused_by(cause)
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let text: std::result::Result<String, _> =
        char::decode_utf16(units.iter().map(|pair| unit(*pair))).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => {
            let message = "the file begins as UTF-16 but is not; save it as UTF-8";
            Err(Error::invalid("timeline.read", message).with("bytes", bytes.len()))
        }
    }
}

/// The encoding the XML declaration names, in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(200))?;
    let head = head.strip_prefix(b"<?xml")?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let head = String::from_utf8_lossy(head.get(..end)?).into_owned();
    let (_, value) = head.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value.get(1..)?.split(quote).next()?.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_declarations_are_followed() {
        let text = "<?xml version='1.0'?><a>é😀</a>";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(units.iter().flat_map(|u| u.to_le_bytes())).collect();
        let big: Vec<u8> =
            [0xfe, 0xff].into_iter().chain(units.iter().flat_map(|u| u.to_be_bytes())).collect();
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &little, &big, &marked] {
            assert_eq!(decode(bytes).unwrap(), (Cow::Borrowed(text), false));
        }
        let latin = b"<?xml version=\"1.0\" encoding = \"ISO-8859-1\"?><a>\xe9</a>";
        assert!(decode(latin).unwrap().0.ends_with("<a>é</a>"));
        assert_eq!(decode(b"<a>\x07\x00</a>").unwrap(), ("<a>\u{fffd}\u{fffd}</a>".into(), true));
    }

    #[test]
    fn what_is_no_text_is_an_error() {
        for bytes in [
            &b"<a>\xe9</a>"[..],
            b"\xff\xfea",
            b"\xff\xfe\x00\xd8",
            b"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><a/>",
        ] {
            assert_eq!(decode(bytes).unwrap_err().kind(), crate::ErrorKind::InvalidInput);
        }
    }
}
