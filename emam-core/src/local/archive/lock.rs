//! One worker at a time on an object, whatever process it is in.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use xxhash_rust::xxh3::xxh3_64;

use crate::backend::Key;
use crate::error::Result;
use crate::local::blocking::blocking;
use crate::local::error::io_error;

/// Keys share this many locks. Bounds the threads that wait for other processes.
const LOCKS: u64 = 64;

/// The locks of a cold folder: files that are locked, never written and never removed. The system
/// lets go of the locks of a process that dies.
#[derive(Debug)]
pub(super) struct Locks {
    dir: PathBuf,
    // Waiting for each other within the process takes no thread this way.
    gates: Vec<Arc<Mutex<()>>>,
}

/// The right to work on an object, until dropped.
#[derive(Debug)]
pub(super) struct Held {
    _gate: OwnedMutexGuard<()>,
    _file: File,
}

impl Locks {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, gates: (0..LOCKS).map(|_| Arc::default()).collect() }
    }

    fn of(&self, key: &Key) -> (Arc<Mutex<()>>, PathBuf) {
        let index = xxh3_64(key.as_str().as_bytes()) % LOCKS;
        (Arc::clone(&self.gates[index as usize]), self.dir.join(format!("{index:02x}")))
    }

    /// Waits for the right to work on `key`.
    pub(super) async fn hold(&self, operation: &'static str, key: &Key) -> Result<Held> {
        let (gate, path) = self.of(key);
        let gate = gate.lock_owned().await;
        let file = blocking(operation, move |_| {
            let file = open(operation, &path)?;
            file.lock().map_err(|e| io_error(operation, &path, e))?;
            Ok(file)
        })
        .await?;
        Ok(Held { _gate: gate, _file: file })
    }

    /// Takes the right to work on `key` if nobody has it.
    pub(super) async fn try_hold(
        &self,
        operation: &'static str,
        key: &Key,
    ) -> Result<Option<Held>> {
        let (gate, path) = self.of(key);
        let Ok(gate) = gate.try_lock_owned() else { return Ok(None) };
        let file = blocking(operation, move |_| {
            let file = open(operation, &path)?;
            match file.try_lock() {
                Ok(()) => Ok(Some(file)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(e)) => Err(io_error(operation, &path, e)),
            }
        })
        .await?;
        Ok(file.map(|file| Held { _gate: gate, _file: file }))
    }
}

fn open(operation: &'static str, path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|e| io_error(operation, path, e))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn two_holders_exclude_each_other_in_one_process_and_in_two() {
        let dir = tempfile::tempdir().unwrap();
        let key: Key = "a/b".parse().unwrap();
        let ours = Locks::new(dir.path().to_owned());
        // Shares nothing with ours but the folder, as another process would.
        let theirs = Locks::new(dir.path().to_owned());
        let held = ours.hold("t.t", &key).await.unwrap();
        for locks in [&ours, &theirs] {
            assert!(locks.try_hold("t.t", &key).await.unwrap().is_none());
            let soon = Duration::from_millis(50);
            tokio::time::timeout(soon, locks.hold("t.t", &key)).await.expect_err("it is held");
        }
        drop(held);
        for locks in [&theirs, &ours] {
            let soon = Duration::from_secs(10);
            let held = tokio::time::timeout(soon, locks.hold("t.t", &key)).await;
            held.expect("it is free").unwrap();
        }
    }
}
