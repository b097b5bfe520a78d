//! Events as EventBridge delivers them.
//!
//! Shapes: S3 User Guide, "EventBridge events of S3" (keys are plain there); MediaConvert User Guide,
//! "Using EventBridge with MediaConvert"; Transcribe Developer Guide, "Using EventBridge with
//! Transcribe".

use emam_core::Result;
use emam_core::backend::{ObjectChange, ObjectSignal, Signal, token};
use serde_json::Value;

use super::s3::{class, instant};
use super::{ignored, job, malformed, need, text};

pub(super) fn parse(event: &Value) -> Result<Signal> {
    if !event["detail"].is_object() {
        return Err(malformed("the event has no detail"));
    }
    match need(event, "/source")? {
        "aws.s3" => object(event),
        "aws.mediaconvert" => mediaconvert(event),
        "aws.transcribe" => transcribe(event),
        source => Ok(ignored(format!("an event of {source}"))),
    }
}

fn object(event: &Value) -> Result<Signal> {
    let detail = &event["detail"];
    let change = match need(event, "/detail-type")? {
        "Object Created" => ObjectChange::Created,
        "Object Deleted" => ObjectChange::Deleted,
        "Object Restore Initiated" => ObjectChange::RestoreBegun,
        "Object Restore Completed" => ObjectChange::RestoreCompleted {
            expires_at: instant(text(detail, "/restore-expiry-time"))?,
        },
        "Object Restore Expired" => ObjectChange::RestoreExpired,
        "Object Storage Class Changed" => {
            ObjectChange::ClassChanged { class: class(need(detail, "/destination-storage-class")?) }
        }
        // Intelligent-Tiering moves objects between its tiers; two of them have to be restored.
        "Object Access Tier Changed" => {
            ObjectChange::ClassChanged { class: class(need(detail, "/destination-access-tier")?) }
        }
        other => return Ok(ignored(format!("S3 tells {other}"))),
    };
    let (bucket, key) = (need(detail, "/bucket/name")?, need(detail, "/object/key")?);
    let sequencer = text(detail, "/object/sequencer");
    let id = match sequencer {
        // S3 itself may tell twice, each time as an event with an id of its own.
        Some(sequencer) => format!("{bucket}/{key} {sequencer}"),
        None => need(event, "/id")?.to_owned(),
    };
    Ok(Signal::Object(ObjectSignal {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        change,
        size: detail.pointer("/object/size").and_then(Value::as_u64),
        etag: text(detail, "/object/etag").map(|etag| etag.trim_matches('"').to_owned()),
        version: text(detail, "/object/version-id").map(str::to_owned),
        sequencer: sequencer.map(str::to_owned),
        id,
    }))
}

fn mediaconvert(event: &Value) -> Result<Signal> {
    let kind = need(event, "/detail-type")?;
    if kind != "MediaConvert Job State Change" {
        return Ok(ignored(format!("MediaConvert tells {kind}")));
    }
    let status = need(event, "/detail/status")?;
    let metadata = event.pointer("/detail/userMetadata").and_then(Value::as_object);
    let ours = metadata.into_iter().flat_map(|members| members.values());
    Ok(match ours.filter_map(Value::as_str).find_map(token::find) {
        Some(token) => job(token, matches!(status, "COMPLETE" | "ERROR" | "CANCELED")),
        None => ignored("a MediaConvert job of somebody else"),
    })
}

fn transcribe(event: &Value) -> Result<Signal> {
    let kind = need(event, "/detail-type")?;
    if kind != "Transcribe Job State Change" {
        return Ok(ignored(format!("Transcribe tells {kind}")));
    }
    let status = need(event, "/detail/TranscriptionJobStatus")?;
    Ok(match token::find(need(event, "/detail/TranscriptionJobName")?) {
        Some(token) => job(token, matches!(status, "COMPLETED" | "FAILED")),
        None => ignored("a Transcribe job of somebody else"),
    })
}
