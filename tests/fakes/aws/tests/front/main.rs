//! The S3 front before a real S3 server, driven by the AWS SDK. Runs where `EMAM_AWS_S3_PLAIN` names
//! the server (access key `test`, secret `testsecret`), which should be one that checks signatures
//! and checksums: SeaweedFS. Before ministack all but the presigned requests pass; it checks those
//! with a secret of its own.

// What a test sets up is not worth a message of its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

macro_rules! account {
    ($name:literal) => {
        match $crate::account::account($name).await {
            Some(account) => account,
            None => return,
        }
    };
}

mod account;
mod archive;
mod passing;
