//! Durable work: runs of named steps that survive the death of their process.
//!
//! A [`Workflow`] is plain async code whose effects are wrapped in steps:
//! [`RunContext::step`] records a step's output before the next begins, and gives the recorded
//! output back when the run is taken up again. So a run goes on after `kill -9` from the step it
//! was in, and no finished step is done twice. What a step does must be harmless when done again,
//! because a process can die between doing and recording.
//!
//! The [`Engine`] claims runs with a lease, executes them, keeps the lease alive and settles them.
//! Any number of engines, in one process or many, can share a catalog: a lease carries a fencing
//! token, so one that was lost cannot write any more.

mod analyze;
mod archive;
mod consolidate;
mod context;
mod cut;
mod engine;
mod frame_map;
mod ingest;
mod job;
mod notices;
mod reconcile;
mod render;
mod renditions;
mod retry;
mod store;

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

pub use consolidate::{
    ConsolidateOptions, Consolidated, ConsolidatedFile, ConsolidationPlan, PlannedFile,
};
pub use context::{RunContext, StepContext};
pub use engine::{Boundary, Engine, EngineOptions, Observer, Point};
pub use ingest::{IngestOptions, IngestResult};
pub use render::{CopyMode, RenderOptions, Rendered};
pub use retry::RetryPolicy;

pub(crate) use analyze::{Analyze, AnalyzeParams, share_out};
pub(crate) use archive::{
    ArchiveAssets, ArchiveParams, RestoreAssets, RestoreParams, originals, settle_state,
};
pub(crate) use consolidate::{Consolidate, ConsolidateParams, plan as plan_consolidation};
#[cfg(feature = "gateway")]
pub(crate) use ingest::key_name;
pub(crate) use ingest::{Ingest, IngestParams, IngestSource, own_key};
pub(crate) use render::{Render, RenderParams};
pub(crate) use renditions::summary;

use crate::error::{Error, Result};
use crate::model::{Failure, RunKind};

/// Durable work of one kind.
#[async_trait]
pub trait Workflow: Debug + Send + Sync + 'static {
    /// Which runs it executes.
    fn kind(&self) -> RunKind;

    /// Executes a run from its first step that is not done.
    async fn run(&self, cx: &RunContext) -> Result<Value, Stop>;

    /// Leaves things tidy after a run was given up or cancelled. May be called more than once.
    async fn stopped(&self, cx: &RunContext, end: &End) -> Result<()>;
}

/// Why a workflow stops short of its end.
#[derive(Debug)]
pub enum Stop {
    /// Something failed. The engine decides whether to try again.
    Failed(Error),
    /// There is nothing to do until then, for example while bytes are being restored.
    Wait(Timestamp),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// How a run ended without success.
#[derive(Debug, Clone)]
pub enum End {
    /// It was given up.
    Failed(Failure),
    /// Somebody asked it to stop.
    Cancelled,
}
