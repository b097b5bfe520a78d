//! Which run is next.

use emam_core::Result;
use emam_core::backend::catalog::{Claim, run_rules};
use emam_core::id::RunId;
use emam_core::model::{RunKind, RunState};
use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::item::{self, Item, Row, after_instant, due_pk, id_of, instant_of, rank};
use super::table::Range;
use super::{DynamoRuns, ROUNDS, crowded};

/// Entries of each partition that are looked at: enough that workers who race for the first one
/// find another, and that of the runs that are due at once the more urgent ones are among them.
const LOOKED_AT: usize = 25;

impl DynamoRuns {
    /// Takes the next run that is due.
    pub(super) async fn claim(
        &self,
        operation: &'static str,
        claim: &Claim,
    ) -> Result<Option<Row>> {
        for _ in 0..ROUNDS {
            let candidates = self.candidates(operation, claim).await?;
            let mut lost = false;
            for id in candidates {
                let mut row = match self.load(operation, id).await {
                    Ok(row) => row,
                    Err(gone) if gone.kind() == emam_core::ErrorKind::NotFound => continue,
                    Err(other) => return Err(other),
                };
                // The index may be a moment behind.
                if !is_due(&row, claim) {
                    continue;
                }
                run_rules::claim(&mut row.run, claim.now);
                row.epoch += 1;
                row.until = Some(claim.until);
                row.worker = Some(claim.worker.clone());
                if self.store(operation, &mut row).await? {
                    return Ok(Some(row));
                }
                lost = true;
            }
            if !lost {
                return Ok(None);
            }
        }
        Err(crowded(operation))
    }

    /// Runs that seem to be due, the one to be taken first first.
    async fn candidates(&self, operation: &'static str, claim: &Claim) -> Result<Vec<RunId>> {
        let before = Some(after_instant(claim.now));
        let partitions = claim.kinds.iter().flat_map(|kind| {
            [
                (*kind, RunState::Queued, None),
                (*kind, RunState::Waiting, before.clone()),
                (*kind, RunState::Running, before.clone()),
            ]
        });
        let found = try_join_all(partitions.map(|(kind, state, before)| {
            let range = Range { before, backwards: false, limit: Some(LOOKED_AT) };
            self.partition(operation, kind, state, range)
        }));
        let mut found: Vec<(String, RunId)> = found
            .await?
            .iter()
            .flatten()
            .filter_map(|entry| Some((rank(place(entry)?).to_owned(), id_of(entry)?)))
            .collect();
        found.sort();
        found.dedup();
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    /// When the next run will be due.
    pub(super) async fn due(
        &self,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        let states = [RunState::Queued, RunState::Waiting, RunState::Running];
        let partitions = RunKind::ALL.iter().flat_map(|kind| states.map(|state| (*kind, state)));
        let first = try_join_all(partitions.map(|(kind, state)| async move {
            let range = Range { limit: Some(1), ..Range::default() };
            let entries = self.partition(operation, kind, state, range).await?;
            Ok::<_, emam_core::Error>(entries.first().map(|entry| match state {
                RunState::Queued => now,
                _ => place(entry).and_then(instant_of).map_or(now, |at| at.max(now)),
            }))
        }));
        Ok(first.await?.into_iter().flatten().min())
    }

    pub(super) async fn partition(
        &self,
        operation: &'static str,
        kind: RunKind,
        state: RunState,
        range: Range,
    ) -> Result<Vec<Item>> {
        self.entries(operation, self.tables.of(kind), due_pk(kind.as_str(), state), range).await
    }
}

fn place(entry: &Item) -> Option<&str> {
    entry.get("due_at")?.as_s().ok().map(String::as_str)
}

fn is_due(row: &Row, claim: &Claim) -> bool {
    if !claim.kinds.contains(&row.run.kind) {
        return false;
    }
    match row.run.state {
        RunState::Queued => true,
        RunState::Waiting | RunState::Running => item::due_at(row) < after_instant(claim.now),
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => false,
    }
}
