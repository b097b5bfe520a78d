//! Final Cut Pro 7 XML (xmeml 4), as Premiere writes and reads it.
//!
//! The format's own facts are written as its elements. What it has none for (ids, custom metadata,
//! times between two frames) stands in attributes `emam.…` beside them, as Premiere's own facts do
//! in `MZ.…` and `TL.…`: other programs pass over attributes they do not know, and nothing of it is
//! shown to people. Where an element and an attribute disagree, another program has changed the
//! file, and the element holds.
//!
//! Not carried, each with an issue: captions, and what other formats kept. Not understood when read,
//! each with an issue: speed that changes within a clip (its filter is kept), markers and filters of
//! master clips, and what one channel of exploded sound says otherwise than the first.

#[cfg(test)]
mod bad_input;
mod decode;
mod dom;
mod effects;
mod foreign;
mod forms;
mod frames;
#[cfg(test)]
mod properties;
mod read;
mod text;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// What a sequence has that says nothing of it: the defaults its file needs all the same.
const ASSUMED_SIZE: (u32, u32) = (1920, 1080);
const ASSUMED_SAMPLE_RATE: u32 = 48_000;

/// The channels a nested sequence is heard on.
const NESTED_CHANNELS: u32 = 2;

/// The name a track has that was given none.
fn default_track_name(is_video: bool, number: usize) -> String {
    format!("{}{number}", if is_video { 'V' } else { 'A' })
}
