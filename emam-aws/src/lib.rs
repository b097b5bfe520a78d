//! emam on AWS.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

#[cfg(feature = "cloudfront")]
pub mod cloudfront;
pub mod metrics;
pub mod policy;
pub mod settings;

/// The guide, here only so that its programs are run as tests of the documentation.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../docs/guide/deploy-on-aws.md")]
    mod deploy_on_aws {}
}
