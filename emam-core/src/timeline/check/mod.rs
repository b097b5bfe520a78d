//! What is wrong with a sequence, and what another program may stumble over.

mod media;
mod nested;

pub use nested::check_nested;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ClipId, TrackId};
use crate::model::{AssetSource, Clip, ClipSource, Item, MediaSummary, Sequence, Track, TrackKind};
use crate::time::Timecode;
use crate::timeline::track::{self, Misfit};

/// One thing found by [`check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    /// The track it is on; absent when it is about the sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<TrackId>,
    /// The clip it is about; for a transition, the clip beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<ClipId>,
    /// The line of the file it was found in, counted from 1; where a file was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong.
    pub kind: IssueKind,
    /// One sentence for people: what, where, and by how much.
    pub message: String,
}

/// What is wrong with a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IssueKind {
    /// A clip or gap of less than one frame, a transition of none, a marker before the start.
    ImpossibleLength,
    /// The lengths add up to more than 64 bits can count.
    TooLong,
    /// Two clips or two tracks have the same id.
    DuplicateId,
    /// A video track after an audio track, or either after a caption track.
    TrackOrder,
    /// Drop-frame timecode at a rate that has none.
    DropFrame,
    /// A transition next to another, or between nothing.
    MisplacedTransition,
    /// A transition that takes more than the items beside it have.
    TransitionTooLong,
    /// The media of a clip has no frames beyond its end for a transition to show.
    NoHandles,
    /// A clip shows frames its media does not have.
    OutsideMedia,
    /// A clip counts its source at another rate than its media runs at: it has changed since the
    /// cut.
    SourceRate,
    /// Words to be read on a track of pictures or sound, or those on a track of words.
    WrongTrack,
    /// Nothing is known about the media of a clip.
    UnknownMedia,
    /// Media is not what it was when the sequence was cut: its rate, its length, its timecode, its
    /// content, or its sound, of which a clip hears a channel that it does not have.
    MediaChanged,
    /// A nested sequence that is not there, or is nested in itself.
    UnknownSequence,
    /// The format cannot say it: it is not in the file that was written.
    NotCarried,
    /// The file says it, and it is not understood: it is not in what was read.
    NotUnderstood,
    /// The file contradicts itself or its format; the message says what was taken.
    Corrected,
    /// The file does not say it; the message says what was taken, and from what.
    Guessed,
    /// A time that lies between two frames was rounded.
    Rounded,
    /// A rate no editing program has.
    NonStandardRate,
    /// A clip of another rate than its sequence, in a format that knows one.
    MixedRate,
    /// A transition that does not lie evenly on its cut; programs may move the cut.
    TransitionAlignment,
    /// A clip at another speed, in a format whose readers disagree on what that means.
    SpeedAmbiguous,
}

impl IssueKind {
    /// Whether the sequence itself is broken, so that it can neither be edited nor written for
    /// another program. The other kinds are warnings: the cut stands, and some of its media may be
    /// missing.
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::ImpossibleLength
                | Self::TooLong
                | Self::DuplicateId
                | Self::TrackOrder
                | Self::DropFrame
                | Self::MisplacedTransition
                | Self::TransitionTooLong
        )
    }
}

impl Issue {
    /// An issue of the sequence or the file as a whole.
    pub fn new(kind: IssueKind, message: impl Into<String>) -> Self {
        Self { track: None, clip: None, line: None, kind, message: message.into() }
    }

    /// Says which track it is on.
    #[must_use]
    pub fn on_track(mut self, track: TrackId) -> Self {
        self.track = Some(track);
        self
    }

    /// Says which clip it is about.
    #[must_use]
    pub fn of_clip(mut self, clip: ClipId) -> Self {
        self.clip = Some(clip);
        self
    }

    /// Says which line of the file it was found in, counted from 1.
    #[must_use]
    pub fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }
}

/// Everything wrong with a sequence, in the order of its tracks; nothing if it is sound.
///
/// `media` gives the facts of a clip's media: of the version the clip names, or of the asset's face
/// version. A clip is inside its media if its last frame starts before the media ends: at unlike
/// rates a clip ends between two frames of its source. What is nested is checked by
/// [`check_nested`].
pub fn check(
    sequence: &Sequence,
    media: &dyn Fn(&AssetSource) -> Option<MediaSummary>,
) -> Vec<Issue> {
    check_clips(sequence, media, &|_| true)
}

