//! What a job id says, so that any process can go on with a job another has begun.

use emam_core::backend::{JobId, token};
use emam_core::model::{AnnotationKind, Technical};
use emam_core::{Error, ErrorKind, Result};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::scale::Scale;
use crate::uri::S3Uri;

/// One sort of job the service has for stored video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Subject {
    Labels,
    Faces,
    /// Faces, compared to those of a collection.
    FaceSearch,
    Celebrities,
    Text,
    Moderation,
    /// Shots and black frames.
    Segments,
}

impl Subject {
    /// The end of the token of such a job; short, because a token has 64 characters.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::Faces => "faces",
            Self::FaceSearch => "search",
            Self::Celebrities => "celebrities",
            Self::Text => "text",
            Self::Moderation => "moderation",
            Self::Segments => "segments",
        }
    }

    /// The jobs that find `kinds` in a video, each once.
    pub(super) fn of(kinds: &[AnnotationKind], collection: bool) -> Vec<Self> {
        let mut subjects = Vec::new();
        for kind in kinds {
            let subject = match kind {
                AnnotationKind::Label => Self::Labels,
                AnnotationKind::Face if collection => Self::FaceSearch,
                AnnotationKind::Face => Self::Faces,
                AnnotationKind::Celebrity => Self::Celebrities,
                AnnotationKind::Text => Self::Text,
                AnnotationKind::Moderation => Self::Moderation,
                AnnotationKind::Shot | AnnotationKind::Black => Self::Segments,
                _ => continue,
            };
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        subjects
    }
}

/// What a [`JobId`] of this analyzer holds, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ticket {
    /// What was asked for.
    pub(super) kinds: Vec<AnnotationKind>,
    /// How the findings are counted.
    pub(super) scale: Scale,
    /// The service's jobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) jobs: Vec<(Subject, String)>,
    /// The still that is looked at when the findings are fetched: the service answers for stills
    /// at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) still: Option<S3Uri>,
}

impl Ticket {
    /// The ticket of media that nothing has been begun for.
    pub(super) fn new(kinds: &[AnnotationKind], technical: &Technical) -> Result<Self> {
        let scale = Scale::of(technical)?;
        Ok(Self { kinds: kinds.to_vec(), scale, jobs: Vec::new(), still: None })
    }

    pub(super) fn read(operation: &'static str, job: &JobId) -> Result<Self> {
        serde_json::from_str(&job.0).map_err(|_| {
            Error::new(ErrorKind::NotFound, operation, "no job of this analyzer has this id")
                .with("job", &job.0)
        })
    }

    pub(super) fn job_id(&self, operation: &'static str) -> Result<JobId> {
        let text = serde_json::to_string(self).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, operation, "the job cannot be written down")
                .caused_by(cause)
        })?;
        Ok(JobId(text))
    }
}

/// The token of one of the service's jobs and the tag its completion is told with: what the service
/// allows is `[A-Za-z0-9_-]`, at most 64 characters. It begins with the library's token, so that
/// an event tells its run; a token that is none of the library's is replaced by its MD5 together
/// with the stack's name.
pub(super) fn tag(stack: &str, attempt: &str, subject: Subject) -> String {
    if token::run(attempt).is_some() {
        return format!("{attempt}-{}", subject.suffix());
    }
    let digest = Md5::digest(format!("{stack}/{attempt}"));
    format!("{}-{}", data_encoding::HEXLOWER.encode(&digest), subject.suffix())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Subject; 7] = [
        Subject::Labels,
        Subject::Faces,
        Subject::FaceSearch,
        Subject::Celebrities,
        Subject::Text,
        Subject::Moderation,
        Subject::Segments,
    ];

    #[test]
    fn tags_are_what_the_service_allows_and_tell_their_run() {
        let attempt = "0190a1b2c3d4e5f60718293a4b5c6d7e-0190a1b2c3d4abcd";
        let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        let mut seen = std::collections::BTreeSet::new();
        for subject in ALL {
            for attempt in [attempt, "another token", "tökén/ü", ""] {
                let tag = tag("media", attempt, subject);
                assert!((1..=64).contains(&tag.len()) && tag.bytes().all(allowed), "{tag}");
                assert!(seen.insert(tag.clone()), "{tag} twice");
            }
            assert_eq!(token::run(&tag("media", attempt, subject)[..49]), token::run(attempt));
        }
        assert_ne!(tag("one", "token", Subject::Text), tag("other", "token", Subject::Text));
    }

    #[test]
    fn shots_and_black_are_one_job() {
        use AnnotationKind::{Black, Face, Label, Shot};
        let subjects = Subject::of(&[Shot, Label, Black, Face], true);
        assert_eq!(subjects, [Subject::Segments, Subject::Labels, Subject::FaceSearch]);
    }
}
