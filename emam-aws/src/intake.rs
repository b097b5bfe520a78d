//! What comes in from outside: job descriptions in the ingest bucket, objects somebody put among
//! the originals, and the signals of the services.
//!
//! A feeder anywhere uploads a file straight to the originals bucket and then writes a job, one
//! small JSON object under `jobs/` of the ingest bucket. The job starts the ingest, or wakes the one
//! that was announced. A job that was taken is moved to `done/`, so that [`Intake::sweep`] finds
//! those whose event was lost, and an installation without events needs nothing else.

use std::sync::Arc;

use async_trait::async_trait;
use emam_core::backend::{
    CopyOptions, GetOptions, Key, ObjectChange, ObjectSignal, PutOptions, Signal, SignalHandler,
    Storage, delete_one, token,
};
use emam_core::id::RunId;
use emam_core::model::PageRequest;
use emam_core::workflow::IngestOptions;
use emam_core::{Error, ErrorKind, Library, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where jobs wait to be taken.
const JOBS: &str = "jobs";

/// Where jobs go that were taken.
const DONE: &str = "done";

/// Where a feeder puts what was not announced.
pub(crate) const FED: &str = "fed/";

/// How the names end of what stands for objects in a vault.
pub(crate) const MARKER: &str = ".vault.json";

/// What a job may hold; it describes one file.
const LARGEST_JOB: u64 = 1 << 20;

/// What may be asked for by a message on the queue.
const CALLS: [&str; 2] = ["archive.store", "archive.restore"];

/// A file that was uploaded to the originals and is to be ingested: the JSON a feeder writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestJob {
    /// Its key among the originals.
    pub key: String,
    /// The run that waits for it, where it was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// How to ingest it, where it was not announced.
    #[serde(default)]
    pub options: IngestOptions,
}

/// A bucket, or the part of one under a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bucket's name.
    pub bucket: String,
    /// What every key in it begins with, without a slash at the end; nothing where it is all of it.
    pub prefix: String,
}

impl Place {
    /// The key under this place of one in its bucket; nothing where it lies elsewhere.
    fn key(&self, signal: &ObjectSignal) -> Option<Result<Key>> {
        if signal.bucket != self.bucket {
            return None;
        }
        let prefix = self.prefix.trim_end_matches('/');
        let rest = match prefix {
            "" => signal.key.as_str(),
            prefix => signal.key.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        Some(rest.parse())
    }
}

/// How to deal with what comes in.
#[derive(Debug, Clone)]
pub struct IntakeOptions {
    /// Where originals are.
    pub originals: Place,
    /// Where jobs are; none are taken when absent.
    pub ingest: Option<Place>,
    /// Whether an object that somebody put among the originals without a job is ingested too.
    pub adopt: bool,
}

/// Acts on signals for one library.
#[derive(Debug)]
pub struct Intake {
    library: Library,
    jobs: Option<Arc<dyn Storage>>,
    options: IntakeOptions,
}

impl Intake {
    /// An intake of `library`; `jobs` is the storage of the ingest bucket.
    pub fn new(library: Library, jobs: Option<Arc<dyn Storage>>, options: IntakeOptions) -> Self {
        Self { library, jobs, options }
    }

    /// Takes the jobs that nobody told of, oldest name first; gives how many.
    ///
    /// # Errors
    /// What the storage gives. A job that cannot be taken is told of in the log and left.
    pub async fn sweep(&self) -> Result<usize> {
        let Some(jobs) = &self.jobs else { return Ok(0) };
        let folder: Key = JOBS.parse()?;
        let mut page = PageRequest::default();
        let mut taken = 0;
        loop {
            let found = jobs.list(Some(&folder), page.clone()).await?;
            for stat in found.items {
                match self.take(jobs.as_ref(), &stat.key).await {
                    Ok(()) => taken += 1,
                    Err(error) => {
                        tracing::warn!(job = %stat.key, error = %error.report(), "a job was left");
                    }
                }
            }
            match found.next {
                Some(next) => page.cursor = Some(next),
                None => return Ok(taken),
            }
        }
    }

