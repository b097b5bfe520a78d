//! Bytes from a file into a storage, and the proof that they arrived.
//!
//! [`copy_in`] reads its source once: the same bytes are sent and added up, MD5 on a thread of its
//! own, because at 500 to 600 MB/s it is slower than most disks. What was stored is then proved by
//! [`verify`], which reads the destination, unless the storage has
//! [proved](crate::backend::StorageCapabilities::verifies) it itself. [`copy_out`] is the way back. So that an upload can be gone on with after a crash the
//! caller begins it, keeps it and hands it in:
//!
//! ```
//! # tokio::runtime::Builder::new_multi_thread().build()?.block_on(async {
//! use emam_core::backend::{PutOptions, Storage};
//! use emam_core::memory::MemoryStorage;
//! use emam_core::transfer::{CopyIn, copy_in, verify};
//!
//! # let source = std::env::temp_dir().join(format!("emam-transfer-{}", std::process::id()));
//! # std::fs::write(&source, "abc")?;
//! let storage = MemoryStorage::new();
//! let key = "originals/A001.mov".parse()?;
//! let upload = storage.upload_begin(&key, PutOptions::default()).await?; // keep this
//! let copied = copy_in(&source, &storage, &upload, CopyIn::default()).await?;
//! assert_eq!(copied.md5, "900150983cd24fb0d6963f7d28e17f72");
//! verify(&storage, &key, copied.size, &copied.xxh3).await?;
//! # std::fs::remove_file(&source)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffers;
mod out;
mod source;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use md5::{Digest, Md5};
use xxhash_rust::xxh3::Xxh3Default;

use crate::backend::{GetOptions, Key, Part, PutOptions, Storage, Upload};
use crate::checksum::{check_md5, given_md5, hex, xxh3_text};
use crate::error::{Error, ErrorKind, Result};
pub use buffers::Buffers;
pub use out::{CopiedOut, CopyOut, copy_out};
use source::Reading;

/// Bytes of parts on their way at once.
const MOST_IN_FLIGHT: usize = 128 << 20;

/// Bytes read at once where nothing is sent.
const HASH_CHUNK: usize = 4 << 20;

/// How to copy a file in.
#[derive(Default)]
pub struct CopyIn<'a> {
    /// The MD5 the file must add up to, as 32 hexadecimal digits.
    pub expected_md5: Option<String>,
    /// Is told how many bytes are done, and of how many.
    pub progress: Option<Progress<'a>>,
}

/// Is told how many bytes are done, and of how many.
pub type Progress<'a> = Box<dyn FnMut(u64, u64) + Send + 'a>;

impl fmt::Debug for CopyIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn")
            .field("expected_md5", &self.expected_md5)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

/// What a file adds up to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Copied {
    /// Its size in bytes.
    pub size: u64,
    /// Its MD5, as 32 lower-case hexadecimal digits.
    pub md5: String,
    /// Its XXH3-128, as 32 lower-case hexadecimal digits.
    pub xxh3: String,
}

/// Stores the file `source` through `upload`, and tells what it adds up to.
///
/// Parts that were sent before are not sent again. They are still added up, and from the source:
/// so the sums always are those of the file, and [`verify`] finds a part that is not.
///
/// Holds at most 128 MiB of parts on their way in memory, or one part where one is larger, and two
/// more. Dropping the future ends the work at the next part
/// and keeps the upload.
///
/// # Errors
/// An error that [can be tried again](Error::is_retryable) keeps the upload, to be gone on with or
/// aborted. Any other aborts it, and nothing is left:
/// - [`NotFound`](ErrorKind::NotFound), [`PermissionDenied`](ErrorKind::PermissionDenied),
///   [`InvalidInput`](ErrorKind::InvalidInput): the source is not there, may not be read, or is no
///   plain file. `NotFound` with the context `upload`: the upload is over; begin another.
/// - [`Integrity`](ErrorKind::Integrity): the source changed while it was read, or is not what
///   `expected_md5` says.
/// - What the storage gives.
pub async fn copy_in(
    source: &Path,
    storage: &dyn Storage,
    upload: &Upload,
    options: CopyIn<'_>,
) -> Result<Copied> {
    match copy_parts(source, storage, upload, options).await {
        Err(error) if !error.is_retryable() => match storage.upload_abort(upload).await {
            Ok(()) => Err(error),
            Err(abort) => Err(error.with("upload not aborted", abort)),
        },
        result => result,
    }
}

async fn copy_parts(
    source: &Path,
    storage: &dyn Storage,
    upload: &Upload,
    options: CopyIn<'_>,
) -> Result<Copied> {
    let operation = "transfer.copy_in";
    let expected = options.expected_md5.map(|md5| given_md5(operation, &md5)).transpose()?;
    let mut progress = options.progress.unwrap_or_else(|| Box::new(|_, _| {}));

    let there = storage.upload_parts(upload).await?;
    let there: HashMap<u32, Part> = there.into_iter().map(|part| (part.number, part)).collect();
    // A part of which the storage keeps no checksum is taken on trust here and proved when all of
    // it is read back.
    let is_there = |number: u32, bytes: &Bytes| {
        there.get(&number).is_some_and(|part| {
            part.size == bytes.len() as u64
                && (part.checksum.is_none() || part.checksum == storage.part_checksum(bytes))
        })
    };

    let mut reading = Reading::begin(operation, source, |size| storage.part_size(size)).await?;
    let size = reading.size();
    let parts_at_once = parts_at_once(storage, size);
    let mut done = 0;
    let mut sending = FuturesUnordered::new();
    let mut more = true;
    while more || !sending.is_empty() {
        tokio::select! {
            part = reading.next(), if more && sending.len() < parts_at_once => match part {
                Some((number, bytes)) if is_there(number, &bytes) => {
                    done += bytes.len() as u64;
                    progress(done, size);
                }
                Some((number, bytes)) => sending.push(storage.upload_part(upload, number, bytes)),
                None => more = false,
            },
            Some(sent) = sending.next(), if !sending.is_empty() => {
                done += sent?.size;
                progress(done, size);
            }
        }
    }
    drop(sending);
    let copied = reading.finish().await?;
    if let Some(expected) = expected {
        check_md5(operation, &expected, &copied.md5)
            .map_err(|error| error.with("path", source.display()))?;
    }
    storage.upload_complete(upload).await?;
    Ok(copied)
}

