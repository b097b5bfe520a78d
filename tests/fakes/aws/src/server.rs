//! One HTTP server for all services: finds out which one a request is for, holds it against the
//! model, and puts what the service answers into its wire form.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::account::unique;
use crate::admin;
use crate::auth;
use crate::calls::Calls;
use crate::events::Events;
use crate::faults::{Delivery, Faults};
use crate::front::Front;
use crate::model::{Model, Models, Protocol, Violation};
use crate::service::{Fault, Service};
use crate::truth::Truth;
use crate::world::World;

/// The largest JSON request: 5 MB of image in base64, and its frame.
const BODY_LIMIT: usize = 16 << 20;

/// A service that is handed HTTP as it came: bodies that are not JSON.
#[async_trait]
pub trait Door: fmt::Debug + Send + Sync {
    /// Answers a request.
    async fn handle(&self, request: Request) -> Response;
}

/// The services behind the server. One that is absent answers 501.
#[derive(Debug, Default)]
pub struct Services {
    /// AWS Elemental MediaConvert.
    pub mediaconvert: Option<Arc<dyn Service>>,
    /// Amazon Rekognition.
    pub rekognition: Option<Arc<dyn Service>>,
    /// Amazon Transcribe.
    pub transcribe: Option<Arc<dyn Service>>,
    /// Glacier vaults.
    pub glacier: Option<Arc<dyn Door>>,
    /// Amazon S3: what no other service is meant by.
    pub s3: Option<Arc<dyn Door>>,
}

/// The server.
#[derive(Debug)]
pub struct Server {
    /// What the services share.
    pub world: Arc<World>,
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// What is told.
    pub events: Arc<Events>,
    /// What was asked.
    pub calls: Arc<Calls>,
    /// The services.
    pub services: Services,
    /// What they look like on the wire.
    pub models: Models,
    /// What media really shows.
    pub truth: Arc<Truth>,
    /// What stands before S3, where something does.
    pub front: Option<Arc<Front>>,
}

impl Server {
    /// Answers any request.
    pub async fn handle(&self, request: Request) -> Response {
        let path = request.uri().path();
        if path.starts_with(admin::PREFIX) {
            return admin::handle(self, request).await;
        }
        let Some(name) = service_of(request.headers(), path, &self.models) else {
            return absent(self.services.s3.as_deref(), "S3", request).await;
        };
        match self.models.by_name(&name) {
            Some(model) => self.answer(model, request).await,
            None => not_here(&name),
        }
    }

    async fn answer(&self, model: &Model, request: Request) -> Response {
        let answer = match self.settle(model, request).await {
            Ok(answer) => answer,
            Err(fault) => failure(model.protocol, &fault),
        };
        tokio::time::sleep(self.faults.delay(model.service)).await;
        answer
    }

    async fn settle(&self, model: &Model, request: Request) -> Result<Response, Fault> {
        let (parts, body) = request.into_parts();
        let (operation, members) = operation_of(model, &parts.method, &parts.uri, &parts.headers)?;
        let caller = auth::caller(&parts.headers).ok_or_else(|| auth::unsigned(model.protocol))?;
        let now = Timestamp::now();
        if let Some(fault) = auth::refused(&caller, &parts.headers, model.protocol, &operation, now)
        {
            return Err(fault);
        }
        self.calls.count(model.service, &operation);
        if let Some(fault) = self.faults.before(model.service, &operation) {
            return Err(fault);
        }
        let service = match model.service {
            "mediaconvert" => self.services.mediaconvert.as_ref(),
            "rekognition" => self.services.rekognition.as_ref(),
            "transcribe" => self.services.transcribe.as_ref(),
            _ => {
                let request = Request::from_parts(parts, body);
                let answer = absent(self.services.glacier.as_deref(), "Glacier", request).await;
                return Ok(self.deliver(model.service, &operation, answer));
            }
        };
        let Some(service) = service else { return Ok(not_here(model.service)) };
        let input = input_of(body, members).await?;
        model.check_request(&operation, &input).map_err(|wrong| invalid(model.service, &wrong))?;
        let output = service.call(&operation, input).await?;
        if let Err(wrong) = model.check_answer(&operation, &output) {
            let what =
                format!("emam-awsim: the answer of {operation} is not the service's: {wrong}");
            eprintln!("{what}");
            return Err(Fault::new(500, "EmulatorError", what));
        }
        self.calls.began(model.service, &operation, &output);
        let answer = success(model, &operation, &output);
        Ok(self.deliver(model.service, &operation, answer))
    }

    fn deliver(&self, service: &str, operation: &str, answer: Response) -> Response {
        match self.faults.after(service, operation) {
            Delivery::Deliver => answer,
            Delivery::Cut => cut(),
        }
    }
}

