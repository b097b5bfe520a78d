//! What is seen in pictures and video, by Amazon Rekognition.
//!
//! A video is looked at by one job of the service for each sort of thing that is asked for; all of
//! them are one job here, whose id names them. A still is looked at when its findings are fetched.
//! Both are read from S3, as a rendition of frames that are those of the original.

mod faces;
mod hits;
mod limits;
mod pages;
mod read;
mod still;
mod ticket;
mod video;

use async_trait::async_trait;
use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::types::VideoJobStatus;
use emam_core::backend::{
    AnalysisRequest, Analyzer, AnalyzerCapabilities, Findings, JobId, JobStatus, Lane,
};
use emam_core::model::{AnnotationKind, NewAnnotation, Role, Source};
use emam_core::{Error, ErrorKind, Result};
use serde_json::json;

pub use faces::{FaceCollection, IndexedFace};

use faces::People;
use ticket::{Subject, Ticket};

use crate::uri::S3Uri;

const SUBMIT: &str = "analyzer.submit";
const POLL: &str = "analyzer.poll";
const FINDINGS: &str = "analyzer.findings";

/// The name findings give as their source.
const SERVICE: &str = "rekognition";

const KINDS: [AnnotationKind; 7] = [
    AnnotationKind::Label,
    AnnotationKind::Face,
    AnnotationKind::Celebrity,
    AnnotationKind::Text,
    AnnotationKind::Moderation,
    AnnotationKind::Shot,
    AnnotationKind::Black,
];

/// How Rekognition is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The name of this deployment, which tells its jobs from those of others.
    pub stack: String,
    /// Where the service tells that a job has ended; nowhere where jobs are only asked after.
    pub notification: Option<Notification>,
    /// The collection faces are compared to, which must exist
    /// ([`FaceCollection::ensure`]); faces of stills are kept in it too.
    pub collection: Option<String>,
    /// How sure the service must be to tell of something, in percent.
    pub min_confidence: f32,
    /// How many analyses of video run at once in the account. The service runs 20 of its jobs and
    /// refuses more; what it refuses waits.
    pub jobs: usize,
    /// How often an unfinished job is asked after, in milliseconds.
    pub poll_interval_ms: u64,
}

impl Options {
    /// What suits a deployment of its own account: sure by half, 18 of 20 jobs, asked after every
    /// 15 seconds.
    pub fn new(stack: impl Into<String>) -> Self {
        Self {
            stack: stack.into(),
            notification: None,
            collection: None,
            min_confidence: 50.0,
            jobs: 18,
            poll_interval_ms: 15_000,
        }
    }
}

/// Where the service tells that a job has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The ARN of the SNS topic.
    pub topic_arn: String,
    /// The ARN of the role the service writes to it as.
    pub role_arn: String,
}

/// Looks into pictures and video with Amazon Rekognition.
#[derive(Debug, Clone)]
pub struct Rekognition {
    client: Client,
    options: Options,
    faces: Option<FaceCollection>,
}

impl Rekognition {
    /// An analyzer over the service that `client` reaches.
    pub fn new(client: Client, options: Options) -> Self {
        let faces = options.collection.clone().map(|id| FaceCollection::new(client.clone(), id));
        Self { client, options, faces }
    }

    /// The collection faces are compared to.
    pub fn faces(&self) -> Option<&FaceCollection> {
        self.faces.as_ref()
    }

    async fn people(&self, ticket: &Ticket) -> Result<People> {
        match &self.faces {
            Some(faces) if ticket.kinds.contains(&AnnotationKind::Face) => {
                Ok(faces.people().await?.into_iter().collect())
            }
            _ => Ok(People::default()),
        }
    }

    async fn of_still(&self, ticket: &Ticket, still: &S3Uri) -> Result<Vec<NewAnnotation>> {
        let people = self.people(ticket).await?;
        let mut hits = Vec::new();
        for kind in &ticket.kinds {
            let faces = self.faces.as_ref().map(|faces| (faces, &people));
            let least = self.options.min_confidence;
            hits.extend(Box::pin(still::hits(&self.client, *kind, still, least, faces)).await?);
        }
        hits::annotations(hits, &ticket.scale)
    }

    async fn of_video(&self, ticket: &Ticket) -> Result<Vec<NewAnnotation>> {
        let people = self.people(ticket).await?;
        let (mut seen, mut found) = (Vec::new(), Vec::new());
        for (subject, id) in &ticket.jobs {
            if *subject == Subject::Segments {
                let segments = Box::pin(video::segments(&self.client, id, &ticket.scale)).await?;
                found.extend(segment_annotations(segments, ticket)?);
            } else {
                seen.extend(Box::pin(video::hits(&self.client, *subject, id, &people)).await?);
            }
        }
        found.extend(hits::annotations(seen, &ticket.scale)?);
        Ok(found)
    }
}

