//! What the account's services tell: bodies as EventBridge and SNS deliver them to SQS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, REGION, arn, unique};
use crate::faults::Faults;
use crate::world::World;

/// Tells the account's queue what happened; loses, doubles and delays as the switches want.
#[derive(Debug)]
pub struct Events {
    world: Arc<World>,
    faults: Arc<Faults>,
    told: Mutex<BTreeMap<String, Told>>,
}

/// What became of the events of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// Messages handed to the queue, doubles included.
    pub sent: u64,
    /// Events dropped on purpose.
    pub lost: u64,
    /// Messages the queue would not take.
    pub failed: u64,
}

/// How SNS hands a message to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// The message alone: raw message delivery.
    Raw,
    /// The message in SNS's envelope.
    Enveloped,
}

impl Events {
    /// Events for the queue of this world.
    pub fn new(world: Arc<World>, faults: Arc<Faults>) -> Self {
        Self { world, faults, told: Mutex::default() }
    }

    /// Sends a body to the queue. `kind` names it in the count, for example
    /// `MediaConvert COMPLETE`.
    pub async fn send(self: &Arc<Self>, kind: &str, body: Value) {
        let switches = self.world.switches();
        if self.faults.chance(switches.lose_events) {
            return self.tell(kind, |told| told.lost += 1);
        }
        let times = if self.faults.chance(switches.double_events) { 2 } else { 1 };
        for _ in 0..times {
            if switches.late_events_ms == 0 {
                self.deliver(kind, body.to_string()).await;
                continue;
            }
            let wait = self.faults.fraction() * switches.late_events_ms as f64;
            let (events, kind, body) = (Arc::clone(self), kind.to_owned(), body.to_string());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs_f64(wait / 1000.0)).await;
                events.deliver(&kind, body).await;
            });
        }
    }

    async fn deliver(&self, kind: &str, body: String) {
        let Some(queue) = &self.world.events_queue() else { return };
        let sent = self.world.sqs.send_message().queue_url(queue).message_body(body).send().await;
        match sent {
            Ok(_) => self.tell(kind, |told| told.sent += 1),
            Err(error) => {
                eprintln!("emam-awsim: the queue {queue} did not take {kind}: {error:?}");
                self.tell(kind, |told| told.failed += 1);
            }
        }
    }

    fn tell(&self, kind: &str, change: impl FnOnce(&mut Told)) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        change(told.entry(kind.to_owned()).or_default());
    }

    /// What became of the events so far, by kind.
    pub fn report(&self) -> BTreeMap<String, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what was told.
    pub fn reset(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Tells that a MediaConvert job came to `status`; `more` are the members of `detail` that
    /// belong to that status.
    pub async fn mediaconvert(
        self: &Arc<Self>,
        job: &MediaConvertJob<'_>,
        status: &str,
        more: Value,
    ) {
        let body = mediaconvert_body(self.world.clock.now(), job, status, more);
        self.send(&format!("MediaConvert {status}"), body).await;
    }

    /// Tells that a Transcribe job came to an end; `detail` has its name and its status.
    pub async fn transcribe(self: &Arc<Self>, detail: Value) {
        let status = detail["TranscriptionJobStatus"].as_str().unwrap_or_default().to_owned();
        let kind = "Transcribe Job State Change";
        let body = envelope(self.world.clock.now(), "aws.transcribe", kind, &[], detail);
        self.send(&format!("Transcribe {status}"), body).await;
    }

    /// Tells what happened to an object, for example `Object Created` or `Object Restore
    /// Completed`. `detail` is as S3 gives it; its `bucket.name` is the resource.
    pub async fn s3(self: &Arc<Self>, detail_type: &str, detail: Value) {
        let bucket = detail.pointer("/bucket/name").and_then(Value::as_str).unwrap_or_default();
        let resource = format!("arn:aws:s3:::{bucket}");
        let body = envelope(self.world.clock.now(), "aws.s3", detail_type, &[resource], detail);
        self.send(&format!("S3 {detail_type}"), body).await;
    }

    /// Sends a message to a topic the queue listens to, as Rekognition and Glacier do at the end of
    /// a job. `kind` names it in the count, for example `Rekognition SUCCEEDED`.
    pub async fn sns(
        self: &Arc<Self>,
        kind: &str,
        topic: &str,
        message: Value,
        wrapping: Wrapping,
    ) {
        let body = match wrapping {
            Wrapping::Raw => message,
            Wrapping::Enveloped => sns_envelope(self.world.clock.now(), topic, &message),
        };
        self.send(kind, body).await;
    }
}

