//! Sequence: an edit. Tracks of clips and gaps, in whole frames.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AnnotationId, AssetId, ClipId, ProjectId, SequenceId, TrackId, VersionId};
use crate::time::{MediaTime, Rate};

/// An edit: tracks of clips and gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sequence {
    /// Its id.
    pub id: SequenceId,
    /// Counts its changes; a write names the revision it read.
    pub revision: u64,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
    /// Frames a second; every position and duration in it counts these frames.
    pub rate: Rate,
    /// Whether its timecode is shown drop-frame.
    #[serde(default)]
    pub drop_frame: bool,
    /// The timecode of its first frame, as a frame number.
    #[serde(default)]
    pub start: i64,
    /// Width in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Its tracks: video from the bottom up, then audio.
    #[serde(default)]
    pub tracks: Vec<Track>,
    /// Marks on the sequence itself.
    #[serde(default)]
    pub markers: Vec<SequenceMarker>,
    /// Custom metadata by field key.
    #[serde(default)]
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// One lane of a sequence, filled from its start without holes: a hole is a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Track {
    /// Its id.
    pub id: TrackId,
    /// What it holds.
    pub kind: TrackKind,
    /// Its name, for example `V1`.
    #[serde(default)]
    pub name: String,
    /// Whether it is seen or heard.
    pub enabled: bool,
    /// Its clips, gaps and transitions, in order.
    #[serde(default)]
    pub items: Vec<Item>,
}

/// One thing on a track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "item", rename_all = "snake_case")]
pub enum Item {
    /// A piece of an asset.
    Clip(Clip),
    /// Nothing, for a while.
    Gap(Gap),
    /// A change from the item before to the item after; it takes no time of its own.
    Transition(Transition),
}

impl Item {
    /// How many frames of the sequence it takes.
    pub fn duration(&self) -> i64 {
        match self {
            Self::Clip(clip) => clip.duration,
            Self::Gap(gap) => gap.duration,
            Self::Transition(_) => 0,
        }
    }
}

/// A piece of an asset on a track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clip {
    /// Its id.
    pub id: ClipId,
    /// Its name.
    pub name: String,
    /// What it is a piece of.
    pub source: ClipSource,
    /// Where in the source it begins, counted from the first frame (0) of the media, at the
    /// source's own rate.
    pub source_start: MediaTime,
    /// How many frames of the sequence it takes.
    pub duration: i64,
    /// Whether it is seen or heard.
    pub enabled: bool,
    /// Clips with the same number move together: a picture and its sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<u32>,
    /// Custom metadata by field key.
    #[serde(default)]
    pub metadata: BTreeMap<String, serde_json::Value>,
}

/// What a clip is a piece of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClipSource {
    /// Which asset.
    pub asset: AssetId,
    /// Which version of it, for good: a new face version does not change an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionId>,
    /// The subclip it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subclip: Option<AnnotationId>,
}

/// Nothing, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// How many frames of the sequence it takes.
    pub duration: i64,
}

/// A change from one item to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transition {
    /// Its kind, for example `dissolve`.
    pub kind: String,
    /// Frames of the sequence it begins before the cut.
    pub in_offset: i64,
    /// Frames of the sequence it ends after the cut.
    pub out_offset: i64,
}

/// A mark on the sequence itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SequenceMarker {
    /// Its first frame, from the start (0) of the sequence.
    pub start: i64,
    /// Its frames; 0 for a point.
    #[serde(default)]
    pub duration: i64,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What is to be said.
    #[serde(default)]
    pub comment: String,
    /// A colour by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}
