//! Captions: SubRip and WebVTT.
//!
//! A cue is a clip of a caption track. Its times are media time, which counts from the start of the
//! sequence whatever its timecode. Files count milliseconds and sequences frames: where the caller
//! names no rate, the sequence gets one at which every time of the file is a whole frame, at worst
//! 1000 a second, so that nothing is rounded; and a frame is written as the millisecond nearest to
//! it, halfway the later. Cues that overlap lie on further tracks.
//!
//! Text keeps its tags (`<i>`). What a file says besides is kept in `foreign` by its format, `srt`
//! or `vtt`: of a WebVTT file its notes, styles and regions, of a cue its settings, and its name.
//!
//! Sources: WebVTT, the Web Video Text Tracks Format (W3C); SubRip has no standard, so what players
//! take.

mod read;
mod time;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// Which of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Srt,
    Vtt,
}

impl Kind {
    /// The key of the format in `foreign`.
    const fn foreign(self) -> &'static str {
        match self {
            Self::Srt => "srt",
            Self::Vtt => "vtt",
        }
    }
}

/// What parts the times of a cue.
const ARROW: &str = "-->";
