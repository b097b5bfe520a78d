//! The colder classes of S3 as an archive.

mod state;
mod tiers;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{
    GlacierJobParameters, RestoreRequest, StorageClass as S3Class, Tag, Tagging,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use emam_core::backend::{
    Archive, ArchiveCapabilities, ArchiveItem, ArchiveStatus, Key, Outcome, Quote, QuoteRequest,
    RestoreOptions,
};
use emam_core::clock::Clock;
use emam_core::model::StorageClass;
use emam_core::{Error, ErrorKind, Result};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::S3Storage;
use state::{Asked, Restore, after, archived_class, eta, parse_restore, status};
use tiers::{CLASSES, class_in_s3, restore_times, tier, wait};

/// Objects that are asked about at once.
const AT_ONCE: usize = 16;

/// How long a lifecycle rule takes: rules are looked at once a day, and then moved in a queue.
const LIFECYCLE: Duration = Duration::from_secs(48 * 3600);

/// The tag that keeps how fast and when an object was asked back.
const RESTORE_TAG: &str = "emam:restore";

/// How objects get into the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveBy {
    /// Copied onto themselves in the new class: done when the call is.
    Copy,
    /// Tagged, so that a lifecycle rule of the bucket moves them within a day or two. It costs no
    /// copy; without such a rule nothing is ever moved.
    Tag {
        /// The tag's key. Its value is the class: `archive` or `deep_archive`.
        key: String,
    },
}

/// The classes GLACIER and DEEP_ARCHIVE of the bucket of a storage, and the archive tiers of
/// INTELLIGENT_TIERING where objects are in that class. Cheap to clone.
///
/// S3 does not tell when a restored copy will be there; the time told is the longest S3 takes at
/// the speed that was asked for. Speed and time of asking are kept as a tag of the object.
#[derive(Debug, Clone)]
pub struct S3Archive {
    storage: S3Storage,
    by: ArchiveBy,
    clock: Arc<dyn Clock>,
}

impl S3Archive {
    /// The archive of the bucket of `storage`.
    pub fn new(storage: S3Storage, by: ArchiveBy, clock: Arc<dyn Clock>) -> Self {
        Self { storage, by, clock }
    }

    async fn archive_one(&self, key: &Key, class: StorageClass, to: &S3Class) -> Result<()> {
        let operation = "archive.archive";
        let head = self.storage.head(operation, key).await?;
        if let Some(lies_in) = archived_class(&head) {
            if lies_in == class {
                return Ok(());
            }
            return Err(Error::new(
                ErrorKind::Conflict,
                operation,
                "the object is archived in another class; restore it and store it anew first",
            )
            .with("key", key));
        }
        match &self.by {
            ArchiveBy::Copy => self.storage.copy_as(key, key, &head, false, Some(to.clone())).await,
            ArchiveBy::Tag { key: tag } => {
                self.set_tag(operation, key, tag, class_name(class)).await
            }
        }
    }

