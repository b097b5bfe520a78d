//! Archiving into a Glacier vault, for those who have one: the service takes no new customers since
//! 2025-12-15.
//!
//! A vault is no storage class: an object is copied into it, gets a name of the vault's there, and
//! comes back as the output of a job that takes hours. So that a key stays the object's name, a small
//! marker `KEY.vault.json` stands for it while it is away. It is written once the vault has
//! confirmed the tree hash of all bytes, and only then the object itself is deleted. Asked back, the
//! object is ordered by a job; the first [`status`](Archive::status) after the job has ended copies it
//! back under its key, proved by its tree hash, and the first one after its time is over deletes that
//! copy again.
//!
//! See `docs/decisions/0017-glacier-vaults.md`.

mod marker;
mod tree_hash;
mod vault;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use emam_core::backend::{
    Archive, ArchiveCapabilities, ArchiveItem, ArchiveStatus, Key, Outcome, Quote, QuoteRequest,
    RestoreOptions, RestoreSpeed, Storage, delete_one,
};
use emam_core::clock::Clock;
use emam_core::model::StorageClass;
use emam_core::{Error, ErrorKind, Result};
use jiff::{SignedDuration, Timestamp};

use marker::{Marker, Markers, Restore};
use vault::{JobState, Vault, tree_hash_of};

/// The class a vault stands for.
const CLASS: StorageClass = StorageClass::Archive;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Which vault, and how long it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultOptions {
    /// The account's number; `-` for that of the credentials.
    pub account: String,
    /// The vault's name.
    pub vault: String,
    /// How long a restore takes at most, by speed.
    pub waits: Vec<(RestoreSpeed, Duration)>,
}

impl VaultOptions {
    /// A vault of the credentials' own account, with the times the service names: 1 to 5 minutes, 3
    /// to 5 hours, 5 to 12 hours (Amazon S3 Glacier Developer Guide, "Archive Retrieval Options").
    pub fn of(vault: impl Into<String>) -> Self {
        let waits = vec![
            (RestoreSpeed::Expedited, 5 * MINUTE),
            (RestoreSpeed::Standard, 5 * HOUR),
            (RestoreSpeed::Bulk, 12 * HOUR),
        ];
        Self { account: "-".into(), vault: vault.into(), waits }
    }

    fn wait(&self, speed: RestoreSpeed) -> Option<Duration> {
        self.waits.iter().find(|(of, _)| *of == speed).map(|(_, wait)| *wait)
    }
}

/// An archive in a Glacier vault. Several processes may use one vault as long as each object is
/// archived and restored by one of them at a time, as runs see to.
pub struct VaultArchive {
    vault: Vault,
    options: VaultOptions,
    storage: Arc<dyn Storage>,
    markers: Markers,
    clock: Arc<dyn Clock>,
    locks: Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>,
}

impl fmt::Debug for VaultArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds credentials.
        f.debug_struct("VaultArchive")
            .field("options", &self.options)
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}

impl VaultArchive {
    /// Archives objects of `storage` and puts readable copies back there. `markers` may be the same
    /// storage; then `KEY.vault.json` lies beside `KEY`. Asks no service.
    pub fn new(
        client: aws_sdk_glacier::Client,
        options: VaultOptions,
        storage: Arc<dyn Storage>,
        markers: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (account, name) = (options.account.clone(), options.vault.clone());
        let vault = Vault { client, account, name };
        let locks = Mutex::default();
        Self { vault, options, storage, markers: Markers(markers), clock, locks }
    }

