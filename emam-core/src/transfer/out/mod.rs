//! Bytes out of a storage into a file: ranges at once, written where they belong, added up behind.

mod place;
mod sums;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::backend::{ByteRange, GetOptions, Key, Storage};
use crate::checksum::{check_md5, given_md5};
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::Progress;
use place::Place;
use sums::Sums;

/// Bytes of a range.
const RANGE: u64 = 8 << 20;

/// Ranges on their way at once.
const RANGES_AT_ONCE: usize = 8;

/// Bytes that are gathered before they are written.
const GATHERED: usize = 1 << 20;

const OPERATION: &str = "transfer.copy_out";

/// How to copy an object out.
#[derive(Default)]
pub struct CopyOut<'a> {
    /// The size the object must have, in bytes.
    pub expected_size: Option<u64>,
    /// The MD5 it must add up to, as 32 hexadecimal digits. Costs as much again as all the rest:
    /// where its XXH3-128 is known too that proves as much.
    pub expected_md5: Option<String>,
    /// The XXH3-128 it must add up to, as 32 hexadecimal digits.
    pub expected_xxh3: Option<String>,
    /// Is told how many bytes are done, and of how many.
    pub progress: Option<Progress<'a>>,
}

impl fmt::Debug for CopyOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOut")
            .field("expected_size", &self.expected_size)
            .field("expected_md5", &self.expected_md5)
            .field("expected_xxh3", &self.expected_xxh3)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

/// What an object that was copied out adds up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedOut {
    /// Its size in bytes.
    pub size: u64,
    /// Its XXH3-128, as 32 lower-case hexadecimal digits.
    pub xxh3: String,
    /// Its MD5, as 32 lower-case hexadecimal digits, where one was expected.
    pub md5: Option<String>,
}

/// Stores the object under `key` as the file `path`, and tells what it adds up to.
///
/// The file appears under its name once it is whole, durable and as expected; one that is there
/// already is replaced then. Up to 8 ranges of 8 MiB come at once, and at most 2 MiB of each are
/// held in memory. One that breaks off is asked for once more from where it stopped.
///
/// Without an expected checksum an object that is replaced by another of the same size while it is
/// read cannot be told.
///
/// Dropping the future ends the work soon and leaves nothing.
///
/// # Errors
/// Nothing is left of what went wrong:
/// - [`Integrity`](ErrorKind::Integrity): the object is not what was expected.
/// - [`Conflict`](ErrorKind::Conflict): it was replaced meanwhile.
/// - What the storage gives, and what the disk gives about `path`.
pub async fn copy_out(
    storage: &dyn Storage,
    key: &Key,
    path: &Path,
    options: CopyOut<'_>,
) -> Result<CopiedOut> {
    let md5 = options.expected_md5.map(|md5| given_md5(OPERATION, &md5)).transpose()?;
    let mut progress = options.progress.unwrap_or_else(|| Box::new(|_, _| {}));
    let size = storage.stat(key).await?.size;
    if let Some(expected) = options.expected_size.filter(|expected| *expected != size) {
        return Err(Error::new(
            ErrorKind::Integrity,
            OPERATION,
            "the object has another size than expected",
        )
        .with("key", key)
        .with("expected", expected)
        .with("found", size));
    }
    let place = Place::beside(path).await?;
    let sums = Sums::begin(Arc::clone(&place.file), size, md5.is_some())?;
    if let Some(local) = storage.local_path(key) {
        place.copy_from(&local, size).await?;
        sums.ready(size);
        progress(size, size);
    } else {
        fetch(storage, key, size, &place, &sums, &mut progress).await?;
    }
    let copied = sums.finish().await?;
    if let (Some(expected), Some(found)) = (&md5, &copied.md5) {
        check_md5(OPERATION, expected, found).map_err(|error| error.with("key", key))?;
    }
    if let Some(expected) = options.expected_xxh3.filter(|expected| *expected != copied.xxh3) {
        return Err(Error::new(
            ErrorKind::Integrity,
            OPERATION,
            "the object does not add up to the expected XXH3-128",
        )
        .with("key", key)
        .with("expected", expected)
        .with("found", &copied.xxh3));
    }
    place.finish().await?;
    Ok(copied)
}

/// Writes all ranges of an object to their places.
async fn fetch(
    storage: &dyn Storage,
    key: &Key,
    size: u64,
    place: &Place,
    sums: &Sums,
    progress: &mut Progress<'_>,
) -> Result<()> {
    let mut starts = (0..size).step_by(RANGE as usize);
    let mut coming = FuturesUnordered::new();
    let mut done = Done::default();
    loop {
        while coming.len() < RANGES_AT_ONCE
            && let Some(start) = starts.next()
        {
            coming.push(fetch_range(storage, key, start..size.min(start + RANGE), size, place));
        }
        let Some(range) = coming.next().await else { return Ok(()) };
        let range = range?;
        done.bytes += range.end - range.start;
        sums.ready(done.after(range));
        progress(done.bytes, size);
    }
}

/// The ranges that have come.
#[derive(Default)]
struct Done {
    bytes: u64,
    /// All before this has come.
    whole: u64,
    /// What has come after it.
    later: Vec<Range<u64>>,
}

impl Done {
    /// Up to where everything has come, with `range` now.
    fn after(&mut self, range: Range<u64>) -> u64 {
        self.later.push(range);
        while let Some(next) = self.later.iter().position(|range| range.start == self.whole) {
            self.whole = self.later.swap_remove(next).end;
        }
        self.whole
    }
}

/// Writes one range to its place, and gives it back.
async fn fetch_range(
    storage: &dyn Storage,
    key: &Key,
    range: Range<u64>,
    size: u64,
    place: &Place,
) -> Result<Range<u64>> {
    let mut left = range.clone();
    match fetch_rest(storage, key, &mut left, size, place).await {
        Err(error) if error.is_retryable() => {
            fetch_rest(storage, key, &mut left, size, place).await?;
        }
        result => result?,
    }
    Ok(range)
}

async fn fetch_rest(
    storage: &dyn Storage,
    key: &Key,
    left: &mut Range<u64>,
    size: u64,
    place: &Place,
) -> Result<()> {
    let range = Some(ByteRange { start: left.start, end: Some(left.end) });
    let mut object = storage.get(key, GetOptions { range }).await?;
    if object.stat.size != size {
        return Err(Error::new(
            ErrorKind::Conflict,
            OPERATION,
            "the object was replaced while it was read; copy it again",
        )
        .with("key", key));
    }
    let (mut gathered, mut bytes) = (Vec::new(), 0);
    loop {
        let chunk: Option<Bytes> = object.body.next().await.transpose()?;
        let ended = chunk.is_none();
        if let Some(chunk) = chunk {
            bytes += chunk.len();
            gathered.push(chunk);
        }
        if bytes >= GATHERED || (ended && bytes > 0) {
            place.write(left.start, std::mem::take(&mut gathered)).await?;
            left.start += bytes as u64;
            bytes = 0;
        }
        if ended {
            break;
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unavailable, OPERATION, "the object ended before its size")
        .with("key", key)
        .with("missing_from", left.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_no_gap_before_it_is_whole() {
        let mut done = Done::default();
        assert_eq!(done.after(8..16), 0);
        assert_eq!(done.after(24..32), 0);
        assert_eq!(done.after(0..8), 16);
        assert_eq!(done.after(16..24), 32);
        assert_eq!(done.after(32..33), 33);
        assert!(done.later.is_empty());
    }
}
