//! What a request to S3 asks for: operation, bucket, key, version and whose it is.

use axum::http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

use super::overlay::Place;

/// A request to S3, read from its head. Only path-style addresses are understood.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The operation's name, for example `UploadPartCopy`.
    pub(super) operation: &'static str,
    /// The bucket, empty for ListBuckets.
    pub(super) bucket: String,
    /// The key, decoded; empty for operations of a bucket.
    pub(super) key: String,
    /// The version asked for.
    pub(super) version: Option<String>,
    /// The multipart upload.
    pub(super) upload: Option<String>,
    /// The configuration an operation of a bucket names.
    pub(super) id: String,
    /// The access key that signed it, by header or by query.
    pub(super) access_key: Option<String>,
    /// The region it was signed for.
    pub(super) region: Option<String>,
    /// Whether it is a HEAD, whose errors have no body.
    pub(super) head: bool,
    /// The path as it came.
    pub(super) path: String,
}

impl Call {
    /// Reads a request's head.
    pub(super) fn read(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let query = Query::read(uri.query().unwrap_or_default());
        let path = uri.path().strip_prefix('/').unwrap_or_default();
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let copy = headers.contains_key("x-amz-copy-source");
        let scope = scope(headers, &query);
        let mut scope = scope.split('/').map(str::to_owned);
        let access_key = scope.next().filter(|key| !key.is_empty());
        Self {
            operation: operation(method, !bucket.is_empty(), !key.is_empty(), &query, copy),
            bucket: decode(bucket),
            key: decode(key),
            version: query.get("versionId").filter(|version| version != "null"),
            upload: query.get("uploadId"),
            id: query.get("id").unwrap_or_default(),
            access_key,
            region: scope.nth(1),
            head: method == Method::HEAD,
            path: uri.path().to_owned(),
        }
    }
}

impl Call {
    /// The object, in the version that an answer names by `x-amz-version-id`.
    pub(super) fn place(&self, answer: &HeaderMap) -> Place {
        let version = answer.get("x-amz-version-id").and_then(|version| version.to_str().ok());
        let version = version.filter(|version| *version != "null").map(str::to_owned);
        Place { bucket: self.bucket.clone(), key: self.key.clone(), version }
    }
}

/// The source of a copy, from `x-amz-copy-source`: bucket, key, version.
pub(super) fn copy_source(headers: &HeaderMap) -> Option<(String, String, Option<String>)> {
    let source = headers.get("x-amz-copy-source")?.to_str().ok()?;
    let (path, query) = source.split_once('?').unwrap_or((source, ""));
    let path = decode(path);
    let (bucket, key) = path.strip_prefix('/').unwrap_or(&path).split_once('/')?;
    let version = Query::read(query).get("versionId").filter(|version| version != "null");
    Some((bucket.to_owned(), key.to_owned(), version))
}

/// The credential scope `AKID/date/region/s3/aws4_request`.
fn scope(headers: &HeaderMap, query: &Query) -> String {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let signed = header.and_then(|value| value.split_once("Credential="));
    match signed {
        Some((_, rest)) => rest.split(',').next().unwrap_or_default().to_owned(),
        None => query.get("X-Amz-Credential").unwrap_or_default(),
    }
}

pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

struct Query(Vec<(String, String)>);

impl Query {
    fn read(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        Self(pairs.map(split).collect())
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|pair| pair.0 == name).map(|pair| pair.1.clone())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|pair| pair.0 == name)
    }
}

