//! The text of XML 1.0: what must be escaped, what is forbidden, and numbers.

use std::borrow::Cow;

/// Whether XML 1.0 can hold a character at all (its production 2, `Char`).
pub(super) const fn is_allowed(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Writes text of an element; what XML cannot hold becomes U+FFFD. Says whether there was any.
pub(super) fn escape(text: &str, out: &mut String) -> bool {
    escape_as(text, false, out)
}

/// Writes the value of an attribute, as [`escape`] does.
pub(super) fn escape_attribute(text: &str, out: &mut String) -> bool {
    escape_as(text, true, out)
}

fn escape_as(text: &str, attribute: bool, out: &mut String) -> bool {
    let plain = text.bytes().all(|b| b >= b' ' && !matches!(b, b'&' | b'<' | b'>' | b'"' | 0xef));
    if plain {
        out.push_str(text);
        return false;
    }
    let mut replaced = false;
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            // A reader makes a line feed of a bare carriage return, and blanks of both in values.
            '\r' => out.push_str("&#13;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            c if is_allowed(c) => out.push(c),
            _ => {
                replaced = true;
                out.push('\u{fffd}');
            }
        }
    }
    replaced
}

/// What a reference (`amp`, `#38`) stands for; absent if it is none of XML's own or forbidden.
pub(super) fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    u32::from_str_radix(hex, 16).ok()?
                }
                None if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().ok()?,
                _ => return None,
            };
            char::from_u32(code).filter(|c| is_allowed(*c))
        }
    }
}

/// The text that stands in raw XML: references and CDATA resolved, comments left out.
pub(super) fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['&', '<', '\r']) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '<', '\r']) {
        let (before, here) = rest.split_at(at);
        text.push_str(before);
        let cut = |start: &str, end: &str| {
            here.strip_prefix(start).map(|inside| match inside.split_once(end) {
                Some((inside, after)) => (inside, after),
                None => (inside, ""),
            })
        };
        rest = if let Some((cdata, after)) = cut("<![CDATA[", "]]>") {
            text.push_str(cdata);
            after
        } else if let Some((_, after)) = cut("<!--", "-->").or_else(|| cut("<", ">")) {
            after
        } else if let Some((name, after)) = cut("&", ";") {
            match reference(name) {
                Some(c) => text.push(c),
                None => {
                    text.push('&');
                    text.push_str(name);
                    text.push(';');
                }
            }
            after
        } else {
            // The end of a line, as XML reads it.
            text.push('\n');
            let after = here.get(1..).unwrap_or_default();
            after.strip_prefix('\n').unwrap_or(after)
        };
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// A whole number as these files write it: `24`, `24.0`, `-1`. What lies between two is rounded.
///
/// Numbers a float could not hold exactly are refused: no file of this format means them.
pub(super) fn number(text: &str) -> Option<Number> {
    const LARGEST: i64 = 1 << 53;

    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i64 = match whole {
        "" | "-" if fraction.is_empty() => return None,
        "" | "-" => 0,
        _ => whole.parse().ok()?,
    };
    let up = i64::from(fraction.as_bytes().first().is_some_and(|digit| *digit >= b'5'));
    let value = if whole.starts_with('-') { value - up } else { value + up };
    let exact = fraction.bytes().all(|digit| digit == b'0');
    (-LARGEST..=LARGEST).contains(&value).then_some(Number { value, exact })
}

/// A number read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: i64,
    pub(super) exact: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_back_but_for_what_xml_cannot_hold() {
        for text in ["", "a", "<&>\"'", " a\tb\nc\rd ", "]]>", "\u{1f600}\u{202e}\u{e9}", "&amp;"] {
            for write in [escape, escape_attribute] {
                let mut out = String::new();
                assert!(!write(text, &mut out));
                assert_eq!(unescape(&out), text, "{out}");
            }
        }
        let mut out = String::new();
        assert!(escape("a\0\u{1b}\u{ffff}b", &mut out));
        assert_eq!(out, "a\u{fffd}\u{fffd}\u{fffd}b");
    }

    #[test]
    fn text_is_read_as_xml_means_it() {
        assert_eq!(unescape("a<![CDATA[<&amp;>]]>b<!-- no -->c<?pi?>"), "a<&amp;>bc");
        assert_eq!(unescape("a\r\nb\rc&#xe9;&#10;"), "a\nb\nc\u{e9}\n");
        assert_eq!(unescape("&bomb; &#0;"), "&bomb; &#0;");
    }

    #[test]
    fn numbers_are_whole_or_say_that_they_were_not() {
        let read = |text| number(text).map(|number| (number.value, number.exact));
        assert_eq!(read(" 1055.0 "), Some((1055, true)));
        assert_eq!(read("-1"), Some((-1, true)));
        assert_eq!(read("1.5"), Some((2, false)));
        assert_eq!(read("-0.5"), Some((-1, false)));
        for text in ["", "-", "NaN", "1e9", "0x10", "9007199254740993", "1.-5", "--1", "1 2"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
