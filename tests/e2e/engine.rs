//! The workflow engine on a real catalog: journal, retry, cancel, waiting, lanes, several engines.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use emam_core::backend::catalog::Claim;
use emam_core::backend::{Backends, NoArchive, NoTools};
use emam_core::clock::{Clock, SystemClock};
use emam_core::id::RunId;
use emam_core::local::SqliteCatalog;
use emam_core::memory::MemoryStorage;
use emam_core::model::{FailureReason, Run, RunKind, RunState};
use emam_core::workflow::{End, Engine, EngineOptions, RetryPolicy, RunContext, Stop, Workflow};
use emam_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// What the workflow under test is to do, and what it saw.
#[derive(Debug, Default)]
struct Script {
    begun: Mutex<Vec<String>>,
    failures_left: AtomicUsize,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
    dropped: AtomicUsize,
    stopped: AtomicUsize,
}

#[derive(Debug)]
struct Scripted(Arc<Script>);

/// Counts when the future it lives in is dropped before its end.
struct Guard<'a>(&'a AtomicUsize);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Workflow for Scripted {
    fn kind(&self) -> RunKind {
        RunKind::Analyze
    }

    async fn run(&self, cx: &RunContext) -> Result<Value, Stop> {
        let script = &self.0;
        let plan = cx.run().params["plan"].as_str().unwrap_or_default().to_owned();
        let note =
            |what: &str| script.begun.lock().unwrap().push(format!("{} {what}", cx.run().id));
        let first: u32 = cx
            .step("first", |step| async move {
                note("first");
                step.progress(0.5, Some(10));
                Ok(7)
            })
            .await?;
        let (plan, note) = (plan.as_str(), &note);
        cx.step("second", |step| async move {
            note("second");
            let kept: Option<u32> = step.kept();
            step.keep(&(kept.unwrap_or(0) + 1)).await?;
            match plan {
                "fail"
                    if script
                        .failures_left
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                            left.checked_sub(1)
                        })
                        .is_ok() =>
                {
                    Err(Error::new(ErrorKind::Unavailable, "test.second", "away for a while")
                        .into())
                }
                "bad" => {
                    Err(Error::new(ErrorKind::InvalidMedia, "test.second", "not media").into())
                }
                "hang" => {
                    let _guard = Guard(&script.dropped);
                    std::future::pending::<()>().await;
                    Ok(())
                }
                "wait" if kept.is_none() => Err(Stop::Wait(cx.now() + Duration::from_millis(300))),
                "lane" => {
                    let _room = cx.lane("narrow").await;
                    let inside = script.inside.fetch_add(1, Ordering::SeqCst) + 1;
                    script.most_inside.fetch_max(inside, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    script.inside.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                }
                _ => Ok(()),
            }
        })
        .await?;
        Ok(json!({ "first": first }))
    }

    async fn stopped(&self, _: &RunContext, _: &End) -> Result<()> {
        self.0.stopped.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

struct Scene {
    folder: tempfile::TempDir,
    script: Arc<Script>,
}

impl Scene {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), script: Arc::default() }
    }

    /// An engine of its own on the scene's catalog, as another process would have.
    async fn engine(&self, workers: usize) -> (Engine, Arc<Backends>) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let path = self.folder.path().join("catalog.db");
        let catalog = Arc::new(SqliteCatalog::open(path, Arc::clone(&clock)).await.unwrap());
        let backends = Arc::new(Backends {
            runs: Arc::clone(&catalog) as _,
            catalog,
            originals: Arc::new(MemoryStorage::new()),
            proxies: Arc::new(MemoryStorage::new()),
            archive: Arc::new(NoArchive),
            prober: Arc::new(NoTools::default()),
            transcoder: Arc::new(NoTools::default()),
            renderer: Arc::new(NoTools::default()),
            analyzers: Vec::new(),
            notifiers: Vec::new(),
            clock,
        });
        let options = EngineOptions {
            workers,
            lease: Duration::from_secs(2),
            idle_poll: Duration::from_millis(30),
            retry: RetryPolicy {
                max_attempts: 3,
                first_wait: Duration::from_millis(20),
                longest_wait: Duration::from_millis(50),
                ..RetryPolicy::default()
            },
            lanes: BTreeMap::from([("narrow".to_owned(), 2)]),
            analyze: Vec::new(),
            observer: None,
        };
        let workflow: Arc<dyn Workflow> = Arc::new(Scripted(Arc::clone(&self.script)));
        (Engine::start(Arc::clone(&backends), vec![workflow], options), backends)
    }

    fn begun(&self, run: RunId, step: &str) -> usize {
        let wanted = format!("{run} {step}");
        self.script.begun.lock().unwrap().iter().filter(|begun| **begun == wanted).count()
    }
}

