//! A cold class of storage, in another folder.

mod lock;
mod marker;
mod times;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::backend::{
    Archive, ArchiveCapabilities, ArchiveItem, ArchiveStatus, Key, Outcome, PutFileOptions, Quote,
    QuoteRequest, RestoreOptions, Storage, delete_one,
};
use crate::clock::{Clock, after};
use crate::error::{Error, ErrorKind, Result};
use crate::local::blocking::blocking;
use crate::local::error::io_error;
use crate::local::storage::FolderStorage;
use crate::model::StorageClass;
use crate::transfer;
use lock::Locks;
use marker::{Marker, Markers, Restore};

pub use times::{RestoreTime, RestoreTimes};

const CLASSES: [StorageClass; 2] = [StorageClass::Archive, StorageClass::DeepArchive];

/// An [`Archive`] in a folder of its own: a cheap disk, a mounted tape library, or a stand-in for
/// the cloud. Archived objects move there from their storage, and come back for a time after a
/// wait that a table states.
///
/// The folder holds `objects/<key>` and, beside them, `markers/<key>`: what each object is and
/// whether it was asked back. Bytes are deleted on one side only when the other side was read and
/// found to be the same; every step can be done again, so a crash at any instant loses nothing.
/// [`status`](Archive::status) does what time has made due: it brings back the readable copy and
/// takes it away again. Several processes may work on one folder.
#[derive(Debug)]
pub struct ColdFolder {
    hot: Arc<dyn Storage>,
    cold: FolderStorage,
    markers: Markers,
    locks: Locks,
    clock: Arc<dyn Clock>,
    times: RestoreTimes,
}

impl ColdFolder {
    /// Opens the cold folder `root` for the objects of `storage`, and makes it where there is
    /// none.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) where `storage` has no files on this machine; else
    /// as [`FolderStorage::open`].
    pub async fn open(
        storage: Arc<dyn Storage>,
        root: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
        restore_times: RestoreTimes,
    ) -> Result<Self> {
        let operation = "archive.open";
        if !storage.capabilities().local_paths {
            return Err(Error::new(
                ErrorKind::Unsupported,
                operation,
                "a cold folder archives files of this machine; this storage has none",
            ));
        }
        let root = root.as_ref();
        let cold = FolderStorage::open(root.join("objects"), Arc::clone(&clock)).await?;
        let markers = FolderStorage::open(root.join("markers"), Arc::clone(&clock)).await?;
        let locks = root.join("locks");
        let dir = locks.clone();
        blocking(operation, move |_| {
            std::fs::create_dir_all(&dir).map_err(|e| io_error(operation, &dir, e))
        })
        .await?;
        Ok(Self {
            hot: storage,
            cold,
            markers: Markers(markers),
            locks: Locks::new(locks),
            clock,
            times: restore_times,
        })
    }

    async fn archive_one(&self, key: &Key, class: StorageClass) -> Result<()> {
        let operation = "archive.archive";
        check_class(operation, class)?;
        let _held = self.locks.hold(operation, key).await?;
        let status = self.settle(key).await?;
        if let Some(marker) = self.markers.read(key).await?
            && status != ArchiveStatus::Online
        {
            // Somebody may have stored another object over the readable copy: that one is new.
            let hot = self.hot_sum(key).await?;
            if hot.is_none_or(|hot| marker.is_of(&hot)) {
                return self.change_class(key, marker, class).await;
            }
        }
        self.move_to_cold(key, class).await
    }

    async fn move_to_cold(&self, key: &Key, class: StorageClass) -> Result<()> {
        let operation = "archive.archive";
        let hot = transfer::sum(&*self.hot, key).await?;
        // A marker of what was archived under this key before must not stand for what comes.
        delete_one(&self.markers.0, key).await?;
        self.copy_file(operation, &*self.hot, &self.cold, key, false).await?;
        let cold = transfer::sum(&self.cold, key).await?;
        if cold != hot {
            delete_one(&self.cold, key).await?;
            return Err(Error::new(
                ErrorKind::Integrity,
                operation,
                "the copy in the cold folder is not what was read; the object was left where it \
                 is",
            )
            .with("key", key)
            .retry(crate::Retry::Yes));
        }
        let (size, xxh3) = cold;
        let archived_at = self.clock.now();
        let marker = Marker { class, size, xxh3, archived_at, restore: None };
        self.markers.write(key, &marker).await?;
        self.delete_hot(key).await
    }

