//! `kill -9` at every step boundary and at random instants: the run goes on, no finished step runs
//! again, no asset is lost or doubled, no temporary file remains.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use emam_core::Library;
use emam_core::backend::catalog::{Query, RunFilter};
use emam_core::model::{InstanceState, Lifecycle, PageRequest, Role, RunState};
use emam_tests::media;

/// A library's folder `lib`, its media `lib.mkv` and its log `lib.log` in a folder of their own.
struct Scene {
    _folder: tempfile::TempDir,
    library: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("lib");
        let made = media::sized(folder.path(), 64, 36, "0.4");
        std::fs::rename(made, library.with_extension("mkv")).unwrap();
        Self { _folder: folder, library }
    }

    fn child(&self, job: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crash_child"));
        command.arg(&self.library).arg(job).stderr(Stdio::inherit());
        command
    }

    /// Works until all is done.
    fn finish(&self, job: &str) {
        let status = self.child(job).status().unwrap();
        assert!(status.success(), "the {job} did not go on: {status}");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.library.with_extension("log")).unwrap()
    }

    fn check_no_step_was_repeated(&self) {
        let mut done = HashSet::new();
        let log = self.log();
        for line in log.lines() {
            let (step, point) = line.rsplit_once(' ').unwrap();
            match point {
                "StepDone" => {
                    assert!(done.insert(step.to_owned()), "done twice: {step}\n{log}");
                }
                "StepBegun" => {
                    assert!(!done.contains(step), "begun after it was done: {step}\n{log}");
                }
                _ => {}
            }
        }
    }

    fn check_nothing_temporary_remains(&self) {
        let left: Vec<_> = files(&self.library)
            .into_iter()
            .filter(|path| {
                let path = path.strip_prefix(&self.library).unwrap();
                path.starts_with("work")
                    || path.components().any(|part| part.as_os_str() == ".emam")
            })
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn with_library<T>(scene: &Scene, look: impl AsyncFnOnce(&Library) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let library = Library::builder().workers(0).open(&scene.library).await.unwrap();
        let result = look(&library).await;
        library.close().await;
        result
    })
}

/// One asset, ready, with every rendition once and each stored file there; as many stored files as
/// the catalog knows.
fn check_asset(scene: &Scene, original_is: fn(&InstanceState) -> bool) {
    with_library(scene, async |library| {
        let runs =
            library.runs().list(RunFilter::default(), PageRequest::first(100)).await.unwrap();
        for run in &runs.items {
            assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
        }
        let found = library.assets().search(Query::all()).await.unwrap();
        assert_eq!(found.total, 1, "lost or doubled");
        let asset = &found.items[0].asset;
        assert_eq!(asset.lifecycle, Lifecycle::Ready);
        let renditions = library.assets().renditions(asset.id).await.unwrap();
        let roles: HashSet<_> = renditions.iter().map(|rendition| rendition.role).collect();
        assert_eq!(roles.len(), renditions.len(), "a rendition stands twice");
        assert!(roles.contains(&Role::Proxy) && roles.contains(&Role::Poster), "{roles:?}");
        let mut stored = 0;
        for instance in renditions.iter().flat_map(|rendition| &rendition.instances) {
            if instance.storage == "originals" {
                assert!(original_is(&instance.state), "{:?}", instance.state);
            }
            stored += usize::from(!matches!(instance.state, InstanceState::Archived { .. }));
        }
        let on_disk = files(&scene.library.join("originals")).len()
            + files(&scene.library.join("proxies")).len();
        assert_eq!(on_disk, stored, "files no record names, or records without file");
    });
}

/// Kills the job at its first boundary, its second and so on, each time in a library made ready by
/// the jobs before it; lets it go on, and looks.
fn kill_at_every_boundary(before: &[&str], job: &str, original_is: fn(&InstanceState) -> bool) {
    let mut boundaries = 0;
    for kill_at in 1.. {
        let scene = Scene::new();
        for done in before {
            scene.finish(done);
        }
        let status = scene.child(job).arg(kill_at.to_string()).status().unwrap();
        if status.success() {
            break;
        }
        boundaries = kill_at;
        scene.finish(job);
        scene.check_no_step_was_repeated();
        scene.check_nothing_temporary_remains();
        check_asset(&scene, original_is);
    }
    assert!(boundaries > 5, "only {boundaries} boundaries: was anything killed?");
}

fn is_verified(state: &InstanceState) -> bool {
    matches!(state, InstanceState::Verified { .. })
}

fn is_archived(state: &InstanceState) -> bool {
    matches!(state, InstanceState::Archived { .. })
}

fn is_restored(state: &InstanceState) -> bool {
    matches!(state, InstanceState::Restored { .. })
}

#[test]
fn ingest_killed_at_every_boundary_goes_on() {
    kill_at_every_boundary(&[], "ingest", is_verified);
}

#[test]
fn archive_killed_at_every_boundary_goes_on() {
    kill_at_every_boundary(&["ingest"], "archive", is_archived);
}

#[test]
fn restore_killed_at_every_boundary_goes_on() {
    kill_at_every_boundary(&["ingest", "archive"], "restore", is_restored);
}

#[test]
fn ingest_killed_at_random_instants_goes_on() {
    // The instants are spread over the whole of an ingest, however fast this machine is.
    let scene = Scene::new();
    let begun = std::time::Instant::now();
    scene.finish("ingest");
    let whole = begun.elapsed();
    let mut killed = 0;
    for part in 1..=12_u32 {
        let scene = Scene::new();
        let mut child = scene.child("ingest").spawn().unwrap();
        std::thread::sleep(whole * part / 13 + Duration::from_millis(u64::from(part * 7 % 11)));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        scene.finish("ingest");
        scene.check_no_step_was_repeated();
        scene.check_nothing_temporary_remains();
        check_asset(&scene, is_verified);
    }
    assert!(killed > 4, "only {killed} were killed before they had ended");
}
