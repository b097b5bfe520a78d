//! emam on AWS: the traits of [`emam_core::backend`] over the services of an account.
//!
//! Each service is a feature; see `Cargo.toml`. Nothing here decides what is done when: that is the
//! library's, which is the same on a laptop. See `docs/guide/deploy-on-aws.md`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod context;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod error;
pub mod events;
pub mod feeder;
pub mod intake;
#[cfg(feature = "notify")]
pub mod notify;
#[cfg(feature = "events")]
pub mod queue;

pub use context::AwsContext;
