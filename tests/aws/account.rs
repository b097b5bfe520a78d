//! The emulated account of the tests, by the addresses the environment names.

// Not every test needs all of it.
#![allow(dead_code)]

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use emam_aws::AwsContext;
use emam_aws::context::Access;
use emam_tests::skip;

/// The address that `variable` holds, or a loud skip.
// Tests have no configuration but the environment.
#[allow(clippy::disallowed_methods)]
pub(crate) fn address(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok();
    if address.is_none() {
        skip(&format!("{variable} names no server"));
    }
    address
}

/// A client of S3 at `address`, with the credentials of the tests.
pub(crate) async fn s3(address: &str) -> Client {
    let access = Access {
        region: Some("us-east-1".into()),
        endpoint_url: Some(address.to_owned()),
        path_style: true,
        ..Access::default()
    };
    let client = AwsContext::connect(access).await.s3();
    let credentials = Credentials::new("test", "testsecret", None, None, "tests");
    Client::from_conf(client.config().to_builder().credentials_provider(credentials).build())
}

/// Makes a bucket where there is none yet.
pub(crate) async fn bucket(client: &Client, name: &str) {
    if client.head_bucket().bucket(name).send().await.is_err() {
        // Another test may be faster.
        let _ = client.create_bucket().bucket(name).send().await;
    }
}
