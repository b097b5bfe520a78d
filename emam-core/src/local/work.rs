//! Folders that jobs work in: one per job, gone when the job has ended, however it ended.
//!
//! A folder is locked as long as its owner lives. The lock is the operating system's, so it ends
//! with the process, even with one that is killed; what nobody holds is left over, and whoever
//! comes next removes it together with the programs that still write into it.

use std::fs::{self, File};
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, ErrorKind, Result};
use crate::local::process::kill_stale;

/// The folder of one job; removed when dropped.
#[derive(Debug)]
pub(crate) struct WorkDir {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl WorkDir {
    /// Makes the empty folder `name` under `root`, removing what a dead process has left there.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) if somebody is at work in it,
    /// [`Unavailable`](ErrorKind::Unavailable) where the disk refuses.
    pub(crate) fn create(root: &Path, name: &str, operation: &'static str) -> Result<Self> {
        let failed = |cause| disk(operation, cause).with("folder", root.display());
        fs::create_dir_all(root).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        let path = root.join(name);
        // Held while making and while sweeping, so that nobody sweeps a folder not yet locked.
        let guard = locked(&root, FlockOperation::LockExclusive).map_err(failed)?;
        match locked(&path, FlockOperation::NonBlockingLockExclusive) {
            Ok(_lock) => remove(&path).map_err(failed)?,
            Err(cause) if cause.kind() == IoErrorKind::NotFound => {}
            Err(cause) if cause.kind() == IoErrorKind::WouldBlock => {
                let message = "another process is at work on this job; wait for it to end";
                return Err(Error::new(ErrorKind::Conflict, operation, message).with("job", name));
            }
            Err(cause) => return Err(failed(cause)),
        }
        fs::create_dir(&path).map_err(failed)?;
        let lock = locked(&path, FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
        drop(guard);
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if let Err(cause) = remove(&self.path) {
            // The next sweep tries again.
            tracing::warn!(folder = %self.path.display(), %cause, "a work folder stays behind");
        }
    }
}

/// Removes every folder under `root` that no living process holds, and kills what still writes
/// into it. Tells how many there were.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable) where the disk refuses.
pub(crate) fn sweep(root: &Path) -> Result<usize> {
    const OPERATION: &str = "work.sweep";
    let failed = |cause| disk(OPERATION, cause).with("folder", root.display());
    let root = match root.canonicalize() {
        Ok(root) => root,
        Err(cause) if cause.kind() == IoErrorKind::NotFound => return Ok(0),
        Err(cause) => return Err(failed(cause)),
    };
    let _guard = locked(&root, FlockOperation::LockExclusive).map_err(failed)?;
    let mut swept = 0;
    for entry in fs::read_dir(&root).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !path.is_dir() {
            continue;
        }
        if let Ok(_lock) = locked(&path, FlockOperation::NonBlockingLockExclusive) {
            remove(&path).map_err(failed)?;
            swept += 1;
        }
    }
    Ok(swept)
}

fn locked(folder: &Path, operation: FlockOperation) -> std::io::Result<File> {
    let file = File::open(folder)?;
    flock(&file, operation)?;
    Ok(file)
}

fn remove(path: &Path) -> std::io::Result<()> {
    kill_stale(path);
    // A program that is being killed may still make a file while the folder is emptied.
    for _ in 0..8 {
        match fs::remove_dir_all(path) {
            Err(cause) if cause.kind() == IoErrorKind::DirectoryNotEmpty => {}
            Err(cause) if cause.kind() == IoErrorKind::NotFound => return Ok(()),
            other => return other,
        }
    }
    fs::remove_dir_all(path)
}

/// A failure of the disk that work files are on.
pub(crate) fn disk(operation: &'static str, cause: std::io::Error) -> Error {
    let message = match cause.kind() {
        IoErrorKind::StorageFull | IoErrorKind::QuotaExceeded => {
            "the disk of the work folder is full; make room and try again"
        }
        _ => "the work folder could not be read or written",
    };
    Error::new(ErrorKind::Unavailable, operation, message).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lives_as_long_as_its_owner() {
        let root = tempfile::tempdir().unwrap();
        let work = WorkDir::create(root.path(), "job", "t").unwrap();
        let path = work.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        let error = WorkDir::create(root.path(), "job", "t").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(sweep(root.path()).unwrap(), 0, "somebody is at work");
        assert!(path.join("file").is_file());
        drop(work);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_left_over_is_swept() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("left/deep")).unwrap();
        fs::write(root.path().join("left/deep/file"), "x").unwrap();
        fs::create_dir(root.path().join("job")).unwrap();
        fs::write(root.path().join("job/old"), "x").unwrap();
        let work = WorkDir::create(root.path(), "job", "t").unwrap();
        assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0, "old files are gone");
        assert_eq!(sweep(root.path()).unwrap(), 1);
        assert!(!root.path().join("left").exists());
        assert_eq!(sweep(&root.path().join("nowhere")).unwrap(), 0);
    }
}