/// The sub-resources of buckets and objects: query, GET, PUT, DELETE; empty where there is none.
const OBJECT_PARTS: [[&str; 4]; 5] = [
    ["tagging", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"],
    ["acl", "GetObjectAcl", "PutObjectAcl", ""],
    ["retention", "GetObjectRetention", "PutObjectRetention", ""],
    ["legal-hold", "GetObjectLegalHold", "PutObjectLegalHold", ""],
    ["attributes", "GetObjectAttributes", "", ""],
];
const BUCKET_PARTS: [[&str; 4]; 20] = [
    ["tagging", "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"],
    ["acl", "GetBucketAcl", "PutBucketAcl", ""],
    ["cors", "GetBucketCors", "PutBucketCors", "DeleteBucketCors"],
    ["encryption", "GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"],
    [
        "lifecycle",
        "GetBucketLifecycleConfiguration",
        "PutBucketLifecycleConfiguration",
        "DeleteBucketLifecycle",
    ],
    ["location", "GetBucketLocation", "", ""],
    ["logging", "GetBucketLogging", "PutBucketLogging", ""],
    [
        "notification",
        "GetBucketNotificationConfiguration",
        "PutBucketNotificationConfiguration",
        "",
    ],
    ["object-lock", "GetObjectLockConfiguration", "PutObjectLockConfiguration", ""],
    [
        "ownershipControls",
        "GetBucketOwnershipControls",
        "PutBucketOwnershipControls",
        "DeleteBucketOwnershipControls",
    ],
    ["policy", "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"],
    ["policyStatus", "GetBucketPolicyStatus", "", ""],
    [
        "publicAccessBlock",
        "GetPublicAccessBlock",
        "PutPublicAccessBlock",
        "DeletePublicAccessBlock",
    ],
    ["replication", "GetBucketReplication", "PutBucketReplication", "DeleteBucketReplication"],
    ["requestPayment", "GetBucketRequestPayment", "PutBucketRequestPayment", ""],
    ["accelerate", "GetBucketAccelerateConfiguration", "PutBucketAccelerateConfiguration", ""],
    ["versioning", "GetBucketVersioning", "PutBucketVersioning", ""],
    ["website", "GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"],
    ["uploads", "ListMultipartUploads", "", ""],
    ["versions", "ListObjectVersions", "", ""],
];
const TIERING: [&str; 4] = [
    "intelligent-tiering",
    "GetBucketIntelligentTieringConfiguration",
    "PutBucketIntelligentTieringConfiguration",
    "DeleteBucketIntelligentTieringConfiguration",
];

fn operation(method: &Method, bucket: bool, key: bool, query: &Query, copy: bool) -> &'static str {
    let verb = match method.as_str() {
        "GET" => 1,
        "PUT" => 2,
        "DELETE" => 3,
        other => return without_parts(other, key, query),
    };
    if !bucket {
        return if verb == 1 { "ListBuckets" } else { "Unknown" };
    }
    let parts = if key { &OBJECT_PARTS[..] } else { &BUCKET_PARTS[..] };
    let part = parts.iter().chain(std::iter::once(&TIERING)).find(|row| query.has(row[0]));
    if let Some(row) = part {
        return if row[verb].is_empty() { "Unknown" } else { row[verb] };
    }
    let upload = query.has("uploadId");
    match (verb, key) {
        (1, true) if upload => "ListParts",
        (1, true) => "GetObject",
        (1, false) if query.get("list-type").as_deref() == Some("2") => "ListObjectsV2",
        (1, false) => "ListObjects",
        (2, true) if upload && copy => "UploadPartCopy",
        (2, true) if upload => "UploadPart",
        (2, true) if copy => "CopyObject",
        (2, true) => "PutObject",
        (2, false) => "CreateBucket",
        (3, true) if upload => "AbortMultipartUpload",
        (3, true) => "DeleteObject",
        _ => "DeleteBucket",
    }
}

