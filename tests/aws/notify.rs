//! Notices by SNS and SES, held to the contract of Notifier.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_sqs::types::QueueAttributeName;
use emam_aws::notify::{SesNotifier, SnsNotifier};
use emam_core::ErrorKind;
use emam_core::backend::{Notice, Notifier};
use emam_core::model::Topic;
use emam_core::notifier_conformance;
use emam_core::testkit::{Arrived, Inbox, NotifierFixture, NotifierUnderTest};
use emam_tests::aws::{account, address, fresh_name};
use serde_json::{Value, json};

/// Where nobody listens: the discard port.
const NOBODY: &str = "http://127.0.0.1:9";

struct Sns {
    address: String,
    fifo: bool,
}

/// A queue that is subscribed to the topic.
#[derive(Debug)]
struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
    got: Mutex<Vec<Value>>,
}

impl Queue {
    /// What SNS has delivered, in its envelopes.
    async fn envelopes(&self) -> Vec<Value> {
        let receive = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let received = receive.visibility_timeout(3600).send().await.expect("receive");
        let bodies = received.messages.unwrap_or_default();
        let bodies = bodies.iter().filter_map(|message| message.body.as_deref());
        let mut got = self.got.lock().expect("no test panicked");
        got.extend(bodies.map(|body| serde_json::from_str::<Value>(body).expect("JSON")));
        got.clone()
    }
}

#[async_trait]
impl Inbox for Queue {
    async fn arrived(&self) -> Vec<Arrived> {
        self.envelopes()
            .await
            .iter()
            .map(|envelope| {
                let message = envelope["Message"].as_str().expect("a message");
                let notice: Notice = serde_json::from_str(message).expect("a notice");
                assert_eq!(envelope["MessageAttributes"]["id"]["Value"], notice.id);
                assert_eq!(envelope["MessageAttributes"]["topic"]["Value"], notice.topic.0);
                let subject = envelope["Subject"].as_str().expect("a subject");
                assert!(subject.len() <= 100 && subject.is_ascii(), "{subject}");
                assert_eq!(subject[..1], notice.subject[..1]);
                notice.into()
            })
            .collect()
    }
}

impl Sns {
    async fn topic(&self) -> (SnsNotifier, Arc<Queue>) {
        let account = account(&self.address).await;
        let sns = aws_sdk_sns::Client::new(&account);
        let sqs = aws_sdk_sqs::Client::new(&account);
        let name = |prefix: &str| fresh_name(prefix) + if self.fifo { ".fifo" } else { "" };
        let (mut topic, mut queue) =
            (sns.create_topic().name(name("told")), sqs.create_queue().queue_name(name("inbox")));
        if self.fifo {
            topic = topic.attributes("FifoTopic", "true");
            queue = queue.attributes(QueueAttributeName::FifoQueue, "true");
        }
        let topic = topic.send().await.expect("create a topic").topic_arn.expect("its ARN");
        let url = queue.send().await.expect("create a queue").queue_url.expect("its address");
        let ask = sqs.get_queue_attributes().queue_url(&url);
        let ask = ask.attribute_names(QueueAttributeName::QueueArn).send().await.expect("ask");
        let arn = ask.attributes.expect("attributes")[&QueueAttributeName::QueueArn].clone();
        let subscribe = sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn);
        subscribe.send().await.expect("subscribe");
        (SnsNotifier::new(sns, topic), Arc::new(Queue { client: sqs, url, got: Mutex::default() }))
    }
}

#[async_trait]
impl NotifierFixture for Sns {
    async fn fresh(&self) -> NotifierUnderTest {
        let (notifier, inbox) = self.topic().await;
        NotifierUnderTest { notifier: Arc::new(notifier), inbox }
    }

    async fn unreachable(&self) -> Arc<dyn Notifier> {
        let sns = aws_sdk_sns::Client::new(&account(NOBODY).await);
        Arc::new(SnsNotifier::new(sns, "arn:aws:sns:us-east-1:000000000000:nobody"))
    }
}

notifier_conformance!(sns, {
    let Some(address) = address("EMAM_AWS_MINISTACK") else { return };
    Sns { address, fifo: false }
});

notifier_conformance!(sns_fifo, {
    let Some(address) = address("EMAM_AWS_MINISTACK") else { return };
    Sns { address, fifo: true }
});

struct Ses {
    address: String,
}

/// The mail the emulator has sent to one address.
#[derive(Debug)]
struct Mailbox {
    address: String,
    to: String,
}

#[async_trait]
impl Inbox for Mailbox {
    async fn arrived(&self) -> Vec<Arrived> {
        let url = format!("{}/_ministack/ses/messages", self.address);
        let answer = reqwest::get(url).await.expect("ask").text().await.expect("an answer");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let accounts = answer["messages"].as_object().expect("messages by account");
        let all = accounts.values().flat_map(|all| all.as_array().expect("messages"));
        all.filter(|mail| mail.to_string().contains(&self.to))
            .map(|mail| {
                let subject = mail["Subject"].as_str().expect("a subject").to_owned();
                let body = mail["BodyText"].as_str().expect("a text");
                let (text, facts) = body.rsplit_once("\n\n-- \n").expect("a signature");
                let facts: Value = serde_json::from_str(facts).expect("facts");
                assert_eq!(facts["topic"], "run.updated");
                Arrived {
                    id: facts["id"].as_str().expect("an id").to_owned(),
                    subject,
                    text: text.to_owned(),
                    data: facts["data"].clone(),
                }
            })
            .collect()
    }
}

impl Ses {
    async fn client(&self) -> aws_sdk_sesv2::Client {
        let client = aws_sdk_sesv2::Client::new(&account(&self.address).await);
        // It may be verified already.
        drop(client.create_email_identity().email_identity("emam@example.com").send().await);
        client
    }
}

#[async_trait]
impl NotifierFixture for Ses {
    async fn fresh(&self) -> NotifierUnderTest {
        let to = format!("{}@example.com", fresh_name("ada"));
        let notifier = SesNotifier::new(self.client().await, "emam@example.com", vec![to.clone()]);
        let inbox = Mailbox { address: self.address.clone(), to };
        NotifierUnderTest { notifier: Arc::new(notifier), inbox: Arc::new(inbox) }
    }

    async fn unreachable(&self) -> Arc<dyn Notifier> {
        let client = aws_sdk_sesv2::Client::new(&account(NOBODY).await);
        Arc::new(SesNotifier::new(client, "emam@example.com", vec!["ada@example.com".into()]))
    }
}

notifier_conformance!(ses, {
    let Some(address) = address("EMAM_AWS_MINISTACK") else { return };
    Ses { address }
});

fn notice() -> Notice {
    Notice {
        id: "7".into(),
        at: "2026-01-01T00:00:00Z".parse().expect("an instant"),
        topic: Topic::new("run", "updated"),
        subject: "ingest: failed".into(),
        text: "why".into(),
        data: json!(null),
    }
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_told() {
    let Some(address) = address("EMAM_AWS_MINISTACK") else { return };
    let sns = aws_sdk_sns::Client::new(&account(&address).await);
    let notifier = SnsNotifier::new(sns, "arn:aws:sns:us-east-1:000000000000:not-made");
    let error = notifier.notify(&notice()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(!error.is_retryable());
}
