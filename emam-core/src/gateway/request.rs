//! The outermost layer: every request has an id, a span and an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::Shared;
use super::problem::{self, Problem};
use crate::error::{Error, ErrorKind};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, catches what panics, gives problems their body.
pub(super) async fn layer(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let id = given_id(request.headers()).unwrap_or_else(|| shared.clock().new_uuid().to_string());
    let span = tracing::info_span!(
        "http",
        request_id = %id,
        method = %request.method(),
        path = request.uri().path(),
    );
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|_| {
        let message = "the gateway has a fault; what it said is in its log";
        let _inside = span.enter();
        Problem::from(Error::new(ErrorKind::Unexpected, "http", message)).into_response()
    });
    response = problem::render(response, &id);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Nothing this side sends is a page; what came in as one must not act as one of ours.
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
    );
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    response
}

/// The id the client gave its request, if it is fit for a log.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    ((1..=128).contains(&id.len()) && id.chars().all(fits)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_spoil_a_log_is_not_taken() {
        let given = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap());
            given_id(&headers)
        };
        assert_eq!(given("trace-1:a.b_c").as_deref(), Some("trace-1:a.b_c"));
        assert_eq!(given("two words"), None);
        assert_eq!(given(&"x".repeat(129)), None);
    }

    #[cfg(feature = "local")]
    #[tokio::test]
    async fn a_panic_is_a_problem_and_no_end() {
        use axum::routing::get;
        use hyper::service::Service as _;

        let folder = tempfile::tempdir().unwrap();
        let library = crate::Library::builder().workers(0).open(folder.path()).await.unwrap();
        let gateway = super::super::Gateway::new(library.clone(), Default::default()).unwrap();
        async fn panics() -> &'static str {
            panic!("on purpose")
        }
        let router = axum::Router::new()
            .route("/", get(panics))
            .layer(axum::middleware::from_fn_with_state(Arc::clone(&gateway.shared), layer));
        let service = hyper_util::service::TowerToHyperService::new(router);
        for _ in 0..2 {
            let request = Request::builder().header(REQUEST_ID, "r-1");
            let request = request.body(axum::body::Body::empty()).unwrap();
            let response = service.call(request).await.unwrap();
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers()[REQUEST_ID], "r-1");
            let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(text.contains("\"unexpected\"") && !text.contains("on purpose"), "{text}");
        }
        library.close().await;
    }
}
