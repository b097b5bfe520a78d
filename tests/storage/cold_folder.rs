//! The cold folder loses nothing, whatever fails and whenever it is left.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use emam_core::backend::{
    Archive, ArchiveStatus, GetOptions, Key, PutOptions, RestoreOptions, RestoreSpeed, Storage,
};
use emam_core::clock::{Clock, ManualClock};
use emam_core::local::{ColdFolder, FolderStorage, RestoreTimes};
use emam_core::memory::MemoryStorage;
use emam_core::model::StorageClass;
use emam_core::testkit::{FaultyStorage, StorageCall};
use emam_core::{Error, ErrorKind, Result};
use tempfile::{TempDir, tempdir};

const DAY: Duration = Duration::from_secs(24 * 3600);
const CALLS: [StorageCall; 4] =
    [StorageCall::Stat, StorageCall::Get, StorageCall::PutFile, StorageCall::Delete];

struct Scene {
    dir: TempDir,
    clock: Arc<ManualClock>,
    storage: Arc<FaultyStorage>,
    archive: ColdFolder,
    key: Key,
}

impl Scene {
    async fn new() -> Self {
        let dir = tempdir().unwrap();
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::starting_at(start));
        let folder = FolderStorage::open(dir.path().join("hot"), clock_of(&clock)).await.unwrap();
        let storage = Arc::new(FaultyStorage::new(Arc::new(folder)));
        let archive = open(&dir, &storage, &clock).await;
        Self { dir, clock, storage, archive, key: "a/b.mov".parse().unwrap() }
    }

    async fn put(&self, body: &Bytes) {
        self.storage.put(&self.key, body.clone(), PutOptions::default()).await.unwrap();
    }

    async fn read(&self) -> Result<Bytes> {
        self.storage.get(&self.key, GetOptions::default()).await?.bytes().await
    }

    async fn store(&self) -> Result<()> {
        self.store_in(StorageClass::Archive).await
    }

    async fn store_in(&self, class: StorageClass) -> Result<()> {
        let keys = std::slice::from_ref(&self.key);
        let outcomes = self.archive.archive(keys, class).await?;
        outcomes.into_iter().next().unwrap().result.map_err(Error::from)
    }

    async fn restore(&self) -> Result<()> {
        let options = RestoreOptions { speed: RestoreSpeed::Standard, keep_for: DAY };
        let keys = std::slice::from_ref(&self.key);
        let outcomes = self.archive.restore(keys, options).await?;
        outcomes.into_iter().next().unwrap().result.map_err(Error::from)?;
        Ok(())
    }

    async fn status(&self) -> Result<ArchiveStatus> {
        self.archive.status(&self.key).await
    }

    fn hot_path(&self) -> PathBuf {
        self.dir.path().join("hot/a/b.mov")
    }

    fn cold_path(&self) -> PathBuf {
        self.dir.path().join("cold/objects/a/b.mov")
    }
}

fn clock_of(clock: &Arc<ManualClock>) -> Arc<dyn Clock> {
    Arc::clone(clock) as _
}

async fn open(dir: &TempDir, storage: &Arc<FaultyStorage>, clock: &Arc<ManualClock>) -> ColdFolder {
    let storage: Arc<dyn Storage> = Arc::clone(storage) as _;
    let cold = dir.path().join("cold");
    ColdFolder::open(storage, cold, clock_of(clock), RestoreTimes::default()).await.unwrap()
}

