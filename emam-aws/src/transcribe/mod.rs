//! What is said, by Amazon Transcribe.
//!
//! The service reads a small copy of the sound from S3 and writes its transcript beside the other
//! renditions; from that come annotations of speech and captions. Media longer than the service
//! takes is cut into pieces that overlap, and what was heard in them is put together.

mod captions;
#[cfg(feature = "mediaconvert")]
mod cut;
mod document;
mod job;
mod pieces;
mod speech;
mod split;
mod ticket;
mod vocabulary;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_transcribe::Client;
use bytes::Bytes;
use emam_core::backend::{
    AnalysisRequest, Analyzer, AnalyzerCapabilities, Findings, GetOptions, JobId, JobStatus, Key,
    Lane, OutputFile, PutOptions, Storage,
};
use emam_core::model::{AnnotationKind, Role};
use emam_core::time::{MediaTime, Rate};
use emam_core::{Error, ErrorKind, Result};
use serde_json::json;

#[cfg(feature = "mediaconvert")]
pub use cut::{CutOptions, MediaConvertPieces};
pub use pieces::Pieces;
pub use split::Piece;

use document::Transcript;
use job::Progress;
use ticket::{Ticket, is_name, is_output_key, job_name, not_found};

use crate::scale::Scale;
use crate::uri::S3Uri;

const SUBMIT: &str = "analyzer.submit";
const POLL: &str = "analyzer.poll";
const CANCEL: &str = "analyzer.cancel";
const FINDINGS: &str = "analyzer.findings";

/// The name findings give as their source.
const SERVICE: &str = "transcribe";

/// The longest media of one job, in seconds, and the largest in bytes; the service refuses what
/// "exceeds the maximum size of 2048 MB".
/// <https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html>
const LONGEST_S: i64 = 4 * 3_600;
const LARGEST: u64 = 2_048 * 1024 * 1024;

/// The longest name of a stack: with a token and the number of a piece a job's name has 200
/// characters at most.
const LONGEST_STACK: usize = 140;

/// How Transcribe is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The name of this deployment, which the names of its jobs begin with: 1 to 140 of the
    /// characters `0-9`, `a-z`, `A-Z`, `.`, `-` and `_`.
    pub stack: String,
    /// The ARN of the role the service reads and writes S3 as. With it the service queues what is
    /// more than it does at once.
    pub role_arn: Option<String>,
    /// The languages that may be spoken, for example `en-US`. With one that is the language; with
    /// none or several the service finds out.
    pub languages: Vec<String>,
    /// Whether several languages may be spoken in the same media.
    pub multiple_languages: bool,
    /// The name of a vocabulary ([`Transcribe::set_vocabulary`]) media in its language is heard
    /// with.
    pub vocabulary: Option<String>,
    /// How many speakers are told apart at most, from 2 to 30; none are when absent.
    pub speakers: Option<u32>,
    /// Whether captions are made, as WebVTT and SubRip.
    pub subtitles: bool,
    /// How many jobs run at once in the account where there is no role to queue them with.
    pub jobs: usize,
    /// How often an unfinished job is asked after, in milliseconds.
    pub poll_interval_ms: u64,
}

impl Options {
    /// What suits most: the language is found, captions are made, jobs are asked after every 15
    /// seconds.
    pub fn new(stack: impl Into<String>) -> Self {
        Self {
            stack: stack.into(),
            role_arn: None,
            languages: Vec::new(),
            multiple_languages: false,
            vocabulary: None,
            speakers: None,
            subtitles: true,
            jobs: 90,
            poll_interval_ms: 15_000,
        }
    }
}

/// Hears what is said with Amazon Transcribe.
#[derive(Debug, Clone)]
pub struct Transcribe {
    client: Client,
    destination: Arc<dyn Storage>,
    options: Options,
    pieces: Option<Arc<dyn Pieces>>,
}

