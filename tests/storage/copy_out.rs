//! Copying out: ranges at once, proved, and nothing left of what went wrong.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use emam_core::ErrorKind;
use emam_core::backend::{Key, PutOptions, Storage};
use emam_core::clock::SystemClock;
use emam_core::local::FolderStorage;
use emam_core::memory::MemoryStorage;
use emam_core::testkit::{FaultyStorage, StorageCall};
use emam_core::transfer::{CopyOut, copy_out, hash_file};
use tempfile::{TempDir, tempdir};

const MIB: u64 = 1 << 20;

struct Scene {
    dir: TempDir,
    storage: FaultyStorage,
    key: Key,
    body: Vec<u8>,
}

impl Scene {
    /// An object of `size` bytes in a storage whose objects have no paths.
    async fn of(size: u64) -> Self {
        let body: Vec<u8> = (0..size.div_ceil(8)).flat_map(|i| (i * 31).to_le_bytes()).collect();
        let body = body[..size as usize].to_vec();
        let storage = FaultyStorage::new(Arc::new(MemoryStorage::new()));
        let key: Key = "originals/A 001.mov".parse().unwrap();
        storage.put(&key, body.clone().into(), PutOptions::default()).await.unwrap();
        Self { dir: tempdir().unwrap(), storage, key, body }
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("A 001.mov")
    }

    fn assert_nothing_but(&self, names: &[&str]) {
        let there = fs::read_dir(self.dir.path()).unwrap();
        let mut there: Vec<_> =
            there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        there.sort();
        assert_eq!(there, names);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_out_is_what_is_in() {
    for size in [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 90 * MIB + 7] {
        let scene = Scene::of(size).await;
        let mut told = Vec::new();
        let progress = |done, total| told.push((done, total));
        let options = CopyOut { progress: Some(Box::new(progress)), ..CopyOut::default() };
        let copied = copy_out(&scene.storage, &scene.key, &scene.target(), options).await.unwrap();
        assert!(fs::read(scene.target()).unwrap() == scene.body, "{size} bytes");
        let sums = hash_file(&scene.target(), None).await.unwrap();
        assert_eq!((copied.size, &copied.xxh3), (size, &sums.xxh3));
        assert_eq!(copied.md5, None, "nobody has asked for it");
        assert!(told.is_sorted(), "{told:?}");
        assert_eq!(told.len() as u64, size.div_ceil(8 * MIB));
        scene.assert_nothing_but(&["A 001.mov"]);

        let options = CopyOut {
            expected_size: Some(size),
            expected_md5: Some(sums.md5.to_uppercase()),
            expected_xxh3: Some(sums.xxh3.clone()),
            ..CopyOut::default()
        };
        let copied = copy_out(&scene.storage, &scene.key, &scene.target(), options).await.unwrap();
        assert_eq!(copied.md5, Some(sums.md5));
    }
}

#[tokio::test]
async fn a_folder_is_copied_out_of_too() {
    let dir = tempdir().unwrap();
    let folder = FolderStorage::open(dir.path().join("root"), Arc::new(SystemClock)).await.unwrap();
    let key: Key = "a".parse().unwrap();
    folder.put(&key, "abc".into(), PutOptions::default()).await.unwrap();
    let target = dir.path().join("out");
    let copied = copy_out(&folder, &key, &target, CopyOut::default()).await.unwrap();
    assert_eq!((copied.size, &*copied.xxh3), (3, "06b05ab6733a618578af5f94892f3950"));
    assert_eq!(fs::read(target).unwrap(), b"abc");
}

#[tokio::test]
async fn what_is_not_as_expected_leaves_what_was_there() {
    let scene = Scene::of(20 * MIB).await;
    fs::write(scene.target(), "before").unwrap();
    let zeros = || Some("0".repeat(32));
    for options in [
        CopyOut { expected_size: Some(1), ..CopyOut::default() },
        CopyOut { expected_md5: zeros(), ..CopyOut::default() },
        CopyOut { expected_xxh3: zeros(), ..CopyOut::default() },
    ] {
        let what = format!("{options:?}");
        let error = copy_out(&scene.storage, &scene.key, &scene.target(), options).await;
        let error = error.expect_err(&what);
        assert_eq!(
            (error.kind(), error.get("key")),
            (ErrorKind::Integrity, Some(scene.key.as_str()))
        );
        assert_eq!(fs::read(scene.target()).unwrap(), b"before");
        scene.assert_nothing_but(&["A 001.mov"]);
    }
    let missing = "no/such".parse().unwrap();
    let error = copy_out(&scene.storage, &missing, &scene.target(), CopyOut::default()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    let nowhere = scene.dir.path().join("no folder/file");
    let error = copy_out(&scene.storage, &scene.key, &nowhere, CopyOut::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.get("path"), Some(nowhere.to_string_lossy().as_ref()));
    let folder = copy_out(&scene.storage, &scene.key, scene.dir.path(), CopyOut::default()).await;
    assert_eq!(folder.unwrap_err().kind(), ErrorKind::InvalidInput);
    scene.assert_nothing_but(&["A 001.mov"]);
}

#[tokio::test]
async fn a_range_that_breaks_off_is_gone_on_with_once() {
    let scene = Scene::of(20 * MIB).await;
    // The second body breaks off after 3 MiB.
    scene.storage.cut_body(2, 3 * MIB);
    let options = CopyOut::default();
    let copied = copy_out(&scene.storage, &scene.key, &scene.target(), options).await.unwrap();
    assert_eq!(copied.size, 20 * MIB);
    assert!(fs::read(scene.target()).unwrap() == scene.body);
    assert_eq!(scene.storage.calls(StorageCall::Get), 4, "three ranges, one of them twice");

    let scene = Scene::of(MIB).await;
    scene.storage.fail(StorageCall::Get, 1, ErrorKind::Unavailable);
    scene.storage.fail(StorageCall::Get, 2, ErrorKind::Timeout);
    let error = copy_out(&scene.storage, &scene.key, &scene.target(), CopyOut::default()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
    scene.assert_nothing_but(&[]);
}

#[tokio::test]
async fn dropping_leaves_nothing() {
    let scene = Scene::of(20 * MIB).await;
    scene.storage.delay(StorageCall::Get, 2, Duration::from_secs(3600));
    let target = scene.target();
    let copying = copy_out(&scene.storage, &scene.key, &target, CopyOut::default());
    let soon = Duration::from_millis(300);
    tokio::time::timeout(soon, copying).await.expect_err("it waits for an hour");
    scene.assert_nothing_but(&[]);
}
