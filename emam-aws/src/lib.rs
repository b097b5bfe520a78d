//! emam on AWS: the traits of [`emam_core::backend`] over the services of an account.
//!
//! Each service is a feature; see `Cargo.toml`. Nothing here decides what is done when: that is the
//! library's, which is the same on a laptop. See `docs/guide/deploy-on-aws.md`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(test)]
#[cfg(any(feature = "rekognition", feature = "transcribe"))]
mod canned;
pub mod context;
pub mod error;
pub mod events;
pub mod feeder;
pub mod intake;
#[cfg(feature = "rekognition")]
pub mod rekognition;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(any(feature = "rekognition", feature = "transcribe"))]
mod scale;
#[cfg(feature = "transcribe")]
pub mod transcribe;
#[cfg(any(feature = "rekognition", feature = "transcribe"))]
mod uri;

pub use context::AwsContext;
