//! Files that are being written and have no key yet.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::backend::Key;
use crate::error::Result;
use crate::local::blocking::Stop;

use super::folder::Folder;

/// Bytes copied before asking whether anybody still waits.
const STRIDE: u64 = 16 << 20;

/// A file that its writer holds a lock on, and that is removed unless it is published. If the
/// writer dies the lock goes with it, and whoever opens the folder next removes the file.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already where it was published.
        let _ = fs::remove_file(&self.path);
    }
}

impl Folder {
    pub(super) fn stage(&self, operation: &'static str) -> Result<Staged> {
        loop {
            let path = self.staging().join(self.clock.new_uuid().to_string());
            let file = match OpenOptions::new().write(true).create_new(true).open(&path) {
                // A clock that stands still makes the ids of its predecessor again.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened.map_err(|e| self.error(operation, None, &path, e))?,
            };
            match file.try_lock() {
                Ok(()) => {}
                // A sweeper came between. It removes the file; take another.
                Err(fs::TryLockError::WouldBlock) => continue,
                // Where the disk knows no locks nobody can sweep either.
                Err(fs::TryLockError::Error(_)) => {}
            }
            if file.metadata().is_ok_and(|meta| meta.nlink() > 0) {
                return Ok(Staged { file, path });
            }
        }
    }

    /// Removes files whose writers have died.
    pub(super) fn sweep_staging(&self) -> Result<()> {
        let operation = "storage.open";
        let dir = self.staging();
        let entries = fs::read_dir(&dir).map_err(|e| self.error(operation, None, &dir, e))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let orphan = File::open(&path).ok().filter(|file| file.try_lock().is_ok());
            if orphan.is_some() {
                // Another sweeper may have been faster.
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    pub(super) fn stage_bytes(&self, operation: &'static str, bytes: &[u8]) -> Result<Staged> {
        let mut staged = self.stage(operation)?;
        staged
            .file
            .write_all(bytes)
            .and_then(|()| staged.file.sync_all())
            .map_err(|e| self.error(operation, None, &staged.path, e))?;
        Ok(staged)
    }

    /// Copies `size` bytes of `from` into a staged file; fewer where there are no more. The
    /// system shares the blocks instead of copying them where the disk can do that.
    pub(super) fn stage_copy(
        &self,
        operation: &'static str,
        key: &Key,
        from: &File,
        size: u64,
        stop: &Stop,
    ) -> Result<(Staged, u64)> {
        let staged = self.stage(operation)?;
        let fail = |path: &Path, e| self.error(operation, Some(key), path, e);
        let mut copied = 0;
        while copied < size {
            stop.check(operation)?;
            let next = STRIDE.min(size - copied);
            let count = io::copy(&mut io::Read::take(from, next), &mut &staged.file)
                .map_err(|e| fail(&staged.path, e))?;
            if count == 0 {
                break;
            }
            copied += count;
        }
        staged.file.sync_all().map_err(|e| fail(&staged.path, e))?;
        Ok((staged, copied))
    }
}
