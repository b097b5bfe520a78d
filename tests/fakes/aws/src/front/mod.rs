//! The front of the account's S3: a proxy before a real S3 server that adds what such servers
//! lack. Requests go on as they came, so that signatures and checksums stay what the client made
//! them, and objects stream through. The front adds
//!
//! - storage classes with a restore clock, lifecycle transitions and Intelligent-Tiering;
//! - the events S3 gives EventBridge;
//! - trouble: errors, delays, cut connections, slow and corrupt bodies;
//! - the answers to wrong settings: bucket `other-region` lies in eu-west-1 (301
//!   PermanentRedirect to whoever signs for another), bucket `not-ours` is 403 AccessDenied,
//!   access key `EXPIRED` is 400 ExpiredToken, `SKEWED` is 403 RequestTimeTooSkewed.
//!
//! What it adds is kept in memory. Only path-style addresses are understood. Signatures are checked
//! by the server behind; what the front answers alone (RestoreObject, the configurations of
//! Intelligent-Tiering) must be signed, but the signature is not checked.

mod announce;
mod answer;
mod backing;
mod call;
pub mod class;
mod copy;
mod lifecycle;
mod overlay;
mod read;
mod restore;
mod shape;
mod write;
mod xml;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;

pub use self::announce::Announce;
use self::announce::{Event, Origin};
use self::answer::{HOST_ID, Refusal};
use self::backing::Backing;
use self::call::Call;
use self::class::Class;
pub use self::lifecycle::ARCHIVE_TAG;
use self::lifecycle::Lifecycle;
use self::overlay::{Change, Overlay};
use crate::service::Fault;
use crate::switches::Switches;
use crate::world::World;

/// What goes wrong on purpose, decided elsewhere for all services alike.
pub trait Trouble: fmt::Debug + Send + Sync {
    /// An error to answer with before anything is done. Throttling and internal errors may have
    /// the names of any service; status 200 answers the error's document with 200, as
    /// CompleteMultipartUpload and CopyObject of S3 can.
    fn before(&self, service: &str, operation: &str) -> Option<Fault>;

    /// Whether the connection is cut now that everything is done.
    fn after(&self, service: &str, operation: &str) -> bool;

    /// Whether something that happens to this share of requests happens now.
    fn chance(&self, share: f64) -> bool;
}

/// The front of the account's S3.
#[derive(Debug)]
pub struct Front {
    world: Arc<World>,
    backing: Backing,
    announce: Arc<dyn Announce>,
    trouble: Arc<dyn Trouble>,
    state: Mutex<State>,
    requests: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    overlay: Overlay,
    lifecycle: Lifecycle,
}

/// The name the switches know this service by.
const SERVICE: &str = "s3";

/// How often what the clock brings about is looked for, in real time.
const TICK: Duration = Duration::from_millis(50);

impl Front {
    /// A front before the S3 server at `backing` (`http://HOST:PORT`), where it has the access
    /// that `world.s3` has.
    ///
    /// # Errors
    /// An address that is not of that form.
    pub fn new(
        world: Arc<World>,
        backing: &str,
        announce: Arc<dyn Announce>,
        trouble: Arc<dyn Trouble>,
    ) -> anyhow::Result<Self> {
        let backing = Backing::new(&world, backing)?;
        let (state, requests) = (Mutex::default(), AtomicU64::new(1));
        Ok(Self { world, backing, announce, trouble, state, requests })
    }

    /// Answers one request. What was begun is finished, kept and told of even when the client
    /// goes away before it has the answer.
    pub async fn handle(self: &Arc<Self>, request: Request) -> Response {
        let front = Arc::clone(self);
        let answered = tokio::spawn(async move { front.respond(request).await }).await;
        answered.unwrap_or_else(|_| answer::empty(500))
    }

