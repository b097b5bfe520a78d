//! The records of the library: plain data with public fields, no I/O and nothing async.
//!
//! Records cross languages as JSON with these field names. A record that can change carries a
//! `revision`: the writer names the revision it read, and a stale write is a
//! [`Conflict`](crate::ErrorKind::Conflict). Readers ignore fields they do not know, so a newer
//! library can add some.

mod annotation;
mod asset;
mod bin;
mod category;
mod clip_source;
mod event;
mod profile;
mod project;
mod rendition;
mod run;
mod sequence;
mod technical;

pub use annotation::{Annotation, AnnotationKind, NewAnnotation, Region, Source};
pub use asset::{Asset, AssetKind, Availability, KnownContent, Lifecycle, MediaSummary, Version};
pub use bin::{Bin, BinItem, BinTarget};
pub use category::Category;
pub use clip_source::{AssetSource, Caption, ClipSource, Generator, SequenceSource};
pub use event::{Event, NewEvent, Topic};
pub use profile::{
    AudioProxySpec, CaptionsSpec, Corner, HlsSpec, MezzanineSpec, OutputSpec, PosterSpec, ProRes,
    Profile, ProxySpec, StoryboardSpec, ThumbnailSpec, Watermark, WaveformSpec,
};
pub use project::Project;
pub use rendition::{
    Checksums, Derivation, FrameMap, Instance, InstanceState, Rendition, Role, StorageClass,
};
pub use run::{
    Failure, FailureReason, Progress, Run, RunKind, RunProgress, RunState, Step, StepState,
};
pub use sequence::{Clip, Foreign, Gap, Item, Marker, Sequence, Track, TrackKind, Transition};
pub use technical::{
    AspectRatio, AudioStream, Color, Container, Exif, FieldOrder, Hdr, OtherStream, Picture,
    Technical, TimecodeSource, VideoStream,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The records of this page, in the list's order.
    pub items: Vec<T>,
    /// Ask for the next page with this cursor; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with each record mapped.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PageRequest {
    /// How many records at most, from 1 to 1,000; 50 unless told otherwise.
    pub limit: i64,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: 50, cursor: None }
    }
}

impl PageRequest {
    /// The most records one page can hold.
    pub const MAX_LIMIT: i64 = 1_000;

    /// A first page of at most `limit` records.
    pub fn first(limit: i64) -> Self {
        Self { limit, cursor: None }
    }

    /// The limit, if it is one.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) below 1 or above 1,000.
    pub fn checked_limit(&self, operation: &'static str) -> Result<usize> {
        match usize::try_from(self.limit) {
            Ok(limit) if (1..=Self::MAX_LIMIT).contains(&self.limit) => Ok(limit),
            _ => {
                Err(Error::invalid(operation, "limit must be from 1 to 1000")
                    .with("limit", self.limit))
            }
        }
    }
}
