//! Run: one execution of a workflow, with its steps and its result.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ErrorInfo;
use crate::id::{AssetId, RunId};

/// Which workflow a run executes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunKind {
    /// From a file to a playable, searchable asset.
    Ingest,
    /// Looks into an asset again.
    Analyze,
    /// Puts originals into the archive.
    Archive,
    /// Gets originals back from the archive.
    Restore,
    /// Makes a media file of a sequence.
    Render,
    /// Copies the media of a sequence for hand-over.
    Consolidate,
}

impl RunKind {
    /// Every kind, in the order of its declaration.
    pub const ALL: [RunKind; 6] = [
        Self::Ingest,
        Self::Analyze,
        Self::Archive,
        Self::Restore,
        Self::Render,
        Self::Consolidate,
    ];

    /// The name used in JSON and every binding, for example `ingest`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Analyze => "analyze",
            Self::Archive => "archive",
            Self::Restore => "restore",
            Self::Render => "render",
            Self::Consolidate => "consolidate",
        }
    }
}

/// Where a run is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Will be taken by the next free worker.
    Queued,
    /// A worker is at it.
    Running,
    /// Nothing to do until `resume_at`: a retry or a remote job.
    Waiting,
    /// Done.
    Succeeded,
    /// Given up; `failure` says why. Can be retried from its failed step.
    Failed,
    /// Stopped because somebody asked.
    Cancelled,
}

impl RunState {
    /// The name used in JSON and every binding, for example `queued`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will happen any more unless the run is retried.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// One execution of a workflow. It survives the death of its process: whoever opens the library
/// next goes on from the first step that is not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Which workflow.
    pub kind: RunKind,
    /// Where it is.
    pub state: RunState,
    /// The asset it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// Runs with a higher priority are taken first; 0 unless told otherwise.
    #[serde(default)]
    pub priority: i32,
    /// What it was asked to do.
    #[serde(default)]
    pub params: serde_json::Value,
    /// What came of it, once it has succeeded.
    #[serde(default)]
    pub result: serde_json::Value,
    /// Its steps so far, in the order they were begun.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What it is doing now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How often its present step has failed.
    #[serde(default)]
    pub attempts: u32,
    /// Whether somebody asked it to stop.
    #[serde(default)]
    pub cancel_requested: bool,
    /// When a waiting run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_at: Option<Timestamp>,
    /// Starting again with the same key gives this run instead of a second one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When anything about it last changed.
    pub updated_at: Timestamp,
    /// When it reached a final state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl Run {
    /// A queued run that nobody has worked on.
    pub fn new(id: RunId, kind: RunKind, params: serde_json::Value, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            state: RunState::Queued,
            asset: None,
            priority: 0,
            params,
            result: serde_json::Value::Null,
            steps: Vec::new(),
            progress: None,
            failure: None,
            attempts: 0,
            cancel_requested: false,
            resume_at: None,
            idempotency_key: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        }
    }
}

/// One named step of a run. A finished step is never done again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its name, unique within the run.
    pub name: String,
    /// Where it is.
    pub state: StepState,
    /// What it gave, for the steps after it.
    #[serde(default)]
    pub output: serde_json::Value,
    /// Why it failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
    /// How often it was begun.
    #[serde(default)]
    pub attempts: u32,
    /// When it was begun last.
    pub started_at: Timestamp,
    /// When it was done or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Begun and not done: by a worker now, or by one that died.
    Running,
    /// Done.
    Done,
    /// Failed; a retry begins it again.
    Failed,
}

/// What a run is doing now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// The step.
    pub step: String,
    /// How much of the step is done, from 0 to 1.
    pub fraction: f64,
    /// How long the step will take from now, in milliseconds, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
}

/// What is new about the progress of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunProgress {
    /// What it is doing now, where that is something else than what was seen.
    pub progress: Option<Progress>,
    /// Whether it has ended, one way or the other.
    pub ended: bool,
}

/// Why a run was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Whose fault it is.
    pub reason: FailureReason,
    /// The step it failed in.
    pub step: String,
    /// The error.
    pub error: ErrorInfo,
}

/// Whose fault a failure is, and so whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The input: retrying changes nothing until it is replaced.
    Data,
    /// The processing: a tool, a disk, a fault of ours.
    Processing,
    /// A limit of a service.
    Quota,
    /// A service that could not be reached.
    External,
}
