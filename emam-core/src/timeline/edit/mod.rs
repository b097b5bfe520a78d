//! The edits: what each is, and applying one or several as a whole.

mod attributes;
mod joining;
mod locate;
mod moving;
mod place;
mod razor;
mod record;
mod removal;
mod speed;
mod transition;
mod trimming;

#[cfg(test)]
mod operations_tests;
#[cfg(test)]
mod tests;

pub use place::{Placed, append, insert};
pub use record::{Edge, Edit};
pub use removal::{Removed, remove};

use crate::clock::Clock;
use crate::error::Result;
use crate::model::{AssetSource, Clip, MediaSummary, Sequence};
use crate::timeline::change::Change;
use crate::timeline::track;

use place::Targets;

/// What errors of edits name as the operation that failed.
pub(super) const OPERATION: &str = "sequences.edit";

/// Makes one edit, and gives what changed; the inverse of that undoes it.
///
/// `media` gives the facts of a clip's media, as for [`check`](super::check()): an edit that makes
/// a clip reach further into its source is refused where the media is known to have no such frames.
/// Where nothing is known of it, only its first frame, 0, is a limit. New clips, tracks and the
/// second parts of clips get their ids from `clock`.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) for a clip, track, marker or transition the sequence
/// does not have; [`InvalidInput`](crate::ErrorKind::InvalidInput) for what cannot be done, naming
/// what is there; [`AlreadyExists`](crate::ErrorKind::AlreadyExists) for a second transition at one
/// cut. Then the sequence is as it was.
pub fn apply(
    sequence: &mut Sequence,
    edit: &Edit,
    media: &dyn Fn(&AssetSource) -> Option<MediaSummary>,
    clock: &dyn Clock,
) -> Result<Change> {
    apply_all(sequence, std::slice::from_ref(edit), media, clock)
}

/// Makes several edits, one after the other, as one: all or none.
///
/// # Errors
/// As [`apply`], with the number of the edit that failed, counted from 0, as `edit`.
pub fn apply_all(
    sequence: &mut Sequence,
    edits: &[Edit],
    media: &dyn Fn(&AssetSource) -> Option<MediaSummary>,
    clock: &dyn Clock,
) -> Result<Change> {
    let facts = Facts { media, clock };
    let mut draft = sequence.clone();
    for (index, edit) in edits.iter().enumerate() {
        run(&mut draft, edit, &facts).map_err(|error| error.with("edit", index))?;
    }
    attributes::drop_lone_links(&sequence.tracks, &mut draft.tracks);
    let change = Change::between(sequence, &draft);
    *sequence = draft;
    Ok(change)
}

fn run(draft: &mut Sequence, edit: &Edit, facts: &Facts<'_>) -> Result<()> {
    match edit {
        Edit::Append { clip, only, tracks } => {
            place::append_to(draft, clip, Targets::new(*only, tracks), facts).map(drop)
        }
        Edit::Insert { at, clip, only, tracks } => {
            place::insert_at(draft, *at, clip, Targets::new(*only, tracks), facts).map(drop)
        }
        Edit::Overwrite { at, clip, only, tracks } => {
            place::overwrite(draft, *at, clip, Targets::new(*only, tracks), facts)
        }
        Edit::LayOver { at, clip, only } => place::lay_over(draft, *at, clip, *only, facts),
        Edit::Remove { clip, ripple } => removal::remove(draft, *clip, *ripple).map(drop),
        Edit::Lift { start, duration, tracks } => {
            removal::lift(draft, *start, *duration, tracks, facts)
        }
        Edit::Extract { start, duration } => removal::extract(draft, *start, *duration, facts),
        Edit::Trim { clip, edge, by, ripple } => {
            trimming::trim(draft, *clip, *edge, *by, *ripple, facts)
        }
        Edit::Roll { clip, edge, by } => moving::roll(draft, *clip, *edge, *by, facts),
        Edit::Slip { clip, by } => moving::slip(draft, *clip, *by, facts),
        Edit::Slide { clip, by } => moving::slide(draft, *clip, *by, facts),
        Edit::Split { at, clip } => joining::split(draft, *at, *clip, facts),
        Edit::Join { clip } => joining::join(draft, *clip, facts),
        Edit::AddTransition { clip, edge, transition } => {
            transition::add(draft, *clip, *edge, transition, facts)
        }
        Edit::RemoveTransition { clip, edge } => transition::remove(draft, *clip, *edge),
        Edit::SetSpeed { clip, speed, keep_duration, ripple } => {
            speed::set(draft, *clip, *speed, *keep_duration, *ripple, facts)
        }
        Edit::SetEnabled { clip, enabled, alone } => {
            attributes::set_enabled(draft, *clip, *enabled, *alone)
        }
        Edit::Link { clips } => attributes::link(draft, clips),
        Edit::Unlink { clips } => attributes::unlink(draft, clips),
        Edit::AddMarker { clip, marker } => attributes::add_marker(draft, *clip, marker),
        Edit::RemoveMarker { clip, marker } => attributes::remove_marker(draft, *clip, marker),
    }?;
    // A sum that no longer fits would only be found by the next edit.
    track::measured(draft, OPERATION).map(drop)
}

/// What edits ask the world outside the sequence for.
struct Facts<'a> {
    media: &'a dyn Fn(&AssetSource) -> Option<MediaSummary>,
    clock: &'a dyn Clock,
}

impl<'a> Facts<'a> {
    /// Nothing is known of any media.
    fn none(clock: &'a dyn Clock) -> Self {
        Self { media: &|_| None, clock }
    }

    /// What is known of a clip's media.
    fn of(&self, clip: &Clip) -> Option<MediaSummary> {
        clip.source.asset().and_then(|source| (self.media)(source))
    }
}
