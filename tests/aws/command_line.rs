//! `emam aws …`, and libraries on an account from the command line.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const SETTINGS: &str = r#"{
    "stack": "team", "region": "eu-west-1",
    "buckets": {"originals": {"name": "team-originals"}, "proxies": {"name": "team-proxies"},
                "ingest": {"name": "team-ingest"}},
    "mediaconvert": {"role_arn": "arn:aws:iam::123456789012:role/team-mediaconvert"}
}"#;

fn emam(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emam_aws_cli"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("EMAM_AWS")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_least_policy_is_printed_for_each_who_needs_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("aws.json"), SETTINGS).unwrap();
    let policy = |whose: &str| -> Value {
        let arguments = ["aws", "policy", "--settings", "aws.json", "--for", whose];
        let output = emam(folder.path(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let worker = policy("worker").to_string();
    assert!(worker.contains("mediaconvert:CreateJob"), "{worker}");
    assert!(worker.contains("role/team-mediaconvert") && !worker.contains("rekognition:"));
    let feeder = policy("feeder").to_string();
    assert!(feeder.contains("team-ingest") && !feeder.contains("mediaconvert"), "{feeder}");
    assert!(!feeder.contains("s3:GetObject\""), "a feeder reads nothing: {feeder}");
}

#[test]
fn what_cannot_be_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = SETTINGS.replace("\"stack\"", "\"stak\"");
    std::fs::write(folder.path().join("aws.json"), wrong).unwrap();
    let output = emam(folder.path(), &["aws", "policy", "--settings", "aws.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("`stak`"), "{}", text(&output.stderr));
    assert_eq!(emam(folder.path(), &["aws", "polic"]).status.code(), Some(2));
    let help = emam(folder.path(), &["aws", "--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("policy"));
    // All other commands are there too.
    let help = emam(folder.path(), &["--help"]);
    assert!(text(&help.stdout).contains("ingest"));
}
