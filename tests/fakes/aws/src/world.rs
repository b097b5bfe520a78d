//! What the emulated services share: clock, switches, the account's S3 and its event queue.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::clock::Clock;
use crate::switches::Switches;

/// What the emulated services share.
#[derive(Debug)]
pub struct World {
    /// The account's time.
    pub clock: Clock,
    /// What goes wrong on purpose.
    switches: Mutex<Switches>,
    /// The account's S3, as its services see it: behind the faults of the front.
    pub s3: aws_sdk_s3::Client,
    /// The account's SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Where EventBridge and SNS would deliver to; absent when nobody listens.
    events_queue: Mutex<Option<String>>,
    /// The ffmpeg program.
    pub ffmpeg: PathBuf,
    /// The ffprobe program.
    pub ffprobe: PathBuf,
    /// Work files.
    pub scratch: PathBuf,
}

impl World {
    /// A world with everything in its place and nothing going wrong.
    pub fn new(parts: Parts) -> Self {
        let Parts { clock, s3, sqs, events_queue, ffmpeg, ffprobe, scratch } = parts;
        let (switches, events_queue) = (Mutex::default(), Mutex::new(events_queue));
        Self { clock, switches, s3, sqs, events_queue, ffmpeg, ffprobe, scratch }
    }

    /// The address of the queue events go to now.
    pub fn events_queue(&self) -> Option<String> {
        self.events_queue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends events to another queue, or to none.
    pub fn set_events_queue(&self, queue: Option<String>) {
        *self.events_queue.lock().unwrap_or_else(PoisonError::into_inner) = queue;
    }

    /// What goes wrong on purpose now.
    pub fn switches(&self) -> Switches {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes other things go wrong.
    pub fn set_switches(&self, switches: Switches) {
        *self.switches.lock().unwrap_or_else(PoisonError::into_inner) = switches;
    }
}

/// What a [`World`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The account's time.
    pub clock: Clock,
    /// The account's S3.
    pub s3: aws_sdk_s3::Client,
    /// The account's SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// The address of the queue events go to.
    pub events_queue: Option<String>,
    /// The ffmpeg program.
    pub ffmpeg: PathBuf,
    /// The ffprobe program.
    pub ffprobe: PathBuf,
    /// Work files.
    pub scratch: PathBuf,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::account;

    /// A world whose S3 and SQS nobody listens at.
    pub(crate) fn world() -> Arc<World> {
        let nowhere = "http://127.0.0.1:9";
        Arc::new(World::new(Parts {
            clock: Clock::new(1.0),
            s3: account::s3(nowhere),
            sqs: account::sqs(nowhere),
            events_queue: None,
            ffmpeg: PathBuf::from("ffmpeg"),
            ffprobe: PathBuf::from("ffprobe"),
            scratch: std::env::temp_dir(),
        }))
    }
}
