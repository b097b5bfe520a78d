//! The embedded default: everything on one machine, with no account and no server.

mod analyzer;
mod archive;
mod backends;
mod blocking;
mod catalog;
pub(crate) mod error;
mod fetching;
mod jobs;
#[cfg(feature = "cli")]
pub(crate) mod needs;
mod picture;
mod probe;
mod process;
mod render;
mod storage;
mod tools;
mod transcode;
mod work;

pub(crate) use backends::LocalBackends;
pub use backends::LocalTools;

pub use analyzer::FfAnalyzer;
pub use archive::{ColdFolder, RestoreTime, RestoreTimes};
pub use catalog::SqliteCatalog;
pub use fetching::Fetching;
pub use probe::FfProber;
pub use render::FfRenderer;
pub use storage::{FolderStorage, UnfinishedUpload};
pub use tools::{Tool, ToolPaths, ToolVersion, Tools, Toolset};
pub use transcode::FfTranscoder;
