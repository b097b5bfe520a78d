use proptest::prelude::*;

use super::*;
use crate::clock::Clock;
use crate::id::AssetId;
use crate::model::{Clip, ClipSource, Gap, Item, Track, TrackKind, Transition};
use crate::time::Speed;
use crate::timeline::format::MediaMap;
use crate::timeline::samples::{clock, film, sequence, sound as only_sound, source, still};

fn facts(_: &AssetSource) -> Option<MediaFacts> {
    Some(MediaFacts { summary: film(Rate::FPS_25, 1000), alpha: false })
}

fn planned(document: &Document) -> Plan {
    plan(document, &Wanted::default(), &facts).unwrap()
}

/// What a frame of a sequence shows by the words of the model, found without flattening: each
/// layer as asset, frame and share.
fn naive(document: &Document, cut: &Sequence, frame: i64, share: f64) -> Vec<(AssetId, i64, f64)> {
    let mut seen = Vec::new();
    for track in cut.tracks.iter().filter(|t| t.enabled && t.kind == TrackKind::Video) {
        let mut start = 0;
        let mut shown = Vec::new();
        for (index, item) in track.items.iter().enumerate() {
            let offsets = |at: Option<usize>| match at.and_then(|at| track.items.get(at)) {
                Some(Item::Transition(t)) => Some((t.in_offset, t.out_offset)),
                _ => None,
            };
            let end = start + item.duration();
            let into = offsets(index.checked_sub(1));
            let out = offsets(Some(index + 1));
            let from = start - into.map_or(0, |(before, _)| before);
            let to = end + out.map_or(0, |(_, after)| after);
            if !matches!(item, Item::Transition(_)) && (from..to).contains(&frame) {
                let mut part = share;
                if let Some((before, after)) = into
                    && frame < start + after
                {
                    part *= (frame - from + 1) as f64 / (before + after + 1) as f64;
                }
                if let Some((before, after)) = out
                    && frame >= end - before
                {
                    let done = (frame - (end - before) + 1) as f64 / (before + after + 1) as f64;
                    part *= 1.0 - done;
                }
                if let Item::Clip(clip) = item
                    && clip.enabled
                {
                    shown.extend(of_clip(document, cut.rate, clip, frame - start, part));
                }
            }
            start = end;
        }
        let total: f64 = shown.iter().map(|(_, _, share)| share).sum();
        if total > share - 1e-9 {
            seen.clear();
        }
        seen.extend(shown);
    }
    seen
}

fn of_clip(
    document: &Document,
    rate: Rate,
    clip: &Clip,
    frame: i64,
    share: f64,
) -> Vec<(AssetId, i64, f64)> {
    let frame = if clip.speed.is_reverse() { clip.duration - 1 - frame } else { frame };
    let inner = clip.source_start.rate();
    let speed = clip.speed.abs();
    let num = i128::from(frame)
        * i128::from(speed.num())
        * i128::from(inner.num())
        * i128::from(rate.den());
    let den = i128::from(speed.den()) * i128::from(inner.den()) * i128::from(rate.num());
    let at = clip.source_start.value() + i64::try_from(num.div_euclid(den)).unwrap();
    match &clip.source {
        ClipSource::Asset(source) => vec![(source.asset, at.clamp(0, 999), share)],
        ClipSource::Sequence(nested) => {
            naive(document, document.sequence(nested.sequence).unwrap(), at, share)
        }
        _ => Vec::new(),
    }
}

fn seen(plan: &Plan, frame: i64) -> Vec<(AssetId, i64, f64)> {
    let share = |share: (i64, i64)| share.0 as f64 / share.1 as f64;
    plan.at(frame).iter().map(|s| (s.shot.source.asset, s.frame, share(s.share))).collect()
}

fn same(a: &[(AssetId, i64, f64)], b: &[(AssetId, i64, f64)]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| (a.0, a.1) == (b.0, b.1) && (a.2 - b.2).abs() < 1e-9)
}

#[derive(Debug, Clone)]
struct Draft {
    clip: bool,
    enabled: bool,
    start: i64,
    duration: i64,
    speed: (i32, u32),
    rate: usize,
    transition: Option<(i64, i64)>,
}

fn draft() -> impl Strategy<Value = Draft> {
    let speeds =
        prop::sample::select(vec![(1, 1), (1, 1), (2, 1), (1, 2), (-1, 1), (-3, 2), (0, 1)]);
    (
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.9),
        20_i64..900,
        4_i64..20,
        speeds,
        0_usize..3,
        prop::option::weighted(0.3, (0_i64..3, 0_i64..3)),
    )
        .prop_map(|(clip, enabled, start, duration, speed, rate, transition)| Draft {
            clip,
            enabled,
            start,
            duration,
            speed,
            rate,
            transition,
        })
}

