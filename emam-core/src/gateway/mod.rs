//! HTTP over the operation table: for editing panels, browsers and other machines.
//!
//! A [`Gateway`] serves a [`Library`](crate::Library): every operation as `POST /v1/{operation}` from
//! JSON to JSON, media with ranges, the event log and runs as server-sent events, resumable uploads.
//! `GET /v1/openapi.json` describes all of it. It listens by itself ([`serve`](Gateway::serve)) or is
//! part of a server of yours ([`router`](Gateway::router)).
//!
//! ```
//! use emam_core::Library;
//! use emam_core::gateway::{Gateway, GatewayOptions};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # #[cfg(feature = "local")] {
//! let library = Library::open(folder.path()).await?;
//! let gateway = Gateway::new(library.clone(), GatewayOptions::default())?;
//! let server = gateway.serve("127.0.0.1:0").await?; // any free port
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! // curl -d '{"text": "rain"}' -H 'Content-Type: application/json' $URL/v1/assets.search
//! server.shutdown().await;
//! library.close().await;
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Who may use it
//!
//! Whoever has a token may do everything the library can, and it can read and write files as this
//! process may. Without tokens and a secret it listens on loopback addresses only. In any case it
//! answers only requests for hosts that it is, and refuses pages of origins that are not on its
//! list. It speaks plain HTTP: over a network, put a proxy with TLS before it.

mod auth;
mod body;
mod host;
mod media;
mod openapi;
mod operations;
mod options;
mod origin;
mod problem;
mod range;
mod request;
mod server;
mod signing;
mod stream;
mod uploads;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use media::SignedMedia;
pub use options::{GatewayOptions, UploadOptions};
pub use server::Server;

use crate::Library;
use crate::clock::{self, Clock};
use crate::error::{Error, ErrorKind, Result};
use crate::id::AssetId;
use crate::model::Role;
use operations::Waiting;
use problem::Problem;
use signing::Signer;

/// Where a gateway listens unless told otherwise.
pub const DEFAULT_BIND: &str = "127.0.0.1:4700";

/// A library over HTTP. Cheap to clone; all clones are the same gateway.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

/// What all requests share.
#[derive(Debug)]
struct Shared {
    library: Library,
    options: GatewayOptions,
    signer: Signer,
    waiting: Waiting,
    openapi: OnceLock<String>,
    closing: watch::Sender<bool>,
}

impl Gateway {
    /// A gateway to `library`, which stays open when the gateway ends.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for options that cannot be, named.
    pub fn new(library: Library, options: GatewayOptions) -> Result<Self> {
        options.check()?;
        let signer = Signer::new(options.secret.as_deref(), &options.tokens)?;
        let (closing, _) = watch::channel(false);
        let waiting = operations::waiting();
        let openapi = OnceLock::new();
        let shared = Shared { library, options, signer, waiting, openapi, closing };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The routes, for a server of yours: all under `/v1`, with every protection but the limits on
    /// connections, which are the server's. Call it within the runtime that will serve.
    pub fn router(&self) -> Router {
        routes(Arc::clone(&self.shared))
    }

    /// Listens on `bind`, for example [`DEFAULT_BIND`]; port 0 takes one that is free.
    ///
    /// # Errors
    /// [`PermissionDenied`](ErrorKind::PermissionDenied) where others than this machine could reach
    /// it and would need no token; [`Conflict`](ErrorKind::Conflict) where the port is taken;
    /// [`InvalidInput`](ErrorKind::InvalidInput) where `bind` is no address.
    pub async fn serve(&self, bind: &str) -> Result<Server> {
        // Of its own, so that it can be shut down and others go on.
        let shared = Arc::new(self.shared.another());
        Server::start(Arc::clone(&shared), routes(shared), bind).await
    }

    /// Ends streams and waiting requests of the [`router`](Self::router), for good. A server of
    /// yours that shuts down calls it first, or waits for them.
    pub fn close(&self) {
        self.shared.close();
    }

    /// A bearer token that is valid for `ttl`. Nothing is kept of it: with the same `secret` it
    /// survives a restart, and it cannot be taken back before its time but by another secret.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for less than a second.
    pub fn issue_token(&self, ttl: Duration) -> Result<String> {
        if ttl < Duration::from_secs(1) {
            return Err(Error::invalid(
                "gateway.issue_token",
                "a token is valid for a second or more",
            )
            .with("ttl_ms", ttl.as_millis()));
        }
        Ok(self.shared.signer.token(self.shared.clock().now(), ttl))
    }

    /// An address under which one file can be read for `ttl` without a token, as the `src` of a
    /// player needs. It begins with `public_url` where that is set, else with `/v1/`.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for less than a second or more than a week.
    pub fn sign_media(
        &self,
        asset: AssetId,
        role: Role,
        part: u32,
        ttl: Duration,
    ) -> Result<SignedMedia> {
        self.shared.sign_media(asset, role, part, ttl)
    }
}

/// All routes, with what protects them.
fn routes(shared: Arc<Shared>) -> Router {
    uploads::start(&shared);
    let protected = Router::new()
        .route("/v1/openapi.json", get(openapi::document))
        .route("/v1/events", get(stream::events))
        .route("/v1/runs/{id}/events", get(stream::run))
        .route("/v1/media-url", post(media::media_url))
        .route("/v1/{operation}", post(operations::call))
        .merge(uploads::routes())
        .route_layer(from_fn_with_state(Arc::clone(&shared), auth::layer));
    Router::new()
        .route("/v1/health", get(health))
        // Has its own check: a signed address needs no token.
        .route("/v1/media/{asset}/{role}", get(media::media))
        .merge(protected)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&shared), origin::layer))
        .layer(from_fn_with_state(Arc::clone(&shared), host::layer))
        .layer(from_fn_with_state(Arc::clone(&shared), request::layer))
        .with_state(shared)
}