fn without_parts(method: &str, key: bool, query: &Query) -> &'static str {
    match (method, key) {
        ("HEAD", true) => "HeadObject",
        ("HEAD", false) => "HeadBucket",
        ("POST", true) if query.has("uploads") => "CreateMultipartUpload",
        ("POST", true) if query.has("uploadId") => "CompleteMultipartUpload",
        ("POST", true) if query.has("restore") => "RestoreObject",
        ("POST", true) if query.has("select") => "SelectObjectContent",
        ("POST", false) if query.has("delete") => "DeleteObjects",
        ("POST", false) => "PostObject",
        ("OPTIONS", _) => "Preflight",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(method: &str, uri: &str, copy: bool) -> &'static str {
        let mut headers = HeaderMap::new();
        if copy {
            headers.insert("x-amz-copy-source", "b/k".parse().unwrap());
        }
        Call::read(&method.parse().unwrap(), &uri.parse().unwrap(), &headers).operation
    }

    #[test]
    fn operations_are_named_by_method_and_query() {
        for (method, uri, name) in [
            ("GET", "/", "ListBuckets"),
            ("GET", "/b", "ListObjects"),
            ("GET", "/b/?list-type=2&prefix=a%2F", "ListObjectsV2"),
            ("GET", "/b?versions", "ListObjectVersions"),
            ("GET", "/b?uploads", "ListMultipartUploads"),
            ("GET", "/b?location", "GetBucketLocation"),
            ("PUT", "/b", "CreateBucket"),
            ("PUT", "/b?lifecycle", "PutBucketLifecycleConfiguration"),
            ("PUT", "/b?intelligent-tiering&id=x", "PutBucketIntelligentTieringConfiguration"),
            ("HEAD", "/b", "HeadBucket"),
            ("POST", "/b?delete", "DeleteObjects"),
            ("DELETE", "/b/", "DeleteBucket"),
            ("GET", "/b/k?x-id=GetObject", "GetObject"),
            ("GET", "/b/k?attributes", "GetObjectAttributes"),
            ("GET", "/b/k?uploadId=1", "ListParts"),
            ("HEAD", "/b/k?partNumber=1", "HeadObject"),
            ("PUT", "/b/k?x-id=PutObject", "PutObject"),
            ("PUT", "/b/k?partNumber=1&uploadId=1", "UploadPart"),
            ("PUT", "/b/k?tagging", "PutObjectTagging"),
            ("DELETE", "/b/k?tagging", "DeleteObjectTagging"),
            ("DELETE", "/b/k?uploadId=1", "AbortMultipartUpload"),
            ("DELETE", "/b/k?versionId=1", "DeleteObject"),
            ("POST", "/b/k?uploads", "CreateMultipartUpload"),
            ("POST", "/b/k?uploadId=1", "CompleteMultipartUpload"),
            ("POST", "/b/k?restore", "RestoreObject"),
        ] {
            assert_eq!(named(method, uri, false), name, "{method} {uri}");
        }
        assert_eq!(named("PUT", "/b/k", true), "CopyObject");
        assert_eq!(named("PUT", "/b/k?partNumber=1&uploadId=1", true), "UploadPartCopy");
    }

    #[test]
    fn keys_and_credentials_are_read() {
        let mut headers = HeaderMap::new();
        let signed = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";
        headers.insert("authorization", signed.parse().unwrap());
        let uri = "/b/a%20b/%C3%BC%2B%25?versionId=v1".parse().unwrap();
        let call = Call::read(&Method::GET, &uri, &headers);
        assert_eq!((call.bucket.as_str(), call.key.as_str()), ("b", "a b/ü+%"));
        assert_eq!(call.version.as_deref(), Some("v1"));
        assert_eq!(call.access_key.as_deref(), Some("AKID"));
        assert_eq!(call.region.as_deref(), Some("eu-west-1"));

        let uri = "/b/k?X-Amz-Credential=P%2F20260101%2Fus-east-1%2Fs3%2Faws4_request";
        let call = Call::read(&Method::GET, &uri.parse().unwrap(), &HeaderMap::new());
        assert_eq!(call.access_key.as_deref(), Some("P"));
        assert_eq!(call.region.as_deref(), Some("us-east-1"));
    }

    #[test]
    fn copy_sources_are_decoded() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-copy-source", "/b/a%20b%3Fc?versionId=v".parse().unwrap());
        let (bucket, key, version) = copy_source(&headers).unwrap();
        assert_eq!((bucket.as_str(), key.as_str()), ("b", "a b?c"));
        assert_eq!(version.as_deref(), Some("v"));
    }
}
