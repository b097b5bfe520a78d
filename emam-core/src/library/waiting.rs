//! Waiting for what others do: looking again whenever there may be news.

use std::time::Duration;

use crate::Library;
use crate::error::{Error, ErrorKind, Result};

/// Another process may be at it, of which nothing tells this one: so it looks after this time.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// However often there is news, looking this often is enough.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until something is there, for at most `timeout` (without end when absent). Gives nothing
/// when the time is over.
///
/// # Errors
/// What looking gives; [`Conflict`](ErrorKind::Conflict) where the library is closed meanwhile.
pub(super) async fn until<T, L: Future<Output = Result<Option<T>>>>(
    library: &Library,
    operation: &'static str,
    timeout: Option<Duration>,
    mut look: impl FnMut() -> L,
) -> Result<Option<T>> {
    let mut changes = library.engine().changes();
    let mut closing = library.engine().closing();
    let looking = async {
        loop {
            if let Some(there) = look().await? {
                return Ok(Some(there));
            }
            let pause = tokio::time::sleep(PAUSE);
            let _ = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
            pause.await;
        }
    };
    let closed = async { drop(closing.wait_for(|closing| *closing).await) };
    let looking = async {
        tokio::select! {
            // What is there is given even as the library closes.
            biased;
            there = looking => there,
            () = closed => Err(Error::new(
                ErrorKind::Conflict,
                operation,
                "the library was closed while this was waited for; open it again and wait anew",
            )),
        }
    };
    match timeout {
        None => looking.await,
        Some(timeout) => tokio::time::timeout(timeout, looking).await.unwrap_or(Ok(None)),
    }
}

/// Fails when the time is over.
pub(super) fn in_time<T>(operation: &'static str, there: Option<T>) -> Result<T> {
    there.ok_or_else(|| {
        let message = "it has not ended in the time given for waiting; it goes on: wait again";
        Error::new(ErrorKind::Timeout, operation, message)
    })
}
