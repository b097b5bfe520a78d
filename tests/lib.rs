//! Shared by the tests of this package.

#[path = "aws/account.rs"]
pub mod aws;

pub use emam_test_support::{bytes, media, skip};
