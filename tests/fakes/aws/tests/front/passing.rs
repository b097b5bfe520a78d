//! What passes through untouched, and what goes wrong on purpose.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload,
    CompletedPart, Delete, ObjectIdentifier, StorageClass, Tier, VersioningConfiguration,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::account::{client, code, skip};

#[tokio::test]
async fn versions_have_classes_of_their_own() {
    let it = account!("versions");
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let ask = it.s3.put_bucket_versioning().bucket(&it.bucket);
    ask.versioning_configuration(on).send().await.unwrap();
    it.put("k", b"one", Some(StorageClass::Glacier)).await;
    it.put("k", b"two", None).await;
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"two"[..]));
    let list = it.s3.list_object_versions().bucket(&it.bucket).send().await.unwrap();
    let old = list.versions().iter().find(|version| version.is_latest() != Some(true)).unwrap();
    let get = it
        .s3
        .get_object()
        .bucket(&it.bucket)
        .key("k")
        .set_version_id(old.version_id().map(str::to_owned));
    let refused = get.send().await.map(|_| ()).map_err(code);
    assert_eq!(refused, Err("InvalidObjectState".into()));
    it.s3.delete_object().bucket(&it.bucket).key("k").send().await.unwrap();
    assert_eq!(it.ear.last("Object Deleted")["deletion-type"], "Delete Marker Created");
}

#[tokio::test]
async fn large_uploads_stream_through_with_their_checksums() {
    let it = account!("multipart");
    let bytes: Vec<u8> =
        (0..6 << 20_u32).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let create = it.s3.create_multipart_upload().bucket(&it.bucket).key("big");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    let create = create.checksum_type(ChecksumType::FullObject);
    let created = create.storage_class(StorageClass::Glacier).send().await.unwrap();
    let id = created.upload_id().unwrap();
    let mut parts = Vec::new();
    for (number, part) in [(1, &bytes[..5 << 20]), (2, &bytes[5 << 20..])] {
        let path = std::env::temp_dir().join(format!("{}-{number}", it.bucket));
        std::fs::write(&path, part).unwrap();
        // A body from a file goes out as aws-chunked with a checksum in the trailer.
        let body = ByteStream::from_path(&path).await.unwrap();
        let send = it.s3.upload_part().bucket(&it.bucket).key("big").upload_id(id);
        let send = send.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).part_number(number);
        let sent = send.body(body).send().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let part = CompletedPart::builder().part_number(number);
        let part = part.set_e_tag(sent.e_tag().map(str::to_owned));
        let sum = sent.checksum_crc64_nvme().map(str::to_owned);
        parts.push(part.set_checksum_crc64_nvme(sum).build());
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = || {
        let ask = it.s3.complete_multipart_upload().bucket(&it.bucket).key("big").upload_id(id);
        ask.checksum_type(ChecksumType::FullObject).multipart_upload(parts.clone()).send()
    };
    it.imp.fault("CompleteMultipartUpload", 200, "InternalError");
    let failed = complete().await.map(|_| ()).map_err(code);
    assert_eq!(failed, Err("InternalError".into()));
    let done = complete().await.unwrap();
    assert!(done.checksum_crc64_nvme().is_some());
    assert_eq!(it.head("big").await.0.as_deref(), Some("GLACIER"));
    let told = it.ear.last("Object Created");
    assert_eq!(told["reason"], "CompleteMultipartUpload");
    assert_eq!(told["object"]["size"], bytes.len());
    it.restore("big", Tier::Expedited, Some(1)).await.unwrap();
    it.pass(1);
    assert!(it.get("big").await.unwrap() == bytes);
}

