//! A run as an item of a table.
//!
//! | attribute | holds |
//! |---|---|
//! | `pk`, `sk` | `run#ID`, `run` |
//! | `rev` | counts the writes: a write is conditional on it |
//! | `mark` | names the latest write |
//! | `epoch` | the fencing token of the latest lease |
//! | `run` | the run as JSON, without its progress |
//! | `progress` | what it is doing now, as JSON |
//! | `state`, `cancel` | beside the JSON, for conditions |
//! | `until` | the end of the lease, in microseconds since 1970 |
//! | `due_pk` | `KIND#STATE`, the partition of the index |
//! | `due_at` | its place there, see [`due_at`] |
//! | `expires` | when DynamoDB may delete it, in seconds since 1970 |

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use emam_core::backend::catalog::StepReport;
use emam_core::id::RunId;
use emam_core::model::{Run, RunState};
use emam_core::{Error, ErrorKind, Result};
use jiff::Timestamp;

pub(super) type Item = HashMap<String, AttributeValue>;

/// Bytes of JSON a step may give. A run has about ten steps and has to fit into one item.
const LARGEST_OUTPUT: usize = 64 * 1024;

/// Bytes of JSON of a run: an item has at most 400 KB (DynamoDB Developer Guide, "Service quotas"),
/// and the attributes beside it need some.
const LARGEST_RUN: usize = 380 * 1024;

/// A run with what is kept beside it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) run: Run,
    pub(super) epoch: i64,
    pub(super) rev: u64,
    pub(super) until: Option<Timestamp>,
    pub(super) worker: Option<String>,
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The key of a run's item.
pub(super) fn key(id: RunId) -> Item {
    key_of(format!("run#{id}"), "run")
}

pub(super) fn key_of(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// The run an item's key or entry in the index is of.
pub(super) fn id_of(item: &Item) -> Option<RunId> {
    item.get("pk")?.as_s().ok()?.strip_prefix("run#")?.parse().ok()
}

/// Where a run stands among those of its kind and state: texts that sort as they are wanted.
///
/// - queued: the highest priority first, then the oldest: `PRIORITY#ID`
/// - waiting and running: the first to be due first: `TIME#PRIORITY#ID`
/// - final: by age: `ID`
pub(super) fn due_at(row: &Row) -> String {
    let run = &row.run;
    match run.state {
        RunState::Queued => format!("{}#{}", inverted(run.priority), run.id),
        RunState::Waiting => timed(run.resume_at, run),
        RunState::Running => timed(row.until, run),
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => run.id.to_string(),
    }
}

fn timed(at: Option<Timestamp>, run: &Run) -> String {
    // A run that waits for no time, or is leased for none, is due at once.
    let at = at.map_or_else(|| sortable(i64::MIN), instant);
    format!("{at}#{}#{}", inverted(run.priority), run.id)
}

/// An instant as text that sorts by time: microseconds, so that it is never later than it is.
pub(super) fn instant(at: Timestamp) -> String {
    sortable(at.as_microsecond())
}

/// What follows every place of that instant in the index, and comes before those of later ones.
pub(super) fn after_instant(at: Timestamp) -> String {
    // `~` is greater than `#`.
    format!("{}~", instant(at))
}

/// The instant a place in the index begins with.
pub(super) fn instant_of(due_at: &str) -> Option<Timestamp> {
    let micros = u64::from_str_radix(due_at.get(..16)?, 16).ok()? ^ (1 << 63);
    Timestamp::from_microsecond(micros.cast_signed()).ok()
}

fn sortable(micros: i64) -> String {
    format!("{:016x}", micros.cast_unsigned() ^ (1 << 63))
}

/// A priority as text of which the highest sorts first.
fn inverted(priority: i32) -> String {
    format!("{:08x}", i64::from(i32::MAX) - i64::from(priority))
}

/// The priority and age in a place of the index that is due, by which it is taken.
pub(super) fn rank(due_at: &str) -> &str {
    // Queued ones begin with it; before others stands the time.
    if due_at.find('#') == Some(16) { &due_at[17..] } else { due_at }
}

/// The partition of the index.
pub(super) fn due_pk(kind: &str, state: RunState) -> String {
    format!("{kind}#{}", state.as_str())
}

/// The item of a run.
pub(super) fn write(
    operation: &'static str,
    row: &Row,
    keep_ended: Option<Duration>,
) -> Result<Item> {
    let run = &row.run;
    let bare = Run { progress: None, ..run.clone() };
    let json = json_of(operation, &bare)?;
    if json.len() > LARGEST_RUN {
        let message = "the run's record is larger than a table keeps; \
                       keep large outputs in a storage and give their keys";
        return Err(Error::invalid(operation, message)
            .with("run", run.id)
            .with("bytes", json.len())
            .with("most", LARGEST_RUN));
    }
    let mut item = key(run.id);
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    put("rev", number(row.rev));
    put("epoch", number(row.epoch));
    put("run", text(json));
    put("state", text(run.state.as_str()));
    put("cancel", AttributeValue::Bool(run.cancel_requested));
    put("due_pk", text(due_pk(run.kind.as_str(), run.state)));
    put("due_at", text(due_at(row)));
    if let Some(progress) = &run.progress {
        put("progress", text(json_of(operation, progress)?));
    }
    if let Some(until) = row.until.filter(|_| run.state == RunState::Running) {
        put("until", number(until.as_microsecond()));
    }
    if let Some(worker) = &row.worker {
        put("worker", text(worker));
    }
    if let (Some(keep), Some(ended)) = (keep_ended, run.finished_at) {
        let keep = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
        put("expires", number(ended.as_second().saturating_add(keep)));
    }
    Ok(item)
}

/// The run of an item.
pub(super) fn read(operation: &'static str, item: &Item) -> Result<Row> {
    try_read(item).ok_or_else(|| {
        let message = "an item of this table is no run as this version writes them; \
                       is the table that of another program?";
        let key = item.get("pk").and_then(|pk| pk.as_s().ok());
        Error::new(ErrorKind::Unexpected, operation, message)
            .with("pk", key.map_or("none", String::as_str))
    })
}

fn try_read(item: &Item) -> Option<Row> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok());
    let mut run: Run = serde_json::from_str(text("run")?).ok()?;
    if let Some(progress) = text("progress") {
        run.progress = Some(serde_json::from_str(progress).ok()?);
    }
    let until = match number("until") {
        Some(micros) => Some(Timestamp::from_microsecond(micros.parse().ok()?).ok()?),
        None => None,
    };
    Some(Row {
        run,
        epoch: number("epoch")?.parse().ok()?,
        rev: number("rev")?.parse().ok()?,
        until,
        worker: text("worker").cloned(),
    })
}

