//! S3's own notifications, as they come without EventBridge.
//!
//! Shape: S3 User Guide, "Event message structure". Keys are URL-encoded there, a space as `+`.

use emam_core::backend::{ObjectChange, ObjectSignal, Signal};
use emam_core::model::StorageClass;
use emam_core::{Error, Result};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{PARSE, ignored, malformed, need, text};

/// Reads one of the `Records`.
pub(super) fn parse(record: &Value) -> Result<Signal> {
    match text(record, "/eventSource") {
        Some("aws:s3") => {}
        Some(other) => return Ok(ignored(format!("a record of {other}"))),
        None => return Err(malformed("a record does not tell its eventSource")),
    }
    let name = need(record, "/eventName")?;
    let name = name.strip_prefix("s3:").unwrap_or(name);
    let change = match name {
        "ObjectRestore:Post" => ObjectChange::RestoreBegun,
        "ObjectRestore:Completed" => {
            let until = "/glacierEventData/restoreEventData/lifecycleRestorationExpiryTime";
            ObjectChange::RestoreCompleted { expires_at: instant(text(record, until))? }
        }
        "ObjectRestore:Delete" => ObjectChange::RestoreExpired,
        "LifecycleTransition" => {
            let to = "/lifecycleEventData/transitionEventData/destinationStorageClass";
            ObjectChange::ClassChanged { class: class(need(record, to)?) }
        }
        _ if name.starts_with("ObjectCreated:") => ObjectChange::Created,
        _ if name.starts_with("ObjectRemoved:") => ObjectChange::Deleted,
        _ if name.starts_with("LifecycleExpiration:") => ObjectChange::Deleted,
        _ => return Ok(ignored(format!("S3 tells {name}"))),
    };
    let bucket = need(record, "/s3/bucket/name")?;
    let key = decoded(need(record, "/s3/object/key")?)?;
    let sequencer = text(record, "/s3/object/sequencer");
    let id = match (sequencer, text(record, "/responseElements/x-amz-request-id")) {
        (Some(sequencer), _) => format!("{bucket}/{key} {sequencer}"),
        (None, Some(request)) => format!("{request} {name} {bucket}/{key}"),
        (None, None) => format!("{} {name} {bucket}/{key}", need(record, "/eventTime")?),
    };
    Ok(Signal::Object(ObjectSignal {
        bucket: bucket.to_owned(),
        key,
        change,
        size: record.pointer("/s3/object/size").and_then(Value::as_u64),
        etag: text(record, "/s3/object/eTag").map(|etag| etag.trim_matches('"').to_owned()),
        version: text(record, "/s3/object/versionId").map(str::to_owned),
        sequencer: sequencer.map(str::to_owned),
        id,
    }))
}

fn decoded(key: &str) -> Result<String> {
    let spaced = key.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(cause) => Err(malformed("a key is not UTF-8 once decoded").caused_by(cause)),
    }
}

/// The library's name for a storage class or a tier of Intelligent-Tiering.
pub(super) fn class(name: &str) -> Option<StorageClass> {
    Some(match name {
        "GLACIER" | "ARCHIVE_ACCESS" => StorageClass::Archive,
        "DEEP_ARCHIVE" | "DEEP_ARCHIVE_ACCESS" => StorageClass::DeepArchive,
        "STANDARD"
        | "STANDARD_IA"
        | "ONEZONE_IA"
        | "INTELLIGENT_TIERING"
        | "GLACIER_IR"
        | "REDUCED_REDUNDANCY" => StorageClass::Standard,
        _ => return None,
    })
}

/// An instant as S3 writes it, where it is told.
pub(super) fn instant(text: Option<&str>) -> Result<Option<Timestamp>> {
    let parsed = text.map(str::parse::<Timestamp>).transpose();
    parsed.map_err(|cause| {
        Error::invalid(PARSE, "the end of a restore is no instant").caused_by(cause)
    })
}