fn segment_annotations(
    segments: Vec<video::Segment>,
    ticket: &Ticket,
) -> Result<Vec<NewAnnotation>> {
    let mut found = Vec::new();
    let mut shots = 0;
    for one in segments {
        let name = if one.kind == AnnotationKind::Shot {
            shots += 1;
            format!("Shot {shots}")
        } else {
            "Black".to_owned()
        };
        if !ticket.kinds.contains(&one.kind) {
            continue;
        }
        let range = ticket.scale.range(one.start, one.end)?;
        let mut made = NewAnnotation::new(one.kind).at(range).named(name);
        made.confidence = one.percent.map(hits::share);
        made.source = Source::Service { name: SERVICE.to_owned(), model: one.model, run: None };
        found.push(made);
    }
    Ok(found)
}

#[async_trait]
impl Analyzer for Rekognition {
    fn capabilities(&self) -> AnalyzerCapabilities {
        AnalyzerCapabilities {
            service: SERVICE.to_owned(),
            kinds: KINDS.to_vec(),
            reads: vec![Role::Proxy, Role::Poster, Role::Original],
            poll_interval_ms: self.options.poll_interval_ms,
            lane: Lane::Shared { name: "rekognition-video".to_owned(), room: self.options.jobs },
        }
    }

    async fn submit(&self, request: &AnalysisRequest, token: &str) -> Result<JobId> {
        if let Some(kind) = request.kinds.iter().find(|kind| !KINDS.contains(kind)) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                SUBMIT,
                "Rekognition does not look for this kind",
            )
            .with("kind", kind.as_str()));
        }
        let is_still = limits::check(request)?;
        let uri = S3Uri::of(SUBMIT, request.source.storage.as_ref(), &request.source.key)?;
        let mut ticket = Ticket::new(&request.kinds, &request.technical)?;
        if is_still {
            ticket.still = Some(uri);
            return ticket.job_id(SUBMIT);
        }
        // One after the other: when one is refused, those before it are the same jobs next time.
        for subject in Subject::of(&request.kinds, self.faces.is_some()) {
            let begun = video::begin(&self.client, &self.options, subject, &uri, token);
            ticket.jobs.push((subject, Box::pin(begun).await?));
        }
        ticket.job_id(SUBMIT)
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        let ticket = Ticket::read(POLL, job)?;
        let mut ended = 0_u32;
        for (subject, id) in &ticket.jobs {
            match Box::pin(video::status(&self.client, *subject, id)).await? {
                (VideoJobStatus::Succeeded, _) => ended += 1,
                (VideoJobStatus::Failed, message) => {
                    return Ok(JobStatus::Failed(failure(*subject, id, message).to_info()));
                }
                _ => {}
            }
        }
        let all = u32::try_from(ticket.jobs.len()).unwrap_or(u32::MAX);
        if ended == all {
            return Ok(JobStatus::Succeeded);
        }
        let fraction = f64::from(ended) / f64::from(all);
        Ok(JobStatus::Running { fraction, eta_ms: None, ready: Vec::new() })
    }

    /// The service cannot stop a job: it ends on its own, and nobody asks for what it found.
    async fn cancel(&self, _: &JobId) -> Result<()> {
        Ok(())
    }

    async fn findings(&self, job: &JobId) -> Result<Findings> {
        let ticket = Ticket::read(FINDINGS, job)?;
        let annotations = match &ticket.still {
            Some(still) => self.of_still(&ticket, still).await?,
            None => self.of_video(&ticket).await?,
        };
        // The reply itself has megabytes; the service keeps it for a week under these ids.
        let raw = json!({ "jobs": ticket.jobs, "still": ticket.still });
        Ok(Findings { annotations, files: Vec::new(), raw })
    }
}

/// Why one of the service's jobs has failed.
fn failure(subject: Subject, id: &str, message: Option<String>) -> Error {
    let message = message.unwrap_or_default();
    let theirs = message.to_lowercase().contains("internal");
    let error = if theirs {
        Error::new(ErrorKind::Unavailable, POLL, "Rekognition has failed; trying again may help")
    } else {
        Error::new(ErrorKind::InvalidMedia, POLL, "Rekognition cannot look at this video")
    };
    error.with("job", id).with("looking_for", subject.suffix()).with("said", message)
}

#[cfg(test)]
mod tests;