/// What every event of a MediaConvert job says of it.
#[derive(Debug, Clone, Copy)]
pub struct MediaConvertJob<'a> {
    /// The job.
    pub id: &'a str,
    /// Its queue's name in full.
    pub queue: &'a str,
    /// What the client gave it.
    pub user_metadata: &'a Value,
}

/// The body of `MediaConvert Job State Change`. Shape: MediaConvert User Guide, "Using EventBridge
/// with AWS Elemental MediaConvert".
fn mediaconvert_body(
    now: Timestamp,
    job: &MediaConvertJob<'_>,
    status: &str,
    more: Value,
) -> Value {
    let mut detail = json!({
        "timestamp": now.as_millisecond(),
        "accountId": ACCOUNT,
        "queue": job.queue,
        "jobId": job.id,
        "status": status,
        "userMetadata": job.user_metadata,
    });
    if let (Value::Object(detail), Value::Object(more)) = (&mut detail, more) {
        detail.extend(more);
    }
    let resource = arn("mediaconvert", &format!("jobs/{}", job.id));
    envelope(now, "aws.mediaconvert", "MediaConvert Job State Change", &[resource], detail)
}

/// What EventBridge puts around every event. Shape: EventBridge User Guide, "Events".
fn envelope(
    now: Timestamp,
    source: &str,
    kind: &str,
    resources: &[String],
    detail: Value,
) -> Value {
    json!({
        "version": "0",
        "id": unique(),
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": resources,
        "detail": detail,
    })
}