    async fn restore_one(&self, key: &Key, options: RestoreOptions) -> Result<Timestamp> {
        let operation = "archive.restore";
        let head = self.storage.head(operation, key).await?;
        let Some(class) = archived_class(&head) else { return Err(not_archived(key)) };
        let Some(wait) = wait(class, options.speed) else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                operation,
                "S3 does not restore this class at this speed; ask for another speed",
            )
            .with("key", key)
            .with("class", class_name(class)));
        };
        let asked_back = self.ask_back(key, &head, options).await?;
        let now = self.clock.now();
        Ok(match asked_back {
            AskedBack::Started => {
                let asked = Asked { speed: options.speed, at: now };
                // Without the tag the time is told less exactly, and nothing else is amiss.
                let _ = self.set_tag(operation, key, RESTORE_TAG, &asked.to_tag()).await;
                after(now, wait)
            }
            AskedBack::UnderWay => eta(class, self.asked(operation, key).await, now),
            AskedBack::Done => now,
        })
    }

    /// Asks S3 for an object, or for what is under way to be faster.
    async fn ask_back(
        &self,
        key: &Key,
        head: &HeadObjectOutput,
        options: RestoreOptions,
    ) -> Result<AskedBack> {
        let operation = "archive.restore";
        let storage = &self.storage;
        let restore = parse_restore(head.restore())?;
        let tiering = head.storage_class() == Some(&S3Class::IntelligentTiering);
        let parameters = GlacierJobParameters::builder().tier(tier(options.speed)).build();
        let parameters = parameters.map_err(|cause| {
            Error::new(ErrorKind::Unexpected, operation, "no speed was set").caused_by(cause)
        })?;
        // What Intelligent-Tiering gives back stays.
        let days = (!tiering).then(|| days(options.keep_for));
        let is_there = matches!(restore, Restore::Until(until) if self.clock.now() < until);
        let request = RestoreRequest::builder().set_days(days);
        // A copy that is there is only kept longer; S3 takes no speed then.
        let request = if is_there { request } else { request.glacier_job_parameters(parameters) };
        let asked = storage
            .client()
            .restore_object()
            .bucket(storage.bucket())
            .key(storage.name(key))
            .restore_request(request.build())
            .send()
            .await;
        match asked {
            Ok(_) if is_there => Ok(AskedBack::Done),
            Ok(_) => Ok(AskedBack::Started),
            Err(cause) => match cause.code() {
                Some("RestoreAlreadyInProgress") => Ok(AskedBack::UnderWay),
                Some("ObjectAlreadyInActiveTierError") => Ok(AskedBack::Done),
                Some("InvalidObjectState") => Err(not_archived(key)),
                _ => Err(storage.fail(operation, key, cause)),
            },
        }
    }

    /// What was asked for, where it can be told.
    async fn asked(&self, operation: &'static str, key: &Key) -> Option<Asked> {
        let tags = self.tags(operation, key).await.ok()?;
        Asked::from_tag(tags.iter().find(|tag| tag.key() == RESTORE_TAG)?.value())
    }

    async fn tags(&self, operation: &'static str, key: &Key) -> Result<Vec<Tag>> {
        let storage = &self.storage;
        let tags = storage.client().get_object_tagging().bucket(storage.bucket());
        let told = tags.key(storage.name(key)).send().await;
        Ok(told.map_err(|cause| storage.fail(operation, key, cause))?.tag_set)
    }

    /// Sets one tag; S3 sets all at once, so the others are read first.
    async fn set_tag(
        &self,
        operation: &'static str,
        key: &Key,
        name: &str,
        value: &str,
    ) -> Result<()> {
        let mut tags = self.tags(operation, key).await?;
        if tags.iter().any(|tag| (tag.key(), tag.value()) == (name, value)) {
            return Ok(());
        }
        tags.retain(|tag| tag.key() != name);
        let fault = |cause| {
            Error::new(ErrorKind::Unexpected, operation, "no tag was made").caused_by(cause)
        };
        tags.push(Tag::builder().key(name).value(value).build().map_err(fault)?);
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build().map_err(fault)?;
        let storage = &self.storage;
        storage
            .client()
            .put_object_tagging()
            .bucket(storage.bucket())
            .key(storage.name(key))
            .tagging(tagging)
            .send()
            .await
            .map_err(|cause| storage.fail(operation, key, cause))?;
        Ok(())
    }

    /// The class an object is tagged for that is not there yet.
    async fn tagged_for(&self, key: &Key, head: &HeadObjectOutput) -> Result<Option<StorageClass>> {
        let ArchiveBy::Tag { key: name } = &self.by else { return Ok(None) };
        if head.tag_count() == Some(0) {
            return Ok(None);
        }
        let tags = self.tags("archive.status", key).await?;
        let tag = tags.iter().find(|tag| tag.key() == name);
        Ok(tag.and_then(|tag| {
            CLASSES.iter().map(|row| row.0).find(|class| class_name(*class) == tag.value())
        }))
    }

    async fn each<T, F>(&self, keys: &[Key], work: impl Fn(Key) -> F) -> Vec<Outcome<T>>
    where
        F: Future<Output = Result<T>>,
    {
        stream::iter(keys.to_vec())
            .map(|key| {
                let item = key.to_string();
                let done = work(key);
                async move { Outcome { item, result: done.await.map_err(|e| e.to_info()) } }
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    }
}

/// What S3 answers where an object is asked back.
enum AskedBack {
    Started,
    UnderWay,
    Done,
}

fn class_name(class: StorageClass) -> &'static str {
    match class {
        StorageClass::Archive => "archive",
        StorageClass::DeepArchive => "deep_archive",
        _ => "standard",
    }
}

