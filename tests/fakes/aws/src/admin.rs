//! What a test may ask of the emulator itself, under `/_awsim/`.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::server::Server;
use crate::switches::Switches;

/// Where these requests begin.
pub const PREFIX: &str = "/_awsim/";

/// What a request to the clock may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    /// Moves time on by so many seconds.
    #[serde(default)]
    advance_s: f64,
    /// Makes time run so many times as fast as real time.
    factor: Option<f64>,
}

/// Answers `health`, `switches`, `clock`, `calls`, `events`, `truth` and `reset`.
pub async fn handle(server: &Server, request: Request) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().trim_start_matches(PREFIX).to_owned();
    let body = match axum::body::to_bytes(request.into_body(), 1 << 20).await {
        Ok(body) if body.is_empty() => json!({}),
        Ok(body) => match serde_json::from_slice(&body) {
            Ok(body) => body,
            Err(error) => return refused(format!("the body is no JSON: {error}")),
        },
        Err(error) => return refused(error.to_string()),
    };
    let answer = match (&method, path.as_str()) {
        (&Method::GET, "health") => Ok(json!({"status": "ok"})),
        (&Method::GET, "switches") => Ok(json!(server.world.switches())),
        (&Method::POST, "switches") => set_switches(server, body),
        (&Method::GET, "clock") => Ok(time(server)),
        (&Method::POST, "clock") => set_clock(server, body),
        (&Method::GET, "calls") => Ok(server.calls.report()),
        (&Method::GET, "events") => Ok(json!(server.events.report())),
        (&Method::POST, "events") => set_queue(server, body),
        (&Method::POST, "truth") => set_truth(server, body),
        (&Method::POST, "reset") => {
            server.truth.clear();
            if let Some(front) = &server.front {
                front.reset();
            }
            server.world.set_switches(Switches::default());
            server.faults.reset();
            server.calls.reset();
            server.events.reset();
            Ok(json!({}))
        }
        _ => {
            let message = format!("there is no {method} {PREFIX}{path}");
            return (StatusCode::NOT_FOUND, json!({"message": message}).to_string())
                .into_response();
        }
    };
    match answer {
        Ok(answer) => ([("content-type", "application/json")], answer.to_string()).into_response(),
        Err(message) => refused(message),
    }
}

/// Changes the switches that are named and leaves the others; forced faults begin anew.
fn set_switches(server: &Server, change: Value) -> Result<Value, String> {
    let Value::Object(change) = change else { return Err("switches are an object".to_owned()) };
    let mut switches = json!(server.world.switches());
    if let Value::Object(fields) = &mut switches {
        fields.extend(change);
    }
    let switches: Switches = serde_json::from_value(switches).map_err(|error| error.to_string())?;
    server.world.set_switches(switches);
    server.faults.reset();
    Ok(json!(server.world.switches()))
}

fn set_clock(server: &Server, change: Value) -> Result<Value, String> {
    let change: ClockChange = serde_json::from_value(change).map_err(|error| error.to_string())?;
    let by = Duration::try_from_secs_f64(change.advance_s).map_err(|error| error.to_string())?;
    server.world.clock.advance(by);
    if let Some(factor) = change.factor {
        server.world.clock.set_factor(factor);
    }
    Ok(time(server))
}

/// What a request to the events may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueChange {
    /// The address of the queue events go to from now on; none when absent.
    queue: Option<String>,
}

fn set_queue(server: &Server, change: Value) -> Result<Value, String> {
    let change: QueueChange = serde_json::from_value(change).map_err(|error| error.to_string())?;
    server.world.set_events_queue(change.queue);
    Ok(json!({}))
}

/// What a request to the truth may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TruthChange {
    /// What the key of the media holds; `*` for all.
    #[serde(rename = "match")]
    pattern: String,
    /// What it shows.
    truth: Value,
}

fn set_truth(server: &Server, change: Value) -> Result<Value, String> {
    let change: TruthChange = serde_json::from_value(change).map_err(|error| error.to_string())?;
    server.truth.set(&change.pattern, change.truth).map_err(|fault| fault.message)?;
    Ok(json!({}))
}

fn time(server: &Server) -> Value {
    json!({"now": server.world.clock.now()})
}

fn refused(message: String) -> Response {
    (StatusCode::BAD_REQUEST, json!({"message": message}).to_string()).into_response()
}
