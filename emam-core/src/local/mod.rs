//! The embedded default: everything on this machine, with no account and no server.

mod analyzer;
mod jobs;
mod picture;
mod probe;
mod process;
mod tools;
mod transcode;
mod work;

pub use analyzer::FfAnalyzer;
pub use probe::FfProber;
pub use tools::{Tool, ToolPaths, ToolVersion, Tools};
pub use transcode::FfTranscoder;
