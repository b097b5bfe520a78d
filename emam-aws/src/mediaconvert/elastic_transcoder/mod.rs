//! Presets and jobs of Amazon Elastic Transcoder, read as profiles of the library.
//!
//! AWS ended Elastic Transcoder on 2025-11-13; what was made for it is JSON that is still around.
//! [`presets`] reads presets, [`jobs`] reads jobs that use them. What comes out runs on MediaConvert
//! and, as far as [`capabilities`](emam_core::backend::Transcoder::capabilities) go, with ffmpeg.
//! What has no equal is told and never dropped in silence. See
//! `docs/guide/coming-from-elastic-transcoder.md`.
//!
//! ```
//! use emam_aws::mediaconvert::elastic_transcoder::presets;
//!
//! let document = r#"{"Preset": {"Id": "1351620000001-100070", "Name": "Web", "Container": "mp4",
//!     "Video": {"Codec": "H.264", "BitRate": "2200", "FrameRate": "30", "MaxWidth": "1280",
//!               "MaxHeight": "720", "SizingPolicy": "ShrinkToFit", "PaddingPolicy": "NoPad"},
//!     "Audio": {"Codec": "AAC", "BitRate": "160", "SampleRate": "44100", "Channels": "2"}}}"#;
//! let read = presets(document)?;
//! let profile = &read["1351620000001-100070"].profile;
//! assert_eq!((profile.name.as_str(), profile.outputs.len()), ("Web", 1));
//! assert!(read["1351620000001-100070"].lost.iter().any(|lost| lost.what == "Video.FrameRate"));
//! # Ok::<(), emam_core::Error>(())
//! ```

mod document;
mod job;
mod preset;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use emam_core::backend::Key;
use emam_core::model::Profile;
use emam_core::{Error, Result};
use serde::{Deserialize, Serialize};

pub use document::Preset;

const OPERATION: &str = "elastic_transcoder.read";

/// Something a document asks for that was not carried over as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The field, for example `Video.FrameRate`.
    pub what: String,
    /// What it said.
    pub value: String,
    /// What is done in its place.
    pub instead: String,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.what, self.value, self.instead)
    }
}

/// A preset that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPreset {
    /// The profile it is by itself: its thumbnails included, watermarks not, which jobs name.
    pub profile: Profile,
    /// What was not carried over.
    pub lost: Vec<Lost>,
    /// The document.
    pub preset: Preset,
}

/// One thing to be done of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The key of the media in the bucket the pipeline read from.
    pub input: Key,
    /// What is to be made of it.
    pub profile: Profile,
    /// The key the outputs are under: the prefix of the job and the name of the output without its
    /// ending. What is under it has the library's names.
    pub prefix: Key,
    /// What was not carried over.
    pub lost: Vec<Lost>,
}

/// Reads a preset, or a list of presets, by id: the answers of `ReadPreset`, `CreatePreset` and
/// `ListPresets`, and what `CreatePreset` is given, whose id is its name.
///
/// # Errors
/// [`InvalidInput`](emam_core::ErrorKind::InvalidInput) for what is no such document.
pub fn presets(document: &str) -> Result<BTreeMap<String, ReadPreset>> {
    let found = document::presets(document)?;
    found.into_iter().map(|preset| Ok((preset.id().to_owned(), preset::read(preset)?))).collect()
}

/// Reads a job, or a list of jobs: the answers of `ReadJob`, `CreateJob`, `ListJobsByPipeline` and
/// `ListJobsByStatus`, and what `CreateJob` is given. `presets` are those its outputs name.
///
/// # Errors
/// [`InvalidInput`](emam_core::ErrorKind::InvalidInput) for what is no such document,
/// [`NotFound`](emam_core::ErrorKind::NotFound) for a preset that is not among `presets`,
/// [`Unsupported`](emam_core::ErrorKind::Unsupported) for several inputs joined into one output.
pub fn jobs(document: &str, presets: &BTreeMap<String, ReadPreset>) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for job in document::jobs(document)? {
        tasks.extend(job::read(&job, presets)?);
    }
    Ok(tasks)
}

/// The error of a field that does not say what such a field says.
fn wrong(field: &str, value: &str) -> Error {
    Error::invalid(OPERATION, "a field of the document does not hold what it should")
        .with("field", field)
        .with("value", value.escape_debug())
}

fn lost(what: impl Into<String>, value: impl Into<String>, instead: impl Into<String>) -> Lost {
    Lost { what: what.into(), value: value.into(), instead: instead.into() }
}
