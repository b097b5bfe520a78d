//! The documents of Elastic Transcoder (API version 2012-09-25), in which numbers are text.

use std::collections::BTreeMap;

use emam_core::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Lost, OPERATION, lost};

/// What else a record holds: nothing that is there is passed over.
type Rest = BTreeMap<String, Value>;

/// A preset as Elastic Transcoder has it. What of it a profile can say is read by
/// [`presets`](super::presets).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Preset {
    #[serde(default)]
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) container: String,
    #[serde(default)]
    pub(super) video: Option<Video>,
    #[serde(default)]
    pub(super) audio: Option<Audio>,
    #[serde(default)]
    pub(super) thumbnails: Option<Thumbnails>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

impl Preset {
    /// Its id; its name where it has none yet.
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Video {
    #[serde(default)]
    pub(super) codec: Option<String>,
    #[serde(default)]
    pub(super) codec_options: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) keyframes_max_dist: Option<String>,
    #[serde(default, rename = "FixedGOP")]
    pub(super) fixed_gop: Option<String>,
    #[serde(default)]
    pub(super) bit_rate: Option<String>,
    #[serde(default)]
    pub(super) frame_rate: Option<String>,
    #[serde(default)]
    pub(super) max_frame_rate: Option<String>,
    #[serde(default)]
    pub(super) resolution: Option<String>,
    #[serde(default)]
    pub(super) max_width: Option<String>,
    #[serde(default)]
    pub(super) max_height: Option<String>,
    #[serde(default)]
    pub(super) sizing_policy: Option<String>,
    #[serde(default)]
    pub(super) padding_policy: Option<String>,
    #[serde(default)]
    pub(super) watermarks: Vec<PresetWatermark>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PresetWatermark {
    pub(super) id: String,
    #[serde(default)]
    pub(super) max_width: Option<String>,
    #[serde(default)]
    pub(super) horizontal_align: Option<String>,
    #[serde(default)]
    pub(super) vertical_align: Option<String>,
    #[serde(default)]
    pub(super) opacity: Option<String>,
    // How it is fitted and how far from the edges: ours keeps its shape, a fiftieth off.
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Audio {
    #[serde(default)]
    pub(super) codec: Option<String>,
    #[serde(default)]
    pub(super) bit_rate: Option<String>,
    #[serde(default)]
    pub(super) sample_rate: Option<String>,
    #[serde(default)]
    pub(super) channels: Option<String>,
    #[serde(default)]
    pub(super) codec_options: Option<Value>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Thumbnails {
    #[serde(default)]
    pub(super) format: Option<String>,
    #[serde(default)]
    pub(super) interval: Option<String>,
    #[serde(default)]
    pub(super) resolution: Option<String>,
    #[serde(default)]
    pub(super) max_width: Option<String>,
    #[serde(default)]
    pub(super) max_height: Option<String>,
    #[serde(default)]
    pub(super) sizing_policy: Option<String>,
    #[serde(default)]
    pub(super) padding_policy: Option<String>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Job {
    #[serde(default)]
    pub(super) input: Option<Input>,
    #[serde(default)]
    pub(super) inputs: Vec<Input>,
    #[serde(default)]
    pub(super) output: Option<Output>,
    #[serde(default)]
    pub(super) outputs: Vec<Output>,
    #[serde(default)]
    pub(super) output_key_prefix: Option<String>,
    #[serde(default)]
    pub(super) playlists: Vec<Playlist>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    pub(super) key: String,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    pub(super) key: String,
    pub(super) preset_id: String,
    #[serde(default)]
    pub(super) thumbnail_pattern: Option<String>,
    #[serde(default)]
    pub(super) rotate: Option<String>,
    #[serde(default)]
    pub(super) segment_duration: Option<String>,
    #[serde(default)]
    pub(super) watermarks: Vec<JobWatermark>,
    #[serde(default)]
    pub(super) captions: Option<Captions>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct JobWatermark {
    pub(super) preset_watermark_id: String,
    pub(super) input_key: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Captions {
    #[serde(default)]
    pub(super) caption_sources: Vec<CaptionSource>,
    #[serde(default)]
    pub(super) caption_formats: Vec<CaptionFormat>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CaptionSource {
    #[serde(default)]
    pub(super) key: Option<String>,
    #[serde(default)]
    pub(super) language: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CaptionFormat {
    #[serde(default)]
    pub(super) format: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Playlist {
    pub(super) name: String,
    pub(super) format: String,
    #[serde(default)]
    pub(super) output_keys: Vec<String>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

/// The presets of a document.
pub(super) fn presets(document: &str) -> Result<Vec<Preset>> {
    records(document, "Preset", "Presets")
}

/// The jobs of a document.
pub(super) fn jobs(document: &str) -> Result<Vec<Job>> {
    records(document, "Job", "Jobs")
}

fn records<T: DeserializeOwned>(document: &str, one: &str, many: &str) -> Result<Vec<T>> {
    let wrong = |cause| {
        let message = "this is no preset or job of Elastic Transcoder, as its API writes them";
        Error::invalid(OPERATION, message).with("wanted", one).caused_by(cause)
    };
    let mut document: Value = serde_json::from_str(document).map_err(wrong)?;
    if let Some(many) = document.get_mut(many) {
        return serde_json::from_value(many.take()).map_err(wrong);
    }
    let record = match document.get_mut(one) {
        Some(one) => one.take(),
        None => document,
    };
    Ok(vec![serde_json::from_value(record).map_err(wrong)?])
}

/// Tells of all in `rest` that says something and is not in `known`.
pub(super) fn tell_rest(rest: &Rest, place: &str, known: &[&str], told: &mut Vec<Lost>) {
    for (name, value) in rest {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let says_nothing = matches!(text.as_str(), "" | "auto" | "null" | "[]" | "{}" | "false");
        if !says_nothing && !known.contains(&name.as_str()) {
            told.push(lost(format!("{place}{name}"), text, "left out"));
        }
    }
}
