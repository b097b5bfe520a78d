//! The emulated account of the tests, or a loud skip where there is none.
//!
//! `cargo xtask test aws` starts it and gives these in the environment: `EMAM_AWS_S3` (S3),
//! `EMAM_AWS_S3_PLAIN` (the S3 server behind that one), `EMAM_AWS_ENDPOINT` (MediaConvert,
//! Rekognition, Transcribe, Glacier; the emulator itself under `/_awsim/`), `EMAM_AWS_MINISTACK`
//! (SQS, SNS, SES, DynamoDB, EventBridge, CloudFormation) and `EMAM_AWS_PYTHON` (a Python with
//! boto3).

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use emam_aws::AwsContext;
use emam_aws::context::Access;
use emam_core::clock::{Clock, SystemClock};

/// The address in an environment variable; says aloud that the test is skipped where there is none.
// Tests have no configuration but the environment.
#[allow(clippy::disallowed_methods)]
pub fn address(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|address| !address.is_empty());
    if address.is_none() {
        crate::skip(&format!("{variable} names no server"));
    }
    address
}

/// The configuration of clients for the account behind one address.
pub async fn account(address: &str) -> SdkConfig {
    let access = Access {
        region: Some("us-east-1".into()),
        endpoint_url: Some(address.into()),
        path_style: true,
        ..Access::default()
    };
    let credentials = Credentials::new("test", "testsecret", None, None, "tests");
    let context = AwsContext::connect(access).await;
    context
        .of("tests")
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// A client of S3 at `address`.
pub async fn s3(address: &str) -> Client {
    let config = aws_sdk_s3::config::Builder::from(&account(address).await);
    Client::from_conf(config.force_path_style(true).build())
}

/// Makes a bucket where there is none yet.
pub async fn bucket(client: &Client, name: &str) {
    if client.head_bucket().bucket(name).send().await.is_err() {
        // Another test may be faster.
        let _ = client.create_bucket().bucket(name).send().await;
    }
}

/// A name no other test of this or another process has.
pub fn fresh_name(prefix: &str) -> String {
    format!("{prefix}-{}", SystemClock.new_uuid().simple())
}
