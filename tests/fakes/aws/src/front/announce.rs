//! The events S3 gives EventBridge, in the shapes of the user guide ("EventBridge event message
//! structure"): keys are plain, not URL-encoded.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::overlay::{Change, Facts, Place};

/// Where the events of the front go.
#[async_trait]
pub trait Announce: fmt::Debug + Send + Sync {
    /// Tells of one event, for example `Object Created`, with its `detail`. The bucket's name is
    /// in `detail.bucket.name`.
    async fn s3_event(&self, detail_type: &str, detail: Value);
}

/// An event ready to be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) detail_type: &'static str,
    pub(super) detail: Value,
}

/// What every event of a request or of the clock carries.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) request_id: String,
    /// Rises with every event of a bucket.
    pub(super) sequencer: u64,
}

/// Who the account is, and who acts for S3 itself.
const ACCOUNT: &str = "123456789012";
const S3: &str = "s3.amazonaws.com";

impl Event {
    /// An object came to be.
    pub(super) fn created(origin: &Origin, place: &Place, facts: &Facts, reason: &str) -> Self {
        let mut detail = base(origin, place, ACCOUNT, Some(facts), true);
        detail.insert("source-ip-address".into(), "127.0.0.1".into());
        detail.insert("reason".into(), reason.into());
        Self { detail_type: "Object Created", detail: detail.into() }
    }

    /// An object, or a version of one, is gone.
    pub(super) fn deleted(origin: &Origin, place: &Place, marker: bool) -> Self {
        let mut detail = base(origin, place, ACCOUNT, None, true);
        let kind = if marker { "Delete Marker Created" } else { "Permanently Deleted" };
        detail.insert("source-ip-address".into(), "127.0.0.1".into());
        detail.insert("reason".into(), "DeleteObject".into());
        detail.insert("deletion-type".into(), kind.into());
        Self { detail_type: "Object Deleted", detail: detail.into() }
    }

    /// A restore was asked for.
    pub(super) fn restore_initiated(
        origin: &Origin,
        place: &Place,
        facts: &Facts,
        class: &str,
    ) -> Self {
        let mut detail = base(origin, place, ACCOUNT, Some(facts), false);
        detail.insert("source-ip-address".into(), "127.0.0.1".into());
        detail.insert("source-storage-class".into(), class.into());
        Self { detail_type: "Object Restore Initiated", detail: detail.into() }
    }

    /// Something the clock brought about.
    pub(super) fn of_change(origin: &Origin, place: &Place, facts: &Facts, change: Change) -> Self {
        let mut detail = base(origin, place, S3, Some(facts), false);
        let detail_type = match change {
            Change::ClassChanged { to } => {
                detail.insert("destination-storage-class".into(), to.name().into());
                "Object Storage Class Changed"
            }
            Change::AccessChanged { to } => {
                detail.insert("destination-access-tier".into(), to.access_tier().into());
                "Object Access Tier Changed"
            }
            Change::Restored { from, expires } => {
                if let Some(expires) = expires {
                    let expires = expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                    detail.insert("restore-expiry-time".into(), expires.into());
                }
                detail.insert("source-storage-class".into(), from.name().into());
                "Object Restore Completed"
            }
            Change::Expired => "Object Restore Expired",
        };
        Self { detail_type, detail: detail.into() }
    }
}

fn base(
    origin: &Origin,
    place: &Place,
    requester: &str,
    facts: Option<&Facts>,
    ordered: bool,
) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("key".into(), place.key.as_str().into());
    if let Some(facts) = facts {
        object.insert("size".into(), facts.size.into());
        object.insert("etag".into(), facts.etag.as_str().into());
    }
    if let Some(version) = &place.version {
        object.insert("version-id".into(), version.as_str().into());
    }
    if ordered {
        object.insert("sequencer".into(), format!("{:018X}", origin.sequencer).into());
    }
    let mut detail = Map::new();
    detail.insert("version".into(), "0".into());
    detail.insert("bucket".into(), json!({ "name": place.bucket }));
    detail.insert("object".into(), object.into());
    detail.insert("request-id".into(), origin.request_id.as_str().into());
    detail.insert("requester".into(), requester.into());
    detail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::class::Class;

    fn parts() -> (Origin, Place, Facts) {
        let origin = Origin { request_id: "R".into(), sequencer: 255 };
        let place = Place { bucket: "b".into(), key: "a b/ü+".into(), version: None };
        (origin, place, Facts { size: 5, etag: "e".into() })
    }

    #[test]
    fn a_created_object_is_told_with_a_plain_key() {
        let (origin, place, facts) = parts();
        let event = Event::created(&origin, &place, &facts, "PutObject");
        let expected = json!({
            "version": "0",
            "bucket": { "name": "b" },
            "object": { "key": "a b/ü+", "size": 5, "etag": "e", "sequencer": "0000000000000000FF" },
            "request-id": "R",
            "requester": "123456789012",
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        });
        assert_eq!((event.detail_type, event.detail), ("Object Created", expected));
    }

    #[test]
    fn a_completed_restore_names_its_expiry_and_class() {
        let (origin, place, facts) = parts();
        let expires = Some("2021-11-13T00:00:00Z".parse().unwrap());
        let change = Change::Restored { from: Class::Glacier, expires };
        let event = Event::of_change(&origin, &place, &facts, change);
        let expected = json!({
            "version": "0",
            "bucket": { "name": "b" },
            "object": { "key": "a b/ü+", "size": 5, "etag": "e" },
            "request-id": "R",
            "requester": "s3.amazonaws.com",
            "restore-expiry-time": "2021-11-13T00:00:00Z",
            "source-storage-class": "GLACIER",
        });
        assert_eq!((event.detail_type, event.detail), ("Object Restore Completed", expected));
    }
}
