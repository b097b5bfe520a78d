//! Every edit does, frame by frame, what it says; its change undoes it; nothing else gives way.

use proptest::prelude::*;

use super::frame_model::{Found, Frames, aligned, found, group, shown};
use super::samples::{clock, dissolve, film, gap, length_of_film, sequence, source, track};
use super::track::tidy;
use super::{Change, Edge, Edit, Placement, append, apply, check, length};
use crate::clock::{Clock, ManualClock};
use crate::id::ClipId;
use crate::model::{AssetSource, Clip, Item, Sequence, Track, TrackKind};
use crate::time::{MediaTime, Rate, Speed};

const RATE: Rate = Rate::FPS_25;

/// A clip, gap or transition of a track that no edit has made.
#[derive(Debug, Clone)]
enum Laid {
    Clip { start: i64, duration: i64, speed: Speed },
    Gap(i64),
    Transition(i64, i64),
}

fn laid() -> impl Strategy<Value = Vec<Laid>> {
    let speeds =
        prop_oneof![3 => Just(1), 1 => Just(2), 1 => Just(-1), 1 => Just(0), 1 => Just(-2)];
    let item = prop_oneof![
        4 => (0..60_i64, 1..30_i64, speeds).prop_map(|(start, duration, speed)| Laid::Clip {
            start,
            duration,
            speed: Speed::new(speed, 1).unwrap(),
        }),
        1 => (1..30_i64).prop_map(Laid::Gap),
        1 => (0..6_i64, 0..6_i64).prop_map(|(before, after)| Laid::Transition(before, after)),
    ];
    prop::collection::vec(item, 0..7)
}

fn lay(sequence: &mut Sequence, kind: TrackKind, items: &[Laid], rate: Rate, clock: &dyn Clock) {
    let item = |item: &Laid| match item {
        Laid::Clip { start, duration, speed } => {
            let start = MediaTime::new(*start, rate);
            let clip = Clip::new(clock, "laid", source(clock), start, *duration);
            Item::Clip(Clip { speed: *speed, ..clip })
        }
        Laid::Gap(duration) => gap(*duration),
        Laid::Transition(before, after) => dissolve(*before, *after),
    };
    let mut items: Vec<Item> = items.iter().map(item).collect();
    tidy(&mut items);
    sequence.tracks.push(track(kind, items, clock));
}

/// What is to be done; clips and frames are chosen by a number modulo what there is.
#[derive(Debug, Clone)]
struct Wish {
    what: u8,
    clip: usize,
    at: usize,
    by: i64,
    tail: bool,
    flag: bool,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0..14_u8, 0..1000_usize, 0..1000_usize, -25..25_i64, any::<bool>(), any::<bool>());
    let wish =
        wish.prop_map(|(what, clip, at, by, tail, flag)| Wish { what, clip, at, by, tail, flag });
    prop::collection::vec(wish, 1..12)
}

fn start(pictures: &[Laid], more: &[Laid], sounds: &[Laid], clock: &ManualClock) -> Sequence {
    let mut sequence = sequence(RATE, clock);
    lay(&mut sequence, TrackKind::Video, pictures, RATE, clock);
    lay(&mut sequence, TrackKind::Video, more, RATE, clock);
    lay(&mut sequence, TrackKind::Audio, sounds, RATE, clock);
    for (at, duration) in [(20, 15), (50, 8)] {
        let start = MediaTime::new(at, RATE);
        let pair = Placement::new("pair", source(clock), start, duration);
        append(&mut sequence, &pair, clock).unwrap();
    }
    sequence
}

