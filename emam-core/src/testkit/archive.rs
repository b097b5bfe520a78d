//! What every [`Archive`] must do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{assert_kind, bytes, key};
use crate::backend::{
    Archive, ArchiveItem, ArchiveStatus, GetOptions, Key, Outcome, PutOptions, QuoteRequest,
    RestoreOptions, RestoreSpeed, Storage,
};
use crate::clock::{self, Clock, ManualClock};
use crate::error::{Error, ErrorKind, Result};
use crate::model::StorageClass;

/// Makes a module `$name` with one test per promise of
/// [`Archive`](crate::backend::Archive). `$fixture` is an expression that gives an
/// [`ArchiveFixture`](crate::testkit::ArchiveFixture).
#[macro_export]
macro_rules! archive_conformance {
    ($name:ident, $fixture:expr) => {
        $crate::conformance_cases! { $name, $fixture, archive:
            archive_then_status,
            archive_is_idempotent,
            archive_missing,
            archived_bytes_are_not_read,
            restore_takes_its_time,
            restored_bytes_are_the_same,
            restore_is_idempotent,
            restore_expires,
            restore_of_online,
            forget_is_final,
            quote_changes_nothing,
        }
    };
}

/// Makes archives to be tested.
#[async_trait]
pub trait ArchiveFixture: Send + Sync {
    /// An archive that holds nothing and shares nothing with those made before.
    async fn fresh(&self) -> ArchiveUnderTest;
}

/// An archive with what a test needs to see and move.
#[derive(Debug)]
pub struct ArchiveUnderTest {
    /// The storage whose objects are archived.
    pub storage: Arc<dyn Storage>,
    /// The archive.
    pub archive: Arc<dyn Archive>,
    /// The clock the archive goes by.
    pub clock: Arc<ManualClock>,
    /// How well the archive keeps the times it tells.
    pub punctuality: Punctuality,
}

/// How well an archive keeps the times it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Punctuality {
    /// To the instant.
    Exact,
    /// As the service does: a restored copy is there at the time told or sooner, and goes at the
    /// midnight (UTC) after its time is over.
    Service,
}

