//! emam: a media asset management engine as a library.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod api;
pub mod backend;
mod checksum;
pub mod clock;
pub mod config;
pub mod error;
pub mod id;
mod io;
pub mod library;
#[cfg(feature = "local")]
pub mod local;
pub mod memory;
pub mod model;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod time;
pub mod timeline;
pub mod transfer;
pub mod workflow;

pub use error::{Error, ErrorInfo, ErrorKind, Result, Retry};
pub use library::Library;
