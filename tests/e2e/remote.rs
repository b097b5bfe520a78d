//! Services elsewhere: jobs that take their time, lanes all processes share, answers that are lost,
//! bytes that come another way.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use emam_core::backend::signal::ObjectChange;
use emam_core::backend::{
    AnalysisRequest, Analyzer, AnalyzerCapabilities, Findings, JobId, JobStatus, Key, Lane, Notice,
    Notifier, NotifierCapabilities, PutOptions, Storage, token,
};
use emam_core::clock::SystemClock;
use emam_core::library::Announcement;
use emam_core::local::FolderStorage;
use emam_core::model::{AnnotationKind, Lifecycle, NewAnnotation, Role, RunState, Source};
use emam_core::transfer::hash_file;
use emam_core::workflow::{IngestOptions, RetryPolicy};
use emam_core::{Error, ErrorKind, Library, Result};
use emam_tests::bytes;

/// A service that takes a while, refuses what is too much, and loses answers.
#[derive(Debug, Default)]
struct Service {
    state: Mutex<State>,
    /// How many jobs it takes at once.
    takes: usize,
    /// How many polls a job takes.
    polls: u32,
    room: usize,
}

#[derive(Debug, Default)]
struct State {
    jobs: BTreeMap<String, u32>,
    begun: usize,
    most_at_once: usize,
    refused: usize,
    lose_answers: usize,
    fail_polls: usize,
    fail_jobs: usize,
    cancelled: Vec<String>,
}

#[async_trait]
impl Analyzer for Service {
    fn capabilities(&self) -> AnalyzerCapabilities {
        AnalyzerCapabilities {
            service: "elsewhere".to_owned(),
            kinds: vec![AnnotationKind::Label, AnnotationKind::Speech],
            reads: vec![Role::Proxy, Role::AudioProxy, Role::Original],
            poll_interval_ms: 20,
            lane: Lane::Shared { name: "elsewhere".to_owned(), room: self.room },
        }
    }

    async fn submit(&self, _: &AnalysisRequest, token: &str) -> Result<JobId> {
        assert!(token::run(token).is_some(), "{token} tells its run");
        let mut state = self.state.lock().unwrap();
        if state.jobs.contains_key(token) {
            return Ok(JobId(token.to_owned()));
        }
        let open = state.jobs.values().filter(|left| **left > 0).count();
        if open >= self.takes {
            state.refused += 1;
            return Err(Error::new(ErrorKind::RateLimited, "elsewhere.submit", "too much"));
        }
        state.jobs.insert(token.to_owned(), self.polls);
        state.begun += 1;
        state.most_at_once = state.most_at_once.max(open + 1);
        if state.lose_answers > 0 {
            state.lose_answers -= 1;
            return Err(Error::new(ErrorKind::Timeout, "elsewhere.submit", "no answer"));
        }
        Ok(JobId(token.to_owned()))
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        let mut state = self.state.lock().unwrap();
        if state.fail_polls > 0 {
            state.fail_polls -= 1;
            return Err(Error::new(ErrorKind::Unavailable, "elsewhere.poll", "away"));
        }
        let Some(left) = state.jobs.get_mut(&job.0) else {
            return Err(Error::new(ErrorKind::NotFound, "elsewhere.poll", "unknown"));
        };
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Ok(JobStatus::Running { fraction: 0.5, eta_ms: None, ready: Vec::new() });
        }
        if state.fail_jobs > 0 {
            state.fail_jobs -= 1;
            let error = Error::new(ErrorKind::Unavailable, "elsewhere.job", "it broke");
            return Ok(JobStatus::Failed(error.to_info()));
        }
        Ok(JobStatus::Succeeded)
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        state.cancelled.push(job.0.clone());
        state.jobs.remove(&job.0);
        Ok(())
    }

    async fn findings(&self, _: &JobId) -> Result<Findings> {
        let mut rain = NewAnnotation::new(AnnotationKind::Label);
        rain.name = "Rain".to_owned();
        rain.source =
            Source::Service { name: "elsewhere".to_owned(), model: "1".to_owned(), run: None };
        Ok(Findings { annotations: vec![rain], ..Findings::default() })
    }
}

struct Scene {
    _folder: tempfile::TempDir,
    service: Arc<Service>,
    library: Library,
    file: std::path::PathBuf,
}

