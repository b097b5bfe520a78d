//! What S3 answers when something is wrong, and what it is asked.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod canned;

use emam_tests::aws as account;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
use canned::{Canned, Reply, Request};
use emam_aws::s3::{Checksums, Encryption, S3Options, S3Storage};
use emam_core::backend::{
    CopyOptions, GetOptions, Key, PresignMethod, PresignRequest, PutOptions, Storage, Upload,
};
use emam_core::{Error, ErrorKind};

const ETAG: &str = "\"900150983cd24fb0d6963f7d28e17f72-2\"";

fn options() -> S3Options {
    S3Options::new("bucket")
}

fn key() -> Key {
    "a/b c+🎬.mov".parse().unwrap()
}

async fn storage(server: &Canned, options: S3Options) -> S3Storage {
    let client = account::s3(&server.address).await;
    let soon = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let client = Client::from_conf(client.config().to_builder().retry_config(soon).build());
    S3Storage::new(client, options).unwrap()
}

/// What comes of reading where every answer is this one.
async fn get_of(reply: Reply) -> Error {
    let server = Canned::serve(move |_, _| reply.clone()).await;
    let storage = storage(&server, options()).await;
    storage.get(&key(), GetOptions::default()).await.unwrap_err()
}

#[tokio::test]
async fn each_refusal_has_its_kind_and_names_key_and_bucket() {
    for (status, code, kind) in [
        (404, "NoSuchKey", ErrorKind::NotFound),
        (404, "NoSuchBucket", ErrorKind::NotFound),
        (403, "AccessDenied", ErrorKind::PermissionDenied),
        (301, "PermanentRedirect", ErrorKind::InvalidInput),
        (400, "ExpiredToken", ErrorKind::Unauthenticated),
        (403, "InvalidAccessKeyId", ErrorKind::Unauthenticated),
        (403, "SignatureDoesNotMatch", ErrorKind::Unauthenticated),
        (403, "InvalidObjectState", ErrorKind::NotReady),
        (503, "SlowDown", ErrorKind::RateLimited),
        (500, "InternalError", ErrorKind::Unavailable),
    ] {
        let error = get_of(Reply::error(status, code)).await;
        assert_eq!(error.kind(), kind, "{code}: {error:?}");
        assert_eq!(error.get("key"), Some(key().as_str()), "{code}");
        assert_eq!(error.get("bucket"), Some("bucket"), "{code}");
        assert_eq!(error.is_retryable(), status >= 500, "{code}");
    }
    let bucket = get_of(Reply::error(404, "NoSuchBucket")).await;
    assert!(bucket.message().contains("bucket") && bucket.message().contains("region"), "{bucket}");
    // The SDK sets its clock by the answer and asks again; a server that never agrees is told of.
    let skewed = get_of(Reply::error(403, "RequestTimeTooSkewed")).await;
    assert_eq!(skewed.kind(), ErrorKind::Unauthenticated);
    assert!(skewed.message().contains("clock"), "{skewed}");
}

#[tokio::test]
async fn secrets_are_in_no_error_and_no_debug() {
    let server = Canned::serve(|_, _| Reply::error(403, "SignatureDoesNotMatch")).await;
    let client = account::s3(&server.address).await;
    let secret = Credentials::new("AKIDEXAMPLE", "sesame-open", Some("token-of".into()), None, "t");
    let client =
        Client::from_conf(client.config().to_builder().credentials_provider(secret).build());
    let storage = S3Storage::new(client, options()).unwrap();
    let error = storage.stat(&key()).await.unwrap_err();
    let text = format!("{storage:?} {error} {error:?} {:?}", error.to_info());
    assert!(!text.contains("sesame") && !text.contains("token-of"), "{text}");
}

