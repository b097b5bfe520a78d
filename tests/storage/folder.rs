//! What the folder storage promises beyond the contract: it survives its process, and nothing but
//! whole objects is ever seen.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use emam_core::backend::{
    CopyOptions, GetOptions, Key, PutFileOptions, PutOptions, Storage, Upload,
};
use emam_core::clock::SystemClock;
use emam_core::local::FolderStorage;
use emam_core::memory::MemoryStorage;
use emam_core::model::PageRequest;
use emam_core::{ErrorKind, Result};
use futures_util::StreamExt;
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

const PART: usize = 8 << 20;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

async fn open(root: &Path) -> FolderStorage {
    FolderStorage::open(root, Arc::new(SystemClock)).await.unwrap()
}

async fn fresh() -> (TempDir, FolderStorage) {
    let dir = tempdir().unwrap();
    let storage = open(dir.path()).await;
    (dir, storage)
}

async fn put(storage: &FolderStorage, at: &str, body: impl Into<Bytes>) -> Result<()> {
    storage.put(&key(at), body.into(), PutOptions::default()).await.map(drop)
}

async fn read(storage: &dyn Storage, at: &str) -> Result<Bytes> {
    storage.get(&key(at), GetOptions::default()).await?.bytes().await
}

async fn listed(storage: &dyn Storage) -> Vec<(String, u64)> {
    let page = storage.list(None, PageRequest::first(1000)).await.unwrap();
    assert_eq!(page.next, None);
    page.items.into_iter().map(|stat| (stat.key.to_string(), stat.size)).collect()
}

const NOTHING: [PathBuf; 0] = [];

