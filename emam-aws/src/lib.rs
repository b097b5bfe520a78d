//! emam on AWS: the traits of [`emam_core::backend`] over the services of an account.
//!
//! Each service is a feature; see `Cargo.toml`. Nothing here decides what is done when: that is the
//! library's, which is the same on a laptop. See `docs/guide/deploy-on-aws.md`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(all(feature = "local", feature = "s3"))]
pub mod api;
#[cfg(all(feature = "local", feature = "s3"))]
mod assembly;
#[cfg(test)]
#[cfg(any(feature = "rekognition", feature = "transcribe"))]
mod canned;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cloudfront")]
pub mod cloudfront;
pub mod context;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod error;
pub mod events;
pub mod feeder;
#[cfg(feature = "glacier")]
pub mod glacier;
pub mod intake;
#[cfg(feature = "mediaconvert")]
pub mod mediaconvert;
pub mod metrics;
#[cfg(feature = "notify")]
pub mod notify;
pub mod policy;
#[cfg(feature = "events")]
pub mod queue;
#[cfg(feature = "rekognition")]
pub mod rekognition;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(any(feature = "rekognition", feature = "transcribe"))]
mod scale;
pub mod settings;
#[cfg(feature = "transcribe")]
pub mod transcribe;
#[cfg(any(feature = "rekognition", feature = "transcribe"))]
mod uri;

#[cfg(all(feature = "local", feature = "s3"))]
pub use assembly::{Account, AwsProvider, Listener, open};
pub use context::AwsContext;
pub use settings::AwsSettings;

/// The guide, here only so that its programs are run as tests of the documentation.
#[cfg(doctest)]
mod guide {
    #[cfg(feature = "mediaconvert")]
    #[doc = include_str!("../../docs/guide/coming-from-elastic-transcoder.md")]
    mod coming_from_elastic_transcoder {}
    #[doc = include_str!("../../docs/guide/deploy-on-aws.md")]
    mod deploy_on_aws {}
}