impl Shared {
    /// The same, to be closed for itself.
    fn another(&self) -> Self {
        Self {
            library: self.library.clone(),
            options: self.options.clone(),
            signer: self.signer.clone(),
            waiting: self.waiting.clone(),
            openapi: OnceLock::new(),
            closing: watch::channel(false).0,
        }
    }

    fn clock(&self) -> &dyn Clock {
        self.library.backends().clock.as_ref()
    }

    fn serves(&self, operation: &str) -> bool {
        !self.options.refuse_operations.iter().any(|refused| refused == operation)
    }

    /// Ends streams and waiting requests.
    fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Resolves when the gateway closes; holds nothing of it.
    fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.subscribe();
        async move {
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }

    fn sign_media(
        &self,
        asset: AssetId,
        role: Role,
        part: u32,
        ttl: Duration,
    ) -> Result<SignedMedia> {
        const WEEK: Duration = Duration::from_secs(7 * 86_400);
        if !(Duration::from_secs(1)..=WEEK).contains(&ttl) {
            let message = "a signed address is valid for 1 to 604800 seconds";
            return Err(Error::invalid("media.sign", message).with("ttl_s", ttl.as_secs()));
        }
        let expires_at = clock::after(self.clock().now(), ttl);
        let expires = expires_at.as_second();
        let signature = self.signer.media(asset, role, part, expires);
        let base = self.options.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
        let part = if part > 0 { format!("part={part}&") } else { String::new() };
        let role = role.as_str();
        let url = format!("{base}/v1/media/{asset}/{role}?{part}exp={expires}&sig={signature}");
        Ok(SignedMedia { url, expires_at })
    }
}

/// How the gateway is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Health {
    /// The version of emam.
    version: String,
    /// Whether operations can be called.
    library: LibraryState,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LibraryState {
    /// They can.
    Open,
    /// The library was closed under the gateway.
    Closed,
}

async fn health(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let usable = shared.library.check_usable("gateway.health").is_ok();
    let library = if usable { LibraryState::Open } else { LibraryState::Closed };
    let health = Health { version: env!("CARGO_PKG_VERSION").to_owned(), library };
    Ok(json(&health)?)
}

async fn unknown() -> Problem {
    Error::new(ErrorKind::NotFound, "http", "nothing has this address; see /v1/openapi.json").into()
}

async fn wrong_method(method: Method) -> Problem {
    let message = "this address has no such method; the header Allow says which it has";
    let error = Error::new(ErrorKind::Unsupported, "http", message).with("method", method);
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, error)
}

/// An answer of JSON.
fn json(record: &impl Serialize) -> Result<Response> {
    let text = serde_json::to_string(record).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "http", "the answer has no JSON").caused_by(cause)
    })?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, text).into_response())
}
