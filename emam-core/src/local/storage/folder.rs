//! Paths of keys, and how a file gets its name under one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::Key;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::local::error::io_error;

/// The folder in the root that holds what is no object yet.
pub(super) const PRIVATE: &str = ".emam";

/// How often a folder made for an object may be removed again by a deletion that found it empty,
/// before we give up.
const ATTEMPTS: u32 = 16;

/// A root folder and the ways to work in it. Everything here blocks.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
}

/// Whether the folders on the way to an object are there.
#[derive(PartialEq, Eq)]
enum Way {
    Clear,
    Missing,
}

impl Folder {
    pub(super) fn open(root: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        let operation = "storage.open";
        let fail = |path: &Path, error: io::Error| match error.kind() {
            // What is there is a file: say that, not that it exists.
            io::ErrorKind::AlreadyExists => {
                io_error(operation, path, io::ErrorKind::NotADirectory.into())
            }
            _ => io_error(operation, path, error),
        };
        fs::create_dir_all(&root).map_err(|e| fail(&root, e))?;
        // A relative root must not move when the process changes its directory.
        let root = fs::canonicalize(&root).map_err(|e| fail(&root, e))?;
        let folder = Self { root, clock };
        for dir in [folder.staging(), folder.uploads()] {
            fs::create_dir_all(&dir).map_err(|e| fail(&dir, e))?;
        }
        folder.sweep_staging()?;
        folder.sweep_uploads()?;
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.root.join(PRIVATE).join("staging")
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.root.join(PRIVATE).join("uploads")
    }

    /// The path of an object, whether or not it is there.
    pub(super) fn path(&self, operation: &'static str, key: &Key) -> Result<PathBuf> {
        let first = key.as_str().split('/').next().unwrap_or_default();
        // In any case of letters: many disks do not tell them apart.
        if first.eq_ignore_ascii_case(PRIVATE) {
            return Err(Error::invalid(
                operation,
                "keys that begin with .emam are kept for the storage itself; choose another",
            )
            .with("key", key));
        }
        Ok(self.root.join(key.as_str()))
    }

    /// An error of this storage about a file in it.
    pub(super) fn error(
        &self,
        operation: &'static str,
        key: Option<&Key>,
        path: &Path,
        error: io::Error,
    ) -> Error {
        let error = io_error(operation, path, error).with("storage", self.root.display());
        match key {
            Some(key) => error.with("key", key),
            None => error,
        }
    }

    pub(super) fn missing(&self, operation: &'static str, key: &Key) -> Error {
        Error::new(ErrorKind::NotFound, operation, "no object has this key")
            .with("key", key)
            .with("storage", self.root.display())
    }

    pub(super) fn link_refused(&self, operation: &'static str, key: &Key, link: &Path) -> Error {
        Error::new(
            ErrorKind::PermissionDenied,
            operation,
            "a symbolic link lies on the way to this key, and a storage does not follow links; \
             put the file or folder itself there",
        )
        .with("key", key)
        .with("link", link.display())
    }

    fn blocked(&self, operation: &'static str, key: &Key, path: &Path) -> Error {
        Error::new(
            ErrorKind::Conflict,
            operation,
            "a folder cannot hold an object whose key is the beginning of another's; choose \
             another key",
        )
        .with("key", key)
        .with("path", path.display())
    }

