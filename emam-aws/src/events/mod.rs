//! From what the services tell to [`Signal`]s: pure, without a queue or an account.
//!
//! One queue takes everything: events of S3, MediaConvert and Transcribe by EventBridge, the end of
//! Rekognition's video jobs by SNS, raw or in its envelope, S3's own notifications, and requests of
//! our own, see [`call`]. A body is read by its shape and not by where it came from, so the same
//! parser serves a worker, a Lambda and a test.
//!
//! What is not for this library is [`Signal::Ignored`]; what cannot be read is an error, so that its
//! message stays on the queue and ends in the dead-letter queue, where a person finds it.
//!
//! ```
//! use emam_aws::events;
//! use emam_core::backend::Signal;
//!
//! let signals = events::parse(r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#)?;
//! assert!(matches!(signals[..], [Signal::Ignored { .. }]));
//! assert!(events::parse("{ not JSON").is_err());
//! # Ok::<(), emam_core::Error>(())
//! ```

mod call;
mod eventbridge;
mod s3;
#[cfg(test)]
mod tests;

use emam_core::backend::{Signal, token};
use emam_core::{Error, Result};
use serde_json::Value;

pub use call::call;

/// How the parts of this module name what failed.
const PARSE: &str = "events.parse";

/// SNS may carry what carries something again; nobody nests deeper than this.
const DEEPEST: usize = 3;

/// Reads the body of one message.
///
/// # Errors
/// [`InvalidInput`](emam_core::ErrorKind::InvalidInput) where it is no JSON or lacks what its kind of
/// message always has. The error names what is missing and never quotes the body, which may hold
/// what nobody should read in a log.
pub fn parse(body: &str) -> Result<Vec<Signal>> {
    parse_at(body, 0)
}

fn parse_at(body: &str, depth: usize) -> Result<Vec<Signal>> {
    let value: Value = serde_json::from_str(body).map_err(|cause| {
        malformed("the message is not JSON; look at it in the dead-letter queue")
            .with("bytes", body.len())
            .caused_by(cause)
    })?;
    let Value::Object(members) = &value else {
        return Err(malformed("the message is not a JSON object").with("bytes", body.len()));
    };
    if members.contains_key("emam") {
        return call::parse(&value).map(|signal| vec![signal]);
    }
    if members.contains_key("detail-type") {
        return eventbridge::parse(&value).map(|signal| vec![signal]);
    }
    if let Some(Value::Array(records)) = members.get("Records") {
        return records.iter().map(s3::parse).collect();
    }
    if value["Event"] == "s3:TestEvent" {
        return Ok(vec![ignored("S3 tries out its notifications")]);
    }
    if members.contains_key("TopicArn") && members.contains_key("Type") {
        return match text(&value, "/Type") {
            Some("Notification") if depth < DEEPEST => {
                let message = need(&value, "/Message")?;
                // People write to topics by hand; what is no JSON is not for us.
                if !message.trim_start().starts_with('{') {
                    return Ok(vec![ignored("a notification of plain text")]);
                }
                parse_at(message, depth + 1)
            }
            Some("Notification") => Err(malformed("the message is wrapped too often")),
            kind => Ok(vec![ignored(format!("SNS tells {}", kind.unwrap_or("nothing")))]),
        };
    }
    if let Some(signal) = rekognition(&value) {
        return Ok(vec![signal]);
    }
    Ok(vec![ignored("a message of no kind this library knows")])
}

/// The end of a job of Rekognition's, as it tells its topic. Its documentation writes `JobId`; other
/// programs have met `jobId` as well.
fn rekognition(message: &Value) -> Option<Signal> {
    text(message, "/JobId").or_else(|| text(message, "/jobId"))?;
    let status = text(message, "/Status").or_else(|| text(message, "/status"))?;
    let tag = text(message, "/JobTag").or_else(|| text(message, "/jobTag")).unwrap_or_default();
    Some(match token::find(tag) {
        Some(token) => job(token, matches!(status, "SUCCEEDED" | "FAILED" | "ERROR")),
        None => ignored("a Rekognition job of somebody else"),
    })
}

fn job(token: &str, ended: bool) -> Signal {
    Signal::Job { token: token.to_owned(), ended }
}

fn ignored(reason: impl Into<String>) -> Signal {
    Signal::Ignored { reason: reason.into() }
}

fn malformed(message: &'static str) -> Error {
    Error::invalid(PARSE, message)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

fn need<'a>(value: &'a Value, pointer: &'static str) -> Result<&'a str> {
    text(value, pointer).ok_or_else(|| {
        malformed("the message lacks what messages of its kind always have")
            .with("missing", pointer)
    })
}