    /// The bytes do not move: both classes lie in the same folder.
    async fn change_class(&self, key: &Key, marker: Marker, class: StorageClass) -> Result<()> {
        if marker.class == class {
            return Ok(());
        }
        if marker.class == StorageClass::DeepArchive || marker.restore.is_some() {
            return Err(Error::new(
                ErrorKind::Conflict,
                "archive.archive",
                "an object goes only into a colder class, and only while it is not asked back",
            )
            .with("key", key));
        }
        self.markers.write(key, &Marker { class, ..marker }).await
    }

    async fn restore_one(&self, key: &Key, options: RestoreOptions) -> Result<Timestamp> {
        let operation = "archive.restore";
        let _held = self.locks.hold(operation, key).await?;
        let status = self.settle(key).await?;
        let marker = self.markers.read(key).await?;
        let (
            ArchiveStatus::Archived(class)
            | ArchiveStatus::Restoring { class, .. }
            | ArchiveStatus::Restored { class, .. },
            Some(mut marker),
        ) = (status, marker)
        else {
            return Err(Error::new(
                ErrorKind::Conflict,
                operation,
                "the object is not archived; read it where it is",
            )
            .with("key", key));
        };
        let Some(wait) = self.times.wait(class, options.speed) else {
            return Err(unsupported_speed(operation).with("key", key));
        };
        let now = self.clock.now();
        let mut restore = marker.restore.unwrap_or(Restore {
            requested_at: now,
            ready_at: Timestamp::MAX,
            expires_at: Timestamp::MIN,
            verified: false,
        });
        // Asked again, it comes no later and stays no shorter.
        restore.ready_at = restore.ready_at.min(after(now, wait));
        let begins = restore.ready_at.max(now);
        restore.expires_at = restore.expires_at.max(after(begins, options.keep_for));
        let ready_at = restore.ready_at;
        marker.restore = Some(restore);
        self.markers.write(key, &marker).await?;
        if ready_at <= now {
            self.settle(key).await?;
        }
        Ok(ready_at)
    }

    /// Does what time has made due and tells what the object is at then. The lock is held.
    async fn settle(&self, key: &Key) -> Result<ArchiveStatus> {
        let Some(mut marker) = self.markers.read(key).await? else {
            return self.without_marker(key).await;
        };
        let class = marker.class;
        let now = self.clock.now();
        match &mut marker.restore {
            Some(restore) if now < restore.ready_at => {
                Ok(ArchiveStatus::Restoring { class, eta: restore.ready_at })
            }
            Some(restore) if now < restore.expires_at => {
                let expires_at = restore.expires_at;
                if !restore.verified || !self.is_hot(key).await? {
                    restore.verified = true;
                    if !self.bring_back(key, &marker).await? {
                        return Ok(ArchiveStatus::Online);
                    }
                    self.markers.write(key, &marker).await?;
                }
                Ok(ArchiveStatus::Restored { class, expires_at })
            }
            // Nobody has asked for it, or no more.
            restore => {
                let is_over = restore.take().is_some();
                if let Some(hot) = self.hot_sum(key).await? {
                    if !marker.is_of(&hot) {
                        return Ok(ArchiveStatus::Online);
                    }
                    self.delete_hot(key).await?;
                }
                if is_over {
                    self.markers.write(key, &marker).await?;
                }
                Ok(ArchiveStatus::Archived(class))
            }
        }
    }

