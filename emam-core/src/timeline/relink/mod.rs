//! Relinking: which media of a library a timeline file means, and the clips put on it.
//!
//! Two steps. [`plan`] looks at the media a [`Document`] names and at the [`Candidate`]s there are,
//! and says of each what it is taken for, how surely and why, without changing anything. [`apply`]
//! puts the clips on what was found: the timecode a clip shows stays, whatever frame of the found
//! media that is, and what no longer fits is an [`Issue`] each.
//!
//! What counts, from the surest down: emam's own id, the very same file, the checksum, the name
//! with timecode and length, the name with the timecode used, the reel with the timecode used, the
//! name alone. Two candidates that are nearly as good as each other are not told apart by guessing:
//! the media stays unlinked, and both are named.
//!
//! ```
//! use emam_core::clock::SystemClock;
//! use emam_core::id::{AssetId, ProjectId};
//! use emam_core::model::{AssetSource, Clip, Item, Sequence, Track, TrackKind};
//! use emam_core::time::{MediaTime, Rate};
//! use emam_core::timeline::format::{ClipMedia, Document, MediaMap};
//! use emam_core::timeline::relink::{self, Candidate, MatchOptions, Reason};
//!
//! let clock = SystemClock;
//! let media = ClipMedia { name: "A001.mov".into(), ..ClipMedia::default() };
//! // What a file has named, under an id of its own.
//! let named = AssetSource::new(AssetId::new(&clock));
//! let mut cut = Sequence::new(&clock, ProjectId::new(&clock), "cut", Rate::FPS_25);
//! let mut track = Track::new(&clock, TrackKind::Video, "V1");
//! track.items = vec![Item::Clip(Clip::new(&clock, "a", named, MediaTime::zero(Rate::FPS_25), 50))];
//! cut.tracks.push(track);
//! let mut document = Document::new(cut, MediaMap::new());
//! document.media.insert(&named, media.clone());
//! // What there is.
//! let asset = AssetSource::new(AssetId::new(&clock));
//! let plan = relink::plan(&document, &[Candidate::new(asset, media)], &MatchOptions::default());
//! assert_eq!(plan.matches[0].found.as_ref().map(|found| found.reason), Some(Reason::Name));
//! let issues = relink::apply(&mut document, &plan)?;
//! assert!(issues.is_empty());
//! assert_eq!(document.sequences[0].clips().next().and_then(|clip| clip.source.asset()), Some(&asset));
//! # Ok::<(), emam_core::Error>(())
//! ```

mod apply;
mod index;
mod names;
mod place;
mod plan;
mod proxy;
mod report;
mod score;
mod wanted;

#[cfg(test)]
mod tests;

pub use apply::apply;
pub use names::stem;
pub use plan::plan;
pub use proxy::frame_map_fits;
pub(crate) use wanted::wanted;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Issue;
use crate::model::AssetSource;
use crate::timeline::format::{ClipMedia, Document};

/// Media that may be what a timeline names.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What clips are put on.
    pub source: AssetSource,
    /// What is known of it.
    pub media: ClipMedia,
}

impl Candidate {
    /// A candidate.
    pub const fn new(source: AssetSource, media: ClipMedia) -> Self {
        Self { source, media }
    }
}

/// What a plan takes for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct MatchOptions {
    /// The least score a match needs, from 0 to 100; 50 unless given: a file name that nothing
    /// contradicts is enough.
    pub min_score: u8,
    /// How much better than the next best the best must be; 3 unless given. It does not count for
    /// ids, places and checksums, which are certain.
    pub margin: u8,
}

impl Default for MatchOptions {
    fn default() -> Self {
        Self { min_score: 50, margin: 3 }
    }
}

impl MatchOptions {
    /// Sets the least score a match needs, from 0 to 100.
    #[must_use]
    pub fn with_min_score(mut self, min_score: u8) -> Self {
        self.min_score = min_score;
        self
    }
}

/// Why media is taken for what a timeline names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The timeline gives its id.
    EmamId,
    /// The timeline points to the very file that holds it.
    Place,
    /// Somebody has chosen it.
    Chosen,
    /// It was ingested from the file the timeline points to, for this.
    Ingested,
    /// A placeholder was made of what the timeline says, for this.
    Placeholder,
    /// Its original adds up to the checksum the timeline gives.
    Checksum,
    /// Its name, the timecode of its first frame and its length are what the timeline says.
    NameTimecodeDuration,
    /// Its name is what the timeline says, and it has the timecode used.
    NameTimecode,
    /// Its reel is what the timeline says, and it has the timecode used.
    ReelTimecode,
    /// Its name is what the timeline says.
    Name,
}

impl Reason {
    /// Whether no other media can be meant as well.
    pub const fn is_certain(self) -> bool {
        matches!(
            self,
            Self::EmamId
                | Self::Place
                | Self::Chosen
                | Self::Ingested
                | Self::Placeholder
                | Self::Checksum
        )
    }

    /// In words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::EmamId => "id",
            Self::Place => "same file",
            Self::Chosen => "chosen",
            Self::Ingested => "ingested",
            Self::Placeholder => "placeholder",
            Self::Checksum => "checksum",
            Self::NameTimecodeDuration => "name, timecode, length",
            Self::NameTimecode => "name, timecode",
            Self::ReelTimecode => "reel, timecode",
            Self::Name => "name",
        }
    }
}

/// Media found for what a timeline names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// The media.
    pub source: AssetSource,
    /// Its name.
    pub name: String,
    /// How surely it is meant, from 0 to 100.
    pub score: u8,
    /// Why.
    pub reason: Reason,
}

/// What came of one media that a timeline names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    /// The media, as the timeline names it.
    pub wanted: AssetSource,
    /// Its name there.
    pub name: String,
    /// How many clips are pieces of it.
    pub clips: u64,
    /// What it is taken for; nothing where nothing was found, or too much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// What else it may be, the most likely first; at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Found>,
    /// Why nothing was taken, and what differs between what was taken and what the timeline says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Issue>,
    /// What is known of what was found.
    #[serde(skip)]
    media: Option<ClipMedia>,
}

/// What each media of a timeline is taken for. Its `Display` is a table for people.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RelinkPlan {
    /// One match for each media, in the order of its id in the timeline.
    pub matches: Vec<Match>,
}

impl RelinkPlan {
    /// The media nothing was taken for.
    pub fn missing(&self) -> impl Iterator<Item = &Match> {
        self.matches.iter().filter(|found| found.found.is_none())
    }

    /// Takes `candidate` for the media that `document` names `wanted`, whatever was planned:
    /// somebody has chosen it, or it was made for this. Says what differs between the two, and
    /// tells whether the document names that media.
    pub fn choose(
        &mut self,
        document: &Document,
        wanted: &AssetSource,
        candidate: &Candidate,
        reason: Reason,
    ) -> bool {
        let same =
            |m: &&mut Match| (m.wanted.asset, m.wanted.version) == (wanted.asset, wanted.version);
        let Some(found) = self.matches.iter_mut().find(same) else { return false };
        found.found = Some(Found {
            source: candidate.source,
            name: candidate.media.name.clone(),
            score: 100,
            reason,
        });
        found.media = Some(candidate.media.clone());
        found.warnings = plan::differences_of(document, wanted, &candidate.media);
        true
    }
}
