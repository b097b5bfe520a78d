//! What comes in: looking at files and folders before anything is registered.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorInfo, ErrorKind, Result};
use crate::library::RunHandle;
use crate::model::Asset;

/// What came of ingesting many files at once.
#[derive(Debug)]
pub struct Intake {
    /// A run for each file taken, in the order of the files.
    pub runs: Vec<RunHandle<Asset>>,
    /// The files that were not taken, and why.
    pub refused: Vec<Refused>,
}

/// A file that was not taken.
#[derive(
    Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Refused {
    /// Its path.
    pub path: String,
    /// Why.
    pub error: ErrorInfo,
}

/// A file that can be ingested.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) file_name: String,
    pub(super) size: u64,
}

/// Looks whether a file can be ingested.
pub(super) fn look(path: &Path) -> Result<Candidate> {
    let operation = "assets.ingest";
    let named = |error: Error| error.with("path", path.display());
    let absolute =
        std::path::absolute(path).map_err(|cause| named(unreadable(operation, cause)))?;
    let metadata =
        std::fs::metadata(&absolute).map_err(|cause| named(unreadable(operation, cause)))?;
    if metadata.is_dir() {
        return Err(named(Error::invalid(
            operation,
            "this is a folder; ingest_all takes folders with all that is in them",
        )));
    }
    if !metadata.is_file() {
        return Err(named(Error::invalid(operation, "this is no regular file")));
    }
    if metadata.len() == 0 {
        return Err(named(Error::new(
            ErrorKind::InvalidMedia,
            operation,
            "the file is empty; if it is still being written, ingest it when it is at rest",
        )));
    }
    // Opened now, so that a file that may not be read is refused before it is registered.
    std::fs::File::open(&absolute).map_err(|cause| named(unreadable(operation, cause)))?;
    let file_name = absolute.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Candidate {
        file_name: file_name.unwrap_or_else(|| "original".to_owned()),
        path: absolute,
        size: metadata.len(),
    })
}

/// Lists the files under the given paths: a file is itself, a folder all files in it and in the
/// folders in it. Each file comes once, by name; hidden ones are passed over. Links to folders are
/// followed, each folder is entered once, so that links in a circle end.
pub(super) fn walk(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Refused>) {
    let mut walk = Walk::default();
    for path in paths {
        walk.enter(path);
    }
    (walk.files, walk.refused)
}

#[derive(Default)]
struct Walk {
    files: Vec<PathBuf>,
    refused: Vec<Refused>,
    entered: HashSet<PathBuf>,
}

impl Walk {
    fn enter(&mut self, path: &Path) {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                if let Err(cause) = self.folder(path) {
                    self.refuse(path, cause);
                }
            }
            Ok(_) => self.files.push(path.to_owned()),
            Err(cause) => self.refuse(path, cause),
        }
    }

    fn folder(&mut self, path: &Path) -> io::Result<()> {
        if !self.entered.insert(std::fs::canonicalize(path)?) {
            return Ok(());
        }
        let mut entries: Vec<_> =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        entries.sort();
        for entry in entries {
            let hidden =
                entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden {
                self.enter(&entry);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, path: &Path, cause: io::Error) {
        let error = unreadable("assets.ingest_all", cause).with("path", path.display());
        self.refused
            .push(Refused { path: path.to_string_lossy().into_owned(), error: error.to_info() });
    }
}

fn unreadable(operation: &'static str, cause: io::Error) -> Error {
    // `io::ErrorKind::FilesystemLoop` is not stable yet.
    let is_loop = cfg!(unix) && cause.raw_os_error() == Some(40);
    let (kind, message) = match cause.kind() {
        _ if is_loop => (ErrorKind::InvalidInput, "the path is a link that leads to itself"),
        io::ErrorKind::NotFound => (ErrorKind::NotFound, "there is no such file"),
        io::ErrorKind::PermissionDenied => {
            (ErrorKind::PermissionDenied, "the file may not be read; change its permissions")
        }
        _ => (ErrorKind::Unavailable, "the file cannot be read"),
    };
    Error::new(kind, operation, message).caused_by(cause)
}
