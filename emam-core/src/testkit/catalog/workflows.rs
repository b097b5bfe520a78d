//! Runs: starting, cancelling, retrying, listing.

use serde_json::json;

use super::make::Bench;
use super::{WorkflowsFixture, assert_kind};
use crate::backend::catalog::{Claim, Leased, RunFilter, Settlement, StepReport, Workflows};
use crate::error::{Error, ErrorKind};
use crate::id::RunId;
use crate::model::{
    Failure, FailureReason, PageRequest, Progress, Run, RunKind, RunState, Step, StepState,
};

/// Takes the next run of any kind at `now`, for 30 seconds.
pub(super) async fn claim<C: Workflows + ?Sized>(bench: &Bench<C>, now: i64) -> Option<Leased> {
    let claim = Claim {
        worker: "a worker".into(),
        kinds: RunKind::ALL.to_vec(),
        now: bench.at(now),
        until: bench.at(now + 30),
    };
    bench.catalog.claim_run(&claim).await.expect("claim")
}

pub(super) fn report<C: ?Sized>(
    bench: &Bench<C>,
    name: &str,
    state: StepState,
    now: i64,
) -> StepReport {
    let error = (state == StepState::Failed)
        .then(|| Error::new(ErrorKind::Unavailable, "storage.put", "the disk failed").to_info());
    let output = if state == StepState::Done { json!({ "of": name }) } else { json!(null) };
    StepReport { name: name.into(), state, output, error, now: bench.at(now) }
}

pub(super) fn failure(step: &str) -> Failure {
    let error = Error::new(ErrorKind::InvalidMedia, "prober.probe", "no moov").to_info();
    Failure { reason: FailureReason::Data, step: step.into(), error }
}

/// Starting with a known idempotency key gives the run started first.
pub async fn start_is_idempotent(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let mut first = bench.run(RunKind::Ingest);
    first.idempotency_key = Some("the same".into());
    first.asset = Some(bench.asset("not inserted").id);
    first.priority = -7;
    assert_eq!(catalog.start_run(&first).await.expect("start"), first);
    assert_eq!(catalog.run(first.id).await.expect("read"), first);
    let mut second = bench.run(RunKind::Restore);
    second.idempotency_key = Some("the same".into());
    assert_eq!(catalog.start_run(&second).await.expect("start again"), first);
    assert_kind(catalog.run(second.id).await, ErrorKind::NotFound, "the second");
    assert_eq!(catalog.start_run(&first).await.expect("the very same"), first);

    // With what it has become since, not as it began.
    let leased = claim(&bench, 0).await.expect("a run");
    let done = Settlement::Succeeded(json!("ok"));
    let settled = catalog.settle_run(&leased.lease, &done, bench.at(1)).await.expect("settle");
    assert_eq!(catalog.start_run(&second).await.expect("start"), settled);

    second.idempotency_key = None;
    let third = bench.run(RunKind::Ingest);
    for run in [&second, &third] {
        assert_eq!(catalog.start_run(run).await.expect("without a key"), *run);
    }
    let again = catalog.start_run(&second).await;
    assert_kind(again, ErrorKind::AlreadyExists, "a known id without a key");
}

