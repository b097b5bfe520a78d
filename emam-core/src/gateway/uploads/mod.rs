//! Resumable uploads, as tus 1.0.0 has them: why is in `docs/decisions/0013-tus-for-uploads.md`.
//!
//! Bytes go to a file in a folder of their own and are safe when the answer says so. A complete
//! upload is ingested under its own file name.

mod finish;
mod record;
mod store;
mod tus;
mod write;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use uuid::Uuid;

use record::Record;
pub(super) use record::UploadState;
use store::{Held, Store};
use tus::Checksum;

use super::options::{UploadOptions, ms};
use super::problem::Problem;
use super::{Shared, body};
use crate::error::{Error, ErrorKind, Result};

/// The routes of uploads.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/uploads", post(create).options(capabilities))
        .route(
            "/v1/uploads/{id}",
            patch(append).head(tell).delete(end).options(capabilities_of_one),
        )
        .layer(middleware::from_fn(version))
}

/// Begins to tidy up in the background, where uploads are taken.
pub(super) fn start(shared: &Arc<Shared>) {
    if let Some(options) = &shared.options.uploads {
        let store = Store::new(options.folder.clone());
        tokio::spawn(finish::sweep(Arc::downgrade(shared), store));
    }
}

/// Speaks one version of tus with those who speak it.
async fn version(request: Request, next: Next) -> Response {
    let theirs = request.headers().get(tus::RESUMABLE);
    let fits = request.method() == Method::OPTIONS || theirs.is_some_and(|v| v == tus::VERSION);
    let mut response = if fits {
        next.run(request).await
    } else {
        let error = tus::wrong("send Tus-Resumable: 1.0.0, the version of tus spoken here");
        Problem::new(StatusCode::PRECONDITION_FAILED, error)
            .header(HeaderName::from_static("tus-version"), HeaderValue::from_static(tus::VERSION))
            .into_response()
    };
    response.headers_mut().insert(tus::RESUMABLE, HeaderValue::from_static(tus::VERSION));
    response
}

fn taken(shared: &Shared) -> Result<(&UploadOptions, Store)> {
    let options = shared.options.uploads.as_ref().ok_or_else(|| {
        let message = "this gateway takes no uploads; give it a folder for them";
        Error::new(ErrorKind::Unsupported, "uploads", message)
    })?;
    Ok((options, Store::new(options.folder.clone())))
}

fn id_of(path: Result<Path<String>, PathRejection>) -> Result<Uuid, Problem> {
    let Path(id) = path?;
    let unknown = || Error::new(ErrorKind::NotFound, "uploads", "there is no such upload");
    Ok(Uuid::try_parse(&id).map_err(|_| unknown().with("id", id.escape_debug()))?)
}

/// `OPTIONS`.
async fn capabilities(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let (options, _) = taken(&shared)?;
    let headers = [
        ("tus-version", tus::VERSION.to_owned()),
        ("tus-extension", tus::EXTENSIONS.to_owned()),
        ("tus-max-size", options.max_bytes.to_string()),
        ("tus-checksum-algorithm", tus::ALGORITHMS.to_owned()),
    ];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

async fn capabilities_of_one(
    state: State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    id_of(path)?;
    capabilities(state).await
}

/// `POST /v1/uploads`, with or without the first bytes.
async fn create(
    State(shared): State<Arc<Shared>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Problem> {
    let (options, store) = taken(&shared)?;
    let length = tus::number(&headers, &tus::LENGTH)?;
    if length > options.max_bytes {
        let error = tus::wrong("the upload is larger than is taken here");
        let error = error.with("length", length).with("max_bytes", options.max_bytes);
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error));
    }
    if length == 0 {
        let message = "the file is empty, and nothing can be made of it";
        return Err(Error::new(ErrorKind::InvalidMedia, "uploads", message).into());
    }
    let metadata = headers.get(tus::METADATA).map_or(Ok(""), |metadata| metadata.to_str());
    let metadata = metadata.map_err(|_| tus::wrong("Upload-Metadata is not plain text"))?;
    let intent = tus::intent(metadata)?;
    shared.library.assets().check_options(&intent.options).await?;
    let has_content = body::length(&headers) != Some(0) && headers.contains_key(CONTENT_TYPE);
    let checksum = if has_content { first_chunk(&headers, length)? } else { None };

    let record = Record {
        id: shared.clock().new_uuid(),
        file_name: intent.file_name,
        metadata: metadata.to_owned(),
        options: intent.options,
        length,
        offset: 0,
        touched_at: shared.clock().now(),
        expire_after_ms: options.expire_after_ms,
        run: None,
        asset: None,
        cleared: false,
    };
    let (most, made) = (options.max_unfinished, record.clone());
    let held = store
        .run(move |store| {
            let unfinished = store.list()?.into_iter().filter(|id| {
                store.read(*id).is_ok_and(|record| !record.is_complete() && !record.cleared)
            });
            if unfinished.count() >= most {
                let message = "too many uploads are unfinished; finish or end some";
                return Err(Error::new(ErrorKind::RateLimited, "uploads", message)
                    .with("max_unfinished", most));
            }
            store.create(&made)?;
            store.hold(made.id)
        })
        .await?;
    let location = format!("{}/{}", uri.path().trim_end_matches('/'), record.id);
    let record = match held {
        Some(held) if has_content => {
            receive(shared, store, held, record, content, checksum).await?
        }
        _ => record,
    };
    let mut response = (StatusCode::CREATED, super::json(&record.shown())?).into_response();
    let location = HeaderValue::from_str(&location)
        .map_err(|_| tus::wrong("the address of the upload cannot be sent"))?;
    response.headers_mut().insert(LOCATION, location);
    tell_of(&record, response.headers_mut());
    Ok(response)
}

