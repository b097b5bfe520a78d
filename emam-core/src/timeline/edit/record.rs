//! The record of an edit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ClipId, TrackId};
use crate::model::{Marker, TrackKind, Transition};
use crate::time::Speed;
use crate::timeline::Placement;

/// An end of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// Where it begins in the sequence.
    Head,
    /// Where it ends in the sequence.
    Tail,
}

/// One edit of a sequence. `P` says what a new clip is a piece of.
///
/// What holds for all of them:
///
/// - Positions and durations are whole frames of the sequence, from its start (0).
/// - Linked clips are trimmed, moved, split and retimed with the clip that is named, where the edit
///   does not say otherwise.
/// - A clip across a cut is parted: its first part keeps the id, its second gets a new one, and the
///   second parts of linked clips are linked to each other.
/// - A transition stays as long as it has the same neighbours, or the same gap to fade from or to,
///   and they have room for it. Whether the media still has frames for it is told by the check.
/// - With `ripple` what comes later moves on all tracks, so that what was together stays together:
///   time is put in on all of them, as an insert does, or time that is empty on all of them is
///   closed. Where another clip is seen or heard meanwhile, that time stays.
/// - Marks of the sequence stay at their frame; those of a clip stay at their frame of its source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "edit", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Edit")]
#[non_exhaustive]
pub enum Edit<P = Placement> {
    /// Puts a clip at the end of the sequence.
    Append {
        /// The clip.
        clip: P,
        /// Takes only the picture (`video`) or only the sound (`audio`); both when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<TrackKind>,
        /// The tracks it goes on; the first of a kind where none of that kind is named.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tracks: Vec<TrackId>,
    },
    /// Puts a clip at a frame; what is there and after it moves back on all tracks.
    Insert {
        /// The frame of the sequence.
        at: i64,
        /// The clip.
        clip: P,
        /// Takes only the picture (`video`) or only the sound (`audio`); both when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<TrackKind>,
        /// The tracks it goes on; the first of a kind where none of that kind is named.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tracks: Vec<TrackId>,
    },
    /// Puts a clip at a frame, in place of what is there on its tracks; nothing moves.
    Overwrite {
        /// The frame of the sequence.
        at: i64,
        /// The clip.
        clip: P,
        /// Takes only the picture (`video`) or only the sound (`audio`); both when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<TrackKind>,
        /// The tracks it goes on; the first of a kind where none of that kind is named.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tracks: Vec<TrackId>,
    },
    /// Puts a clip over what is there: its picture on the lowest video track above every clip at
    /// that time, its sound on the first audio track that is empty then. Missing tracks are made.
    LayOver {
        /// The frame of the sequence.
        at: i64,
        /// The clip.
        clip: P,
        /// Takes only the picture (`video`) or only the sound (`audio`); both when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<TrackKind>,
    },
    /// Takes a clip out, and those linked to it; a gap stays, or its time is closed.
    Remove {
        /// The clip.
        clip: ClipId,
        /// Whether what comes after it moves up.
        #[serde(default)]
        ripple: bool,
    },
    /// Empties a range of frames; a gap stays.
    Lift {
        /// The first frame.
        start: i64,
        /// How many frames.
        duration: i64,
        /// On which tracks; on all when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tracks: Vec<TrackId>,
    },
    /// Takes a range of frames out of all tracks; what comes after it moves up.
    Extract {
        /// The first frame.
        start: i64,
        /// How many frames.
        duration: i64,
    },
    /// Moves one end of a clip, and that of linked clips that end at the same frame. The other end
    /// stays, with `ripple` too: then what comes after moves.
    Trim {
        /// The clip.
        clip: ClipId,
        /// Which end.
        edge: Edge,
        /// How many frames it loses; below zero it gets as many more, out of a gap or by ripple.
        by: i64,
        /// Whether what comes after it moves.
        #[serde(default)]
        ripple: bool,
    },
    /// Moves the cut at an end of a clip, and that of linked clips at the same frame: what one side
    /// loses, the other gets.
    Roll {
        /// The clip.
        clip: ClipId,
        /// At which of its ends.
        edge: Edge,
        /// How many frames later; below zero earlier.
        by: i64,
    },
    /// Shows another part of the source, at the same place and as long.
    Slip {
        /// The clip.
        clip: ClipId,
        /// How many frames of its source later; below zero earlier. Linked clips slip by the same
        /// time.
        by: i64,
    },
    /// Moves a clip between its neighbours: one gets what the other loses.
    Slide {
        /// The clip.
        clip: ClipId,
        /// How many frames later; below zero earlier.
        by: i64,
    },
    /// Cuts at a frame.
    Split {
        /// The frame of the sequence the second parts begin at.
        at: i64,
        /// The clip to be cut; every clip at that frame when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<ClipId>,
    },
    /// Makes a clip and the next one of the same source, which goes on where it ends, one clip
    /// again; so also with the clips linked to it. It keeps its id and name, and takes over the
    /// marks and metadata of the other.
    Join {
        /// The first of the two.
        clip: ClipId,
    },
    /// Puts a transition at a cut.
    AddTransition {
        /// The clip.
        clip: ClipId,
        /// At which of its ends.
        edge: Edge,
        /// The transition.
        transition: Transition,
    },
    /// Makes a transition a cut again.
    RemoveTransition {
        /// The clip.
        clip: ClipId,
        /// At which of its ends.
        edge: Edge,
    },
    /// Runs a clip at another speed. It shows the same piece of its source, in more or less time;
    /// to or from a frozen frame its duration stays.
    SetSpeed {
        /// The clip.
        clip: ClipId,
        /// The speed.
        speed: Speed,
        /// Whether it keeps its duration, and shows more or less of its source.
        #[serde(default)]
        keep_duration: bool,
        /// Whether what comes after it moves; otherwise a longer one takes from the gap after it.
        #[serde(default)]
        ripple: bool,
    },
    /// Says whether a clip is seen or heard.
    SetEnabled {
        /// The clip.
        clip: ClipId,
        /// Whether it is.
        enabled: bool,
        /// Whether those linked to it stay as they are.
        #[serde(default)]
        alone: bool,
    },
    /// Makes clips move together, and no longer with what they were linked to.
    Link {
        /// The clips; at least two.
        clips: Vec<ClipId>,
    },
    /// Makes clips move by themselves.
    Unlink {
        /// The clips.
        clips: Vec<ClipId>,
    },
    /// Puts a mark on the sequence, or on a clip.
    AddMarker {
        /// The clip; the sequence itself when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<ClipId>,
        /// The mark.
        marker: Marker,
    },
    /// Takes a mark away.
    RemoveMarker {
        /// The clip it is on; the sequence itself when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<ClipId>,
        /// The mark, as it stands there.
        marker: Marker,
    },
}

