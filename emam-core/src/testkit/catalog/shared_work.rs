//! Runs: notes of failed steps, waking, lanes, the log.

use std::sync::Arc;

use serde_json::json;

use super::make::Bench;
use super::workflows::{claim, report};
use super::{WorkflowsFixture, assert_kind};
use crate::backend::catalog::{LaneEntry, Leased, Settlement, StepReport};
use crate::error::ErrorKind;
use crate::id::RunId;
use crate::model::{RunKind, RunState, StepState};

/// What is reported with a failed step reads back, until it is begun again.
pub async fn failed_step_keeps_its_note(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    bench.started(RunKind::Analyze).await;
    let Leased { run, lease } = claim(&bench, 0).await.expect("a run");
    let note = json!({ "job": "17", "parts": [1, null] });
    let begun = report(&bench, "speech", StepState::Running, 1);
    catalog.report_step(&lease, &begun).await.expect("report");
    let failed =
        StepReport { output: note.clone(), ..report(&bench, "speech", StepState::Failed, 2) };
    catalog.report_step(&lease, &failed).await.expect("report");
    let again = Settlement::Retry { resume_at: bench.at(3) };
    catalog.settle_run(&lease, &again, bench.at(2)).await.expect("settle");
    let kept = catalog.run(run.id).await.expect("read");
    assert_eq!((kept.steps[0].state, &kept.steps[0].output), (StepState::Failed, &note));
    assert_eq!(kept.steps[0].error, failed.error);

    let next = claim(&bench, 4).await.expect("it is due");
    assert_eq!(next.run.steps[0].output, note, "its next worker can read it");
    let begun = report(&bench, "speech", StepState::Running, 5);
    catalog.report_step(&next.lease, &begun).await.expect("report");
    let kept = catalog.run(run.id).await.expect("read");
    assert_eq!((&kept.steps[0].output, kept.steps[0].attempts), (&json!(null), 2));
}

/// `wake_run` of a waiting run makes it due now and is no attempt; of a run in another state it
/// changes nothing; of an unknown one it is `NotFound`.
pub async fn woken_run_is_due_at_once(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let unknown = RunId::new(&bench.clock);
    assert_kind(catalog.wake_run(unknown, bench.at(0)).await, ErrorKind::NotFound, "unknown");
    let queued = bench.started(RunKind::Ingest).await;
    catalog.wake_run(queued.id, bench.at(1)).await.expect("wake a queued run");
    assert_eq!(catalog.run(queued.id).await.expect("read"), queued);

    let Leased { run, lease } = claim(&bench, 1).await.expect("a run");
    catalog.wake_run(run.id, bench.at(2)).await.expect("wake a running run");
    assert_eq!(catalog.run(run.id).await.expect("read"), run);
    catalog.extend_lease(&lease, bench.at(2), bench.at(32), None).await.expect("the lease holds");

    let wait = Settlement::Waiting { resume_at: bench.at(1_000_000) };
    catalog.settle_run(&lease, &wait, bench.at(3)).await.expect("settle");
    assert!(claim(&bench, 4).await.is_none(), "it waits");
    for _ in 0..2 {
        catalog.wake_run(run.id, bench.at(5)).await.expect("wake");
    }
    let next = claim(&bench, 5).await.expect("it is due");
    assert_eq!((next.run.id, next.run.attempts), (run.id, 0));
    let done = Settlement::Succeeded(json!(1));
    let settled = catalog.settle_run(&next.lease, &done, bench.at(6)).await.expect("settle");
    catalog.wake_run(run.id, bench.at(7)).await.expect("wake a run that is over");
    assert_eq!(catalog.run(run.id).await.expect("read"), settled);
    assert!(claim(&bench, 8).await.is_none());
}

fn entry<C: ?Sized>(bench: &Bench<C>, lane: &str, room: usize, holder: &str) -> LaneEntry {
    LaneEntry { lane: lane.into(), room, holder: holder.into(), until: bench.at(100) }
}