impl Transcribe {
    /// An analyzer over the service that `client` reaches. `destination` is the storage, in S3,
    /// that requests give as theirs: any process can read a transcript from it.
    pub fn new(client: Client, destination: Arc<dyn Storage>, options: Options) -> Self {
        Self { client, destination, options, pieces: None }
    }

    /// The same, hearing media of more than 4 hours or 2 GB in the pieces `pieces` cuts.
    #[must_use]
    pub fn cutting_by(mut self, pieces: Arc<dyn Pieces>) -> Self {
        self.pieces = Some(pieces);
        self
    }

    /// Makes a vocabulary of phrases in a language, or gives the one of that name other phrases.
    /// Jobs with it wait until the service has made it.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a name or phrase the service does not take,
    /// else what the service answers.
    pub async fn set_vocabulary(
        &self,
        name: &str,
        language: &str,
        phrases: &[String],
    ) -> Result<()> {
        Box::pin(vocabulary::set(&self.client, name, language, phrases)).await
    }

    /// Whether the media has to be cut; a typed error where it cannot be heard at all.
    fn check(&self, request: &AnalysisRequest) -> Result<bool> {
        let refused = |kind, message| {
            Error::new(kind, SUBMIT, message)
                .with("file", &request.source.file_name)
                .with("key", &request.source.key)
        };
        if let Some(kind) = request.kinds.iter().find(|kind| **kind != AnnotationKind::Speech) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                SUBMIT,
                "Transcribe does not look for this kind",
            )
            .with("kind", kind.as_str()));
        }
        if request.technical.audio.is_empty() {
            return Err(refused(ErrorKind::InvalidInput, "the media has no sound to transcribe"));
        }
        if !is_name(&self.options.stack, LONGEST_STACK) {
            return Err(Error::invalid(
                SUBMIT,
                "the name of the stack is 1 to 140 of the characters a-z, A-Z, 0-9, ., - and _",
            )
            .with("stack", &self.options.stack));
        }
        let longest = MediaTime::new(LONGEST_S, Rate::new(1, 1)?);
        let duration = request.technical.container.duration;
        let long = duration.is_some_and(|one| one.cmp_time(&longest).is_gt());
        let cut = long || request.source.size > LARGEST;
        if cut && self.pieces.is_none() {
            return Err(refused(
                ErrorKind::InvalidMedia,
                "Transcribe hears media of at most 4 hours and 2 GB, and nothing is set up to cut \
                 longer media into pieces",
            )
            .with("size", request.source.size)
            .with("seconds", duration.map_or_else(String::new, |one| one.to_decimal_seconds(0))));
        }
        if !cut && job::format(request.source.key.name()).is_none() {
            return Err(refused(
                ErrorKind::InvalidMedia,
                "Transcribe hears AMR, FLAC, M4A, MP3, MP4, Ogg, WAV and WebM only; make an audio \
                 proxy of this media",
            ));
        }
        Ok(cut)
    }

    fn ticket(&self, request: &AnalysisRequest, token: &str, cut: bool) -> Result<Ticket> {
        let key = &request.source.key;
        let mut ticket = Ticket {
            name: job_name(&self.options.stack, token),
            media: S3Uri::of(SUBMIT, request.source.storage.as_ref(), key)?,
            scale: Scale::of(&request.technical)?,
            prefix: request.prefix.clone(),
            pieces: Vec::new(),
            cut: None,
            later: cut || self.options.vocabulary.is_some(),
        };
        let output = ticket.transcript(&ticket.name)?;
        let there = S3Uri::of(SUBMIT, self.destination.as_ref(), &output)?;
        if request.destination.uri(&output).as_deref() != Some(there.to_string().as_str()) {
            return Err(Error::invalid(
                SUBMIT,
                "transcripts go to the storage this analyzer was made with, and the request names \
                 another",
            )
            .with("key", &output));
        }
        if !is_output_key(&there.key) {
            return Err(Error::invalid(
                SUBMIT,
                "Transcribe writes under keys of the characters a-z, A-Z, 0-9 and -_.!*'()/ only; \
                 change the prefix of the bucket",
            )
            .with("key", there.key));
        }
        if cut {
            let duration = request.technical.container.duration;
            let millis = match duration {
                Some(duration) => duration.to_micros()? / 1_000,
                None => 0,
            };
            let plan = split::plan(u64::try_from(millis).unwrap_or(0));
            for (number, (start_s, end_s)) in plan.into_iter().enumerate() {
                let key = format!("transcript/{}-{}.m4a", ticket.name, number + 1);
                let key = ticket.prefix.join(&key)?;
                ticket.pieces.push(Piece { start_s, end_s, key });
            }
        }
        Ok(ticket)
    }

    /// Begins the job for the whole, or for one of the pieces.
    async fn begin(
        &self,
        operation: &'static str,
        ticket: &Ticket,
        name: &str,
        piece: Option<&Piece>,
    ) -> Result<bool> {
        let media = match piece {
            None => ticket.media.clone(),
            Some(piece) => S3Uri::of(operation, self.destination.as_ref(), &piece.key)?,
        };
        let output = ticket.transcript(name)?;
        let output = S3Uri::of(operation, self.destination.as_ref(), &output)?;
        let begun = job::begin(&self.client, operation, &self.options, name, &media, &output);
        Box::pin(begun).await
    }

    /// What cutting is at: nothing more to do, a share of it, or why it has failed.
    async fn cutting(&self, ticket: &Ticket) -> Result<Progress> {
        let (Some(pieces), Some(cut)) = (&self.pieces, &ticket.cut) else {
            return Ok(Progress::Done);
        };
        Ok(match pieces.poll(cut).await? {
            JobStatus::Succeeded => Progress::Done,
            JobStatus::Running { fraction, .. } => Progress::Running(fraction),
            JobStatus::Failed(info) => Progress::Failed(Error::from(info)),
            JobStatus::Cancelled => Progress::Failed(Error::new(
                ErrorKind::Cancelled,
                POLL,
                "cutting the media into pieces was cancelled",
            )),
        })
    }

    async fn read(&self, key: &Key) -> Result<Transcript> {
        let object = self.destination.get(key, GetOptions::default()).await?;
        document::read(&object.bytes().await?).map_err(|error| error.with("key", key))
    }

    /// What was heard, from one job or from all pieces. What was put together before stands for
    /// the pieces, which are gone then.
    async fn transcript(&self, ticket: &Ticket) -> Result<Transcript> {
        let whole = ticket.transcript(&ticket.name)?;
        if ticket.pieces.is_empty() {
            return self.read(&whole).await;
        }
        match self.read(&whole).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
        let mut heard = Vec::new();
        let mut parts = Vec::new();
        for (name, piece) in ticket.names().into_iter().zip(&ticket.pieces) {
            let key = ticket.transcript(&name)?;
            heard.push((piece.clone(), self.read(&key).await?));
            parts.extend([key, piece.key.clone()]);
        }
        let transcript = split::merge(heard);
        let document = document::write(&ticket.name, &transcript).to_string();
        self.put(&whole, document, "application/json").await?;
        for gone in self.destination.delete(&parts).await? {
            gone.result.map_err(Error::from)?;
        }
        Ok(transcript)
    }

    async fn put(&self, key: &Key, text: String, media_type: &str) -> Result<u64> {
        let media_type = Some(media_type.to_owned());
        let options = PutOptions { media_type, ..PutOptions::default() };
        Ok(self.destination.put(key, Bytes::from(text), options).await?.size)
    }
}

