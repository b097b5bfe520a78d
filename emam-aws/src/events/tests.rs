//! Bodies in the services' documented shapes, and what nobody should send.

use emam_core::ErrorKind;
use emam_core::backend::{ObjectChange, Signal};
use emam_core::model::StorageClass;
use serde_json::{Value, json};

use super::{call, parse};

const TOKEN: &str = "019aa1b2c3d47e5f8a9b0c1d2e3f4a5b-019aa1b2c3d4abcd";

fn one(body: &Value) -> Signal {
    let mut signals = parse(&body.to_string()).unwrap();
    assert_eq!(signals.len(), 1, "{signals:?}");
    signals.remove(0)
}

fn is_job(signal: &Signal, end: bool) -> bool {
    matches!(signal, Signal::Job { token, ended } if token == TOKEN && *ended == end)
}

fn event(source: &str, kind: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": kind,
        "source": source, "account": "111122223333", "time": "2026-11-12T00:00:00Z",
        "region": "us-east-1", "resources": ["arn:aws:s3:::originals"], "detail": detail,
    })
}

fn s3_event(kind: &str, more: &Value) -> Value {
    let mut detail = json!({
        "version": "0", "bucket": { "name": "originals" },
        "object": {
            "key": "in/Take 1 + Ünï🎬.mov", "size": 5_000_000_000_u64, "etag": "b1946ac92492d234-3",
            "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "00617F08299329D189",
        },
        "request-id": "N4N7GDK58NMKJ12R", "requester": "123456789012",
        "source-ip-address": "1.2.3.4", "reason": "CompleteMultipartUpload",
    });
    for (name, value) in more.as_object().unwrap() {
        detail[name] = value.clone();
    }
    event("aws.s3", kind, detail)
}

fn record(name: &str, key: &str) -> Value {
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-01-01T00:00:00.000Z", "eventName": name,
        "responseElements": { "x-amz-request-id": "C3D13FE58DE4C810" },
        "s3": {
            "bucket": { "name": "originals", "arn": "arn:aws:s3:::originals" },
            "object": { "key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e" },
        },
    })
}

fn change(signal: Signal) -> ObjectChange {
    match signal {
        Signal::Object(object) => object.change,
        other => panic!("{other:?} is about no object"),
    }
}

#[test]
fn what_s3_tells_eventbridge() {
    let Signal::Object(object) = one(&s3_event("Object Created", &json!({}))) else { panic!() };
    assert_eq!((object.bucket.as_str(), object.size), ("originals", Some(5_000_000_000)));
    assert_eq!(object.key, "in/Take 1 + Ünï🎬.mov", "keys are plain here");
    assert_eq!(object.etag.as_deref(), Some("b1946ac92492d234-3"));
    assert_eq!(object.change, ObjectChange::Created);
    // The same change told again as another event has the same id.
    let mut again = s3_event("Object Created", &json!({}));
    again["id"] = json!("another");
    let Signal::Object(again) = one(&again) else { panic!() };
    assert_eq!(again.id, object.id);

    let until = json!({ "restore-expiry-time": "2026-11-13T00:00:00Z" });
    let class = |name: &str| json!({ "destination-storage-class": name });
    for (kind, more, expected) in [
        ("Object Deleted", json!({}), ObjectChange::Deleted),
        ("Object Restore Initiated", json!({}), ObjectChange::RestoreBegun),
        (
            "Object Restore Completed",
            until,
            ObjectChange::RestoreCompleted {
                expires_at: Some("2026-11-13T00:00:00Z".parse().unwrap()),
            },
        ),
        ("Object Restore Expired", json!({}), ObjectChange::RestoreExpired),
        (
            "Object Storage Class Changed",
            class("DEEP_ARCHIVE"),
            ObjectChange::ClassChanged { class: Some(StorageClass::DeepArchive) },
        ),
        (
            "Object Storage Class Changed",
            class("FROM_NEXT_YEAR"),
            ObjectChange::ClassChanged { class: None },
        ),
        (
            "Object Access Tier Changed",
            json!({ "destination-access-tier": "ARCHIVE_ACCESS" }),
            ObjectChange::ClassChanged { class: Some(StorageClass::Archive) },
        ),
    ] {
        assert_eq!(change(one(&s3_event(kind, &more))), expected, "{kind}");
    }
    let tagged = one(&s3_event("Object Tags Added", &json!({})));
    assert!(matches!(tagged, Signal::Ignored { .. }));
}

