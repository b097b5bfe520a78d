//! The backends of one machine: no account, no server.

mod catalog;

pub use catalog::SqliteCatalog;
