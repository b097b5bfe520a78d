//! Everything on one machine: no account, no server.

mod blocking;
mod catalog;
pub(crate) mod error;
mod storage;

pub use catalog::SqliteCatalog;
pub use storage::{FolderStorage, UnfinishedUpload};