/// No more holders than there is room for are let into a lane; one that is in is let in again.
pub async fn a_lane_has_so_much_room(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let bench = Arc::new(bench);
    const ROOM: usize = 3;
    let tasks: Vec<_> = (0..12)
        .map(|number| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let entry = entry(&bench, "video", ROOM, &format!("job {number}"));
                let inside = bench.catalog.enter_lane(&entry, bench.at(0)).await.expect("enter");
                inside.then_some(entry)
            })
        })
        .collect();
    let mut inside = Vec::new();
    for task in tasks {
        inside.extend(task.await.expect("a task"));
    }
    assert_eq!(inside.len(), ROOM, "as many as there is room for");
    for entry in &inside {
        let again = bench.catalog.enter_lane(entry, bench.at(1)).await.expect("enter");
        assert!(again, "who is in is let in again");
    }
    let another = entry(&bench, "video", ROOM, "another");
    assert!(!bench.catalog.enter_lane(&another, bench.at(1)).await.expect("enter"), "it is full");
    let elsewhere = entry(&bench, "speech", 1, "another");
    assert!(bench.catalog.enter_lane(&elsewhere, bench.at(1)).await.expect("enter"));
    let wider = entry(&bench, "video", ROOM + 1, "another");
    assert!(bench.catalog.enter_lane(&wider, bench.at(1)).await.expect("enter"), "there is more");
    let none = entry(&bench, "closed", 0, "anybody");
    assert!(!bench.catalog.enter_lane(&none, bench.at(1)).await.expect("enter"), "no room at all");
}

/// Whoever leaves makes room, leaving twice is fine, and a holder whose time is over holds nothing
/// any more.
pub async fn a_lane_is_left(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let enter = async |holder: &str, now: i64| {
        let entry = entry(&bench, "video", 1, holder);
        catalog.enter_lane(&entry, bench.at(now)).await.expect("enter")
    };
    catalog.leave_lane("video", "nobody was in it").await.expect("leave");
    assert!(enter("a", 0).await);
    assert!(!enter("b", 0).await);
    catalog.leave_lane("video", "b").await.expect("leave");
    catalog.leave_lane("speech", "a").await.expect("leave another lane");
    assert!(!enter("b", 1).await, "who is in has not left");
    for _ in 0..2 {
        catalog.leave_lane("video", "a").await.expect("leave");
    }
    assert!(enter("b", 2).await);
    assert!(!enter("c", 99).await);
    assert!(enter("c", 101).await, "the time of `b` is over");
}

/// Each change but an extended lease is an event `run.created` or `run.updated` with the run's kind
/// and state.
pub async fn changes_of_runs_are_logged(fixture: &dyn WorkflowsFixture) {
    let (bench, log) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let mut run = bench.run(RunKind::Restore);
    run.idempotency_key = Some("once".into());
    for _ in 0..2 {
        catalog.start_run(&run).await.expect("start");
    }
    let lease = claim(&bench, 0).await.expect("a run").lease;
    catalog.extend_lease(&lease, bench.at(1), bench.at(31), None).await.expect("extend");
    let done = report(&bench, "ask", StepState::Done, 2);
    catalog.report_step(&lease, &done).await.expect("report");
    catalog.report_step(&lease, &done).await.expect_err("the step is done");
    let wait = Settlement::Waiting { resume_at: bench.at(99) };
    catalog.settle_run(&lease, &wait, bench.at(3)).await.expect("settle");
    catalog.wake_run(run.id, bench.at(4)).await.expect("wake");
    catalog.cancel_run(run.id, bench.at(5)).await.expect("cancel");
    catalog.retry_run(run.id, bench.at(6)).await.expect_err("it is not over");
    let lease = claim(&bench, 7).await.expect("a run").lease;
    let end = Settlement::Cancelled;
    catalog.settle_run(&lease, &end, bench.at(8)).await.expect("settle");
    catalog.retry_run(run.id, bench.at(9)).await.expect("retry");
    let lane = entry(&bench, "video", 1, "a");
    catalog.enter_lane(&lane, bench.at(9)).await.expect("enter");

    let events = log.events(0, 100).await.expect("events");
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            assert_eq!(event.subject, run.id.uuid());
            assert_eq!(event.data["kind"], json!("restore"));
            (event.topic.as_str(), event.data["state"].clone())
        })
        .collect();
    let state = |state: RunState| json!(state);
    assert_eq!(
        told,
        [
            ("run.created", state(RunState::Queued)),
            ("run.updated", state(RunState::Running)),
            ("run.updated", state(RunState::Running)),
            ("run.updated", state(RunState::Waiting)),
            ("run.updated", state(RunState::Waiting)),
            ("run.updated", state(RunState::Queued)),
            ("run.updated", state(RunState::Running)),
            ("run.updated", state(RunState::Cancelled)),
            ("run.updated", state(RunState::Queued)),
        ]
    );
    let step = &events[2].data;
    assert_eq!((&step["step"], &step["step_state"]), (&json!("ask"), &json!("done")));
}
