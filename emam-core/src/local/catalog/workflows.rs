//! Runs.
//!
//! `run.due_at` is when a run may be taken: long ago while it is queued, `resume_at` while it
//! waits, the end of its lease while it runs, never once it is final. So taking the next run is
//! one look at one index, and a dead worker's run needs no other care than a live one's.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use serde_json::{Value, json};

use crate::backend::catalog::{
    Claim, LaneEntry, Lease, Leased, RunFilter, Settlement, StepReport, Workflows, run_rules,
};
use crate::error::Result;
use crate::id::RunId;
use crate::model::{Page, PageRequest, Progress, Run, RunState, Step};

use super::SqliteCatalog;
use super::codes::{Code, instant, micros, sql_list};
use super::error::{Fault, Sql};
use super::records::{Tx, docs, exists, from_doc, missing, to_doc};

/// When a queued run is due.
const LONG_AGO: i64 = i64::MIN;

/// A run as it is stored.
struct Row {
    seq: i64,
    epoch: i64,
    run: Run,
}

fn load(conn: &Connection, operation: &'static str, id: RunId) -> Sql<Row> {
    load_where(conn, operation, "id = ?1", &[id.uuid().as_bytes()])?
        .ok_or_else(|| missing(operation, "run", id.uuid()).into())
}

fn load_where(
    conn: &Connection,
    operation: &'static str,
    condition: &str,
    values: &[&dyn ToSql],
) -> Sql<Option<Row>> {
    let sql = format!("SELECT seq, epoch, progress, doc FROM run WHERE {condition} LIMIT 1");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    match rows.next()? {
        None => Ok(None),
        Some(row) => {
            let (seq, epoch, progress, doc): (i64, i64, Option<String>, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(Some(Row { seq, epoch, run: complete(conn, operation, seq, progress, &doc)? }))
        }
    }
}

/// The run with what is stored beside its record.
fn complete(
    conn: &Connection,
    operation: &'static str,
    seq: i64,
    progress: Option<String>,
    doc: &str,
) -> Sql<Run> {
    let mut run: Run = from_doc(operation, doc)?;
    run.progress = progress.map(|doc| from_doc(operation, &doc)).transpose()?;
    run.steps =
        docs(conn, operation, "SELECT doc FROM run_step WHERE run_seq = ?1 ORDER BY seq", &[&seq])?;
    Ok(run)
}

/// The record without what is stored beside it.
fn bare(operation: &'static str, run: &Run) -> Sql<String> {
    to_doc(operation, &Run { steps: Vec::new(), progress: None, ..run.clone() })
}

fn event(tx: &Tx<'_>, verb: &str, run: &Run, mut data: Value) -> Sql<()> {
    data["kind"] = json!(run.kind);
    data["state"] = json!(run.state);
    tx.event("run", verb, run.id.uuid(), None, &data)
}

/// Stores what a change has made of a run; `due_at` only where the state does not say it.
fn store(tx: &Tx<'_>, row: &Row, lease_end: Option<Timestamp>) -> Sql<()> {
    let run = &row.run;
    let due_at = match run.state {
        RunState::Queued => Some(LONG_AGO),
        RunState::Waiting => Some(run.resume_at.map_or(LONG_AGO, micros)),
        RunState::Running => Some(lease_end.map_or(LONG_AGO, micros)),
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => None,
    };
    let progress = run.progress.as_ref().map(|now| to_doc(tx.operation, now)).transpose()?;
    tx.prepare_cached(
        "UPDATE run SET state = ?2, due_at = ?3, epoch = ?4, progress = ?5, doc = ?6 \
         WHERE seq = ?1",
    )?
    .execute(params![
        row.seq,
        run.state.code(),
        due_at,
        row.epoch,
        progress,
        bare(tx.operation, run)?
    ])?;
    Ok(())
}

fn start(tx: &Tx<'_>, run: &Run) -> Sql<Run> {
    if let Some(key) = &run.idempotency_key {
        let started = load_where(tx, tx.operation, "idempotency_key = ?1", &[key])?;
        if let Some(started) = started {
            return Ok(started.run);
        }
    }
    run_rules::check_start(tx.operation, run)?;
    let inserted = tx
        .prepare_cached(
            "INSERT INTO run (id, kind, state, priority, asset, idempotency_key, due_at, progress, \
             doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            run.id.uuid().as_bytes(),
            run.kind.code(),
            run.state.code(),
            run.priority,
            run.asset.map(|asset| *asset.uuid().as_bytes()),
            run.idempotency_key,
            LONG_AGO,
            run.progress.as_ref().map(|now| to_doc(tx.operation, now)).transpose()?,
            bare(tx.operation, run)?,
        ])
        .map_err(Fault::from);
    match inserted {
        Err(fault) if fault.breaks_unique("run.id") && !fault.breaks_unique("idempotency") => {
            return Err(exists(tx.operation, "run", run.id.uuid()).into());
        }
        other => other?,
    };
    let seq = tx.last_insert_rowid();
    for step in &run.steps {
        put_step(tx, seq, step)?;
    }
    event(tx, "created", run, json!({}))?;
    Ok(run.clone())
}