/// Reported steps read back in the order they were begun, with their outputs.
pub async fn steps_are_kept(fixture: &dyn WorkflowsFixture) {
    use StepState::{Done, Failed, Running};
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    bench.started(RunKind::Ingest).await;
    let Leased { run, lease } = claim(&bench, 0).await.expect("a run");
    for (name, state, now) in [
        ("store", Running, 1),
        ("store", Failed, 2),
        ("probe", Running, 3),
        ("store", Running, 4),
        ("a last one", Done, 5),
        ("store", Done, 6),
    ] {
        let report = report(&bench, name, state, now);
        catalog.report_step(&lease, &report).await.expect("report");
    }
    let kept = catalog.run(run.id).await.expect("read");
    let step = |name: &str, state, attempts, started: i64, finished: Option<i64>| Step {
        name: name.into(),
        state,
        output: if state == Done { json!({ "of": name }) } else { json!(null) },
        error: None,
        attempts,
        started_at: bench.at(started),
        finished_at: finished.map(|now| bench.at(now)),
    };
    let mut last = step("a last one", Done, 1, 5, Some(5));
    // Whether what is reported once was begun once before is not said.
    last.attempts = kept.steps[2].attempts;
    let expected = [step("store", Done, 2, 4, Some(6)), step("probe", Running, 1, 3, None), last];
    assert_eq!(kept.steps, expected);
    assert_eq!(kept.updated_at, bench.at(6));

    // They come with the run wherever it is read.
    let listed = catalog.runs(&RunFilter::default(), &PageRequest::default()).await.expect("list");
    assert_eq!(listed.items, std::slice::from_ref(&kept));
    let failed = report(&bench, "probe", Failed, 7);
    catalog.report_step(&lease, &failed).await.expect("report");
    let settled =
        catalog.settle_run(&lease, &Settlement::Released, bench.at(8)).await.expect("settle");
    assert_eq!(settled.steps[1].error, failed.error);
    let again = claim(&bench, 9).await.expect("the run");
    assert_eq!(again.run.steps, settled.steps);
}

/// The output reported with a running step reads back, so that a worker that takes over can go
/// on; reporting it again is no further attempt.
pub async fn running_step_keeps_its_note(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    bench.started(RunKind::Ingest).await;
    let Leased { run, lease } = claim(&bench, 0).await.expect("a run");
    for (note, now) in [(json!(null), 1), (json!({ "parts": 1 }), 2), (json!({ "parts": 2 }), 3)] {
        let report =
            StepReport { output: note.clone(), ..report(&bench, "store", StepState::Running, now) };
        catalog.report_step(&lease, &report).await.expect("report");
        let kept = catalog.run(run.id).await.expect("read");
        assert_eq!((kept.steps[0].state, &kept.steps[0].output), (StepState::Running, &note));
        assert_eq!(kept.steps[0].attempts, 1);
    }
    // The worker dies; the next one reads the note and goes on.
    let next = claim(&bench, 31).await.expect("the lease is over");
    assert_eq!(next.run.steps[0].output, json!({ "parts": 2 }));
    let done = report(&bench, "store", StepState::Done, 32);
    catalog.report_step(&next.lease, &done).await.expect("report");
    let kept = catalog.run(run.id).await.expect("read");
    assert_eq!(kept.steps[0].output, done.output, "the note is over with the step");
}

/// A report on a step that is done is `Conflict`.
pub async fn done_step_stays_done(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    bench.started(RunKind::Ingest).await;
    let Leased { run, lease } = claim(&bench, 0).await.expect("a run");
    let done = report(&bench, "store", StepState::Done, 1);
    catalog.report_step(&lease, &done).await.expect("report");
    let before = catalog.run(run.id).await.expect("read");
    for state in [StepState::Running, StepState::Done, StepState::Failed] {
        let again = report(&bench, "store", state, 2);
        let error = catalog.report_step(&lease, &again).await;
        let error = assert_kind(error, ErrorKind::Conflict, "a report on a done step");
        assert_eq!(error.get("step"), Some("store"));
    }
    assert_eq!(catalog.run(run.id).await.expect("read"), before);
}

