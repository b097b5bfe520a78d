//! What is done with one message.

use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use emam_core::Result;
use emam_core::backend::Signal;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};

use super::{Worker, WorkerOptions, count, seconds};
use crate::error::error;
use crate::events;

/// The longest SQS hides a message after it was received.
const LONGEST_HIDDEN: Duration = Duration::from_secs(12 * 3600);

impl Worker {
    /// Acts on a message and hands it on to be deleted, or leaves it for later.
    pub(super) async fn work(self, message: Message, done: mpsc::Sender<String>) {
        let Some(handle) = message.receipt_handle.clone() else { return };
        match self.act(&message, &handle).await {
            // The receiving end lives as long as there are messages at work.
            Ok(()) => drop(done.send(handle).await),
            Err(fault) => {
                let wait = back_off(&self.options, receive_count(&message));
                let error = fault.report();
                let message = message.message_id.as_deref().unwrap_or_default();
                tracing::warn!(message, %error, wait_s = wait.as_secs(), "a message is left");
                self.hide(&handle, wait).await;
            }
        }
    }

    async fn act(&self, message: &Message, handle: &str) -> Result<()> {
        let signals = events::parse(message.body.as_deref().unwrap_or_default())
            .inspect_err(|_| count(&self.counters.malformed))?;
        let mut ours = false;
        for signal in &signals {
            if let Signal::Ignored { reason } = signal {
                tracing::debug!(message = message.message_id, reason, "nothing for this library");
                continue;
            }
            ours = true;
            self.hidden_while(handle, self.handler.signal(signal))
                .await
                .inspect_err(|_| count(&self.counters.failed))?;
        }
        count(if ours { &self.counters.done } else { &self.counters.ignored });
        Ok(())
    }

    /// Keeps a message hidden from other workers while `work` is under way.
    async fn hidden_while(
        &self,
        handle: &str,
        work: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let hidden_for = self.options.hidden_for;
        let mut work = std::pin::pin!(work);
        let period = (hidden_for / 3).max(Duration::from_millis(100));
        let mut again = interval_at(Instant::now() + period, period);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = again.tick() => self.hide(handle, hidden_for).await,
            }
        }
    }

    pub(super) async fn hide(&self, handle: &str, time: Duration) {
        let change = self
            .client
            .change_message_visibility()
            .queue_url(&self.queue_url)
            .receipt_handle(handle)
            .visibility_timeout(seconds(time));
        if let Err(cause) = change.send().await {
            // It then comes again as soon as it is hidden no longer, which does no harm.
            count(&self.counters.errors);
            let error = error("queue.hide", cause);
            tracing::warn!(queue = self.queue_url, error = %error.report(), "a message may come again");
        }
    }
}

/// How often a message has been received, this time included.
fn receive_count(message: &Message) -> u32 {
    let attributes = message.attributes.as_ref();
    let count =
        attributes.and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// How long a message that has failed `times` times is left.
fn back_off(options: &WorkerOptions, times: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(times.saturating_sub(1));
    options.first_retry.saturating_mul(doubled).min(options.longest_retry).min(LONGEST_HIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_left_longer_each_time() {
        let options = WorkerOptions::default();
        let waits: Vec<u64> =
            [0, 1, 2, 3, 8, 9, 1000].map(|times| back_off(&options, times).as_secs()).to_vec();
        assert_eq!(waits, [5, 5, 10, 20, 640, 900, 900]);
    }
}
