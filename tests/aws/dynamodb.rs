//! Runs in DynamoDB, held to the contract of Workflows.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use emam_aws::dynamodb::{DynamoRuns, RunOptions, Tables};
use emam_core::ErrorKind;
use emam_core::backend::catalog::{Claim, Events, Settlement, StepReport, Workflows};
use emam_core::clock::{Clock, SystemClock};
use emam_core::id::RunId;
use emam_core::local::SqliteCatalog;
use emam_core::model::{Run, RunKind, StepState};
use emam_core::testkit::{WorkflowsFixture, WorkflowsUnderTest};
use emam_tests::aws::{account, address, fresh_name};
use serde_json::json;
use tempfile::TempDir;

struct Dynamo {
    address: String,
    dir: TempDir,
}

impl Dynamo {
    fn new(address: String) -> Self {
        Self { address, dir: tempfile::tempdir().expect("a folder for temporary files") }
    }

    async fn log(&self) -> Arc<dyn Events> {
        let folder = tempfile::tempdir_in(self.dir.path()).expect("a folder").keep();
        let path = folder.join("catalog.db");
        Arc::new(SqliteCatalog::open(path, Arc::new(SystemClock)).await.expect("open"))
    }

    async fn runs(&self, options: RunOptions, log: Arc<dyn Events>) -> (DynamoRuns, Tables) {
        let client = aws_sdk_dynamodb::Client::new(&account(&self.address).await);
        let tables = Tables { ingest: fresh_name("ingest"), delivery: fresh_name("delivery") };
        let runs = DynamoRuns::new(client, tables.clone(), options, log);
        runs.create_tables().await.expect("create tables");
        runs.create_tables().await.expect("tables that are there are fine");
        (runs, tables)
    }
}

#[async_trait]
impl WorkflowsFixture for Dynamo {
    async fn fresh_runs(&self) -> WorkflowsUnderTest {
        let log = self.log().await;
        let (runs, _) = self.runs(RunOptions::default(), Arc::clone(&log)).await;
        WorkflowsUnderTest { runs: Arc::new(runs), log }
    }
}

emam_core::workflows_conformance!(dynamodb, {
    let Some(address) = address("EMAM_AWS_MINISTACK") else { return };
    Dynamo::new(address)
});

fn claim(kinds: &[RunKind]) -> Claim {
    let now = SystemClock.now();
    let until = now + Duration::from_secs(30);
    Claim { worker: "w".into(), kinds: kinds.to_vec(), now, until }
}

#[tokio::test]
async fn each_table_has_its_kinds_and_runs_expire() {
    let Some(address) = address("EMAM_AWS_MINISTACK") else { return };
    let dynamo = Dynamo::new(address);
    let log = dynamo.log().await;
    let options = RunOptions { keep_ended: Some(Duration::from_secs(3600)) };
    let (runs, tables) = dynamo.runs(options, log).await;
    let client = aws_sdk_dynamodb::Client::new(&account(&dynamo.address).await);
    let items = async |table: &str| {
        let scan = client.scan().table_name(table).send().await.expect("scan");
        scan.items.unwrap_or_default()
    };
    for kind in RunKind::ALL {
        let run = Run::new(RunId::new(&SystemClock), kind, json!({}), SystemClock.now());
        runs.start_run(&run).await.expect("start");
        let leased = runs.claim_run(&claim(&[kind])).await.expect("claim").expect("a run");
        let end = Settlement::Succeeded(json!(1));
        runs.settle_run(&leased.lease, &end, SystemClock.now()).await.expect("settle");
    }
    // Ingest and analyze; archive, restore, render and consolidate.
    for (table, kinds) in [(&tables.ingest, 2), (&tables.delivery, 4)] {
        let items = items(table).await;
        assert_eq!(items.len(), kinds, "{table}");
        for item in items {
            let expires: i64 = item["expires"].as_n().expect("a number").parse().expect("seconds");
            let left = expires - SystemClock.now().as_second();
            assert!((3500..=3600).contains(&left), "{left} s left");
        }
    }
}

#[tokio::test]
async fn what_is_too_large_or_not_there_is_told() {
    let Some(address) = address("EMAM_AWS_MINISTACK") else { return };
    let dynamo = Dynamo::new(address);
    let log = dynamo.log().await;
    let (runs, _) = dynamo.runs(RunOptions::default(), Arc::clone(&log)).await;
    let now = SystemClock.now();
    let run = Run::new(RunId::new(&SystemClock), RunKind::Ingest, json!({}), now);
    runs.start_run(&run).await.expect("start");
    let lease = runs.claim_run(&claim(&[RunKind::Ingest])).await.unwrap().expect("a run").lease;
    let report = |bytes: usize, name: &str| StepReport {
        name: name.into(),
        state: StepState::Done,
        output: json!("x".repeat(bytes)),
        error: None,
        now,
    };
    let error = runs.report_step(&lease, &report(70_000, "a")).await.unwrap_err();
    assert_eq!((error.kind(), error.get("step")), (ErrorKind::InvalidInput, Some("a")));
    // Six outputs that are allowed are too many together.
    let mut refused = 0;
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        let reported = runs.report_step(&lease, &report(60_000, name)).await;
        refused += usize::from(reported.is_err_and(|e| e.kind() == ErrorKind::InvalidInput));
    }
    assert_eq!(refused, 1);
    assert_eq!(runs.run(run.id).await.expect("read").steps.len(), 6);

    let client = aws_sdk_dynamodb::Client::new(&account(&dynamo.address).await);
    let tables = Tables { ingest: "not-made".into(), delivery: "not-made".into() };
    let runs = DynamoRuns::new(client, tables, RunOptions::default(), log);
    let error = runs.run(RunId::new(&SystemClock)).await.unwrap_err();
    assert_eq!(error.get("code"), Some("ResourceNotFoundException"), "{error:?}");
}