impl Scene {
    async fn new(service: Service) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Arc::new(service);
        let library = builder(&service).open(folder.path().join("library")).await.unwrap();
        let file = folder.path().join("a.wav");
        std::fs::write(&file, bytes::wav(100, 1)).unwrap();
        Self { _folder: folder, service, library, file }
    }

    fn looking() -> IngestOptions {
        IngestOptions { analyze: Some(vec![AnnotationKind::Speech]), ..IngestOptions::default() }
    }
}

fn builder(service: &Arc<Service>) -> emam_core::library::LibraryBuilder {
    let wait = Duration::from_millis(20);
    Library::builder().analyzer(Arc::clone(service) as _).retry(RetryPolicy {
        max_attempts: 4,
        first_wait: wait,
        longest_wait: wait,
        busy_wait: wait,
    })
}

#[tokio::test]
async fn a_shared_lane_is_kept_and_waiting_for_it_is_no_attempt() {
    let service = Service { takes: 2, polls: 60, room: 2, ..Service::default() };
    let scene = Scene::new(service).await;
    let mut runs = Vec::new();
    for n in 0..8 {
        let file = scene.file.with_file_name(format!("{n}.wav"));
        std::fs::write(&file, bytes::wav(100, 10 + n)).unwrap();
        runs.push(scene.library.assets().ingest(&file, Scene::looking()).await.unwrap());
    }
    for run in runs {
        let asset = run.join().await.unwrap();
        assert_eq!(asset.lifecycle, Lifecycle::Ready);
        let run = scene.library.runs().get(run.id()).await.unwrap();
        assert_eq!(run.attempts, 0, "{run:?}");
    }
    {
        let state = scene.service.state.lock().unwrap();
        assert_eq!((state.begun, state.most_at_once, state.refused), (8, 2, 0));
    }
    scene.library.close().await;
}

#[tokio::test]
async fn a_service_that_refuses_is_asked_again_until_it_takes_the_job() {
    // The account is shared: the lane has more room than the service.
    let service = Service { takes: 1, polls: 60, room: 10, ..Service::default() };
    let scene = Scene::new(service).await;
    let mut runs = Vec::new();
    for n in 0..6 {
        let file = scene.file.with_file_name(format!("{n}.wav"));
        std::fs::write(&file, bytes::wav(100, 30 + n)).unwrap();
        runs.push(scene.library.assets().ingest(&file, Scene::looking()).await.unwrap());
    }
    for run in runs {
        assert_eq!(run.join().await.unwrap().lifecycle, Lifecycle::Ready);
    }
    {
        let state = scene.service.state.lock().unwrap();
        assert_eq!(state.begun, 6);
        assert!(state.refused > 0);
    }
    scene.library.close().await;
}

#[tokio::test]
async fn nothing_is_begun_twice_when_answers_are_lost_and_polls_fail() {
    let service = Service { takes: 9, polls: 3, room: 9, ..Service::default() };
    {
        let mut state = service.state.lock().unwrap();
        (state.lose_answers, state.fail_polls) = (1, 2);
    }
    let scene = Scene::new(service).await;
    let run = scene.library.assets().ingest(&scene.file, Scene::looking()).await.unwrap();
    assert_eq!(run.join().await.unwrap().lifecycle, Lifecycle::Ready);
    assert_eq!(scene.service.state.lock().unwrap().begun, 1);
    scene.library.close().await;
}

#[tokio::test]
async fn a_job_that_has_failed_is_begun_anew() {
    let service = Service { takes: 9, polls: 2, room: 1, ..Service::default() };
    service.state.lock().unwrap().fail_jobs = 1;
    let scene = Scene::new(service).await;
    let run = scene.library.assets().ingest(&scene.file, Scene::looking()).await.unwrap();
    assert_eq!(run.join().await.unwrap().lifecycle, Lifecycle::Ready);
    assert_eq!(scene.service.state.lock().unwrap().begun, 2, "and its place in the lane was free");
    scene.library.close().await;
}

