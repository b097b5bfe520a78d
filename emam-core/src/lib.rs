//! emam: a media asset management engine as a library.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod backend;
pub mod clock;
pub mod error;
pub mod id;
#[cfg(feature = "local")]
pub mod local;
pub mod model;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod time;

pub use error::{Error, ErrorInfo, ErrorKind, Result, Retry};
