//! Server-sent events: the event log as it grows, and the progress of a run.
//!
//! A stream is pulled: nothing is read from the log before the client has taken what was, so that a
//! slow reader costs no memory.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Shared;
use super::options::ms;
use super::problem::Problem;
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::library::{EventStream, RunHandle, Runs};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where to begin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    after: Option<i64>,
}

/// `GET /v1/events`.
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<From>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(From { after }) = query?;
    // The header is what a browser sends when it connects again: newer than the address.
    let after = resumed(&headers)?.or(after).unwrap_or(0);
    let events = shared.library.events();
    // A wrong number is refused now, while there is a status to do it with.
    events.list(after, 1, std::time::Duration::ZERO).await?;
    Ok(streamed(shared, events.follow(after)))
}

fn resumed(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(given) = headers.get(LAST_EVENT_ID).filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let number = given.to_str().ok().and_then(|given| given.parse().ok());
    let wrong = || Error::invalid("http", "Last-Event-ID is the number of an event");
    Ok(Some(number.ok_or_else(wrong)?))
}

/// `GET /v1/runs/{id}/events`.
pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(id) = path?;
    let id: RunId = id.parse()?;
    let runs = shared.library.runs();
    let handle = runs.handle(id).await?;
    Ok(streamed(shared, Watched { runs, handle, ended: false }))
}

/// What a stream is made of.
trait Source: Send + 'static {
    /// Waits for what is next, as it is sent; nothing at the end. Dropping the future loses
    /// nothing.
    fn next(&mut self) -> impl Future<Output = Result<Option<String>>> + Send;
}

impl Source for EventStream {
    async fn next(&mut self) -> Result<Option<String>> {
        let event = EventStream::next(self).await?;
        let topic: String = event.topic.as_str().chars().filter(|c| !c.is_control()).collect();
        Ok(Some(message(Some(event.seq), &topic, &event)))
    }
}

struct Watched {
    runs: Runs,
    handle: RunHandle,
    ended: bool,
}

impl Source for Watched {
    async fn next(&mut self) -> Result<Option<String>> {
        if self.ended {
            return Ok(None);
        }
        if let Some(progress) = self.handle.progress().await? {
            return Ok(Some(message(None, "progress", &progress)));
        }
        let run = self.runs.get(self.handle.id()).await?;
        self.ended = true;
        Ok(Some(message(None, "end", &run)))
    }
}

/// One message. JSON has no line breaks in it, so one line of data holds it.
fn message(id: Option<i64>, name: &str, data: &impl Serialize) -> String {
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}

/// An answer that goes on until its source ends, the client leaves or the gateway shuts down.
fn streamed(shared: Arc<Shared>, source: impl Source) -> Response {
    let heartbeat = ms(shared.options.heartbeat_ms);
    let state = Some((shared, source));
    let messages = stream::unfold(state, move |state| async move {
        let (shared, mut source) = state?;
        let next = tokio::select! {
            next = timeout(heartbeat, source.next()) => next,
            () = shared.closing() => return None,
        };
        match next {
            Err(_) => Some((": still here\n\n".to_owned(), Some((shared, source)))),
            Ok(Ok(Some(text))) => Some((text, Some((shared, source)))),
            Ok(Ok(None)) => None,
            // The status is long sent: an error is the last message.
            Ok(Err(error)) => Some((message(None, "error", &error.to_info()), None)),
        }
    });
    // Something at once, so that the client knows it is connected; and how soon to come back.
    let first = stream::once(async { "retry: 1000\n\n".to_owned() });
    let body = first.chain(messages).map(|text| Ok::<_, Infallible>(Bytes::from(text)));
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}
