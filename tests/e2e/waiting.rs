//! Waiting: for runs, for events, with a time of one's own, and until the library closes.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use emam_core::clock::SystemClock;
use emam_core::id::RunId;
use emam_core::model::RunState;
use emam_core::workflow::IngestOptions;
use emam_core::{ErrorKind, Library};
use emam_tests::media;
use serde_json::json;

const SOON: Option<Duration> = Some(Duration::from_millis(60));

#[tokio::test]
async fn a_run_nobody_works_on_is_waited_for_in_the_time_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = media::sound(folder.path());
    let library = Library::builder().workers(0).open(folder.path().join("library")).await.unwrap();
    let run = library.assets().ingest(&file, IngestOptions::default()).await.unwrap();
    let runs = library.runs();

    let error = runs.wait(run.id(), SOON).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Timeout, true));
    let error = runs.join(run.id(), SOON).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let news = runs.progress(run.id(), None, SOON).await.unwrap();
    assert_eq!((news.progress, news.ended), (None, false));

    let nobody = RunId::new(&SystemClock);
    assert_eq!(runs.wait(nobody, SOON).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(runs.progress(nobody, None, SOON).await.unwrap_err().kind(), ErrorKind::NotFound);

    runs.cancel(run.id()).await.unwrap();
    assert_eq!(runs.wait(run.id(), None).await.unwrap().state, RunState::Cancelled);
    assert_eq!(runs.join(run.id(), None).await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(runs.progress(run.id(), None, None).await.unwrap().ended);
    library.close().await;
}

#[tokio::test]
async fn progress_is_told_once_and_its_end_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = media::sound(folder.path());
    let library = Library::open(folder.path().join("library")).await.unwrap();
    let run = library.assets().ingest(&file, IngestOptions::default()).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let last = seen.last().cloned();
        let news = library.runs().progress(run.id(), last, None).await.unwrap();
        seen.extend(news.progress);
        if news.ended {
            break;
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
    let asset = library.runs().join(run.id(), None).await.unwrap();
    assert_eq!(asset["lifecycle"], "ready");
    library.close().await;
}

#[tokio::test]
async fn an_event_is_waited_for_and_comes() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).await.unwrap();
    let none = library.events().list(0, 10, Duration::from_millis(30)).await.unwrap();
    assert_eq!(none, []);
    let waiting = tokio::spawn({
        let library = library.clone();
        async move { library.events().list(0, 10, Duration::from_secs(60)).await }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    library.projects().create("Promo").await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap()[0].topic.as_str(), "project.created");
    library.close().await;
}

#[tokio::test]
async fn closing_ends_all_waiting_and_refuses_calls() {
    let folder = tempfile::tempdir().unwrap();
    let file = media::sound(folder.path());
    let library = Library::builder().workers(0).open(folder.path().join("library")).await.unwrap();
    let run = library.assets().ingest(&file, IngestOptions::default()).await.unwrap();
    let last = library.events().last().await.unwrap();
    let calls = [
        ("runs.join", json!({ "id": run.id() })),
        ("runs.wait", json!({ "id": run.id() })),
        ("runs.progress", json!({ "id": run.id() })),
        ("events.list", json!({ "after": last, "wait_ms": 60_000 })),
    ];
    let waiting: Vec<_> = calls
        .into_iter()
        .map(|(operation, params)| {
            let library = library.clone();
            tokio::spawn(async move { library.call(operation, params).await.unwrap_err() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    library.close().await;
    for task in waiting {
        assert_eq!(task.await.unwrap().kind(), ErrorKind::Conflict);
    }
    let error = library.call_json("events.last", "").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("closed"), "{error}");
}