/// The edit that is wished for, and what must come of it: nothing where it must be refused.
fn meant(wish: &Wish, before: &Sequence, clock: &dyn Clock) -> Option<(Edit, Option<Frames>)> {
    let all = found(before);
    let chosen = all.get(wish.clip % all.len().max(1))?;
    let clip = chosen.clip.id;
    let edge = if wish.tail { Edge::Tail } else { Edge::Head };
    let at = i64::try_from(wish.at).unwrap() % (length(before) + 5);
    let duration = wish.by.abs().max(1);
    let frames = Frames::of(before);
    let (by, ripple) = (wish.by, wish.flag);
    Some(match wish.what {
        0 => {
            let new = Placement::new("new", source(clock), MediaTime::new(7, RATE), duration);
            let of = new.source.asset().unwrap().asset;
            let mut want = frames;
            for kind in [TrackKind::Video, TrackKind::Audio] {
                let lane = before.tracks.iter().position(|track| track.kind == kind).unwrap();
                want.fill(lane, at, at + duration, |frame| Some((of, 7 + frame)));
            }
            let edit = Edit::Overwrite { at, clip: new, only: None, tracks: Vec::new() };
            (edit, Some(want.trimmed()))
        }
        1 => {
            let lane = wish.clip % before.tracks.len();
            let mut want = frames;
            let end = (at + duration).min(length(before));
            want.fill(lane, at, end, |_| None);
            let tracks = vec![before.tracks[lane].id];
            (Edit::Lift { start: at, duration, tracks }, Some(want.trimmed()))
        }
        2 => {
            let mut want = frames;
            want.drop_frames(at, at + duration);
            (Edit::Extract { start: at, duration }, Some(want.trimmed()))
        }
        3 | 4 => {
            let spots = aligned(before, clip, edge);
            let want = frames.trim(&spots, edge, by, ripple);
            (Edit::Trim { clip, edge, by, ripple }, want)
        }
        5 => (Edit::Roll { clip, edge, by }, rolled(before, clip, edge, by, frames)),
        6 => {
            let slipped = |found: &Found| {
                let start = found.clip.source_start.value() + by;
                let span = (found.clip.duration - 1) * i64::from(found.clip.speed.abs().num());
                let inside =
                    (by >= 0 || start >= 0) && (by <= 0 || start + span < length_of_film());
                inside.then(|| Clip {
                    source_start: MediaTime::new(start, RATE),
                    ..found.clip.clone()
                })
            };
            let mut want = Some(frames);
            for spot in group(before, clip) {
                let new = slipped(&spot);
                want = want.zip(new).map(|(mut want, new)| {
                    want.fill(spot.track, spot.start, spot.end(), |at| shown(&new, at));
                    want
                });
            }
            (Edit::Slip { clip, by }, want)
        }
        7 => (Edit::Slide { clip, by }, slid(before, clip, by, frames)),
        8 => {
            let across = all.iter().any(|found| found.start < at && at < found.end());
            (Edit::Split { at, clip: None }, across.then_some(frames))
        }
        9 => {
            let at = chosen.start + i64::try_from(wish.at).unwrap() % chosen.clip.duration;
            let across = at > chosen.start;
            (Edit::Split { at, clip: Some(clip) }, across.then_some(frames))
        }
        10 => (Edit::SetEnabled { clip, enabled: ripple, alone: wish.tail }, Some(frames)),
        11 => {
            let other = all.get(wish.at % all.len())?.clip.id;
            let want = (other != clip).then_some(frames);
            (Edit::Link { clips: vec![clip, other] }, want)
        }
        12 => (Edit::Unlink { clips: vec![clip] }, Some(frames)),
        _ => {
            let speed = Speed::new([1, 2, -1, 0, -2][wish.at % 5], 1).unwrap();
            let mut want = Some(frames);
            for spot in group(before, clip) {
                let new = Clip { speed, ..spot.clip.clone() };
                let span = |clip: &Clip| {
                    clip.source_start.value()
                        + (clip.duration - 1) * i64::from(clip.speed.abs().num())
                };
                let inside = span(&new) < length_of_film() || span(&new) <= span(&spot.clip);
                want = want.filter(|_| inside).map(|mut want| {
                    want.fill(spot.track, spot.start, spot.end(), |at| shown(&new, at));
                    want
                });
            }
            (Edit::SetSpeed { clip, speed, keep_duration: true, ripple }, want)
        }
    })
}

fn neighbours(before: &Sequence, spot: &Found) -> (Option<Found>, Option<Found>) {
    let on_track = || found(before).into_iter().filter(|found| found.track == spot.track);
    (
        on_track().find(|found| found.end() == spot.start),
        on_track().find(|found| found.start == spot.end()),
    )
}

/// How many empty frames are right before or right after a clip; at the end there is no end.
fn room(before: &Sequence, spot: &Found, edge: Edge) -> Option<i64> {
    let all = found(before).into_iter().filter(|found| found.track == spot.track);
    match edge {
        Edge::Head => {
            let last = all.filter(|found| found.end() <= spot.start).map(|found| found.end());
            Some(spot.start - last.max().unwrap_or(0))
        }
        Edge::Tail => {
            let next = all.filter(|found| found.start >= spot.end()).map(|found| found.start);
            next.min().map(|next| next - spot.end())
        }
    }
}