#[async_trait]
impl Analyzer for Transcribe {
    fn capabilities(&self) -> AnalyzerCapabilities {
        AnalyzerCapabilities {
            service: SERVICE.to_owned(),
            kinds: vec![AnnotationKind::Speech],
            reads: vec![Role::AudioProxy, Role::Proxy, Role::Original],
            poll_interval_ms: self.options.poll_interval_ms,
            lane: match self.options.role_arn {
                Some(_) => Lane::Free,
                None => Lane::Shared { name: SERVICE.to_owned(), room: self.options.jobs },
            },
        }
    }

    async fn submit(&self, request: &AnalysisRequest, token: &str) -> Result<JobId> {
        let cut = self.check(request)?;
        let mut ticket = self.ticket(request, token, cut)?;
        match &self.pieces {
            Some(pieces) if cut => {
                let destination = self.destination.as_ref();
                let begun = pieces.begin(&request.source, &ticket.pieces, destination, token);
                ticket.cut = Some(begun.await?);
            }
            _ => {
                self.begin(SUBMIT, &ticket, &ticket.name, None).await?;
            }
        }
        ticket.job_id(SUBMIT)
    }

    async fn poll(&self, job: &JobId) -> Result<JobStatus> {
        let ticket = Ticket::read(POLL, job)?;
        let running = |fraction| JobStatus::Running { fraction, eta_ms: None, ready: Vec::new() };
        let names = ticket.names();
        let mut done = 0.0;
        let mut is_cut = false;
        for (number, name) in names.iter().enumerate() {
            let progress = match Box::pin(job::get(&self.client, POLL, name)).await? {
                Some(job) => job::progress(POLL, &job),
                None if ticket.later => {
                    if !is_cut {
                        match self.cutting(&ticket).await? {
                            Progress::Done => is_cut = true,
                            // Cutting takes a fraction of the time that hearing does.
                            Progress::Running(fraction) => return Ok(running(fraction * 0.1)),
                            Progress::Failed(error) => {
                                return Ok(JobStatus::Failed(error.to_info()));
                            }
                        }
                    }
                    self.begin(POLL, &ticket, name, ticket.pieces.get(number)).await?;
                    Progress::Running(0.0)
                }
                None => return Err(not_found(POLL).with("job", name)),
            };
            match progress {
                Progress::Done => done += 1.0,
                Progress::Running(fraction) => done += fraction,
                Progress::Failed(error) => return Ok(JobStatus::Failed(error.to_info())),
            }
        }
        let all = names.len() as f64;
        Ok(if done >= all { JobStatus::Succeeded } else { running(done / all) })
    }