/// What SNS puts around a message that is not delivered raw. Shape: SNS Developer Guide, "Parsing
/// Amazon SNS message formats".
fn sns_envelope(now: Timestamp, topic: &str, message: &Value) -> Value {
    let host = format!("https://sns.{REGION}.amazonaws.com");
    json!({
        "Type": "Notification",
        "MessageId": unique(),
        "TopicArn": topic,
        "Message": message.to_string(),
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertURL": format!("{host}/SimpleNotificationService-0.pem"),
        "UnsubscribeURL": format!("{host}/?Action=Unsubscribe&SubscriptionArn={topic}:0"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switches::Switches;

    fn instant() -> Timestamp {
        "2026-01-02T03:04:05.678Z".parse().expect("an instant")
    }

    #[test]
    fn a_mediaconvert_event_is_as_eventbridge_delivers_it() {
        let metadata = json!({"emam-job": "7"});
        let queue = arn("mediaconvert", "queues/Default");
        let job = MediaConvertJob { id: "1-ab", queue: &queue, user_metadata: &metadata };
        let more = json!({"errorCode": 1404, "errorMessage": "gone"});
        let mut body = mediaconvert_body(instant(), &job, "ERROR", more);
        assert_eq!(body["id"].take().as_str().map(str::len), Some(36));
        let expected = json!({
            "version": "0",
            "id": null,
            "detail-type": "MediaConvert Job State Change",
            "source": "aws.mediaconvert",
            "account": "111122223333",
            "time": "2026-01-02T03:04:05Z",
            "region": "us-east-1",
            "resources": ["arn:aws:mediaconvert:us-east-1:111122223333:jobs/1-ab"],
            "detail": {
                "timestamp": 1_767_323_045_678_i64,
                "accountId": "111122223333",
                "queue": "arn:aws:mediaconvert:us-east-1:111122223333:queues/Default",
                "jobId": "1-ab",
                "status": "ERROR",
                "userMetadata": {"emam-job": "7"},
                "errorCode": 1404,
                "errorMessage": "gone",
            },
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn sns_wraps_the_message_as_text() {
        let topic = "arn:aws:sns:us-east-1:111122223333:AmazonRekognition-x";
        let message = json!({"JobId": "j", "Status": "SUCCEEDED", "JobTag": "t"});
        let wrapped = sns_envelope(instant(), topic, &message);
        let inner = wrapped["Message"].as_str().expect("text");
        assert_eq!(serde_json::from_str::<Value>(inner).expect("JSON"), message);
        assert_eq!(wrapped["TopicArn"], topic);
        assert_eq!(wrapped["Timestamp"], "2026-01-02T03:04:05.678Z");
    }

    #[test]
    fn every_event_has_its_own_id() {
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| unique()).collect();
        assert_eq!(ids.len(), 1000);
    }

    /// An SQS that keeps what it is sent, and its address.
    async fn sqs() -> (String, Arc<Mutex<Vec<Value>>>) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&kept);
        let router = axum::Router::new().fallback(move |body: String| {
            let keeping = Arc::clone(&keeping);
            async move {
                let request: Value = serde_json::from_str(&body).expect("JSON 1.0");
                let message = request["MessageBody"].as_str().expect("a message");
                let digest =
                    md5::Digest::finalize(<md5::Md5 as md5::Digest>::new_with_prefix(message));
                let digest = data_encoding::HEXLOWER.encode(&digest);
                keeping.lock().expect("kept").push(serde_json::from_str(message).expect("JSON"));
                json!({"MessageId": "1", "MD5OfMessageBody": digest}).to_string()
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, kept)
    }

    async fn telling(switches: Switches) -> (Arc<Events>, Arc<Mutex<Vec<Value>>>) {
        let (url, kept) = sqs().await;
        let world = World::new(crate::world::Parts {
            clock: crate::clock::Clock::new(1.0),
            s3: crate::account::s3(&url),
            sqs: crate::account::sqs(&url),
            events_queue: Some(format!("{url}/events")),
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
            scratch: std::env::temp_dir(),
        });
        world.set_switches(switches);
        let world = Arc::new(world);
        let faults = Arc::new(Faults::new(Arc::clone(&world)));
        (Arc::new(Events::new(world, faults)), kept)
    }

    async fn tell_jobs(events: &Arc<Events>, count: usize) {
        for number in 0..count {
            let name = format!("job-{number}");
            let status = "COMPLETED";
            let detail = json!({"TranscriptionJobName": name, "TranscriptionJobStatus": status});
            events.transcribe(detail).await;
        }
    }

    fn names(kept: &Mutex<Vec<Value>>) -> Vec<String> {
        let kept = kept.lock().expect("kept");
        let name =
            |body: &Value| body["detail"]["TranscriptionJobName"].as_str().map(str::to_owned);
        kept.iter().filter_map(name).collect()
    }

    #[tokio::test]
    async fn events_arrive_in_order_when_nothing_goes_wrong() {
        let (events, kept) = telling(Switches::default()).await;
        tell_jobs(&events, 3).await;
        assert_eq!(names(&kept), ["job-0", "job-1", "job-2"]);
    }

    #[tokio::test]
    async fn events_are_lost_and_doubled_as_wanted() {
        let switches = Switches { lose_events: 0.3, double_events: 0.5, ..Switches::default() };
        let (events, kept) = telling(switches).await;
        tell_jobs(&events, 40).await;
        let told = events.report()["Transcribe COMPLETED"];
        assert_eq!(told.sent, names(&kept).len() as u64);
        let doubled = told.sent - (40 - told.lost);
        assert!((4..25).contains(&told.lost) && (4..25).contains(&doubled), "{told:?}");
        let kept = kept.lock().expect("kept");
        let twice = kept.windows(2).find(|pair| pair[0]["detail"] == pair[1]["detail"]);
        assert!(
            twice.is_some_and(|pair| pair[0]["id"] == pair[1]["id"]),
            "a double has the same id"
        );
    }

    #[tokio::test]
    async fn late_events_overtake_each_other() {
        let switches = Switches { late_events_ms: 200, ..Switches::default() };
        let (events, kept) = telling(switches).await;
        tell_jobs(&events, 20).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (came, mut sorted) = (names(&kept), names(&kept));
        assert_eq!(came.len(), 20);
        sorted.sort_by_key(|name| name.trim_start_matches("job-").parse::<u32>().unwrap_or(0));
        assert_ne!(came, sorted);
    }
}
