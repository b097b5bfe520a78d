//! Runs: who works on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::make::Bench;
use super::workflows::{claim, report};
use super::{WorkflowsFixture, assert_kind};
use crate::backend::catalog::{Claim, Leased, Settlement};
use crate::error::ErrorKind;
use crate::model::{Progress, RunKind, RunState, StepState};

/// The queued run with the highest priority comes first, the older one among equals.
pub async fn claim_by_priority_then_age(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    assert!(claim(&bench, 0).await.is_none(), "there is nothing to do");
    let mut runs = Vec::new();
    for priority in [0, -5, 7, 0, i32::MAX, 7, i32::MIN] {
        let mut run = bench.run(RunKind::Ingest);
        run.priority = priority;
        bench.catalog.start_run(&run).await.expect("start");
        runs.push(run);
    }
    for at in [4, 2, 5, 0, 3, 1, 6] {
        let leased = claim(&bench, 0).await.expect("a run");
        assert_eq!(leased.run.id, runs[at].id, "the run with priority {}", runs[at].priority);
        assert_eq!(leased.run.state, RunState::Running);
        assert_eq!(leased.lease.run, leased.run.id);
        assert_eq!(bench.catalog.run(leased.run.id).await.expect("read"), leased.run);
    }
    assert!(claim(&bench, 0).await.is_none(), "all are taken");
}

/// Waiting runs are claimed once their time has come, not before.
pub async fn claim_only_what_is_due(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    for settlement in [
        Settlement::Waiting { resume_at: bench.at(100) },
        Settlement::Retry { resume_at: bench.at(100) },
    ] {
        bench.started(RunKind::Ingest).await;
        let lease = claim(&bench, 0).await.expect("a run").lease;
        let waiting =
            bench.catalog.settle_run(&lease, &settlement, bench.at(1)).await.expect("settle");
        assert_eq!((waiting.state, waiting.resume_at), (RunState::Waiting, Some(bench.at(100))));
        assert!(claim(&bench, 99).await.is_none(), "it is not due");
        let again = claim(&bench, 101).await.expect("it is due");
        assert_eq!(again.run.id, waiting.id);
        assert_eq!((again.run.state, again.run.resume_at), (RunState::Running, None));
        let attempts = u32::from(matches!(settlement, Settlement::Retry { .. }));
        assert_eq!(again.run.attempts, attempts, "a wait is no attempt");
        assert!(again.lease.epoch > lease.epoch);
        let end = Settlement::Cancelled;
        bench.catalog.settle_run(&again.lease, &end, bench.at(102)).await.expect("settle");
    }
    // A run that is due goes before one that is not, whatever their priorities.
    let mut urgent = bench.run(RunKind::Ingest);
    urgent.priority = 9;
    bench.catalog.start_run(&urgent).await.expect("start");
    let lease = claim(&bench, 0).await.expect("a run").lease;
    let wait = Settlement::Waiting { resume_at: bench.at(50) };
    bench.catalog.settle_run(&lease, &wait, bench.at(1)).await.expect("settle");
    let plain = bench.started(RunKind::Ingest).await;
    assert_eq!(claim(&bench, 2).await.expect("a run").run.id, plain.id);

    let released = claim(&bench, 51).await.expect("the urgent one");
    assert_eq!(released.run.id, urgent.id);
    let free = bench.catalog.settle_run(&released.lease, &Settlement::Released, bench.at(52)).await;
    assert_eq!(free.expect("settle").state, RunState::Queued);
    assert_eq!(claim(&bench, 52).await.expect("at once").run.id, urgent.id);
}

/// Only the kinds asked for are claimed.
pub async fn claim_filters_by_kind(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let ingest = bench.started(RunKind::Ingest).await;
    let restore = bench.started(RunKind::Restore).await;
    for (kinds, expected) in [
        (vec![RunKind::Archive, RunKind::Analyze], None),
        (vec![], None),
        (vec![RunKind::Archive, RunKind::Restore], Some(restore.id)),
        (vec![RunKind::Restore], None),
        (vec![RunKind::Ingest], Some(ingest.id)),
    ] {
        let what = format!("{kinds:?}");
        let claim = Claim { worker: "w".into(), kinds, now: bench.at(0), until: bench.at(30) };
        let leased = bench.catalog.claim_run(&claim).await.expect("claim");
        assert_eq!(leased.map(|leased| leased.run.id), expected, "{what}");
    }
}

/// A leased run is claimed by nobody else.
pub async fn two_workers_never_share_a_run(fixture: &dyn WorkflowsFixture) {
    let bench = Arc::new(Bench::of_runs(fixture).await.0);
    const RUNS: usize = 24;
    for _ in 0..RUNS {
        bench.started(RunKind::Ingest).await;
    }
    let workers: Vec<_> = (0..6)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(leased) = claim(&bench, 0).await {
                    taken.push(leased.run.id);
                }
                taken
            })
        })
        .collect();
    let mut times_taken = BTreeMap::new();
    for worker in workers {
        for run in worker.await.expect("a worker") {
            *times_taken.entry(run).or_insert(0) += 1;
        }
    }
    assert_eq!(times_taken.len(), RUNS, "every run is taken");
    assert!(times_taken.values().all(|times| *times == 1), "{times_taken:?}");
}