/// A run settled to a final state is not claimed again.
pub async fn settled_run_is_final(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let fail = failure("probe");
    for (settlement, state) in [
        (Settlement::Succeeded(json!({ "asset": 1 })), RunState::Succeeded),
        (Settlement::Failed(fail.clone()), RunState::Failed),
        (Settlement::Cancelled, RunState::Cancelled),
    ] {
        bench.started(RunKind::Ingest).await;
        let Leased { run, lease } = claim(&bench, 0).await.expect("a run");
        let progress = Progress { step: "probe".into(), fraction: 0.5, eta_ms: Some(7) };
        let until = bench.at(30);
        catalog.extend_lease(&lease, bench.at(0), until, Some(&progress)).await.expect("extend");
        assert_eq!(catalog.run(run.id).await.expect("read").progress, Some(progress));
        let settled = catalog.settle_run(&lease, &settlement, bench.at(5)).await.expect("settle");
        assert_eq!((settled.state, settled.finished_at), (state, Some(bench.at(5))));
        assert_eq!(settled.progress, None, "a run that is over does nothing now");
        assert_eq!(settled.failure, (state == RunState::Failed).then(|| fail.clone()));
        let result = if state == RunState::Succeeded { json!({ "asset": 1 }) } else { json!(null) };
        assert_eq!(settled.result, result);
        assert_eq!(catalog.run(run.id).await.expect("read"), settled);
        assert!(claim(&bench, 1_000_000).await.is_none(), "{state:?} is final");
        assert_eq!(catalog.next_due(bench.at(6)).await.expect("next due"), None);
        let again = catalog.settle_run(&lease, &Settlement::Released, bench.at(6)).await;
        assert_kind(again, ErrorKind::Conflict, "settled twice");
        let late = report(&bench, "late", StepState::Done, 6);
        assert_kind(catalog.report_step(&lease, &late).await, ErrorKind::Conflict, "a late step");
        let late = catalog.extend_lease(&lease, bench.at(6), bench.at(60), None).await;
        assert_kind(late, ErrorKind::Conflict, "a late heartbeat");
        assert_eq!(catalog.run(run.id).await.expect("read"), settled);
    }
}

/// Cancelling a run that has begun no step makes it `Cancelled` at once.
pub async fn cancel_of_a_queued_run(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let queued = bench.started(RunKind::Ingest).await;
    let cancelled = catalog.cancel_run(queued.id, bench.at(5)).await.expect("cancel");
    assert_eq!(cancelled.state, RunState::Cancelled);
    assert_eq!(cancelled.finished_at, Some(bench.at(5)));
    assert_eq!(catalog.run(queued.id).await.expect("read"), cancelled);

    let waiting = bench.started(RunKind::Ingest).await;
    let Leased { lease, .. } = claim(&bench, 6).await.expect("a run");
    let wait = Settlement::Waiting { resume_at: bench.at(100) };
    catalog.settle_run(&lease, &wait, bench.at(7)).await.expect("settle");
    let cancelled = catalog.cancel_run(waiting.id, bench.at(8)).await.expect("cancel");
    assert_eq!((cancelled.state, cancelled.resume_at), (RunState::Cancelled, None));
    assert!(claim(&bench, 200).await.is_none());
    let unknown = RunId::new(&bench.clock);
    assert_kind(catalog.cancel_run(unknown, bench.at(9)).await, ErrorKind::NotFound, "unknown");
}

/// Cancelling a run that has begun steps and nobody works on queues it with `cancel_requested`:
/// its next worker tidies what the steps have done.
pub async fn cancel_of_a_waiting_run(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    for settlement in [
        Settlement::Waiting { resume_at: bench.at(1_000_000) },
        Settlement::Retry { resume_at: bench.at(1_000_000) },
        Settlement::Released,
    ] {
        bench.started(RunKind::Ingest).await;
        let Leased { run, lease } = claim(&bench, 0).await.expect("a run");
        let begun = report(&bench, "store", StepState::Running, 1);
        catalog.report_step(&lease, &begun).await.expect("report");
        catalog.settle_run(&lease, &settlement, bench.at(2)).await.expect("settle");
        let asked = catalog.cancel_run(run.id, bench.at(3)).await.expect("cancel");
        assert_eq!((asked.state, asked.cancel_requested), (RunState::Queued, true));
        assert_eq!((asked.resume_at, asked.finished_at), (None, None));
        let next = claim(&bench, 4).await.expect("it waits no longer");
        assert_eq!(next.run.id, run.id);
        assert!(next.run.cancel_requested, "its worker is told");
        let end = Settlement::Cancelled;
        let stopped = catalog.settle_run(&next.lease, &end, bench.at(5)).await.expect("settle");
        assert_eq!(stopped.state, RunState::Cancelled);
    }
}

