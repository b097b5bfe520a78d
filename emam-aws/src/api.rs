//! Opening a library by JSON, as every other language does, on this machine or on an account.

use emam_core::{Library, Result};

use crate::AwsProvider;

/// As [`emam_core::api::open`], and on the AWS account that `aws` or `EMAM_AWS` names a settings
/// file of.
///
/// # Errors
/// As [`emam_core::api::open`] and [`open`](crate::open).
pub async fn open(params: &str) -> Result<Library> {
    emam_core::api::open_with(params, Some(&AwsProvider)).await
}
