//! Problems: errors as HTTP answers (RFC 9457), and the one table from kinds to statuses.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorInfo, ErrorKind, Retry};

/// The media type of a problem.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// The status an error of this kind is answered with, unless the gateway knows a closer one.
///
/// Only what is the fault of this side is 5xx: proxies and clients repeat and alarm on those.
/// `timeout` is what the caller asked for with `timeout_ms`, `unsupported` is what the request
/// asks of this library, so both are 4xx.
pub(super) const fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists
        | ErrorKind::Conflict
        | ErrorKind::NotReady
        | ErrorKind::Cancelled => StatusCode::CONFLICT,
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::InvalidMedia | ErrorKind::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Timeout => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Integrity | ErrorKind::Unexpected => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What is wrong with a request, or what went wrong with it (RFC 9457), with the whole error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemBody {
    /// `urn:emam:error:` and the kind.
    #[serde(rename = "type")]
    pub(super) problem_type: String,
    /// The kind in words.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// One sentence for people: the message.
    pub(super) detail: String,
    /// The id of the request, to be found again in the log.
    pub(super) request_id: String,
    /// The error.
    #[serde(flatten)]
    pub(super) error: ErrorInfo,
}

/// An error on its way out.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    error: Error,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// An error with a status closer than that of its kind.
    pub(super) fn new(status: StatusCode, error: Error) -> Self {
        Self { status, error, headers: Vec::new() }
    }

    #[must_use]
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::new(status(error.kind()), error)
    }
}

impl From<PathRejection> for Problem {
    fn from(cause: PathRejection) -> Self {
        Error::invalid("http", "the address cannot be understood").caused_by(cause).into()
    }
}

impl From<QueryRejection> for Problem {
    fn from(cause: QueryRejection) -> Self {
        Error::invalid("http", "the parameters after the ? of the address are wrong")
            .caused_by(cause)
            .into()
    }
}

/// What the outermost layer makes the body of, once it knows the id of the request.
#[derive(Debug, Clone)]
struct Told(Arc<ErrorInfo>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!(error = %self.error.report(), "request failed");
        } else {
            tracing::debug!(error = %self.error, "request refused");
        }
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        if let Retry::After(wait) = self.error.retry_advice() {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.error.kind() == ErrorKind::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"emam\""));
        }
        headers.extend(self.headers);
        response.extensions_mut().insert(Told(Arc::new(self.error.to_info())));
        response
    }
}

/// Gives a problem its body; leaves other answers as they are.
pub(super) fn render(mut response: Response, request_id: &str) -> Response {
    let Some(Told(info)) = response.extensions_mut().remove::<Told>() else {
        return response;
    };
    let body = ProblemBody {
        problem_type: format!("urn:emam:error:{}", info.kind),
        title: info.kind.as_str().replace('_', " "),
        status: response.status().as_u16(),
        detail: info.message.clone(),
        request_id: request_id.to_owned(),
        error: Arc::unwrap_or_clone(info),
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Strings and numbers always have JSON.
    let text = serde_json::to_string(&body).unwrap_or_default();
    Response::from_parts(parts, text.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_faults_of_this_side_are_5xx() {
        let ours = [ErrorKind::Integrity, ErrorKind::Unavailable, ErrorKind::Unexpected];
        for kind in ErrorKind::ALL {
            assert_eq!(status(kind).is_server_error(), ours.contains(&kind), "{kind}");
            assert!(status(kind).is_client_error() || status(kind).is_server_error(), "{kind}");
        }
    }

    #[tokio::test]
    async fn a_problem_carries_the_whole_error_and_its_headers() {
        let error = Error::new(ErrorKind::NotReady, "assets.open", "the bytes are archived")
            .with("state", "archived")
            .retry(Retry::After(Duration::from_millis(1_200)))
            .caused_by(std::io::Error::other("tape"));
        let info = error.to_info();
        let response = render(Problem::from(error).into_response(), "r-1");
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers()[RETRY_AFTER], "2", "rounded up");
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: ProblemBody = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(body.error, info);
        assert_eq!((body.request_id.as_str(), body.status), ("r-1", 409));
        assert_eq!(body.problem_type, "urn:emam:error:not_ready");
    }
}