fn claim(tx: &Tx<'_>, claim: &Claim) -> Sql<Option<Leased>> {
    let kinds = sql_list(claim.kinds.iter().map(|kind| kind.code()));
    let condition = format!("due_at <= ?1 AND kind IN ({kinds}) ORDER BY priority DESC, seq");
    let Some(mut row) = load_where(tx, tx.operation, &condition, &[&micros(claim.now)])? else {
        return Ok(None);
    };
    row.epoch += 1;
    run_rules::claim(&mut row.run, claim.now);
    store(tx, &row, Some(claim.until))?;
    tx.prepare_cached("UPDATE run SET worker = ?2 WHERE seq = ?1")?
        .execute(params![row.seq, claim.worker])?;
    event(tx, "updated", &row.run, json!({}))?;
    let lease = Lease { run: row.run.id, epoch: row.epoch };
    Ok(Some(Leased { run: row.run, lease }))
}

/// Reads the run of a lease that still holds.
fn leased(tx: &Tx<'_>, lease: &Lease) -> Sql<Row> {
    let row = load(tx, tx.operation, lease.run)?;
    run_rules::check_lease(tx.operation, lease, &row.run, row.epoch)?;
    Ok(row)
}

/// Stores a change of a leased run that leaves the end of its lease alone.
fn touch(tx: &Tx<'_>, row: &Row) -> Sql<()> {
    tx.prepare_cached("UPDATE run SET doc = ?2 WHERE seq = ?1")?
        .execute(params![row.seq, bare(tx.operation, &row.run)?])?;
    Ok(())
}

fn put_step(tx: &Tx<'_>, run_seq: i64, step: &Step) -> Sql<()> {
    // An upsert keeps the row's seq and so the order the steps were first begun in.
    tx.prepare_cached(
        "INSERT INTO run_step (run_seq, name, doc) VALUES (?1, ?2, ?3) \
         ON CONFLICT (run_seq, name) DO UPDATE SET doc = excluded.doc",
    )?
    .execute(params![run_seq, step.name, to_doc(tx.operation, step)?])?;
    Ok(())
}

fn report_step(tx: &Tx<'_>, lease: &Lease, report: &StepReport) -> Sql<()> {
    let mut row = leased(tx, lease)?;
    let at = run_rules::report_step(tx.operation, &mut row.run, report)?;
    let step = &row.run.steps[at];
    put_step(tx, row.seq, step)?;
    touch(tx, &row)?;
    event(tx, "updated", &row.run, json!({ "step": step.name, "step_state": step.state }))
}

