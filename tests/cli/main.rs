//! The command line, run as a program of its own on small media.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod commands;
mod failures;
mod guide;
mod interruption;
mod scene;
