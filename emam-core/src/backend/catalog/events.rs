//! The ordered log of what happened.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Event, NewEvent};

/// Reads the event log. Every writing method of the catalog appends to it.
///
/// # Contract
/// - `every_change_is_an_event`: each change appends one event, in the order of the changes.
/// - `failed_change_is_no_event`: a change that fails appends none.
/// - `what_happened_elsewhere_is_logged`: `log_event` appends an event of something that is not kept
///   in this catalog.
/// - `a_reader_moves_on_once`: `advance_reader` moves a reader's place in the log from where it was
///   read to a later one; from anywhere else it is false and changes nothing.
/// - `events_after_a_cursor`: reading after a sequence number gives the later ones, each once, in
///   order; nothing that commits later appears before it.
#[async_trait]
pub trait Events: Debug + Send + Sync + 'static {
    /// Reads at most `limit` events after the one numbered `after`; 0 reads from the first.
    async fn events(&self, after: i64, limit: usize) -> Result<Vec<Event>>;

    /// Appends an event of something that is not kept in this catalog; gives its number.
    async fn log_event(&self, event: &NewEvent) -> Result<i64>;

    /// How far the reader of this name has read: the number of the last event it is done with, 0
    /// before the first.
    async fn reader(&self, name: &str) -> Result<i64>;

    /// Moves a reader from one place in the log to a later one; false where it is no longer at the
    /// first, because another process was faster.
    async fn advance_reader(&self, name: &str, from: i64, to: i64) -> Result<bool>;

    /// The number of the last event; 0 when there is none.
    async fn last_event(&self) -> Result<i64>;
}
