//! emam on AWS.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

#[cfg(feature = "cloudfront")]
pub mod cloudfront;
pub mod metrics;
pub mod policy;
pub mod settings;