/// Cancelling a leased run sets `cancel_requested`; its worker stops.
pub async fn cancel_of_a_running_run(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    bench.started(RunKind::Ingest).await;
    let Leased { run, lease } = claim(&bench, 0).await.expect("a run");
    let goes_on = catalog.extend_lease(&lease, bench.at(1), bench.at(31), None).await;
    assert!(!goes_on.expect("extend"), "nobody has asked it to stop");
    for _ in 0..2 {
        let asked = catalog.cancel_run(run.id, bench.at(2)).await.expect("cancel");
        assert_eq!((asked.state, asked.cancel_requested), (RunState::Running, true));
        assert_eq!(asked.finished_at, None);
    }
    let stop = catalog.extend_lease(&lease, bench.at(3), bench.at(33), None).await;
    assert!(stop.expect("extend"), "its worker is told");
    assert!(claim(&bench, 4).await.is_none(), "it is still its worker's");
    let stopped = catalog.settle_run(&lease, &Settlement::Cancelled, bench.at(5)).await;
    assert_eq!(stopped.expect("settle").state, RunState::Cancelled);

    // Where the worker died, or did not notice, the next one is told.
    bench.started(RunKind::Ingest).await;
    let Leased { run, lease } = claim(&bench, 6).await.expect("a run");
    catalog.cancel_run(run.id, bench.at(7)).await.expect("cancel");
    let wait = Settlement::Waiting { resume_at: bench.at(1_000_000) };
    catalog.settle_run(&lease, &wait, bench.at(8)).await.expect("settle");
    let next = claim(&bench, 9).await.expect("a run to be stopped does not wait");
    assert!(next.run.cancel_requested);
    let after_death = claim(&bench, 100).await.expect("the lease is over");
    assert!(after_death.run.cancel_requested && after_death.lease.epoch > next.lease.epoch);
}

/// Cancelling a run in a final state is `Conflict`.
pub async fn cancel_of_a_final_run(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    for settlement in [
        Settlement::Succeeded(json!(1)),
        Settlement::Failed(failure("probe")),
        Settlement::Cancelled,
    ] {
        bench.started(RunKind::Ingest).await;
        let lease = claim(&bench, 0).await.expect("a run").lease;
        let settled = catalog.settle_run(&lease, &settlement, bench.at(1)).await.expect("settle");
        let error = catalog.cancel_run(settled.id, bench.at(2)).await;
        assert_kind(error, ErrorKind::Conflict, "cancel");
        assert_eq!(catalog.run(settled.id).await.expect("read"), settled);
    }
}

