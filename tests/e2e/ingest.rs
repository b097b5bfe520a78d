//! Ingest as a user meets it: what becomes of good files, of known ones and of bad ones.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use emam_core::backend::GetOptions;
use emam_core::backend::catalog::{Query, RunFilter};
use emam_core::clock::SystemClock;
use emam_core::config::Config;
use emam_core::library::RunHandle;
use emam_core::local::FolderStorage;
use emam_core::model::{
    Asset, AssetKind, InstanceState, KnownContent, Lifecycle, PageRequest, Role, RunState,
};
use emam_core::workflow::{IngestOptions, RetryPolicy};
use emam_core::{Error, ErrorKind, Library, Result};
use emam_tests::{bytes, media};

struct Scene {
    folder: tempfile::TempDir,
    library: Library,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path().join("library")).await.unwrap();
        Self { folder, library }
    }

    fn file(&self, name: impl AsRef<Path>, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    async fn take(&self, path: &Path, options: IngestOptions) -> Result<Asset> {
        self.library.assets().ingest(path, options).await?.join().await
    }

    async fn count(&self) -> u64 {
        self.library.assets().search(Query::all()).await.unwrap().total
    }

    /// The bytes the library holds are those of the file.
    async fn check_bytes(&self, asset: &Asset, file: &Path) {
        let assets = self.library.assets();
        let opened = assets.open(asset.id, Role::Original, 0, GetOptions::default()).await.unwrap();
        assert!(matches!(opened.instance.state, InstanceState::Verified { .. }));
        assert_eq!(opened.object.bytes().await.unwrap(), std::fs::read(file).unwrap());
    }

    /// A file that turned out bad: the asset says so, and its original is kept.
    async fn check_refused(&self, path: &Path, kind: ErrorKind) -> Error {
        let run = self.library.assets().ingest(path, IngestOptions::default()).await.unwrap();
        let error = run.join().await.expect_err("the ingest should have failed");
        assert_eq!(error.kind(), kind, "{error:?}");
        let asset = self.library.assets().get(run.asset_id().unwrap()).await.unwrap();
        assert_eq!(asset.lifecycle, Lifecycle::Failed);
        assert_eq!(asset.failure.as_ref().unwrap().kind, kind);
        self.check_bytes(&asset, path).await;
        error
    }
}