fn settle(tx: &Tx<'_>, lease: &Lease, settlement: &Settlement, now: Timestamp) -> Sql<Run> {
    let mut row = leased(tx, lease)?;
    run_rules::settle(&mut row.run, settlement, now);
    store(tx, &row, None)?;
    event(tx, "updated", &row.run, json!({}))?;
    Ok(row.run)
}

fn cancel(tx: &Tx<'_>, id: RunId, now: Timestamp) -> Sql<Run> {
    let mut row = load(tx, tx.operation, id)?;
    if !run_rules::cancel(tx.operation, &mut row.run, now)? {
        return Ok(row.run);
    }
    if row.run.state == RunState::Running {
        touch(tx, &row)?;
    } else {
        store(tx, &row, None)?;
    }
    event(tx, "updated", &row.run, json!({ "cancel_requested": true }))?;
    Ok(row.run)
}

fn retry(tx: &Tx<'_>, id: RunId, now: Timestamp) -> Sql<Run> {
    let mut row = load(tx, tx.operation, id)?;
    run_rules::retry(tx.operation, &mut row.run, now)?;
    store(tx, &row, None)?;
    event(tx, "updated", &row.run, json!({}))?;
    Ok(row.run)
}

fn wake(tx: &Tx<'_>, id: RunId, now: Timestamp) -> Sql<()> {
    let mut row = load(tx, tx.operation, id)?;
    if !run_rules::wake(&mut row.run, now) {
        return Ok(());
    }
    store(tx, &row, None)?;
    event(tx, "updated", &row.run, json!({}))
}

fn enter(tx: &Tx<'_>, entry: &LaneEntry, now: Timestamp) -> Sql<bool> {
    tx.prepare_cached("DELETE FROM lane_entry WHERE lane = ?1 AND until <= ?2")?
        .execute(params![entry.lane, micros(now)])?;
    let entered = tx
        .prepare_cached(
            "INSERT INTO lane_entry (lane, holder, until) SELECT ?1, ?2, ?3 \
             WHERE (SELECT count(*) FROM lane_entry WHERE lane = ?1 AND holder <> ?2) < ?4 \
             ON CONFLICT (lane, holder) DO UPDATE SET until = excluded.until",
        )?
        .execute(params![
            entry.lane,
            entry.holder,
            micros(entry.until),
            i64::try_from(entry.room).unwrap_or(i64::MAX)
        ])?;
    Ok(entered == 1)
}

fn leave(tx: &Tx<'_>, lane: &str, holder: &str) -> Sql<()> {
    tx.prepare_cached("DELETE FROM lane_entry WHERE lane = ?1 AND holder = ?2")?
        .execute([lane, holder])?;
    Ok(())
}

fn list(
    conn: &Connection,
    operation: &'static str,
    filter: &RunFilter,
    before: i64,
    limit: usize,
) -> Sql<Vec<(i64, Run)>> {
    let mut sql = String::from("SELECT seq, progress, doc FROM run WHERE seq < ?1");
    if !filter.states.is_empty() {
        sql += &format!(
            " AND state IN ({})",
            sql_list(filter.states.iter().map(|state| state.code()))
        );
    }
    if !filter.kinds.is_empty() {
        sql += &format!(" AND kind IN ({})", sql_list(filter.kinds.iter().map(|kind| kind.code())));
    }
    let asset = filter.asset.map(|asset| *asset.uuid().as_bytes());
    sql += if asset.is_some() { " AND asset = ?3" } else { " AND ?3 IS NULL" };
    sql += " ORDER BY seq DESC LIMIT ?2";
    let mut statement = conn.prepare_cached(&sql)?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![before, most, asset])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, doc): (i64, String) = (row.get(0)?, row.get(2)?);
        runs.push((seq, complete(conn, operation, seq, row.get(1)?, &doc)?));
    }
    Ok(runs)
}

