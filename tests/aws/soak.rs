//! Many assets at once on an account where everything goes wrong that can, with workers that are
//! killed at random: all end ready, nothing that costs money is begun twice, nothing is left over.
//!
//! `EMAM_SOAK` says how many assets; 40 unless told otherwise.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use emam_core::Library;
use emam_core::backend::catalog::{Query, RunFilter};
use emam_core::model::{AnnotationKind, Lifecycle, PageRequest, RunState};
use emam_core::workflow::IngestOptions;
use scene::{Scene, clip};
use serde_json::{Value, json};

/// A worker process; killed when dropped.
struct Worker(Child);

impl Worker {
    fn start(scene: &Scene) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_aws_child"))
            .arg(scene.library())
            .arg(scene.settings_file())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// Tests have no configuration but the environment.
#[allow(clippy::disallowed_methods)]
fn how_many() -> usize {
    std::env::var("EMAM_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

fn begun(calls: &Value, service: &str, operation: &str) -> u64 {
    calls[service][operation]["began"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_end_ready_and_nothing_is_begun_twice() {
    let Some(scene) = Scene::find(true).await else { return };
    let count = how_many();
    scene.truth().await;
    // Started by a process that does none of the work itself.
    let library = emam_aws::Account::connect(scene.settings.clone()).await.unwrap();
    let library = {
        let builder = Library::builder().workers(0);
        let builder = library.equip(builder, &scene.library()).await.unwrap();
        builder.open(scene.library()).await.unwrap()
    };
    let analyze = Some(vec![AnnotationKind::Label, AnnotationKind::Speech]);
    let options = IngestOptions { analyze, ..IngestOptions::default() };
    for number in 0..count {
        let file = clip(scene.folder.path(), number, "64x64");
        library.assets().ingest(&file, options.clone()).await.unwrap();
    }
    let wrong = json!({
        "throttle": 0.05, "lose_events": 0.01, "double_events": 0.05, "late_events_ms": 500,
        "rekognition_jobs": 20, "job_seconds": 1.0, "server_error": 0.01, "cut": 0.01,
    });
    scene.tell("switches", wrong).await;

    let deadline = Instant::now() + Duration::from_secs(60 + 6 * count as u64);
    let mut workers = [Worker::start(&scene), Worker::start(&scene)];
    let mut killed = 0;
    loop {
        // Not at even times: what a worker is at when it is killed is to be anything.
        tokio::time::sleep(Duration::from_millis(2_300 + 700 * (killed % 7))).await;
        let filter = RunFilter {
            states: vec![RunState::Queued, RunState::Running, RunState::Waiting],
            ..RunFilter::default()
        };
        let page = PageRequest { limit: 1, ..PageRequest::default() };
        if library.runs().list(filter, page).await.unwrap().items.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "not done after {killed} kills");
        // In the end they are left alone, as time runs out for nobody.
        if killed < 40 {
            workers[killed as usize % 2] = Worker::start(&scene);
            killed += 1;
        }
    }
    drop(workers);
    scene.tell("switches", json!({ "throttle": 0.0, "server_error": 0.0, "cut": 0.0 })).await;

    let query = Query { limit: 1000, ..Query::default() };
    let all = library.assets().search(query).await.unwrap();
    assert_eq!(all.total as usize, count);
    for hit in &all.items {
        assert_eq!(hit.asset.lifecycle, Lifecycle::Ready, "{:?}", hit.asset.failure);
    }
    let calls = scene.ask("calls").await;
    let expected = count as u64;
    for (service, operation) in [
        ("mediaconvert", "CreateJob"),
        ("rekognition", "StartLabelDetection"),
        ("transcribe", "StartTranscriptionJob"),
    ] {
        assert_eq!(begun(&calls, service, operation), expected, "{operation}: {calls}");
    }
    assert_eq!(scene.unfinished_uploads().await, 0);
    println!("{count} assets, {killed} workers killed, calls: {calls}");
    library.close().await;
}
