//! Requests of our own on the queue.

use emam_core::backend::{ObjectChange, ObjectSignal, Signal};
use emam_core::{Error, Result};
use serde_json::{Map, Value, json};

use super::{PARSE, malformed};

/// The body of a message that asks for an operation of the library, for example `archive.restore`.
///
/// ```
/// let body = emam_aws::events::call("archive.restore", &serde_json::json!({ "asset": "0190" }));
/// assert_eq!(body, r#"{"emam":{"operation":"archive.restore","params":{"asset":"0190"}}}"#);
/// ```
pub fn call(operation: &str, params: &Value) -> String {
    json!({ "emam": { "operation": operation, "params": params } }).to_string()
}

/// Reads `{"emam": {"operation", "params"}}`, or the pointer to a feeder's job
/// `{"emam": {"job": {"bucket", "key"}}}`, which is the same as the job's JSON having appeared there.
pub(super) fn parse(message: &Value) -> Result<Signal> {
    let Value::Object(members) = &message["emam"] else {
        return Err(malformed(
            "`emam` is not an object; it holds `operation` and `params`, or `job`",
        ));
    };
    if let Some(job) = members.get("job") {
        known(members, &["job"])?;
        let (Some(bucket), Some(key)) = (job["bucket"].as_str(), job["key"].as_str()) else {
            return Err(malformed("`emam.job` lacks `bucket` or `key`"));
        };
        return Ok(Signal::Object(ObjectSignal {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            change: ObjectChange::Created,
            size: None,
            etag: None,
            version: None,
            sequencer: None,
            id: format!("job {bucket}/{key}"),
        }));
    }
    known(members, &["operation", "params"])?;
    let operation = members.get("operation").and_then(Value::as_str);
    let operation = operation.filter(|name| name.contains('.')).ok_or_else(|| {
        malformed("`emam.operation` is not the name of an operation, like `archive.restore`")
    })?;
    let params = match members.get("params") {
        None | Some(Value::Null) => json!({}),
        Some(params @ Value::Object(_)) => params.clone(),
        Some(_) => return Err(malformed("`emam.params` is not an object")),
    };
    Ok(Signal::Call { operation: operation.to_owned(), params })
}

fn known(members: &Map<String, Value>, names: &[&str]) -> Result<()> {
    match members.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            Err(Error::invalid(PARSE, "`emam` has a member that no request has; remove it")
                .with("member", unknown)
                .with("allowed", names.join(", ")))
        }
    }
}
