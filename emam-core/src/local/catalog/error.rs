//! From what SQLite says to what a caller can do about it.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};

/// Why a transaction cannot be done: SQLite failed, or we refuse.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Refused(Error),
}

/// The result of work inside a transaction.
pub(super) type Sql<T> = std::result::Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Sqlite(cause)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Fault {
    /// The error of `operation` on the catalog file at `path`.
    pub(super) fn into_error(self, operation: &'static str, path: &Path) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Sqlite(cause) => {
                let (kind, message) = classify(&cause);
                Error::new(kind, operation, message).with("path", path.display()).caused_by(cause)
            }
        }
    }

    /// Whether a rule of this table or index was broken, as SQLite names it: `asset.id`.
    pub(super) fn breaks_unique(&self, rule: &str) -> bool {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(cause, Some(message))) => {
                cause.code == ErrorCode::ConstraintViolation && message.contains(rule)
            }
            _ => false,
        }
    }
}

fn classify(cause: &rusqlite::Error) -> (ErrorKind, &'static str) {
    match cause.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Unavailable,
            "another process kept the catalog busy for too long; try again",
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            (ErrorKind::Integrity, DAMAGED)
        }
        Some(ErrorCode::DiskFull) => {
            (ErrorKind::Unavailable, "the disk that holds the catalog is full; free some space")
        }
        Some(ErrorCode::SystemIoFailure) => {
            (ErrorKind::Unavailable, "the disk that holds the catalog failed to read or write")
        }
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::Unavailable,
            "the catalog file cannot be opened; check that it is a file you may read and write",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            ErrorKind::PermissionDenied,
            "the catalog file cannot be written; check its permissions and those of its folder",
        ),
        _ => (ErrorKind::Unexpected, "the catalog failed in a way it should not"),
    }
}

/// What is said of a file that is not what it was written as.
pub(super) const DAMAGED: &str = "the catalog file is damaged; restore a backup of it";
