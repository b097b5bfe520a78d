//! Real and hostile media through the prober, the transcoder and the analyzer of this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod media {
    mod probe;
    mod transcode;
}