fn first_chunk(headers: &HeaderMap, length: u64) -> Result<Option<Checksum>, Problem> {
    check_type(headers)?;
    if body::length(headers).is_some_and(|sent| sent > length) {
        return Err(body::too_large(length));
    }
    Checksum::given(headers)
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(CONTENT_TYPE).is_some_and(|given| given == tus::CHUNK_TYPE) {
        return Ok(());
    }
    let error = tus::wrong("send bytes with Content-Type: application/offset+octet-stream");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error))
}

/// `PATCH /v1/uploads/{id}`.
async fn append(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Problem> {
    let (_, store) = taken(&shared)?;
    let id = id_of(path)?;
    check_type(&headers)?;
    let offset = tus::number(&headers, &tus::OFFSET)?;
    let checksum = Checksum::given(&headers)?;
    let held = hold(&store, id).await?;
    let record = read(&shared, &store, id).await?;
    if offset != record.offset {
        let message = "the upload goes on at another offset; ask for it with HEAD";
        let error = Error::new(ErrorKind::Conflict, "uploads", message)
            .with("offset", record.offset)
            .with("sent", offset);
        return Err(Problem::new(StatusCode::CONFLICT, error)
            .header(tus::OFFSET, HeaderValue::from(record.offset)));
    }
    if body::length(&headers).is_some_and(|sent| sent > record.length - record.offset) {
        return Err(write::too_long(&record));
    }
    let record = receive(shared, store, held, record, content, checksum).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    tell_of(&record, response.headers_mut());
    Ok(response)
}

/// Takes what comes. In a task of its own: a client that goes away ends its request, and what it
/// has sent until then is still to be made safe and put on record.
async fn receive(
    shared: Arc<Shared>,
    store: Store,
    held: Held,
    mut record: Record,
    content: Body,
    checksum: Option<Checksum>,
) -> Result<Record, Problem> {
    let task = tokio::spawn(async move {
        let _held = held;
        let patience = ms(shared.options.body_timeout_ms);
        if !record.is_complete() {
            let clock = shared.clock();
            write::append(&store, clock, &mut record, content, checksum, patience).await?;
        }
        if record.is_complete() && record.run.is_none() {
            finish::ingest(&shared, &store, &mut record).await?;
        }
        Ok(record)
    });
    task.await.map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "uploads", "receiving broke off").caused_by(cause)
    })?
}

/// Takes the lock. What the client before has left is given a moment to be made safe: the same
/// client may be back at once.
async fn hold(store: &Store, id: Uuid) -> Result<Held, Problem> {
    for _ in 0..10 {
        if let Some(held) = store.run(move |store| store.hold(id)).await? {
            return Ok(held);
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let message = "somebody else is sending to this upload; wait, or end that request";
    let error = Error::new(ErrorKind::Conflict, "uploads", message).with("id", id);
    Err(Problem::new(StatusCode::LOCKED, error.retry(crate::Retry::Yes)))
}

async fn read(shared: &Shared, store: &Store, id: Uuid) -> Result<Record, Problem> {
    let record = store.run(move |store| store.read(id)).await?;
    let now = shared.clock().now();
    record.not_expired(now).map_err(|error| Problem::new(StatusCode::GONE, error))
}

/// `HEAD /v1/uploads/{id}`.
async fn tell(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let (_, store) = taken(&shared)?;
    let record = read(&shared, &store, id_of(path)?).await?;
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(tus::LENGTH, HeaderValue::from(record.length));
    if let (false, Ok(metadata)) =
        (record.metadata.is_empty(), HeaderValue::from_str(&record.metadata))
    {
        headers.insert(tus::METADATA, metadata);
    }
    tell_of(&record, headers);
    Ok(response)
}

/// `DELETE /v1/uploads/{id}`.
async fn end(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let (_, store) = taken(&shared)?;
    let id = id_of(path)?;
    let _held = hold(&store, id).await?;
    let record = read(&shared, &store, id).await?;
    if let Some(run) = record.run.filter(|_| !record.cleared)
        && !shared.library.runs().get(run).await?.state.is_final()
    {
        let message = "the upload is being ingested; cancel that run first";
        let error = Error::new(ErrorKind::Conflict, "uploads", message).with("run", run);
        return Err(error.into());
    }
    store.run(move |store| store.remove(id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What every answer about an upload says.
fn tell_of(record: &Record, headers: &mut HeaderMap) {
    headers.insert(tus::OFFSET, HeaderValue::from(record.offset));
    let expires = record.expires_at().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let told = [
        (tus::EXPIRES, (record.run.is_none()).then_some(expires)),
        (HeaderName::from_static("emam-run"), record.run.map(|run| run.to_string())),
        (HeaderName::from_static("emam-asset"), record.asset.map(|asset| asset.to_string())),
    ];
    for (name, value) in told {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
}
