//! Events: the ordered log of what happened.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::library::{handle, waiting};
use crate::model::Event;

handle! {
    /// The ordered log of what happened.
    Events
}

impl Events {
    /// Reads at most `limit` events (1 to 1,000) after the one numbered `after`; 0 reads from the
    /// first. Where there is none yet, it waits for one for at most `wait`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a limit out of range.
    pub async fn list(&self, after: i64, limit: i64, wait: Duration) -> Result<Vec<Event>> {
        const OPERATION: &str = "events.list";
        let limit = crate::model::PageRequest::first(limit).checked_limit(OPERATION)?;
        if after < 0 {
            return Err(Error::invalid(OPERATION, "after is the number of an event, or 0")
                .with("after", after));
        }
        let look = || async move {
            let events = self.catalog().events(after, limit).await?;
            Ok((!events.is_empty()).then_some(events))
        };
        if wait.is_zero() {
            return Ok(look().await?.unwrap_or_default());
        }
        let events = waiting::until(&self.library, OPERATION, Some(wait), look).await?;
        Ok(events.unwrap_or_default())
    }

    /// The number of the last event; 0 when there is none.
    ///
    /// # Errors
    /// What reading the catalog gives.
    pub async fn last(&self) -> Result<i64> {
        self.catalog().last_event().await
    }

    /// Follows the log from after the event numbered `after`, through what is there and what
    /// comes. Keep the number of the last event handled: following from there misses nothing.
    pub fn follow(&self, after: i64) -> EventStream {
        EventStream { events: self.clone(), after, ready: VecDeque::new() }
    }
}

/// Follows the event log; made by [`Events::follow`].
#[derive(Debug)]
pub struct EventStream {
    events: Events,
    after: i64,
    ready: VecDeque<Event>,
}

impl EventStream {
    /// Waits for the next event. Dropping the future loses none.
    ///
    /// # Errors
    /// What reading the catalog gives; call again to go on.
    pub async fn next(&mut self) -> Result<Event> {
        const A_WHILE: Duration = Duration::from_secs(60);
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.after = event.seq;
                return Ok(event);
            }
            self.ready = self.events.list(self.after, 500, A_WHILE).await?.into();
        }
    }
}
