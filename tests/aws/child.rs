//! A worker on the emulated account, to be killed at any instant: `aws_child FOLDER SETTINGS`.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use emam_aws::{Account, AwsSettings};
use emam_core::Library;
use emam_core::workflow::RetryPolicy;
use std::time::Duration;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder");
    let settings = AwsSettings::from_file(arguments.next().expect("settings")).unwrap();
    let account = Account::connect(settings).await.unwrap();
    let retry = RetryPolicy {
        max_attempts: 100,
        first_wait: Duration::from_millis(200),
        longest_wait: Duration::from_secs(2),
        busy_wait: Duration::from_secs(1),
    };
    let builder = Library::builder().workers(12).lease(Duration::from_secs(3)).retry(retry);
    let _library = account.open(builder, folder.as_ref()).await.unwrap();
    std::future::pending::<()>().await;
}
