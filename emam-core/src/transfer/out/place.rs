//! The file that is written beside the one it will be.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::OPERATION;
use crate::error::{Error, ErrorKind, Result};
use crate::io::io_error;

/// Tells files apart that this process writes in one folder.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// A file that is being written. Dropping it removes it, unless it is finished.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) file: Arc<File>,
    unfinished: Unfinished,
    target: PathBuf,
}

#[derive(Debug)]
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // Nobody is left who could be told.
            let _ = fs::remove_file(path);
        }
    }
}

impl Place {
    /// Begins a file in the folder of `target`.
    pub(super) async fn beside(target: &Path) -> Result<Self> {
        let target = target.to_owned();
        blocking(move || {
            if target.is_dir() || target.file_name().is_none() {
                return Err(Error::invalid(OPERATION, "name a file to write, not a folder")
                    .with("path", target.display()));
            }
            loop {
                let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
                let name = format!(".emam-{}-{number}", std::process::id());
                let path = target.with_file_name(name);
                let opened = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
                let file = match opened {
                    // Left by a process of the same number that was killed.
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                    opened => opened.map_err(|e| io_error(OPERATION, &target, e))?,
                };
                let unfinished = Unfinished(Some(path));
                return Ok(Self { file: Arc::new(file), unfinished, target });
            }
        })
        .await
    }

    /// Writes chunks one after the other from `start` on.
    pub(super) async fn write(&self, start: u64, chunks: Vec<Bytes>) -> Result<()> {
        let (file, target) = (Arc::clone(&self.file), self.target.clone());
        blocking(move || {
            let mut at = start;
            for chunk in chunks {
                write_all_at(&file, &chunk, at).map_err(|e| io_error(OPERATION, &target, e))?;
                at += chunk.len() as u64;
            }
            Ok(())
        })
        .await
    }

    /// Writes all of a file of this machine, of `size` bytes.
    pub(super) async fn copy_from(&self, source: &Path, size: u64) -> Result<()> {
        let (file, target, source) =
            (Arc::clone(&self.file), self.target.clone(), source.to_owned());
        blocking(move || {
            let mut from = File::open(&source).map_err(|e| io_error(OPERATION, &source, e))?;
            let mut to = &*file;
            let count =
                io::copy(&mut from, &mut to).map_err(|e| io_error(OPERATION, &target, e))?;
            to.rewind().map_err(|e| io_error(OPERATION, &target, e))?;
            if count == size {
                return Ok(());
            }
            Err(Error::new(
                ErrorKind::Conflict,
                OPERATION,
                "the object was replaced while it was read; copy it again",
            )
            .with("path", source.display()))
        })
        .await
    }

    /// Gives the file its name, durably.
    pub(super) async fn finish(self) -> Result<()> {
        blocking(move || {
            let Self { file, mut unfinished, target } = self;
            let fail = |e| io_error(OPERATION, &target, e);
            file.sync_all().map_err(fail)?;
            if let Some(path) = &unfinished.0 {
                fs::rename(path, &target).map_err(fail)?;
                unfinished.0 = None;
            }
            sync_folder(&target).map_err(fail)
        })
        .await
    }
}

/// Makes the name of a file durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[count..];
        at += count as u64;
    }
    Ok(())
}

#[cfg(unix)]
pub(super) fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, at)
}

#[cfg(windows)]
pub(super) fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, at)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| {
        Error::new(ErrorKind::Unexpected, OPERATION, "the writing of the file broke off")
            .caused_by(cause)
    })?
}
