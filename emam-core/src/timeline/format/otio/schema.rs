//! The JSON of OpenTimelineIO, as version 0.18.1 writes it: every key, in its order.
//!
//! Only what is written here; a reader needs more (older schemas, unknown ones) and is not this.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::time::{MediaTime, Rate};

/// What a metadata dictionary holds. OpenTimelineIO sorts its keys.
pub(super) type Metadata = Map<String, Value>;

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Timeline.1")]
pub(super) struct Timeline<'a> {
    pub(super) metadata: Metadata,
    pub(super) name: Text<'a>,
    pub(super) global_start_time: RationalTime,
    pub(super) tracks: Stack<'a>,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Stack.1")]
pub(super) struct Stack<'a> {
    #[serde(flatten)]
    pub(super) item: Item<'a>,
    pub(super) children: Vec<Track<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Track.1")]
pub(super) struct Track<'a> {
    #[serde(flatten)]
    pub(super) item: Item<'a>,
    pub(super) children: Vec<Child<'a>>,
    pub(super) kind: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Child<'a> {
    Clip(Clip<'a>),
    Gap(Gap<'a>),
    Transition(Transition<'a>),
}

/// What stacks, tracks, clips and gaps begin with.
#[derive(Serialize)]
pub(super) struct Item<'a> {
    pub(super) metadata: Metadata,
    pub(super) name: Text<'a>,
    pub(super) source_range: Option<TimeRange>,
    pub(super) effects: [(); 0],
    pub(super) markers: Vec<Marker<'a>>,
    pub(super) enabled: bool,
    pub(super) color: Option<&'a str>,
}

impl<'a> Item<'a> {
    pub(super) fn new(name: &'a str) -> Self {
        Self {
            metadata: Metadata::new(),
            name: Text(name),
            source_range: None,
            effects: [],
            markers: Vec::new(),
            enabled: true,
            color: None,
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Clip.2")]
pub(super) struct Clip<'a> {
    #[serde(flatten)]
    pub(super) item: Item<'a>,
    pub(super) media_references: BTreeMap<&'static str, Reference<'a>>,
    pub(super) active_media_reference_key: &'static str,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Gap.1")]
pub(super) struct Gap<'a> {
    #[serde(flatten)]
    pub(super) item: Item<'a>,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Transition.1")]
pub(super) struct Transition<'a> {
    pub(super) metadata: Metadata,
    pub(super) name: Text<'a>,
    pub(super) in_offset: RationalTime,
    pub(super) out_offset: RationalTime,
    pub(super) transition_type: &'static str,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Marker.2")]
pub(super) struct Marker<'a> {
    pub(super) metadata: Metadata,
    pub(super) name: Text<'a>,
    pub(super) color: &'static str,
    pub(super) marked_range: TimeRange,
    pub(super) comment: Text<'a>,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA")]
pub(super) enum Reference<'a> {
    #[serde(rename = "ExternalReference.1")]
    External {
        metadata: Metadata,
        name: Text<'a>,
        available_range: Option<TimeRange>,
        available_image_bounds: (),
        target_url: &'a str,
    },
    #[serde(rename = "MissingReference.1")]
    Missing {
        metadata: Metadata,
        name: Text<'a>,
        available_range: Option<TimeRange>,
        available_image_bounds: (),
    },
}

#[derive(Clone, Copy, Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "TimeRange.1")]
pub(super) struct TimeRange {
    pub(super) duration: RationalTime,
    pub(super) start_time: RationalTime,
}

/// A time as floats: this is the edge where exact time leaves the library.
#[derive(Clone, Copy, Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "RationalTime.1")]
pub(super) struct RationalTime {
    rate: f64,
    value: f64,
}

impl RationalTime {
    /// # Errors
    /// `InvalidInput` for a frame number that a float cannot hold exactly.
    pub(super) fn new(value: i64, rate: Rate) -> Result<Self> {
        /// Every whole number up to this one is a float (IEEE 754 binary64).
        const EXACT: u64 = 1 << 53;

        if value.unsigned_abs() > EXACT {
            let message = "OpenTimelineIO keeps times as floats, which cannot hold this frame \
                           number exactly";
            return Err(Error::invalid("sequences.export", message)
                .with("time", MediaTime::new(value, rate)));
        }
        Ok(Self { rate: rate.as_f64(), value: value as f64 })
    }
}

/// A text that OpenTimelineIO can write again: it cuts texts at U+0000, so that is shown as U+FFFD.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.contains('\0') {
            serializer.serialize_str(&self.0.replace('\0', "\u{fffd}"))
        } else {
            serializer.serialize_str(self.0)
        }
    }
}