/// As [`check`], of the structure as a whole and of those clips that are `wanted`.
pub(crate) fn check_clips(
    sequence: &Sequence,
    media: &dyn Fn(&AssetSource) -> Option<MediaSummary>,
    wanted: &dyn Fn(ClipId) -> bool,
) -> Vec<Issue> {
    let mut issues = structure(sequence);
    for track in &sequence.tracks {
        for (index, item) in track.items.iter().enumerate() {
            if let Item::Clip(clip) = item
                && wanted(clip.id)
            {
                check_kind(track, clip, &mut issues);
                if let Some(source) = clip.source.asset() {
                    media::check(sequence.rate, track, index, clip, media(source), &mut issues);
                }
            }
        }
    }
    issues
}

/// Whether a clip is on a track of its kind.
fn check_kind(track: &Track, clip: &Clip, issues: &mut Vec<Issue>) {
    let words = matches!(clip.source, ClipSource::Caption(_));
    if words == (track.kind == TrackKind::Caption) {
        return;
    }
    let what = if words {
        "has words to be read; they belong on a caption track"
    } else {
        "has no words to be read, and is on a caption track"
    };
    let message = format!("clip {:?} {what}", clip.name);
    issues.push(Issue::new(IssueKind::WrongTrack, message).on_track(track.id).of_clip(clip.id));
}

/// What is wrong with the sequence in itself, whatever its media.
pub(super) fn structure(sequence: &Sequence) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut of_sequence = |kind, message| {
        issues.push(Issue::new(kind, message));
    };
    if let Err(error) = Timecode::new(sequence.start, sequence.rate, sequence.drop_frame) {
        of_sequence(IssueKind::DropFrame, format!("{} ({})", error.message(), sequence.rate));
    }
    for marker in &sequence.markers {
        if marker.start < 0 || marker.duration < 0 {
            let message = format!(
                "marker {:?} starts at frame {} and takes {}; neither can be negative",
                marker.name, marker.start, marker.duration
            );
            of_sequence(IssueKind::ImpossibleLength, message);
        }
    }
    let mut kinds = TrackKind::Video;
    let (mut track_ids, mut clip_ids) = (BTreeSet::new(), BTreeSet::new());
    for track in &sequence.tracks {
        let mut add = |clip: Option<&Clip>, kind, message| {
            let issue = Issue::new(kind, message).on_track(track.id);
            issues.push(Issue { clip: clip.map(|clip| clip.id), ..issue });
        };
        if !track_ids.insert(track.id) {
            add(None, IssueKind::DuplicateId, format!("two tracks have the id {}", track.id));
        }
        if track.kind < kinds {
            let message = format!(
                "track {:?} is out of order: video comes first, then audio, then captions",
                track.name
            );
            add(None, IssueKind::TrackOrder, message);
        }
        kinds = kinds.max(track.kind);
        check_items(track, &mut clip_ids, &mut add);
    }
    issues
}

fn check_items(
    track: &Track,
    clip_ids: &mut BTreeSet<ClipId>,
    add: &mut dyn FnMut(Option<&Clip>, IssueKind, String),
) {
    let mut end = Some(0_i64);
    for item in &track.items {
        let clip = as_clip(Some(item));
        if let Some(clip) = clip
            && !clip_ids.insert(clip.id)
        {
            let message = format!("two clips have the id {}", clip.id);
            add(Some(clip), IssueKind::DuplicateId, message);
        }
        let duration = item.duration();
        if duration < 1 && !matches!(item, Item::Transition(_)) {
            let what = clip.map_or("a gap".to_owned(), |clip| format!("clip {:?}", clip.name));
            let message =
                format!("{what} on track {:?} takes {duration} frames; the least is 1", track.name);
            add(clip, IssueKind::ImpossibleLength, message);
        }
        end = end.and_then(|end| end.checked_add(duration));
    }
    if end.is_none() {
        let message = format!("track {:?} is longer than 64 bits can count", track.name);
        add(None, IssueKind::TooLong, message);
    }
    for (index, misfit) in track::misfits(&track.items) {
        let Some(Item::Transition(transition)) = track.items.get(index) else {
            continue;
        };
        let beside = as_clip(track.items.get(index + 1))
            .or_else(|| as_clip(index.checked_sub(1).and_then(|index| track.items.get(index))));
        let (kind, why) = match misfit {
            Misfit::NoLength => (IssueKind::ImpossibleLength, "takes no frame, or less"),
            Misfit::Misplaced => {
                (IssueKind::MisplacedTransition, "is next to another one, or between nothing")
            }
            Misfit::TooLong => {
                (IssueKind::TransitionTooLong, "takes more than the items beside it have")
            }
        };
        let message = format!(
            "transition {:?} ({} frames before the cut, {} after) on track {:?} {why}",
            transition.kind, transition.in_offset, transition.out_offset, track.name
        );
        add(beside, kind, message);
    }
}

