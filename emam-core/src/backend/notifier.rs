//! Telling people and programs outside what happened.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Topic;

/// Tells people or programs outside what happened.
///
/// # Contract
/// - `notice_arrives`: a notice that was taken arrives with its id, subject, text and data.
/// - `awkward_notices_arrive`: so does one with line breaks, quotes, emoji and a subject longer than
///   the service takes, of which the beginning arrives.
/// - `notices_keep_their_ids`: a notice sent again has the same id, by which a receiver knows it.
/// - `notice_too_large`: a notice above `capabilities().largest` bytes of JSON is
///   [`InvalidInput`](crate::ErrorKind::InvalidInput) and nothing of it arrives.
/// - `unreachable_service`: a service that does not answer is an error that
///   [can be tried again](crate::Error::is_retryable).
#[async_trait]
pub trait Notifier: Debug + Send + Sync + 'static {
    /// What this notifier can do. Constant.
    fn capabilities(&self) -> NotifierCapabilities;

    /// Hands one notice to the service; it is on its way when this returns.
    async fn notify(&self, notice: &Notice) -> Result<()>;
}

/// What a notifier can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierCapabilities {
    /// The name of the service, for example `sns`.
    pub service: String,
    /// Bytes of the largest notice, as JSON.
    pub largest: usize,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Its id: the same when it is told again. Events have their number in the log.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// What it is about, for example `run.updated`.
    pub topic: Topic,
    /// One line for people.
    pub subject: String,
    /// More lines for people.
    pub text: String,
    /// What a program needs: the event as it is in the log.
    pub data: Value,
}

impl Notice {
    /// The notice as JSON, for a service that takes at most `largest` bytes.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) where it has more.
    pub fn checked_json(&self, operation: &'static str, largest: usize) -> Result<String> {
        let json = serde_json::to_string(self).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, operation, "a notice has no JSON").caused_by(cause)
        })?;
        if json.len() <= largest {
            return Ok(json);
        }
        let message = "the notice is larger than the service takes; tell less of it";
        Err(Error::invalid(operation, message)
            .with("notice", &self.id)
            .with("bytes", json.len())
            .with("most", largest))
    }
}
