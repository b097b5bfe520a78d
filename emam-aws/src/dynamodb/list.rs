//! Lists of runs, newest first.
//!
//! Runs that have ended lie in the index by age. Those that have not lie there by when they are due,
//! so all entries of such a partition are read (their keys only) and sorted here.

use std::collections::HashMap;

use data_encoding::BASE64URL_NOPAD;
use emam_core::backend::catalog::RunFilter;
use emam_core::id::{AssetId, RunId};
use emam_core::model::{Page, PageRequest, Run, RunKind, RunState};
use emam_core::{Error, Result};
use futures_util::future::try_join_all;
use md5::{Digest, Md5};

use super::DynamoRuns;
use super::item::{Item, id_of, text};
use super::start::asset_pk;
use super::table::Range;

const STATES: [RunState; 6] = [
    RunState::Queued,
    RunState::Running,
    RunState::Waiting,
    RunState::Succeeded,
    RunState::Failed,
    RunState::Cancelled,
];

/// Bytes of a cursor that tell whether it was given for this list.
const CHECK_LENGTH: usize = 8;

/// Runs that may belong to a page, newest first, each with its table.
struct Found {
    ids: Vec<RunId>,
    /// Whether there are more after the last.
    more: bool,
}

impl DynamoRuns {
    pub(super) async fn list(
        &self,
        operation: &'static str,
        filter: &RunFilter,
        page: &PageRequest,
    ) -> Result<Page<Run>> {
        let limit = page.checked_limit(operation)?;
        let scope = self.scope(filter);
        let mut before = match &page.cursor {
            Some(cursor) => Some(read_cursor(operation, &scope, cursor)?),
            None => None,
        };
        let mut items: Vec<Run> = Vec::new();
        loop {
            let wanted = limit + 1 - items.len();
            let found = match filter.asset {
                Some(asset) => self.of_asset(operation, asset, before, wanted).await?,
                None => self.of_states(operation, filter, before, wanted).await?,
            };
            before = found.ids.last().copied().or(before);
            items.extend(self.in_order(operation, &found.ids, filter).await?);
            if items.len() > limit || !found.more {
                break;
            }
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|run| write_cursor(&scope, run.id));
        Ok(Page { items, next })
    }

    /// Reads the runs and keeps those that fit the filter now, in the order of `ids`.
    async fn in_order(
        &self,
        operation: &'static str,
        ids: &[RunId],
        filter: &RunFilter,
    ) -> Result<Vec<Run>> {
        let tables = self.tables.each();
        let found = try_join_all(tables.map(|table| self.load_many(operation, table, ids))).await?;
        let mut runs: HashMap<RunId, Run> =
            found.into_iter().flatten().map(|row| (row.run.id, row.run)).collect();
        Ok(ids
            .iter()
            .filter_map(|id| runs.remove(id))
            .filter(|run| filter.states.is_empty() || filter.states.contains(&run.state))
            .filter(|run| filter.kinds.is_empty() || filter.kinds.contains(&run.kind))
            .filter(|run| filter.asset.is_none() || filter.asset == run.asset)
            .collect())
    }

    async fn of_asset(
        &self,
        operation: &'static str,
        asset: AssetId,
        before: Option<RunId>,
        wanted: usize,
    ) -> Result<Found> {
        let query = |table: &str| {
            let mut condition = "pk = :pk".to_owned();
            let mut query = self
                .client
                .query()
                .table_name(table)
                .consistent_read(true)
                .scan_index_forward(false)
                .expression_attribute_values(":pk", text(asset_pk(asset)));
            if let Some(before) = before {
                condition += " AND sk < :before";
                query = query.expression_attribute_values(":before", text(before.to_string()));
            }
            self.pages(operation, query.key_condition_expression(condition), Some(wanted))
        };
        let found = try_join_all(self.tables.each().map(query)).await?;
        let more = found.iter().any(|items| items.len() >= wanted);
        let id = |item: &Item| item.get("sk")?.as_s().ok()?.parse().ok();
        Ok(newest(found.iter().flatten().filter_map(id).collect(), more, wanted))
    }

