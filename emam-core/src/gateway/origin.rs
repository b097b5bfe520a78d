//! Only pages of origins on the list may use the gateway from a browser (CORS).
//!
//! Refusing is done here and not left to the browser: it lets simple requests through and only
//! keeps their answer from the page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::{Shared, host};
use crate::error::{Error, ErrorKind};

const METHODS: &str = "GET, HEAD, POST, PATCH, DELETE, OPTIONS";
const REQUEST_HEADERS: &str = "authorization, content-type, x-request-id, last-event-id, range, \
     if-range, if-none-match, tus-resumable, upload-length, upload-offset, upload-metadata, \
     upload-checksum";
const RESPONSE_HEADERS: &str = "x-request-id, retry-after, www-authenticate, location, \
     content-range, accept-ranges, etag, content-disposition, tus-resumable, tus-version, \
     tus-extension, tus-max-size, tus-checksum-algorithm, upload-offset, upload-length, \
     upload-metadata, upload-expires, emam-run, emam-asset";

const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests of foreign pages, answers preflights, and tells browsers what pages may see.
pub(super) async fn layer(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        // A page can load media without an Origin; then the browser says whose page it is. A signed
        // address was given to somebody, and is checked for itself.
        let site = request.headers().get(SEC_FETCH_SITE);
        if site.is_some_and(|site| site == "cross-site") && !is_signed(&request) {
            return refused("a page of another site asks without an Origin header");
        }
        return next.run(request).await;
    };
    if !is_allowed(&request, &origin, &shared.options.allow_origins) {
        return refused("pages of this origin may not use the gateway; see allow_origins");
    }
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight {
        preflight(request.headers())
    } else {
        let mut response = next.run(request).await;
        let exposed = HeaderValue::from_static(RESPONSE_HEADERS);
        response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        response
    };
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    response
}

fn refused(message: &'static str) -> Response {
    let error = Error::new(ErrorKind::PermissionDenied, "http", message);
    Problem::from(error).header(VARY, HeaderValue::from_static("origin")).into_response()
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if asked.contains_key(REQUEST_PRIVATE_NETWORK) {
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    response
}

/// An origin is allowed that is on the list, or is the host the request is for: that one was
/// checked before.
fn is_allowed(request: &Request, origin: &HeaderValue, allowed: &[String]) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.iter().any(|known| known == origin) {
        return true;
    }
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    match (host, host::authority(request)) {
        (Some(host), Some(ours)) => host.eq_ignore_ascii_case(ours.as_str()),
        _ => false,
    }
}

fn is_signed(request: &Request) -> bool {
    request.uri().path().contains("/media/")
        && request.uri().query().is_some_and(|query| query.contains("sig="))
}