/// Checks what a step gives.
pub(super) fn check_output(operation: &'static str, run: RunId, report: &StepReport) -> Result<()> {
    let bytes = json_of(operation, &report.output)?.len();
    if bytes <= LARGEST_OUTPUT {
        return Ok(());
    }
    let message = "the step's output is larger than runs in DynamoDB keep; \
                   keep it in a storage and give its key";
    Err(Error::invalid(operation, message)
        .with("run", run)
        .with("step", &report.name)
        .with("bytes", bytes)
        .with("most", LARGEST_OUTPUT))
}

pub(super) fn json_of(operation: &'static str, value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, operation, "a record has no JSON").caused_by(cause)
    })
}

#[cfg(test)]
mod tests {
    use emam_core::clock::{Clock, ManualClock};
    use emam_core::model::{RunKind, StepState};
    use serde_json::json;

    use super::*;

    fn row(clock: &ManualClock) -> Row {
        let run = Run::new(RunId::new(clock), RunKind::Ingest, json!({ "path": "a" }), clock.now());
        Row { run, epoch: 3, rev: 9, until: None, worker: Some("w".into()) }
    }

    fn clock() -> ManualClock {
        ManualClock::starting_at("2026-01-01T00:00:00.512345678Z".parse().unwrap())
    }

    #[test]
    fn a_run_reads_back_as_it_was_written() {
        let clock = clock();
        let mut row = row(&clock);
        row.run.state = RunState::Running;
        row.until = Some("2026-01-01T00:00:30.000001Z".parse().unwrap());
        row.run.progress =
            Some(emam_core::model::Progress { step: "s".into(), fraction: 0.1, eta_ms: None });
        let back = read("t.t", &write("t.t", &row, None).unwrap()).unwrap();
        assert_eq!((&back.run, back.epoch, back.rev), (&row.run, 3, 9));
        assert_eq!((back.until, &back.worker), (row.until, &row.worker));
        let error = read("t.t", &key(row.run.id)).unwrap_err();
        assert!(error.get("pk").unwrap().starts_with("run#"));
    }

    #[test]
    fn places_sort_as_they_are_wanted() {
        let clock = clock();
        let mut places = Vec::new();
        for (priority, number) in
            [(i32::MAX, 0), (7, 1), (7, 2), (0, 3), (-5, 4), (-5, 5), (i32::MIN, 6)]
        {
            let mut row = row(&clock);
            row.run.priority = priority;
            places.push((due_at(&row), number));
        }
        assert!(places.is_sorted(), "{places:?}");
        let mut times = Vec::new();
        for at in ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2026-01-01T00:00:01Z"] {
            let mut row = row(&clock);
            row.run.state = RunState::Waiting;
            row.run.resume_at = Some(at.parse().unwrap());
            let place = due_at(&row);
            assert_eq!(instant_of(&place), row.run.resume_at);
            assert!(place < after_instant(at.parse().unwrap()));
            assert_eq!(rank(&place), format!("7fffffff#{}", row.run.id));
            row.run.state = RunState::Queued;
            assert_eq!(rank(&due_at(&row)), rank(&place));
            times.push(place);
        }
        assert!(times.is_sorted());
    }

    #[test]
    fn ended_runs_expire_where_asked() {
        let clock = clock();
        let mut row = row(&clock);
        let day = Some(Duration::from_secs(86_400));
        assert!(!write("t.t", &row, day).unwrap().contains_key("expires"));
        row.run.state = RunState::Failed;
        row.run.finished_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
        assert!(!write("t.t", &row, None).unwrap().contains_key("expires"));
        let expires = write("t.t", &row, day).unwrap().remove("expires").unwrap();
        assert_eq!(expires, number(1_767_225_600 + 86_400));
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let clock = clock();
        let mut row = row(&clock);
        let mut report = StepReport {
            name: "probe".into(),
            state: StepState::Done,
            output: json!("x".repeat(LARGEST_OUTPUT - 2)),
            error: None,
            now: clock.now(),
        };
        check_output("runs.report_step", row.run.id, &report).unwrap();
        report.output = json!("x".repeat(LARGEST_OUTPUT - 1));
        let error = check_output("runs.report_step", row.run.id, &report).unwrap_err();
        assert_eq!((error.kind(), error.get("step")), (ErrorKind::InvalidInput, Some("probe")));
        row.run.params = json!("x".repeat(LARGEST_RUN));
        let error = write("runs.start", &row, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("storage"), "{error}");
    }
}
