//! Keeps a library from being used where it cannot work.

use crate::error::{Error, ErrorKind, Result};

/// Remembers the process it was made in.
///
/// A fork has its parent's memory and none of its threads: the Tokio runtime is dead there, and the
/// catalog's file locks belong to the parent. Whatever would be done in a fork is refused instead
/// of hanging or damaging the catalog. Bindings ask before they touch their runtime.
///
/// ```
/// assert!(emam_core::library::ProcessGuard::new().check("assets.get").is_ok());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ProcessGuard {
    process: u32,
}

impl ProcessGuard {
    /// Remembers this process.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { process: std::process::id() }
    }

    /// Refuses what is done in another process than the one remembered.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) in a fork.
    pub fn check(&self, operation: &str) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Conflict,
            operation.to_owned(),
            "this process is a fork of the one that uses the library, and cannot; start processes \
             afresh (in Python: multiprocessing with the method `spawn`) and open it there",
        ))
    }
}
