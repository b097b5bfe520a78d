//! Signed addresses of CloudFront, judged by botocore.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use emam_aws::cloudfront::{Grant, Signer};
use emam_tests::skip;
use jiff::Timestamp;
use serde_json::{Value, json};

const DOMAIN: &str = "d111111abcdef8.cloudfront.net";
const KEYS: [&str; 2] = [
    include_str!("../../emam-aws/src/cloudfront/testdata/rsa.pem"),
    include_str!("../../emam-aws/src/cloudfront/testdata/ec.pem"),
];

/// The addresses and grants, each signed with each kind of key.
fn cases() -> Vec<Value> {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let until: Timestamp = "2026-01-01T18:00:00Z".parse().unwrap();
    let file = format!("https://{DOMAIN}/assets/0190/proxy/video.mp4");
    let plain = Grant::until(until);
    let grants = [
        (file.clone(), plain.clone()),
        (format!("{file}?v=2&name=%C3%BC%22"), plain.clone()),
        (file.clone(), plain.clone().from(now)),
        (file.clone(), plain.clone().source("192.0.2.7")),
        (file.clone(), plain.clone().from(now).source("192.0.2.0/24")),
        (file, plain.resource(format!("https://{DOMAIN}/assets/0190/*?v=?"))),
    ];
    let mut cases = Vec::new();
    for key in KEYS {
        let signer = Signer::from_pem(DOMAIN, "K2JCJMDEHXQW5F", key).unwrap();
        for (url, grant) in &grants {
            cases.push(json!({
                "url": url,
                "signed": signer.url(url, grant, now).unwrap(),
                "key": key,
                "until": grant.until.as_second(),
                "from": grant.from.map(Timestamp::as_second),
                "source": grant.source,
                "resource": grant.resource,
            }));
        }
    }
    cases
}

/// What the judge finds wrong; nothing where it cannot be run.
fn judge(cases: &[Value]) -> Option<String> {
    let Some(python) = std::env::var_os("EMAM_AWS_PYTHON").filter(|python| !python.is_empty())
    else {
        skip("cloudfront: EMAM_AWS_PYTHON names no Python with botocore and cryptography");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/judge_cloudfront.py");
    let mut judge = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // A judge that ends at once has not read its input.
    let _ = judge.stdin.take().unwrap().write_all(json!(cases).to_string().as_bytes());
    let output = judge.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    if output.status.code() == Some(77) {
        skip(&format!("cloudfront: {}", said.trim()));
        return None;
    }
    assert!(output.status.success(), "the judge failed: {said}");
    Some(said)
}

#[test]
fn botocore_signs_the_same_addresses() {
    let Some(said) = judge(&cases()) else { return };
    assert_eq!(said, "");
}

#[test]
fn botocore_refuses_what_was_changed() {
    let mut cases = cases();
    for case in &mut cases {
        case["until"] = json!(case["until"].as_i64().unwrap() + 1);
    }
    let Some(said) = judge(&cases) else { return };
    assert!(
        said.lines().filter(|line| line.contains("signature is not")).count() == cases.len(),
        "{said}"
    );
}
