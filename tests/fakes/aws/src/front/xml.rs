//! The little XML the front reads and writes. Objects never pass through here.

use std::borrow::Cow;
use std::ops::Range;

/// Where the contents of the first element of this name lie in `xml`; attributes are allowed,
/// name space prefixes are not (no S3 client writes them).
pub(super) fn inside(xml: &str, name: &str) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let open = at + xml.get(at..)?.find(&format!("<{name}"))?;
        let rest = open + 1 + name.len();
        let end = rest + xml.get(rest..)?.find('>')?;
        match xml.as_bytes().get(rest) {
            Some(b'/') => return Some(end + 1..end + 1),
            Some(b'>' | b' ' | b'\n' | b'\r' | b'\t') => {
                if xml.as_bytes().get(end - 1) == Some(&b'/') {
                    return Some(end + 1..end + 1);
                }
                let close = end + 1 + xml.get(end + 1..)?.find(&format!("</{name}>"))?;
                return Some(end + 1..close);
            }
            _ => at = rest,
        }
    }
}

/// The text of the first element of this name.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    let inside = inside(xml, name)?;
    Some(unescape(xml.get(inside)?.trim()).into_owned())
}

/// The contents of all elements of this name, none of which lies within another.
pub(super) fn each<'x>(xml: &'x str, name: &str) -> Vec<&'x str> {
    let mut found = Vec::new();
    let mut rest = xml;
    while let Some(here) = inside(rest, name) {
        found.push(rest.get(here.clone()).unwrap_or_default());
        rest = rest.get(here.end..).unwrap_or_default();
    }
    found
}

/// Rewrites the contents of every element of this name.
pub(super) fn rewrite(xml: &str, name: &str, with: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some(here) = inside(rest, name) {
        out.push_str(rest.get(..here.start).unwrap_or_default());
        out.push_str(&with(rest.get(here.clone()).unwrap_or_default()));
        rest = rest.get(here.end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// `text` as it may stand in an element.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if letter < ' ' => out.push_str(&format!("&#{};", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out
}

/// The text an element's contents stand for.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((entity, tail)) = after.split_once(';') else {
            out.push('&');
            rest = after;
            continue;
        };
        match letter(entity) {
            Some(letter) => out.push(letter),
            None => out.push_str(&format!("&{entity};")),
        }
        rest = tail;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn letter(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_whole_name() {
        let xml = "<A><Tiering>no</Tiering><Tier x=\"1\"> Bulk </Tier><Tier/></A>";
        assert_eq!(text(xml, "Tier").as_deref(), Some("Bulk"));
        assert_eq!(each(xml, "Tier"), [" Bulk ", ""]);
        assert_eq!(text(xml, "Days"), None);
    }

    #[test]
    fn every_element_is_rewritten_and_the_rest_kept() {
        let out = rewrite("a<C>1</C>b<C>2</C>c", "C", |inner| format!("{inner}{inner}"));
        assert_eq!(out, "a<C>11</C>b<C>22</C>c");
    }

    #[test]
    fn awkward_keys_survive() {
        let key = "a&b <\"c'>\u{1}\r ü";
        assert_eq!(unescape(&escape(key)), key);
        assert_eq!(unescape("&#x41;&#66;&nope;&"), "AB&nope;&");
    }
}