    /// The lock of a key within this process.
    fn lock(&self, key: &Key) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(key.clone(), Arc::downgrade(&lock));
        lock
    }

    async fn archive_one(&self, key: &Key, class: StorageClass) -> Result<()> {
        const OPERATION: &str = "archive.archive";
        check_class(OPERATION, class)?;
        let lock = self.lock(key);
        let _held = lock.lock().await;
        let status = self.settle(key).await?;
        if status != ArchiveStatus::Online {
            return Ok(());
        }
        let before = self.markers.read(key).await?;
        let taken = self.vault.take(OPERATION, &*self.storage, key).await?;
        let marker = Marker {
            archive_id: taken.archive_id,
            size: taken.size,
            md5: taken.md5,
            tree_hash: taken.tree_hash,
            archived_at: self.clock.now(),
            restore: None,
        };
        let written = self.markers.write(key, &marker, before.is_none()).await;
        if let Err(error) = written {
            // Another process was faster, or nobody will know of this archive.
            self.vault.forget(OPERATION, &marker.archive_id).await?;
            return Err(error);
        }
        if let Some(before) = before {
            // What was archived under this key before has been replaced by what is archived now.
            self.vault.forget(OPERATION, &before.archive_id).await?;
        }
        if self.is_same(key, &marker, false).await? == Some(true) {
            delete_one(&*self.storage, key).await?;
        }
        Ok(())
    }

    async fn restore_one(&self, key: &Key, options: RestoreOptions) -> Result<Timestamp> {
        const OPERATION: &str = "archive.restore";
        let lock = self.lock(key);
        let _held = lock.lock().await;
        let status = self.settle(key).await?;
        let marker = self.markers.read(key).await?;
        let (Some(mut marker), true) = (marker, status != ArchiveStatus::Online) else {
            let message = "the object is not archived; read it where it is";
            return Err(Error::new(ErrorKind::Conflict, OPERATION, message).with("key", key));
        };
        let Some(wait) = self.options.wait(options.speed) else {
            return Err(unsupported_speed(OPERATION).with("key", key));
        };
        let now = self.clock.now();
        let order = async || -> Result<Restore> {
            Ok(Restore {
                job_id: self.vault.order(OPERATION, &marker.archive_id, options.speed).await?,
                asked_at: now,
                ready_at: later(now, wait),
                expires_at: Timestamp::MIN,
                copied: false,
            })
        };
        let mut restore = match marker.restore.take() {
            None => order().await?,
            // Asked again for sooner: another job, as the one under way cannot be sped up.
            Some(old) if !old.copied && later(now, wait) < old.ready_at => {
                Restore { expires_at: old.expires_at, ..order().await? }
            }
            Some(old) => old,
        };
        // Asked again, it stays no shorter.
        let begins = restore.ready_at.max(now);
        restore.expires_at = restore.expires_at.max(later(begins, options.keep_for));
        let ready_at = restore.ready_at;
        marker.restore = Some(restore);
        self.markers.write(key, &marker, false).await?;
        Ok(ready_at)
    }

    /// Does what time and the vault have made due, and tells what the object is at then. The lock is
    /// held.
    async fn settle(&self, key: &Key) -> Result<ArchiveStatus> {
        const OPERATION: &str = "archive.status";
        let Some(mut marker) = self.markers.read(key).await? else {
            self.storage.stat(key).await?;
            return Ok(ArchiveStatus::Online);
        };
        let now = self.clock.now();
        let is_out = |restore: &Restore| restore.copied && now < restore.expires_at;
        let trusted = marker.restore.as_ref().is_some_and(is_out);
        // Somebody may have stored another object under the key: that one is what counts.
        let same = self.is_same(key, &marker, trusted).await?;
        if same == Some(false) {
            return Ok(ArchiveStatus::Online);
        }
        let Some(mut restore) = marker.restore.take() else {
            if same == Some(true) {
                // The process died before it deleted what it had archived.
                delete_one(&*self.storage, key).await?;
            }
            return Ok(ArchiveStatus::Archived(CLASS));
        };
        if !restore.copied {
            match self.vault.job(OPERATION, &restore.job_id).await? {
                JobState::Running => {
                    let eta = restore.ready_at.max(now);
                    return Ok(ArchiveStatus::Restoring { class: CLASS, eta });
                }
                JobState::Done(took) => restore.was_late(took),
                JobState::Failed(said) => {
                    self.markers.write(key, &marker, false).await?;
                    let message = "the vault has not brought the object; ask for it again";
                    return Err(Error::new(ErrorKind::Unavailable, OPERATION, message)
                        .with("key", key)
                        .with("said", said));
                }
                JobState::Gone => {
                    self.markers.write(key, &marker, false).await?;
                    return Ok(ArchiveStatus::Archived(CLASS));
                }
            }
        }
        let expires_at = restore.expires_at;
        if now >= expires_at {
            if same == Some(true) {
                delete_one(&*self.storage, key).await?;
            }
            self.markers.write(key, &marker, false).await?;
            return Ok(ArchiveStatus::Archived(CLASS));
        }
        if same.is_none() {
            let whole = (marker.size, marker.tree_hash.as_str());
            self.vault.bring(OPERATION, &restore.job_id, &*self.storage, key, whole).await?;
        }
        if !restore.copied {
            restore.copied = true;
            marker.restore = Some(restore);
            self.markers.write(key, &marker, false).await?;
        }
        Ok(ArchiveStatus::Restored { class: CLASS, expires_at })
    }

    /// Whether what lies under the key is what the marker stands for; nothing where nothing lies
    /// there. All of it is read where the storage does not tell its MD5, except where it is
    /// `trusted` to be the copy that was made.
    async fn is_same(&self, key: &Key, marker: &Marker, trusted: bool) -> Result<Option<bool>> {
        let stat = match self.storage.stat(key).await {
            Ok(stat) => stat,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(match stat.md5 {
            _ if stat.size != marker.size => false,
            Some(md5) => md5.eq_ignore_ascii_case(&marker.md5),
            None if trusted => true,
            None => tree_hash_of(&*self.storage, key).await? == marker.tree_hash,
        }))
    }

    /// What can be told while another task works on the object.
    async fn peek(&self, key: &Key) -> Result<ArchiveStatus> {
        let Some(marker) = self.markers.read(key).await? else {
            self.storage.stat(key).await?;
            return Ok(ArchiveStatus::Archiving(CLASS));
        };
        Ok(match marker.restore {
            None => ArchiveStatus::Archived(CLASS),
            Some(restore) if restore.copied => {
                ArchiveStatus::Restored { class: CLASS, expires_at: restore.expires_at }
            }
            Some(restore) => {
                let eta = restore.ready_at.max(self.clock.now());
                ArchiveStatus::Restoring { class: CLASS, eta }
            }
        })
    }
}

