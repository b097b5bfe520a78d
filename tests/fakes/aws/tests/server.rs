//! The server as the SDK sees it, where no S3 is needed.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use aws_sdk_mediaconvert::Client;
use aws_sdk_mediaconvert::config::retry::RetryConfig;
use aws_sdk_mediaconvert::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_mediaconvert::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_mediaconvert::types::{
    ContainerSettings, ContainerType, FileGroupSettings, Input, JobSettings, JobStatus, Output,
    OutputGroup, OutputGroupSettings, OutputGroupType, VideoCodec, VideoCodecSettings,
    VideoDescription,
};
use emam_awsim::library::{Handle, Options, start};
use serde_json::{Value, json};

const NOWHERE: &str = "http://127.0.0.1:9";

async fn emulator() -> Handle {
    start(Options::on(NOWHERE)).await.expect("an emulator")
}

fn client(handle: &Handle, key: &str) -> Client {
    let config = aws_sdk_mediaconvert::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new(key, "testsecret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(&handle.url)
        .build();
    Client::from_conf(config)
}

async fn ask(handle: &Handle, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("{}/{path}", handle.url);
    let http = reqwest::Client::new();
    let request = match body {
        Some(body) => http.post(url).body(body.to_string()),
        None => http.get(url),
    };
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn settings() -> JobSettings {
    let frames = VideoCodecSettings::builder().codec(VideoCodec::FrameCapture);
    let frames = frames.frame_capture_settings(
        aws_sdk_mediaconvert::types::FrameCaptureSettings::builder().max_captures(1).build(),
    );
    let output = Output::builder()
        .container_settings(ContainerSettings::builder().container(ContainerType::Raw).build())
        .video_description(VideoDescription::builder().codec_settings(frames.build()).build())
        .build();
    let file = FileGroupSettings::builder().destination("s3://bucket/out").build();
    let group = OutputGroupSettings::builder()
        .r#type(OutputGroupType::FileGroupSettings)
        .file_group_settings(file)
        .build();
    JobSettings::builder()
        .inputs(Input::builder().file_input("s3://bucket/in.mov").build())
        .output_groups(OutputGroup::builder().output_group_settings(group).outputs(output).build())
        .build()
}

#[tokio::test]
async fn errors_are_typed() {
    let handle = emulator().await;
    let error = client(&handle, "test").get_job().id("nobody").send().await.expect_err("no job");
    assert!(error.into_service_error().is_not_found_exception());
    let error = client(&handle, "test")
        .create_job()
        .role("role")
        .settings(JobSettings::builder().build())
        .send()
        .await
        .expect_err("no inputs")
        .into_service_error();
    assert!(error.is_bad_request_exception());
    assert_eq!(error.message(), Some("/inputs should not be empty"));
}

#[tokio::test]
async fn bad_credentials_are_refused() {
    let handle = emulator().await;
    for (key, code) in [("EXPIRED", "ExpiredTokenException"), ("DENIED", "AccessDeniedException")] {
        let error = client(&handle, key).get_job().id("1").send().await.expect_err(code);
        assert_eq!(error.code(), Some(code));
        assert_eq!(error.raw_response().map(|answer| answer.status().as_u16()), Some(403));
    }
    let (status, body) = ask(&handle, "2017-08-29/jobs", None).await;
    assert_eq!((status, &body["message"]), (403, &json!("Missing Authentication Token")));
}

#[tokio::test]
async fn switches_throttle_and_are_reset() {
    let handle = emulator().await;
    let client = client(&handle, "test");
    let (status, _) = ask(&handle, "_awsim/switches", Some(json!({"throttle": 1.0}))).await;
    assert_eq!(status, 200);
    let error = client.list_jobs().send().await.expect_err("throttled").into_service_error();
    assert!(error.is_too_many_requests_exception());
    ask(&handle, "_awsim/reset", Some(json!({}))).await;
    assert!(client.list_jobs().send().await.is_ok());
    let (status, _) = ask(&handle, "_awsim/switches", Some(json!({"throtle": 1.0}))).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_cut_answer_leaves_a_job_its_token_finds_again() {
    let handle = emulator().await;
    let client = client(&handle, "test");
    let cut = json!({"operation": "CreateJob", "code": "Cut", "status": 0, "times": 1});
    ask(&handle, "_awsim/switches", Some(json!({"faults": [cut]}))).await;
    let create = || {
        let create = client.create_job().role("arn:aws:iam::1:role/r").settings(settings());
        create.client_request_token("token").send()
    };
    let error = create().await.expect_err("a cut connection");
    assert!(
        matches!(error, SdkError::DispatchFailure(_) | SdkError::ResponseError(_)),
        "{error:?}"
    );
    create().await.expect("the same job");
    let (_, calls) = ask(&handle, "_awsim/calls", None).await;
    assert_eq!(calls["mediaconvert"]["CreateJob"], json!({"calls": 2, "began": 1}));
    ask(&handle, "_awsim/clock", Some(json!({"advance_s": 61}))).await;
    create().await.expect("another job");
    let (_, calls) = ask(&handle, "_awsim/calls", None).await;
    assert_eq!(calls["mediaconvert"]["CreateJob"], json!({"calls": 3, "began": 2}));
}

#[tokio::test]
async fn jobs_can_hang_and_be_cancelled() {
    let handle = emulator().await;
    let client = client(&handle, "test");
    ask(&handle, "_awsim/switches", Some(json!({"hang_jobs": 1.0}))).await;
    let create = client.create_job().role("arn:aws:iam::1:role/r").settings(settings());
    let job = create.send().await.expect("a job").job.expect("a job");
    let id = job.id.expect("an id");
    let status = || async {
        let job = client.get_job().id(&id).send().await.expect("the job").job;
        job.and_then(|job| job.status)
    };
    for _ in 0..200 {
        if status().await == Some(JobStatus::Progressing) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(status().await, Some(JobStatus::Progressing));
    client.cancel_job().id(&id).send().await.expect("cancelled");
    assert_eq!(status().await, Some(JobStatus::Canceled));
    let error = client.cancel_job().id(&id).send().await.expect_err("twice").into_service_error();
    assert!(error.is_conflict_exception());
}

#[tokio::test]
async fn what_is_not_emulated_says_so() {
    let handle = emulator().await;
    let signed = "AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/polly/aws4_request, \
                  SignedHeaders=host, Signature=00";
    let request = reqwest::Client::new().get(format!("{}/v1/voices", handle.url));
    let answer = request.header("authorization", signed).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 501);
    assert!(answer.text().await.expect("a body").contains("polly"));
    let (status, _) = ask(&handle, "_awsim/nothing", None).await;
    assert_eq!(status, 404);
}
