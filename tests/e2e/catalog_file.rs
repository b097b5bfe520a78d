//! The file of a SQLite catalog: it outlives its process, and what is not one is refused whole.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, thread};

use emam_core::backend::catalog::{Assets, Events, Query, Search, Workflows};
use emam_core::clock::{Clock, SystemClock};
use emam_core::id::{AssetId, RunId};
use emam_core::local::SqliteCatalog;
use emam_core::model::{Asset, Run, RunKind};
use emam_core::{Error, ErrorKind, Result};
use emam_tests::skip;
use tempfile::TempDir;

async fn open(path: &Path) -> Result<SqliteCatalog> {
    SqliteCatalog::open(path, Arc::new(SystemClock)).await
}

fn asset(title: &str) -> Asset {
    Asset::new(AssetId::new(&SystemClock), title, SystemClock.now())
}

/// A catalog with some assets in it that nobody has open: one file.
async fn closed(folder: &TempDir, assets: usize) -> PathBuf {
    let path = folder.path().join("catalog.db");
    let catalog = open(&path).await.unwrap();
    let assets: Vec<Asset> = (0..assets).map(|number| asset(&format!("rain {number}"))).collect();
    catalog.insert_assets(&assets).await.unwrap();
    drop(catalog);
    assert!(!folder.path().join("catalog.db-wal").exists(), "the last to close cleans up");
    path
}

fn child(path: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_catalog_child"))
        .arg(path)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn lines(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = closed(&folder, 3).await;
    let catalog = open(&path).await.unwrap();
    let before = catalog.search(&Query::text("rain").limit(2)).await.unwrap();
    assert_eq!(before.total, 3);
    drop(catalog);
    let catalog = open(&path).await.unwrap();
    assert_eq!(catalog.last_event().await.unwrap(), 3);
    // A cursor is good as long as the library, not as long as the process.
    let rest = Query::text("rain").limit(2).after(before.next.unwrap());
    let rest = catalog.search(&rest).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
}

#[tokio::test]
async fn what_a_killed_process_was_told_is_done_is_done() {
    for kill_after in [1, 7, 40] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let mut child = child(&path, &["insert", "1000000"]);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut done: Vec<AssetId> = Vec::new();
        let mut line = String::new();
        while done.len() < kill_after {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended early");
            done.push(line.trim().parse().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        // The kill may have cut the last line.
        done.extend(rest.split_inclusive('\n').filter_map(|line| {
            line.strip_suffix('\n').and_then(|line| line.parse::<AssetId>().ok())
        }));
        let catalog = open(&path).await.unwrap();
        for id in &done {
            catalog.asset(*id).await.unwrap();
        }
        let found = catalog.search(&Query::text("rain")).await.unwrap();
        let known = u64::try_from(done.len()).unwrap();
        // One more may have been committed before its line was written.
        assert!([known, known + 1].contains(&found.total), "{} of {known}", found.total);
        let events = u64::try_from(catalog.last_event().await.unwrap()).unwrap();
        assert_eq!(events, found.total, "an event for each");
        catalog.insert_assets(&[asset("life goes on")]).await.unwrap();
    }
}

#[tokio::test]
async fn a_process_killed_while_it_makes_the_file_leaves_one_that_opens() {
    for millis in 0..15 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let mut child = child(&path, &["insert", "1000000"]);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let catalog = open(&path).await.unwrap();
        catalog.insert_assets(&[asset("life goes on")]).await.unwrap();
        assert_eq!(catalog.search(&Query::text("life")).await.unwrap().total, 1);
        drop(catalog);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["catalog.db"], "after {millis} ms");
    }
}