fn as_clip(item: Option<&Item>) -> Option<&Clip> {
    match item {
        Some(Item::Clip(clip)) => Some(clip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Caption, Marker};
    use crate::time::{MediaTime, Rate, Speed};
    use crate::timeline::samples::{
        clip, clock, dissolve, film, gap, sequence, sound, still, track,
    };

    fn kinds(sequence: &Sequence, media: Option<MediaSummary>) -> Vec<IssueKind> {
        check(sequence, &|_| media.clone()).into_iter().map(|issue| issue.kind).collect()
    }

    fn with_items(items: Vec<Item>) -> Sequence {
        let clock = clock();
        let mut sequence = sequence(Rate::FPS_25, &clock);
        sequence.tracks.push(track(TrackKind::Video, items, &clock));
        sequence
    }

    #[test]
    fn a_transition_needs_room_and_neighbours() {
        let clock = clock();
        let a = || clip("a", 50, 20, &clock);
        let film = film(Rate::FPS_25, 1000);
        for (items, want) in [
            (vec![a(), dissolve(20, 20), a()], None),
            (vec![dissolve(0, 10), a(), dissolve(10, 0)], None),
            (vec![a(), dissolve(5, 5), gap(10), dissolve(5, 5), a()], None),
            (
                vec![a(), dissolve(5, 6), gap(10), dissolve(5, 5), a()],
                Some(IssueKind::TransitionTooLong),
            ),
            (vec![a(), dissolve(21, 0), a()], Some(IssueKind::TransitionTooLong)),
            (vec![a(), dissolve(0, 21), a()], Some(IssueKind::TransitionTooLong)),
            (vec![a(), dissolve(0, 0), a()], Some(IssueKind::ImpossibleLength)),
            (vec![a(), dissolve(-5, 9), a()], Some(IssueKind::ImpossibleLength)),
            (vec![dissolve(1, 1)], Some(IssueKind::MisplacedTransition)),
        ] {
            let sequence = with_items(items);
            let kinds = kinds(&sequence, Some(film.clone()));
            assert_eq!(kinds, Vec::from_iter(want), "{:#?}", sequence.tracks);
        }
        let twice = with_items(vec![a(), dissolve(1, 1), dissolve(1, 1), a()]);
        assert_eq!(kinds(&twice, Some(film)), [IssueKind::MisplacedTransition; 2]);
    }

    #[test]
    fn handles_and_ranges_are_measured_against_the_media() {
        let clock = clock();
        let film = |frames| Some(film(Rate::FPS_25, frames));
        let at = |start| clip("a", start, 20, &clock);
        // The first needs 5 frames after its 20, the second 5 before its own.
        let cut = with_items(vec![at(0), dissolve(5, 5), at(5)]);
        assert_eq!(kinds(&cut, film(25)), []);
        assert_eq!(kinds(&cut, film(24)), [IssueKind::NoHandles, IssueKind::OutsideMedia]);
        let cut = with_items(vec![at(0), dissolve(5, 5), at(4)]);
        assert_eq!(kinds(&cut, film(25)), [IssueKind::NoHandles]);
        assert_eq!(kinds(&with_items(vec![at(-1)]), film(25)), [IssueKind::OutsideMedia]);
        assert_eq!(kinds(&with_items(vec![at(90)]), Some(still())), []);
        assert_eq!(kinds(&with_items(vec![at(0)]), Some(sound(48_000))), [IssueKind::SourceRate]);
        assert_eq!(kinds(&with_items(vec![at(0)]), None), [IssueKind::UnknownMedia]);
        assert!(!IssueKind::UnknownMedia.is_error() && IssueKind::TooLong.is_error());
        let unknown = MediaSummary { duration: None, ..film(1).unwrap() };
        assert_eq!(kinds(&with_items(vec![at(90)]), Some(unknown)), []);
    }

    #[test]
    fn speed_is_reckoned_with_in_ranges_and_handles() {
        let clock = clock();
        let film = |frames| Some(film(Rate::FPS_25, frames));
        let at = |start, speed| {
            let Item::Clip(clip) = clip("a", start, 20, &clock) else { unreachable!() };
            Item::Clip(Clip { speed, ..clip })
        };
        let double = Speed::new(2, 1).unwrap();
        // Its twenty frames are every other one from 10 to 48.
        assert_eq!(kinds(&with_items(vec![at(10, double)]), film(49)), []);
        assert_eq!(kinds(&with_items(vec![at(10, double)]), film(48)), [IssueKind::OutsideMedia]);
        let half = Speed::new(1, 2).unwrap();
        assert_eq!(kinds(&with_items(vec![at(10, half)]), film(20)), []);
        assert_eq!(kinds(&with_items(vec![at(10, half)]), film(19)), [IssueKind::OutsideMedia]);
        assert_eq!(kinds(&with_items(vec![at(10, Speed::FREEZE)]), film(11)), []);
        // Backwards, what comes before the clip is later in its source.
        let into = with_items(vec![gap(20), dissolve(5, 0), at(10, Speed::REVERSE)]);
        assert_eq!(kinds(&into, film(35)), []);
        assert_eq!(kinds(&into, film(34)), [IssueKind::NoHandles]);
        let out = |start| with_items(vec![at(start, Speed::REVERSE), dissolve(0, 5), gap(5)]);
        assert_eq!(kinds(&out(5), film(25)), []);
        assert_eq!(kinds(&out(4), film(25)), [IssueKind::NoHandles]);
        // One frame is all a frozen one needs.
        let still = with_items(vec![at(0, Speed::FREEZE), dissolve(0, 5), gap(5)]);
        assert_eq!(kinds(&still, film(1)), []);
    }

    #[test]
    fn media_that_lost_channels_and_words_on_other_tracks_are_told() {
        let clock = clock();
        let Item::Clip(stereo) = clip("a", 0, 20, &clock) else { unreachable!() };
        let stereo = Clip { audio_channels: vec![1, 3], ..stereo };
        let cut = with_items(vec![Item::Clip(stereo)]);
        let film = film(Rate::FPS_25, 100);
        assert_eq!(kinds(&cut, Some(film.clone())), [IssueKind::MediaChanged]);
        let more = MediaSummary { audio_channels: 3, ..film.clone() };
        assert_eq!(kinds(&cut, Some(more)), []);

        let zero = MediaTime::zero(Rate::FPS_25);
        let words = ClipSource::Caption(Caption { text: "Rain".into() });
        let words = || Item::Clip(Clip::new(&clock, "words", words.clone(), zero, 10));
        let mut cut = with_items(vec![words()]);
        assert_eq!(kinds(&cut, Some(film.clone())), [IssueKind::WrongTrack]);
        cut.tracks[0].kind = TrackKind::Caption;
        assert_eq!(kinds(&cut, Some(film.clone())), []);
        cut.tracks[0].items.push(clip("a", 0, 20, &clock));
        assert_eq!(kinds(&cut, Some(film)), [IssueKind::WrongTrack]);
    }

    #[test]
    fn a_broken_structure_is_described_and_nothing_panics() {
        let clock = clock();
        let mut cut = with_items(vec![
            clip("none", 0, 0, &clock),
            gap(-3),
            clip("long", i64::MAX, i64::MAX, &clock),
            gap(4),
            dissolve(i64::MIN, i64::MAX),
            clip("least", i64::MIN, i64::MIN, &clock),
            dissolve(i64::MAX, i64::MAX),
            gap(i64::MAX),
        ]);
        cut.drop_frame = true;
        let marker = Marker {
            start: -1,
            duration: 0,
            name: "m".into(),
            comment: String::new(),
            color: None,
            ..Marker::default()
        };
        cut.markers.push(marker);
        let copy = Track { kind: TrackKind::Audio, ..cut.tracks[0].clone() };
        let late = Track { kind: TrackKind::Video, items: Vec::new(), ..copy.clone() };
        cut.tracks.extend([copy, late]);
        let issues = check(&cut, &|_| Some(film(Rate::FPS_25, 100)));
        for kind in [
            IssueKind::DropFrame,
            IssueKind::ImpossibleLength,
            IssueKind::TooLong,
            IssueKind::DuplicateId,
            IssueKind::TrackOrder,
            IssueKind::TransitionTooLong,
            IssueKind::OutsideMedia,
        ] {
            assert!(issues.iter().any(|issue| issue.kind == kind), "{kind:?} in {issues:#?}");
        }
        let id = cut.tracks[0].id;
        assert!(issues.iter().any(|issue| issue.track == Some(id) && issue.clip.is_some()));
        let json = serde_json::to_string(&issues).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Issue>>(&json).unwrap(), issues);
    }
}
