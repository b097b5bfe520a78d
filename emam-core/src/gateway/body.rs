//! Reading what a client sends: so much, so fast, of this type.

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::{Duration, timeout};

use super::problem::Problem;
use crate::api::read_record;
use crate::error::{Error, ErrorKind};

/// Reads the body of an operation as text.
pub(super) async fn json_text(
    headers: &HeaderMap,
    body: Body,
    limit: u64,
    patience: Duration,
) -> Result<String, Problem> {
    let claims = length(headers);
    if claims.is_some_and(|claims| claims > limit) {
        drain(body).await;
        return Err(too_large(limit));
    }
    let bytes = match timeout(patience, collect(body, limit)).await {
        Ok(bytes) => bytes?,
        Err(_) => return Err(too_slow()),
    };
    check_type(headers, bytes.is_empty())?;
    String::from_utf8(bytes).map_err(|cause| {
        Error::invalid("http", "the body is no JSON: it is not UTF-8").caused_by(cause).into()
    })
}

/// Reads a small record that is no operation's.
pub(super) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    operation: &'static str,
    patience: Duration,
) -> Result<T, Problem> {
    let text = json_text(headers, body, 64 * 1024, patience).await?;
    Ok(read_record(operation, "the parameters", &text)?)
}

/// What the client says the body's length is.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(body: Body, limit: u64) -> Result<Vec<u8>, Problem> {
    let mut all = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk.map_err(broken)?;
        if all.len() as u64 + chunk.len() as u64 > limit {
            drain(Body::from_stream(stream)).await;
            return Err(too_large(limit));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// Takes some of what nobody wants. A connection that is closed while its client still sends is
/// reset, and the client may never see the answer.
async fn drain(body: Body) {
    const MOST: usize = 16 * 1024 * 1024;
    let mut stream = body.into_data_stream();
    let reading = async {
        let mut taken = 0;
        while let Some(Ok(chunk)) = stream.next().await {
            taken += chunk.len();
            if taken > MOST {
                break;
            }
        }
    };
    let _ = timeout(Duration::from_secs(2), reading).await;
}

fn check_type(headers: &HeaderMap, is_empty: bool) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let is_json = given.is_some_and(|given| {
        let media_type = given.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/json")
    });
    if is_json || (given.is_none() && is_empty) {
        return Ok(());
    }
    let error = Error::invalid("http", "send JSON, with Content-Type: application/json")
        .with("content_type", given.unwrap_or("(absent)").escape_debug());
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error))
}

pub(super) fn too_large(limit: u64) -> Problem {
    let error = Error::invalid("http", "the body is larger than is taken").with("limit", limit);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

pub(super) fn too_slow() -> Problem {
    Error::new(ErrorKind::Timeout, "http", "the body did not come in time").into()
}

/// The client has gone, or has sent what is no HTTP.
pub(super) fn broken(cause: axum::Error) -> Problem {
    Error::invalid("http", "the body broke off").caused_by(cause).into()
}