fn md5(path: &Path) -> Option<String> {
    let output = std::process::Command::new("md5sum").arg(path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A name with odd characters makes md5sum mark the line with a backslash.
    text.trim_start_matches('\\').split_whitespace().next().map(str::to_owned)
}

#[tokio::test]
async fn video_becomes_ready_with_everything_it_can_have() {
    let scene = Scene::new().await;
    let file = media::shots(scene.folder.path());
    let mut run = scene.library.assets().ingest(&file, IngestOptions::default()).await.unwrap();
    let mut steps = Vec::new();
    while let Some(progress) = run.progress().await.unwrap() {
        assert!((0.0..=1.0).contains(&progress.fraction));
        if steps.last() != Some(&progress.step) {
            steps.push(progress.step);
        }
    }
    assert!(steps.contains(&"transcode".to_owned()), "{steps:?}");
    let asset = run.join().await.unwrap();
    assert_eq!((asset.lifecycle, asset.kind), (Lifecycle::Ready, AssetKind::Video));
    let summary = asset.media.clone().unwrap();
    assert_eq!(summary.md5, md5(&file));
    assert_eq!((summary.width, summary.height), (Some(640), Some(360)));
    scene.check_bytes(&asset, &file).await;

    let renditions = scene.library.assets().renditions(asset.id).await.unwrap();
    for role in [Role::Proxy, Role::Poster, Role::Thumbnail, Role::Storyboard, Role::Waveform] {
        let path = scene.library.assets().path(asset.id, role, 0).await.unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 0, "{}", path.display());
    }
    let proxy = renditions.iter().find(|rendition| rendition.role == Role::Proxy).unwrap();
    let map = proxy.frame_map.as_ref().expect("the frame map was checked");
    assert_eq!(
        (map.rate, Some(map.frames)),
        (summary.rate.unwrap(), summary.duration.map(|d| d.value()))
    );
    assert!(proxy.derivation.as_ref().unwrap().run.is_some());

    let found = scene.library.annotations();
    let found = found.list(asset.id, Default::default(), PageRequest::first(100)).await.unwrap();
    let kinds: Vec<_> = found.items.iter().map(|annotation| annotation.kind.as_str()).collect();
    for kind in ["shot", "black", "silence", "loudness"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    scene.library.close().await;
}

#[tokio::test]
async fn known_content_is_reused_versioned_refused_or_allowed() {
    let scene = Scene::new().await;
    let file = scene.file("tone.wav", &bytes::wav(200, 40));
    let again = scene.file("other name.wav", &bytes::wav(200, 40));
    let first = scene.take(&file, IngestOptions::default()).await.unwrap();

    let reused = scene.take(&again, IngestOptions::default()).await.unwrap();
    assert_eq!((reused.id, scene.count().await), (first.id, 1));

    let options = |known_content| IngestOptions { known_content, ..IngestOptions::default() };
    let error = scene.take(&again, options(KnownContent::Reject)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(error.get("asset"), Some(first.id.to_string().as_str()));
    assert_eq!(scene.count().await, 1, "what was refused left an asset behind");

    let versioned = scene.take(&again, options(KnownContent::NewVersion)).await.unwrap();
    assert_eq!((versioned.id, scene.count().await), (first.id, 1));
    let versions = scene.library.assets().versions(first.id).await.unwrap();
    assert_eq!(versions.iter().map(|version| version.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(versioned.face_version, Some(versions[1].id));

    let allowed = scene.take(&again, options(KnownContent::Allow)).await.unwrap();
    assert_ne!(allowed.id, first.id);
    assert_eq!(scene.count().await, 2);
    scene.library.close().await;
}

#[tokio::test]
async fn same_file_ingested_many_times_at_once_is_one_asset() {
    let scene = Scene::new().await;
    let file = scene.file("tone.wav", &bytes::wav(300, 41));
    let mut runs: Vec<RunHandle<Asset>> = Vec::new();
    for _ in 0..6 {
        runs.push(scene.library.assets().ingest(&file, IngestOptions::default()).await.unwrap());
    }
    let mut ids = Vec::new();
    for run in runs {
        ids.push(run.join().await.unwrap().id);
    }
    ids.dedup();
    assert_eq!((ids.len(), scene.count().await), (1, 1));
    scene.library.close().await;
}

#[tokio::test]
async fn expected_md5_is_checked() {
    let scene = Scene::new().await;
    let file = scene.file("tone.wav", &bytes::wav(100, 42));
    let right = md5(&file).expect("md5sum is on every Linux");
    let options = |md5: &str| IngestOptions {
        expected_md5: Some(md5.to_owned()),
        ..IngestOptions::default()
    };
    let error = scene.take(&file, options(&"0".repeat(32))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let stored = scene.folder.path().join("library/originals");
    assert_eq!(files(&stored), Vec::<PathBuf>::new(), "bytes nobody wanted were kept");
    assert_eq!(
        scene.take(&file, options("abc")).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let asset = scene.take(&file, options(&right.to_uppercase())).await.unwrap();
    assert_eq!(asset.media.unwrap().md5, Some(right));
    scene.library.close().await;
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn every_file_name_is_kept() {
    use std::os::unix::ffi::OsStrExt;
    let scene = Scene::new().await;
    let long = format!("{}.wav", "n".repeat(251));
    let invalid = std::ffi::OsStr::from_bytes(b"caf\xe9.wav");
    let names: Vec<&std::ffi::OsStr> = vec![
        "two words.wav".as_ref(),
        "line\nbreak.wav".as_ref(),
        "take 🎬 один.wav".as_ref(),
        "100%25 #1?&x=\"'.wav".as_ref(),
        "-rf.wav".as_ref(),
        long.as_ref(),
        invalid,
    ];
    for (i, name) in names.into_iter().enumerate() {
        let file = scene.file(name, &bytes::wav(100, 50 + i as u16));
        let asset = scene.take(&file, IngestOptions::default()).await.unwrap();
        assert_eq!(asset.lifecycle, Lifecycle::Ready);
        assert_eq!(asset.file_name, name.to_string_lossy());
        scene.check_bytes(&asset, &file).await;
    }
    scene.library.close().await;
}

#[tokio::test]
async fn missing_and_empty_files_are_refused_before_anything_is_registered() {
    let scene = Scene::new().await;
    let missing = scene.folder.path().join("missing.mov");
    let error = scene.take(&missing, IngestOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.get("path").unwrap().ends_with("missing.mov"));
    let empty = scene.file("empty.mov", b"");
    let error = scene.take(&empty, IngestOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMedia);
    let error = scene.take(scene.folder.path(), IngestOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let runs = scene.library.runs();
    let runs = runs.list(RunFilter::default(), PageRequest::default()).await.unwrap();
    assert!(runs.items.is_empty());
    assert_eq!(scene.count().await, 0);
    scene.library.close().await;
}

#[tokio::test]
async fn media_that_cannot_be_read_fails_and_keeps_its_original() {
    let scene = Scene::new().await;
    let no_index = scene.file("camera.mp4", &bytes::mp4_without_moov());
    let text = scene.file("notes.mov", b"These are notes, not a film.\n".repeat(50).as_slice());
    let huge = scene.file("huge.png", &bytes::png_header(60_000, 60_000));
    for file in [no_index, text] {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let error = scene.check_refused(&file, ErrorKind::InvalidMedia).await;
        assert!(error.to_string().contains(&name), "{error} does not name {name}");
    }
    let error = scene.check_refused(&huge, ErrorKind::InvalidMedia).await;
    assert!(error.to_string().contains("60000"), "{error} does not name the size");
    scene.library.close().await;
}

#[tokio::test]
async fn truncated_picture_fails_and_keeps_its_original() {
    let scene = Scene::new().await;
    let source = ["-f", "lavfi", "-i", "testsrc2=s=640x480:d=1", "-frames:v", "1"];
    let whole = media::make(scene.folder.path(), "whole.jpg", &source);
    let asset = scene.take(&whole, IngestOptions::default()).await.unwrap();
    assert_eq!((asset.lifecycle, asset.kind), (Lifecycle::Ready, AssetKind::Image));
    let bytes = std::fs::read(&whole).unwrap();
    let file = scene.file("half.jpg", &bytes[..bytes.len() / 2]);
    let error = scene.check_refused(&file, ErrorKind::InvalidMedia).await;
    assert!(error.to_string().contains("half.jpg"), "{error}");
    scene.library.close().await;
}

#[tokio::test]
async fn source_is_decoded_once() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let tools = media::toolset();
    let log = folder.path().join("calls");
    // A program that notes each call and hands it on.
    let counting = folder.path().join("ffmpeg");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> '{}'\nexec '{}' \"$@\"\n",
        log.display(),
        tools.ffmpeg.path.display()
    );
    std::fs::write(&counting, script).unwrap();
    std::fs::set_permissions(&counting, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = Config {
        ffmpeg: Some(counting),
        ffprobe: Some(tools.ffprobe.unwrap().path),
        ..Config::default()
    };
    let library =
        Library::builder().config(config).open(folder.path().join("library")).await.unwrap();
    let file = media::shots(folder.path());
    let run = library.assets().ingest(&file, IngestOptions::default()).await.unwrap();
    assert_eq!(run.join().await.unwrap().lifecycle, Lifecycle::Ready);
    let calls = std::fs::read_to_string(&log).unwrap();
    let decodes = calls.lines().filter(|call| call.contains("-i ")).count();
    assert_eq!(decodes, 1, "{calls}");
    library.close().await;
}

#[tokio::test]
async fn bad_content_that_is_known_fails_again_and_stays_one_asset() {
    let scene = Scene::new().await;
    let text = b"These are notes, not a film.\n".repeat(50);
    scene.check_refused(&scene.file("notes.mov", &text), ErrorKind::InvalidMedia).await;
    let again = scene.file("again.mov", &text);
    let error = scene.take(&again, IngestOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), scene.count().await), (ErrorKind::InvalidMedia, 1));
    scene.library.close().await;
}

#[tokio::test]
async fn playlists_read_nothing_but_themselves() {
    let scene = Scene::new().await;
    let hls = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n\
               #EXTINF:10,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n";
    let concat = "ffconcat version 1.0\nfile /etc/passwd\nfile http://127.0.0.1:9/clip.mov\n";
    for (name, text) in [("a.mov", hls), ("b.mp4", hls), ("c.mov", concat)] {
        // Not the same content twice: that would be known.
        let file = scene.file(name, format!("{text}# {name}\n").as_bytes());
        let error = scene.check_refused(&file, ErrorKind::InvalidMedia).await;
        assert!(!error.report().to_string().contains("root:"), "{error:?}");
    }
    scene.library.close().await;
}

#[tokio::test]
async fn folders_are_walked_and_links_in_a_circle_end() {
    let scene = Scene::new().await;
    let card = scene.folder.path().join("card");
    std::fs::create_dir_all(card.join("clips")).unwrap();
    std::fs::write(card.join("clips/one.wav"), bytes::wav(100, 60)).unwrap();
    std::fs::write(card.join("two.wav"), bytes::wav(100, 61)).unwrap();
    std::fs::write(card.join("empty.wav"), b"").unwrap();
    std::fs::write(card.join(".DS_Store"), b"x").unwrap();
    std::os::unix::fs::symlink(&card, card.join("clips/up")).unwrap();
    std::os::unix::fs::symlink("self", card.join("self")).unwrap();
    let intake =
        scene.library.assets().ingest_all(&[card], IngestOptions::default()).await.unwrap();
    assert_eq!(intake.runs.len(), 2);
    let refused: Vec<_> =
        intake.refused.iter().map(|refused| refused.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(refused, ["self", "empty.wav"], "{:?}", intake.refused);
    for run in intake.runs {
        assert_eq!(run.join().await.unwrap().lifecycle, Lifecycle::Ready);
    }
    scene.library.close().await;
}

#[tokio::test]
async fn cancelled_ingest_leaves_nothing_that_was_not_added() {
    let scene = Scene::new().await;
    scene.library.close().await;
    // Without workers the run stays queued until it is cancelled.
    let library =
        Library::builder().workers(0).open(scene.folder.path().join("library")).await.unwrap();
    let file = scene.file("tone.wav", &bytes::wav(100, 62));
    let run = library.assets().ingest(&file, IngestOptions::default()).await.unwrap();
    run.cancel().await.unwrap();
    assert_eq!(run.join().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(library.assets().search(Query::all()).await.unwrap().total, 0);
    assert_eq!(run.cancel().await.unwrap_err().kind(), ErrorKind::Conflict);
    library.close().await;
}

#[tokio::test]
async fn full_disk_fails_the_run_and_a_retry_goes_on_once_there_is_room() {
    let disk = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        std::process::Command::new("mount").args(arguments).arg(disk.path()).output()
    };
    match mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"]) {
        Ok(output) if output.status.success() => {}
        _ => return emam_tests::skip("full disk: a small tmpfs cannot be mounted here"),
    }
    let scene = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock);
    let originals = FolderStorage::open(disk.path().join("originals"), clock).await.unwrap();
    let library = Library::builder()
        .originals(Arc::new(originals))
        .retry(RetryPolicy {
            max_attempts: 2,
            first_wait: Duration::from_millis(10),
            longest_wait: Duration::from_millis(10),
            ..RetryPolicy::default()
        })
        .open(scene.path().join("library"))
        .await
        .unwrap();
    let file = scene.path().join("long.wav");
    std::fs::write(&file, bytes::wav(240_000, 63)).unwrap();
    let run = library.assets().ingest(&file, IngestOptions::default()).await.unwrap();
    let error = run.join().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("full"), "{error}");

    assert!(mount(&["-o", "remount,size=64m"]).unwrap().status.success());
    library.runs().retry(run.id()).await.unwrap();
    let asset = run.join().await.unwrap();
    assert_eq!(asset.lifecycle, Lifecycle::Ready);
    assert_eq!(asset.media.unwrap().md5, md5(&file));
    let run = library.runs().get(run.id()).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded);
    library.close().await;
    drop(library);
    let _ = std::process::Command::new("umount").arg("-l").arg(disk.path()).output();
}

#[tokio::test]
async fn one_file_that_is_not_readable_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new().await;
    let file = scene.file("secret.wav", &bytes::wav(100, 64));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&file).is_ok() {
        scene.library.close().await;
        return emam_tests::skip("unreadable file: this user may read everything");
    }
    let error = scene.take(&file, IngestOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.get("path").unwrap().ends_with("secret.wav"));
    scene.library.close().await;
}
