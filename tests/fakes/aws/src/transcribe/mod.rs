//! Transcribe: what is said, as JSON and as subtitles.
//!
//! Words come from [`Truth`], lengths and formats from ffprobe. Jobs queue, fail and collide by
//! name as the service's reference says. The messages of what cannot be found are those the
//! service really gives, and so is their code, which is not the documented one.

mod hearing;
mod job;
mod output;
mod request;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use crate::completion::Completion;
use crate::jobs::{MEASURED_AT_ONCE, not_emulated};
use crate::media::Media;
use crate::service::{Fault, Service};
use crate::truth::Truth;
use crate::world::World;

/// How many jobs run at once unless a test says otherwise; a real account has a quota of its own.
pub const CONCURRENT_JOBS: usize = 100;

/// The service.
#[derive(Debug, Clone)]
pub struct Transcribe {
    shared: Arc<Shared>,
}

/// What the operations and the running jobs share.
#[derive(Debug)]
struct Shared {
    world: Arc<World>,
    media: Arc<dyn Media>,
    truth: Arc<Truth>,
    completion: Arc<dyn Completion>,
    concurrent: usize,
    /// Told when a job ended.
    freed: Notify,
    /// How many files are measured at once.
    ffmpeg: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    jobs: job::Jobs,
    vocabularies: vocabulary::Vocabularies,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transcribe {
    /// The service without jobs, of which [`CONCURRENT_JOBS`] run at once.
    pub fn new(
        world: Arc<World>,
        media: Arc<dyn Media>,
        truth: Arc<Truth>,
        completion: Arc<dyn Completion>,
    ) -> Self {
        Self::with_concurrent(world, media, truth, completion, CONCURRENT_JOBS)
    }

    /// The service without jobs, of which so many run at once.
    pub fn with_concurrent(
        world: Arc<World>,
        media: Arc<dyn Media>,
        truth: Arc<Truth>,
        completion: Arc<dyn Completion>,
        concurrent: usize,
    ) -> Self {
        let shared = Shared {
            world,
            media,
            truth,
            completion,
            concurrent,
            freed: Notify::new(),
            ffmpeg: Semaphore::new(MEASURED_AT_ONCE),
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

#[async_trait]
impl Service for Transcribe {
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Fault> {
        let shared = &self.shared;
        match operation {
            "StartTranscriptionJob" => job::start(shared, input),
            "GetTranscriptionJob" => job::get(shared, &input),
            "ListTranscriptionJobs" => job::list(shared, &input),
            "DeleteTranscriptionJob" => job::delete(shared, &input),
            "CreateVocabulary" => vocabulary::create(shared, &input),
            "GetVocabulary" => vocabulary::get(shared, &input),
            "ListVocabularies" => vocabulary::list(shared, &input),
            "DeleteVocabulary" => vocabulary::delete(shared, &input),
            _ => Err(not_emulated("Transcribe", operation)),
        }
    }
}

fn bad_request(message: impl std::fmt::Display) -> Fault {
    Fault::new(400, "BadRequestException", message)
}

/// A page of at most `MaxResults`; the token is the place where the next begins.
fn page(input: &Value, items: Vec<Value>) -> Result<(Vec<Value>, Option<String>), Fault> {
    let from = match input["NextToken"].as_str() {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| bad_request("The NextToken that you provided is invalid."))?,
    };
    let max = input["MaxResults"].as_u64().map_or(5, |max| max as usize);
    let end = from.saturating_add(max);
    let next = (end < items.len()).then(|| end.to_string());
    Ok((items.into_iter().skip(from).take(max).collect(), next))
}