/// `retry` of a failed or cancelled run queues it again with its done steps kept; of any other it
/// is `Conflict`.
pub async fn retry_goes_on_where_it_failed(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    for end in [Settlement::Failed(failure("probe")), Settlement::Cancelled] {
        let started = bench.started(RunKind::Ingest).await;
        let retry = catalog.retry_run(started.id, bench.at(0)).await;
        assert_kind(retry, ErrorKind::Conflict, "retry of a queued run");
        let lease = claim(&bench, 0).await.expect("a run").lease;
        let retry = catalog.retry_run(started.id, bench.at(1)).await;
        assert_kind(retry, ErrorKind::Conflict, "retry of a running run");
        for (name, state) in [("store", StepState::Done), ("probe", StepState::Failed)] {
            let report = report(&bench, name, state, 2);
            catalog.report_step(&lease, &report).await.expect("report");
        }
        let again = Settlement::Retry { resume_at: bench.at(3) };
        let waiting = catalog.settle_run(&lease, &again, bench.at(2)).await.expect("settle");
        assert_eq!((waiting.state, waiting.attempts), (RunState::Waiting, 1));
        let retry = catalog.retry_run(started.id, bench.at(3)).await;
        assert_kind(retry, ErrorKind::Conflict, "retry of a waiting run");
        let lease = claim(&bench, 4).await.expect("a run").lease;
        catalog.cancel_run(started.id, bench.at(4)).await.expect("cancel");
        let ended = catalog.settle_run(&lease, &end, bench.at(5)).await.expect("settle");
        assert!(ended.state.is_final());

        let queued = catalog.retry_run(started.id, bench.at(6)).await.expect("retry");
        let expected = Run {
            state: RunState::Queued,
            failure: None,
            attempts: 0,
            cancel_requested: false,
            finished_at: None,
            updated_at: bench.at(6),
            ..ended.clone()
        };
        assert_eq!(queued, expected);
        let leased = claim(&bench, 7).await.expect("it is queued");
        assert_eq!((leased.run.id, &leased.run.steps), (started.id, &ended.steps));
        let done = report(&bench, "store", StepState::Running, 8);
        let error = catalog.report_step(&leased.lease, &done).await;
        assert_kind(error, ErrorKind::Conflict, "the step done before");
        let done = Settlement::Succeeded(json!(1));
        catalog.settle_run(&leased.lease, &done, bench.at(9)).await.expect("settle");
        let retry = catalog.retry_run(started.id, bench.at(9)).await;
        assert_kind(retry, ErrorKind::Conflict, "retry of a run that succeeded");
    }
    let unknown = RunId::new(&bench.clock);
    assert_kind(catalog.retry_run(unknown, bench.at(0)).await, ErrorKind::NotFound, "unknown");
}

/// With filter by state, kind and asset, over pages of any size, newest first.
pub async fn runs_are_listed_newest_first(fixture: &dyn WorkflowsFixture) {
    let (bench, _) = Bench::of_runs(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.asset("a").id;
    let mut expected: Vec<Run> = Vec::new();
    for number in 0..12 {
        let mut run = bench.run(RunKind::ALL[number % RunKind::ALL.len()]);
        run.asset = (number % 3 == 0).then_some(asset);
        run.priority = i32::try_from(number % 5).expect("small");
        let mut run = catalog.start_run(&run).await.expect("start");
        if number % 2 == 0 {
            run = catalog.cancel_run(run.id, bench.at(1)).await.expect("cancel");
        }
        expected.insert(0, run);
    }
    let (cancelled, queued) = (RunState::Cancelled, RunState::Queued);
    for (states, kinds, about) in [
        (vec![], vec![], None),
        (vec![cancelled], vec![], None),
        (vec![cancelled, queued], vec![RunKind::Ingest], None),
        (vec![], vec![RunKind::Ingest, RunKind::Analyze], Some(asset)),
        (vec![queued], vec![RunKind::Restore], Some(asset)),
        (vec![RunState::Failed], vec![], None),
        (vec![], vec![], Some(bench.asset("b").id)),
    ] {
        let filter = RunFilter { states, kinds, asset: about };
        let wanted: Vec<Run> = expected
            .iter()
            .filter(|run| filter.states.is_empty() || filter.states.contains(&run.state))
            .filter(|run| filter.kinds.is_empty() || filter.kinds.contains(&run.kind))
            .filter(|run| about.is_none() || run.asset == about)
            .cloned()
            .collect();
        for limit in [1, 5, 12, 1000] {
            let mut page = PageRequest::first(limit);
            let mut listed = Vec::new();
            loop {
                let got = catalog.runs(&filter, &page).await.expect("list");
                listed.extend(got.items);
                match got.next {
                    None => break,
                    next => page.cursor = next,
                }
            }
            assert_eq!(listed, wanted, "{filter:?} in pages of {limit}");
        }
    }
}
