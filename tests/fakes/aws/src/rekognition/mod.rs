//! Rekognition: what a picture or a video shows.
//!
//! Shots, black frames and video metadata are measured with ffmpeg; all else is told by
//! [`Truth`]. Jobs, tokens, pages, limits and collections behave as the service's reference says.

mod collections;
mod image;
mod pages;
mod results;
mod segments;
#[cfg(test)]
mod tests;
mod told;
mod video;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::completion::Completion;
use crate::jobs::{MEASURED_AT_ONCE, not_emulated, refuse};
use crate::media::Media;
use crate::service::{Fault, Service};
use crate::truth::Truth;
use crate::world::World;

/// What is not emulated. `QualityFilter` is not among it: truth names no face of poor quality.
const UNHEEDED: [&str; 10] = [
    "/Image/S3Object/Version",
    "/SourceImage/S3Object/Version",
    "/TargetImage/S3Object/Version",
    "/Video/S3Object/Version",
    "/Filters/RegionsOfInterest",
    "/Filters/WordFilter/MinBoundingBoxHeight",
    "/Filters/WordFilter/MinBoundingBoxWidth",
    "/HumanLoopConfig",
    "/ProjectVersion",
    "/UserId",
];

/// The service.
#[derive(Debug, Clone)]
pub struct Rekognition {
    shared: Arc<Shared>,
}

/// What the operations and the running jobs share.
#[derive(Debug)]
struct Shared {
    world: Arc<World>,
    media: Arc<dyn Media>,
    truth: Arc<Truth>,
    completion: Arc<dyn Completion>,
    /// How many videos are looked at at once.
    ffmpeg: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    jobs: video::Jobs,
    collections: collections::Collections,
    pages: pages::Pages,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rekognition {
    /// The service, without jobs or collections.
    pub fn new(
        world: Arc<World>,
        media: Arc<dyn Media>,
        truth: Arc<Truth>,
        completion: Arc<dyn Completion>,
    ) -> Self {
        let (ffmpeg, state) = (Semaphore::new(MEASURED_AT_ONCE), Mutex::default());
        Self { shared: Arc::new(Shared { world, media, truth, completion, ffmpeg, state }) }
    }
}

#[async_trait]
impl Service for Rekognition {
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Fault> {
        let shared = &self.shared;
        refuse("Rekognition", operation, &input, &UNHEEDED)?;
        if input["Features"].as_array().is_some_and(|f| f.iter().any(|f| f == "IMAGE_PROPERTIES")) {
            return Err(not_emulated("Rekognition", "DetectLabels of image properties"));
        }
        match operation {
            "DetectLabels" => image::detect_labels(shared, &input).await,
            "DetectText" => image::detect_text(shared, &input).await,
            "DetectFaces" => image::detect_faces(shared, &input).await,
            "DetectModerationLabels" => image::detect_moderation_labels(shared, &input).await,
            "RecognizeCelebrities" => image::recognize_celebrities(shared, &input).await,
            "CompareFaces" => image::compare_faces(shared, &input).await,
            "CreateCollection" => collections::create(shared, &input),
            "ListCollections" => collections::list(shared, &input),
            "DescribeCollection" => collections::describe(shared, &input),
            "DeleteCollection" => collections::delete(shared, &input),
            "IndexFaces" => collections::index_faces(shared, &input).await,
            "ListFaces" => collections::list_faces(shared, &input),
            "DeleteFaces" => collections::delete_faces(shared, &input),
            "SearchFaces" => collections::search_faces(shared, &input),
            "SearchFacesByImage" => collections::search_faces_by_image(shared, &input).await,
            _ => match video::Kind::of(operation) {
                Some((video::Call::Start, kind)) => video::start(shared, kind, input).await,
                Some((video::Call::Get, kind)) => video::get(shared, kind, &input),
                None => Err(not_emulated("Rekognition", operation)),
            },
        }
    }
}

/// An error of this service: all have status 400.
fn fault(code: &str, message: impl std::fmt::Display) -> Fault {
    Fault::new(400, code, message)
}