/// Stores the file `source` under `key` in one request, where it fits into one part; otherwise gives
/// nothing and does nothing. For small files, an upload of which would take five requests.
///
/// # Errors
/// As [`copy_in`]; nothing is left of what went wrong.
pub async fn copy_in_one(
    source: &Path,
    storage: &dyn Storage,
    key: &Key,
    options: CopyIn<'_>,
) -> Result<Option<Copied>> {
    let operation = "transfer.copy_in";
    let expected = options.expected_md5.map(|md5| given_md5(operation, &md5)).transpose()?;
    // Asked for the size of one part only: what fits it has no second.
    let most = storage.part_size(0) as u64;
    let read = source::read_whole(operation, source, most).await?;
    let Some((body, copied)) = read else { return Ok(None) };
    if let Some(expected) = expected {
        check_md5(operation, &expected, &copied.md5)
            .map_err(|error| error.with("path", source.display()))?;
    }
    // A storage that is read back afterwards need not add up the MD5 once more.
    let md5 = storage.capabilities().verifies.then(|| copied.md5.clone());
    storage.put(key, body, PutOptions { md5, ..PutOptions::default() }).await?;
    if let Some(mut progress) = options.progress {
        progress(copied.size, copied.size);
    }
    Ok(Some(copied))
}

/// How many parts to send at once, so that what is held in memory stays within bounds where parts
/// are large.
fn parts_at_once(storage: &dyn Storage, size: u64) -> usize {
    let fitting = MOST_IN_FLIGHT / storage.part_size(size).max(1);
    storage.capabilities().parts_at_once.min(fitting).max(1)
}

/// Tells what the file `path` adds up to.
///
/// Dropping the future ends the work soon.
///
/// # Errors
/// As [`copy_in`] about its source.
pub async fn hash_file(path: &Path, progress: Option<Progress<'_>>) -> Result<Copied> {
    let mut progress = progress.unwrap_or_else(|| Box::new(|_, _| {}));
    let mut reading = Reading::begin("transfer.hash_file", path, |_| HASH_CHUNK).await?;
    let size = reading.size();
    let mut done = 0;
    while let Some((_, bytes)) = reading.next().await {
        done += bytes.len() as u64;
        progress(done, size);
    }
    reading.finish().await
}

/// Reads the object under `key` and checks that it is what was stored.
///
/// What was written a moment ago may be read from the memory of the operating system and not from
/// the disk, so this proves what the storage holds, not what the disk will still hold tomorrow.
///
/// # Errors
/// [`Integrity`](ErrorKind::Integrity) where size or XXH3-128 differ, with what was expected and
/// found; else what reading gives.
pub async fn verify(storage: &dyn Storage, key: &Key, size: u64, xxh3: &str) -> Result<()> {
    let (found_size, found) = sum(storage, key).await?;
    if found_size == size && found == xxh3 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Integrity,
        "transfer.verify",
        "the stored object is not what was sent; store it again from its source",
    )
    .with("key", key)
    .with("expected", format_args!("{xxh3} ({size} bytes)"))
    .with("found", format_args!("{found} ({found_size} bytes)")))
}

/// Tells what the object under `key` adds up to, by reading it once from its storage.
///
/// # Errors
/// What reading gives.
pub async fn hash_object(
    storage: &dyn Storage,
    key: &Key,
    progress: Option<Progress<'_>>,
) -> Result<Copied> {
    let mut progress = progress.unwrap_or_else(|| Box::new(|_, _| {}));
    let (mut md5, mut xxh3, mut done) = (Md5::new(), Xxh3Default::new(), 0);
    let size = read_through(storage, key, |chunk, size| {
        md5.update(chunk);
        xxh3.update(chunk);
        done += chunk.len() as u64;
        progress(done, size);
    })
    .await?;
    Ok(Copied { size, md5: hex(&md5.finalize()), xxh3: xxh3_text(xxh3.digest128()) })
}

/// Reads an object to its end, handing on each chunk with the size the object should have; gives how
/// many bytes came.
async fn read_through(
    storage: &dyn Storage,
    key: &Key,
    mut chunk_read: impl FnMut(&Bytes, u64),
) -> Result<u64> {
    let mut object = storage.get(key, GetOptions::default()).await?;
    let mut size = 0;
    while let Some(chunk) = object.body.next().await {
        let chunk = chunk?;
        size += chunk.len() as u64;
        chunk_read(&chunk, object.stat.size);
    }
    Ok(size)
}

/// The size and XXH3-128 of an object, read from its storage.
pub(crate) async fn sum(storage: &dyn Storage, key: &Key) -> Result<(u64, String)> {
    let mut xxh3 = Xxh3Default::new();
    let size = read_through(storage, key, |chunk, _| xxh3.update(chunk)).await?;
    Ok((size, xxh3_text(xxh3.digest128())))
}