/// Whole days, as S3 counts them, and one at least.
fn days(keep_for: Duration) -> i32 {
    i32::try_from(keep_for.as_secs().div_ceil(24 * 3600)).unwrap_or(i32::MAX).max(1)
}

fn not_archived(key: &Key) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "archive.restore",
        "the object is not archived; it can be read as it is",
    )
    .with("key", key)
}

fn unsupported(operation: &'static str, what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        operation,
        "S3 does not do this; the capabilities tell its classes and speeds",
    )
    .with("wanted", what)
}

#[async_trait]
impl Archive for S3Archive {
    fn capabilities(&self) -> ArchiveCapabilities {
        let classes = CLASSES.iter().map(|row| row.0).collect();
        ArchiveCapabilities { classes, restore_times: restore_times() }
    }

    async fn archive(&self, keys: &[Key], class: StorageClass) -> Result<Vec<Outcome>> {
        let operation = "archive.archive";
        let Some(to) = class_in_s3(class) else {
            let refused = unsupported(operation, class_name(class)).to_info();
            let all = |key: &Key| Outcome { item: key.to_string(), result: Err(refused.clone()) };
            return Ok(keys.iter().map(all).collect());
        };
        let to = &to;
        Ok(self.each(keys, |key| async move { self.archive_one(&key, class, to).await }).await)
    }

    async fn quote(&self, items: &[ArchiveItem], request: QuoteRequest) -> Result<Quote> {
        let operation = "archive.quote";
        let eta = match request {
            QuoteRequest::Archive(class) if class_in_s3(class).is_none() => {
                return Err(unsupported(operation, class_name(class)));
            }
            QuoteRequest::Archive(_) => match self.by {
                ArchiveBy::Copy => Duration::ZERO,
                ArchiveBy::Tag { .. } => LIFECYCLE,
            },
            QuoteRequest::Restore(class, speed) => wait(class, speed).ok_or_else(|| {
                unsupported(operation, &format!("{} {speed:?}", class_name(class)))
            })?,
        };
        // Prices differ by region and contract, and no service tells them here.
        Ok(Quote::of(items, eta))
    }

    async fn restore(
        &self,
        keys: &[Key],
        options: RestoreOptions,
    ) -> Result<Vec<Outcome<Timestamp>>> {
        Ok(self.each(keys, |key| async move { self.restore_one(&key, options).await }).await)
    }

    async fn status(&self, key: &Key) -> Result<ArchiveStatus> {
        let operation = "archive.status";
        let head = self.storage.head(operation, key).await?;
        let Some(class) = archived_class(&head) else {
            let tagged = self.tagged_for(key, &head).await?;
            return Ok(tagged.map_or(ArchiveStatus::Online, ArchiveStatus::Archiving));
        };
        let restore = parse_restore(head.restore()).map_err(|error| error.with("key", key))?;
        let asked = match restore {
            Restore::Ongoing => self.asked(operation, key).await,
            _ => None,
        };
        Ok(status(class, restore, asked, self.clock.now()))
    }

    async fn forget(&self, key: &Key) -> Result<()> {
        match self.storage.head("archive.forget", key).await {
            // Deleting what is online is the storage's.
            Ok(head) if archived_class(&head).is_none() => Ok(()),
            Ok(_) => {
                for outcome in self.storage.delete_all(std::slice::from_ref(key)).await? {
                    outcome.result.map_err(Error::from)?;
                }
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_kept_for_whole_days() {
        const DAY: u64 = 24 * 3600;
        for (seconds, wanted) in [(0, 1), (1, 1), (DAY, 1), (DAY + 1, 2), (u64::MAX, i32::MAX)] {
            assert_eq!(days(Duration::from_secs(seconds)), wanted, "{seconds}");
        }
    }
}
