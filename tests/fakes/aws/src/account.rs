//! The emulated account: its number, its region, its clients, the names of its things.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_credential_types::Credentials;
use jiff::Timestamp;

/// The account's number.
pub const ACCOUNT: &str = "111122223333";

/// The account's region.
pub const REGION: &str = "us-east-1";

/// The name of a thing of the account, for example `arn:aws:mediaconvert:us-east-1:111122223333:jobs/1`.
pub fn arn(service: &str, thing: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{thing}")
}

/// A client of the S3 at this address, in the name of the account's services.
pub fn s3(endpoint: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::from_static(REGION))
        .credentials_provider(credentials())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// A client of the SQS at this address, in the name of the account's services.
pub fn sqs(endpoint: &str) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(aws_sdk_sqs::config::Region::from_static(REGION))
        .credentials_provider(credentials())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}

/// The keys every emulator of the tests takes.
fn credentials() -> Credentials {
    Credentials::new("test", "testsecret", None, None, "emam-awsim")
}

/// Sixteen bytes nobody else has, in the form of a UUID: the time and a count. Not from the seeded
/// generator, so that a second run of the same test does not look like doubled events.
pub fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanos = Timestamp::now().as_nanosecond() as u64;
    let low = count.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ nanos.rotate_left(32);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        nanos >> 32,
        nanos >> 16 & 0xffff,
        nanos & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