#[tokio::test]
async fn a_body_is_sent_plainly_with_its_checksum() {
    let put = async |options: S3Options, put: PutOptions| -> Request {
        let server = Canned::serve(|_, _| Reply::new(200, "").with("ETag", ETAG)).await;
        storage(&server, options).await.put(&key(), "123456789".into(), put).await.unwrap();
        server.requests().remove(0)
    };
    let sent = put(options(), PutOptions::default()).await;
    assert_eq!(sent.body, b"123456789", "no chunks, no trailer");
    assert_eq!(sent.target.split('?').next(), Some("/bucket/a/b%20c%2B%F0%9F%8E%AC.mov"));
    assert_eq!(sent.header("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    assert_eq!(sent.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    for absent in ["content-md5", "x-amz-trailer", "content-encoding", "if-none-match"] {
        assert_eq!(sent.header(absent), None, "{absent}");
    }

    let md5 = Some("25f9e794323b453885f5181f1b624d0b".to_owned());
    let all = PutOptions { create_only: true, md5, media_type: Some("video/mp4".into()) };
    let kms = Encryption::SseKms { key_id: Some("alias/media".into()) };
    let class = Some("STANDARD_IA".to_owned());
    let sent = put(S3Options { encryption: kms, storage_class: class, ..options() }, all).await;
    for (name, value) in [
        ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
        ("x-amz-meta-emam-md5", "25f9e794323b453885f5181f1b624d0b"),
        ("if-none-match", "*"),
        ("content-type", "video/mp4"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "alias/media"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ] {
        assert_eq!(sent.header(name), Some(value), "{name}");
    }

    // A store that knows no other checksums gets no other.
    let md5 = S3Options { checksums: Checksums::ContentMd5, ..options() };
    let sent = put(md5, PutOptions::default()).await;
    assert_eq!(sent.header("content-md5"), Some("JfnnlDI7RTiF9RgfG2JNCw=="));
    let names: Vec<_> = sent.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert!(!names.iter().any(|name| name.contains("checksum")), "{names:?}");
}

#[tokio::test]
async fn a_write_that_meets_another_can_be_tried_again() {
    let create_only = PutOptions { create_only: true, ..PutOptions::default() };
    for (is_there, kind, retryable) in
        [(true, ErrorKind::AlreadyExists, false), (false, ErrorKind::Conflict, true)]
    {
        let server = Canned::serve(move |request, _| match request.method.as_str() {
            "HEAD" if is_there => Reply::new(200, ""),
            "HEAD" => Reply::new(404, ""),
            _ => Reply::error(409, "ConditionalRequestConflict"),
        })
        .await;
        let storage = storage(&server, options()).await;
        let error = storage.put(&key(), "x".into(), create_only.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{error:?}");
    }
}

/// `abcdefghi`, given from where it is asked for.
fn part_of_body(request: &Request) -> Reply {
    let from = request.header("range").and_then(|range| range.strip_prefix("bytes="));
    let from: usize = from.map_or(0, |range| range.split('-').next().unwrap().parse().unwrap());
    let reply = Reply::new(if from == 0 { 200 } else { 206 }, &b"abcdefghi"[from..]);
    reply.with("ETag", ETAG).with("Content-Range", format!("bytes {from}-8/9"))
}

#[tokio::test]
async fn a_body_that_breaks_off_is_gone_on_with_from_where_it_stopped() {
    let server = Canned::serve(|request, nth| {
        let reply = part_of_body(request);
        if nth < 3 { reply.cut(2) } else { reply }
    })
    .await;
    let storage = storage(&server, options()).await;
    let body = storage.get(&key(), GetOptions::default()).await.unwrap().bytes().await.unwrap();
    assert_eq!(body, "abcdefghi");
    let asked: Vec<_> = server
        .requests()
        .iter()
        .map(|request| {
            let header = |name| request.header(name).map(str::to_owned);
            (header("range"), header("if-match"))
        })
        .collect();
    let rest = |from| (Some(format!("bytes={from}-8")), Some(ETAG.to_owned()));
    assert_eq!(asked, [(None, None), rest(2), rest(4), rest(6)]);
}

#[tokio::test]
async fn a_body_that_always_breaks_off_or_is_replaced_is_given_up() {
    let server = Canned::serve(|request, _| part_of_body(request).cut(1)).await;
    let storage_of = async |server: &Canned| storage(server, options()).await;
    let get = async |server: &Canned| {
        let storage = storage_of(server).await;
        let object = storage.get(&key(), GetOptions::default()).await.unwrap();
        object.bytes().await.unwrap_err()
    };
    let error = get(&server).await;
    assert_eq!((error.kind(), error.get("missing_from")), (ErrorKind::Unavailable, Some("4")));
    assert_eq!(server.requests().len(), 4);

    let replaced = Canned::serve(|request, nth| match nth {
        0 => part_of_body(request).cut(3),
        _ => Reply::error(412, "PreconditionFailed"),
    })
    .await;
    let error = get(&replaced).await;
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("replaced"), "{error}");

    let corrupt = Canned::serve(|_, _| {
        Reply::new(200, "123456780")
            .with("ETag", ETAG)
            .with("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")
            .with("x-amz-checksum-type", "FULL_OBJECT")
    })
    .await;
    let error = get(&corrupt).await;
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Integrity, true), "{error:?}");
}

