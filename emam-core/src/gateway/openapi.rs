//! The OpenAPI 3.1 document, made from the operation table and the error table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use schemars::schema_for;
use serde_json::{Map, Value, json};

use super::media::{MediaUrlRequest, SignedMedia};
use super::options::GatewayOptions;
use super::problem::{self, Problem, ProblemBody};
use super::uploads::UploadState;
use super::{Health, Shared};
use crate::api::schema::{Records, sentence};
use crate::api::{Operation, Shape, operations};
use crate::error::{ErrorKind, Result};
use crate::model::{Event, Role, Run};

mod routes;

/// `GET /v1/openapi.json`.
pub(super) async fn document(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let text = match shared.openapi.get() {
        Some(text) => text.clone(),
        None => {
            let text = build(&shared.options)?.to_string();
            shared.openapi.get_or_init(|| text).clone()
        }
    };
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

fn build(options: &GatewayOptions) -> Result<Value> {
    let mut records = Records::default();
    let mut names = BTreeMap::new();
    let of_gateway = [
        ("health", schema_for!(Health)),
        ("problem", schema_for!(ProblemBody)),
        ("media_url", schema_for!(MediaUrlRequest)),
        ("signed", schema_for!(SignedMedia)),
        ("upload", schema_for!(UploadState)),
        ("event", schema_for!(Event)),
        ("run", schema_for!(Run)),
        ("role", schema_for!(Role)),
    ];
    for (name, schema) in of_gateway {
        names.insert(name, records.adopt(schema)?);
    }
    let mut paths = routes::paths(&names, options);
    let refused = &options.refuse_operations;
    for operation in operations().iter().filter(|o| !refused.iter().any(|name| name == o.name)) {
        let params = (operation.params)();
        // An operation that needs nothing may be asked without a body.
        let required = params.get("required").and_then(Value::as_array);
        let required = required.is_some_and(|names| !names.is_empty());
        let schema = records.adopt(params)?;
        let nothing = json!({ "type": "null" });
        let schema = if required { schema } else { json!({ "anyOf": [schema, nothing] }) };
        let params = json!({
            "required": required,
            "content": { "application/json": { "schema": schema } },
        });
        let result = records.adopt((operation.result)())?;
        let described = described(operation, params, result);
        paths.insert(format!("/v1/{}", operation.name), json!({ "post": described }));
    }
    let needs_token = json!([{ "bearer": [] }]);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "emam",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A library of media over HTTP. Every operation is a POST from JSON to \
                JSON; what goes wrong is a problem (RFC 9457) that carries the whole error.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": options.public_url.as_deref().unwrap_or("/") }],
        "security": if options.is_open() { json!([]) } else { needs_token },
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": records.into_map(),
            "responses": problems(&names["problem"]),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer",
                "description": "A token of the gateway's options, or one that it has issued." } },
        },
    });
    Ok(pointed(document))
}

/// One operation of the table.
fn described(operation: &Operation, params: Value, result: Value) -> Value {
    let doc = sentence(operation.doc);
    let noun = operation.name.split('.').next().unwrap_or_default();
    let shape = match operation.shape {
        Shape::Value => "value",
        Shape::Page => "page",
        Shape::Run => "run",
    };
    let mut responses = refusals(&[400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 429]);
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "Done.",
            "content": { "application/json": { "schema": result } },
            "headers": request_id(),
        }),
    );
    json!({
        "operationId": operation.name,
        "summary": doc.split_inclusive(". ").next().unwrap_or(&doc).trim(),
        "description": doc,
        "tags": [noun],
        "x-shape": shape,
        "requestBody": params,
        "responses": responses,
    })
}

fn tags() -> Value {
    let mut nouns: Vec<&str> = Vec::new();
    for operation in operations() {
        let noun = operation.name.split('.').next().unwrap_or_default();
        if !nouns.contains(&noun) {
            nouns.push(noun);
        }
    }
    nouns.extend(["media", "uploads", "gateway"]);
    nouns.into_iter().map(|noun| json!({ "name": noun })).collect()
}

