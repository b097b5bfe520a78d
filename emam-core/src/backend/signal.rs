//! What services elsewhere tell on their own: a job has ended, an object has appeared.
//!
//! Signals may come late, twice, out of order or never. So none of them is believed: each only says
//! where to look now instead of later, and acting on one twice changes nothing.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::model::StorageClass;

/// What somebody elsewhere tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// There is news of a job of ours.
    Job {
        /// The token it was submitted under; see [`token`](super::token).
        token: String,
        /// Whether it has ended, one way or the other.
        ended: bool,
    },
    /// Something happened to an object of a storage.
    Object(ObjectSignal),
    /// Somebody wants an operation of the library done, by its name in the operation table.
    Call {
        /// The operation, for example `archive.restore`.
        operation: String,
        /// Its parameters.
        params: Value,
    },
    /// Nothing that concerns this library.
    Ignored {
        /// Why, for people who wonder.
        reason: String,
    },
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSignal {
    /// The bucket it is in, by the name the service knows it by.
    pub bucket: String,
    /// Its key in that bucket, any prefix included, as it is: not encoded.
    pub key: String,
    /// What happened.
    pub change: ObjectChange,
    /// Its size in bytes, where it is told.
    pub size: Option<u64>,
    /// Its entity tag without quotes, where it is told. Not always the MD5 of its bytes.
    pub etag: Option<String>,
    /// Its version, in buckets that keep versions.
    pub version: Option<String>,
    /// Of two signals of one key, the one with the greater text happened later, where it is told.
    pub sequencer: Option<String>,
    /// The same when the same is told again.
    pub id: String,
}

/// What can happen to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectChange {
    /// It was written, by whomever.
    Created,
    /// It was deleted, or hidden by a newer version that is none.
    Deleted,
    /// It was asked back from an archive class.
    RestoreBegun,
    /// It can be read.
    RestoreCompleted {
        /// Until then, where it is told.
        expires_at: Option<Timestamp>,
    },
    /// Its readable copy is gone again.
    RestoreExpired,
    /// It lies in another class now.
    ClassChanged {
        /// In which, where it is one the library has a name for.
        class: Option<StorageClass>,
    },
}

/// Acts on signals. Acting on one again changes nothing.
#[async_trait]
pub trait SignalHandler: Debug + Send + Sync + 'static {
    /// Acts on one signal.
    ///
    /// # Errors
    /// Whatever stood in the way; the signal is then given again later.
    async fn signal(&self, signal: &Signal) -> Result<()>;
}
