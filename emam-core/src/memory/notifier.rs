//! Notices kept in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::backend::{Notice, Notifier, NotifierCapabilities};
use crate::error::{Error, ErrorKind, Result};

/// Bytes of the largest notice; so small that a test reaches it.
const LARGEST: usize = 64 << 10;

/// A notifier that tells nobody and keeps what it was told, for tests.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use emam_core::backend::{Notice, Notifier};
/// use emam_core::memory::MemoryNotifier;
/// use emam_core::model::Topic;
///
/// let notifier = MemoryNotifier::new();
/// let notice = Notice {
///     id: "7".into(),
///     at: "2026-01-01T00:00:00Z".parse()?,
///     topic: Topic::new("run", "updated"),
///     subject: "ingest of rain: succeeded".into(),
///     text: "Run 7".into(),
///     data: serde_json::json!({ "state": "succeeded" }),
/// };
/// notifier.notify(&notice).await?;
/// assert_eq!(notifier.notices(), [notice]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryNotifier {
    notices: Mutex<Vec<Notice>>,
    unreachable: bool,
}

impl MemoryNotifier {
    /// One that was told nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose service does not answer.
    pub fn unreachable() -> Self {
        Self { unreachable: true, ..Self::default() }
    }

    /// What it was told, in order.
    pub fn notices(&self) -> Vec<Notice> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Notice>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifier for MemoryNotifier {
    fn capabilities(&self) -> NotifierCapabilities {
        NotifierCapabilities { service: "memory".into(), largest: LARGEST }
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        notice.checked_json("notifier.notify", LARGEST)?;
        if self.unreachable {
            let message = "this notifier was made to fail";
            return Err(Error::new(ErrorKind::Unavailable, "notifier.notify", message));
        }
        self.lock().push(notice.clone());
        Ok(())
    }
}
