//! Where in found media a place of the media that a timeline names lies.

use super::index::label;
use crate::error::Result;
use crate::time::{MediaTime, Rate, Rescaled, Timecode};
use crate::timeline::format::ClipMedia;
use crate::timeline::placement::is_still;

/// The way from places in what a timeline names to places in what was found: the timecode shown
/// stays; where one of the two has none, the distance from the first frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    from: Option<Timecode>,
    to: Option<Timecode>,
    /// What the found media counts in; whatever a clip counts in where it has no time of its own.
    rate: Option<Rate>,
    length: Option<i64>,
}

/// A place in found media.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) time: MediaTime,
    pub(super) is_rounded: bool,
}

impl Way {
    pub(super) fn new(wanted: &ClipMedia, found: &ClipMedia) -> Self {
        let (one, other) = (&wanted.summary, &found.summary);
        let both = one.start_timecode.is_some() && other.start_timecode.is_some();
        Self {
            from: one.start_timecode.filter(|_| both),
            to: other.start_timecode.filter(|_| both),
            rate: other.duration.map(MediaTime::rate).or(other.rate).filter(|_| !is_still(other)),
            length: other.duration.map(MediaTime::value),
        }
    }

    /// Where a place counted from the first frame lies.
    pub(super) fn place(&self, time: MediaTime) -> Result<Place> {
        let rate = self.rate.unwrap_or(time.rate());
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return place(time, rate);
        };
        if from == to {
            return place(time, rate);
        }
        if time.rate() == from.rate() && to.rate() == rate {
            let shown = from.offset(time.value())?;
            let shown = match (shown.rate(), shown.drop_frame()) == (to.rate(), to.drop_frame()) {
                true => Some(shown),
                // The same label, in the counting of the found media, where it has that label.
                false => relabelled(shown, to),
            };
            if let Some(shown) = shown
                && let Some(frame) = shown.frames().checked_sub(to.frames())
            {
                return Ok(Place {
                    time: MediaTime::new(self.within_the_day(frame, to), rate),
                    is_rounded: false,
                });
            }
        }
        // Sound counts samples and its timecode frames, or the two know no common labels.
        let offset = from.time().rescale(rate)?.nearest() - to.time().rescale(rate)?.nearest();
        let moved = place(time, rate)?;
        let is_rounded = moved.is_rounded
            || from.time().rescale(rate)?.exact().is_none()
            || to.time().rescale(rate)?.exact().is_none();
        Ok(Place { time: moved.time.checked_add(MediaTime::new(offset, rate))?, is_rounded })
    }

    /// Media that runs over midnight has its late frames at small timecodes.
    fn within_the_day(&self, frame: i64, start: Timecode) -> i64 {
        match frame.checked_add(start.frames_per_day()) {
            Some(late) if frame < 0 && self.length.is_some_and(|length| late < length) => late,
            _ => frame,
        }
    }
}

fn place(time: MediaTime, rate: Rate) -> Result<Place> {
    let moved = time.rescale(rate)?;
    let is_rounded = matches!(moved, Rescaled::Inexact { .. });
    Ok(Place { time: MediaTime::new(moved.nearest(), rate), is_rounded })
}

/// The timecode of the same label as another clock counts, if it has that label.
fn relabelled(shown: Timecode, clock: Timecode) -> Option<Timecode> {
    let mut text = label(shown);
    if clock.drop_frame()
        && let Some(colon) = text.rfind(':')
    {
        text.replace_range(colon..=colon, ";");
    }
    Timecode::parse_unbounded(&text, clock.rate()).ok()
}
