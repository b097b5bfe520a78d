//! What can be asked of a consolidation.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AssetId, SequenceId};
use crate::timeline::Issue;
use crate::timeline::format::Target;

/// How to copy the media of a sequence for hand-over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ConsolidateOptions {
    /// Which files are copied.
    pub target: Target,
    /// Whether only what is used is copied, from a keyframe to a keyframe, without encoding it
    /// again. Media that cannot be cut so is copied whole.
    pub trim: bool,
    /// Frames of the media kept before and after what is used, where it is trimmed.
    pub handles: u32,
    /// Runs with a higher priority are taken first; 0 unless given.
    pub priority: i32,
    /// Consolidating again with the same key gives the run that was started first.
    pub idempotency_key: Option<String>,
}

impl ConsolidateOptions {
    /// Sets which files are copied.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Copies only what is used and so many frames before and after it.
    #[must_use]
    pub fn trimmed(mut self, handles: u32) -> Self {
        (self.trim, self.handles) = (true, handles);
        self
    }
}

/// What a consolidation would copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsolidationPlan {
    /// The files.
    pub files: Vec<PlannedFile>,
    /// The size of all of them, whole, in bytes.
    pub bytes: u64,
}

/// A file a consolidation would copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedFile {
    /// The asset.
    pub asset: AssetId,
    /// What it will be called.
    pub name: String,
    /// Its size, whole, in bytes.
    pub size: u64,
    /// The first frame that is wanted of it, where it is to be trimmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_frame: Option<i64>,
    /// How many frames from there on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<i64>,
}

/// What a consolidation has made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Consolidated {
    /// The folder.
    pub folder: PathBuf,
    /// The media in it.
    pub files: Vec<ConsolidatedFile>,
    /// The sequence as files that point to that media.
    pub sequences: Vec<PathBuf>,
    /// What these files cannot say.
    pub issues: Vec<Issue>,
}

/// A copied file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsolidatedFile {
    /// The asset.
    pub asset: AssetId,
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its MD5, 32 lower-case hexadecimal digits, read back from the copy.
    pub md5: String,
    /// Which frame of the media is its first; 0 where it is whole.
    pub first_frame: i64,
    /// How many frames it has, where it was trimmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<i64>,
    /// Why it is whole, where it was to be trimmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a consolidation run is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ConsolidateParams {
    pub(crate) sequence: SequenceId,
    /// Absolute.
    pub(crate) folder: PathBuf,
    pub(crate) options: ConsolidateOptions,
}