#[tokio::test]
async fn several_processes_write_at_once() {
    const EACH: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    // The first to open it makes it; all of them try.
    let children: Vec<Child> =
        (0..4).map(|_| child(&path, &["insert", &EACH.to_string()])).collect();
    let mut ids = BTreeSet::new();
    for child in children {
        ids.extend(lines(child));
    }
    assert_eq!(ids.len(), 4 * EACH);
    let catalog = open(&path).await.unwrap();
    let found = catalog.search(&Query::text("rain").limit(1000)).await.unwrap();
    let found: BTreeSet<String> = found.items.iter().map(|hit| hit.asset.id.to_string()).collect();
    assert_eq!(found, ids);
    let events = catalog.events(0, 1000).await.unwrap();
    assert!(events.is_sorted_by(|a, b| a.seq < b.seq));
    assert_eq!(events.len(), 4 * EACH);
}

#[tokio::test]
async fn processes_never_share_a_run() {
    const RUNS: usize = 80;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let catalog = open(&path).await.unwrap();
    let now = SystemClock.now();
    for _ in 0..RUNS {
        let id = RunId::new(&SystemClock);
        let run = Run::new(id, RunKind::Ingest, serde_json::Value::Null, now);
        catalog.start_run(&run).await.unwrap();
    }
    let children: Vec<Child> = (0..3).map(|_| child(&path, &["claim"])).collect();
    let taken: Vec<String> = children.into_iter().flat_map(lines).collect();
    assert_eq!(taken.len(), RUNS, "each is taken once");
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), RUNS);
}

#[tokio::test]
async fn many_can_open_a_new_catalog_at_once() {
    for _ in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let tasks: Vec<_> = (0..12)
            .map(|number| {
                let path = path.clone();
                tokio::spawn(async move {
                    let catalog = open(&path).await?;
                    catalog.insert_assets(&[asset(&format!("rain {number}"))]).await?;
                    Ok::<_, Error>(catalog)
                })
            })
            .collect();
        let mut catalogs = Vec::new();
        for task in tasks {
            catalogs.push(task.await.unwrap().unwrap());
        }
        for catalog in catalogs {
            assert_eq!(catalog.search(&Query::text("rain")).await.unwrap().total, 12);
        }
    }
}

/// Asserts that opening is refused, that the error names the file, and that the file stays as it
/// is and alone.
async fn assert_refused(path: &Path, kind: ErrorKind, words: &str) {
    let before = fs::read(path).unwrap();
    let error = open(path).await.expect_err("it must be refused");
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(error.get("path"), path.to_str());
    assert!(!error.is_retryable());
    assert!(fs::read(path).unwrap() == before, "the file was changed: {error}");
    let folder = path.parent().unwrap();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "something was left beside the file");
}

/// The file with four bytes of its header changed.
fn patched(path: &Path, at: usize, value: u32) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    fs::write(path, bytes).unwrap();
}

// https://www.sqlite.org/fileformat.html section 1.3
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

#[tokio::test]
async fn a_catalog_of_a_newer_version_is_refused() {
    for version in [1_000, u32::MAX] {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(&folder, 1).await;
        patched(&path, USER_VERSION, version);
        assert_refused(&path, ErrorKind::Unsupported, "newer version of emam").await;
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    for owner in [0, 0x1234_5678] {
        let folder = tempfile::tempdir().unwrap();
        let path = closed(&folder, 1).await;
        patched(&path, APPLICATION_ID, owner);
        assert_refused(&path, ErrorKind::InvalidInput, "another program").await;
    }
}

#[tokio::test]
async fn a_damaged_catalog_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = closed(&folder, 200).await;
    let whole = fs::read(&path).unwrap();
    let mut no_header = whole.clone();
    no_header[..100].fill(0);
    let mut bad_schema = whole.clone();
    bad_schema[100..8192].fill(0xA5);
    for (what, bytes) in [
        ("cut in the header", &whole[..50]),
        ("cut after the header", &whole[..100]),
        ("cut in the middle", &whole[..whole.len() / 2]),
        ("cut by one byte", &whole[..whole.len() - 1]),
        ("without header", &no_header),
        ("a schema of noise", &bad_schema),
        (
            "a text",
            b"this is a shopping list, and a long one: bread, butter, milk, eggs, flour, \
                     sugar, salt, oil, rice, beans",
        ),
    ] {
        eprintln!("{what}");
        fs::write(&path, bytes).unwrap();
        assert_refused(&path, ErrorKind::Integrity, "damaged; restore a backup").await;
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(open(&path).await.unwrap().search(&Query::all()).await.unwrap().total, 200);
}

/// Damage inside, which only who reads that place can see, is told apart from other failures.
#[tokio::test]
async fn damage_found_later_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = closed(&folder, 2000).await;
    let mut bytes = fs::read(&path).unwrap();
    // All but the first pages, which hold the schema.
    let from = bytes.len() / 4;
    bytes[from..].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let error = match open(&path).await {
        Err(error) => error,
        Ok(catalog) => {
            let mut failed = None;
            for text in ["rain", "rain 1*", "1999"] {
                let query = Query::text(text).limit(1000);
                failed = failed.or(catalog.search(&query).await.err());
            }
            failed.expect("a catalog with three quarters of noise must fail somewhere")
        }
    };
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error:?}");
    assert_eq!(error.get("path"), path.to_str());
}