    async fn of_states(
        &self,
        operation: &'static str,
        filter: &RunFilter,
        before: Option<RunId>,
        wanted: usize,
    ) -> Result<Found> {
        let kinds = if filter.kinds.is_empty() { &RunKind::ALL[..] } else { &filter.kinds[..] };
        let states = if filter.states.is_empty() { &STATES[..] } else { &filter.states[..] };
        let partitions = kinds.iter().flat_map(|kind| states.iter().map(move |s| (*kind, *s)));
        let found = try_join_all(partitions.map(|(kind, state)| async move {
            let range = if state.is_final() {
                let before = before.map(|id| id.to_string());
                Range { before, backwards: true, limit: Some(wanted) }
            } else {
                Range::default()
            };
            let entries = self.partition(operation, kind, state, range).await?;
            let full = state.is_final() && entries.len() >= wanted;
            let ids = entries.iter().filter_map(id_of).collect::<Vec<_>>();
            Ok::<_, Error>((ids, full))
        }))
        .await?;
        let more = found.iter().any(|(_, full)| *full);
        let ids = found.into_iter().flat_map(|(ids, _)| ids);
        let ids = ids.filter(|id| before.is_none_or(|before| *id < before)).collect();
        Ok(newest(ids, more, wanted))
    }

    /// What a cursor was given for: these tables and this filter.
    fn scope(&self, filter: &RunFilter) -> Vec<u8> {
        let tables = (&self.tables.ingest, &self.tables.delivery);
        // Plain data has JSON; without it a cursor would be refused when it comes back.
        serde_json::to_vec(&(tables, filter)).unwrap_or_default()
    }
}

fn newest(mut ids: Vec<RunId>, more: bool, wanted: usize) -> Found {
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.dedup();
    let more = more || ids.len() > wanted;
    ids.truncate(wanted);
    Found { ids, more }
}

fn check(scope: &[u8], id: &[u8]) -> Vec<u8> {
    let digest = Md5::new().chain_update(scope).chain_update(id).finalize();
    digest[..CHECK_LENGTH].to_vec()
}

/// A cursor for going on after a run. Its check keeps mistakes out, not attackers: what it tells, an
/// id, gives nobody a right.
fn write_cursor(scope: &[u8], id: RunId) -> String {
    let id = id.uuid().into_bytes();
    BASE64URL_NOPAD.encode(&[&id[..], &check(scope, &id)].concat())
}

fn read_cursor(operation: &'static str, scope: &[u8], cursor: &str) -> Result<RunId> {
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap_or_default();
    bytes
        .split_at_checked(16)
        .filter(|(id, checked)| *checked == check(scope, id))
        .and_then(|(id, _)| uuid::Uuid::from_slice(id).ok())
        .map(RunId::from_uuid)
        .ok_or_else(|| {
            let message = "this cursor was not given for this list; \
                           take `next` of its page before, or none for the first page";
            let shown: String = cursor.chars().take(40).collect();
            Error::invalid(operation, message).with("cursor", shown)
        })
}

#[cfg(test)]
mod tests {
    use emam_core::clock::SystemClock;

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_list_only() {
        let id = RunId::new(&SystemClock);
        let cursor = write_cursor(b"list", id);
        assert_eq!(read_cursor("runs.list", b"list", &cursor).unwrap(), id);
        assert!(read_cursor("runs.list", b"another", &cursor).is_err());
        for forged in ["", "A", "not base64!", &cursor[1..], &cursor.to_lowercase()] {
            let error = read_cursor("runs.list", b"list", forged).unwrap_err();
            assert_eq!(error.kind(), emam_core::ErrorKind::InvalidInput, "{forged}");
        }
    }
}