const PARTS: &str = "<ListPartsResult><IsTruncated>false</IsTruncated><Part>\
    <PartNumber>1</PartNumber><ETag>\"25f9e794323b453885f5181f1b624d0b\"</ETag><Size>9</Size>\
    <ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME></Part></ListPartsResult>";

fn completed(sum: &str) -> Reply {
    Reply::new(
        200,
        format!(
            "<CompleteMultipartUploadResult><ETag>{ETAG}</ETag>\
             <ChecksumCRC64NVME>{sum}</ChecksumCRC64NVME></CompleteMultipartUploadResult>"
        ),
    )
}

fn upload() -> Upload {
    Upload { id: "u1".into(), key: key() }
}

#[tokio::test]
async fn completing_believes_only_the_right_checksum() {
    let complete = async |reply: Reply| {
        let server = Canned::serve(move |request, _| match request.method.as_str() {
            "GET" => Reply::new(200, PARTS),
            _ => reply.clone(),
        })
        .await;
        let result = storage(&server, options()).await.upload_complete(&upload()).await;
        (result, server.requests())
    };
    let (result, requests) = complete(completed("rosUhgp5mIg=")).await;
    assert_eq!(result.unwrap().size, 9);
    let asked = requests.last().unwrap();
    assert_eq!(asked.header("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    assert_eq!(asked.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    let text = String::from_utf8_lossy(&asked.body).into_owned();
    assert!(text.contains("<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME>"), "{text}");

    let (result, _) = complete(completed("AAAAAAAAAAA=")).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.get("found")), (ErrorKind::Integrity, Some("AAAAAAAAAAA=")));

    // S3 may begin its answer with a 200 and only then find that it cannot.
    let (result, requests) = complete(Reply::error(200, "InternalError")).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
    let tries = requests.iter().filter(|request| request.method == "POST").count();
    assert_eq!(tries, 3, "the SDK tries it again");
}

