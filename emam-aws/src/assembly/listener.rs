//! What works beside a library on an account: the reader of its queue, and the sweep for jobs whose
//! event was lost.

use std::sync::Arc;
use std::time::Duration;

use emam_core::Library;

use crate::intake::Intake;
#[cfg(feature = "events")]
use crate::queue::{Worker, WorkerCounts};

/// How often to look for jobs that nobody told of.
const SWEEP: Duration = Duration::from_secs(60);

/// Listens to the services of an account for one library.
#[derive(Debug, Clone)]
pub struct Listener {
    pub(super) intake: Arc<Intake>,
    #[cfg(feature = "events")]
    pub(super) worker: Option<Worker>,
}

impl Listener {
    /// What acts on what is heard.
    pub fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// What the queue's reader has done so far; nothing where there is no queue.
    #[cfg(feature = "events")]
    pub fn counts(&self) -> Option<WorkerCounts> {
        self.worker.as_ref().map(Worker::counts)
    }

    /// Listens from now on, until the library is closed or dropped.
    pub fn until_closed(&self, library: &Library) {
        #[cfg(feature = "events")]
        if let Some(worker) = self.worker.clone() {
            let closing = library.closing();
            tokio::spawn(async move { worker.run(closing).await });
        }
        let (intake, closing) = (Arc::clone(&self.intake), library.closing());
        tokio::spawn(async move {
            let sweeping = async {
                loop {
                    if let Err(error) = intake.sweep().await {
                        tracing::warn!(error = %error.report(), "jobs were not looked for");
                    }
                    tokio::time::sleep(SWEEP).await;
                }
            };
            tokio::select! {
                () = sweeping => {}
                () = closing => {}
            }
        });
    }
}