fn rolled(before: &Sequence, clip: ClipId, edge: Edge, by: i64, frames: Frames) -> Option<Frames> {
    let mut want = frames;
    for spot in aligned(before, clip, edge) {
        let (left, right) = neighbours(before, &spot);
        let other = if edge == Edge::Head { left } else { right };
        let own = if edge == Edge::Head { -by } else { by };
        let opposite = if edge == Edge::Head { Edge::Tail } else { Edge::Head };
        let free = room(before, &spot, edge);
        // Nothing at all beyond the cut, or a gap too short.
        if other.is_none() && free.is_none_or(|free| free == 0 || free < own) {
            return None;
        }
        // What shrinks goes first, so that the other can take its frames.
        if own < 0 {
            want.stretch(&spot, edge, own)?;
        }
        if let Some(other) = &other {
            want.stretch(other, opposite, -own)?;
        }
        if own >= 0 {
            want.stretch(&spot, edge, own)?;
        }
    }
    Some(want.trimmed())
}

fn slid(before: &Sequence, clip: ClipId, by: i64, frames: Frames) -> Option<Frames> {
    let group = group(before, clip);
    let mut want = frames.clone();
    // Every clip that moves or gives is taken off, and put back where it is then.
    let mut moved: Vec<(Found, i64, i64)> = Vec::new();
    for found in found(before) {
        let is_own = |other: &Option<Found>| {
            let other = other.as_ref().map(|other| other.clip.id);
            group.iter().any(|spot| Some(spot.clip.id) == other)
        };
        let (left, right) = neighbours(before, &found);
        if group.iter().any(|spot| spot.clip.id == found.clip.id) {
            let head = room(before, &found, Edge::Head);
            let tail = room(before, &found, Edge::Tail);
            let no_left = left.is_none() && head == Some(0);
            if is_own(&left) || is_own(&right) || (no_left && by < 0) {
                return None;
            }
            // A gap between two that move stays as long.
            let own_at = |edge: Edge, frame: Option<i64>| {
                group.iter().any(|other| {
                    let at = if edge == Edge::Head { other.start } else { other.end() };
                    other.track == found.track && Some(at) == frame
                })
            };
            let with_left = own_at(Edge::Tail, head.map(|head| found.start - head));
            let with_right = own_at(Edge::Head, tail.map(|tail| found.end() + tail));
            if left.is_none() && !with_left && -by > head.unwrap_or(0) {
                return None;
            }
            if right.is_none() && !with_right && tail.is_some_and(|tail| by > tail) {
                return None;
            }
            moved.push((found, by, by));
        } else {
            // It begins later where the one before it moves, and ends later where the next one does.
            let head = if is_own(&left) { by } else { 0 };
            let tail = if is_own(&right) { by } else { 0 };
            if (head, tail) != (0, 0) {
                moved.push((found, head, tail));
            }
        }
    }
    for (found, ..) in &moved {
        want.fill(found.track, found.start, found.end(), |_| None);
    }
    for (found, head, tail) in &moved {
        let own = group.iter().any(|spot| spot.clip.id == found.clip.id);
        let (start, end) = (found.start + head, found.end() + tail);
        if end <= start {
            return None;
        }
        for at in start..end {
            let inside = if own { at - start } else { at - found.start };
            let new = shown(&found.clip, inside)?;
            if !(own || (0..length_of_film()).contains(&new.1)) {
                return None;
            }
            want.fill(found.track, at, at + 1, |_| Some(new));
        }
    }
    Some(want.trimmed())
}

fn assert_tidy(sequence: &Sequence) {
    let media = film(RATE, length_of_film());
    let kinds = check(sequence, &|_| Some(media.clone()));
    let broken: Vec<_> = kinds.into_iter().filter(|issue| issue.kind.is_error()).collect();
    assert_eq!(broken, [], "{sequence:#?}");
    for Track { items, .. } in &sequence.tracks {
        assert!(!matches!(items.last(), Some(Item::Gap(_))), "{items:#?}");
        let gaps = |pair: &[Item]| matches!(pair, [Item::Gap(_), Item::Gap(_)]);
        assert!(!items.windows(2).any(gaps), "{items:#?}");
    }
}