#[tokio::test]
async fn a_lost_answer_to_completing_is_found_out() {
    for (sum, good) in [("rosUhgp5mIg=", true), ("AAAAAAAAAAA=", false)] {
        let server = Canned::serve(move |request, nth| match request.method.as_str() {
            "GET" if nth == 0 => Reply::new(200, PARTS),
            // Done, and its answer lost.
            "POST" if nth == 1 => Reply::new(200, "x").cut(0),
            "HEAD" => Reply::new(200, "").with("x-amz-checksum-crc64nvme", sum),
            _ => Reply::error(404, "NoSuchUpload"),
        })
        .await;
        let result = storage(&server, options()).await.upload_complete(&upload()).await;
        match good {
            true => assert_eq!(result.unwrap().size, 9),
            false => {
                let error = result.unwrap_err();
                let told = (error.kind(), error.get("upload"));
                assert_eq!(told, (ErrorKind::NotFound, Some("u1")), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_part_spoilt_on_its_way_can_be_sent_again() {
    let server = Canned::serve(|_, _| Reply::error(400, "BadDigest")).await;
    let storage = storage(&server, options()).await;
    let error = storage.upload_part(&upload(), 1, "x".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Integrity, true));
    assert_eq!(error.get("part"), Some("1"));
    let many = storage.upload_part(&upload(), 10_001, "x".into()).await.unwrap_err();
    assert_eq!(many.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_object_replaced_during_a_copy_in_parts_is_a_conflict_and_leaves_nothing() {
    let server = Canned::serve(|request, _| match request.method.as_str() {
        "HEAD" => Reply::new(200, "").with("Content-Length", 100_000_000).with("ETag", ETAG),
        "POST" => Reply::new(
            200,
            "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
        ),
        "PUT" if request.is("PUT", "partNumber=3") => Reply::error(412, "PreconditionFailed"),
        "PUT" => Reply::new(200, format!("<CopyPartResult><ETag>{ETAG}</ETag></CopyPartResult>")),
        _ => Reply::new(204, ""),
    })
    .await;
    let options = S3Options { copy_in_parts_above: 16 << 20, ..options() };
    let storage = storage(&server, options).await;
    let copy = storage.copy(&key(), &"to".parse().unwrap(), CopyOptions::default()).await;
    let error = copy.unwrap_err();
    assert_eq!((error.kind(), error.get("key")), (ErrorKind::Conflict, Some(key().as_str())));
    let requests = server.requests();
    let part = requests.iter().find(|request| request.is("PUT", "partNumber=1")).unwrap();
    assert_eq!(part.header("x-amz-copy-source-if-match"), Some(ETAG));
    assert_eq!(part.header("x-amz-copy-source-range"), Some("bytes=0-16777215"));
    assert_eq!(
        part.header("x-amz-copy-source"),
        Some("bucket/a/b%20c%2B%F0%9F%8E%AC.mov"),
        "encoded"
    );
    assert!(requests.iter().any(|request| request.is("DELETE", "uploadId=u1")), "aborted");
    assert!(!requests.iter().any(|request| request.is("POST", "uploadId=u1")), "not completed");
}

#[tokio::test]
async fn addresses_are_signed_for_each_method_and_not_for_ever() {
    let server = Canned::serve(|_, _| Reply::new(500, "")).await;
    let storage = storage(&server, options()).await;
    let sign = async |method: PresignMethod, seconds| {
        let expires_in = Duration::from_secs(seconds);
        storage.presign(PresignRequest { key: key(), method, expires_in }).await
    };
    let part = || PresignMethod::Part { upload: "u1;create_only".into(), number: 7 };
    for (method, wanted) in [
        (PresignMethod::Get, "X-Amz-Expires=60"),
        (PresignMethod::Put, "X-Amz-Expires=60"),
        (part(), "partNumber=7"),
        (part(), "uploadId=u1&"),
    ] {
        let signed = sign(method.clone(), 60).await.unwrap();
        assert!(signed.url.contains(wanted), "{method:?}: {}", signed.url);
        assert!(signed.url.contains("X-Amz-SignedHeaders=host&"), "{}", signed.url);
        assert_eq!(signed.headers, [], "nothing a panel would have to know");
    }
    let error = sign(PresignMethod::Get, 8 * 24 * 3600).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.get("expires_in_s")),
        (ErrorKind::InvalidInput, Some("691200"))
    );
    assert_eq!(server.requests().len(), 0, "signing asks nobody");
}

#[tokio::test]
async fn a_batch_answers_for_each_key_what_came_of_it() {
    let server = Canned::serve(|_, _| {
        Reply::new(
            200,
            "<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message>\
             </Error></DeleteResult>",
        )
    })
    .await;
    let storage = storage(&server, options()).await;
    let keys: Vec<Key> = ["a", "b"].map(|key| key.parse().unwrap()).into();
    let outcomes = storage.delete(&keys).await.unwrap();
    assert!(outcomes[0].result.is_ok());
    let refused = outcomes[1].result.as_ref().unwrap_err();
    assert_eq!(refused.kind, ErrorKind::PermissionDenied);

    let keys: Vec<Key> = (0..2001).map(|number| format!("k/{number}").parse().unwrap()).collect();
    let outcomes = storage.delete(&keys).await.unwrap();
    assert_eq!(outcomes.len(), 2001);
    assert_eq!(server.requests().len(), 1 + 3, "1,000 keys a request");
}