impl Punctuality {
    /// When a copy goes that is there from `ready_at` on and kept for `keep_for`.
    fn expiry(self, ready_at: Timestamp, keep_for: Duration) -> Timestamp {
        let end = clock::after(ready_at, keep_for);
        let day = i64::try_from(DAY.as_secs()).unwrap_or(i64::MAX);
        let midnight = |days: i64| Timestamp::from_second(days * day).unwrap_or(Timestamp::MAX);
        let days = end.as_second().div_euclid(day);
        match self {
            Self::Exact => end,
            Self::Service if end == midnight(days) => end,
            Self::Service => midnight(days + 1),
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const ALL_CLASSES: [StorageClass; 3] =
    [StorageClass::Standard, StorageClass::Archive, StorageClass::DeepArchive];
const ALL_SPEEDS: [RestoreSpeed; 3] =
    [RestoreSpeed::Expedited, RestoreSpeed::Standard, RestoreSpeed::Bulk];

impl ArchiveUnderTest {
    async fn put(&self, key: &Key, body: &Bytes) {
        self.storage.put(key, body.clone(), PutOptions::default()).await.expect("put");
    }

    async fn read(&self, key: &Key) -> Result<Bytes> {
        self.storage.get(key, GetOptions::default()).await?.bytes().await
    }

    async fn archive_one(&self, key: &Key, class: StorageClass) -> Result<()> {
        let outcomes = self.archive.archive(std::slice::from_ref(key), class).await;
        only(key, outcomes.expect("archive answers per key"))
    }

    async fn restore_one(
        &self,
        key: &Key,
        speed: RestoreSpeed,
        keep_for: Duration,
    ) -> Result<Timestamp> {
        let options = RestoreOptions { speed, keep_for };
        let outcomes = self.archive.restore(std::slice::from_ref(key), options).await;
        only(key, outcomes.expect("restore answers per key"))
    }

    async fn status(&self, key: &Key) -> ArchiveStatus {
        self.archive.status(key).await.expect("status")
    }

    /// Stores an object, archives it and waits until it is archived.
    async fn archived(&self, text: &str, class: StorageClass) -> (Key, Bytes) {
        let (key, body) = (key(text), bytes(300_000, text.len() as u64));
        self.put(&key, &body).await;
        self.archive_one(&key, class).await.expect("archive");
        for _ in 0..100 {
            match self.status(&key).await {
                ArchiveStatus::Archived(found) => {
                    assert_eq!(found, class);
                    return (key, body);
                }
                ArchiveStatus::Archiving(found) => assert_eq!(found, class),
                other => panic!("{key} is {other:?} after archiving"),
            }
            self.clock.advance(DAY);
        }
        panic!("{key} is still being archived after 100 days");
    }

    /// The wait of the first speed `class` can be restored at.
    fn first_speed(&self, class: StorageClass) -> (RestoreSpeed, Duration) {
        let times = self.archive.capabilities().restore_times;
        let found = times.iter().find(|(of, ..)| *of == class);
        let (_, speed, wait) = found.expect("what goes into a class can come back");
        (*speed, *wait)
    }

    /// Has an object brought back for a day; the clock stands at the instant it is ready. Gives
    /// when it goes away.
    async fn restored(&self, key: &Key, class: StorageClass) -> Timestamp {
        let (speed, wait) = self.first_speed(class);
        self.restore_one(key, speed, DAY).await.expect("restore");
        self.clock.advance(wait);
        match self.status(key).await {
            ArchiveStatus::Restored { expires_at, .. } => expires_at,
            status => panic!("{status:?} after the wait"),
        }
    }

    /// Moves the clock to an instant that is still to come.
    fn advance_to(&self, then: Timestamp) {
        self.clock.advance(clock::until(self.clock.now(), then));
    }

    fn classes(&self) -> Vec<StorageClass> {
        let classes = self.archive.capabilities().classes;
        assert!(!classes.is_empty(), "an archive without classes archives nothing");
        classes
    }
}

fn only<T>(key: &Key, outcomes: Vec<Outcome<T>>) -> Result<T> {
    let [outcome] = <[_; 1]>::try_from(outcomes).ok().expect("one key, one outcome");
    assert_eq!(outcome.item, key.as_str());
    outcome.result.map_err(Error::from)
}

/// An archived object is `Archived` in the class asked for, or `Archiving` on its way there.
pub async fn archive_then_status(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    let classes = under_test.classes();
    for class in ALL_CLASSES {
        let name = format!("clips/{class:?}.mov");
        if classes.contains(&class) {
            under_test.archived(&name, class).await;
            continue;
        }
        let key = key(&name);
        under_test.put(&key, &"x".into()).await;
        let refused = under_test.archive_one(&key, class).await;
        assert_kind(refused, ErrorKind::Unsupported, "a class that capabilities deny");
        assert_eq!(under_test.status(&key).await, ArchiveStatus::Online);
        assert_eq!(under_test.read(&key).await.expect("it is online"), "x");
    }
    let missing = under_test.archive.status(&key("never/there")).await;
    assert_kind(missing, ErrorKind::NotFound, "status of a missing key");
}

/// Archiving what is archived in that class succeeds.
pub async fn archive_is_idempotent(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    for class in under_test.classes() {
        let (key, body) = under_test.archived(&format!("{class:?}"), class).await;
        for _ in 0..2 {
            under_test.archive_one(&key, class).await.expect("archive again");
            assert_eq!(under_test.status(&key).await, ArchiveStatus::Archived(class));
        }
        under_test.restored(&key, class).await;
        under_test.archive_one(&key, class).await.expect("archive what is restored");
        assert_eq!(under_test.read(&key).await.expect("it is restored"), body);
    }
}

/// A key that is not there is `NotFound` in its outcome; the other keys of the batch are not held
/// up.
pub async fn archive_missing(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    let class = under_test.classes()[0];
    let keys = ["a/1", "a/missing", "a/2"].map(key);
    under_test.put(&keys[0], &"1".into()).await;
    under_test.put(&keys[2], &"2".into()).await;
    let outcomes = under_test.archive.archive(&keys, class).await.expect("archive");
    let items: Vec<_> = outcomes.iter().map(|outcome| outcome.item.as_str()).collect();
    assert_eq!(items, ["a/1", "a/missing", "a/2"]);
    assert!(outcomes[0].result.is_ok() && outcomes[2].result.is_ok(), "{outcomes:?}");
    let missing = outcomes[1].result.as_ref().expect_err("there is nothing to archive");
    assert_eq!(missing.kind, ErrorKind::NotFound);
    for key in [&keys[0], &keys[2]] {
        assert_ne!(under_test.status(key).await, ArchiveStatus::Online, "{key}");
    }
}

/// The storage does not give the bytes of an archived object.
pub async fn archived_bytes_are_not_read(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    for class in under_test.classes() {
        let (key, _) = under_test.archived(&format!("{class:?}"), class).await;
        let error = under_test.read(&key).await.expect_err("archived bytes were read");
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::NotReady | ErrorKind::NotFound), "{error:?}");
        let path = under_test.storage.local_path(&key);
        assert!(path.is_none_or(|path| !path.exists()), "the file is still there");
    }
}

/// After `restore` the object is `Restoring` with the time it will be readable, or `Restored`
/// where that has come.
pub async fn restore_takes_its_time(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    let times = under_test.archive.capabilities().restore_times;
    for class in under_test.classes() {
        for speed in ALL_SPEEDS {
            let (key, _) = under_test.archived(&format!("{class:?}/{speed:?}"), class).await;
            let asked_at = under_test.clock.now();
            let answer = under_test.restore_one(&key, speed, DAY).await;
            let found = times.iter().find(|(c, s, _)| (*c, *s) == (class, speed));
            let Some(&(_, _, wait)) = found else {
                assert_kind(answer, ErrorKind::Unsupported, "a speed that capabilities deny");
                assert_eq!(under_test.status(&key).await, ArchiveStatus::Archived(class));
                continue;
            };
            let ready_at = answer.expect("restore");
            assert_eq!(ready_at, asked_at + wait, "{class:?} {speed:?}");
            if !wait.is_zero() {
                let restoring = ArchiveStatus::Restoring { class, eta: ready_at };
                assert_eq!(under_test.status(&key).await, restoring);
                under_test.read(&key).await.expect_err("read when it was asked for");
                if under_test.punctuality == Punctuality::Exact {
                    under_test.clock.advance(wait - Duration::from_millis(1));
                    assert_eq!(under_test.status(&key).await, restoring, "just before its time");
                    under_test.read(&key).await.expect_err("read before its time");
                }
                under_test.advance_to(ready_at);
            }
            let ArchiveStatus::Restored { class: lies_in, expires_at } =
                under_test.status(&key).await
            else {
                panic!("{key} is {:?} at its time", under_test.status(&key).await);
            };
            assert_eq!(lies_in, class);
            // Sooner only where the copy may have been there sooner.
            let soonest = match under_test.punctuality {
                Punctuality::Exact => ready_at,
                Punctuality::Service => asked_at,
            };
            let [first, last] =
                [soonest, ready_at].map(|ready| under_test.punctuality.expiry(ready, DAY));
            assert!((first..=last).contains(&expires_at), "{class:?} {speed:?}: {expires_at}");
        }
    }
}

/// A restored object reads as it did before.
pub async fn restored_bytes_are_the_same(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    for class in under_test.classes() {
        let name = format!("a/{class:?} with 🎬.mov");
        let (key, body) = under_test.archived(&name, class).await;
        for _ in 0..2 {
            let end = under_test.restored(&key, class).await;
            let found = under_test.read(&key).await.expect("a restored object can be read");
            assert!(found == body, "{} bytes came back of {}", found.len(), body.len());
            under_test.advance_to(end);
            assert_eq!(under_test.status(&key).await, ArchiveStatus::Archived(class));
        }
    }
}

/// Asking again while it is under way or done succeeds.
pub async fn restore_is_idempotent(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    for class in under_test.classes() {
        let (speed, wait) = under_test.first_speed(class);
        let (key, body) = under_test.archived(&format!("{class:?}"), class).await;
        let first = under_test.restore_one(&key, speed, DAY).await.expect("restore");
        under_test.clock.advance(wait / 2);
        let again = under_test.restore_one(&key, speed, DAY).await.expect("under way");
        assert!(again <= first, "asking again put it off from {first} to {again}");
        under_test.clock.advance(wait - wait / 2);
        let before = under_test.status(&key).await;
        under_test.clock.advance(DAY / 2);
        under_test.restore_one(&key, speed, DAY).await.expect("done");
        match (before, under_test.status(&key).await) {
            (
                ArchiveStatus::Restored { expires_at: before, .. },
                ArchiveStatus::Restored { expires_at: now, .. },
            ) => {
                let kept = under_test.punctuality.expiry(under_test.clock.now(), DAY);
                assert_eq!(now, kept, "asking again keeps it for the time asked for");
                assert!(now >= before, "asking again has cut its time from {before} to {now}");
            }
            other => panic!("not restored: {other:?}"),
        }
        under_test.restore_one(&key, speed, DAY / 4).await.expect("done");
        under_test.clock.advance(DAY - Duration::from_secs(1));
        assert_eq!(under_test.read(&key).await.expect("it is kept"), body);
    }
}

/// A restored object is `Archived` again once its time is over.
pub async fn restore_expires(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    for class in under_test.classes() {
        let (key, body) = under_test.archived(&format!("{class:?}"), class).await;
        let end = under_test.restored(&key, class).await;
        under_test.advance_to(end - Duration::from_millis(1));
        let status = under_test.status(&key).await;
        assert!(matches!(status, ArchiveStatus::Restored { .. }), "{status:?} before its end");
        assert_eq!(under_test.read(&key).await.expect("it is restored"), body);
        under_test.clock.advance(Duration::from_millis(1));
        assert_eq!(under_test.status(&key).await, ArchiveStatus::Archived(class));
        under_test.read(&key).await.expect_err("read after its end");

        // Nobody looked while it was readable: it is over all the same.
        let (speed, _) = under_test.first_speed(class);
        under_test.restore_one(&key, speed, DAY).await.expect("restore");
        under_test.clock.advance(DAY * 400);
        assert_eq!(under_test.status(&key).await, ArchiveStatus::Archived(class));
        under_test.read(&key).await.expect_err("read after its end");
    }
}

/// Restoring what is not archived is `Conflict` in its outcome.
pub async fn restore_of_online(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    let class = under_test.classes()[0];
    let (speed, _) = under_test.first_speed(class);
    let online = key("online");
    under_test.put(&online, &"x".into()).await;
    let answer = under_test.restore_one(&online, speed, DAY).await;
    assert_kind(answer, ErrorKind::Conflict, "restore of what is online");
    assert_eq!(under_test.status(&online).await, ArchiveStatus::Online);
    let (archived, _) = under_test.archived("archived", class).await;
    let options = RestoreOptions { speed, keep_for: DAY };
    let keys = [online, archived, key("missing")];
    let outcomes = under_test.archive.restore(&keys, options).await.expect("restore");
    let kinds: Vec<_> =
        outcomes.iter().map(|outcome| outcome.result.as_ref().err().map(|e| e.kind)).collect();
    assert_eq!(kinds, [Some(ErrorKind::Conflict), None, Some(ErrorKind::NotFound)]);
}

/// A forgotten object cannot be restored; forgetting it again succeeds.
pub async fn forget_is_final(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    for class in under_test.classes() {
        let (speed, _) = under_test.first_speed(class);
        let (gone, _) = under_test.archived(&format!("{class:?}/gone"), class).await;
        let (kept, body) = under_test.archived(&format!("{class:?}/kept"), class).await;
        for _ in 0..2 {
            under_test.archive.forget(&gone).await.expect("forget");
            let answer = under_test.restore_one(&gone, speed, DAY).await;
            assert_kind(answer, ErrorKind::NotFound, "restore of what was forgotten");
            let status = under_test.archive.status(&gone).await;
            assert_kind(status, ErrorKind::NotFound, "status of what was forgotten");
        }
        under_test.restored(&kept, class).await;
        assert_eq!(under_test.read(&kept).await.expect("another object is there"), body);
        // The key is free for another object.
        under_test.put(&gone, &"new".into()).await;
        assert_eq!(under_test.status(&gone).await, ArchiveStatus::Online);
    }
    under_test.archive.forget(&key("never/there")).await.expect("forget what was never there");
}

/// A quote answers with bytes and time and moves nothing.
pub async fn quote_changes_nothing(fixture: &dyn ArchiveFixture) {
    let under_test = fixture.fresh().await;
    let (online, body) = (key("online"), bytes(1000, 1));
    under_test.put(&online, &body).await;
    let items = [
        ArchiveItem { key: online.clone(), size: 1000 },
        ArchiveItem { key: key("other"), size: 5_000_000_000 },
    ];
    let times = under_test.archive.capabilities().restore_times;
    for class in ALL_CLASSES {
        let has = under_test.classes().contains(&class);
        let quote = under_test.archive.quote(&items, QuoteRequest::Archive(class)).await;
        if has {
            let quote = quote.expect("quote");
            assert_eq!((quote.items, quote.bytes), (2, 5_000_001_000));
        } else {
            assert_kind(quote, ErrorKind::Unsupported, "a class that capabilities deny");
        }
        for speed in ALL_SPEEDS {
            let request = QuoteRequest::Restore(class, speed);
            let quote = under_test.archive.quote(&items, request).await;
            match times.iter().find(|(c, s, _)| (*c, *s) == (class, speed)) {
                None => {
                    assert_kind(quote, ErrorKind::Unsupported, "a speed that capabilities deny");
                }
                Some((_, _, wait)) => {
                    let quote = quote.expect("quote");
                    assert_eq!((quote.items, quote.bytes), (2, 5_000_001_000));
                    assert!(u128::from(quote.eta_ms) >= wait.as_millis(), "{quote:?}");
                }
            }
        }
    }
    assert_eq!(under_test.status(&online).await, ArchiveStatus::Online);
    assert_eq!(under_test.read(&online).await.expect("it is where it was"), body);
}
