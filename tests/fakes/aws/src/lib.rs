//! An emulated AWS account, for tests: the services no emulator has.
//!
//! MediaConvert really transcodes, with ffmpeg, from and to the account's S3. Rekognition and
//! Transcribe answer in the services' shapes, computed from the media where that can be done and
//! else from a truth file beside it. Glacier vaults and the S3 front keep the hours a restore
//! takes on a clock of their own. Every request is checked against the public service model.

pub mod clock;
pub mod front;
pub mod service;
pub mod switches;
pub mod world;
