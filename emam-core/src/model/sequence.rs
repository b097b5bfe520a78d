//! Sequence: an edit. Tracks of clips and gaps, in whole frames.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::id::{ClipId, ProjectId, SequenceId, TrackId};
use crate::model::ClipSource;
use crate::time::{MediaTime, Rate, Speed};

/// What a timeline file said of a thing that emam has no field for, by format (`otio`, `xmeml`,
/// `edl`): the text as it stood there, written again into files of that format.
pub type Foreign = BTreeMap<String, String>;

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
    /// Samples of sound a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Its tracks: video from the bottom up, then audio, then captions.
    #[serde(default)]
    pub tracks: Vec<Track>,
    /// Marks on the sequence itself, in frames from its start (0).
    #[serde(default)]
    pub markers: Vec<Marker>,
    /// Custom metadata by field key.
    #[serde(default)]
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// What timeline files said of it that has no field here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign: Foreign,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Sequence {
    /// An empty sequence that starts at timecode zero, not drop-frame, made now.
    pub fn new(clock: &dyn Clock, project: ProjectId, name: impl Into<String>, rate: Rate) -> Self {
        let now = clock.now();
        Self {
            id: SequenceId::new(clock),
            revision: 1,
            project,
            name: name.into(),
            rate,
            drop_frame: false,
            start: 0,
            width: None,
            height: None,
            sample_rate: None,
            tracks: Vec::new(),
            markers: Vec::new(),
            metadata: BTreeMap::new(),
            foreign: Foreign::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Every clip, in the order of the tracks.
    pub fn clips(&self) -> impl Iterator<Item = &Clip> {
        self.tracks.iter().flat_map(Track::clips)
    }
}

/// What a track holds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Words to be read: its clips are [captions](crate::model::Caption).
    Caption,
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
    /// What timeline files said of it that has no field here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign: Foreign,
}

impl Track {
    /// An empty track that is seen or heard.
    pub fn new(clock: &dyn Clock, kind: TrackKind, name: impl Into<String>) -> Self {
        Self {
            id: TrackId::new(clock),
            kind,
            name: name.into(),
            enabled: true,
            items: Vec::new(),
            foreign: Foreign::new(),
        }
    }

    /// Its clips, in order.
    pub fn clips(&self) -> impl Iterator<Item = &Clip> {
        self.items.iter().filter_map(Item::as_clip)
    }
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

    /// The clip, if it is one.
    pub fn as_clip(&self) -> Option<&Clip> {
        match self {
            Self::Clip(clip) => Some(clip),
            _ => None,
        }
    }
}

/// A piece of an asset, or of something else, on a track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clip {
    /// Its id.
    pub id: ClipId,
    /// Its name.
    pub name: String,
    /// What it is a piece of.
    pub source: ClipSource,
    /// Where in the source it begins, counted from the first frame (0) of the media, at the
    /// source's own rate. Of a clip that runs backwards it is the lowest frame too: the one shown
    /// last.
    pub source_start: MediaTime,
    /// How many frames of the sequence it takes.
    pub duration: i64,
    /// How fast it runs through its source.
    #[serde(default, skip_serializing_if = "Speed::is_normal")]
    pub speed: Speed,
    /// Whether it is seen or heard.
    pub enabled: bool,
    /// Clips with the same number move together: a picture and its sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<u32>,
    /// Which channels of the source's sound are heard, counted from 1 through all its streams; all
    /// when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audio_channels: Vec<u16>,
    /// Marks on it, in frames of the source from its first (0), at the rate of `source_start`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
    /// Custom metadata by field key.
    #[serde(default)]
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// What timeline files said of it that has no field here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign: Foreign,
}

impl Clip {
    /// A clip that is seen or heard, at normal speed.
    pub fn new(
        clock: &dyn Clock,
        name: impl Into<String>,
        source: impl Into<ClipSource>,
        source_start: MediaTime,
        duration: i64,
    ) -> Self {
        Self::with_id(ClipId::new(clock), name, source, source_start, duration)
    }

    /// As [`new`](Self::new), with an id of its own.
    pub fn with_id(
        id: ClipId,
        name: impl Into<String>,
        source: impl Into<ClipSource>,
        source_start: MediaTime,
        duration: i64,
    ) -> Self {
        Self {
            id,
            name: name.into(),
            source: source.into(),
            source_start,
            duration,
            speed: Speed::NORMAL,
            enabled: true,
            link: None,
            audio_channels: Vec::new(),
            markers: Vec::new(),
            metadata: BTreeMap::new(),
            foreign: Foreign::new(),
        }
    }
}

/// Nothing, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// How many frames of the sequence it takes.
    pub duration: i64,
    /// What timeline files said of it that has no field here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign: Foreign,
}

impl Gap {
    /// Nothing, for that many frames of the sequence.
    pub const fn new(duration: i64) -> Self {
        Self { duration, foreign: Foreign::new() }
    }
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
    /// What timeline files said of it that has no field here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign: Foreign,
}

impl Transition {
    /// The kind that fades from one picture into the next, and sound alike.
    pub const DISSOLVE: &'static str = "dissolve";

    /// A transition that begins `in_offset` frames before its cut and ends `out_offset` after.
    pub fn new(kind: impl Into<String>, in_offset: i64, out_offset: i64) -> Self {
        Self { kind: kind.into(), in_offset, out_offset, foreign: Foreign::new() }
    }
}

/// A mark on a sequence or a clip.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Marker {
    /// Its first frame: on a sequence from its start (0), on a clip from the first frame (0) of the
    /// source.
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
    /// What timeline files said of it that has no field here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign: Foreign,
}