    /// The path of an object to be read or removed; `None` where a folder on its way is missing.
    pub(super) fn existing_path(
        &self,
        operation: &'static str,
        key: &Key,
    ) -> Result<Option<PathBuf>> {
        let path = self.path(operation, key)?;
        match self.walk_to(operation, key, &path, false) {
            Ok(Way::Clear) => Ok(Some(path)),
            Ok(Way::Missing) => Ok(None),
            // Under a file there is nothing.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks at every folder from the root down to an object and makes those that are missing, if
    /// asked to, so that they are still there after a power cut.
    fn walk_to(&self, operation: &'static str, key: &Key, path: &Path, make: bool) -> Result<Way> {
        let fail = |dir: &Path, error| self.error(operation, Some(key), dir, error);
        let mut dir = self.root.clone();
        let parents = key.as_str().split('/').count() - 1;
        for segment in key.as_str().split('/').take(parents) {
            let parent = dir.clone();
            dir.push(segment);
            match fs::symlink_metadata(&dir) {
                Ok(meta) if meta.is_dir() => {}
                Ok(meta) if meta.is_symlink() => {
                    return Err(self.link_refused(operation, key, &dir));
                }
                Ok(_) => return Err(self.blocked(operation, key, &dir)),
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(fail(&dir, e)),
                Err(_) if !make => return Ok(Way::Missing),
                Err(_) => match fs::create_dir(&dir) {
                    Ok(()) => self.sync_dir(operation, &parent)?,
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                    // A deletion has removed the folder above: the caller begins again.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Way::Missing),
                    Err(e) => return Err(fail(&dir, e)),
                },
            }
        }
        debug_assert_eq!(Some(dir.as_path()), path.parent());
        Ok(Way::Clear)
    }

    /// Gives a whole and flushed file the name of an object, in one step that lasts.
    ///
    /// Doing it again after it was done succeeds as long as `staged` is there still.
    pub(super) fn publish(
        &self,
        operation: &'static str,
        key: &Key,
        staged: &Path,
        create_only: bool,
    ) -> Result<()> {
        let path = self.path(operation, key)?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let last = attempt == ATTEMPTS;
            if self.walk_to(operation, key, &path, true)? == Way::Missing && !last {
                continue;
            }
            let named =
                if create_only { name_new(staged, &path) } else { fs::rename(staged, &path) };
            let error = match named {
                Ok(()) => break,
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::NotFound if !last && staged.exists() => {}
                io::ErrorKind::AlreadyExists
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::DirectoryNotEmpty => {
                    if is_dir(&path) {
                        // Perhaps an empty one that a crash has left.
                        if last || fs::remove_dir(&path).is_err() {
                            return Err(self.blocked(operation, key, &path));
                        }
                    } else if is_same_file(staged, &path) {
                        break;
                    } else if last || path.symlink_metadata().is_ok() {
                        return Err(self.exists(operation, key));
                    }
                }
                _ => return Err(self.error(operation, Some(key), &path, error)),
            }
        }
        if create_only {
            // Where it got a second name, the first is not needed; after a crash it is swept.
            let _ = fs::remove_file(staged);
        }
        self.sync_dir(operation, path.parent().unwrap_or(&self.root))
    }

    /// Refuses early what [`publish`](Self::publish) would refuse after all the work.
    pub(super) fn check_free(
        &self,
        operation: &'static str,
        key: &Key,
        create_only: bool,
    ) -> Result<()> {
        match self.existing_path(operation, key)? {
            Some(path) if create_only && path.symlink_metadata().is_ok_and(|m| !m.is_dir()) => {
                Err(self.exists(operation, key))
            }
            _ => Ok(()),
        }
    }

    fn exists(&self, operation: &'static str, key: &Key) -> Error {
        Error::new(ErrorKind::AlreadyExists, operation, "an object has this key already")
            .with("key", key)
            .with("storage", self.root.display())
    }

    /// Removes the folders above `path` that are empty now, and gives the first that stays.
    pub(super) fn prune_above(&self, path: &Path) -> PathBuf {
        let above = path.ancestors().skip(1).take_while(|dir| *dir != self.root);
        for dir in above {
            // Refused by the system where something is in it, even if it came this instant.
            if fs::remove_dir(dir).is_err() {
                return dir.to_owned();
            }
        }
        self.root.clone()
    }

    /// Makes the names in a folder last. A folder that is gone has none.
    pub(super) fn sync_dir(&self, operation: &'static str, dir: &Path) -> Result<()> {
        match File::open(dir).and_then(|dir| dir.sync_all()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(self.error(operation, None, dir, e))
            }
            _ => Ok(()),
        }
    }
}

/// Gives a file a name that nothing has.
fn name_new(file: &Path, name: &Path) -> io::Result<()> {
    match rename_new(file, name) {
        // A disk that knows no such rename. A second name does too, but is one step more.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            fs::hard_link(file, name)
        }
        done => done,
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_new(file: &Path, name: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, file, CWD, name, RenameFlags::NOREPLACE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_new(_file: &Path, _name: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn is_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.symlink_metadata(), other.symlink_metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}