impl<P> Edit<P> {
    /// What it puts into the sequence, if anything.
    pub const fn placed(&self) -> Option<&P> {
        match self {
            Self::Append { clip, .. }
            | Self::Insert { clip, .. }
            | Self::Overwrite { clip, .. }
            | Self::LayOver { clip, .. } => Some(clip),
            _ => None,
        }
    }

    /// The same edit with what it puts in said otherwise, for example a range of an asset in the
    /// times of the sequence.
    ///
    /// # Errors
    /// Those of `place`.
    pub fn map_placed<Q, E>(self, place: impl FnOnce(P) -> Result<Q, E>) -> Result<Edit<Q>, E> {
        Ok(match self {
            Self::Append { clip, only, tracks } => {
                Edit::Append { clip: place(clip)?, only, tracks }
            }
            Self::Insert { at, clip, only, tracks } => {
                Edit::Insert { at, clip: place(clip)?, only, tracks }
            }
            Self::Overwrite { at, clip, only, tracks } => {
                Edit::Overwrite { at, clip: place(clip)?, only, tracks }
            }
            Self::LayOver { at, clip, only } => Edit::LayOver { at, clip: place(clip)?, only },
            Self::Remove { clip, ripple } => Edit::Remove { clip, ripple },
            Self::Lift { start, duration, tracks } => Edit::Lift { start, duration, tracks },
            Self::Extract { start, duration } => Edit::Extract { start, duration },
            Self::Trim { clip, edge, by, ripple } => Edit::Trim { clip, edge, by, ripple },
            Self::Roll { clip, edge, by } => Edit::Roll { clip, edge, by },
            Self::Slip { clip, by } => Edit::Slip { clip, by },
            Self::Slide { clip, by } => Edit::Slide { clip, by },
            Self::Split { at, clip } => Edit::Split { at, clip },
            Self::Join { clip } => Edit::Join { clip },
            Self::AddTransition { clip, edge, transition } => {
                Edit::AddTransition { clip, edge, transition }
            }
            Self::RemoveTransition { clip, edge } => Edit::RemoveTransition { clip, edge },
            Self::SetSpeed { clip, speed, keep_duration, ripple } => {
                Edit::SetSpeed { clip, speed, keep_duration, ripple }
            }
            Self::SetEnabled { clip, enabled, alone } => Edit::SetEnabled { clip, enabled, alone },
            Self::Link { clips } => Edit::Link { clips },
            Self::Unlink { clips } => Edit::Unlink { clips },
            Self::AddMarker { clip, marker } => Edit::AddMarker { clip, marker },
            Self::RemoveMarker { clip, marker } => Edit::RemoveMarker { clip, marker },
        })
    }
}
