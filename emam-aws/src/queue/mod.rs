//! Takes messages from an SQS queue and has a handler act on what they tell.
//!
//! Each message is read by [`events::parse`]. What was acted on is deleted;
//! what could not be is left, longer each time it comes, and goes to the dead-letter queue once the
//! queue's redrive policy says so. Nothing is lost: a message is only ever deleted after the handler
//! is done with all of it, and a worker that dies leaves it to the next. So it may come twice, and
//! the handler must not mind.

mod message;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use emam_core::backend::SignalHandler;
use emam_core::{Error, ErrorKind, Result};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::error::error;
use crate::events;

/// Messages one request may ask for or delete (API reference of SQS).
const BATCH: usize = 10;

/// How long a request waits for a message; the longest SQS allows.
const LONG_POLL: Duration = Duration::from_secs(20);

/// How long to wait after a request that failed, doubled each time.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Messages acted on at once.
    pub at_once: usize,
    /// How long a message stays hidden from other workers unless extended, in whole seconds. It is
    /// extended while the handler works, so this is how long others wait after this one has died.
    pub hidden_for: Duration,
    /// How long a message that failed stays hidden the first time; doubled each time.
    pub first_retry: Duration,
    /// The longest it stays hidden after a failure.
    pub longest_retry: Duration,
    /// How long handlers may go on after the worker was told to stop.
    pub grace: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            at_once: 8,
            hidden_for: Duration::from_secs(60),
            first_retry: Duration::from_secs(5),
            longest_retry: Duration::from_secs(900),
            grace: Duration::from_secs(10),
        }
    }
}

/// What a worker has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerCounts {
    /// Messages taken from the queue; one that comes twice counts twice.
    pub received: u64,
    /// Messages acted on wholly.
    pub done: u64,
    /// Messages that told nothing for this library; they are done as well.
    pub ignored: u64,
    /// Messages that could not be read; they are left.
    pub malformed: u64,
    /// Messages the handler failed on; they are left.
    pub failed: u64,
    /// Requests to the queue that failed.
    pub errors: u64,
}

#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    done: AtomicU64,
    ignored: AtomicU64,
    malformed: AtomicU64,
    failed: AtomicU64,
    errors: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Takes messages from a queue for as long as it runs. Cheap to clone; clones share their counts.
#[derive(Clone)]
pub struct Worker {
    client: Client,
    queue_url: String,
    handler: Arc<dyn SignalHandler>,
    options: WorkerOptions,
    counters: Arc<Counters>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds credentials.
        f.debug_struct("Worker")
            .field("queue_url", &self.queue_url)
            .field("handler", &self.handler)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// A worker on the queue at `queue_url`. Asks no service.
    pub fn new(
        client: Client,
        queue_url: impl Into<String>,
        handler: Arc<dyn SignalHandler>,
        options: WorkerOptions,
    ) -> Self {
        let counters = Arc::default();
        Self { client, queue_url: queue_url.into(), handler, options, counters }
    }