#[tokio::test]
async fn trouble_arrives_as_asked() {
    let it = account!("trouble");
    it.put("k", &[7; 100_000], None).await;
    it.imp.fault("GetObject", 400, "ThrottlingException");
    assert_eq!(it.get("k").await, Err("SlowDown".into()));
    it.imp.fault("PutObject", 403, "AccessDenied");
    let put = || {
        let put = it.s3.put_object().bucket(&it.bucket).key("n");
        put.body(ByteStream::from_static(b"1")).send()
    };
    assert_eq!(put().await.map(|_| ()).map_err(code), Err("AccessDenied".into()));

    it.imp.fault("PutObject", 503, "SlowDown");
    let put_large = it.s3.put_object().bucket(&it.bucket).key("large");
    let large = put_large.body(ByteStream::from(vec![1; 16 << 20])).send().await;
    assert_eq!(large.map(|_| ()).map_err(code), Err("SlowDown".into()));

    *it.imp.cut.lock().unwrap() = Some("PutObject".into());
    let cut = put().await.unwrap_err();
    assert!(matches!(cut, SdkError::DispatchFailure(_)), "no byte of an answer: {cut:?}");
    assert_eq!(it.get("n").await.as_deref(), Ok(&b"1"[..]), "the work was done");

    it.switch(|switches| switches.cut_gets = 1.0);
    let get = it.s3.get_object().bucket(&it.bucket).key("k").send().await.unwrap();
    assert!(get.body.collect().await.is_err());
    it.switch(|switches| switches.corrupt_gets = 1.0);
    let wrong = it.get("k").await.unwrap_err();
    assert!(!wrong.is_empty(), "the SDK sees the checksum: {wrong}");
    it.switch(|switches| switches.corrupt_puts = 1.0);
    let put =
        it.s3.put_object().bucket(&it.bucket).key("bad").content_md5("1B2M2Y8AsgTpgAmY7PhCfg==");
    assert!(put.body(ByteStream::from_static(b"x")).send().await.is_err());
    it.switch(|switches| {
        switches.corrupt_gets = 1.0;
        switches.services = vec!["glacier".into()];
    });
    assert_eq!(it.get("k").await.unwrap().len(), 100_000);

    it.switch(|switches| switches.slow_bytes_s = 200_000);
    let begin = std::time::Instant::now();
    assert_eq!(it.get("k").await.unwrap().len(), 100_000);
    assert!(begin.elapsed() >= Duration::from_millis(450), "{:?}", begin.elapsed());
    let begin = std::time::Instant::now();
    it.put("slow", &[8; 100_000], None).await;
    assert!(begin.elapsed() >= Duration::from_millis(450), "{:?}", begin.elapsed());
    it.switch(|_| {});
    assert_eq!(it.get("slow").await.unwrap(), [8; 100_000]);
}

#[tokio::test]
async fn wrong_settings_are_told_apart() {
    let it = account!("settings");
    let list = |client: Client, bucket: String| async move {
        client.list_objects_v2().bucket(bucket).send().await.map(|_| ()).map_err(code)
    };
    let bucket = it.bucket.clone();
    assert_eq!(list(it.s3.clone(), "other-region".into()).await, Err("PermanentRedirect".into()));
    assert_eq!(list(it.s3.clone(), "not-ours".into()).await, Err("AccessDenied".into()));
    assert_eq!(list(it.s3.clone(), "nowhere".into()).await, Err("NoSuchBucket".into()));
    for (key, secret, told) in
        [("EXPIRED", "x", "ExpiredToken"), ("SKEWED", "x", "RequestTimeTooSkewed")]
    {
        let other = client(&it.url, key, secret, "us-east-1");
        assert_eq!(list(other, bucket.clone()).await, Err(told.into()), "{key}");
    }
    let moved = it.s3.head_bucket().bucket("other-region").send().await.unwrap_err();
    let raw = moved.raw_response().unwrap();
    assert_eq!(raw.status().as_u16(), 301);
    assert_eq!(raw.headers().get("x-amz-bucket-region"), Some("eu-west-1"));
}

#[tokio::test]
async fn signatures_are_checked_behind_the_front() {
    let it = account!("signatures");
    let wrong = client(&it.backing, "test", "wrong", "us-east-1");
    if wrong.head_bucket().bucket(&it.bucket).send().await.is_ok() {
        skip("signatures", "the S3 server behind does not check signatures");
        return;
    }
    let wrong = client(&it.url, "test", "wrong", "us-east-1");
    for size in [1, 32 << 20] {
        let put = wrong.put_object().bucket(&it.bucket).key("k");
        let put = put.body(ByteStream::from(vec![1; size]));
        let refused = put.send().await.map(|_| ()).map_err(code);
        assert_eq!(refused, Err("SignatureDoesNotMatch".into()), "{size} bytes");
    }
    assert!(it.ear.of("k").is_empty(), "nothing came to be");
}

