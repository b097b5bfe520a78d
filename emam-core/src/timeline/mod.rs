//! Timelines: editing sequences, checking them, and exchanging them with other programs.
//!
//! Everything here is a pure function on a [`Sequence`]: nothing reads a file, a catalog or the
//! clock, and new ids come from the [`Clock`](crate::clock::Clock) passed in. A function that
//! fails leaves the sequence as it was. `revision` and `updated_at` are the caller's, who stores
//! the result.
//!
//! What an edit keeps true: a track is filled from frame 0 without holes, neighbouring gaps are
//! one gap, no gap is last, nothing has zero length, and what was at the same frame on two tracks
//! still is, so picture and sound stay together.
//!
//! ```
//! use emam_core::clock::SystemClock;
//! use emam_core::id::AssetId;
//! use emam_core::id::ProjectId;
//! use emam_core::model::{AssetSource, MediaSummary, Sequence};
//! use emam_core::time::{MediaTime, Rate, TimeRange};
//! use emam_core::timeline::{self, Placement};
//!
//! let clock = SystemClock;
//! let mut cut = Sequence::new(&clock, ProjectId::new(&clock), "Rough cut", Rate::FPS_25);
//! let source = AssetSource::new(AssetId::new(&clock));
//! let media = MediaSummary {
//!     rate: Some(Rate::FPS_25),
//!     duration: Some(MediaTime::new(500, Rate::FPS_25)),
//!     audio_channels: 2,
//!     ..MediaSummary::default()
//! };
//!
//! let shot = TimeRange::new(100, 50, Rate::FPS_25)?;
//! let placement = Placement::of_range("rain", source, &media, shot, cut.rate)?;
//! let placed = timeline::append(&mut cut, &placement, &clock)?;
//! assert_eq!(timeline::length(&cut), 50);
//! assert_eq!(cut.tracks.len(), 2); // V1 and A1, linked
//!
//! timeline::remove(&mut cut, placed.clips[0], true)?; // its sound goes with it
//! assert_eq!(timeline::length(&cut), 0);
//! # Ok::<(), emam_core::Error>(())
//! ```

mod check;
pub mod conform;
mod edit;
pub mod format;
mod placement;
mod track;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod samples;

pub use check::{Issue, IssueKind, check};
pub use edit::{Placed, Removed, append, insert, remove};
pub use placement::Placement;

use crate::model::Sequence;

/// How many frames the sequence takes: the length of its longest track.
pub fn length(sequence: &Sequence) -> i64 {
    sequence.tracks.iter().map(|track| track::length(&track.items)).max().unwrap_or(0)
}
