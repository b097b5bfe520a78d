//! Folders that hurt: full disks, no permission, links, names too long, things that are no files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use emam_core::backend::{GetOptions, Key, PutFileOptions, PutOptions, Storage};
use emam_core::clock::SystemClock;
use emam_core::local::FolderStorage;
use emam_core::model::PageRequest;
use emam_core::transfer::{CopyIn, copy_in};
use emam_core::{Error, ErrorKind, Result};
use emam_tests::skip;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::tempdir;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

async fn open(root: &Path) -> Result<FolderStorage> {
    FolderStorage::open(root, Arc::new(SystemClock)).await
}

async fn put(storage: &FolderStorage, at: &str, body: &'static str) -> Result<()> {
    storage.put(&key(at), body.into(), PutOptions::default()).await.map(drop)
}

async fn read(storage: &FolderStorage, at: &str) -> Result<bytes::Bytes> {
    storage.get(&key(at), GetOptions::default()).await?.bytes().await
}

async fn listed(storage: &FolderStorage) -> Vec<String> {
    let page = storage.list(None, PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|stat| stat.key.to_string()).collect()
}

#[tokio::test]
async fn links_in_the_folder_are_not_followed() {
    let dir = tempdir().unwrap();
    let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    let storage = open(&root).await.unwrap();
    put(&storage, "a/real", "real").await.unwrap();
    symlink(outside.join("secret"), root.join("file")).unwrap();
    symlink(&outside, root.join("folder")).unwrap();
    symlink(root.join("circle"), root.join("circle")).unwrap();

    for text in ["file", "folder/secret", "circle"] {
        let refused = |error: Error| {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
            assert_eq!(error.get("key"), Some(text));
        };
        refused(read(&storage, text).await.unwrap_err());
        refused(storage.stat(&key(text)).await.unwrap_err());
    }
    for text in ["folder/new", "folder/deep/new"] {
        let error = put(&storage, text, "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    }
    let outcomes = storage.delete(&[key("folder/secret")]).await.unwrap();
    let error = outcomes[0].result.clone().unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert_eq!(listed(&storage).await, ["a/real"]);

    // Writing replaces a link, and deleting removes it; what it leads to stays as it is.
    put(&storage, "file", "mine").await.unwrap();
    assert_eq!(read(&storage, "file").await.unwrap(), "mine");
    storage.delete(&[key("circle")]).await.unwrap();
    assert!(root.join("circle").symlink_metadata().is_err());
    assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn the_root_itself_may_be_a_link() {
    let dir = tempdir().unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
    let storage = open(&dir.path().join("link")).await.unwrap();
    put(&storage, "a/b", "x").await.unwrap();
    assert!(dir.path().join("real/a/b").exists());
    assert_eq!(listed(&storage).await, ["a/b"]);
}

#[tokio::test]
async fn what_is_no_file_is_neither_read_nor_listed() {
    let dir = tempdir().unwrap();
    let storage = open(dir.path()).await.unwrap();
    let pipe = dir.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    fs::write(dir.path().join("line\nbreak"), "no key").unwrap();
    let soon = Duration::from_secs(10);
    for text in ["pipe", "folder"] {
        let error = tokio::time::timeout(soon, read(&storage, text)).await.expect("no waiting");
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound, "{text}");
        let error = storage.stat(&key(text)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{text}");
        let (target, file) = (key("x"), dir.path().join(text));
        let put = storage.put_file(&target, &file, PutFileOptions::default());
        let error = tokio::time::timeout(soon, put).await.expect("no waiting").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
    }
    assert_eq!(listed(&storage).await, [""; 0]);
}

#[tokio::test]
async fn a_root_that_is_a_file_is_refused() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    for root in [file.clone(), file.join("below")] {
        let error = open(&root).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        assert_eq!(error.get("path"), Some(root.to_string_lossy().as_ref()));
    }
}

#[tokio::test]
async fn a_path_longer_than_the_system_takes_is_refused() {
    let dir = tempdir().unwrap();
    let root: PathBuf = [dir.path().to_owned()]
        .into_iter()
        .chain((0..14).map(|_| "r".repeat(240).into()))
        .collect();
    let storage = open(&root).await.unwrap();
    let long = ["k"; 4].map(|part| part.repeat(255)).join("/");
    let error = put(&storage, &long, "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert_eq!(error.get("key"), Some(long.as_str()));
    put(&storage, "short", "x").await.unwrap();
    assert_eq!(listed(&storage).await, ["short"]);
}

/// A small disk, gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(at)
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_stays() {
    let dir = tempdir().unwrap();
    let at = dir.path().join("disk");
    let Some(disk) = SmallDisk::mount(&at) else {
        return skip("a small disk cannot be mounted here; that takes root");
    };
    let storage = open(&disk.0).await.unwrap();
    put(&storage, "kept", "kept").await.unwrap();
    let big = dir.path().join("big");
    fs::write(&big, vec![1; 6 << 20]).unwrap();
    let is_full = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(error.message().contains("full"), "{error}");
        assert_eq!(error.get("storage"), Some(disk.0.to_string_lossy().as_ref()));
        assert!(error.is_retryable());
    };
    let body = vec![1; 6 << 20].into();
    is_full(storage.put(&key("a/b"), body, PutOptions::default()).await.unwrap_err());
    for consume in [false, true] {
        let options = PutFileOptions { consume, ..PutFileOptions::default() };
        is_full(storage.put_file(&key("a/b"), &big, options).await.unwrap_err());
        assert!(big.exists(), "a file that was not stored is gone");
    }
    let upload = storage.upload_begin(&key("a/b"), PutOptions::default()).await.unwrap();
    is_full(copy_in(&big, &storage, &upload, CopyIn::default()).await.unwrap_err());
    assert_eq!(storage.upload_parts(&upload).await.unwrap(), [], "half a part is none");
    storage.upload_part(&upload, 1, vec![1; 100].into()).await.unwrap();
    let again = vec![2; 6 << 20].into();
    is_full(storage.upload_part(&upload, 1, again).await.unwrap_err());
    assert_eq!(storage.upload_parts(&upload).await.unwrap(), [], "written over in part");
    storage.upload_abort(&upload).await.unwrap();

    assert_eq!(listed(&storage).await, ["kept"]);
    assert_eq!(read(&storage, "kept").await.unwrap(), "kept");
    assert_eq!(fs::read_dir(disk.0.join(".emam/staging")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(disk.0.join(".emam/uploads")).unwrap().count(), 0);
    // With nothing left behind there is room again, from another disk too.
    fs::write(&big, vec![1; 3 << 20]).unwrap();
    let options = PutFileOptions { consume: true, ..PutFileOptions::default() };
    storage.put_file(&key("a/b"), &big, options).await.unwrap();
    assert!(!big.exists());
    assert_eq!(storage.stat(&key("a/b")).await.unwrap().size, 3 << 20);
}

/// Root may do everything, so this runs itself again as somebody else.
#[test]
fn a_folder_without_permission_is_said() {
    const AS_NOBODY: &str = "EMAM_TEST_AS_NOBODY";
    let dir = tempdir().unwrap();
    let is_root = fs::metadata("/proc/self").map_or(0, |meta| meta.uid()) == 0;
    if is_root && std::env::var_os(AS_NOBODY).is_none() {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let again = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_folder_without_permission_is_said", "--nocapture"])
            .env(AS_NOBODY, "1")
            .env("TMPDIR", dir.path())
            .current_dir("/")
            .uid(65534)
            .gid(65534)
            .output();
        match again {
            Err(error) => skip(&format!("this cannot run as another user: {error}")),
            Ok(output) => assert!(
                output.status.success(),
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
        return;
    }
    tokio::runtime::Runtime::new().unwrap().block_on(without_permission(dir.path()));
}

async fn without_permission(dir: &Path) {
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let is_denied = |error: Error, path: &Path| {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert_eq!(error.get("path"), Some(path.to_string_lossy().as_ref()), "{error:?}");
    };
    let root = dir.join("root");
    let storage = open(&root).await.unwrap();
    put(&storage, "open/a", "x").await.unwrap();
    put(&storage, "shut/a", "x").await.unwrap();
    mode(&root.join("shut"), 0o500);
    is_denied(put(&storage, "shut/b", "y").await.unwrap_err(), &root.join("shut/b"));
    is_denied(put(&storage, "shut/c/d", "y").await.unwrap_err(), &root.join("shut/c"));
    let outcomes = storage.delete(&[key("shut/a"), key("open/a")]).await.unwrap();
    is_denied(outcomes[0].result.clone().unwrap_err().into(), &root.join("shut/a"));
    assert!(outcomes[1].result.is_ok(), "one key does not hold up another");
    mode(&root.join("shut/a"), 0o000);
    is_denied(read(&storage, "shut/a").await.unwrap_err(), &root.join("shut/a"));
    assert_eq!(listed(&storage).await, ["shut/a"]);

    let file = dir.join("unreadable");
    fs::write(&file, "x").unwrap();
    mode(&file, 0o000);
    let error = storage.put_file(&key("x"), &file, PutFileOptions::default()).await.unwrap_err();
    is_denied(error, &file);
    let upload = storage.upload_begin(&key("x"), PutOptions::default()).await.unwrap();
    let error = copy_in(&file, &storage, &upload, CopyIn::default()).await.unwrap_err();
    is_denied(error, &file);
    assert_eq!(storage.uploads(&key("x")).await.unwrap(), [], "nothing is left");

    // A file in a folder that may not be changed cannot be taken: it stays, and so does the key.
    let shut = dir.join("shut");
    fs::create_dir(&shut).unwrap();
    fs::write(shut.join("file"), "x").unwrap();
    mode(&shut, 0o500);
    for create_only in [false, true] {
        let options = PutFileOptions { create_only, consume: true, ..PutFileOptions::default() };
        let error = storage.put_file(&key("taken"), &shut.join("file"), options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert!(shut.join("file").exists());
        assert_eq!(storage.stat(&key("taken")).await.unwrap_err().kind(), ErrorKind::NotFound);
    }

    let closed = dir.join("closed");
    fs::create_dir(&closed).unwrap();
    mode(&closed, 0o500);
    let error = open(&closed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    let error = open(&closed.join("new")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    for path in [&closed, &shut, &root.join("shut")] {
        mode(path, 0o700);
    }
}