    async fn respond(&self, request: Request) -> Response {
        let call = Call::read(request.method(), request.uri(), request.headers());
        self.tick().await;
        let mut response = match Box::pin(self.answer(&call, request)).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(&call, &self.origin().request_id),
        };
        if self.trouble.after(SERVICE, call.operation) {
            return answer::cut();
        }
        if !response.headers().contains_key("x-amz-request-id") {
            answer::set(&mut response, "x-amz-request-id", &self.origin().request_id);
        }
        answer::set(&mut response, "x-amz-id-2", HOST_ID);
        response
    }

    /// Does what fell due by the account's clock, and tells of it.
    pub async fn tick(&self) {
        let now = self.world.clock.now();
        let changes = {
            let mut state = self.state();
            let changes = state.overlay.settle(now);
            for (place, facts, change) in &changes {
                let Change::ClassChanged { to: Class::IntelligentTiering } = change else {
                    continue;
                };
                let class = Class::IntelligentTiering;
                let mut entry = state.overlay.look(place, class, facts);
                let plan = state.lifecycle.plan(&place.bucket, &place.key, &[], class, now);
                entry.transitions.extend(plan);
                entry.transitions.sort_by_key(|moves| moves.at);
                state.overlay.keep(place.clone(), entry);
            }
            changes
        };
        for (place, facts, change) in changes {
            self.tell(Event::of_change(&self.origin(), &place, &facts, change)).await;
        }
    }

    /// Ticks in the background for as long as the front is there.
    pub fn keep_ticking(self: &Arc<Self>) -> tokio::task::JoinHandle<()> {
        let front = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(front) = front.upgrade() {
                front.tick().await;
                drop(front);
                tokio::time::sleep(TICK).await;
            }
        })
    }

    /// Forgets everything: classes, restores, uploads and configurations.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    async fn answer(&self, call: &Call, request: Request) -> Result<Response, Refusal> {
        if let Some(refusal) = answer::refuse_settings(call, self.world.clock.now()) {
            backing::drain(request.into_body()).await;
            return Err(refusal);
        }
        if let Some(switches) = self.trouble_here().filter(|switches| switches.delay_ms > 0) {
            tokio::time::sleep(Duration::from_millis(switches.delay_ms)).await;
        }
        let fault = self.trouble.before(SERVICE, call.operation);
        if call.operation == "RestoreObject" {
            if let Some(fault) = fault.clone().filter(|fault| fault.code != restore::NO_EXPEDITED) {
                return Err(fault.into());
            }
            signed(call)?;
            let document = backing::document(request.into_body()).await?;
            return self.restore_object(call, document, fault).await;
        }
        if let Some(fault) = fault {
            backing::drain(request.into_body()).await;
            return Err(fault.into());
        }
        match call.operation {
            "GetObject" | "HeadObject" => self.read_object(call, request).await,
            "ListObjects" | "ListObjectsV2" | "ListObjectVersions" => {
                self.list(call, request).await
            }
            "GetObjectAttributes" => self.attributes(call, request).await,
            "PutObject" => self.put_object(call, request).await,
            "UploadPart" => self.send_body(request).await,
            "CreateMultipartUpload" => self.create_upload(request).await,
            "CompleteMultipartUpload" => self.complete_upload(call, request).await,
            "AbortMultipartUpload" => self.abort_upload(call, request).await,
            "CopyObject" => self.copy_object(call, request).await,
            "UploadPartCopy" => self.copy_part(request).await,
            "DeleteObject" => self.delete_object(call, request).await,
            "DeleteObjects" => self.delete_objects(call, request).await,
            "PutObjectTagging" | "DeleteObjectTagging" => self.tag(call, request).await,
            "GetBucketLifecycleConfiguration"
            | "PutBucketLifecycleConfiguration"
            | "DeleteBucketLifecycle" => self.lifecycle(call, request).await,
            "GetBucketIntelligentTieringConfiguration"
            | "PutBucketIntelligentTieringConfiguration"
            | "DeleteBucketIntelligentTieringConfiguration" => {
                signed(call)?;
                self.tiering(call, request).await
            }
            _ => self.backing.forward(request).await,
        }
    }

    /// The switches, where they are meant for S3.
    fn trouble_here(&self) -> Option<Switches> {
        let switches = self.world.switches();
        let here = switches.services.is_empty() || switches.services.iter().any(|s| s == SERVICE);
        here.then_some(switches)
    }

    async fn tell(&self, event: Event) {
        self.announce.s3_event(event.detail_type, event.detail).await;
    }

    fn origin(&self) -> Origin {
        let sequencer = self.requests.fetch_add(1, Ordering::Relaxed);
        Origin { request_id: format!("AWSIM{sequencer:011X}"), sequencer }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the front answers alone must at least be signed.
fn signed(call: &Call) -> Result<(), Refusal> {
    match call.access_key {
        Some(_) => Ok(()),
        None => Err(Refusal::new(403, "AccessDenied", "Access Denied")),
    }
}
