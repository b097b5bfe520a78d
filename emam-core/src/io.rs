//! What the operating system says, in the words of the library.

use std::io;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// Makes an [`Error`] of what went wrong with `path`.
pub fn io_error(operation: &'static str, path: &Path, error: io::Error) -> Error {
    let (kind, message) = classify(&error);
    Error::new(kind, operation, message).with("path", path.display()).caused_by(error)
}

fn classify(error: &io::Error) -> (ErrorKind, &'static str) {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => (ErrorKind::NotFound, "there is no such file or folder"),
        Io::PermissionDenied => (
            ErrorKind::PermissionDenied,
            "this process may not use the file or folder; check its owner and mode",
        ),
        Io::ReadOnlyFilesystem => {
            (ErrorKind::PermissionDenied, "the disk is mounted read-only; nothing can be written")
        }
        Io::AlreadyExists => (ErrorKind::AlreadyExists, "the file or folder exists already"),
        Io::StorageFull => (ErrorKind::Unavailable, "the disk is full; free some space"),
        Io::QuotaExceeded => {
            (ErrorKind::Unavailable, "the disk quota is used up; free some space or raise it")
        }
        Io::IsADirectory => (ErrorKind::InvalidInput, "this is a folder where a file is needed"),
        Io::NotADirectory => (ErrorKind::InvalidInput, "part of this path is no folder"),
        Io::InvalidFilename => {
            (ErrorKind::InvalidInput, "the disk takes no name or path of this length or form")
        }
        Io::FileTooLarge => {
            (ErrorKind::InvalidInput, "the file is larger than this disk or process allows")
        }
        _ if is_link_loop(error) => {
            (ErrorKind::InvalidInput, "the symbolic links of this path lead in a circle")
        }
        _ if is_out_of_handles(error) => (
            ErrorKind::Unavailable,
            "too many files are open; raise the limit (ulimit -n) or do less at once",
        ),
        _ => (ErrorKind::Unavailable, "the disk or the operating system has failed"),
    }
}

/// Whether this is `ELOOP`, which the standard library has no stable name for.
pub(crate) fn is_link_loop(error: &io::Error) -> bool {
    const ELOOP: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 40 } else { 62 };
    cfg!(unix) && error.raw_os_error() == Some(ELOOP)
}

/// Whether this is `ENFILE` or `EMFILE`, the same numbers on every Unix.
fn is_out_of_handles(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn kind_of(error: io::Error) -> ErrorKind {
        io_error("t.t", Path::new("/a"), error).kind()
    }

    #[test]
    fn real_failures_get_their_kinds_and_name_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let error = io_error("t.t", &missing, std::fs::read(&missing).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.get("path"), Some(missing.to_string_lossy().as_ref()));

        let circle = dir.path().join("circle");
        std::os::unix::fs::symlink(&circle, &circle).unwrap();
        let error = io_error("t.t", &circle, std::fs::read(&circle).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("circle"), "{error}");

        let long = dir.path().join("n".repeat(256));
        assert_eq!(kind_of(std::fs::write(long, "").unwrap_err()), ErrorKind::InvalidInput);
        assert_eq!(kind_of(std::fs::read(dir.path()).unwrap_err()), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_full_disk_and_a_lack_of_handles_are_worth_another_try() {
        for (code, word) in [(28, "full"), (24, "open")] {
            let error = io_error("t.t", Path::new("/a"), io::Error::from_raw_os_error(code));
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.is_retryable());
            assert!(error.message().contains(word), "{error}");
        }
    }
}
