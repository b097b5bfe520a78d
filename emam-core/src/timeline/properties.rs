//! What holds after any list of edits, against a model that knows only single frames.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::samples::{clip, clock, film, gap, sequence, source, track};
use super::track::{placed, tidy};
use super::{Placement, append, check, insert, length, remove};
use crate::clock::Clock;
use crate::id::{AssetId, ClipId};
use crate::model::{AssetSource, Clip, Item, Sequence, TrackKind};
use crate::time::{MediaTime, Rate};

/// What an edit is to do; positions and clips are chosen by a number modulo what there is.
#[derive(Debug, Clone)]
enum Edit {
    Append(Piece),
    Insert(usize, Piece),
    Remove { clip: usize, ripple: bool },
}

#[derive(Debug, Clone)]
struct Piece {
    source: usize,
    start: i64,
    duration: i64,
    video: bool,
    audio: bool,
}

fn pieces() -> impl Strategy<Value = Piece> {
    let sides =
        prop_oneof![3 => Just((true, true)), 1 => Just((true, false)), 1 => Just((false, true))];
    (0..3_usize, 0..100_i64, 1..40_i64, sides).prop_map(
        |(source, start, duration, (video, audio))| Piece { source, start, duration, video, audio },
    )
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        2 => pieces().prop_map(Edit::Append),
        4 => (any::<prop::sample::Index>(), pieces())
            .prop_map(|(at, piece)| Edit::Insert(at.index(1000), piece)),
        3 => (any::<prop::sample::Index>(), any::<bool>())
            .prop_map(|(clip, ripple)| Edit::Remove { clip: clip.index(1000), ripple }),
    ];
    prop::collection::vec(edit, 1..16)
}

/// The items of a track that no edit has made: clips anywhere, over clips of another track.
fn laid() -> impl Strategy<Value = Vec<(bool, i64, i64)>> {
    prop::collection::vec((any::<bool>(), 0..100_i64, 1..40_i64), 0..6)
}

fn lay(sequence: &mut Sequence, kind: TrackKind, items: &[(bool, i64, i64)], clock: &dyn Clock) {
    let items = items.iter().map(|(is_clip, start, duration)| {
        if *is_clip { clip("laid", *start, *duration, clock) } else { gap(*duration) }
    });
    let mut items: Vec<Item> = items.collect();
    tidy(&mut items);
    sequence.tracks.push(track(kind, items, clock));
}

/// A clip a frame belongs to and the frame of the source it shows.
type Shown = Option<(AssetId, i64)>;