/// The service a request is for; none when it can only be S3.
fn service_of(headers: &HeaderMap, path: &str, models: &Models) -> Option<String> {
    if let Some(caller) = auth::caller(headers) {
        return Some(caller.service).filter(|service| service != "s3");
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((model, _)) = target.and_then(|target| models.by_target(target)) {
        return Some(model.service.to_owned());
    }
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("2017-08-29"), _) => Some("mediaconvert".to_owned()),
        (Some(account), Some("vaults"))
            if account == "-" || account.len() == 12 && account.parse::<u64>().is_ok() =>
        {
            Some("glacier".to_owned())
        }
        _ => None,
    }
}

fn operation_of(
    model: &Model,
    method: &axum::http::Method,
    uri: &axum::http::Uri,
    headers: &HeaderMap,
) -> Result<(String, Map<String, Value>), Fault> {
    let unknown = |what: &str| Fault::new(400, "UnknownOperationException", what);
    if model.protocol == Protocol::Json11 {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.split_once('.')).map(|(_, name)| name);
        return match operation.filter(|name| model.has(name)) {
            Some(name) => Ok((name.to_owned(), Map::new())),
            None => Err(unknown(&format!("emam-awsim has no operation {target:?}"))),
        };
    }
    let query = query_of(uri);
    match model.route(method.as_str(), uri.path(), &query) {
        Some(routed) => Ok((routed.operation, routed.members)),
        None => Err(unknown(&format!("emam-awsim has no operation {method} {}", uri.path()))),
    }
}

/// The decoded query of an address.
pub fn query_of(uri: &axum::http::Uri) -> Vec<(String, String)> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let halves = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    halves.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

async fn input_of(body: Body, members: Map<String, Value>) -> Result<Value, Fault> {
    let bytes: Bytes = axum::body::to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|error| Fault::new(413, "RequestEntityTooLarge", error))?;
    let mut input = match &bytes[..] {
        b"" => json!({}),
        text => serde_json::from_slice(text)
            .map_err(|error| Fault::new(400, "SerializationException", error))?,
    };
    match &mut input {
        Value::Object(fields) => fields.extend(members),
        _ => return Err(Fault::new(400, "SerializationException", "Expected an object")),
    }
    Ok(input)
}

/// How each service refuses what its model does not allow.
fn invalid(service: &str, wrong: &Violation) -> Fault {
    match service {
        // Its messages begin inside the settings: "/inputs/0/fileInput: Should …".
        "mediaconvert" => {
            let text = wrong.to_string();
            let text = text.strip_prefix("/settings").unwrap_or(&text);
            Fault::new(400, "BadRequestException", text)
        }
        _ => {
            let name = |part: &String| {
                let mut letters = part.chars();
                let first = letters.next().map(|first| first.to_ascii_lowercase());
                first.into_iter().chain(letters).collect::<String>()
            };
            let path = wrong.path.iter().map(name).collect::<Vec<_>>().join(".");
            let message = format!(
                "1 validation error detected: Value {} at '{path}' failed to satisfy constraint: {}",
                wrong.value, wrong.rule
            );
            let code = match service {
                "transcribe" => "BadRequestException",
                _ => "ValidationException",
            };
            Fault::new(400, code, message)
        }
    }
}

fn success(model: &Model, operation: &str, output: &Value) -> Response {
    let status = StatusCode::from_u16(model.success(operation)).unwrap_or(StatusCode::OK);
    wire(model.protocol, status, output)
}

/// An error in the wire form of the protocol.
pub fn failure(protocol: Protocol, fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if protocol == Protocol::Json11 {
        return wire(protocol, status, &json!({"__type": fault.code, "message": fault.message}));
    }
    let mut answer = wire(protocol, status, &json!({"message": fault.message}));
    if let Ok(code) = HeaderValue::from_str(&fault.code) {
        answer.headers_mut().insert("x-amzn-errortype", code);
    }
    answer
}

fn wire(protocol: Protocol, status: StatusCode, body: &Value) -> Response {
    let kind = match protocol {
        Protocol::RestJson => "application/json",
        Protocol::Json11 => "application/x-amz-json-1.1",
    };
    let headers = [("content-type", kind.to_owned()), ("x-amzn-requestid", unique())];
    (status, headers, body.to_string()).into_response()
}

/// A connection that drops in place of an answer.
pub fn cut() -> Response {
    let nothing = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "cut on purpose");
    let body = Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(nothing)]));
    ([("content-length", "2")], body).into_response()
}

async fn absent(door: Option<&dyn Door>, name: &str, request: Request) -> Response {
    match door {
        Some(door) => door.handle(request).await,
        None => not_here(name),
    }
}

fn not_here(service: &str) -> Response {
    let message = format!("emam-awsim does not emulate {service}");
    failure(Protocol::RestJson, &Fault::new(501, "NotImplemented", message))
}

#[cfg(test)]
mod tests;