proptest! {
    #[test]
    fn every_edit_does_what_it_says_and_its_change_undoes_it(
        pictures in laid(),
        more in laid(),
        sounds in laid(),
        wishes in wishes(),
    ) {
        let clock = clock();
        let mut cut = start(&pictures, &more, &sounds, &clock);
        let film = film(RATE, length_of_film());
        let media = |_: &AssetSource| Some(film.clone());
        for wish in &wishes {
            let before = cut.clone();
            let Some((edit, want)) = meant(wish, &before, &clock) else { continue };
            let made = apply(&mut cut, &edit, &media, &clock);
            let (ok, shape) = (made.is_ok(), super::samples::shape(&before));
            prop_assert_eq!(ok, want.is_some(), "{:?}: {:?} {:?}", edit, made, shape);
            let Ok(change) = made else {
                prop_assert_eq!(&cut, &before);
                continue;
            };
            prop_assert_eq!(Some(Frames::of(&cut)), want, "{:?}", edit);
            assert_tidy(&cut);
            let after = cut.clone();
            change.inverse().apply(&mut cut).unwrap();
            prop_assert_eq!(&cut, &before, "undo of {:?}", edit);
            let sent = serde_json::to_string(&change).unwrap();
            serde_json::from_str::<Change>(&sent).unwrap().apply(&mut cut).unwrap();
            prop_assert_eq!(&cut, &after, "redo of {:?}", edit);
        }
    }

    #[test]
    fn a_clip_laid_over_is_alone_above_the_others_and_moves_none(
        pictures in laid(),
        more in laid(),
        sounds in laid(),
        at in 0..150_i64,
        duration in 1..40_i64,
    ) {
        let clock = clock();
        let mut cut = start(&pictures, &more, &sounds, &clock);
        let before = found(&cut);
        let new = Placement::new("new", source(&clock), MediaTime::new(7, RATE), duration);
        let of = new.source.clone();
        apply(&mut cut, &Edit::LayOver { at, clip: new, only: None }, &|_| None, &clock).unwrap();
        assert_tidy(&cut);
        let (new, others): (Vec<_>, Vec<_>) =
            found(&cut).into_iter().partition(|found| found.clip.source == of);
        let place = |found: &Found| (found.start, found.clip.clone());
        let kept: Vec<_> = others.iter().map(place).collect();
        prop_assert_eq!(kept, before.iter().map(place).collect::<Vec<_>>());
        let [picture, sound] = &new[..] else { panic!("{new:?}") };
        prop_assert_eq!(cut.tracks[sound.track].kind, TrackKind::Audio);
        for found in [picture, sound] {
            prop_assert_eq!((found.start, found.clip.duration), (at, duration));
        }
        let above = others.iter().filter(|found| {
            found.start < at + duration
                && at < found.end()
                && cut.tracks[found.track].kind == TrackKind::Video
        });
        for other in above {
            prop_assert!(other.track < picture.track);
        }
    }

    #[test]
    fn a_new_speed_that_keeps_the_piece_moves_all_that_follows_alike(
        pictures in laid(),
        sounds in laid(),
        clip in 0..1000_usize,
        num in 1..9_i32,
        den in 1..5_u32,
        back in any::<bool>(),
    ) {
        let clock = clock();
        let mut cut = start(&pictures, &[], &sounds, &clock);
        let before = found(&cut);
        let chosen = before[clip % before.len()].clone();
        let speed = Speed::new(if back { -num } else { num }, den).unwrap();
        let film = film(RATE, length_of_film());
        let edit =
            Edit::SetSpeed { clip: chosen.clip.id, speed, keep_duration: false, ripple: true };
        // A frozen frame says nothing of how long its piece is, so it keeps its duration.
        let from = chosen.clip.source_start.value();
        let reach = (chosen.clip.duration - 1) * i64::from(num) / i64::from(den);
        let made = apply(&mut cut, &edit, &|_| Some(film.clone()), &clock);
        if chosen.clip.speed.is_freeze() && from + reach >= length_of_film() {
            prop_assert!(made.is_err());
            return Ok(());
        }
        let change = made.unwrap();
        assert_tidy(&cut);
        let outside = check(&cut, &|_| Some(film.clone()))
            .into_iter()
            .any(|issue| issue.kind == super::IssueKind::OutsideMedia);
        prop_assert!(!outside, "a piece that was there is shown");
        let after = found(&cut);
        let new = after.iter().find(|found| found.clip.id == chosen.clip.id).unwrap();
        prop_assert_eq!(new.start, chosen.start);
        prop_assert_eq!(new.clip.source_start, chosen.clip.source_start);
        let (old, size) = (chosen.clip.speed.abs(), speed.abs());
        if !old.is_freeze() {
            // Within half a frame of the sequence; the media cannot cut it short here.
            let exact = i64::from(old.num()) * i64::from(size.den()) * chosen.clip.duration;
            let off = new.clip.duration * i64::from(size.num()) * i64::from(old.den()) - exact;
            let half = i64::from(size.num()) * i64::from(old.den());
            let short = new.clip.source_start.value() + chosen.clip.duration * 2 < 199;
            prop_assert!(2 * off.abs() <= half || new.clip.duration == 1 || !short);
        }
        // What followed on its own track follows it as closely.
        let next = |all: &[Found], spot: &Found| {
            let later = all.iter().filter(|found| found.track == spot.track);
            later.filter(|found| found.start > spot.start).map(|found| found.start).min()
        };
        if let (Some(was), Some(is)) = (next(&before, &chosen), next(&after, new))
            && new.clip.duration >= chosen.clip.duration
        {
            prop_assert_eq!(was - chosen.end(), is - new.end());
        }
        change.inverse().apply(&mut cut).unwrap();
        prop_assert_eq!(found(&cut).len(), before.len());
    }

    #[test]
    fn cutting_at_any_rate_and_speed_needs_no_more_media(
        clips in prop::collection::vec((0..60_i64, 1..50_i64, -9..9_i32, 1..7_u32), 1..5),
        cuts in prop::collection::vec((0..5_u8, 0..1000_usize, 1..20_i64), 1..12),
        rates in prop_oneof![
            Just((Rate::FPS_23_976, Rate::FPS_25)),
            Just((Rate::FPS_59_94, Rate::FPS_24)),
            Just((Rate::FPS_25, Rate::FPS_25)),
            Just((Rate::AUDIO_48K, Rate::FPS_29_97)),
        ],
    ) {
        let (source_rate, rate) = rates;
        let clock = clock();
        let mut cut = sequence(rate, &clock);
        let laid: Vec<_> = clips
            .iter()
            .map(|(start, duration, num, den)| Laid::Clip {
                start: *start,
                duration: *duration,
                speed: Speed::new(*num, *den).unwrap(),
            })
            .collect();
        lay(&mut cut, TrackKind::Video, &laid, source_rate, &clock);
        // Each has exactly the media it shows, from its lowest frame on.
        let spans: std::collections::BTreeMap<_, _> = cut
            .clips()
            .map(|clip| {
                let (first, last) = super::piece::span(clip, rate).unwrap();
                (clip.source.asset().unwrap().asset, (first, last))
            })
            .collect();
        let whole = cut.clone();
        for (what, at, by) in cuts {
            let all = found(&cut);
            let Some(chosen) = all.get(at % all.len().max(1)) else { break };
            let clip = chosen.clip.id;
            let frame = i64::try_from(at).unwrap() % (length(&cut) + 1);
            let edit = match what {
                0 => Edit::Split { at: frame, clip: None },
                1 => Edit::Extract { start: frame, duration: by },
                2 => Edit::Lift { start: frame, duration: by, tracks: Vec::new() },
                3 => Edit::Trim { clip, edge: Edge::Head, by, ripple: true },
                _ => Edit::Trim { clip, edge: Edge::Tail, by, ripple: false },
            };
            let _ = apply(&mut cut, &edit, &|_| None, &clock);
            for clip in cut.clips() {
                let (first, last) = super::piece::span(clip, rate).unwrap();
                let (least, most) = spans[&clip.source.asset().unwrap().asset];
                prop_assert!(least <= first && last <= most, "{:?}: {:#?}", edit, clip);
            }
        }
        // Two cuts and two joins are nothing.
        let mut parts = whole.clone();
        let first = whole.clips().next().unwrap();
        if first.duration > 2 {
            for at in [first.duration - 1, first.duration / 2] {
                apply(&mut parts, &Edit::Split { at, clip: None }, &|_| None, &clock).unwrap();
            }
            for _ in 0..2 {
                apply(&mut parts, &Edit::Join { clip: first.id }, &|_| None, &clock).unwrap();
            }
            prop_assert_eq!(parts, whole);
        }
    }
}