#[tokio::test]
async fn cancelling_a_run_cancels_its_jobs() {
    let service = Service { takes: 9, polls: 1_000_000, room: 1, ..Service::default() };
    let scene = Scene::new(service).await;
    let run = scene.library.assets().ingest(&scene.file, Scene::looking()).await.unwrap();
    while scene.service.state.lock().unwrap().begun == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    run.cancel().await.unwrap();
    assert_eq!(run.join().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(scene.service.state.lock().unwrap().cancelled.len(), 1);
    // The lane is free again.
    let other = scene.file.with_file_name("other.wav");
    std::fs::write(&other, bytes::wav(100, 2)).unwrap();
    let run = scene.library.assets().ingest(&other, Scene::looking()).await.unwrap();
    while scene.service.state.lock().unwrap().begun == 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    run.cancel().await.unwrap();
    scene.library.close().await;
}

#[tokio::test]
async fn what_nobody_finds_is_refused_before_anything_is_stored() {
    let scene = Scene::new(Service { takes: 1, polls: 1, room: 1, ..Service::default() }).await;
    let options =
        IngestOptions { analyze: Some(vec![AnnotationKind::Face]), ..IngestOptions::default() };
    let error = scene.library.assets().ingest(&scene.file, options).await.unwrap_err();
    assert_eq!((error.kind(), error.get("kind")), (ErrorKind::Unsupported, Some("face")));
    // What media like this cannot hold is left out: nothing is seen in a sound.
    let options =
        IngestOptions { analyze: Some(vec![AnnotationKind::Label]), ..IngestOptions::default() };
    let run = scene.library.assets().ingest(&scene.file, options).await.unwrap();
    assert_eq!(run.join().await.unwrap().lifecycle, Lifecycle::Ready);
    assert_eq!(scene.service.state.lock().unwrap().begun, 0);
    scene.library.close().await;
}

#[tokio::test]
async fn an_announced_file_is_uploading_until_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let originals = folder.path().join("elsewhere");
    let storage = Arc::new(FolderStorage::open(&originals, Arc::new(SystemClock)).await.unwrap());
    let library = Library::builder()
        .originals(Arc::clone(&storage) as _)
        .open(folder.path().join("library"))
        .await
        .unwrap();
    let body = bytes::wav(100, 3);
    let announced = Announcement {
        file_name: "tone 1.wav".to_owned(),
        size: Some(body.len() as u64),
        options: IngestOptions { tags: vec!["fed".to_owned()], ..IngestOptions::default() },
    };
    let expected = library.assets().expect(announced.clone()).await.unwrap();
    assert!(expected.upload.is_none() && expected.key.ends_with("/tone 1.wav"));
    let asset = loop {
        match library.assets().get(expected.asset).await {
            Ok(asset) => break asset,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    assert_eq!((asset.lifecycle, asset.tags), (Lifecycle::Uploading, vec!["fed".to_owned()]));

    let key: Key = expected.key.parse().unwrap();
    storage.put(&key, body.clone().into(), PutOptions::default()).await.unwrap();
    let changed =
        async || library.assets().original_changed(&key, &ObjectChange::Created).await.unwrap();
    // Told twice, and before the run has begun to wait.
    for _ in 0..2 {
        assert_eq!(changed().await, Some(expected.asset));
    }
    let run = library.runs().handle::<emam_core::model::Asset>(expected.run).await.unwrap();
    let asset = loop {
        changed().await;
        let run = library.runs().get(run.id()).await.unwrap();
        if run.state.is_final() {
            assert_eq!(run.state, RunState::Succeeded, "{run:?}");
            break library.assets().get(expected.asset).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(asset.lifecycle, Lifecycle::Ready);
    assert_eq!(asset.media.unwrap().size, body.len() as u64);

    // Another size than was announced: the bytes stay, the ingest says so.
    let short = Announcement { file_name: "b.wav".to_owned(), size: Some(7), ..announced.clone() };
    let expected = library.assets().expect(short).await.unwrap();
    let key: Key = expected.key.parse().unwrap();
    storage.put(&key, body.into(), PutOptions::default()).await.unwrap();
    let run = library.runs().handle::<emam_core::model::Asset>(expected.run).await.unwrap();
    let error = loop {
        library.assets().original_changed(&key, &ObjectChange::Created).await.unwrap();
        if library.runs().get(run.id()).await.unwrap().state.is_final() {
            break run.join().await.unwrap_err();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((error.kind(), error.get("announced")), (ErrorKind::Integrity, Some("7")));
    assert!(storage.stat(&key).await.is_ok(), "what was uploaded is not thrown away");

    let blank = Announcement { file_name: " ".to_owned(), ..announced.clone() };
    assert_eq!(library.assets().expect(blank).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let empty = Announcement { size: Some(0), ..announced };
    assert_eq!(library.assets().expect(empty).await.unwrap_err().kind(), ErrorKind::InvalidMedia);
    library.close().await;
}

#[tokio::test]
async fn an_object_that_is_there_is_adopted_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::builder().open(folder.path().join("l")).await.unwrap();
    let storage = Arc::clone(&library.backends().originals);
    let key: Key = "camera a/A001.wav".parse().unwrap();
    let body = bytes::wav(100, 4);
    storage.put(&key, body.clone().into(), PutOptions::default()).await.unwrap();
    let options = IngestOptions::default();
    let md5 = hash_file(&path_of(&storage, &key), None).await.unwrap().md5;
    let first = library.assets().adopt(key.as_str(), options.clone()).await.unwrap();
    let asset = first.join().await.unwrap();
    assert_eq!((asset.lifecycle, asset.title.as_str()), (Lifecycle::Ready, "A001"));
    assert_eq!(asset.media.unwrap().md5, Some(md5));
    let error = library.assets().adopt(key.as_str(), options.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(error.get("asset"), Some(asset.id.to_string().as_str()));

    // The same content under another key is the same asset, and no byte of it is deleted.
    let again: Key = "camera b/copy.wav".parse().unwrap();
    storage.put(&again, body.into(), PutOptions::default()).await.unwrap();
    let second = library.assets().adopt(again.as_str(), options.clone()).await.unwrap();
    assert_eq!(second.join().await.unwrap().id, asset.id);
    assert!(storage.stat(&again).await.is_ok());

    let error = library.assets().adopt("camera c/none.wav", options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);

    // Gone behind the library's back: that is found out when it is told.
    storage.delete(std::slice::from_ref(&key)).await.unwrap();
    let told = library.assets().original_changed(&key, &ObjectChange::Deleted).await.unwrap();
    assert_eq!(told, Some(asset.id));
    let renditions = library.assets().renditions(asset.id).await.unwrap();
    let original = renditions.iter().find(|one| one.role == Role::Original).unwrap();
    assert_eq!(original.instances[0].state.as_str(), "missing");
    library.close().await;
}

fn path_of(storage: &Arc<dyn Storage>, key: &Key) -> std::path::PathBuf {
    storage.local_path(key).unwrap()
}

/// Keeps what it is told; does not take the first.
#[derive(Debug, Default)]
struct Inbox(Mutex<(usize, Vec<Notice>)>);

#[async_trait]
impl Notifier for Inbox {
    fn capabilities(&self) -> NotifierCapabilities {
        NotifierCapabilities { service: "inbox".to_owned(), largest: 1 << 20 }
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        let mut inbox = self.0.lock().unwrap();
        inbox.0 += 1;
        if inbox.0 == 1 {
            return Err(Error::new(ErrorKind::Unavailable, "inbox.notify", "away"));
        }
        inbox.1.push(notice.clone());
        Ok(())
    }
}

#[tokio::test]
async fn notifiers_are_told_of_every_run_that_has_ended() {
    let service = Arc::new(Service { takes: 1, polls: 1, room: 1, ..Service::default() });
    let folder = tempfile::tempdir().unwrap();
    let inbox = Arc::new(Inbox::default());
    let open = async || {
        builder(&service)
            .notifier(Arc::clone(&inbox) as _)
            .open(folder.path().join("library"))
            .await
            .unwrap()
    };
    let library = open().await;
    let good = folder.path().join("good.wav");
    std::fs::write(&good, bytes::wav(100, 5)).unwrap();
    let bad = folder.path().join("bad.mov");
    std::fs::write(&bad, b"this is no film").unwrap();
    let options = IngestOptions::default;
    library.assets().ingest(&good, options()).await.unwrap().join().await.unwrap();
    library.assets().ingest(&bad, options()).await.unwrap().join().await.unwrap_err();
    library.close().await;
    // What the first process did not get to tell the next one tells.
    let library = open().await;
    let told = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let told = inbox.0.lock().unwrap().1.clone();
            if told.len() >= 2 {
                break told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let told = told.await.unwrap();
    library.close().await;
    let subjects: Vec<_> = told.iter().map(|notice| notice.subject.as_str()).collect();
    assert_eq!(subjects, ["ingest of good: succeeded", "ingest of bad: failed"]);
    assert!(told[1].text.contains("invalid_media"), "{}", told[1].text);
    assert!(told[1].data["failure"]["error"]["kind"] == "invalid_media");
}