#[tokio::test]
async fn paths_that_cannot_be_a_catalog_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no such folder/catalog.db");
    let error = open(&missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert_eq!(error.get("path"), missing.to_str());
    let error = open(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    for name in ["with space.db", "emoji \u{1f327}.db", "question?#%.db", "line\nbreak.db"] {
        let catalog = open(&folder.path().join(name)).await.unwrap();
        catalog.insert_assets(&[asset("a")]).await.unwrap();
        assert!(folder.path().join(name).is_file(), "{name:?}");
    }
}

/// A file system of one megabyte, gone when dropped; none where we may not make one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, so that a test that panics with the catalog open does not leave it behind.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let Some(disk) = SmallDisk::new() else {
        return skip("this user may not mount a small tmpfs");
    };
    let path = disk.0.path().join("catalog.db");
    let catalog = open(&path).await.unwrap();
    let mut kept: Vec<Asset> = Vec::new();
    let error = loop {
        let batch: Vec<Asset> = (0..20)
            .map(|number| Asset {
                description: format!("rain {number} ").repeat(50),
                ..asset(&format!("rain {number}"))
            })
            .collect();
        match catalog.insert_assets(&batch).await {
            Ok(()) => kept.extend(batch),
            Err(error) => break error,
        }
        assert!(kept.len() < 10_000, "a megabyte holds ten thousand assets?");
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(error.get("path"), path.to_str());
    let found = catalog.search(&Query::text("rain").limit(1000)).await.unwrap();
    assert_eq!(found.total, u64::try_from(kept.len()).unwrap(), "all or nothing of a batch");
    let events = catalog.last_event().await.unwrap();
    assert_eq!(events, i64::try_from(kept.len()).unwrap());
    assert_eq!(catalog.asset(kept[0].id).await.unwrap(), kept[0]);
}

/// Blocking work of a dropped call ends by itself and blocks nobody.
#[test]
fn dropping_a_call_leaves_the_catalog_usable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let catalog = open(&path).await.unwrap();
        for number in 0..50 {
            let asset = asset(&format!("rain {number}"));
            let mut call = Box::pin(catalog.insert_assets(std::slice::from_ref(&asset)));
            let once = std::future::poll_fn(|context| {
                let _ = call.as_mut().poll(context);
                std::task::Poll::Ready(())
            });
            once.await;
            drop(call);
            // A writer behind the dropped ones gets its turn.
            if number % 10 == 0 {
                thread::yield_now();
                catalog.insert_assets(&[self::asset("sun")]).await.unwrap();
            }
        }
        catalog.insert_assets(&[asset("sun")]).await.unwrap();
        assert_eq!(catalog.search(&Query::text("sun")).await.unwrap().total, 6);
    });
}
