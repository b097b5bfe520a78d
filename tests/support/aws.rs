//! The emulated account of the tests, or a loud skip where there is none.
//!
//! The addresses come from the environment: `EMAM_AWS_S3` (S3), `EMAM_AWS_ENDPOINT` (MediaConvert,
//! Rekognition, Transcribe, Glacier) and `EMAM_AWS_MINISTACK` (SQS, SNS, SES, DynamoDB).

use emam_aws::AwsContext;
use emam_aws::context::Access;

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

/// The account behind one address; the emulators take any credentials but want some.
pub async fn account(address: &str) -> AwsContext {
    AwsContext::connect(Access {
        region: Some("us-east-1".into()),
        endpoint_url: Some(address.into()),
        path_style: true,
        ..Access::default()
    })
    .await
}

/// A name no other test of this or another process has.
pub fn fresh_name(prefix: &str) -> String {
    use emam_core::clock::Clock;
    format!("{prefix}-{}", emam_core::clock::SystemClock.new_uuid().simple())
}
