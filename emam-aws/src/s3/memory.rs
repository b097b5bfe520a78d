//! What this process knows of the parts it has sent.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::uploads::SentPart;

/// Uploads that are remembered at most. One that is forgotten is sent again where its store does
/// not tell of its parts.
const REMEMBERED: usize = 256;

/// ETags and checksums of the parts this process has sent, by upload and number.
///
/// S3 lists the checksum of each part, but not every store does, and some list a part twice that was
/// sent twice. What cannot be told apart then is taken for not sent.
#[derive(Debug, Default)]
pub(super) struct SentParts(Mutex<HashMap<String, HashMap<u32, Known>>>);

#[derive(Debug)]
struct Known {
    etag: String,
    crc64: Option<String>,
}

impl SentParts {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<u32, Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keep(&self, upload: &str, number: u32, etag: &str, crc64: Option<&str>) {
        let mut uploads = self.lock();
        if uploads.len() >= REMEMBERED && !uploads.contains_key(upload) {
            uploads.clear();
        }
        let known = Known { etag: etag.to_owned(), crc64: crc64.map(str::to_owned) };
        uploads.entry(upload.to_owned()).or_default().insert(number, known);
    }

    pub(super) fn forget(&self, upload: &str) {
        self.lock().remove(upload);
    }

    /// One part for each number of which the store lists any: the one this process sent last, else
    /// the only one.
    pub(super) fn settle(&self, upload: &str, listed: Vec<SentPart>) -> Vec<SentPart> {
        let uploads = self.lock();
        let known = uploads.get(upload);
        let mut settled: Vec<SentPart> = Vec::with_capacity(listed.len());
        let mut doubtful = Vec::new();
        for mut part in listed {
            let ours = known.and_then(|known| known.get(&part.number));
            let is_ours = ours.is_some_and(|ours| ours.etag == part.etag);
            if is_ours && part.crc64.is_none() {
                part.crc64 = ours.and_then(|ours| ours.crc64.clone());
            }
            match settled.last_mut().filter(|last| last.number == part.number) {
                None => settled.push(part),
                Some(last) if is_ours => *last = part,
                Some(last) if ours.is_some_and(|ours| ours.etag == last.etag) => {}
                Some(last) => doubtful.push(last.number),
            }
        }
        settled.retain(|part| !doubtful.contains(&part.number));
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u32, etag: &str, crc64: Option<&str>) -> SentPart {
        SentPart { number, size: 1, etag: etag.into(), crc64: crc64.map(str::to_owned) }
    }

    fn told(parts: &[SentPart]) -> Vec<(u32, &str, Option<&str>)> {
        parts.iter().map(|p| (p.number, p.etag.as_str(), p.crc64.as_deref())).collect()
    }

    #[test]
    fn what_was_sent_here_is_known_and_what_is_doubtful_is_not() {
        let sent = SentParts::default();
        sent.keep("u", 1, "a", Some("A"));
        sent.keep("u", 2, "old", Some("Old"));
        sent.keep("u", 2, "b", Some("B"));
        let listed = || {
            vec![
                part(1, "a", None),
                part(2, "b", None),
                part(2, "old", None),
                part(3, "c", None),
                part(4, "d", None),
                part(4, "e", None),
                part(5, "f", Some("F")),
            ]
        };
        let settled = sent.settle("u", listed());
        let wanted =
            [(1, "a", Some("A")), (2, "b", Some("B")), (3, "c", None), (5, "f", Some("F"))];
        assert_eq!(told(&settled), wanted);
        sent.forget("u");
        let settled = sent.settle("u", listed());
        assert_eq!(told(&settled), [(1, "a", None), (3, "c", None), (5, "f", Some("F"))]);
    }
}