#[test]
fn what_s3_tells_without_eventbridge() {
    let encoded = "in/Take+1+%2B+%C3%9Cn%C3%AF%F0%9F%8E%AC.mov";
    let two = json!({ "Records": [
        record("ObjectCreated:CompleteMultipartUpload", encoded),
        record("s3:ObjectRemoved:DeleteMarkerCreated", "100%25"),
    ]});
    let signals = parse(&two.to_string()).unwrap();
    let [Signal::Object(created), Signal::Object(removed)] = &signals[..] else { panic!() };
    assert_eq!(created.key, "in/Take 1 + Ünï🎬.mov");
    assert_eq!(created.etag.as_deref(), Some("d41d8cd98f00b204e9800998ecf8427e"));
    assert_eq!((removed.key.as_str(), &removed.change), ("100%", &ObjectChange::Deleted));
    assert_ne!(created.id, removed.id);

    let mut restored = record("ObjectRestore:Completed", "a");
    restored["glacierEventData"] = json!({ "restoreEventData": {
        "lifecycleRestorationExpiryTime": "2026-01-05T00:00:00.000Z",
        "lifecycleRestoreStorageClass": "GLACIER",
    }});
    let expected = ObjectChange::RestoreCompleted {
        expires_at: Some("2026-01-05T00:00:00Z".parse().unwrap()),
    };
    assert_eq!(change(one(&json!({ "Records": [restored] }))), expected);
    let queue = json!({ "Records": [{ "eventSource": "aws:sns", "Sns": {} }] });
    assert!(matches!(one(&queue), Signal::Ignored { .. }));
    assert!(parse(r#"{"Records":[]}"#).unwrap().is_empty());
}

#[test]
fn what_becomes_of_jobs() {
    let mediaconvert = |status: &str, metadata: &Value| {
        let detail = json!({
            "timestamp": 1_600_000_000_000_u64, "jobId": "1600000000000-abcdef", "status": status,
            "userMetadata": metadata,
        });
        event("aws.mediaconvert", "MediaConvert Job State Change", detail)
    };
    let ours = json!({ "emam-stack": "prod", "emam-job": TOKEN });
    for (status, ended) in [
        ("PROGRESSING", false),
        ("STATUS_UPDATE", false),
        ("COMPLETE", true),
        ("ERROR", true),
        ("CANCELED", true),
    ] {
        assert!(is_job(&one(&mediaconvert(status, &ours)), ended), "{status}");
    }
    for foreign in [json!({}), json!({ "guid": "12345678-aaaa" }), json!(null), json!({ "n": 1 })] {
        let signal = one(&mediaconvert("COMPLETE", &foreign));
        assert!(matches!(signal, Signal::Ignored { .. }), "{foreign}");
    }

    let transcribe = |name: &str, status: &str| {
        let detail = json!({ "TranscriptionJobName": name, "TranscriptionJobStatus": status });
        event("aws.transcribe", "Transcribe Job State Change", detail)
    };
    assert!(is_job(&one(&transcribe(&format!("prod-{TOKEN}"), "COMPLETED")), true));
    assert!(is_job(&one(&transcribe(&format!("prod-{TOKEN}.2"), "FAILED")), true));
    assert!(matches!(one(&transcribe("podcast-7", "COMPLETED")), Signal::Ignored { .. }));
}

#[test]
fn what_rekognition_tells_raw_and_in_an_envelope() {
    let done = |id: &str| {
        json!({
            id: "2f1b", "Status": "SUCCEEDED", "API": "StartLabelDetection",
            "JobTag": format!("{TOKEN}_label"), "Timestamp": 1_600_000_000_000_u64,
            "Video": { "S3ObjectName": "a.mp4", "S3Bucket": "proxies" },
        })
    };
    assert!(is_job(&one(&done("JobId")), true));
    assert!(is_job(&one(&done("jobId")), true));
    let wrap = |message: &str| {
        json!({
            "Type": "Notification", "MessageId": "m", "Message": message,
            "TopicArn": "arn:aws:sns:us-east-1:111122223333:AmazonRekognition-emam",
            "Timestamp": "2026-01-02T03:04:05.678Z", "SignatureVersion": "1", "Signature": "x",
        })
    };
    assert!(is_job(&one(&wrap(&done("JobId").to_string())), true));
    let mut foreign = done("JobId");
    foreign["JobTag"] = json!("holiday");
    assert!(matches!(one(&foreign), Signal::Ignored { .. }));
    // S3 may tell its events to a topic as well.
    let s3 = json!({ "Records": [record("ObjectCreated:Put", "a")] }).to_string();
    assert_eq!(change(one(&wrap(&s3))), ObjectChange::Created);
    assert!(matches!(one(&wrap("good morning")), Signal::Ignored { .. }));
    let deep = (0..9).fold(done("JobId").to_string(), |inner, _| wrap(&inner).to_string());
    assert_eq!(parse(&deep).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn requests_of_our_own() {
    let params = json!({ "asset": "0190", "speed": "bulk" });
    let asked = parse(&call("archive.restore", &params)).unwrap();
    assert_eq!(asked, [Signal::Call { operation: "archive.restore".into(), params }]);
    let job = one(&json!({ "emam": { "job": { "bucket": "ingest", "key": "jobs/1.json" } } }));
    let Signal::Object(job) = job else { panic!() };
    assert_eq!((job.bucket.as_str(), job.key.as_str()), ("ingest", "jobs/1.json"));
}

#[test]
fn what_is_malformed_is_refused_and_never_quoted() {
    let mut no_key = s3_event("Object Created", &json!({}));
    no_key["detail"]["object"].as_object_mut().unwrap().remove("key");
    let mut no_instant = s3_event("Object Restore Completed", &json!({}));
    no_instant["detail"]["restore-expiry-time"] = json!("soon");
    let bodies = [
        String::new(),
        "secret".into(),
        "{\"secret\": ".into(),
        "[\"secret\"]".into(),
        "\"secret\"".into(),
        json!({ "detail-type": "Object Created", "source": "aws.s3" }).to_string(),
        no_key.to_string(),
        no_instant.to_string(),
        json!({ "Records": [record("ObjectCreated:Put", "%ff%fe")] }).to_string(),
        json!({ "Records": [{ "secret": 1 }] }).to_string(),
        json!({ "emam": "secret" }).to_string(),
        json!({ "emam": { "params": { "secret": 1 } } }).to_string(),
        json!({ "emam": { "operation": "archive.store", "params": ["secret"] } }).to_string(),
        json!({ "emam": { "operation": "archive.store", "oops": 1 } }).to_string(),
        json!({ "emam": { "job": { "bucket": "secret" } } }).to_string(),
    ];
    for body in bodies {
        let error = parse(&body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{body}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert!(!error.is_retryable());
    }
    for foreign in ["{}", r#"{"hello":"world"}"#, r#"{"JobId":"1","Status":"SUCCEEDED"}"#] {
        let signals = parse(foreign).unwrap();
        assert!(matches!(signals[..], [Signal::Ignored { .. }]), "{foreign}");
    }
}
