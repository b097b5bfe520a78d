//! Copying in: one read, resumed where it stopped, and nothing left of what went wrong.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use emam_core::backend::{Key, PutOptions, Storage, Upload};
use emam_core::clock::SystemClock;
use emam_core::local::FolderStorage;
use emam_core::memory::MemoryStorage;
use emam_core::testkit::{FaultyStorage, StorageCall};
use emam_core::transfer::{Copied, CopyIn, copy_in, hash_file, verify};
use emam_core::{Error, ErrorKind, Result};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::{TempDir, tempdir};

const MIB: u64 = 1 << 20;

/// `head -c 20971520 /dev/zero | md5sum`.
const MD5_OF_20_MIB_OF_ZEROS: &str = "8f4e33f3dc3e414ff94e5fb6905cba8c";

struct Scene {
    dir: TempDir,
    storage: FaultyStorage,
    key: Key,
}

impl Scene {
    /// A folder storage that counts its calls.
    async fn new() -> Self {
        let dir = tempdir().unwrap();
        let folder = FolderStorage::open(dir.path().join("root"), Arc::new(SystemClock)).await;
        let storage = FaultyStorage::new(Arc::new(folder.unwrap()));
        Self { dir, storage, key: "originals/A 001.mov".parse().unwrap() }
    }

    fn source(&self) -> PathBuf {
        self.dir.path().join("source.mov")
    }

    /// A source of `size` bytes, each part of which is another.
    fn write_source(&self, size: u64) -> PathBuf {
        let body: Vec<u8> = (0..size.div_ceil(8)).flat_map(|i| (i * 31).to_le_bytes()).collect();
        fs::write(self.source(), &body[..size as usize]).unwrap();
        self.source()
    }

    async fn begin(&self) -> Upload {
        self.storage.upload_begin(&self.key, PutOptions::default()).await.unwrap()
    }

    async fn copy(&self, upload: &Upload) -> Result<Copied> {
        copy_in(&self.source(), &self.storage, upload, CopyIn::default()).await
    }

    async fn assert_stored(&self, copied: &Copied) {
        assert_eq!(copied, &hash_file(&self.source(), None).await.unwrap());
        verify(&self.storage, &self.key, copied.size, &copied.xxh3).await.unwrap();
        let path = self.storage.local_path(&self.key).unwrap();
        assert!(fs::read(path).unwrap() == fs::read(self.source()).unwrap());
    }