/// A sequence as the model sees it: the first track of each kind, frame by frame.
#[derive(Debug, Clone, PartialEq, Default)]
struct Frames(BTreeMap<&'static str, Vec<Shown>>);

impl Frames {
    fn of(sequence: &Sequence) -> Self {
        let mut frames = Self::default();
        for track in &sequence.tracks {
            let shown = frames.track(track.kind);
            for item in &track.items {
                match item {
                    Item::Clip(clip) => shown.extend((0..clip.duration).map(|frame| {
                        Some((
                            clip.source.asset().unwrap().asset,
                            clip.source_start.value() + frame,
                        ))
                    })),
                    Item::Gap(gap) => shown.extend((0..gap.duration).map(|_| None)),
                    Item::Transition(_) => {}
                }
            }
        }
        frames.trimmed()
    }

    fn track(&mut self, kind: TrackKind) -> &mut Vec<Shown> {
        self.0.entry(if kind == TrackKind::Video { "video" } else { "audio" }).or_default()
    }

    fn length(&self) -> usize {
        self.0.values().map(Vec::len).max().unwrap_or(0)
    }

    fn insert(mut self, at: usize, piece: &Piece, asset: AssetId) -> Self {
        for (kind, wanted) in [(TrackKind::Video, piece.video), (TrackKind::Audio, piece.audio)] {
            let track = self.track(kind);
            track.resize(track.len().max(at), None);
            let new =
                (0..piece.duration).map(|frame| wanted.then_some((asset, piece.start + frame)));
            track.splice(at..at, new);
        }
        self.trimmed()
    }

    /// Also says how many frames were closed.
    fn remove(mut self, spans: &[(TrackKind, usize, usize)], ripple: bool) -> (Self, i64) {
        let mut closed = 0;
        for (kind, start, end) in spans {
            self.track(*kind)[*start..*end].fill(None);
        }
        if ripple {
            for frame in (0..self.length()).rev() {
                let inside = spans.iter().any(|(_, start, end)| (*start..*end).contains(&frame));
                let empty =
                    self.0.values().all(|track| track.get(frame).is_none_or(Option::is_none));
                if inside && empty {
                    closed += 1;
                    for track in self.0.values_mut().filter(|track| track.len() > frame) {
                        track.remove(frame);
                    }
                }
            }
        }
        (self.trimmed(), closed)
    }

    fn trimmed(mut self) -> Self {
        for track in self.0.values_mut() {
            while track.last() == Some(&None) {
                track.pop();
            }
        }
        self.0.retain(|_, track| !track.is_empty());
        self
    }
}

fn placement(piece: &Piece, source: AssetSource, rate: Rate) -> Placement {
    let mut placement =
        Placement::new("x", source, MediaTime::new(piece.start, rate), piece.duration);
    (placement.video, placement.audio) = (piece.video, piece.audio);
    placement
}

/// Where each clip is: kind of track, first frame, clip.
fn clips(sequence: &Sequence) -> Vec<(TrackKind, i64, &Clip)> {
    let of_track = |track| -> Vec<_> {
        let track: &crate::model::Track = track;
        placed(&track.items)
            .filter_map(|(start, item)| match item {
                Item::Clip(clip) => Some((track.kind, start, clip)),
                _ => None,
            })
            .collect()
    };
    sequence.tracks.iter().flat_map(of_track).collect()
}

fn assert_sound(sequence: &Sequence, source_rate: Rate) {
    let media = film(source_rate, 2000);
    let issues = check(sequence, &|_| Some(media.clone()));
    assert_eq!(issues, [], "{sequence:#?}");
    for track in &sequence.tracks {
        assert!(!matches!(track.items.last(), Some(Item::Gap(_))), "{track:#?}");
        let gaps = |pair: &[Item]| matches!(pair, [Item::Gap(_), Item::Gap(_)]);
        assert!(!track.items.windows(2).any(gaps), "{track:#?}");
    }
    let mut links: BTreeMap<u32, BTreeSet<(i64, i64, i64)>> = BTreeMap::new();
    for (_, start, clip) in clips(sequence) {
        if let Some(link) = clip.link {
            let place = (start, clip.duration, clip.source_start.value());
            links.entry(link).or_default().insert(place);
        }
    }
    assert!(links.values().all(|places| places.len() == 1), "{links:?}");
}

/// Applies an edit; returns what the model says comes of it.
fn apply(
    edit: &Edit,
    sequence: &mut Sequence,
    sources: &[AssetSource],
    rate: Rate,
    clock: &dyn Clock,
) -> Frames {
    let before = Frames::of(sequence);
    match edit {
        Edit::Append(piece) => {
            let source = sources[piece.source];
            append(sequence, &placement(piece, source, rate), clock).unwrap();
            let end = before.length();
            before.insert(end, piece, source.asset)
        }
        Edit::Insert(at, piece) => {
            let source = sources[piece.source];
            let at = at % (before.length() + 10);
            let placed = insert(
                sequence,
                i64::try_from(at).unwrap(),
                &placement(piece, source, rate),
                clock,
            );
            assert_eq!(
                placed.unwrap().clips.len(),
                usize::from(piece.video) + usize::from(piece.audio)
            );
            before.insert(at, piece, source.asset)
        }
        Edit::Remove { clip, ripple } => {
            let all = clips(sequence);
            if all.is_empty() {
                return before;
            }
            let (_, _, chosen) = all[clip % all.len()];
            let goes = |clip: &Clip| {
                clip.id == chosen.id || (chosen.link.is_some() && clip.link == chosen.link)
            };
            let at = |frame: i64| usize::try_from(frame).unwrap();
            let spans: Vec<_> = all
                .iter()
                .filter(|(_, _, clip)| goes(clip))
                .map(|(kind, start, clip)| (*kind, at(*start), at(start + clip.duration)))
                .collect();
            let gone: Vec<ClipId> =
                all.iter().filter(|(_, _, clip)| goes(clip)).map(|(_, _, clip)| clip.id).collect();
            let chosen = chosen.id;
            let removed = remove(sequence, chosen, *ripple).unwrap();
            let (want, closed) = before.remove(&spans, *ripple);
            assert_eq!((removed.clips, removed.closed), (gone, closed));
            want
        }
    }
}

proptest! {
    #[test]
    fn edits_do_frame_by_frame_what_they_say(
        edits in edits(),
        picture in laid(),
        sound in laid(),
    ) {
        let clock = clock();
        let sources = [source(&clock), source(&clock), source(&clock)];
        let mut sequence = sequence(Rate::FPS_25, &clock);
        lay(&mut sequence, TrackKind::Video, &picture, &clock);
        lay(&mut sequence, TrackKind::Audio, &sound, &clock);
        for edit in &edits {
            let want = apply(edit, &mut sequence, &sources, Rate::FPS_25, &clock);
            assert_sound(&sequence, Rate::FPS_25);
            prop_assert_eq!(Frames::of(&sequence), want);
        }
    }

    #[test]
    fn edits_of_sources_at_another_rate_need_no_more_media(
        edits in edits(),
        rates in prop_oneof![
            Just((Rate::FPS_23_976, Rate::FPS_25)),
            Just((Rate::FPS_23_976, Rate::FPS_60)),
            Just((Rate::FPS_59_94, Rate::FPS_24)),
            Just((Rate::AUDIO_48K, Rate::FPS_29_97)),
        ],
    ) {
        let (source_rate, rate) = rates;
        let clock = clock();
        let sources = [source(&clock), source(&clock), source(&clock)];
        let mut sequence = sequence(rate, &clock);
        // Each source is exactly as long as the piece placed; so one frame more would be outside.
        let mut lengths = BTreeMap::new();
        for edit in &edits {
            let before = length(&sequence);
            if let Edit::Append(piece) | Edit::Insert(_, piece) = edit {
                let frames = MediaTime::new(piece.duration, rate).rescale(source_rate).unwrap();
                let frames = frames.exact().unwrap_or(frames.floor() + 1);
                let mut own = AssetSource { asset: AssetId::new(&clock), ..sources[piece.source] };
                own.subclip = None;
                lengths.insert(own.asset, MediaTime::new(piece.start + frames, source_rate));
                let placement = placement(piece, own, source_rate);
                if let Edit::Insert(at, _) = edit {
                    let at = i64::try_from(*at).unwrap() % (before + 10);
                    insert(&mut sequence, at, &placement, &clock).unwrap();
                    prop_assert_eq!(length(&sequence), before.max(at) + piece.duration);
                } else {
                    append(&mut sequence, &placement, &clock).unwrap();
                    prop_assert_eq!(length(&sequence), before + piece.duration);
                }
            } else {
                apply(edit, &mut sequence, &sources, source_rate, &clock);
            }
            let issues = check(&sequence, &|source| {
                let mut media = film(source_rate, 0);
                media.duration = lengths.get(&source.asset).copied();
                Some(media)
            });
            prop_assert_eq!(issues, []);
        }
    }

    #[test]
    fn removing_what_was_inserted_restores_every_frame(
        edits in edits(),
        picture in laid(),
        sound in laid(),
        at in any::<prop::sample::Index>(),
        piece in pieces(),
    ) {
        let clock = clock();
        let sources = [source(&clock), source(&clock), source(&clock)];
        let mut sequence = sequence(Rate::FPS_25, &clock);
        lay(&mut sequence, TrackKind::Video, &picture, &clock);
        lay(&mut sequence, TrackKind::Audio, &sound, &clock);
        for edit in &edits {
            apply(edit, &mut sequence, &sources, Rate::FPS_25, &clock);
        }
        let before = sequence.clone();
        let length = usize::try_from(length(&sequence)).unwrap();
        let at = i64::try_from(at.index(length + 10)).unwrap();
        let placement = placement(&piece, sources[piece.source], Rate::FPS_25);
        let placed = insert(&mut sequence, at, &placement, &clock).unwrap();
        let removed = remove(&mut sequence, placed.clips[0], true).unwrap();
        prop_assert_eq!(removed.closed, piece.duration);
        prop_assert_eq!(Frames::of(&sequence), Frames::of(&before));
        // At a cut nothing is parted, so the very same clips are there.
        let parts = clips(&before)
            .iter()
            .any(|(_, start, clip)| *start < at && at < start + clip.duration);
        if !parts {
            let items = |sequence: &Sequence| -> Vec<Vec<Item>> {
                let tracks = sequence.tracks.iter().map(|track| track.items.clone());
                tracks.filter(|items| !items.is_empty()).collect()
            };
            prop_assert_eq!(items(&sequence), items(&before));
        }
    }
}
