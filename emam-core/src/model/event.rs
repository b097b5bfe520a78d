//! Event: one entry of the ordered log of what happened.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an event is about: the noun, and what was done to it.
///
/// Written `noun.verb`, for example `asset.created`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Topic(pub String);

impl Topic {
    /// The topic `noun.verb`.
    pub fn new(noun: &str, verb: &str) -> Self {
        Self(format!("{noun}.{verb}"))
    }

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An event to be logged: what happened to something that is kept elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When it happened.
    pub at: Timestamp,
    /// What it is about.
    pub topic: Topic,
    /// The id of the record it is about.
    pub subject: Uuid,
    /// What else a listener needs.
    pub data: serde_json::Value,
}

/// One entry of the ordered log of what happened. It is written in the same transaction as the
/// change it tells of: there is no change without its event and no event without its change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place in the log; later events have greater numbers, numbers may be missing.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What it is about.
    pub topic: Topic,
    /// The id of the record it is about.
    pub subject: Uuid,
    /// The revision the change gave the record, where it has revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// What else a listener needs, for example the new lifecycle of an asset.
    #[serde(default)]
    pub data: serde_json::Value,
}
