//! An emulated AWS account, for tests: the services no emulator has.
//!
//! MediaConvert really transcodes, with ffmpeg, from and to the account's S3. Rekognition and
//! Transcribe answer in the services' shapes, computed from the media where that can be done and
//! else from a truth file beside it. Glacier vaults and the S3 front keep the hours a restore
//! takes on a clock of their own. Every request is checked against the public service model.

pub mod account;
pub mod admin;
pub mod auth;
pub mod calls;
pub mod clock;
pub mod completion;
pub mod events;
pub mod faults;
pub mod front;
pub mod glacier;
mod jobs;
pub mod library;
mod measure;
pub mod media;
pub mod mediaconvert;
pub mod model;
pub mod rekognition;
pub mod server;
pub mod service;
pub mod switches;
#[cfg(test)]
mod testing;
pub mod transcribe;
pub mod truth;
pub mod world;
