//! Everything on one machine: no account, no server.

mod blocking;
pub(crate) mod error;
mod storage;

pub use storage::{FolderStorage, UnfinishedUpload};
