//! The ordered log of what happened.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::Event;

/// Reads the event log. Every writing method of the catalog appends to it.
///
/// # Contract
/// - `every_change_is_an_event`: each change appends one event, in the order of the changes.
/// - `failed_change_is_no_event`: a change that fails appends none.
/// - `events_after_a_cursor`: reading after a sequence number gives the later ones, each once, in
///   order; nothing that commits later appears before it.
#[async_trait]
pub trait Events: Debug + Send + Sync + 'static {
    /// Reads at most `limit` events after the one numbered `after`; 0 reads from the first.
    async fn events(&self, after: i64, limit: usize) -> Result<Vec<Event>>;

    /// The number of the last event; 0 when there is none.
    async fn last_event(&self) -> Result<i64>;
}
