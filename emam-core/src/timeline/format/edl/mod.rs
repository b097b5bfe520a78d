//! CMX3600 edit decision lists.
//!
//! A list is numbered events: a piece of a reel, by its timecode, at a record timecode. It has one
//! rate, which it does not name, one picture track and four of sound. Everything else stands in
//! comments (`* …`), of which some are understood by everybody: the names of clips and files, and
//! locators (`* LOC:`). Others are kept as they are, under `edl` in `foreign`.
//!
//! Of media a list says its reel and name only. Its timecode counts from midnight, so media that
//! was read starts at timecode zero until it is relinked.
//!
//! Sources: CMX 3400/3600 operating manual (1987) for the columns; Avid EDL Manager for File32 and
//! locators; what Premiere, Avid and Resolve write for the rest.

mod events;
mod line;
mod place;
mod rate;
mod read;
mod reel;
mod speed;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// The key of this format in `foreign`.
const FOREIGN: &str = "edl";
/// The reel of what comes from no tape.
const NO_REEL: &str = "AX";
/// The reel of black.
const BLACK: &str = "BL";