    /// Makes the readable copy. Tells whether what is there then is the archived object: somebody
    /// may have stored another under its key.
    async fn bring_back(&self, key: &Key, marker: &Marker) -> Result<bool> {
        let operation = "archive.restore";
        let made = match self.copy_file(operation, &self.cold, &*self.hot, key, true).await {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        if marker.is_of(&transfer::sum(&*self.hot, key).await?) {
            return Ok(true);
        }
        if !made {
            return Ok(false);
        }
        self.delete_hot(key).await?;
        Err(Error::new(
            ErrorKind::Integrity,
            operation,
            "the archived copy is not what was archived: the cold folder is damaged; get the \
             object from another copy",
        )
        .with("key", key)
        .with("path", self.cold.root().join(key.as_str()).display()))
    }

    /// What can be told while somebody else works on the object.
    async fn peek(&self, key: &Key) -> Result<ArchiveStatus> {
        let Some(marker) = self.markers.read(key).await? else {
            return self.without_marker(key).await;
        };
        let class = marker.class;
        let now = self.clock.now();
        Ok(match marker.restore {
            Some(restore) if now >= restore.expires_at => ArchiveStatus::Archived(class),
            Some(restore) if restore.verified && self.is_hot(key).await? => {
                ArchiveStatus::Restored { class, expires_at: restore.expires_at }
            }
            Some(restore) => ArchiveStatus::Restoring { class, eta: restore.ready_at },
            None if self.is_hot(key).await? => ArchiveStatus::Archiving(class),
            None => ArchiveStatus::Archived(class),
        })
    }

    async fn without_marker(&self, key: &Key) -> Result<ArchiveStatus> {
        if self.is_hot(key).await? {
            return Ok(ArchiveStatus::Online);
        }
        Err(missing("archive.status", key))
    }

    async fn is_hot(&self, key: &Key) -> Result<bool> {
        found(self.hot.stat(key).await).map(|stat| stat.is_some())
    }

    async fn hot_sum(&self, key: &Key) -> Result<Option<(u64, String)>> {
        found(transfer::sum(&*self.hot, key).await)
    }

    async fn delete_hot(&self, key: &Key) -> Result<()> {
        delete_one(&*self.hot, key).await
    }

    async fn copy_file(
        &self,
        operation: &'static str,
        from: &dyn Storage,
        to: &dyn Storage,
        key: &Key,
        create_only: bool,
    ) -> Result<()> {
        let path = from.local_path(key).ok_or_else(|| missing(operation, key))?;
        to.put_file(key, &path, PutFileOptions { create_only, ..PutFileOptions::default() })
            .await?;
        Ok(())
    }
}

#[async_trait]
impl Archive for ColdFolder {
    fn capabilities(&self) -> ArchiveCapabilities {
        let time = |class, speed| Some((class, speed, self.times.wait(class, speed)?));
        ArchiveCapabilities {
            classes: CLASSES.to_vec(),
            restore_times: self.times.0.iter().filter_map(|t| time(t.class, t.speed)).collect(),
        }
    }

    async fn archive(&self, keys: &[Key], class: StorageClass) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            outcomes.push(outcome(key, self.archive_one(key, class).await));
        }
        Ok(outcomes)
    }

    async fn quote(&self, items: &[ArchiveItem], request: QuoteRequest) -> Result<Quote> {
        let operation = "archive.quote";
        let wait = match request {
            QuoteRequest::Archive(class) => {
                check_class(operation, class)?;
                Duration::ZERO
            }
            QuoteRequest::Restore(class, speed) => {
                check_class(operation, class)?;
                self.times.wait(class, speed).ok_or_else(|| unsupported_speed(operation))?
            }
        };
        Ok(Quote::of(items, wait))
    }

    async fn restore(
        &self,
        keys: &[Key],
        options: RestoreOptions,
    ) -> Result<Vec<Outcome<Timestamp>>> {
        if options.keep_for.is_zero() {
            return Err(Error::invalid(
                "archive.restore",
                "keep_for must be more than nothing, or the copy is gone before it can be read",
            ));
        }
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            outcomes.push(outcome(key, self.restore_one(key, options).await));
        }
        Ok(outcomes)
    }

    async fn status(&self, key: &Key) -> Result<ArchiveStatus> {
        match self.locks.try_hold("archive.status", key).await? {
            Some(_held) => self.settle(key).await,
            None => self.peek(key).await,
        }
    }

    async fn forget(&self, key: &Key) -> Result<()> {
        let _held = self.locks.hold("archive.forget", key).await?;
        // The marker first: where there is one the bytes are there.
        delete_one(&self.markers.0, key).await?;
        delete_one(&self.cold, key).await
    }
}

fn outcome<T>(key: &Key, result: Result<T>) -> Outcome<T> {
    Outcome { item: key.to_string(), result: result.map_err(|error| error.to_info()) }
}

fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

fn check_class(operation: &'static str, class: StorageClass) -> Result<()> {
    if CLASSES.contains(&class) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        operation,
        "a cold folder has the classes archive and deep_archive",
    ))
}

fn unsupported_speed(operation: &'static str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        operation,
        "objects of this class cannot be restored at this speed; choose a slower one",
    )
}

fn missing(operation: &'static str, key: &Key) -> Error {
    Error::new(ErrorKind::NotFound, operation, "neither the storage nor the archive has this key")
        .with("key", key)
}