    async fn cancel(&self, job: &JobId) -> Result<()> {
        // What was never submitted here need not be stopped.
        let Ok(ticket) = Ticket::read(CANCEL, job) else { return Ok(()) };
        if let (Some(pieces), Some(cut)) = (&self.pieces, &ticket.cut) {
            pieces.cancel(cut).await?;
        }
        for name in ticket.names() {
            Box::pin(job::delete(&self.client, CANCEL, &name)).await?;
        }
        Ok(())
    }

    async fn findings(&self, job: &JobId) -> Result<Findings> {
        let ticket = Ticket::read(FINDINGS, job)?;
        let transcript = self.transcript(&ticket).await?;
        let key = ticket.transcript(&ticket.name)?;
        let size = self.destination.stat(&key).await?.size;
        let file = |role, part, media_type: &str, key, size| {
            let media_type = media_type.to_owned();
            OutputFile { role, part, media_type, key, size }
        };
        let mut files = vec![file(Role::Transcript, 0, "application/json", key, size)];
        if self.options.subtitles {
            let both = [
                ("vtt", "text/vtt", captions::vtt(&transcript)),
                ("srt", "application/x-subrip", captions::srt(&transcript)),
            ];
            for (part, (extension, media_type, text)) in (0..).zip(both) {
                let key = ticket.captions(extension)?;
                let size = self.put(&key, text, media_type).await?;
                files.push(file(Role::Captions, part, media_type, key, size));
            }
        }
        let annotations = speech::annotations(&transcript, &ticket.scale)?;
        let raw = json!({ "jobs": ticket.names(), "language": transcript.language });
        Ok(Findings { annotations, files, raw })
    }
}

#[cfg(test)]
mod tests;
