//! Uploads on disk: a folder each, with `record.json`, `lock` and `file/NAME`.
//!
//! A record is replaced whole (written beside, synced, renamed), so that it is always one that was
//! true. Whoever writes to an upload holds the lock of its folder, also against other processes.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::record::Record;
use crate::error::{Error, ErrorKind, Result};
use crate::io::io_error;

const OPERATION: &str = "uploads";
/// How the folder of an upload that is being made begins.
const NEW: &str = ".new-";

/// The folder of all uploads.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

/// Held by whoever writes to an upload.
#[derive(Debug)]
pub(super) struct Held {
    _lock: File,
}

impl Store {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn of(&self, id: Uuid) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// Where the bytes of an upload are.
    pub(super) fn file(&self, record: &Record) -> PathBuf {
        self.of(record.id).join("file").join(&record.file_name)
    }

    /// Does work on the disk away from the threads that serve.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || work(&store)).await.map_err(|cause| {
            Error::new(ErrorKind::Unexpected, OPERATION, "work on the disk broke off")
                .caused_by(cause)
        })?
    }

    /// Makes the folder of an upload, with an empty file in it.
    pub(super) fn create(&self, record: &Record) -> Result<()> {
        let folder = self.folder.join(format!("{NEW}{}", record.id));
        let files = folder.join("file");
        fs::create_dir_all(&files).map_err(|cause| io_error(OPERATION, &files, cause))?;
        for path in [files.join(&record.file_name), folder.join("lock")] {
            File::create_new(&path).map_err(|cause| io_error(OPERATION, &path, cause))?;
        }
        write_record(&folder, record)?;
        sync(&files)?;
        let finished = self.of(record.id);
        fs::rename(&folder, &finished).map_err(|cause| io_error(OPERATION, &finished, cause))?;
        sync(&self.folder)
    }

    pub(super) fn read(&self, id: Uuid) -> Result<Record> {
        let path = self.of(id).join("record.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Err(unknown(id)),
            Err(cause) => return Err(io_error(OPERATION, &path, cause)),
        };
        serde_json::from_slice(&text).map_err(|cause| {
            Error::new(ErrorKind::Integrity, OPERATION, "the record of the upload is damaged")
                .with("path", path.display())
                .caused_by(cause)
        })
    }

    pub(super) fn save(&self, record: &Record) -> Result<()> {
        write_record(&self.of(record.id), record)
    }

    /// Takes the lock of an upload; nothing where somebody else has it.
    pub(super) fn hold(&self, id: Uuid) -> Result<Option<Held>> {
        let path = self.of(id).join("lock");
        let lock = match File::options().write(true).open(&path) {
            Ok(lock) => lock,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Err(unknown(id)),
            Err(cause) => return Err(io_error(OPERATION, &path, cause)),
        };
        match lock.try_lock() {
            Ok(()) => Ok(Some(Held { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(io_error(OPERATION, &path, cause)),
        }
    }

    /// Takes the bytes away and keeps the record, so that what became of it can be told.
    pub(super) fn clear(&self, record: &mut Record) -> Result<()> {
        let files = self.of(record.id).join("file");
        gone(fs::remove_dir_all(&files), &files)?;
        record.cleared = true;
        self.save(record)
    }

    /// Takes all of it away.
    pub(super) fn remove(&self, id: Uuid) -> Result<()> {
        let folder = self.of(id);
        gone(fs::remove_dir_all(&folder), &folder)
    }

    /// Every upload there is.
    pub(super) fn list(&self) -> Result<Vec<Uuid>> {
        Ok(self.names()?.iter().filter_map(|name| Uuid::try_parse(name).ok()).collect())
    }

    /// Takes away what was being made when its process died, before `than`.
    pub(super) fn remove_unmade(&self, than: Timestamp) -> Result<()> {
        for name in self.names()?.iter().filter(|name| name.starts_with(NEW)) {
            let path = self.folder.join(name);
            let made = fs::metadata(&path).and_then(|about| about.modified());
            if made.ok().and_then(|made| Timestamp::try_from(made).ok()).is_some_and(|at| at < than)
            {
                gone(fs::remove_dir_all(&path), &path)?;
            }
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>> {
        let failed = |cause| io_error(OPERATION, &self.folder, cause);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let entries = fs::read_dir(&self.folder).map_err(failed)?;
        Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }
}

fn unknown(id: Uuid) -> Error {
    Error::new(ErrorKind::NotFound, OPERATION, "there is no such upload").with("id", id)
}

fn write_record(folder: &Path, record: &Record) -> Result<()> {
    let (path, beside) = (folder.join("record.json"), folder.join("record.new"));
    let text = serde_json::to_vec(record).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, OPERATION, "the record has no JSON").caused_by(cause)
    })?;
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    write().map_err(|cause| io_error(OPERATION, &path, cause))?;
    sync(folder)
}

/// Makes names in a folder survive a loss of power.
fn sync(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|cause| io_error(OPERATION, folder, cause))
}

fn gone(removed: std::io::Result<()>, path: &Path) -> Result<()> {
    match removed {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(io_error(OPERATION, path, cause))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::workflow::IngestOptions;

    fn record() -> Record {
        Record {
            id: SystemClock.new_uuid(),
            file_name: "a b.mov".to_owned(),
            metadata: String::new(),
            options: IngestOptions::default(),
            length: 10,
            offset: 0,
            touched_at: SystemClock.now(),
            expire_after_ms: 1_000,
            run: None,
            asset: None,
            cleared: false,
        }
    }

    #[test]
    fn an_upload_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("uploads"));
        assert!(store.list().unwrap().is_empty());
        let mut record = record();
        assert_eq!(store.read(record.id).unwrap_err().kind(), ErrorKind::NotFound);
        store.create(&record).unwrap();
        assert_eq!(store.read(record.id).unwrap(), record);
        record.offset = 4;
        store.save(&record).unwrap();
        assert_eq!(store.list().unwrap(), [record.id]);
        assert_eq!(store.read(record.id).unwrap().offset, 4);
        store.clear(&mut record).unwrap();
        assert!(!store.file(&record).exists() && store.read(record.id).unwrap().cleared);
        store.remove(record.id).unwrap();
        store.remove(record.id).unwrap();
        assert!(store.list().unwrap().is_empty());
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        let record = record();
        store.create(&record).unwrap();
        let held = store.hold(record.id).unwrap();
        assert!(held.is_some() && store.hold(record.id).unwrap().is_none());
        drop(held);
        assert!(store.hold(record.id).unwrap().is_some());
    }

    #[test]
    fn only_what_is_ours_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        for name in ["precious", ".new-1"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let now = SystemClock.now();
        store.remove_unmade(crate::clock::after(now, std::time::Duration::from_secs(60))).unwrap();
        assert_eq!(store.names().unwrap(), ["precious"]);
    }
}