    /// Takes one job. Taking it again changes nothing.
    async fn take(&self, jobs: &dyn Storage, key: &Key) -> Result<()> {
        let operation = "intake.job";
        let object = match jobs.get(key, GetOptions::default()).await {
            Ok(object) => object,
            // Another worker has taken it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if object.stat.size > LARGEST_JOB {
            return Err(Error::invalid(operation, "this is too large to be a job")
                .with("key", key)
                .with("bytes", object.stat.size));
        }
        let text = object.bytes().await?;
        let job: IngestJob = serde_json::from_slice(&text).map_err(|cause| {
            Error::invalid(operation, format!("this is no job: {cause}")).with("key", key)
        })?;
        match job.run {
            Some(run) => self.library.runs().wake(run).await?,
            None => self.adopt(&job.key, job.options).await?,
        }
        let done: Key = format!("{DONE}/{}", key.as_str().trim_start_matches("jobs/")).parse()?;
        jobs.copy(key, &done, CopyOptions::default()).await?;
        delete_one(jobs, key).await
    }

    async fn adopt(&self, key: &str, options: IngestOptions) -> Result<()> {
        match self.library.assets().adopt(key, options).await {
            // Told twice, or gone again before it could be looked at.
            Err(error)
                if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) =>
            {
                tracing::debug!(key, %error, "nothing to adopt");
                Ok(())
            }
            taken => taken.map(drop),
        }
    }

    async fn object(&self, signal: &ObjectSignal) -> Result<()> {
        if let (Some(place), Some(jobs)) = (&self.options.ingest, &self.jobs)
            && let Some(key) = place.key(signal)
        {
            let key = key?;
            let is_job =
                key.as_str().starts_with("jobs/") && signal.change == ObjectChange::Created;
            if is_job {
                return self.take(jobs.as_ref(), &key).await;
            }
        }
        let Some(key) = self.options.originals.key(signal) else { return Ok(()) };
        // Keys that no emam has made may be none that emam takes: nothing of ours, then.
        let Ok(key) = key else { return Ok(()) };
        let known = self.library.assets().original_changed(&key, &signal.change).await?;
        // What a feeder has put there comes with a job, which says how to ingest it; what stands
        // for an object in a vault is no media.
        let is_new = known.is_none()
            && signal.change == ObjectChange::Created
            && !key.as_str().starts_with(FED)
            && !key.as_str().ends_with(MARKER);
        if is_new && self.options.adopt && signal.size != Some(0) {
            self.adopt(key.as_str(), IngestOptions::default()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl SignalHandler for Intake {
    async fn signal(&self, signal: &Signal) -> Result<()> {
        match signal {
            Signal::Job { token, .. } => match token::run(token) {
                Some(run) => self.library.runs().wake(run).await,
                None => Ok(()),
            },
            Signal::Object(object) => self.object(object).await,
            Signal::Call { operation, params } if CALLS.contains(&operation.as_str()) => {
                match self.library.call(operation, params.clone()).await {
                    // Asked twice: what is archived or restored already needs nothing.
                    Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
                    done => done.map(drop),
                }
            }
            Signal::Call { operation, .. } => {
                let message = "this operation is not taken from the queue; call it on the library";
                Err(Error::new(ErrorKind::PermissionDenied, "intake.call", message)
                    .with("operation", operation))
            }
            Signal::Ignored { reason } => {
                tracing::debug!(reason, "a message was none for this library");
                Ok(())
            }
        }
    }
}

/// Writes the job of an uploaded file into the storage of the ingest bucket; gives its key.
///
/// # Errors
/// What the storage gives.
pub async fn write_job(jobs: &dyn Storage, name: &str, job: &IngestJob) -> Result<Key> {
    let key: Key = format!("{JOBS}/{name}.json").parse()?;
    let text = serde_json::to_vec(job).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "intake.job", "the job has no JSON").caused_by(cause)
    })?;
    let options =
        PutOptions { media_type: Some("application/json".to_owned()), ..PutOptions::default() };
    jobs.put(&key, text.into(), options).await?;
    Ok(key)
}