fn track_of(drafts: &[Draft], clock: &dyn Clock, nested: Option<&Sequence>) -> Track {
    let rates = [Rate::FPS_25, Rate::FPS_23_976, Rate::FPS_50];
    let mut items = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        if let Some((before, after)) = draft.transition.filter(|(a, b)| index > 0 && a + b > 0) {
            items.push(Item::Transition(Transition::new(Transition::DISSOLVE, before, after)));
        }
        if !draft.clip {
            items.push(Item::Gap(Gap::new(draft.duration)));
            continue;
        }
        let (source, start): (ClipSource, _) = match nested {
            Some(nested) if index % 2 == 1 => {
                (nested.id.into(), MediaTime::new(draft.start % 10, nested.rate))
            }
            _ => (source(clock).into(), MediaTime::new(draft.start, rates[draft.rate])),
        };
        let mut clip = Clip::new(clock, "c", source, start, draft.duration);
        clip.enabled = draft.enabled;
        clip.speed = Speed::new(draft.speed.0, draft.speed.1).unwrap();
        if nested.is_some() && index % 2 == 1 {
            // A nested clip at its own pace: dissolves in it keep their steps.
            clip.speed = Speed::NORMAL;
        }
        items.push(Item::Clip(clip));
    }
    Track { items, ..Track::new(clock, TrackKind::Video, "V") }
}

proptest! {
    #[test]
    fn every_frame_shows_what_the_model_says(
        inner in prop::collection::vec(draft(), 3..8),
        below in prop::collection::vec(draft(), 1..8),
        above in prop::collection::vec(draft(), 0..6),
        from in 0_i64..10,
    ) {
        let clock = clock();
        let mut nested = sequence(Rate::FPS_25, &clock);
        nested.tracks.push(track_of(&inner, &clock, None));
        let mut cut = sequence(Rate::FPS_25, &clock);
        cut.start = 90_000;
        cut.tracks.push(track_of(&below, &clock, Some(&nested)));
        cut.tracks.push(track_of(&above, &clock, None));
        let mut media = MediaMap::new();
        media.insert(&source(&clock), Default::default());
        let document = Document { sequences: vec![cut, nested], media, bins: Vec::new() };
        let cut = &document.sequences[0];
        let length = crate::timeline::length(cut);
        // The clips count at the rates of three media.
        let rates: std::collections::BTreeMap<AssetSource, Rate> = document.sequences.iter()
            .flat_map(|s| s.clips())
            .filter_map(|c| Some((*c.source.asset()?, c.source_start.rate())))
            .collect();
        let facts = |source: &AssetSource| {
            Some(MediaFacts { summary: film(rates[source], 1000), alpha: false })
        };
        let plan_of = |wanted: &Wanted| plan(&document, wanted, &facts).unwrap();
        let whole = plan_of(&Wanted::default());
        prop_assert_eq!(whole.frames, length);
        let mut at = 0;
        for segment in &whole.segments {
            prop_assert_eq!(segment.start, at);
            prop_assert!(segment.frames > 0);
            at += segment.frames;
        }
        prop_assert_eq!(at, length);
        for frame in 0..length {
            let (got, want) = (seen(&whole, frame), naive(&document, cut, frame, 1.0));
            prop_assert!(same(&got, &want), "frame {}: {:?} is not {:?}", frame, got, want);
        }

        let from = from.min(length - 1);
        let range = TimeRange::new(from, (length - from + 1) / 2, Rate::FPS_25).unwrap();
        let part = plan_of(&Wanted { ranges: vec![range, range], handles: 2 });
        let first = (from - 2).max(0);
        prop_assert_eq!(part.ranges[0].timecode, 90_000 + first);
        for frame in 0..part.frames {
            let inside = frame % part.ranges[0].frames + first;
            prop_assert!(same(&seen(&part, frame), &seen(&whole, inside)), "frame {}", frame);
        }

        for limits in [
            Limits { frames: 7, shots: 3, reversed: 4 },
            Limits { frames: 1000, shots: 1000, reversed: 1000 },
        ] {
            let mut at = 0;
            for piece in pieces(&part, limits) {
                prop_assert_eq!(piece.start, at);
                prop_assert!((1..=limits.frames).contains(&piece.frames));
                let of_piece: i64 = part.segments_of(piece).map(|s| s.frames).sum();
                prop_assert_eq!(of_piece, piece.frames);
                at += piece.frames;
            }
            prop_assert_eq!(at, part.frames);
        }
    }
}

/// A sequence of one track.
fn cut_of(kind: TrackKind, items: Vec<Item>) -> Document {
    let clock = clock();
    let mut cut = sequence(Rate::FPS_25, &clock);
    cut.tracks.push(Track { items, ..Track::new(&clock, kind, "T") });
    Document::new(cut, MediaMap::new())
}

