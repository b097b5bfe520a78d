//! Work that blocks, kept off the threads that drive futures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// Runs `work` on a thread that may block.
///
/// Work that has begun goes on when the future is dropped; work that takes long asks `stop` now
/// and then and gives up.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce(&Stop) -> Result<T> + Send + 'static,
) -> Result<T> {
    let stop = Stop(Arc::new(AtomicBool::new(false)));
    let _stop_when_dropped = StopWhenDropped(Arc::clone(&stop.0));
    tokio::task::spawn_blocking(move || work(&stop)).await.unwrap_or_else(|cause| {
        Err(Error::new(ErrorKind::Unexpected, operation, "the work broke off").caused_by(cause))
    })
}

/// Tells whether anybody still waits for the work.
#[derive(Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Fails once nobody waits any more.
    ///
    /// # Errors
    /// [`Cancelled`](ErrorKind::Cancelled).
    pub(crate) fn check(&self, operation: &'static str) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, operation, "nobody waits for this"));
        }
        Ok(())
    }
}

struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
