//! Notices by mail, with SES.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};
use emam_core::backend::{Notice, Notifier, NotifierCapabilities};
use emam_core::{Error, ErrorKind, Result};
use serde_json::json;

use super::NOTIFY;
use crate::error::error;

/// Bytes of the largest notice. SES takes far more; nobody reads such a mail.
const LARGEST: usize = 256 * 1024;

/// Characters of a subject; mail programs show fewer.
const LONGEST_SUBJECT: usize = 200;

/// Sends mail of plain text. What programs need, the notice's id, topic, time and data, is one line
/// of JSON below the signature mark, which mail programs show in grey; id and topic are headers too.
#[derive(Clone)]
pub struct SesNotifier {
    client: Client,
    from: String,
    to: Vec<String>,
}

impl fmt::Debug for SesNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds credentials.
        f.debug_struct("SesNotifier")
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

impl SesNotifier {
    /// A notifier that sends from an address SES has verified, to these addresses. Asks no service.
    pub fn new(client: Client, from: impl Into<String>, to: Vec<String>) -> Self {
        Self { client, from: from.into(), to }
    }
}

#[async_trait]
impl Notifier for SesNotifier {
    fn capabilities(&self) -> NotifierCapabilities {
        NotifierCapabilities { service: "ses".into(), largest: LARGEST }
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        notice.checked_json(NOTIFY, LARGEST)?;
        let message = message(notice).map_err(|cause| {
            let message = "a request could not be made";
            Error::new(ErrorKind::Unexpected, NOTIFY, message).caused_by(cause)
        })?;
        let send = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().set_to_addresses(Some(self.to.clone())).build())
            .content(EmailContent::builder().simple(message).build());
        send.send().await.map(drop).map_err(|cause| error(NOTIFY, cause))
    }
}

fn message(notice: &Notice) -> Result<Message, BuildError> {
    let content = |text: String| Content::builder().data(text).charset("UTF-8").build();
    let header = |name: &str, value: &str| {
        let printable = value.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' });
        MessageHeader::builder().name(name).value(printable.collect::<String>()).build()
    };
    Ok(Message::builder()
        .subject(content(subject(&notice.subject))?)
        .body(Body::builder().text(content(body(notice))?).build())
        .headers(header("X-Emam-Id", &notice.id)?)
        .headers(header("X-Emam-Topic", notice.topic.as_str())?)
        .build())
}

fn subject(text: &str) -> String {
    let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    one_line.take(LONGEST_SUBJECT).collect()
}

fn body(notice: &Notice) -> String {
    let facts = json!({
        "id": notice.id, "at": notice.at, "topic": notice.topic, "data": notice.data,
    });
    format!("{}\n\n-- \n{facts}\n", notice.text)
}
