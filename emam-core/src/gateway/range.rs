//! Which bytes a request for media wants (RFC 9110, section 14).

use std::ops::Range;

use axum::http::HeaderMap;
use axum::http::header::{IF_RANGE, RANGE};

/// Which bytes are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    All,
    /// These, of which there is at least one.
    Part(Range<u64>),
    /// None that there are.
    Nothing,
}

/// What the `Range` header wants of a file of `size` bytes. A header that is no range of bytes, or
/// is several, is passed over, as the standard allows: the answer is then the whole file.
pub(super) fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Wanted::All };
    if headers.get(IF_RANGE).is_some_and(|condition| condition != etag) {
        return Wanted::All;
    }
    let Some((first, last)) = range.to_str().ok().and_then(parse) else { return Wanted::All };
    let range = match (first, last) {
        (Some(first), Some(last)) if first > last => return Wanted::All,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
        (Some(first), None) => first..size,
        (None, Some(last)) => size.saturating_sub(last)..size,
        (None, None) => return Wanted::All,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Nothing }
}

type Ends = (Option<u64>, Option<u64>);

fn parse(text: &str) -> Option<Ends> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    unit.trim().eq_ignore_ascii_case("bytes").then_some((end(first)?, end(last)?))
}

/// A number, or none where nothing stands. A number beyond all files is as good as the greatest.
fn end(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(range: &str, size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(range).unwrap());
        wanted(&headers, "\"e\"", size)
    }

    #[test]
    fn ranges_are_cut_to_the_file() {
        assert_eq!(of("bytes=0-0", 10), Wanted::Part(0..1));
        assert_eq!(of("bytes=2-5", 10), Wanted::Part(2..6));
        assert_eq!(of("bytes=2-", 10), Wanted::Part(2..10));
        assert_eq!(of("bytes=-3", 10), Wanted::Part(7..10));
        assert_eq!(of("bytes=-30", 10), Wanted::Part(0..10));
        assert_eq!(of("bytes=5-99999999999999999999999", 10), Wanted::Part(5..10));
        assert_eq!(of("Bytes = 5 - 6", 10), Wanted::Part(5..7));
    }

    #[test]
    fn what_is_not_there_and_what_is_no_range_differ() {
        for nothing in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(nothing, 10), Wanted::Nothing, "{nothing}");
        }
        assert_eq!(of("bytes=0-", 0), Wanted::Nothing);
        for all in
            ["bytes=5-2", "bytes=-", "bytes=a-b", "frames=0-5", "bytes=0-1,4-5", "bytes=+1-2"]
        {
            assert_eq!(of(all, 10), Wanted::All, "{all}");
        }
    }

    #[test]
    fn a_part_of_another_file_is_not_given() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=2-5"));
        headers.insert(IF_RANGE, HeaderValue::from_static("\"e\""));
        assert_eq!(wanted(&headers, "\"e\"", 10), Wanted::Part(2..6));
        for other in ["\"f\"", "W/\"e\"", "Sat, 29 Oct 1994 19:43:31 GMT"] {
            headers.insert(IF_RANGE, HeaderValue::from_static(other));
            assert_eq!(wanted(&headers, "\"e\"", 10), Wanted::All, "{other}");
        }
    }
}
