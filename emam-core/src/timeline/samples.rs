//! Sequences and media for the tests of this module.

use super::Placement;
use crate::clock::{Clock, ManualClock};
use crate::id::{AssetId, ProjectId};
use crate::model::{
    AssetSource, Clip, Gap, Item, MediaSummary, Sequence, Track, TrackKind, Transition,
};
use crate::time::{MediaTime, Rate, Timecode};

pub(super) fn clock() -> ManualClock {
    ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap())
}

pub(super) fn sequence(rate: Rate, clock: &dyn Clock) -> Sequence {
    Sequence::new(clock, ProjectId::new(clock), "Rough cut", rate)
}

pub(super) fn source(clock: &dyn Clock) -> AssetSource {
    AssetSource::new(AssetId::new(clock))
}

/// A film with stereo sound that starts at one hour.
pub(super) fn film(rate: Rate, frames: i64) -> MediaSummary {
    MediaSummary {
        size: 1_000_000,
        md5: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        width: Some(1920),
        height: Some(1080),
        rate: Some(rate),
        duration: Some(MediaTime::new(frames, rate)),
        start_timecode: Some(Timecode::new(i64::from(rate.nominal()) * 3600, rate, false).unwrap()),
        audio_channels: 2,
        ..MediaSummary::default()
    }
}

pub(super) fn still() -> MediaSummary {
    MediaSummary { width: Some(4000), height: Some(3000), ..MediaSummary::default() }
}

pub(super) fn sound(samples: i64) -> MediaSummary {
    MediaSummary {
        duration: Some(MediaTime::new(samples, Rate::AUDIO_48K)),
        audio_channels: 1,
        ..MediaSummary::default()
    }
}

/// Picture and sound from a frame of the source on, at 25.
pub(super) fn piece(name: &str, source: AssetSource, start: i64, duration: i64) -> Placement {
    Placement::new(name, source, MediaTime::new(start, Rate::FPS_25), duration)
}

pub(super) fn clip(name: &str, start: i64, duration: i64, clock: &dyn Clock) -> Item {
    Item::Clip(Clip::new(clock, name, source(clock), MediaTime::new(start, Rate::FPS_25), duration))
}

pub(super) fn gap(duration: i64) -> Item {
    Item::Gap(Gap::new(duration))
}

pub(super) fn dissolve(in_offset: i64, out_offset: i64) -> Item {
    Item::Transition(Transition::new(Transition::DISSOLVE, in_offset, out_offset))
}

pub(super) fn track(kind: TrackKind, items: Vec<Item>, clock: &dyn Clock) -> Track {
    Track { items, ..Track::new(clock, kind, "V1") }
}

/// The tracks in short: `a@100+50` is clip `a` from frame 100 of its source for 50 frames, `-5` a
/// gap, `<2|3>` a transition.
pub(super) fn shape(sequence: &Sequence) -> Vec<String> {
    let of_item = |item: &Item| match item {
        Item::Clip(clip) => {
            format!("{}@{}+{}", clip.name, clip.source_start.value(), clip.duration)
        }
        Item::Gap(gap) => format!("-{}", gap.duration),
        Item::Transition(transition) => {
            format!("<{}|{}>", transition.in_offset, transition.out_offset)
        }
    };
    sequence
        .tracks
        .iter()
        .map(|track| track.items.iter().map(of_item).collect::<Vec<_>>().join(" "))
        .collect()
}

/// How many frames the media of the clips has that are made frame by frame.
pub(super) const fn length_of_film() -> i64 {
    200
}
