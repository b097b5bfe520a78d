//! What a job id says, so that any process can go on with a job another has begun.

use emam_core::backend::{JobId, Key, token};
use emam_core::{Error, ErrorKind, Result};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::split::Piece;
use crate::scale::Scale;
use crate::uri::S3Uri;

/// What a [`JobId`] of this analyzer holds, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ticket {
    /// The name of the service's job, and how the names of several begin.
    pub(super) name: String,
    /// The media.
    pub(super) media: S3Uri,
    /// How the findings are counted.
    pub(super) scale: Scale,
    /// What all files are under.
    pub(super) prefix: Key,
    /// The pieces the media is cut into where it is too long or too large for one job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) pieces: Vec<Piece>,
    /// The job that cuts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<JobId>,
    /// Whether a job that the service does not know is one that still has to be begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) later: bool,
}

impl Ticket {
    pub(super) fn read(operation: &'static str, job: &JobId) -> Result<Self> {
        serde_json::from_str(&job.0).map_err(|_| not_found(operation).with("job", &job.0))
    }

    pub(super) fn job_id(&self, operation: &'static str) -> Result<JobId> {
        let text = serde_json::to_string(self).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, operation, "the job cannot be written down")
                .caused_by(cause)
        })?;
        Ok(JobId(text))
    }

    /// The names of the service's jobs.
    pub(super) fn names(&self) -> Vec<String> {
        if self.pieces.is_empty() {
            return vec![self.name.clone()];
        }
        (1..=self.pieces.len()).map(|number| format!("{}-{number}", self.name)).collect()
    }

    /// Where the service writes what a job of that name has heard.
    pub(super) fn transcript(&self, name: &str) -> Result<Key> {
        self.prefix.join(&format!("transcript/{name}.json"))
    }

    /// Where captions go, by the extension of their format.
    pub(super) fn captions(&self, extension: &str) -> Result<Key> {
        self.prefix.join(&format!("captions/{}.{extension}", self.name))
    }
}

pub(super) fn not_found(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation, "no job of this analyzer has this id")
}

/// The name of a job: the stack's name and the token. The service allows 200 characters of
/// `[0-9A-Za-z._-]`; a token that is none of the library's is replaced by its MD5.
pub(super) fn job_name(stack: &str, attempt: &str) -> String {
    if token::run(attempt).is_some() {
        return format!("{stack}-{attempt}");
    }
    format!("{stack}-{}", data_encoding::HEXLOWER.encode(&Md5::digest(attempt)))
}

/// Whether the service allows a name of a stack or vocabulary: up to `most` of `[0-9A-Za-z._-]`.
pub(super) fn is_name(name: &str, most: usize) -> bool {
    (1..=most).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Whether the service writes under a key: `[a-zA-Z0-9-_.!*'()/]{1,1024}`.
pub(super) fn is_output_key(key: &str) -> bool {
    (1..=1024).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!*'()/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_service_allows_and_tell_their_run() {
        let attempt = "0190a1b2c3d4e5f60718293a4b5c6d7e-0190a1b2c3d4abcd";
        assert_eq!(job_name("media", attempt), format!("media-{attempt}"));
        for attempt in [attempt, "another token", "ü/", ""] {
            assert!(is_name(&job_name("media.1", attempt), 200), "{attempt}");
        }
        assert_ne!(job_name("media", "one"), job_name("media", "two"));
        for wrong in ["", "a b", "ü", "a/b", &"x".repeat(201)] {
            assert!(!is_name(wrong, 200), "{wrong}");
        }
        assert!(is_output_key("assets/0190/transcript/media-1.json"));
        for wrong in ["", "a b.json", "ü.json", "a#b"] {
            assert!(!is_output_key(wrong), "{wrong}");
        }
    }
}