#[tokio::test]
async fn deleted_objects_are_forgotten_and_told_of() {
    let it = account!("batch");
    for key in ["a&b", "c", "d"] {
        it.put(key, b"1", Some(StorageClass::Glacier)).await;
    }
    let name = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let all = Delete::builder().objects(name("a&b")).objects(name("c")).quiet(true);
    let delete = it.s3.delete_objects().bucket(&it.bucket).delete(all.build().unwrap());
    delete.send().await.unwrap();
    for (key, deleted) in [("a&b", true), ("c", true), ("d", false)] {
        let told = it.ear.of(key).contains(&"Object Deleted".to_owned());
        assert_eq!(told, deleted, "{key}");
    }
    assert_eq!(it.ear.last("Object Deleted")["deletion-type"], "Permanently Deleted");
    let behind = it.world.s3.put_object().bucket(&it.bucket).key("c");
    behind.body(ByteStream::from_static(b"2")).send().await.unwrap();
    assert_eq!(it.head("c").await, (None, None), "nothing is left of the old one");
}

#[tokio::test]
async fn keys_pass_as_they_are() {
    let it = account!("keys");
    for key in ["a b", "a+b", "a%2Fb", "ü/ñ/日本", "q?x=1&y#z", "~t*()'!", "s;c:@&=$,", "x"] {
        it.put(key, key.as_bytes(), Some(StorageClass::GlacierIr)).await;
        assert_eq!(it.get(key).await.as_deref(), Ok(key.as_bytes()));
        assert_eq!(it.ear.of(key), ["Object Created"], "{key}");
        let row = (key.to_owned(), "GLACIER_IR".to_owned());
        assert!(it.listed().await.contains(&row), "{key}");
    }
}

#[tokio::test]
async fn signed_addresses_and_copied_parts_pass() {
    let it = account!("presigned");
    let day = PresigningConfig::expires_in(Duration::from_secs(86_400)).unwrap();
    let put = it.s3.put_object().bucket(&it.bucket).key("a b").presigned(day.clone());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = http.put(put.await.unwrap().uri()).body("hello").send().await.unwrap();
    assert_eq!(sent.status().as_u16(), 200);
    let get = it.s3.get_object().bucket(&it.bucket).key("a b").presigned(day).await.unwrap();
    let part = http.get(get.uri()).header("range", "bytes=1-3").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.text().await.unwrap().as_str()), (206, "ell"));

    let source = format!("{}/a%20b", it.bucket);
    let create = it.s3.create_multipart_upload().bucket(&it.bucket).key("a b");
    let created = create.storage_class(StorageClass::DeepArchive).send().await.unwrap();
    let id = created.upload_id().unwrap();
    let copy = it.s3.upload_part_copy().bucket(&it.bucket).key("a b").upload_id(id);
    let copied = copy.part_number(1).copy_source(source).send().await.unwrap();
    let etag = copied.copy_part_result().and_then(|part| part.e_tag()).map(str::to_owned);
    let part = CompletedPart::builder().part_number(1).set_e_tag(etag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = it.s3.complete_multipart_upload().bucket(&it.bucket).key("a b").upload_id(id);
    complete.multipart_upload(parts).send().await.unwrap();
    assert_eq!(it.head("a b").await.0.as_deref(), Some("DEEP_ARCHIVE"));
    assert_eq!(it.get("a b").await, Err("InvalidObjectState".into()));
}

#[tokio::test]
async fn what_was_done_is_told_of_though_the_client_went_away() {
    let it = account!("gone");
    it.ear.slow.store(300, Ordering::Relaxed);
    let put = it.s3.put_object().bucket(&it.bucket).key("k").body(ByteStream::from_static(b"1"));
    let gone = tokio::time::timeout(Duration::from_millis(150), put.send()).await;
    assert!(gone.is_err(), "the client waited: {gone:?}");
    drop(gone);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(it.ear.of("k"), ["Object Created"]);
}

#[tokio::test]
async fn a_refusal_waits_for_the_body_of_a_client_that_only_sends() {
    let it = account!("sender");
    it.imp.fault("PutObject", 503, "SlowDown");
    let host = it.url.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
    let size = 32 << 20;
    let head = format!(
        "PUT /{}/k HTTP/1.1\r\nHost: {host}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n",
        it.bucket
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&vec![1; size]).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("<Code>SlowDown</Code>"), "{answer}");
}
