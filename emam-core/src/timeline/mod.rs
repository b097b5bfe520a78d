//! Timelines: editing sequences, checking them, and exchanging them with other programs.
//!
//! Everything here is a pure function on a [`Sequence`] but what is said to block, which reads or
//! writes timeline files: nothing asks a catalog or the clock, and new ids come from the
//! [`Clock`](crate::clock::Clock) passed in. A function that fails leaves the sequence as it was.
//! `revision` and `updated_at` are the caller's, who stores the result.
//!
//! What an edit keeps true: a track is filled from frame 0 without holes, neighbouring gaps are
//! one gap, no gap is last, nothing has zero length, and what was at the same frame on two tracks
//! still is, so picture and sound stay together.
//!
//! An [`Edit`] is a record, so it can be kept and sent; [`apply`] makes it and gives the
//! [`Change`], whose inverse undoes it:
//!
//! ```
//! use emam_core::clock::SystemClock;
//! use emam_core::id::{AssetId, ProjectId};
//! use emam_core::model::{AssetSource, MediaSummary, Sequence};
//! use emam_core::time::{MediaTime, Rate, TimeRange};
//! use emam_core::timeline::{self, Edge, Edit, Placement};
//!
//! let clock = SystemClock;
//! let mut cut = Sequence::new(&clock, ProjectId::new(&clock), "Rough cut", Rate::FPS_25);
//! let source = AssetSource::new(AssetId::new(&clock));
//! let film = MediaSummary {
//!     rate: Some(Rate::FPS_25),
//!     duration: Some(MediaTime::new(500, Rate::FPS_25)),
//!     audio_channels: 2,
//!     ..MediaSummary::default()
//! };
//! let media = |_: &AssetSource| Some(film.clone());
//!
//! let shot = TimeRange::new(100, 50, Rate::FPS_25)?;
//! let placement = Placement::of_range("rain", source, &film, shot, cut.rate)?;
//! let placed = timeline::append(&mut cut, &placement, &clock)?;
//! assert_eq!(timeline::length(&cut), 50);
//! assert_eq!(cut.tracks.len(), 2); // V1 and A1, linked
//!
//! // Ten frames off its end, sound and all, and what comes after moves up.
//! let before = cut.clone();
//! let trim = Edit::Trim { clip: placed.clips[0], edge: Edge::Tail, by: 10, ripple: true };
//! let change = timeline::apply(&mut cut, &trim, &media, &clock)?;
//! assert_eq!(timeline::length(&cut), 40);
//!
//! change.inverse().apply(&mut cut)?; // undo
//! assert_eq!(cut, before);
//!
//! // The media has 500 frames: it cannot be made longer than that.
//! let too_long = Edit::Trim { clip: placed.clips[0], edge: Edge::Tail, by: -351, ripple: false };
//! assert!(timeline::apply(&mut cut, &too_long, &media, &clock).is_err());
//! assert!(timeline::check(&cut, &media).is_empty());
//! # Ok::<(), emam_core::Error>(())
//! ```

mod change;
mod check;
pub mod conform;
mod edit;
pub mod format;
mod marks;
mod piece;
mod placement;
pub mod relink;
mod track;
pub mod usage;

#[cfg(test)]
mod edit_properties;
#[cfg(test)]
mod frame_model;
#[cfg(test)]
mod hostile_properties;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod samples;

pub use change::{Change, ChangeStep};
pub(crate) use check::check_clips;
pub use check::{Issue, IssueKind, check, check_nested};
pub use edit::{Edge, Edit, Placed, Removed, append, apply, apply_all, insert, remove};
pub use marks::marked_range;
pub use placement::Placement;

use crate::model::Sequence;

/// How many frames the sequence takes: the length of its longest track.
pub fn length(sequence: &Sequence) -> i64 {
    sequence.tracks.iter().map(|track| track::length(&track.items)).max().unwrap_or(0)
}
