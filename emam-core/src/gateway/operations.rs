//! The operations: JSON in, JSON out.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::options::ms;
use super::problem::Problem;
use super::{Shared, body};
use crate::api::{self, Operation};
use crate::error::{Error, ErrorKind, Result};

/// Operations that wait for something, each with the parameter that says for how long.
pub(super) type Waiting = BTreeMap<&'static str, &'static str>;

/// Found by their parameters, so that a new one is known by itself.
pub(super) fn waiting() -> Waiting {
    let mut waiting = Waiting::new();
    for operation in api::operations() {
        let params = (operation.params)();
        let properties = params.get("properties").and_then(Value::as_object);
        for name in ["timeout_ms", "wait_ms"] {
            if properties.is_some_and(|properties| properties.contains_key(name)) {
                waiting.insert(operation.name, name);
            }
        }
    }
    waiting
}

/// `POST /v1/{operation}`.
pub(super) async fn call(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Path(name) = path?;
    let operation = named(&shared, &name)?;
    let options = &shared.options;
    let patience = ms(options.body_timeout_ms);
    let mut params = body::json_text(&headers, body, options.body_limit, patience).await?;
    let waits = shared.waiting.get(operation.name);
    if let Some(field) = waits {
        params = bounded(params, field, options.long_poll_ms);
    }
    let work = shared.library.call_json(operation.name, &params);
    let bound = ms(options.request_timeout_ms);
    let closing = shared.closing();
    let result = tokio::select! {
        result = timeout(bound, work) => result.map_err(|_| too_long(operation.name, bound))?,
        () = closing, if waits.is_some() => Err(closing_down(operation.name)),
    }?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((headers, result).into_response())
}

fn named(shared: &Shared, name: &str) -> Result<&'static Operation> {
    let operation = api::operation(name).filter(|operation| shared.serves(operation.name));
    operation.ok_or_else(|| {
        let message = "there is no such operation; see /v1/openapi.json";
        Error::new(ErrorKind::NotFound, "http", message).with("operation", name)
    })
}

/// Cuts how long an operation waits to what one request may take. What is no time is left for the
/// operation to refuse.
fn bounded(params: String, field: &str, most: u64) -> String {
    let text = if params.is_empty() { "{}" } else { &params };
    let Ok(Value::Object(mut record)) = serde_json::from_str(text) else { return params };
    let wanted = match record.get(field) {
        // Without a timeout an operation waits for ever; without `wait_ms` it does not wait.
        None | Some(Value::Null) if field == "timeout_ms" => None,
        Some(Value::Number(number)) => number.as_u64(),
        _ => return params,
    };
    match wanted {
        Some(wanted) if wanted <= most => params,
        None if record.get(field).is_some_and(Value::is_number) => params,
        _ => {
            record.insert(field.to_owned(), most.into());
            Value::Object(record).to_string()
        }
    }
}

fn too_long(operation: &'static str, bound: std::time::Duration) -> Error {
    let message = "the operation took longer than the gateway waits, and was stopped";
    Error::new(ErrorKind::Timeout, operation, message).with("after_ms", bound.as_millis())
}

pub(super) fn closing_down(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, "the gateway is shutting down")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_that_wait_are_known() {
        let waiting = waiting();
        for name in ["runs.join", "runs.progress", "runs.wait"] {
            assert_eq!(waiting.get(name), Some(&"timeout_ms"), "{name}");
        }
        assert_eq!(waiting.get("events.list"), Some(&"wait_ms"));
        assert!(!waiting.contains_key("assets.get"));
    }

    #[test]
    fn waiting_is_cut_and_nothing_else_is_touched() {
        let cut = |params: &str, field| bounded(params.to_owned(), field, 100);
        assert_eq!(cut(r#"{"id":"x"}"#, "timeout_ms"), r#"{"id":"x","timeout_ms":100}"#);
        assert_eq!(cut(r#"{"timeout_ms":null}"#, "timeout_ms"), r#"{"timeout_ms":100}"#);
        assert_eq!(cut(r#"{"timeout_ms":101}"#, "timeout_ms"), r#"{"timeout_ms":100}"#);
        assert_eq!(cut("", "timeout_ms"), r#"{"timeout_ms":100}"#);
        assert_eq!(cut(r#"{"wait_ms":500}"#, "wait_ms"), r#"{"wait_ms":100}"#);
        let same = [
            (r#"{ "timeout_ms": 100 }"#, "timeout_ms"),
            (r#"{"timeout_ms": "soon"}"#, "timeout_ms"),
            (r#"{"timeout_ms": -1}"#, "timeout_ms"),
            (r#"{"timeout_ms": 1e300}"#, "timeout_ms"),
            (r#"{"after": 7}"#, "wait_ms"),
            ("", "wait_ms"),
            ("[1", "timeout_ms"),
        ];
        for (params, field) in same {
            assert_eq!(cut(params, field), params);
        }
    }
}
