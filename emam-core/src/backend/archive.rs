//! Bytes that are cheap to keep and slow to read.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::{Key, Outcome};
use crate::error::Result;
use crate::model::StorageClass;

/// Moves objects of one storage into a colder class and back for a time. The key stays; what
/// changes is whether the bytes can be read.
///
/// # Contract
/// - `archive_then_status`: an archived object is `Archived` in the class asked for, or `Archiving`
///   on its way there.
/// - `archive_is_idempotent`: archiving what is archived in that class succeeds.
/// - `archive_missing`: a key that is not there is [`NotFound`](crate::ErrorKind::NotFound) in its
///   outcome; the other keys of the batch are not held up.
/// - `archived_bytes_are_not_read`: the storage does not give the bytes of an archived object.
/// - `restore_takes_its_time`: after `restore` the object is `Restoring` with the time it will be
///   readable, or `Restored` where that has come.
/// - `restored_bytes_are_the_same`: a restored object reads as it did before.
/// - `restore_is_idempotent`: asking again while it is under way or done succeeds.
/// - `restore_expires`: a restored object is `Archived` again once its time is over.
/// - `restore_of_online`: restoring what is not archived is
///   [`Conflict`](crate::ErrorKind::Conflict) in its outcome.
/// - `forget_is_final`: a forgotten object cannot be restored; forgetting it again succeeds.
/// - `quote_changes_nothing`: a quote answers with bytes and time and moves nothing.
#[async_trait]
pub trait Archive: Debug + Send + Sync + 'static {
    /// What this archive can do. Constant.
    fn capabilities(&self) -> ArchiveCapabilities;

    /// Puts each object into `class`, answering for each.
    async fn archive(&self, keys: &[Key], class: StorageClass) -> Result<Vec<Outcome>>;

    /// Says what `request` would take, without doing it.
    async fn quote(&self, items: &[ArchiveItem], request: QuoteRequest) -> Result<Quote>;

    /// Asks for each object back, answering with the time it will be readable.
    async fn restore(
        &self,
        keys: &[Key],
        options: RestoreOptions,
    ) -> Result<Vec<Outcome<Timestamp>>>;

    /// Tells what one object is at.
    async fn status(&self, key: &Key) -> Result<ArchiveStatus>;

    /// Deletes the archive's own copy of an object for good. One it does not have is fine.
    async fn forget(&self, key: &Key) -> Result<()>;
}

/// What an archive can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveCapabilities {
    /// The classes it has.
    pub classes: Vec<StorageClass>,
    /// How long a restore takes, by class and speed. What is not listed is
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    pub restore_times: Vec<(StorageClass, RestoreSpeed, Duration)>,
}

/// How fast bytes are wanted back. Faster costs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoreSpeed {
    /// As fast as can be.
    Expedited,
    /// The usual way.
    #[default]
    Standard,
    /// The cheapest way.
    Bulk,
}

/// One object to be quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveItem {
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
}

/// What a quote is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuoteRequest {
    /// Putting into a class.
    Archive(StorageClass),
    /// Getting back from a class.
    Restore(StorageClass, RestoreSpeed),
}

/// What moving objects into or out of the archive takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// How many objects.
    pub items: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How long until it is done, in milliseconds.
    pub eta_ms: u64,
    /// What it costs in US dollars, where that can be told; absent where it costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

impl Quote {
    /// What moving `items` takes where all of them wait beside each other for `wait`, and the cost
    /// cannot be told.
    pub fn of(items: &[ArchiveItem], wait: Duration) -> Self {
        Self {
            items: items.len() as u64,
            bytes: items.iter().fold(0, |sum: u64, item| sum.saturating_add(item.size)),
            eta_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            cost_usd: None,
        }
    }
}

/// How to get objects back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreOptions {
    /// How fast.
    pub speed: RestoreSpeed,
    /// How long the readable copy stays.
    pub keep_for: Duration,
}

/// What an object is at, as its archive knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveStatus {
    /// Not archived.
    Online,
    /// On its way into the class.
    Archiving(StorageClass),
    /// In the class; not readable.
    Archived(StorageClass),
    /// Asked back.
    Restoring {
        /// The class it lies in.
        class: StorageClass,
        /// When it will be readable.
        eta: Timestamp,
    },
    /// Readable for a time.
    Restored {
        /// The class the archive's own copy lies in.
        class: StorageClass,
        /// When the readable copy goes away.
        expires_at: Timestamp,
    },
}
