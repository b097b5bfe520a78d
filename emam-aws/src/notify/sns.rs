//! Notices to an SNS topic.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use emam_core::Result;
use emam_core::backend::{Notice, Notifier, NotifierCapabilities};
use emam_core::{Error, ErrorKind};
use serde_json::json;

use super::NOTIFY;
use crate::error::error;

/// Bytes of a message, its attributes included (SNS quotas).
const LARGEST_MESSAGE: usize = 256 * 1024;

/// What the attributes and the subject may take of them.
const BESIDE: usize = 1024;

/// Characters of a subject (API reference of Publish).
const LONGEST_SUBJECT: usize = 100;

/// Tells an SNS topic. Programs that subscribe get the [`Notice`] as JSON, with its topic and id as
/// attributes to filter by; mail that is subscribed gets its text.
#[derive(Clone)]
pub struct SnsNotifier {
    client: Client,
    topic: String,
}

impl fmt::Debug for SnsNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds credentials.
        f.debug_struct("SnsNotifier").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl SnsNotifier {
    /// A notifier of the topic with this ARN. One that ends in `.fifo` keeps the order and leaves out
    /// what is told twice within five minutes. Asks no service.
    pub fn new(client: Client, topic: impl Into<String>) -> Self {
        Self { client, topic: topic.into() }
    }
}

#[async_trait]
impl Notifier for SnsNotifier {
    fn capabilities(&self) -> NotifierCapabilities {
        NotifierCapabilities { service: "sns".into(), largest: LARGEST_MESSAGE - BESIDE }
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        let json = notice.checked_json(NOTIFY, self.capabilities().largest)?;
        let mut publish = self
            .client
            .publish()
            .topic_arn(&self.topic)
            .message_attributes("topic", attribute(notice.topic.as_str())?)
            .message_attributes("id", attribute(&notice.id)?);
        if let Some(subject) = subject(&notice.subject) {
            publish = publish.subject(subject);
        }
        // For people the text, for programs the JSON; where both are too much, the JSON for all.
        let for_each = json!({ "default": json, "email": text(notice) }).to_string();
        publish = if for_each.len() + BESIDE <= LARGEST_MESSAGE {
            publish.message(for_each).message_structure("json")
        } else {
            publish.message(json)
        };
        if self.topic.ends_with(".fifo") {
            publish = publish.message_group_id("emam").message_deduplication_id(&notice.id);
        }
        publish.send().await.map(drop).map_err(|cause| error(NOTIFY, cause))
    }
}

fn text(notice: &Notice) -> &str {
    // An empty message is refused.
    if notice.text.is_empty() { &notice.subject } else { &notice.text }
}

fn attribute(value: &str) -> Result<MessageAttributeValue> {
    let value = MessageAttributeValue::builder().data_type("String").string_value(value);
    value.build().map_err(|cause| {
        Error::new(ErrorKind::Unexpected, NOTIFY, "a request could not be made").caused_by(cause)
    })
}

/// What SNS takes of a subject: at most 100 characters of printable ASCII, not beginning with a
/// space. The whole subject is in the message.
fn subject(text: &str) -> Option<String> {
    let plain = text.trim().chars().map(|c| match c {
        ' '..='~' => c,
        c if c.is_whitespace() => ' ',
        _ => '?',
    });
    let subject: String = plain.take(LONGEST_SUBJECT).collect();
    (!subject.is_empty()).then_some(subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_made_one_that_sns_takes() {
        assert_eq!(subject("ingest of a: ready").as_deref(), Some("ingest of a: ready"));
        assert_eq!(subject(" \n Zürich\t🌧\n").as_deref(), Some("Z?rich ?"));
        assert_eq!(subject(&"é".repeat(200)), Some("?".repeat(100)));
        assert_eq!(subject("\n "), None);
    }
}