    async fn assert_nothing_left(&self) {
        let stat = self.storage.stat(&self.key).await.unwrap_err();
        assert_eq!(stat.kind(), ErrorKind::NotFound);
        assert_eq!(self.storage.uploads(&self.key).await.unwrap(), []);
        let uploads = self.dir.path().join("root/.emam/uploads");
        assert_eq!(fs::read_dir(uploads).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn copying_gives_size_and_sums_of_the_source() {
    for size in [1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB] {
        let scene = Scene::new().await;
        scene.write_source(size);
        let upload = scene.begin().await;
        let mut told = Vec::new();
        let progress = |done, total| told.push((done, total));
        let options = CopyIn { progress: Some(Box::new(progress)), ..CopyIn::default() };
        let copied = copy_in(&scene.source(), &scene.storage, &upload, options).await.unwrap();
        assert_eq!(copied.size, size);
        scene.assert_stored(&copied).await;
        assert_eq!(told.len() as u64, size.div_ceil(8 * MIB), "told after each part");
        assert!(told.is_sorted() && told.last() == Some(&(size, size)), "{told:?}");
        let parts = scene.storage.calls(StorageCall::UploadPart);
        assert_eq!(parts, size.div_ceil(8 * MIB), "each part is sent once");
    }
}

#[tokio::test]
async fn sums_are_those_of_the_usual_tools() {
    let scene = Scene::new().await;
    File::create(scene.source()).unwrap().set_len(20 * MIB).unwrap();
    let upload = scene.begin().await;
    let expected_md5 = Some(MD5_OF_20_MIB_OF_ZEROS.to_uppercase());
    let options = CopyIn { expected_md5, ..CopyIn::default() };
    let copied = copy_in(&scene.source(), &scene.storage, &upload, options).await.unwrap();
    assert_eq!(copied.md5, MD5_OF_20_MIB_OF_ZEROS);
    scene.assert_stored(&copied).await;
}

#[tokio::test]
async fn an_empty_file_is_an_empty_object() {
    let scene = Scene::new().await;
    scene.write_source(0);
    let copied = scene.copy(&scene.begin().await).await.unwrap();
    assert_eq!((copied.size, copied.md5.as_str()), (0, "d41d8cd98f00b204e9800998ecf8427e"));
    scene.assert_stored(&copied).await;
}

#[tokio::test]
async fn resuming_sends_only_what_is_missing() {
    let scene = Scene::new().await;
    scene.write_source(45 * MIB);
    let upload = scene.begin().await;
    scene.storage.fail(StorageCall::UploadPart, 4, ErrorKind::Unavailable);
    let error = scene.copy(&upload).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(scene.storage.uploads(&scene.key).await.unwrap(), std::slice::from_ref(&upload));
    let there = scene.storage.upload_parts(&upload).await.unwrap().len() as u64;
    assert!(there >= 2, "{there} parts were stored before the fault");

    let before = scene.storage.calls(StorageCall::UploadPart);
    let mut told = Vec::new();
    let progress = |done, _| told.push(done);
    let options = CopyIn { progress: Some(Box::new(progress)), ..CopyIn::default() };
    let copied = copy_in(&scene.source(), &scene.storage, &upload, options).await.unwrap();
    let sent = scene.storage.calls(StorageCall::UploadPart) - before;
    assert_eq!(sent, 6 - there, "of six parts {there} were there");
    scene.assert_stored(&copied).await;
    assert_eq!(told.last(), Some(&(45 * MIB)));
    scene.assert_only_the_object().await;
}

impl Scene {
    async fn assert_only_the_object(&self) {
        assert_eq!(self.storage.uploads(&self.key).await.unwrap(), []);
        let uploads = self.dir.path().join("root/.emam/uploads");
        assert_eq!(fs::read_dir(uploads).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn an_answer_lost_on_its_way_does_no_harm() {
    for call in [StorageCall::UploadPart, StorageCall::UploadParts] {
        let scene = Scene::new().await;
        scene.write_source(20 * MIB);
        let upload = scene.begin().await;
        scene.storage.lose_answer(call, 1, ErrorKind::Timeout);
        assert_eq!(scene.copy(&upload).await.unwrap_err().kind(), ErrorKind::Timeout);
        let copied = scene.copy(&upload).await.unwrap();
        scene.assert_stored(&copied).await;
    }
    // Once completed the upload is over: the error says so, and the object can be verified.
    let scene = Scene::new().await;
    scene.write_source(20 * MIB);
    let upload = scene.begin().await;
    scene.storage.lose_answer(StorageCall::UploadComplete, 1, ErrorKind::Timeout);
    assert_eq!(scene.copy(&upload).await.unwrap_err().kind(), ErrorKind::Timeout);
    let error = scene.copy(&upload).await.unwrap_err();
    assert_eq!((error.kind(), error.get("upload")), (ErrorKind::NotFound, Some(&*upload.id)));
    scene.assert_stored(&hash_file(&scene.source(), None).await.unwrap()).await;
}

#[tokio::test]
async fn a_part_damaged_before_resuming_is_found_by_verifying() {
    let scene = Scene::new().await;
    scene.write_source(20 * MIB);
    let upload = scene.begin().await;
    scene.storage.fail(StorageCall::UploadPart, 3, ErrorKind::Unavailable);
    scene.copy(&upload).await.unwrap_err();
    let data = scene.dir.path().join("root/.emam/uploads").join(&upload.id).join("data");
    flip_a_byte(&data);
    let copied = scene.copy(&upload).await.unwrap();
    assert_eq!(copied, hash_file(&scene.source(), None).await.unwrap());
    let error = verify(&scene.storage, &scene.key, copied.size, &copied.xxh3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(error.get("key"), Some(scene.key.as_str()));
    assert!(error.get("expected").unwrap().contains(&copied.xxh3));
    assert!(!error.is_retryable());
}

fn flip_a_byte(path: &Path) {
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&[0xA5]).unwrap();
}

#[tokio::test]
async fn verifying_finds_every_difference() {
    let storage = MemoryStorage::new();
    let key: Key = "a".parse().unwrap();
    storage.put(&key, "abc".into(), PutOptions::default()).await.unwrap();
    let xxh3 = "06b05ab6733a618578af5f94892f3950";
    verify(&storage, &key, 3, xxh3).await.unwrap();
    for (size, xxh3) in [(4, xxh3), (3, "06b05ab6733a618578af5f94892f3951"), (3, "")] {
        let error = verify(&storage, &key, size, xxh3).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity);
    }
    let missing = verify(&storage, &"b".parse().unwrap(), 3, xxh3).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let faulty = FaultyStorage::new(Arc::new(storage));
    faulty.cut_body(1, 2);
    let cut = verify(&faulty, &key, 3, xxh3).await.unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::Unavailable, "a broken connection is no damage");
}

#[tokio::test]
async fn a_source_that_changes_while_it_is_read_is_refused() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 5] = [
        ("grows", |path| {
            File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
        }),
        ("is cut", |path| File::options().write(true).open(path).unwrap().set_len(1000).unwrap()),
        ("is cut at its end", |path| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(64 * MIB - 1).unwrap();
        }),
        ("is written over", flip_a_byte),
        ("is replaced", |path| {
            let other = path.with_extension("other");
            fs::copy(path, &other).unwrap();
            fs::rename(other, path).unwrap();
        }),
    ];
    for (what, change) in changes {
        let scene = Scene::new().await;
        let source = scene.write_source(64 * MIB);
        let upload = scene.begin().await;
        let mut is_first = true;
        let progress = |_, _| {
            if std::mem::take(&mut is_first) {
                change(&source);
            }
        };
        let options = CopyIn { progress: Some(Box::new(progress)), ..CopyIn::default() };
        let error = copy_in(&source, &scene.storage, &upload, options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{what}: {error:?}");
        assert_eq!(error.get("path"), Some(source.to_string_lossy().as_ref()));
        assert!(error.message().contains("changed"), "{error}");
        scene.assert_nothing_left().await;
    }
    let scene = Scene::new().await;
    let source = scene.write_source(64 * MIB);
    let gone = |_, _| drop(fs::remove_file(&source));
    let options = CopyIn { progress: Some(Box::new(gone)), ..CopyIn::default() };
    let upload = scene.begin().await;
    let error = copy_in(&source, &scene.storage, &upload, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    scene.assert_nothing_left().await;
}

#[tokio::test]
async fn another_md5_than_expected_leaves_nothing() {
    let scene = Scene::new().await;
    scene.write_source(10 * MIB);
    let upload = scene.begin().await;
    let expected_md5 = Some(MD5_OF_20_MIB_OF_ZEROS.to_owned());
    let options = CopyIn { expected_md5, ..CopyIn::default() };
    let error = copy_in(&scene.source(), &scene.storage, &upload, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(error.get("expected"), Some(MD5_OF_20_MIB_OF_ZEROS));
    let found = hash_file(&scene.source(), None).await.unwrap().md5;
    assert_eq!(error.get("found"), Some(found.as_str()));
    assert_eq!(error.get("path"), Some(scene.source().to_string_lossy().as_ref()));
    scene.assert_nothing_left().await;
}

#[tokio::test]
async fn an_md5_that_is_none_is_refused_before_anything_is_read() {
    let scene = Scene::new().await;
    scene.write_source(MIB);
    let options = CopyIn { expected_md5: Some("soon".into()), ..CopyIn::default() };
    let upload = scene.begin().await;
    let error = copy_in(&scene.source(), &scene.storage, &upload, options).await.unwrap_err();
    assert_eq!((error.kind(), error.get("md5")), (ErrorKind::InvalidInput, Some("soon")));
    assert_eq!(scene.storage.calls(StorageCall::UploadPart), 0);
    scene.assert_nothing_left().await;
}

#[tokio::test]
async fn a_source_that_is_no_file_is_named_and_leaves_nothing() {
    let names =
        ["missing", "folder", "pipe", "circle", "missing\nwith a break 🎬", &"n".repeat(256)];
    for name in names {
        let scene = Scene::new().await;
        let source = scene.dir.path().join(name);
        let kind = match name {
            "folder" => fs::create_dir(&source).map(|()| ErrorKind::InvalidInput).unwrap(),
            "pipe" => {
                mknodat(CWD, &source, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
                ErrorKind::InvalidInput
            }
            "circle" => symlink(&source, &source).map(|()| ErrorKind::InvalidInput).unwrap(),
            name if name.len() > 255 => ErrorKind::InvalidInput,
            _ => ErrorKind::NotFound,
        };
        let upload = scene.begin().await;
        let copying = copy_in(&source, &scene.storage, &upload, CopyIn::default());
        let copied = tokio::time::timeout(Duration::from_secs(10), copying).await;
        let names_it = |error: Error| {
            assert_eq!(error.kind(), kind, "{name}: {error:?}");
            assert_eq!(error.get("path"), Some(source.to_string_lossy().as_ref()));
        };
        names_it(copied.expect("no waiting").unwrap_err());
        scene.assert_nothing_left().await;
        names_it(hash_file(&source, None).await.unwrap_err());
    }
}

#[tokio::test]
async fn names_of_any_bytes_can_be_read() {
    use std::os::unix::ffi::OsStrExt;
    let scene = Scene::new().await;
    let long = "n".repeat(255);
    for name in [&b"a b\nc\t#%?"[..], b"\xFF\xFE not UTF-8", "🎬".as_bytes(), long.as_bytes()] {
        let source = scene.dir.path().join(std::ffi::OsStr::from_bytes(name));
        fs::write(&source, name).unwrap();
        let upload = scene.begin().await;
        let copied = copy_in(&source, &scene.storage, &upload, CopyIn::default()).await.unwrap();
        assert_eq!(copied.size, name.len() as u64);
    }
    // A link to a file is that file.
    let link = scene.dir.path().join("link");
    symlink(scene.write_source(MIB), &link).unwrap();
    let upload = scene.begin().await;
    let copied = copy_in(&link, &scene.storage, &upload, CopyIn::default()).await.unwrap();
    scene.assert_stored(&copied).await;
}

#[tokio::test]
async fn dropping_ends_the_reading_and_keeps_the_upload() {
    let scene = Scene::new().await;
    let source = scene.write_source(60 * MIB);
    let upload = scene.begin().await;
    scene.storage.delay(StorageCall::UploadPart, 3, Duration::from_secs(3600));
    scene.storage.delay(StorageCall::UploadPart, 4, Duration::from_secs(3600));
    let soon = Duration::from_millis(500);
    tokio::time::timeout(soon, scene.copy(&upload)).await.expect_err("it waits for an hour");
    for attempt in 0.. {
        if !is_open(&source) {
            break;
        }
        assert!(attempt < 500, "the source is still being read");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(scene.storage.uploads(&scene.key).await.unwrap(), std::slice::from_ref(&upload));
    let there = scene.storage.upload_parts(&upload).await.unwrap().len();
    assert_eq!(there, 2);
    let copied = scene.copy(&upload).await.unwrap();
    scene.assert_stored(&copied).await;
}

/// Whether this process has the file open.
fn is_open(path: &Path) -> bool {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path))
}
