//! Everything on one machine: no account, no server.

mod archive;
mod blocking;
pub(crate) mod error;
mod storage;

pub use archive::{ColdFolder, RestoreTime, RestoreTimes};
pub use storage::{FolderStorage, UnfinishedUpload};
