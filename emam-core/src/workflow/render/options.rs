//! What can be asked of a render.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::{BurnIn, RenderFormat};
use crate::id::SequenceId;
use crate::time::TimeRange;
use crate::timeline::Issue;
use crate::timeline::format::Target;

/// How to render a sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RenderOptions {
    /// Which files the clips are read from.
    pub target: Target,
    /// How the file is encoded; its extension names the container.
    pub format: RenderFormat,
    /// Ranges of the sequence, counted from its start (0), one after the other; all of it where
    /// none is given.
    pub ranges: Vec<TimeRange>,
    /// Frames before and after each range, as far as the sequence has them.
    pub handles: u32,
    /// What is drawn into the picture.
    pub burn_in: BurnIn,
    /// Whether pictures are copied as they are stored.
    pub copy: CopyMode,
    /// Width in pixels; that of the sequence, or else of its first picture, when absent.
    pub width: Option<u32>,
    /// Height in pixels, likewise.
    pub height: Option<u32>,
    /// Whether a file that is there already is replaced.
    pub overwrite: bool,
    /// Runs with a higher priority are taken first; 0 unless given.
    pub priority: i32,
    /// Rendering again with the same key gives the run that was started first.
    pub idempotency_key: Option<String>,
}

impl RenderOptions {
    /// Sets which files the clips are read from.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets how the file is encoded.
    #[must_use]
    pub fn with_format(mut self, format: RenderFormat) -> Self {
        self.format = format;
        self
    }

    /// Adds a range of the sequence.
    #[must_use]
    pub fn with_range(mut self, range: TimeRange) -> Self {
        self.ranges.push(range);
        self
    }

    /// Sets the frames before and after each range.
    #[must_use]
    pub fn with_handles(mut self, handles: u32) -> Self {
        self.handles = handles;
        self
    }

    /// Sets what is drawn into the picture.
    #[must_use]
    pub fn with_burn_in(mut self, burn_in: BurnIn) -> Self {
        self.burn_in = burn_in;
        self
    }

    /// Sets whether pictures are copied as they are stored.
    #[must_use]
    pub fn with_copy(mut self, copy: CopyMode) -> Self {
        self.copy = copy;
        self
    }

    /// Sets the size of the picture.
    #[must_use]
    pub fn with_size(mut self, width: u32, height: u32) -> Self {
        (self.width, self.height) = (Some(width), Some(height));
        self
    }

    /// Sets whether a file that is there already is replaced.
    #[must_use]
    pub fn with_overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }
}

/// Whether pictures are copied as they are stored, which loses nothing and takes seconds. That can
/// be done where every cut is at a keyframe and all media is of one kind. Sound is always mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyMode {
    /// Where it can be done and the media is of the format and size asked for.
    #[default]
    Auto,
    /// Never: every picture is encoded.
    Never,
    /// Always, whatever format the media is of; where it cannot be done, the run fails.
    Only,
}

/// What a render has made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rendered {
    /// The file.
    pub path: PathBuf,
    /// How many frames it has.
    pub frames: i64,
    /// Its size in bytes.
    pub size: u64,
    /// The timecode of its first frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timecode: Option<String>,
    /// Whether its pictures were copied as they were stored.
    pub copied: bool,
    /// Why they were not, where that was to be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_copied: Option<String>,
    /// What is not rendered as the sequence says it.
    pub issues: Vec<Issue>,
}

/// What a render run is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RenderParams {
    pub(crate) sequence: SequenceId,
    /// Absolute.
    pub(crate) path: PathBuf,
    pub(crate) options: RenderOptions,
}