async fn start(backends: &Backends, plan: &str) -> RunId {
    let now = backends.clock.now();
    let id = RunId::new(backends.clock.as_ref());
    let run = Run::new(id, RunKind::Analyze, json!({ "plan": plan }), now);
    backends.catalog.start_run(&run).await.unwrap().id
}

async fn until(backends: &Backends, id: RunId, done: impl Fn(&Run) -> bool) -> Run {
    for _ in 0..500 {
        let run = backends.catalog.run(id).await.unwrap();
        if done(&run) {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not in time: {:#?}", backends.catalog.run(id).await);
}

async fn ended(backends: &Backends, id: RunId) -> Run {
    until(backends, id, |run| run.state.is_final()).await
}

#[tokio::test]
async fn run_succeeds_with_its_steps_on_record() {
    let scene = Scene::new();
    let (engine, backends) = scene.engine(1).await;
    let run = ended(&backends, start(&backends, "").await).await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!(run.result, json!({ "first": 7 }));
    let steps: Vec<_> = run.steps.iter().map(|step| (step.name.as_str(), &step.output)).collect();
    assert_eq!(steps, [("first", &json!(7)), ("second", &Value::Null)]);
    engine.close().await;
}

#[tokio::test]
async fn retryable_failure_is_tried_again_from_its_step() {
    let scene = Scene::new();
    scene.script.failures_left.store(2, Ordering::SeqCst);
    let (engine, backends) = scene.engine(1).await;
    let id = start(&backends, "fail").await;
    let run = ended(&backends, id).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
    assert_eq!((scene.begun(id, "first"), scene.begun(id, "second")), (1, 3));
    assert_eq!(scene.script.stopped.load(Ordering::SeqCst), 0);
    engine.close().await;
}

#[tokio::test]
async fn spent_retries_fail_the_run_and_a_retry_goes_on_from_the_failed_step() {
    let scene = Scene::new();
    scene.script.failures_left.store(3, Ordering::SeqCst);
    let (engine, backends) = scene.engine(1).await;
    let id = start(&backends, "fail").await;
    let run = ended(&backends, id).await;
    assert_eq!(run.state, RunState::Failed);
    let failure = run.failure.unwrap();
    assert_eq!((failure.step.as_str(), failure.reason), ("second", FailureReason::External));
    assert_eq!(scene.script.stopped.load(Ordering::SeqCst), 1);

    backends.catalog.retry_run(id, backends.clock.now()).await.unwrap();
    engine.wake();
    assert_eq!(ended(&backends, id).await.state, RunState::Succeeded);
    assert_eq!(scene.begun(id, "first"), 1, "a finished step ran again");
    engine.close().await;
}

#[tokio::test]
async fn bad_input_is_not_tried_again() {
    let scene = Scene::new();
    let (engine, backends) = scene.engine(1).await;
    let id = start(&backends, "bad").await;
    let run = ended(&backends, id).await;
    let failure = run.failure.unwrap();
    assert_eq!((run.state, failure.reason), (RunState::Failed, FailureReason::Data));
    assert_eq!(failure.error.kind, ErrorKind::InvalidMedia);
    assert_eq!(scene.begun(id, "second"), 1);
    engine.close().await;
}

#[tokio::test]
async fn cancel_stops_the_work_and_tidies() {
    let scene = Scene::new();
    let (engine, backends) = scene.engine(1).await;
    let id = start(&backends, "hang").await;
    until(&backends, id, |run| run.steps.len() == 2).await;
    backends.catalog.cancel_run(id, backends.clock.now()).await.unwrap();
    let run = ended(&backends, id).await;
    assert_eq!(run.state, RunState::Cancelled);
    assert_eq!(scene.script.dropped.load(Ordering::SeqCst), 1, "the work went on");
    assert_eq!(scene.script.stopped.load(Ordering::SeqCst), 1);
    engine.close().await;
}

#[tokio::test]
async fn waiting_run_holds_no_worker_and_goes_on_in_time() {
    let scene = Scene::new();
    let (engine, backends) = scene.engine(1).await;
    let waiting = start(&backends, "wait").await;
    let other = start(&backends, "").await;
    until(&backends, waiting, |run| run.state == RunState::Waiting).await;
    assert_eq!(ended(&backends, other).await.state, RunState::Succeeded);
    let run = ended(&backends, waiting).await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!(run.attempts, 0, "waiting is no failure");
    engine.close().await;
}

#[tokio::test]
async fn lane_bounds_what_runs_at_once() {
    let scene = Scene::new();
    let (engine, backends) = scene.engine(6).await;
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(start(&backends, "lane").await);
    }
    engine.wake();
    for id in runs {
        assert_eq!(ended(&backends, id).await.state, RunState::Succeeded);
    }
    assert_eq!(scene.script.most_inside.load(Ordering::SeqCst), 2);
    engine.close().await;
}

#[tokio::test]
async fn closed_engine_lets_go_and_another_goes_on_at_once() {
    let scene = Scene::new();
    let (engine, backends) = scene.engine(1).await;
    let id = start(&backends, "hang").await;
    until(&backends, id, |run| run.steps.len() == 2).await;
    engine.close().await;
    let run = backends.catalog.run(id).await.unwrap();
    assert_eq!(run.state, RunState::Queued, "others would have to wait for the lease");
    assert_eq!(scene.script.stopped.load(Ordering::SeqCst), 0, "letting go is no end");

    let (engine, backends) = scene.engine(1).await;
    until(&backends, id, |_| scene.begun(id, "second") == 2).await;
    assert_eq!(scene.begun(id, "first"), 1, "a finished step ran again");
    engine.close().await;
}

#[tokio::test]
async fn run_that_wears_out_its_workers_is_given_up() {
    let scene = Scene::new();
    let (idle, backends) = scene.engine(0).await;
    let id = start(&backends, "").await;
    // Workers that take the run and are never heard of again.
    for worker in 0..3 {
        let now = backends.clock.now();
        let until = now + Duration::from_millis(1);
        let kinds = vec![RunKind::Analyze];
        let claim = Claim { worker: worker.to_string(), kinds, now, until };
        assert!(backends.catalog.claim_run(&claim).await.unwrap().is_some());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    idle.close().await;
    let (engine, backends) = scene.engine(1).await;
    let run = ended(&backends, id).await;
    assert_eq!((run.state, run.attempts), (RunState::Failed, 3), "{run:#?}");
    assert_eq!(scene.begun(id, "first"), 0);
    assert_eq!(scene.script.stopped.load(Ordering::SeqCst), 1);
    engine.close().await;
}

#[tokio::test]
async fn many_engines_share_the_runs_and_do_each_once() {
    let scene = Scene::new();
    let mut engines = Vec::new();
    for _ in 0..3 {
        engines.push(scene.engine(2).await);
    }
    let backends = Arc::clone(&engines[0].1);
    let mut runs = BTreeSet::new();
    for _ in 0..20 {
        runs.insert(start(&backends, "").await);
    }
    for id in &runs {
        assert_eq!(ended(&backends, *id).await.state, RunState::Succeeded);
        assert_eq!((scene.begun(*id, "first"), scene.begun(*id, "second")), (1, 1));
    }
    for (engine, _) in engines {
        engine.close().await;
    }
}
