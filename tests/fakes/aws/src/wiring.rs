//! How the parts of the account reach each other.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::calls::Calls;
use crate::completion::{Completion, GlacierDone, RekognitionDone, TranscribeDone};
use crate::events::{Events, Wrapping};
use crate::faults::{Delivery, Faults};
use crate::front::{Announce, Front, Trouble};
use crate::glacier::Glacier;
use crate::server::{Door, query_of};
use crate::service::Fault;

/// The largest part of an archive that is taken at once.
const LARGEST_PART: usize = 256 << 20;

/// Everything that is told goes to the one queue.
#[derive(Debug)]
pub(crate) struct Teller(pub(crate) Arc<Events>);

#[async_trait]
impl Completion for Teller {
    async fn rekognition_done(&self, done: &RekognitionDone) {
        let kind = format!("Rekognition {}", done.status);
        self.0.sns(&kind, &done.topic_arn, done.message(), Wrapping::Raw).await;
    }

    async fn transcribe_done(&self, done: &TranscribeDone) {
        self.0.transcribe(done.detail()).await;
    }

    async fn glacier_done(&self, done: &GlacierDone) {
        let message = done.message.clone();
        self.0.sns("Glacier job", &done.topic_arn, message, Wrapping::Enveloped).await;
    }
}

#[async_trait]
impl Announce for Teller {
    async fn s3_event(&self, detail_type: &str, detail: Value) {
        self.0.s3(detail_type, detail).await;
    }
}

/// What goes wrong with S3 is decided where it is for the other services.
#[derive(Debug)]
pub(crate) struct FrontTrouble {
    pub(crate) faults: Arc<Faults>,
    pub(crate) calls: Arc<Calls>,
}

impl Trouble for FrontTrouble {
    fn before(&self, service: &str, operation: &str) -> Option<Fault> {
        self.calls.count(service, operation);
        self.faults.before(service, operation)
    }

    fn after(&self, service: &str, operation: &str) -> bool {
        matches!(self.faults.after(service, operation), Delivery::Cut)
    }

    fn chance(&self, share: f64) -> bool {
        self.faults.chance(share)
    }
}

/// S3, as it came.
#[derive(Debug)]
pub(crate) struct S3Door(pub(crate) Arc<Front>);

#[async_trait]
impl Door for S3Door {
    async fn handle(&self, request: Request) -> Response {
        self.0.handle(request).await
    }
}

/// Vaults: bodies are bytes.
#[derive(Debug)]
pub(crate) struct GlacierDoor(pub(crate) Glacier);

#[async_trait]
impl Door for GlacierDoor {
    async fn handle(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let query = query_of(&parts.uri);
        match axum::body::to_bytes(body, LARGEST_PART).await {
            Ok(body) => {
                let path = parts.uri.path();
                let answer = self.0.handle(&parts.method, path, &query, &parts.headers, body).await;
                answer.map(Body::from)
            }
            Err(error) => (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response(),
        }
    }
}