/// Every file below `.emam`, where nothing may stay.
fn left_over(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![root.join(".emam")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}

/// A body that tells whether it is whole: one byte over and over, as many times as its size says.
fn telltale(size: usize) -> Bytes {
    vec![(size % 251) as u8; size].into()
}

#[tokio::test]
async fn objects_and_uploads_survive_their_process() {
    let (dir, storage) = fresh().await;
    put(&storage, "a/kept", "kept").await.unwrap();
    let upload = storage.upload_begin(&key("a/long"), PutOptions::default()).await.unwrap();
    let other = storage.upload_begin(&key("b"), PutOptions::default()).await.unwrap();
    storage.upload_part(&upload, 1, telltale(PART)).await.unwrap();
    drop(storage);

    let storage = open(dir.path()).await;
    assert_eq!(read(&storage, "a/kept").await.unwrap(), "kept");
    let unfinished = storage.unfinished_uploads().await.unwrap();
    let ids: Vec<_> = unfinished.iter().map(|found| &found.upload).collect();
    assert_eq!(ids, [&upload, &other]);
    assert_eq!(storage.upload_parts(&upload).await.unwrap().len(), 1);
    storage.upload_part(&upload, 2, "end".into()).await.unwrap();
    storage.upload_complete(&upload).await.unwrap();
    let body = read(&storage, "a/long").await.unwrap();
    assert!(body == [&telltale(PART)[..], b"end"].concat());
    storage.upload_abort(&other).await.unwrap();
    assert_eq!(left_over(dir.path()), NOTHING);
}

/// Writes without end when it is the child; else kills children at any instant and looks at what
/// they leave.
#[test]
fn a_writer_killed_at_any_instant_leaves_only_whole_objects() {
    const ROOT: &str = "EMAM_TEST_KILLED_WRITER";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(root) = std::env::var_os(ROOT) {
        runtime.block_on(write_for_ever(Path::new(&root)));
    }
    let dir = tempdir().unwrap();
    let mut uploads_seen = 0;
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_writer_killed_at_any_instant_leaves_only_whole_objects"])
            .env(ROOT, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Alive, it has the first object soon; then some time more, each round another.
        for _ in 0..1000 {
            std::thread::sleep(Duration::from_millis(5));
            if dir.path().join(format!("objects/{}", child.id())).exists() {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(7 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        uploads_seen += runtime.block_on(check_what_is_left(dir.path()));
    }
    assert!(uploads_seen > 0, "no kill came in the middle of an upload");
}

async fn write_for_ever(root: &Path) {
    let storage = open(root).await;
    for round in 0.. {
        let pid = std::process::id();
        put(&storage, &format!("objects/{pid}/first"), telltale(10)).await.unwrap();
        let big = telltale(1_000_000 + round);
        put(&storage, &format!("objects/{pid}/{round}"), big).await.unwrap();
        let upload = storage
            .upload_begin(&key(&format!("uploaded/{pid}/{round}")), PutOptions::default())
            .await
            .unwrap();
        for number in 1..=3 {
            // Part n is full of n, so that what is listed can be checked.
            let part = vec![number as u8; if number < 3 { PART } else { 1000 }];
            storage.upload_part(&upload, number, part.into()).await.unwrap();
        }
        storage.upload_complete(&upload).await.unwrap();
        storage.delete(std::slice::from_ref(&upload.key)).await.unwrap();
    }
}

async fn check_what_is_left(root: &Path) -> usize {
    let storage = open(root).await;
    for (text, size) in listed(&storage).await {
        let body = read(&storage, &text).await.unwrap();
        assert_eq!(body.len() as u64, size, "{text}");
        if text.starts_with("objects/") {
            assert!(body == telltale(body.len()), "{text} is not whole");
        } else {
            assert_eq!(body.len(), 2 * PART + 1000, "{text} is not whole");
        }
        storage.delete(&[key(&text)]).await.unwrap();
    }
    let unfinished = storage.unfinished_uploads().await.unwrap();
    for Upload { id, key } in unfinished.iter().map(|found| &found.upload) {
        let upload = Upload { id: id.clone(), key: key.clone() };
        let parts = storage.upload_parts(&upload).await.unwrap();
        let data = root.join(".emam/uploads").join(id).join("data");
        for part in parts {
            let data = fs::read(&data).unwrap();
            let start = (part.number as usize - 1) * PART;
            let bytes = &data[start..start + part.size as usize];
            assert!(bytes.iter().all(|&byte| u32::from(byte) == part.number), "part {part:?}");
        }
        storage.upload_abort(&upload).await.unwrap();
    }
    assert_eq!(left_over(root), NOTHING);
    unfinished.len()
}

#[tokio::test]
async fn what_dead_writers_left_is_swept_and_what_living_ones_write_is_not() {
    let (dir, storage) = fresh().await;
    drop(storage);
    let staging = dir.path().join(".emam/staging");
    let (dead, living) = (staging.join("dead"), staging.join("living"));
    fs::write(&dead, "half").unwrap();
    fs::write(&living, "half").unwrap();
    let ended = dir.path().join(".emam/uploads/0190f5a2-7c1e-7000-8000-000000000000");
    fs::create_dir(&ended).unwrap();
    fs::write(ended.join("data"), "half").unwrap();
    let lock = File::open(&living).unwrap();
    lock.lock().unwrap();
    let storage = open(dir.path()).await;
    assert_eq!(left_over(dir.path()), [living]);
    assert_eq!(listed(&storage).await, []);
    drop(lock);
    open(dir.path()).await;
    assert_eq!(left_over(dir.path()), NOTHING);
}

#[tokio::test]
async fn completing_again_after_a_crash_succeeds() {
    for create_only in [false, true] {
        let (dir, storage) = fresh().await;
        let target = key("a/b");
        let options = PutOptions { create_only, ..PutOptions::default() };
        let upload = storage.upload_begin(&target, options).await.unwrap();
        storage.upload_part(&upload, 1, "whole".into()).await.unwrap();
        // What a process does that dies before it clears up.
        let data = dir.path().join(".emam/uploads").join(&upload.id).join("data");
        fs::create_dir(dir.path().join("a")).unwrap();
        if create_only {
            fs::hard_link(&data, dir.path().join("a/b")).unwrap();
        } else {
            fs::rename(&data, dir.path().join("a/b")).unwrap();
        }
        let stat = open(dir.path()).await.upload_complete(&upload).await.unwrap();
        assert_eq!(stat.size, 5);
        assert_eq!(read(&storage, "a/b").await.unwrap(), "whole");
        assert_eq!(left_over(dir.path()), NOTHING);
    }
}

#[tokio::test]
async fn the_private_folder_is_no_key() {
    let (_dir, storage) = fresh().await;
    for text in [".emam", ".emam/uploads/x", ".EMAM/x"] {
        let key = key(text);
        let refused = |kind| assert_eq!(kind, ErrorKind::InvalidInput, "{text}");
        refused(put(&storage, text, "x").await.unwrap_err().kind());
        refused(read(&storage, text).await.unwrap_err().kind());
        refused(storage.stat(&key).await.unwrap_err().kind());
        refused(storage.list(Some(&key), PageRequest::default()).await.unwrap_err().kind());
        refused(storage.uploads(&key).await.unwrap_err().kind());
        refused(storage.upload_begin(&key, PutOptions::default()).await.unwrap_err().kind());
        refused(storage.copy(&key, &key, CopyOptions::default()).await.unwrap_err().kind());
        let outcomes = storage.delete(std::slice::from_ref(&key)).await.unwrap();
        refused(outcomes[0].result.clone().unwrap_err().kind);
        assert_eq!(storage.local_path(&key), None);
    }
    put(&storage, "a/.emam", "only the first part is private").await.unwrap();
    assert_eq!(listed(&storage).await.len(), 1);
}

#[tokio::test]
async fn an_upload_id_is_no_path() {
    let (dir, storage) = fresh().await;
    put(&storage, "a/upload.json", r#"{"key":"x","create_only":false,"md5":null}"#).await.unwrap();
    for id in ["../../a", "a", "", "/etc", "0190f5a2-7c1e-7000-8000-000000000000/../../../a"] {
        let forged = Upload { id: id.into(), key: key("x") };
        let part = storage.upload_part(&forged, 1, "x".into()).await.unwrap_err();
        assert_eq!(part.kind(), ErrorKind::NotFound, "{id}");
        storage.upload_abort(&forged).await.unwrap();
    }
    assert!(dir.path().join("a/upload.json").exists());
}

#[tokio::test]
async fn a_cursor_that_no_list_gave_is_refused() {
    let folder = fresh().await;
    let storages: [&dyn Storage; 2] = [&folder.1, &MemoryStorage::new()];
    for storage in storages {
        for forged in ["", "../..", "a//b", "a\n", &"x".repeat(2000)] {
            let page = PageRequest { limit: 10, cursor: Some(forged.into()) };
            let error = storage.list(None, page).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{forged:?}");
            assert!(error.get("cursor").is_some());
        }
    }
}

#[tokio::test]
async fn an_object_and_a_folder_of_one_name_conflict() {
    let (dir, storage) = fresh().await;
    put(&storage, "a/b", "x").await.unwrap();
    for blocked in ["a", "a/b/c", "a/b/c/d"] {
        let error = put(&storage, blocked, "y").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{blocked}");
        assert_eq!(error.get("key"), Some(blocked));
        let options = PutOptions { create_only: true, ..PutOptions::default() };
        let error = storage.put(&key(blocked), "y".into(), options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{blocked}");
    }
    assert_eq!(listed(&storage).await, [("a/b".to_owned(), 1)]);
    assert_eq!(left_over(dir.path()), NOTHING);
    // An empty folder that a crash has left is in nobody's way.
    fs::create_dir_all(dir.path().join("empty")).unwrap();
    put(&storage, "empty", "z").await.unwrap();
    assert_eq!(read(&storage, "empty").await.unwrap(), "z");
}

#[tokio::test]
async fn deleting_removes_empty_folders_but_not_the_root() {
    let (dir, storage) = fresh().await;
    put(&storage, "a/b/c/d", "x").await.unwrap();
    put(&storage, "a/e", "x").await.unwrap();
    storage.delete(&[key("a/b/c/d")]).await.unwrap();
    assert!(!dir.path().join("a/b").exists());
    assert!(dir.path().join("a/e").exists());
    storage.delete(&[key("a/e")]).await.unwrap();
    assert!(!dir.path().join("a").exists());
    assert!(dir.path().exists());
    // A folder is no object, and deleting nothing removes nothing.
    fs::create_dir(dir.path().join("folder")).unwrap();
    assert!(storage.delete(&[key("folder")]).await.unwrap()[0].result.is_ok());
    assert!(dir.path().join("folder").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn putting_while_folders_are_removed_never_fails() {
    let (_dir, storage) = fresh().await;
    let workers = (0..8).map(|worker| {
        let storage = storage.clone();
        tokio::spawn(async move {
            for round in 0..150 {
                let text = format!("a/b/c/{worker}");
                let options = PutOptions { create_only: round % 2 == 0, ..PutOptions::default() };
                storage.put(&key(&text), "x".into(), options).await.unwrap();
                let outcomes = storage.delete(&[key(&text)]).await.unwrap();
                outcomes.into_iter().for_each(|outcome| outcome.result.unwrap());
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(listed(&storage).await, []);
}

#[tokio::test]
async fn an_object_changed_in_place_while_it_is_read_is_an_error() {
    let (dir, storage) = fresh().await;
    for grow in [false, true] {
        put(&storage, "a", telltale(3 << 20)).await.unwrap();
        let mut object = storage.get(&key("a"), GetOptions::default()).await.unwrap();
        object.body.next().await.unwrap().unwrap();
        let file = File::options().write(true).open(dir.path().join("a")).unwrap();
        file.set_len(if grow { 4 << 20 } else { 2 << 20 }).unwrap();
        let error = object.bytes().await.expect_err("an error at the end");
        assert_eq!(error.kind(), ErrorKind::Integrity);
        assert_eq!(error.get("key"), Some("a"));
    }
    // Replaced as the library does it, a reader goes on with the object it has opened.
    put(&storage, "a", telltale(3 << 20)).await.unwrap();
    let object = storage.get(&key("a"), GetOptions::default()).await.unwrap();
    put(&storage, "a", "new").await.unwrap();
    assert!(object.bytes().await.unwrap() == telltale(3 << 20));
}

#[tokio::test]
async fn a_consumed_file_is_moved_and_not_copied() {
    let (dir, storage) = fresh().await;
    let file = dir.path().with_extension("outside");
    for create_only in [false, true] {
        fs::write(&file, "moved").unwrap();
        let inode = fs::metadata(&file).unwrap().ino();
        let options = PutFileOptions { create_only, consume: true, ..PutFileOptions::default() };
        let target = format!("a/{create_only}");
        storage.put_file(&key(&target), &file, options).await.unwrap();
        assert_eq!(fs::metadata(dir.path().join(&target)).unwrap().ino(), inode);
        assert!(!file.exists());
    }
}

fn operations() -> impl Strategy<Value = Vec<(u8, usize, usize)>> {
    prop::collection::vec((0..6_u8, 0..KEYS.len(), 0..KEYS.len()), 1..40)
}

/// No one the beginning of another with a slash: a folder could not hold both.
const KEYS: [&str; 9] =
    ["a-b", "a.b", "a/b/c", "a/b/d", "a/b.c", "a/b-c", "a b/c", "ä/b", "z/y/x/w"];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever is done, the storages hold what a map would.
    #[test]
    fn a_storage_is_a_sorted_map(operations in operations(), limit in 1..5_i64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = fresh().await;
            let memory = MemoryStorage::new();
            let storages: [&dyn Storage; 2] = [&folder.1, &memory];
            for storage in storages {
                let mut model = BTreeMap::new();
                for &(operation, one, other) in &operations {
                    apply(storage, &mut model, operation, KEYS[one], KEYS[other]).await;
                }
                let mut page = PageRequest::first(limit);
                let mut found = Vec::new();
                loop {
                    let got = storage.list(None, page.clone()).await.unwrap();
                    found.extend(got.items.into_iter().map(|s| (s.key.to_string(), s.size)));
                    page.cursor = got.next;
                    if page.cursor.is_none() {
                        break;
                    }
                }
                let wanted: Vec<_> =
                    model.iter().map(|(&key, body)| (key.to_owned(), body.len() as u64)).collect();
                assert_eq!(found, wanted);
                for (key, body) in &model {
                    assert_eq!(read(storage, key).await.unwrap(), body);
                }
            }
        });
    }
}

async fn apply(
    storage: &dyn Storage,
    model: &mut BTreeMap<&'static str, Bytes>,
    operation: u8,
    one: &'static str,
    other: &'static str,
) {
    let create_only = operation.is_multiple_of(2);
    let body = telltale(model.len() * 7 + one.len());
    match operation {
        0 | 1 => {
            let options = PutOptions { create_only, ..PutOptions::default() };
            let result = storage.put(&key(one), body.clone(), options).await;
            assert_eq!(result.is_err(), create_only && model.contains_key(one));
            if result.is_ok() {
                model.insert(one, body);
            }
        }
        2 | 3 => {
            let result = storage.copy(&key(one), &key(other), CopyOptions { create_only }).await;
            match model.get(one).cloned() {
                None => assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound),
                Some(_) if create_only && model.contains_key(other) => {
                    assert_eq!(result.unwrap_err().kind(), ErrorKind::AlreadyExists);
                }
                Some(body) => {
                    result.unwrap();
                    model.insert(other, body);
                }
            }
        }
        _ => {
            storage.delete(&[key(one), key(other)]).await.unwrap();
            model.remove(one);
            model.remove(other);
        }
    }
}