impl Restore {
    /// Counts the time a readable copy stays from when it could be made: the job took longer than
    /// was said. Both times are the service's, so its clock need not be ours.
    fn was_late(&mut self, took: Option<SignedDuration>) {
        let Some(really) = took.and_then(|took| self.asked_at.checked_add(took).ok()) else {
            return;
        };
        if really > self.ready_at {
            let late = really.duration_since(self.ready_at);
            self.ready_at = really;
            self.expires_at = self.expires_at.checked_add(late).unwrap_or(Timestamp::MAX);
        }
    }
}

#[async_trait]
impl Archive for VaultArchive {
    fn capabilities(&self) -> ArchiveCapabilities {
        let times = self.options.waits.iter().map(|(speed, wait)| (CLASS, *speed, *wait));
        ArchiveCapabilities { classes: vec![CLASS], restore_times: times.collect() }
    }

    async fn archive(&self, keys: &[Key], class: StorageClass) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            let result = self.archive_one(key, class).await.map_err(|error| error.to_info());
            outcomes.push(Outcome { item: key.to_string(), result });
        }
        Ok(outcomes)
    }

    async fn quote(&self, items: &[ArchiveItem], request: QuoteRequest) -> Result<Quote> {
        const OPERATION: &str = "archive.quote";
        let wait = match request {
            QuoteRequest::Archive(class) => {
                check_class(OPERATION, class).map(|()| Duration::ZERO)?
            }
            QuoteRequest::Restore(class, speed) => {
                check_class(OPERATION, class)?;
                self.options.wait(speed).ok_or_else(|| unsupported_speed(OPERATION))?
            }
        };
        Ok(Quote::of(items, wait))
    }

    async fn restore(
        &self,
        keys: &[Key],
        options: RestoreOptions,
    ) -> Result<Vec<Outcome<Timestamp>>> {
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            let result = self.restore_one(key, options).await.map_err(|error| error.to_info());
            outcomes.push(Outcome { item: key.to_string(), result });
        }
        Ok(outcomes)
    }

    async fn status(&self, key: &Key) -> Result<ArchiveStatus> {
        let lock = self.lock(key);
        match lock.try_lock() {
            Ok(_held) => self.settle(key).await,
            Err(_) => self.peek(key).await,
        }
    }

    async fn forget(&self, key: &Key) -> Result<()> {
        const OPERATION: &str = "archive.forget";
        let lock = self.lock(key);
        let _held = lock.lock().await;
        let Some(marker) = self.markers.read(key).await? else { return Ok(()) };
        // The marker last: as long as it is there, forgetting can be tried again.
        self.vault.forget(OPERATION, &marker.archive_id).await?;
        if marker.restore.is_some() && self.is_same(key, &marker, false).await? == Some(true) {
            delete_one(&*self.storage, key).await?;
        }
        self.markers.delete(key).await
    }
}

fn check_class(operation: &'static str, class: StorageClass) -> Result<()> {
    if class == CLASS {
        return Ok(());
    }
    let message = "a vault has one class, archive; use the S3 storage classes for others";
    Err(Error::new(ErrorKind::Unsupported, operation, message).with("class", format!("{class:?}")))
}

fn unsupported_speed(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation, "nothing is restored from a vault at this speed")
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