/// What is said of each status a problem can have: the kinds of error that have it, and what only
/// the gateway refuses.
fn problems(problem: &Value) -> Value {
    let mut words: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for kind in ErrorKind::ALL {
        words.entry(problem::status(kind).as_u16()).or_default().push(format!("`{kind}`"));
    }
    let gateway = [
        (403, "the page's origin is not allowed"),
        (405, "the address has no such method"),
        (408, "the body did not come in time, or the operation took too long"),
        (410, "the upload has expired"),
        (412, "another version of tus than 1.0.0"),
        (413, "more bytes than are taken"),
        (415, "a body of another type than is taken"),
        (416, "the file has no such bytes"),
        (421, "the gateway is not the host the request is for"),
        (423, "somebody else is sending to this upload"),
        (460, "the bytes are not what their checksum says"),
    ];
    for (status, what) in gateway {
        words.entry(status).or_default().push(what.to_owned());
    }
    let responses = words.into_iter().map(|(status, words)| {
        let mut headers = request_id();
        let header = |description: &str, kind: &str| {
            json!({ "description": description, "schema": { "type": kind } })
        };
        if matches!(status, 409 | 429 | 503) {
            headers["Retry-After"] = header("Seconds to wait, where that is known.", "integer");
        }
        if status == 401 {
            headers["WWW-Authenticate"] = header("`Bearer`.", "string");
        }
        let response = json!({
            "description": format!("{}: {}.", reason(status), words.join("; ")),
            "content": { problem::MEDIA_TYPE: { "schema": problem } },
            "headers": headers,
        });
        (status.to_string(), response)
    });
    responses.collect::<Map<_, _>>().into()
}

fn reason(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("Checksum Mismatch")
}

/// References to the problems of these statuses, and those anything can end in.
fn refusals(statuses: &[u16]) -> Map<String, Value> {
    let all = statuses.iter().chain(&[500, 503]);
    let one = |status: &u16| {
        let response = format!("#/components/responses/{status}");
        (status.to_string(), json!({ "$ref": response }))
    };
    all.map(one).collect()
}

fn request_id() -> Value {
    json!({ "X-Request-Id": {
        "description": "The id of the request: the client's, or one made for it.",
        "schema": { "type": "string" },
    } })
}

/// References as OpenAPI has them.
fn pointed(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let point = |(key, value): (String, Value)| match value {
                Value::String(text) if key == "$ref" => {
                    (key, text.replace("#/$defs/", "#/components/schemas/").into())
                }
                value => (key, pointed(value)),
            };
            Value::Object(map.into_iter().map(point).collect())
        }
        Value::Array(items) => items.into_iter().map(pointed).collect(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    found.insert(reference.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_operation_is_in_it_and_every_reference_leads_somewhere() {
        let document = build(&GatewayOptions::default()).unwrap();
        for operation in operations() {
            let path = &document["paths"][format!("/v1/{}", operation.name)]["post"];
            assert_eq!(path["operationId"], operation.name);
        }
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 50, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn it_says_what_this_gateway_does() {
        let options = GatewayOptions {
            tokens: vec!["open-sesame".to_owned()],
            refuse_operations: vec!["assets.path".to_owned()],
            ..Default::default()
        };
        let document = build(&options).unwrap();
        assert!(document["paths"].get("/v1/assets.path").is_none());
        assert!(document["paths"].get("/v1/uploads").is_none(), "none are taken");
        assert_eq!(document["security"][0]["bearer"], json!([]));
        assert_eq!(document["paths"]["/v1/health"]["get"]["security"], json!([]));
    }

    #[test]
    fn every_status_of_an_error_is_told_of_every_operation() {
        let document = build(&GatewayOptions::default()).unwrap();
        let responses = &document["paths"]["/v1/runs.join"]["post"]["responses"];
        for kind in ErrorKind::ALL {
            let status = problem::status(kind).as_u16().to_string();
            assert!(responses.get(&status).is_some(), "{kind}: {status}");
        }
    }
}
