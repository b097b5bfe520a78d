//! From marks in and out, as people see them, to the frames of a subclip.

use crate::error::{Error, Result};
use crate::model::MediaSummary;
use crate::time::{TimeRange, Timecode};

const OPERATION: &str = "timeline.mark";

/// The range of media between two marks on its own timecode, counted from its first frame (0): from
/// the frame that is marked in to the one that is marked out, both included.
///
/// It is exact for drop-frame media, whose labels leave numbers out but no frames, and for media
/// that runs past midnight. Media without a timecode is counted from `00:00:00:00`.
///
/// ```
/// use emam_core::model::MediaSummary;
/// use emam_core::time::{MediaTime, Rate, Timecode};
/// use emam_core::timeline::marked_range;
///
/// let tape = MediaSummary {
///     rate: Some(Rate::FPS_29_97),
///     duration: Some(MediaTime::new(1798, Rate::FPS_29_97)),
///     start_timecode: Some(Timecode::parse("01:00:59;00", Rate::FPS_29_97)?),
///     ..MediaSummary::default()
/// };
/// let at = |label| Timecode::parse(label, Rate::FPS_29_97);
/// // ;00 and ;01 of this minute do not exist.
/// let range = marked_range(&tape, at("01:00:59;29")?, at("01:01:00;02")?)?;
/// assert_eq!((range.start(), range.duration()), (29, 2));
/// # Ok::<(), emam_core::Error>(())
/// ```
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for media of unknown rate; for marks at another
/// rate or in the other counting, drop-frame or not; for a mark outside the media, and for a mark
/// out before the mark in.
pub fn marked_range(
    media: &MediaSummary,
    mark_in: Timecode,
    mark_out: Timecode,
) -> Result<TimeRange> {
    let wrong = |message| {
        let error = Error::invalid(OPERATION, message);
        error.with("mark_in", mark_in).with("mark_out", mark_out)
    };
    let rate =
        media.rate.ok_or_else(|| wrong("media without a frame rate has no frames to mark"))?;
    let start = match media.start_timecode {
        Some(start) => start,
        None => Timecode::new(0, rate, mark_in.drop_frame())?,
    };
    let frame = |mark: Timecode| {
        if mark.rate() != rate || start.rate() != rate {
            return Err(wrong("the marks count at another rate than the media")
                .with("rate", mark.rate())
                .with("media_rate", rate));
        }
        if mark.drop_frame() != start.drop_frame() {
            return Err(wrong("of the marks and the media one counts drop-frame and one does not")
                .with("media_start", start));
        }
        // Past midnight the labels begin again.
        let (mark, start) = (mark.frames(), start.frames());
        let day = if mark < start { start_day(media) } else { 0 };
        mark.checked_sub(start).and_then(|frame| frame.checked_add(day)).ok_or_else(|| {
            wrong("a mark is further from the start of the media than 64 bits can count")
        })
    };
    let (first, last) = (frame(mark_in)?, frame(mark_out)?);
    let inside = |frame: i64| {
        let end = media.duration.filter(|length| length.rate() == rate);
        frame >= 0 && end.is_none_or(|end| frame < end.value())
    };
    if !inside(first) || !inside(last) {
        let error = wrong("a mark is outside the media").with("media_start", start);
        return Err(match media.duration {
            Some(length) => error.with("media_duration", length),
            None => error,
        });
    }
    if last < first {
        return Err(wrong("the mark out is before the mark in"));
    }
    TimeRange::from_start_end(first, last.saturating_add(1), rate)
}

/// The frames of a day of the media's timecode.
fn start_day(media: &MediaSummary) -> i64 {
    media.start_timecode.map_or(0, Timecode::frames_per_day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::model::AssetSource;
    use crate::time::{MediaTime, Rate};
    use crate::timeline::samples::{clock, source};
    use crate::timeline::{Edit, Placement, apply};

    fn tape(start: &str, frames: i64) -> MediaSummary {
        MediaSummary {
            rate: Some(Rate::FPS_29_97),
            duration: Some(MediaTime::new(frames, Rate::FPS_29_97)),
            start_timecode: Some(at(start)),
            audio_channels: 2,
            ..MediaSummary::default()
        }
    }

    fn at(label: &str) -> Timecode {
        Timecode::parse(label, Rate::FPS_29_97).unwrap()
    }

    #[test]
    fn every_label_of_drop_frame_media_is_its_own_frame() {
        // Over a minute that leaves two numbers out and one, the tenth, that does not.
        let tape = tape("01:08:59;20", 3600);
        let clock = clock();
        let first = at("01:08:59;20");
        for frame in [0, 9, 10, 11, 1800, 1807, 1808, 1809, 3599] {
            let label = first.offset(frame).unwrap().to_string();
            let range = marked_range(&tape, at(&label), at(&label)).unwrap();
            assert_eq!((range.start(), range.duration()), (frame, 1), "{label}");
            // The subclip, placed and split, still begins on that label.
            let to = marked_range(&tape, at(&label), first.offset(3599).unwrap()).unwrap();
            let placed =
                Placement::of_range("x", source(&clock), &tape, to, Rate::FPS_29_97).unwrap();
            assert_eq!(first.offset(placed.source_start.value()).unwrap().to_string(), label);
            assert_eq!(placed.duration, 3600 - frame);
            let mut cut = crate::timeline::samples::sequence(Rate::FPS_29_97, &clock);
            crate::timeline::append(&mut cut, &placed, &clock).unwrap();
            let media = |_: &AssetSource| Some(tape.clone());
            if placed.duration > 1 {
                apply(&mut cut, &Edit::Split { at: 1, clip: None }, &media, &clock).unwrap();
                let second = cut.clips().nth(1).unwrap();
                let next = first.offset(frame + 1).unwrap();
                assert_eq!(first.offset(second.source_start.value()).unwrap(), next);
            }
            assert_eq!(crate::timeline::check(&cut, &media), []);
        }
    }

    #[test]
    fn marks_past_midnight_are_after_those_before_it() {
        let tape = tape("23:59:59;00", 90);
        let range = marked_range(&tape, at("23:59:59;28"), at("00:00:00;01")).unwrap();
        assert_eq!((range.start(), range.duration()), (28, 4));
    }

    #[test]
    fn marks_that_name_no_frame_of_the_media_are_refused() {
        let tape = tape("01:00:00;00", 100);
        let other = |label: &str, rate| Timecode::parse(label, rate).unwrap();
        for (from, to, why) in [
            (at("01:00:00;10"), at("01:00:00;09"), "before the mark in"),
            (at("00:59:59;29"), at("01:00:00;09"), "outside"),
            (at("01:00:00;10"), at("01:00:03;10"), "outside"),
            (at("01:00:00:10"), at("01:00:00:20"), "drop-frame"),
            (other("01:00:00:10", Rate::FPS_25), at("01:00:00;20"), "another rate"),
        ] {
            let error = marked_range(&tape, from, to).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(why), "{error}");
        }
        let sound = MediaSummary { rate: None, ..tape };
        assert!(marked_range(&sound, at("01:00:00;10"), at("01:00:00;20")).is_err());
    }
}
