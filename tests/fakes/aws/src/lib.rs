//! An emulated AWS account, for tests: the services no emulator has.
//!
//! MediaConvert really transcodes, with ffmpeg, from and to the account's S3. Rekognition and
//! Transcribe answer in the services' shapes, computed from the media where that can be done and
//! else from a truth file beside it. Glacier vaults and the S3 front keep the hours a restore
//! takes on a clock of their own. Every request is checked against the public service model.
//!
//! `emam-awsim --s3 URL --events-queue URL --url-file FILE` runs it beside other tests;
//! [`library::start`] runs it inside one of Rust. All services answer at one address, with any keys
//! but `EXPIRED` and `DENIED`, which stand for credentials of that kind. What goes wrong is set over
//! HTTP ([`admin`], [`switches`]): a forced fault of the code `Cut` does the work and then drops the
//! connection. `GET /_awsim/calls` tells how many jobs really began, so that a test sees what was
//! submitted twice.
//!
//! Settings of MediaConvert that are not followed end the job in `ERROR` 1999 with `not emulated:`
//! and their path, such as several inputs, captions burnt in, DASH or CMAF. What stays unproved by
//! all of this: quotas and timing of the real services, their permissions, their picture quality.

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
mod wiring;
pub mod world;