/// Once the lease is over the run is claimed again, with a greater epoch.
pub async fn expired_lease_is_taken_over(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let run = bench.started(RunKind::Ingest).await;
    let first = claim(&bench, 0).await.expect("a run").lease;
    let done = report(&bench, "store", StepState::Done, 1);
    catalog.report_step(&first, &done).await.expect("report");
    assert!(claim(&bench, 29).await.is_none(), "the lease holds");
    catalog.extend_lease(&first, bench.at(29), bench.at(60), None).await.expect("extend");
    assert!(claim(&bench, 59).await.is_none(), "the lease was extended");
    let second = claim(&bench, 61).await.expect("the lease is over");
    assert_eq!(second.run.id, run.id);
    assert!(second.lease.epoch > first.epoch);
    assert_eq!(second.run.steps.len(), 1, "what the first worker did stays");
    assert!(claim(&bench, 62).await.is_none(), "it is the second worker's");
    // A lease that is over but that nobody took can still be kept.
    catalog.extend_lease(&second.lease, bench.at(200), bench.at(230), None).await.expect("extend");
    assert!(claim(&bench, 201).await.is_none());
}

/// Taking a run over whose lease ran out adds one to its attempts; taking one up that was let go or
/// has waited does not.
pub async fn lost_worker_counts_as_an_attempt(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    bench.started(RunKind::Ingest).await;
    let first = claim(&bench, 0).await.expect("a run");
    assert_eq!(first.run.attempts, 0);
    let settled = catalog.settle_run(&first.lease, &Settlement::Released, bench.at(1)).await;
    settled.expect("settle");
    let second = claim(&bench, 2).await.expect("it was let go");
    assert_eq!(second.run.attempts, 0, "letting go is no failure");
    let third = claim(&bench, 33).await.expect("the lease is over");
    assert_eq!(third.run.attempts, 1);
    assert_eq!(claim(&bench, 64).await.expect("the lease is over").run.attempts, 2);
}

/// `extend_lease`, `report_step` and `settle_run` with an old epoch are `Conflict` and change
/// nothing.
pub async fn stale_epoch_is_refused(fixture: &dyn WorkflowsFixture) {
    let (bench, log) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    bench.started(RunKind::Ingest).await;
    let stale = claim(&bench, 0).await.expect("a run").lease;
    let Leased { run, lease } = claim(&bench, 31).await.expect("the lease is over");
    assert_eq!(run.id, stale.run);
    let events = log.last_event().await.expect("last event");
    let progress = Progress { step: "store".into(), fraction: 0.5, eta_ms: None };
    let extended = catalog.extend_lease(&stale, bench.at(32), bench.at(999), Some(&progress)).await;
    assert_kind(extended, ErrorKind::Conflict, "extend");
    let done = report(&bench, "store", StepState::Done, 32);
    assert_kind(catalog.report_step(&stale, &done).await, ErrorKind::Conflict, "report");
    let settled = catalog.settle_run(&stale, &Settlement::Cancelled, bench.at(32)).await;
    assert_kind(settled, ErrorKind::Conflict, "settle");
    assert_eq!(catalog.run(run.id).await.expect("read"), run);
    assert_eq!(log.last_event().await.expect("last event"), events);
    catalog.report_step(&lease, &done).await.expect("the present worker goes on");
    assert!(claim(&bench, 62).await.is_some(), "the stale worker has extended nothing");
}

/// The next due time is now while a run is queued, else the earliest end of a wait or lease.
pub async fn next_due_is_the_earliest(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let due = async |now: i64| catalog.next_due(bench.at(now)).await.expect("next due");
    // Stores may keep microseconds: a due time is not later than it is, and hardly earlier.
    let is_about = |due: Option<jiff::Timestamp>, seconds: i64| {
        let due = due.expect("something is due");
        due <= bench.at(seconds)
            && bench.at(seconds).duration_since(due) < jiff::SignedDuration::from_millis(1)
    };
    assert_eq!(due(0).await, None);
    bench.started(RunKind::Ingest).await;
    assert_eq!(due(5).await, Some(bench.at(5)));
    let first = claim(&bench, 5).await.expect("a run").lease;
    assert!(is_about(due(6).await, 35));
    bench.started(RunKind::Ingest).await;
    let second = claim(&bench, 6).await.expect("a run").lease;
    let wait = Settlement::Waiting { resume_at: bench.at(20) };
    catalog.settle_run(&second, &wait, bench.at(7)).await.expect("settle");
    assert!(is_about(due(7).await, 20));
    assert_eq!(due(21).await, Some(bench.at(21)), "what is overdue is due now");
    // A worker that sleeps until then finds the run due.
    let woken = catalog.next_due(bench.at(8)).await.expect("next due").expect("something");
    let claim = Claim {
        worker: "w".into(),
        kinds: vec![RunKind::Ingest],
        now: woken,
        until: bench.at(900),
    };
    let leased = catalog.claim_run(&claim).await.expect("claim").expect("it is due");
    assert_eq!(leased.run.id, second.run);
    catalog.settle_run(&first, &Settlement::Cancelled, bench.at(22)).await.expect("settle");
    let done = Settlement::Cancelled;
    catalog.settle_run(&leased.lease, &done, bench.at(22)).await.expect("settle");
    assert_eq!(due(23).await, None);
}