    /// What it has done so far.
    pub fn counts(&self) -> WorkerCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        WorkerCounts {
            received: read(&counters.received),
            done: read(&counters.done),
            ignored: read(&counters.ignored),
            malformed: read(&counters.malformed),
            failed: read(&counters.failed),
            errors: read(&counters.errors),
        }
    }

    /// Looks whether the queue can be reached and read, before a worker is left to itself.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is no such queue, and what the credentials may
    /// not do.
    pub async fn check(&self) -> Result<()> {
        let ask = self.client.get_queue_attributes().queue_url(&self.queue_url);
        let ask = ask.attribute_names(aws_sdk_sqs::types::QueueAttributeName::QueueArn);
        ask.send().await.map(drop).map_err(|cause| error("queue.check", cause))
    }

    /// Works until `shutdown` is ready. Then it takes no more messages, lets its handlers go on for
    /// the grace of its options, gives back to the queue what is not done, and returns. A request
    /// that fails is told of in the log and made again later.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = std::pin::pin!(shutdown);
        // Room for what can finish while one deletion is under way.
        let (done, to_delete) = mpsc::channel(self.options.at_once.max(BATCH));
        let deleting = tokio::spawn(self.clone().delete(to_delete));
        let room = Arc::new(Semaphore::new(self.options.at_once.max(1)));
        let at_work = AtWork::default();
        let mut working = JoinSet::new();
        let mut rest = FIRST_REST;
        loop {
            // A request that has begun is given up only by a shutdown: messages it was to bring
            // would count as received although nobody has seen them.
            let received = tokio::select! {
                biased;
                () = &mut shutdown => break,
                received = self.receive(&room) => received,
            };
            while working.try_join_next().is_some() {}
            match received {
                Ok(messages) => {
                    rest = FIRST_REST;
                    for (message, permit) in messages {
                        count(&self.counters.received);
                        let (worker, done) = (self.clone(), done.clone());
                        let place = at_work.begin(&message);
                        working.spawn(async move {
                            worker.work(message, done).await;
                            place.end();
                            drop(permit);
                        });
                    }
                }
                Err(error) => {
                    count(&self.counters.errors);
                    tracing::warn!(queue = self.queue_url, error = %error.report(), "no messages");
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = sleep(rest) => rest = (rest * 2).min(LONGEST_REST),
                    }
                }
            }
        }
        let finished = async { while working.join_next().await.is_some() {} };
        if timeout(self.options.grace, finished).await.is_err() {
            working.shutdown().await;
            for handle in at_work.take() {
                self.hide(&handle, Duration::ZERO).await;
            }
        }
        drop(done);
        if let Err(fault) = deleting.await {
            tracing::warn!(error = %fault, "messages that are done will come again");
        }
    }

    /// Waits for room, then for messages to fill it.
    async fn receive(&self, room: &Arc<Semaphore>) -> Result<Vec<(Message, OwnedSemaphorePermit)>> {
        let Ok(first) = Arc::clone(room).acquire_owned().await else { return Ok(Vec::new()) };
        let more = std::iter::from_fn(|| Arc::clone(room).try_acquire_owned().ok());
        let permits: Vec<_> = std::iter::once(first).chain(more.take(BATCH - 1)).collect();
        let receive = self
            .client
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(i32::try_from(permits.len()).unwrap_or(1))
            .wait_time_seconds(seconds(LONG_POLL))
            .visibility_timeout(seconds(self.options.hidden_for))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let received = receive.send().await.map_err(|cause| error("queue.receive", cause))?;
        Ok(received.messages.unwrap_or_default().into_iter().zip(permits).collect())
    }

    /// Deletes messages that are done, as many at once as there are.
    async fn delete(self, mut done: mpsc::Receiver<String>) {
        let mut handles = Vec::with_capacity(BATCH);
        while done.recv_many(&mut handles, BATCH).await > 0 {
            if let Err(error) = self.delete_batch(&handles).await {
                count(&self.counters.errors);
                let error = error.report();
                tracing::warn!(queue = self.queue_url, %error, "messages that are done come again");
            }
            handles.clear();
        }
    }

    async fn delete_batch(&self, handles: &[String]) -> Result<()> {
        const OPERATION: &str = "queue.delete";
        let mut delete = self.client.delete_message_batch().queue_url(&self.queue_url);
        for (number, handle) in handles.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(handle)
                .build()
                .map_err(|cause| {
                    Error::new(ErrorKind::Unexpected, OPERATION, "a request could not be made")
                        .caused_by(cause)
                })?;
            delete = delete.entries(entry);
        }
        let answer = delete.send().await.map_err(|cause| error(OPERATION, cause))?;
        match answer.failed() {
            [] => Ok(()),
            [first, ..] => {
                let message = "some messages were not deleted";
                Err(Error::new(ErrorKind::Unavailable, OPERATION, message)
                    .with("messages", answer.failed().len())
                    .with("code", first.code()))
            }
        }
    }
}

/// The messages that are being acted on, by receipt handle.
#[derive(Debug, Clone, Default)]
struct AtWork(Arc<Mutex<BTreeSet<String>>>);

impl AtWork {
    fn begin(&self, message: &Message) -> Place {
        let handle = message.receipt_handle.clone().unwrap_or_default();
        self.lock().insert(handle.clone());
        Place { at_work: self.clone(), handle }
    }

    fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One message's place among those at work.
#[derive(Debug)]
struct Place {
    at_work: AtWork,
    handle: String,
}

impl Place {
    fn end(self) {
        self.at_work.lock().remove(&self.handle);
    }
}

/// Asks for an operation through a queue: whoever works on it does it. Archive and restore are
/// asked for in this way where the asker is not the one who works.
///
/// # Errors
/// What SQS says.
pub async fn send_call(
    client: &Client,
    queue_url: &str,
    operation: &str,
    params: &Value,
) -> Result<()> {
    let body = events::call(operation, params);
    let send = client.send_message().queue_url(queue_url).message_body(body);
    send.send().await.map(drop).map_err(|cause| error("queue.send", cause))
}

/// Whole seconds, rounded up, as SQS counts them.
fn seconds(time: Duration) -> i32 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
