//! The worker on a real queue.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use emam_aws::queue::{Worker, WorkerOptions, send_call};
use emam_core::backend::{Signal, SignalHandler};
use emam_core::{Error, ErrorKind, Result};
use emam_tests::aws::{account, address, fresh_name};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Notes what it is told; fails and dawdles as the parameters of the call want it.
#[derive(Debug, Default)]
struct Notes(Mutex<BTreeMap<String, u64>>);

impl Notes {
    fn times(&self, operation: &str) -> u64 {
        self.0.lock().unwrap().get(operation).copied().unwrap_or(0)
    }
}

#[async_trait]
impl SignalHandler for Notes {
    async fn signal(&self, signal: &Signal) -> Result<()> {
        let Signal::Call { operation, params } = signal else { panic!("{signal:?} was not sent") };
        let times = {
            let mut notes = self.0.lock().unwrap();
            let times = notes.entry(operation.clone()).or_default();
            *times += 1;
            *times
        };
        if let Some(ms) = params["takes_ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        if times <= params["fails"].as_u64().unwrap_or(0) {
            return Err(Error::new(ErrorKind::Unavailable, "test.signal", "not yet"));
        }
        Ok(())
    }
}

struct Scene {
    client: Client,
    queue: String,
    dead: String,
    notes: Arc<Notes>,
}

const OPTIONS: WorkerOptions = WorkerOptions {
    at_once: 4,
    hidden_for: Duration::from_secs(2),
    first_retry: Duration::from_millis(1),
    longest_retry: Duration::from_secs(1),
    grace: Duration::from_secs(5),
};

impl Scene {
    /// A queue with a dead-letter queue after three tries.
    async fn new() -> Option<Self> {
        let address = address("EMAM_AWS_MINISTACK")?;
        let client = Client::new(&account(&address).await);
        let make = async |name: String, redrive: Option<String>| {
            let mut create = client.create_queue().queue_name(name);
            if let Some(redrive) = redrive {
                create = create.attributes(QueueAttributeName::RedrivePolicy, redrive);
            }
            create.send().await.expect("create a queue").queue_url.expect("its address")
        };
        let dead = make(fresh_name("dead"), None).await;
        let arn = client.get_queue_attributes().queue_url(&dead);
        let arn = arn.attribute_names(QueueAttributeName::QueueArn).send().await.expect("ask");
        let arn = arn.attributes.unwrap()[&QueueAttributeName::QueueArn].clone();
        let redrive = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 3 }).to_string();
        let queue = make(fresh_name("events"), Some(redrive)).await;
        Some(Self { client, queue, dead, notes: Arc::default() })
    }

    fn worker(&self, options: WorkerOptions) -> (Worker, oneshot::Sender<()>, JoinHandle<()>) {
        let handler = Arc::clone(&self.notes) as Arc<dyn SignalHandler>;
        let worker = Worker::new(self.client.clone(), &self.queue, handler, options);
        let (stop, stopped) = oneshot::channel();
        let running = worker.clone();
        let running = tokio::spawn(async move {
            running.run(async move { drop(stopped.await) }).await;
        });
        (worker, stop, running)
    }

    async fn call(&self, operation: &str, params: serde_json::Value) {
        send_call(&self.client, &self.queue, operation, &params).await.expect("send");
    }

    async fn send(&self, body: &str) {
        let send = self.client.send_message().queue_url(&self.queue).message_body(body);
        send.send().await.expect("send");
    }

    /// Messages on a queue, hidden ones included.
    async fn left(&self, queue: &str) -> u64 {
        use QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible,
        };
        let ask = self.client.get_queue_attributes().queue_url(queue);
        let ask = ask.attribute_names(QueueAttributeName::All).send().await.expect("ask");
        let found = ask.attributes.unwrap_or_default();
        [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible]
            .iter()
            .map(|name| found.get(name).map_or(0, |n| n.parse::<u64>().expect("a number")))
            .sum()
    }
}

async fn eventually(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not after a minute");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn messages_are_acted_on_tried_again_and_given_up() {
    let Some(scene) = Scene::new().await else { return };
    for number in 0..25 {
        scene.call(&format!("test.{number}"), json!({})).await;
    }
    scene.call("test.stubborn", json!({ "fails": 2 })).await;
    scene.call("test.hopeless", json!({ "fails": 99 })).await;
    scene.send("not { JSON").await;
    scene.send(r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#).await;
    let (worker, stop, running) = scene.worker(OPTIONS);
    worker.check().await.expect("the queue is there");
    eventually("the queue is empty", async || scene.left(&scene.queue).await == 0).await;
    eventually("two are given up", async || scene.left(&scene.dead).await == 2).await;
    for number in 0..25 {
        assert_eq!(scene.notes.times(&format!("test.{number}")), 1);
    }
    assert_eq!(scene.notes.times("test.stubborn"), 3);
    assert_eq!(scene.notes.times("test.hopeless"), 3);
    let counts = worker.counts();
    assert_eq!((counts.done, counts.ignored), (26, 1), "{counts:?}");
    assert_eq!((counts.failed, counts.malformed), (2 + 3, 3), "{counts:?}");
    stop.send(()).expect("it runs");
    running.await.expect("it stops");
}

#[tokio::test]
async fn a_long_handler_keeps_its_message_and_a_stop_is_prompt() {
    let Some(scene) = Scene::new().await else { return };
    scene.call("test.long", json!({ "takes_ms": 5000 })).await;
    // Two workers: were the message not kept, the other one would get it.
    let first = scene.worker(OPTIONS);
    let second = scene.worker(OPTIONS);
    eventually("the queue is empty", async || scene.left(&scene.queue).await == 0).await;
    assert_eq!(scene.notes.times("test.long"), 1);

    // Both wait for messages now, for 20 seconds if nobody disturbs them.
    let begun = Instant::now();
    for (_, stop, running) in [first, second] {
        stop.send(()).expect("it runs");
        running.await.expect("it stops");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_is_cut_off_by_a_stop_comes_again() {
    let Some(scene) = Scene::new().await else { return };
    scene.call("test.cut", json!({ "takes_ms": 60_000 })).await;
    let grace = Duration::from_millis(100);
    let (_, stop, running) = scene.worker(WorkerOptions { grace, ..OPTIONS });
    eventually("it begins", async || scene.notes.times("test.cut") == 1).await;
    let begun = Instant::now();
    stop.send(()).expect("it runs");
    running.await.expect("it stops");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(scene.left(&scene.queue).await, 1, "it is not lost");
    let (_, _stop, _) = scene.worker(OPTIONS);
    eventually("it comes again", async || scene.notes.times("test.cut") == 2).await;
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_told() {
    let Some(scene) = Scene::new().await else { return };
    let handler = Arc::clone(&scene.notes) as Arc<dyn SignalHandler>;
    let gone = format!("{}-gone", scene.queue);
    let worker = Worker::new(scene.client.clone(), gone, handler, OPTIONS);
    let error = worker.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}