fn body() -> Bytes {
    (0..3_000_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect::<Vec<_>>().into()
}

/// Sets each fault in turn, one on the way in and one on the way back.
async fn each_fault(set: fn(&FaultyStorage, StorageCall, u64)) {
    let mut hit = Vec::new();
    for call in CALLS {
        for nth in 1..=4 {
            let scene = Scene::new().await;
            scene.put(&body()).await;
            set(&scene.storage, call, nth);
            while let Err(error) = scene.store().await {
                scene.note(&mut hit, call, &error);
            }
            let status = scene.status_at_last(&mut hit, call).await;
            assert_eq!(status, ArchiveStatus::Archived(StorageClass::Archive));

            let seen = scene.storage.calls(call);
            set(&scene.storage, call, seen + nth);
            while let Err(error) = scene.restore().await {
                scene.note(&mut hit, call, &error);
            }
            scene.clock.advance(Duration::from_secs(2));
            let status = scene.status_at_last(&mut hit, call).await;
            assert!(matches!(status, ArchiveStatus::Restored { .. }), "{call:?} {nth}: {status:?}");
            assert!(fs::read(scene.hot_path()).unwrap() == body(), "{call:?} {nth}");
        }
    }
    for call in CALLS {
        assert!(hit.contains(&call), "no fault of {call:?} was met");
    }
}

impl Scene {
    /// Whatever has failed, the bytes are somewhere, whole. (Read past the faults.)
    fn note(&self, hit: &mut Vec<StorageCall>, call: StorageCall, error: &Error) {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        let is_whole = |path| fs::read(path).is_ok_and(|found| found == body());
        assert!(is_whole(self.hot_path()) || is_whole(self.cold_path()), "{call:?}: {error:?}");
        hit.push(call);
    }

    async fn status_at_last(&self, hit: &mut Vec<StorageCall>, call: StorageCall) -> ArchiveStatus {
        loop {
            match self.status().await {
                Ok(status) => return status,
                Err(error) => self.note(hit, call, &error),
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_fails_loses_nothing_and_the_next_attempt_succeeds() {
    each_fault(|storage, call, nth| storage.fail(call, nth, ErrorKind::Unavailable)).await;
}

#[tokio::test]
async fn an_answer_lost_on_its_way_loses_nothing() {
    each_fault(|storage, call, nth| storage.lose_answer(call, nth, ErrorKind::Unavailable)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_at_any_instant_loses_nothing() {
    let mut left = 0;
    for round in 0..40 {
        let scene = Scene::new().await;
        scene.put(&body()).await;
        let instant = Duration::from_micros(round * 400);
        left += u32::from(tokio::time::timeout(instant, scene.store()).await.is_err());
        // What another process finds.
        let archive = open(&scene.dir, &scene.storage, &scene.clock).await;
        let scene = Scene { archive, ..scene };
        scene.store().await.unwrap();
        assert_eq!(scene.status().await.unwrap(), ArchiveStatus::Archived(StorageClass::Archive));
        scene.restore().await.unwrap();
        scene.clock.advance(Duration::from_secs(2));
        let _ = tokio::time::timeout(instant, scene.status()).await;
        // While the work that was left still ends, the status may lag behind.
        let status = scene.status().await.unwrap();
        assert!(matches!(status, ArchiveStatus::Restored { .. }), "{status:?}");
        assert!(scene.read().await.unwrap() == body());
        scene.clock.advance(DAY);
        let _ = tokio::time::timeout(instant, scene.status()).await;
        // A copy that work which was left still makes goes with the next look.
        let mut looks = 0;
        loop {
            let status = scene.status().await.unwrap();
            assert_eq!(status, ArchiveStatus::Archived(StorageClass::Archive));
            if scene.read().await.is_err() {
                break;
            }
            looks += 1;
            assert!(looks < 100, "the expired copy stays");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(left > 0, "archiving was never left in the middle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_workers_on_one_folder_agree() {
    let scene = Scene::new().await;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(Arc::new(open(&scene.dir, &scene.storage, &scene.clock).await));
    }
    let keys: Vec<Key> = (0..4).map(|i| format!("a/{i}").parse().unwrap()).collect();
    for key in &keys {
        scene.storage.put(key, body(), PutOptions::default()).await.unwrap();
    }
    for _ in 0..5 {
        all(&workers, &keys, async |archive, keys| {
            let outcomes = archive.archive(&keys, StorageClass::Archive).await.unwrap();
            outcomes.into_iter().for_each(|outcome| outcome.result.unwrap());
        })
        .await;
        all(&workers, &keys, async |archive, keys| {
            let options = RestoreOptions { speed: RestoreSpeed::Standard, keep_for: DAY };
            let outcomes = archive.restore(&keys, options).await.unwrap();
            assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:?}");
        })
        .await;
        scene.clock.advance(Duration::from_secs(2));
        all(&workers, &keys, async |archive, keys| {
            for key in keys {
                archive.status(&key).await.unwrap();
            }
        })
        .await;
        for key in &keys {
            let status = workers[0].status(key).await.unwrap();
            assert!(matches!(status, ArchiveStatus::Restored { .. }), "{status:?}");
            let object = scene.storage.get(key, GetOptions::default()).await.unwrap();
            assert!(object.bytes().await.unwrap() == body());
        }
        scene.clock.advance(DAY);
        all(&workers, &keys, async |archive, keys| {
            for key in keys {
                let status = archive.status(&key).await.unwrap();
                assert_eq!(status, ArchiveStatus::Archived(StorageClass::Archive));
            }
        })
        .await;
    }
}

/// Has every worker do the same at once.
async fn all<F>(workers: &[Arc<ColdFolder>], keys: &[Key], work: F)
where
    F: AsyncFn(Arc<ColdFolder>, Vec<Key>),
{
    let work = workers.iter().map(|worker| work(Arc::clone(worker), keys.to_vec()));
    futures_util::future::join_all(work).await;
}

#[tokio::test]
async fn another_object_stored_over_a_restored_copy_is_kept() {
    let scene = Scene::new().await;
    scene.put(&body()).await;
    scene.store().await.unwrap();
    scene.restore().await.unwrap();
    scene.clock.advance(Duration::from_secs(2));
    scene.status().await.unwrap();
    let new = Bytes::from_static(b"another object");
    scene.put(&new).await;
    scene.clock.advance(DAY);
    assert_eq!(scene.status().await.unwrap(), ArchiveStatus::Online);
    assert_eq!(scene.read().await.unwrap(), new);
    assert_eq!(scene.restore().await.unwrap_err().kind(), ErrorKind::Conflict);
    // It can be archived itself, and is what comes back.
    scene.store().await.unwrap();
    scene.read().await.unwrap_err();
    scene.restore().await.unwrap();
    scene.clock.advance(Duration::from_secs(2));
    scene.status().await.unwrap();
    assert_eq!(scene.read().await.unwrap(), new);
}

#[tokio::test]
async fn a_damaged_cold_copy_is_said_and_not_given_out() {
    let scene = Scene::new().await;
    scene.put(&body()).await;
    scene.store().await.unwrap();
    let mut damaged = body().to_vec();
    damaged[1_000_000] ^= 1;
    fs::write(scene.cold_path(), damaged).unwrap();
    scene.restore().await.unwrap();
    scene.clock.advance(Duration::from_secs(2));
    for _ in 0..2 {
        let error = scene.status().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error:?}");
        assert_eq!(error.get("key"), Some("a/b.mov"));
        scene.read().await.unwrap_err();
    }
    // Put right again, it comes back.
    fs::write(scene.cold_path(), body()).unwrap();
    let status = scene.status().await.unwrap();
    assert!(matches!(status, ArchiveStatus::Restored { .. }), "{status:?}");
    assert!(scene.read().await.unwrap() == body());
}

#[tokio::test]
async fn a_damaged_marker_names_its_file() {
    let scene = Scene::new().await;
    scene.put(&body()).await;
    scene.store().await.unwrap();
    let marker = scene.dir.path().join("cold/markers/a/b.mov");
    fs::write(&marker, "{\"class\":").unwrap();
    let error = scene.status().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let real = fs::canonicalize(&marker).unwrap();
    assert_eq!(error.get("path"), Some(real.to_string_lossy().as_ref()));
}

#[tokio::test]
async fn an_object_goes_into_a_colder_class_only() {
    let scene = Scene::new().await;
    scene.put(&body()).await;
    scene.store_in(StorageClass::Archive).await.unwrap();
    scene.store_in(StorageClass::DeepArchive).await.unwrap();
    let deep = ArchiveStatus::Archived(StorageClass::DeepArchive);
    assert_eq!(scene.status().await.unwrap(), deep);
    let error = scene.store_in(StorageClass::Archive).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(scene.status().await.unwrap(), deep);
    scene.restore().await.unwrap();
    scene.clock.advance(Duration::from_secs(3));
    let status = scene.status().await.unwrap();
    assert!(matches!(status, ArchiveStatus::Restoring { .. }), "the deep archive takes 4 seconds");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    let scene = Scene::new().await;
    let options = RestoreOptions { speed: RestoreSpeed::Bulk, keep_for: Duration::ZERO };
    let error = scene.archive.restore(&[], options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let memory: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let cold = scene.dir.path().join("other");
    let clock = clock_of(&scene.clock);
    let error = ColdFolder::open(memory, cold, clock, RestoreTimes::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