#[test]
fn sound_is_placed_in_seconds_and_fades_where_pictures_dissolve() {
    let clock = clock();
    let clip = |start, speed: (i32, u32)| {
        let at = MediaTime::new(start, Rate::FPS_25);
        let mut clip = Clip::new(&clock, "c", source(&clock), at, 50);
        clip.speed = Speed::new(speed.0, speed.1).unwrap();
        Item::Clip(clip)
    };
    let dissolve = Item::Transition(Transition::new(Transition::DISSOLVE, 5, 10));
    let items = vec![clip(100, (1, 1)), dissolve, clip(200, (-2, 1)), clip(0, (0, 1))];
    let plan = planned(&cut_of(TrackKind::Audio, items));
    let [first, second] = plan.sounds.as_slice() else { panic!("{:#?}", plan.sounds) };
    assert_eq!((first.start, first.frames, first.at), (0, 60, (4, 1)));
    assert_eq!(first.fades, [Fade { start: 45, frames: 15, out: true }]);
    // Backwards from 200 + 2 * 50 frames, and five frames of the cut earlier.
    assert_eq!((second.start, second.frames, second.at), (45, 55, (310, 25)).map_at());
    assert_eq!((second.speed, second.fades[0].out), ((-2, 1), false));
    assert!(plan.segments.iter().all(|segment| segment.layers.is_empty()));
}

trait MapAt {
    fn map_at(self) -> Self;
}

impl MapAt for (i64, i64, (i64, i64)) {
    /// The same with its fraction in lowest terms.
    fn map_at(self) -> Self {
        let common = (1..=self.2.1).rev().find(|n| self.2.0 % n == 0 && self.2.1 % n == 0);
        let common = common.unwrap();
        (self.0, self.1, (self.2.0 / common, self.2.1 / common))
    }
}

#[test]
fn what_has_no_picture_or_is_gone_is_black_and_told_of() {
    let clock = clock();
    let item = |source: AssetSource| {
        Item::Clip(Clip::new(&clock, "c", source, MediaTime::new(0, Rate::FPS_25), 10))
    };
    let (known, gone, photo) = (source(&clock), source(&clock), source(&clock));
    let document = cut_of(TrackKind::Video, vec![item(known), item(gone), item(photo)]);
    let facts = |source: &AssetSource| {
        let summary = match source {
            source if *source == gone => return None,
            source if *source == photo => still(),
            _ => only_sound(48_000),
        };
        Some(MediaFacts { summary, alpha: false })
    };
    let plan = plan(&document, &Wanted::default(), &facts).unwrap();
    assert_eq!(plan.issues.iter().map(|i| i.kind).collect::<Vec<_>>(), [IssueKind::UnknownMedia]);
    assert_eq!(seen(&plan, 5), []);
    assert_eq!(seen(&plan, 29), [(photo.asset, 0, 1.0)]);
}

#[test]
fn hostile_nesting_and_ranges_are_refused() {
    let clock = clock();
    let mut sequences: Vec<Sequence> = (0..40).map(|_| sequence(Rate::FPS_25, &clock)).collect();
    // Each holds the next one many times over: more pieces than any memory holds.
    for index in 0..30 {
        let next = sequences[index + 1].id;
        let item =
            || Item::Clip(Clip::new(&clock, "n", next, MediaTime::new(0, Rate::FPS_25), 1_000_000));
        let items = vec![item(), item(), item(), item()];
        let track = Track { items, ..Track::new(&clock, TrackKind::Video, "V") };
        sequences[index].tracks = vec![
            track.clone(),
            Track {
                kind: TrackKind::Audio,
                id: crate::id::TrackId::new(&clock),
                items: vec![item()],
                ..track
            },
        ];
    }
    let clip = |start| {
        Item::Clip(Clip::new(&clock, "c", source(&clock), MediaTime::new(start, Rate::FPS_25), 1))
    };
    sequences[30].tracks.push(Track {
        items: (0..500).map(clip).collect(),
        ..Track::new(&clock, TrackKind::Video, "V")
    });
    let document = Document { sequences, ..Document::default() };
    // Frames beyond the nested ones are black, so this one is merely long.
    assert!(plan(&document, &Wanted::default(), &facts).is_ok());

    let mut own = sequence(Rate::FPS_25, &clock);
    let item = Item::Clip(Clip::new(&clock, "me", own.id, MediaTime::new(0, Rate::FPS_25), 10));
    own.tracks.push(Track { items: vec![item], ..Track::new(&clock, TrackKind::Video, "V") });
    let error = plan(&Document::new(own, MediaMap::new()), &Wanted::default(), &facts).unwrap_err();
    assert!(error.message().contains("nested in itself"), "{error}");

    let document = cut_of(TrackKind::Video, vec![clip(0)]);
    for (start, duration) in [(-1, 1), (0, 2), (0, 0)] {
        let range = TimeRange::new(start, duration, Rate::FPS_25).unwrap();
        let wanted = Wanted { ranges: vec![range], handles: 0 };
        assert!(plan(&document, &wanted, &facts).is_err(), "{range}");
    }
    let error = plan(&cut_of(TrackKind::Video, vec![]), &Wanted::default(), &facts).unwrap_err();
    assert!(error.message().contains("empty"), "{error}");
}
