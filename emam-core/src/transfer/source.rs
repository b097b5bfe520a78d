//! One read of a file that must not change meanwhile.

use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::SystemTime;

use bytes::Bytes;
use md5::{Digest, Md5};
use tokio::sync::{mpsc, oneshot};
use xxhash_rust::xxh3::Xxh3Default;

use super::{Buffers, Copied};
use crate::checksum::{hex, md5_of, xxh3_text};
use crate::error::{Error, ErrorKind, Result};
use crate::io::io_error;

/// A file that is being read and added up by threads of its own. Dropping it stops them at their
/// next part.
pub(super) struct Reading {
    size: u64,
    parts: mpsc::Receiver<(u32, Bytes)>,
    end: oneshot::Receiver<Result<Copied>>,
    operation: &'static str,
}

impl Reading {
    /// Opens `path`, to be read in parts of as many bytes as `part_size` says for the file's size. An
    /// empty file is one empty part.
    pub(super) async fn begin(
        operation: &'static str,
        path: &Path,
        part_size: impl FnOnce(u64) -> usize,
    ) -> Result<Self> {
        let path = path.to_owned();
        let opening = tokio::task::spawn_blocking(move || Source::open(operation, path));
        let source = opening.await.map_err(|cause| broken_off(operation).caused_by(cause))??;
        let size = source.before.size;
        let part_size = part_size(size);
        // The channel holds one part, its two ends one each, beside those that are being sent.
        let (parts_in, parts) = mpsc::channel(1);
        let (end_in, end) = oneshot::channel();
        spawn(operation, "emam-read", move || {
            // Where nobody waits for the end any more nobody misses it.
            let _ = end_in.send(source.read(part_size, &parts_in));
        })?;
        Ok(Self { size, parts, end, operation })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The next part and its number from 1; `None` at the end, whether good or bad.
    pub(super) async fn next(&mut self) -> Option<(u32, Bytes)> {
        self.parts.recv().await
    }

    /// What the file adds up to, once all parts are read.
    pub(super) async fn finish(self) -> Result<Copied> {
        drop(self.parts);
        self.end.await.unwrap_or_else(|_| Err(broken_off(self.operation)))
    }
}

/// Reads a file of at most `most` bytes, and tells what it adds up to; nothing where it is larger.
pub(super) async fn read_whole(
    operation: &'static str,
    path: &Path,
    most: u64,
) -> Result<Option<(Bytes, Copied)>> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let source = Source::open(operation, path)?;
        let size = source.before.size;
        if size > most {
            return Ok(None);
        }
        let body = source.part(&Buffers::default(), size, |_| {})?;
        source.check_unchanged()?;
        let xxh3 = xxh3_text(xxhash_rust::xxh3::xxh3_128(&body));
        let copied = Copied { size, md5: md5_of(&body), xxh3 };
        Ok(Some((body, copied)))
    });
    reading.await.map_err(|cause| broken_off(operation).caused_by(cause))?
}

fn broken_off(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unexpected, operation, "the reading of the file broke off")
}

pub(super) fn spawn<T: Send + 'static>(
    operation: &'static str,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|cause| {
        Error::new(
            ErrorKind::Unavailable,
            operation,
            "the operating system gives no thread; do less at once or raise the limit (ulimit -u)",
        )
        .caused_by(cause)
    })
}

struct Source {
    operation: &'static str,
    path: PathBuf,
    file: File,
    before: State,
}

/// What tells one content of a file from another.
#[derive(PartialEq, Eq)]
struct State {
    size: u64,
    modified: Option<SystemTime>,
    identity: Option<(u64, u64)>,
}

impl State {
    fn of(meta: &Metadata) -> Self {
        Self { size: meta.len(), modified: meta.modified().ok(), identity: identity(meta) }
    }
}

#[cfg(unix)]
fn identity(meta: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn identity(_meta: &Metadata) -> Option<(u64, u64)> {
    None
}

impl Source {
    fn open(operation: &'static str, path: PathBuf) -> Result<Self> {
        let fail = |e| io_error(operation, &path, e);
        // Asked before opening: opening a pipe would wait for its other end.
        if !fs::metadata(&path).map_err(fail)?.is_file() {
            return Err(Error::invalid(
                operation,
                "only plain files can be read here, no folders, pipes or devices",
            )
            .with("path", path.display()));
        }
        let file = File::open(&path).map_err(fail)?;
        let before = State::of(&file.metadata().map_err(fail)?);
        Ok(Self { operation, path, file, before })
    }

    /// Reads the file once, hands on its parts and adds it up.
    fn read(self, part_size: usize, parts: &mpsc::Sender<(u32, Bytes)>) -> Result<Copied> {
        let (md5_in, md5_out) = sync_channel::<Bytes>(1);
        let md5 = spawn(self.operation, "emam-md5", move || add_up(&md5_out))?;
        let mut xxh3 = Xxh3Default::new();
        let buffers = Buffers::default();
        let mut left = self.before.size;
        for number in 1.. {
            let part =
                self.part(&buffers, left.min(part_size as u64), |piece| xxh3.update(piece))?;
            left -= part.len() as u64;
            let cancelled = || {
                Error::new(ErrorKind::Cancelled, self.operation, "nobody waits for the file")
                    .with("path", self.path.display())
            };
            md5_in.send(part.clone()).map_err(|_| broken_off(self.operation))?;
            parts.blocking_send((number, part)).map_err(|_| cancelled())?;
            if left == 0 {
                break;
            }
        }
        self.check_unchanged()?;
        drop(md5_in);
        let md5 = md5.join().map_err(|_| broken_off(self.operation))?;
        let xxh3 = xxh3_text(xxh3.digest128());
        Ok(Copied { size: self.before.size, md5, xxh3 })
    }

    fn part(&self, buffers: &Buffers, size: u64, piece: impl FnMut(&[u8])) -> Result<Bytes> {
        let part = buffers
            .read(&self.file, size as usize, piece)
            .map_err(|e| io_error(self.operation, &self.path, e))?;
        if part.len() as u64 != size {
            return Err(self.changed());
        }
        Ok(part)
    }

    /// Neither the file that was read nor the one that has its name now may differ.
    fn check_unchanged(&self) -> Result<()> {
        for meta in [self.file.metadata(), fs::metadata(&self.path)] {
            let meta = meta.map_err(|e| io_error(self.operation, &self.path, e))?;
            if State::of(&meta) != self.before {
                return Err(self.changed());
            }
        }
        Ok(())
    }

    fn changed(&self) -> Error {
        Error::new(
            ErrorKind::Integrity,
            self.operation,
            "the file changed while it was read; ingest it once it is at rest",
        )
        .with("path", self.path.display())
    }
}

fn add_up(parts: &Receiver<Bytes>) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&part);
    }
    hex(&md5.finalize())
}
