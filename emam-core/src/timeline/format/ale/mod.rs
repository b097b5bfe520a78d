//! Avid Log Exchange: media as a table.
//!
//! A log has no edit. So reading gives a document without sequences, whose media lie in one bin in
//! the order of the rows; and writing lists all media of the document, whatever its sequences. What
//! emam has no field for is kept under `ale` in `foreign`: a line for each column, its name and its
//! value parted by a tab. Headings other than those of the format itself are kept so too, with
//! `Heading` and a tab in front.
//!
//! Source: Avid Log Specifications, in the Avid Log Exchange user's guide.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// The key of this format in `foreign`.
const FOREIGN: &str = "ale";

const NAME: &str = "Name";
const TRACKS: &str = "Tracks";
const START: &str = "Start";
const END: &str = "End";
const DURATION: &str = "Duration";
const TAPE: &str = "Tape";
const SOURCE_FILE: &str = "Source File";
const FPS: &str = "FPS";
/// The columns emam has fields for, in the order they are written.
const COLUMNS: [&str; 8] = [NAME, TRACKS, START, END, DURATION, TAPE, SOURCE_FILE, FPS];
