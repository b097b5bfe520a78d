//! Server-sent events: the log, a run, resuming, and how they end.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scene;

use std::time::{Duration, Instant};

use emam_core::gateway::GatewayOptions;
use futures_util::StreamExt;
use scene::{Scene, problem};
use serde_json::Value;

/// Messages as a browser's EventSource reads them.
struct Messages {
    body: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

#[derive(Debug, PartialEq)]
struct Message {
    id: Option<i64>,
    event: String,
    data: Value,
}

impl Messages {
    fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.bytes_stream().boxed(), text: String::new() }
    }

    /// The next message or comment as it was sent; nothing at the end.
    async fn raw(&mut self) -> Option<String> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let message = message.to_owned();
                self.text = rest.to_owned();
                return Some(message);
            }
            let next = tokio::time::timeout(Duration::from_secs(20), self.body.next()).await;
            let chunk = next.expect("nothing came")?;
            self.text += std::str::from_utf8(&chunk.ok()?).unwrap();
        }
    }

    async fn next(&mut self) -> Option<Message> {
        loop {
            let raw = self.raw().await?;
            let field = |name: &str| {
                let found = raw.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                found.map(str::to_owned)
            };
            if let Some(data) = field("data") {
                return Some(Message {
                    id: field("id").map(|id| id.parse().unwrap()),
                    event: field("event").unwrap(),
                    data: serde_json::from_str(&data).unwrap(),
                });
            }
        }
    }
}

#[tokio::test]
async fn the_log_is_followed_and_gone_on_with_after_the_last_event_seen() {
    let scene = Scene::open().await;
    for name in ["one", "two", "three"] {
        scene.library.projects().create(name).await.unwrap();
    }
    let mut first = Messages::of(scene.get("/v1/events").await);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let message = first.next().await.unwrap();
        assert_eq!(message.data["seq"], message.id.unwrap());
        assert_eq!(message.data["topic"], message.event.as_str());
        seen.push(message);
    }
    drop(first);

    // As a browser does after its connection broke: the header goes before the address.
    let last = seen[1].id.unwrap();
    let again = scene.request("GET", "/v1/events?after=0").header("last-event-id", last);
    let mut again = Messages::of(again.send().await.unwrap());
    let third = again.next().await.unwrap();
    assert!(third.id.unwrap() > last);
    let expected = scene.library.events().list(last, 1, Duration::ZERO).await.unwrap();
    assert_eq!(third.data, serde_json::to_value(&expected[0]).unwrap());

    let end = scene.library.events().last().await.unwrap();
    let mut live = Messages::of(scene.get(&format!("/v1/events?after={end}")).await);
    let late = scene.library.projects().create("four").await.unwrap();
    let told = live.next().await.unwrap();
    assert_eq!(
        (told.event.as_str(), &told.data["subject"]),
        ("project.created", &late.id.to_string().into())
    );
    scene.end().await;
}

#[tokio::test]
async fn a_stream_without_news_still_beats() {
    let options = GatewayOptions { heartbeat_ms: 50, ..Default::default() };
    let scene = Scene::with(options).await;
    let end = scene.library.events().last().await.unwrap();
    let mut stream = Messages::of(scene.get(&format!("/v1/events?after={end}")).await);
    assert!(stream.raw().await.unwrap().starts_with("retry:"));
    for _ in 0..3 {
        assert!(stream.raw().await.unwrap().starts_with(':'));
    }
    // A beat loses no event.
    scene.library.projects().create("one").await.unwrap();
    assert_eq!(stream.next().await.unwrap().event, "project.created");
    scene.end().await;
}

#[tokio::test]
async fn wrong_places_to_begin_are_refused() {
    let scene = Scene::open().await;
    for query in ["?after=-1", "?after=soon", "?afer=1", "?after=99999999999999999999"] {
        problem(scene.get(&format!("/v1/events{query}")).await, 400, "invalid_input").await;
    }
    let header = scene.request("GET", "/v1/events").header("last-event-id", "soon").send().await;
    problem(header.unwrap(), 400, "invalid_input").await;
    problem(scene.get("/v1/runs/soon/events").await, 400, "invalid_input").await;
    let unknown = "/v1/runs/0190f5a2-7c1e-7000-8000-000000000000/events";
    problem(scene.get(unknown).await, 404, "not_found").await;
    scene.end().await;
}

#[tokio::test]
async fn a_run_is_followed_to_its_end() {
    let scene = Scene::open().await;
    let file = scene.folder.path().join("tone.wav");
    std::fs::write(&file, emam_tests::bytes::wav(100, 70)).unwrap();
    let run = scene.library.assets().ingest(&file, Default::default()).await.unwrap();
    let path = format!("/v1/runs/{}/events", run.id());
    let mut stream = Messages::of(scene.get(&path).await);
    let mut messages = Vec::new();
    while let Some(message) = stream.next().await {
        messages.push(message);
    }
    let end = messages.pop().unwrap();
    assert_eq!((end.event.as_str(), &end.data["state"]), ("end", &"succeeded".into()));
    assert!(!messages.is_empty() && messages.iter().all(|message| message.event == "progress"));
    assert!(messages.iter().all(|message| message.data["step"].is_string()));
    // Of a run that has ended there is the end.
    let mut after = Messages::of(scene.get(&path).await);
    let mut last = None;
    while let Some(message) = after.next().await {
        last = Some(message);
    }
    assert_eq!(last.unwrap().data, end.data);
    scene.end().await;
}

#[tokio::test]
async fn shutting_down_ends_streams_and_waiting_and_takes_no_more() {
    let scene = Scene::open().await;
    let end = scene.library.events().last().await.unwrap();
    let mut stream = Messages::of(scene.get(&format!("/v1/events?after={end}")).await);
    assert!(stream.raw().await.is_some());
    let params = serde_json::json!({ "after": end, "wait_ms": 25_000 }).to_string();
    let poll = tokio::spawn(scene.call("events.list", &params).send());
    tokio::time::sleep(Duration::from_millis(300)).await;

    let started = Instant::now();
    scene.server.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(stream.next().await, None);
    problem(poll.await.unwrap().unwrap(), 503, "unavailable").await;
    let url = format!("{}/v1/health", scene.server.url());
    assert!(scene.client.get(url).send().await.is_err());
    // The library is not the gateway's.
    scene.library.projects().create("after").await.unwrap();
    scene.server.shutdown().await;
    scene.end().await;
}

#[tokio::test]
async fn a_request_that_will_not_end_is_cut_off_in_the_end() {
    let options = GatewayOptions { shutdown_grace_ms: 300, ..Default::default() };
    let scene = Scene::with(options).await;
    let mut wire = scene.connect().await;
    wire.say(
        "POST /v1/projects.list HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n{",
    )
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    scene.server.shutdown().await;
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(5), "{took:?}");
    scene.end().await;
}
