//! What the tests of timelines share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod cut;
pub mod model;
pub mod tools;
pub mod view;
