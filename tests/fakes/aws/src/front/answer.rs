//! Answers the front gives itself, in the form S3 gives them.

use std::fmt;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::stream;

use super::call::Call;
use super::xml::escape;
use crate::service::Fault;

/// An error as S3 tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: String,
    message: String,
    /// More elements of the error document.
    details: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: impl fmt::Display) -> Self {
        let (code, message) = (code.to_owned(), message.to_string());
        Self { status, code, message, details: Vec::new(), headers: Vec::new() }
    }

    /// With one more element in the document.
    pub(super) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// With one more header.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What an answer of the server behind that cannot be understood is told as.
    pub(super) fn behind(what: &str, why: impl fmt::Display) -> Self {
        let message = format!("the S3 server behind the front: {what}: {why}");
        Self::new(500, "InternalError", message)
    }

    pub(super) fn malformed() -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our \
                       published schema";
        Self::new(400, "MalformedXML", message)
    }

    /// The response; errors of a HEAD have no document, a fault with status 200 has one.
    pub(super) fn into_response(self, call: &Call, request_id: &str) -> Response {
        let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        let mut element = |name: &str, value: &str| {
            document.push_str(&format!("<{name}>{}</{name}>", escape(value)));
        };
        element("Code", &self.code);
        element("Message", &self.message);
        for (name, value) in &self.details {
            element(name, value);
        }
        element("Resource", &call.path);
        element("RequestId", request_id);
        element("HostId", HOST_ID);
        document.push_str("</Error>");
        let body = if call.head { String::new() } else { document };
        let mut response = xml(self.status, body);
        for (name, value) in self.headers {
            set(&mut response, name, &value);
        }
        response
    }
}

/// What `x-amz-id-2` says.
pub(super) const HOST_ID: &str = "emam-awsim";

impl From<Fault> for Refusal {
    /// The switches name faults as the JSON services do; S3 has its own names for two of them.
    fn from(fault: Fault) -> Self {
        let throttled = ["Throttling", "ThrottlingException", "TooManyRequestsException"];
        let failed = ["InternalFailure", "InternalServerError", "InternalServerErrorException"];
        if throttled.contains(&fault.code.as_str()) {
            return Self::new(503, "SlowDown", "Please reduce your request rate.");
        }
        if failed.contains(&fault.code.as_str()) {
            let message = "We encountered an internal error. Please try again.";
            return Self::new(500, "InternalError", message);
        }
        Self::new(fault.status, &fault.code, fault.message)
    }
}

/// A response with an XML document.
pub(super) fn xml(status: u16, document: String) -> Response {
    let mut response = Response::new(Body::from(document));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    set(&mut response, "content-type", "application/xml");
    response
}

/// A response without a body.
pub(super) fn empty(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}

/// Sets a header; a value no header can carry is left out.
pub(super) fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// A connection that is cut instead of an answer: the body fails before the server has sent the
/// head, so not one byte arrives.
pub(super) fn cut() -> Response {
    let failed = stream::iter([Err::<Bytes, _>(std::io::Error::other("cut on purpose"))]);
    Response::new(Body::from_stream(failed))
}

/// The answers to settings that are wrong: bucket and credentials that stand for a mistake.
pub(super) fn refuse_settings(call: &Call, now: jiff::Timestamp) -> Option<Refusal> {
    match call.access_key.as_deref() {
        Some("EXPIRED") => {
            let message = "The provided token has expired.";
            return Some(Refusal::new(400, "ExpiredToken", message));
        }
        Some("SKEWED") => {
            let message =
                "The difference between the request time and the current time is too large.";
            let refusal = Refusal::new(403, "RequestTimeTooSkewed", message);
            let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let refusal = refusal.detail("ServerTime", now);
            return Some(refusal.detail("MaxAllowedSkewMilliseconds", "900000"));
        }
        _ => {}
    }
    match call.bucket.as_str() {
        "not-ours" => Some(Refusal::new(403, "AccessDenied", "Access Denied")),
        OTHER_REGION_BUCKET if call.region.as_deref() != Some(OTHER_REGION) => {
            let message = "The bucket you are attempting to access must be addressed using the \
                           specified endpoint. Please send all future requests to this endpoint.";
            let endpoint = format!("{OTHER_REGION_BUCKET}.s3.{OTHER_REGION}.amazonaws.com");
            let refusal = Refusal::new(301, "PermanentRedirect", message);
            let refusal = refusal.detail("Endpoint", endpoint).detail("Bucket", &*call.bucket);
            Some(refusal.header("x-amz-bucket-region", OTHER_REGION))
        }
        _ => None,
    }
}

/// The bucket that lies elsewhere, and where.
const OTHER_REGION_BUCKET: &str = "other-region";
const OTHER_REGION: &str = "eu-west-1";