#[async_trait]
impl Workflows for SqliteCatalog {
    async fn start_run(&self, run: &Run) -> Result<Run> {
        let run = run.clone();
        self.write("runs.start", move |tx| start(tx, &run)).await
    }

    async fn claim_run(&self, request: &Claim) -> Result<Option<Leased>> {
        let request = request.clone();
        self.write("runs.claim", move |tx| claim(tx, &request)).await
    }

    async fn extend_lease(
        &self,
        lease: &Lease,
        _now: Timestamp,
        until: Timestamp,
        progress: Option<&Progress>,
    ) -> Result<bool> {
        let (lease, progress) = (lease.clone(), progress.cloned());
        self.write("runs.extend", move |tx| {
            let row = leased(tx, &lease)?;
            let progress = progress.map(|now| to_doc(tx.operation, &now)).transpose()?;
            tx.prepare_cached(
                "UPDATE run SET due_at = ?2, progress = coalesce(?3, progress) WHERE seq = ?1",
            )?
            .execute(params![row.seq, micros(until), progress])?;
            Ok(row.run.cancel_requested)
        })
        .await
    }

    async fn report_step(&self, lease: &Lease, report: &StepReport) -> Result<()> {
        let (lease, report) = (lease.clone(), report.clone());
        self.write("runs.report_step", move |tx| report_step(tx, &lease, &report)).await
    }

    async fn settle_run(
        &self,
        lease: &Lease,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Run> {
        let (lease, settlement) = (lease.clone(), settlement.clone());
        self.write("runs.settle", move |tx| settle(tx, &lease, &settlement, now)).await
    }

    async fn cancel_run(&self, id: RunId, now: Timestamp) -> Result<Run> {
        self.write("runs.cancel", move |tx| cancel(tx, id, now)).await
    }

    async fn retry_run(&self, id: RunId, now: Timestamp) -> Result<Run> {
        self.write("runs.retry", move |tx| retry(tx, id, now)).await
    }

    async fn wake_run(&self, id: RunId, now: Timestamp) -> Result<()> {
        self.write("runs.wake", move |tx| wake(tx, id, now)).await
    }

    async fn enter_lane(&self, entry: &LaneEntry, now: Timestamp) -> Result<bool> {
        let entry = entry.clone();
        self.write("runs.enter_lane", move |tx| enter(tx, &entry, now)).await
    }

    async fn leave_lane(&self, lane: &str, holder: &str) -> Result<()> {
        let (lane, holder) = (lane.to_owned(), holder.to_owned());
        self.write("runs.leave_lane", move |tx| leave(tx, &lane, &holder)).await
    }

    async fn run(&self, id: RunId) -> Result<Run> {
        const OPERATION: &str = "runs.get";
        self.find(OPERATION, move |conn| Ok(load(conn, OPERATION, id)?.run)).await
    }

    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>> {
        const OPERATION: &str = "runs.list";
        let limit = page.checked_limit(OPERATION)?;
        let scope = (OPERATION, filter.clone());
        let before = match &page.cursor {
            Some(cursor) => self.cursors().read(OPERATION, &scope, cursor)?,
            None => i64::MAX,
        };
        let filter = filter.clone();
        let mut runs = self
            .read(OPERATION, move |conn| list(conn, OPERATION, &filter, before, limit + 1))
            .await?;
        let more = runs.len() > limit;
        runs.truncate(limit);
        let next = runs.last().filter(|_| more).map(|(seq, _)| self.cursors().write(&scope, seq));
        Ok(Page { items: runs.into_iter().map(|(_, run)| run).collect(), next })
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        self.read("runs.next_due", move |conn| {
            let due: Option<i64> = conn
                .prepare_cached("SELECT min(due_at) FROM run WHERE due_at IS NOT NULL")?
                .query_row([], |row| row.get(0))
                .optional()?
                .flatten();
            Ok(due.map(|due| if due <= micros(now) { now } else { instant(due) }))
        })
        .await
    }
}
