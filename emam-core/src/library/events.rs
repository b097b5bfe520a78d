//! Events: the ordered log of what happened.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::library::handle;
use crate::model::Event;

handle! {
    /// The ordered log of what happened.
    Events
}

impl Events {
    /// Reads at most `limit` events (1 to 1,000) after the one numbered `after`; 0 reads from the
    /// first.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a limit out of range.
    pub async fn list(&self, after: i64, limit: i64) -> Result<Vec<Event>> {
        let limit = crate::model::PageRequest::first(limit).checked_limit("events.list")?;
        if after < 0 {
            return Err(Error::invalid("events.list", "after is the number of an event, or 0")
                .with("after", after));
        }
        self.catalog().events(after, limit).await
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
        // Another process may have written, of which nothing tells this one: so it looks.
        const LOOK_AGAIN: Duration = Duration::from_millis(250);
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.after = event.seq;
                return Ok(event);
            }
            self.ready = self.events.list(self.after, 500).await?.into();
            if self.ready.is_empty() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }
}
