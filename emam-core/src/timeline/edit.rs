//! The edits: append, insert, remove.

use std::collections::BTreeMap;

use super::placement::Placement;
use super::track;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::ClipId;
use crate::model::{Clip, Item, Sequence, Track, TrackKind};

/// What an edit put in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placed {
    /// The frame of the sequence it starts at.
    pub start: i64,
    /// The new clips: the picture, then the sound.
    pub clips: Vec<ClipId>,
}

/// What an edit took out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// The clips, in the order of the tracks.
    pub clips: Vec<ClipId>,
    /// How many frames earlier what comes after them is now; 0 if a gap was left.
    pub closed: i64,
}

/// Puts a piece of an asset at the end of the sequence.
///
/// The picture goes on the first video track and the sound on the first audio track, linked; a
/// track that is missing is made. Both start where the longest track ends. A fade at that very
/// place is removed.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a placement without length, picture and
/// sound, and for a sequence that would be longer than 64 bits can count.
pub fn append(sequence: &mut Sequence, placement: &Placement, clock: &dyn Clock) -> Result<Placed> {
    const OPERATION: &str = "sequences.append";

    placement.verify(OPERATION)?;
    let at = track::measured(sequence, OPERATION)?;
    end_of(OPERATION, at, placement)?;
    let link = free_link(&sequence.tracks);
    let mut placed = Placed { start: at, clips: Vec::new() };
    for (kind, clip) in clips_of(placement, link, clock) {
        placed.clips.push(clip.id);
        let index = lane(&mut sequence.tracks, kind, clock);
        if let Some(track) = sequence.tracks.get_mut(index) {
            track::put(&mut track.items, at, clip);
            track::tidy(&mut track.items);
        }
    }
    Ok(placed)
}

/// Puts a piece of an asset at frame `at` of the sequence, and moves what is there and after it
/// back by as much, on all tracks.
///
/// The picture goes on the first video track and the sound on the first audio track, linked; a
/// track that is missing is made. A clip across `at` is parted; where its source has another rate,
/// its second part starts at the nearest frame of the source (or the one before, where it would
/// need more media otherwise), and the second parts of linked clips are linked to each other.
/// Transitions at `at` are removed. Beyond the end of a track a gap fills up.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a negative frame, a placement without
/// length, picture and sound, and for a sequence that would be longer than 64 bits can count.
pub fn insert(
    sequence: &mut Sequence,
    at: i64,
    placement: &Placement,
    clock: &dyn Clock,
) -> Result<Placed> {
    const OPERATION: &str = "sequences.insert";

    placement.verify(OPERATION)?;
    if at < 0 {
        let message = "a sequence starts at frame 0; nothing can be inserted before it";
        return Err(Error::invalid(OPERATION, message).with("at", at));
    }
    let length = track::measured(sequence, OPERATION)?;
    end_of(OPERATION, length.max(at), placement)?;

    // On a copy: parting a clip can fail, and then nothing may have changed.
    let mut tracks = sequence.tracks.clone();
    let mut relinked = links_across(&tracks, at);
    let mut link = free_link(&tracks);
    for new in relinked.values_mut().flatten() {
        *new = link;
        link = next_link(link, &tracks);
    }
    let mut placed = Placed { start: at, clips: Vec::new() };
    let mut new = BTreeMap::new();
    for (kind, clip) in clips_of(placement, link, clock) {
        placed.clips.push(clip.id);
        let index = lane(&mut tracks, kind, clock);
        new.insert(tracks.get(index).map(|track| track.id), clip);
    }
    for track in &mut tracks {
        let clip = new.remove(&Some(track.id));
        if at >= track::length(&track.items) {
            if let Some(clip) = clip {
                track::put(&mut track.items, at, clip);
            }
        } else {
            let items = std::mem::take(&mut track.items);
            let (left, right) = track::split(items, at, |clip, frames| {
                let link = clip.link;
                let id = ClipId::new(clock);
                let (first, mut second) = track::part_clip(clip, frames, sequence.rate, id)?;
                second.link = link.and_then(|link| relinked.get(&link).copied().flatten());
                Ok((first, second))
            })?;
            track.items = left;
            track.items.push(clip.map_or(track::gap(placement.duration), Item::Clip));
            track.items.extend(right);
        }
        track::tidy(&mut track.items);
    }
    sequence.tracks = tracks;
    Ok(placed)
}

/// Takes a clip out, and the clips linked to it.
///
/// Without `ripple` gaps are left, and nothing else moves. With `ripple` the time that is now empty
/// is closed on all tracks; where another clip is seen or heard meanwhile, that time stays, as
/// closing it would either cut that clip or move it against the others. Transitions at the removed
/// clips go with them, and so do those that the closed gaps leave no room for.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) if the sequence has no such clip.
pub fn remove(sequence: &mut Sequence, clip: ClipId, ripple: bool) -> Result<Removed> {
    const OPERATION: &str = "sequences.remove";

    track::measured(sequence, OPERATION)?;
    let Some(link) = clips(&sequence.tracks).find(|found| found.id == clip).map(|clip| clip.link)
    else {
        return Err(Error::new(ErrorKind::NotFound, OPERATION, "the sequence has no such clip")
            .with("clip", clip)
            .with("sequence", sequence.id));
    };
    let goes = |item: &Item| match item {
        Item::Clip(other) => other.id == clip || (link.is_some() && other.link == link),
        _ => false,
    };
    let mut removed = Removed { clips: Vec::new(), closed: 0 };
    let mut empty = Vec::new();
    for track in &mut sequence.tracks {
        for (start, item) in track::placed(&track.items) {
            if let Item::Clip(clip) = item
                && goes(item)
            {
                removed.clips.push(clip.id);
                empty.push((start, start + clip.duration));
            }
        }
        lift(&mut track.items, goes);
    }
    if ripple {
        let empty = empty_on_all(&sequence.tracks, empty);
        removed.closed = empty.iter().map(|(start, end)| end - start).sum();
        for track in &mut sequence.tracks {
            track::shrink_gaps(&mut track.items, &empty);
        }
    }
    for track in &mut sequence.tracks {
        track::tidy(&mut track.items);
    }
    Ok(removed)
}

/// Leaves gaps in place of some clips, and drops the transitions next to them.
fn lift(items: &mut Vec<Item>, goes: impl Fn(&Item) -> bool) {
    let gone: Vec<bool> = items.iter().map(goes).collect();
    let is_gone = |index: Option<usize>| index.and_then(|index| gone.get(index)) == Some(&true);
    let mut index = 0_usize;
    items.retain_mut(|item| {
        let here = index;
        index += 1;
        match item {
            Item::Transition(_) => !is_gone(here.checked_sub(1)) && !is_gone(Some(here + 1)),
            item => {
                if is_gone(Some(here)) {
                    *item = track::gap(item.duration());
                }
                true
            }
        }
    });
}

/// What of the spans no clip of any track is in; in order, without overlap.
fn empty_on_all(tracks: &[Track], mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    // Linked clips mostly take the same frames, which must not be closed twice.
    spans.dedup_by(|next, kept| {
        let overlap = next.0 <= kept.1;
        if overlap {
            kept.1 = kept.1.max(next.1);
        }
        overlap
    });
    for track in tracks {
        for (start, item) in track::placed(&track.items) {
            if let Item::Clip(clip) = item {
                let end = start + clip.duration;
                if spans.iter().any(|span| start < span.1 && span.0 < end) {
                    spans = spans
                        .into_iter()
                        .flat_map(|span| [(span.0, span.1.min(start)), (span.0.max(end), span.1)])
                        .filter(|span| span.0 < span.1)
                        .collect();
                }
            }
        }
    }
    spans
}

/// The clips a placement becomes, with the kinds of track they go on.
fn clips_of(placement: &Placement, link: u32, clock: &dyn Clock) -> Vec<(TrackKind, Clip)> {
    let both = placement.video && placement.audio;
    [(TrackKind::Video, placement.video), (TrackKind::Audio, placement.audio)]
        .into_iter()
        .filter(|(_, wanted)| *wanted)
        .map(|(kind, _)| {
            let clip = Clip::new(
                clock,
                &placement.name,
                placement.source.clone(),
                placement.source_start,
                placement.duration,
            );
            (kind, Clip { link: both.then_some(link), ..clip })
        })
        .collect()
}

/// The index of the first track of a kind; one is made where there is none.
fn lane(tracks: &mut Vec<Track>, kind: TrackKind, clock: &dyn Clock) -> usize {
    if let Some(index) = tracks.iter().position(|track| track.kind == kind) {
        return index;
    }
    let name = match kind {
        TrackKind::Video => "V1",
        TrackKind::Audio => "A1",
        TrackKind::Caption => "C1",
    };
    // Video tracks come first, then audio, then captions.
    let index = tracks.partition_point(|track| track.kind < kind);
    tracks.insert(index, Track::new(clock, kind, name));
    index
}

fn clips(tracks: &[Track]) -> impl Iterator<Item = &Clip> {
    tracks.iter().flat_map(|track| &track.items).filter_map(|item| match item {
        Item::Clip(clip) => Some(clip),
        _ => None,
    })
}

/// A link number no clip has.
fn free_link(tracks: &[Track]) -> u32 {
    next_link(clips(tracks).filter_map(|clip| clip.link).max().unwrap_or(0), tracks)
}

/// A link number no clip has: the first above `last`, or from 1 on once those are spent.
fn next_link(last: u32, tracks: &[Track]) -> u32 {
    let used = |number: u32| clips(tracks).any(|clip| clip.link == Some(number));
    (last.saturating_add(1)..=u32::MAX)
        .chain(1..=last)
        .find(|number| !used(*number))
        .unwrap_or(u32::MAX)
}

/// The links of the clips across frame `at`: a place for a new number where two or more clips with
/// the link are parted, so that their second parts still move together.
fn links_across(tracks: &[Track], at: i64) -> BTreeMap<u32, Option<u32>> {
    let mut links = BTreeMap::new();
    for track in tracks {
        for (start, item) in track::placed(&track.items) {
            if let Item::Clip(clip) = item
                && start < at
                && at < start + clip.duration
                && let Some(link) = clip.link
            {
                links.entry(link).and_modify(|new| *new = Some(0)).or_insert(None);
            }
        }
    }
    links
}

/// Makes sure that the sequence can hold the placement at `at`.
fn end_of(operation: &'static str, at: i64, placement: &Placement) -> Result<()> {
    match at.checked_add(placement.duration) {
        Some(_) => Ok(()),
        None => {
            let message = "the sequence would be longer than 64 bits can count";
            Err(Error::invalid(operation, message)
                .with("at", at)
                .with("duration", placement.duration))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Transition;
    use crate::time::{MediaTime, Rate};
    use crate::timeline::samples::{
        clip, clock, dissolve, film, gap, piece, sequence, shape, source, track,
    };
    use crate::timeline::{check, length};

    #[test]
    fn appended_pieces_follow_each_other_on_both_tracks() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        let source = source(&clock);
        append(&mut cut, &piece("a", source, 100, 50), &clock).unwrap();
        let silent = Placement { audio: false, ..piece("b", source, 0, 10) };
        append(&mut cut, &silent, &clock).unwrap();
        let placed = append(&mut cut, &piece("c", source, 7, 5), &clock).unwrap();
        assert_eq!((placed.start, placed.clips.len()), (60, 2));
        assert_eq!(shape(&cut), ["a@100+50 b@0+10 c@7+5", "a@100+50 -10 c@7+5"]);
        let names: Vec<_> = cut.tracks.iter().map(|track| track.name.as_str()).collect();
        assert_eq!(names, ["V1", "A1"]);
        let links: Vec<_> = clips(&cut.tracks).map(|clip| clip.link).collect();
        assert_eq!(links, [Some(1), None, Some(2), Some(1), Some(2)]);
    }

    #[test]
    fn an_insert_parts_linked_clips_and_links_the_second_parts() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        let source = source(&clock);
        append(&mut cut, &piece("a", source, 100, 50), &clock).unwrap();
        insert(&mut cut, 20, &piece("b", source, 0, 10), &clock).unwrap();
        assert_eq!(shape(&cut), vec!["a@100+20 b@0+10 a@120+30"; 2]);
        let links: Vec<_> = clips(&cut.tracks).map(|clip| clip.link).collect();
        assert_eq!(links[..3], links[3..]);
        assert!(links.iter().all(Option::is_some), "{links:?}");
        assert_eq!(links.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);

        // Sound alone moves the picture too, and leaves a hole in it.
        let sound = Placement { video: false, ..piece("s", source, 5, 4) };
        insert(&mut cut, 25, &sound, &clock).unwrap();
        assert_eq!(
            shape(&cut),
            ["a@100+20 b@0+5 -4 b@5+5 a@120+30", "a@100+20 b@0+5 s@5+4 b@5+5 a@120+30"]
        );
        insert(&mut cut, 100, &piece("e", source, 0, 1), &clock).unwrap();
        assert!(shape(&cut)[0].ends_with("a@120+30 -36 e@0+1"), "{:?}", shape(&cut));
    }

    #[test]
    fn the_second_part_of_a_foreign_rate_starts_at_the_nearest_frame_it_has() {
        let clock = clock();
        let part = |source_rate, rate, duration, frames| {
            let Item::Clip(mut whole) = clip("a", 10, duration, &clock) else { unreachable!() };
            whole.source_start = MediaTime::new(10, source_rate);
            let id = ClipId::new(&clock);
            let (first, second) = track::part_clip(whole, frames, rate, id).unwrap();
            assert_eq!(first.source_start, MediaTime::new(10, source_rate));
            assert_eq!(first.duration + second.duration, duration);
            assert_ne!(first.id, second.id);
            second.source_start.value() - 10
        };
        assert_eq!(part(Rate::FPS_24, Rate::FPS_25, 500, 25), 24); // exact
        assert_eq!(part(Rate::FPS_24, Rate::FPS_25, 500, 26), 25); // 24.96
        assert_eq!(part(Rate::FPS_24, Rate::FPS_25, 500, 30), 29); // 28.8
        // 600 frames at 60 are 239.76 of 23.976: the nearest, 240, the clip never showed.
        assert_eq!(part(Rate::FPS_23_976, Rate::FPS_60, 601, 600), 239);
        assert_eq!(part(Rate::AUDIO_48K, Rate::FPS_29_97, 100, 1), 1602); // 1601.6
    }

    #[test]
    fn transitions_at_an_edit_go_and_others_stay() {
        let clock = clock();
        let mut cut = sequence(Rate::FPS_25, &clock);
        let items = vec![
            clip("a", 50, 20, &clock),
            dissolve(5, 5),
            clip("b", 50, 20, &clock),
            dissolve(5, 5),
            clip("c", 50, 20, &clock),
            dissolve(5, 0),
        ];
        cut.tracks.push(track(TrackKind::Video, items, &clock));
        let cut_at = |at| {
            let mut cut = cut.clone();
            let new = Placement { audio: false, ..piece("n", source(&clock), 0, 3) };
            insert(&mut cut, at, &new, &clock).unwrap();
            assert_eq!(check(&cut, &|_| Some(film(Rate::FPS_25, 1000))), []);
            shape(&cut).remove(0)
        };
        assert_eq!(cut_at(20), "a@50+20 n@0+3 b@50+20 <5|5> c@50+20 <5|0>");
        assert_eq!(cut_at(15), "a@50+15 n@0+3 a@65+5 <5|5> b@50+20 <5|5> c@50+20 <5|0>");
        assert_eq!(cut_at(16), "a@50+16 n@0+3 a@66+4 b@50+20 <5|5> c@50+20 <5|0>");
        assert_eq!(cut_at(60), "a@50+20 <5|5> b@50+20 <5|5> c@50+20 n@0+3");

        if let Some(Item::Transition(transition)) = cut.tracks[0].items.get_mut(1) {
            transition.out_offset = 0;
        }
        let mut at_its_end = cut.clone();
        insert(&mut at_its_end, 20, &piece("n", source(&clock), 0, 9), &clock).unwrap();
        assert_eq!(shape(&at_its_end)[0], "a@50+20 n@0+9 b@50+20 <5|5> c@50+20 <5|0>");

        let Some(Item::Clip(b)) = cut.tracks[0].items.get(2).cloned() else { unreachable!() };
        let mut lifted = cut.clone();
        assert_eq!(remove(&mut lifted, b.id, false).unwrap().closed, 0);
        assert_eq!(shape(&lifted), ["a@50+20 -20 c@50+20 <5|0>"]);
        let mut closed = cut.clone();
        assert_eq!(remove(&mut closed, b.id, true).unwrap().closed, 20);
        assert_eq!(shape(&closed), ["a@50+20 c@50+20 <5|0>"]);
    }

    #[test]
    fn closing_leaves_the_time_in_which_another_clip_is_on() {
        let clock = clock();
        let mut cut = sequence(Rate::FPS_25, &clock);
        let first = clip("a", 0, 20, &clock);
        let Item::Clip(Clip { id, .. }) = first else { unreachable!() };
        let picture = vec![first, clip("b", 0, 20, &clock)];
        // Two fades into a gap of which closing takes too much for both.
        let sound =
            vec![gap(10), clip("m", 0, 4, &clock), dissolve(1, 3), gap(8), clip("n", 0, 9, &clock)];
        cut.tracks.push(track(TrackKind::Video, picture, &clock));
        cut.tracks.push(track(TrackKind::Audio, sound, &clock));
        let removed = remove(&mut cut, id, true).unwrap();
        assert_eq!(removed.closed, 16);
        assert_eq!(shape(&cut), ["-4 b@0+20", "m@0+4 -2 n@0+9"]);
    }

    #[test]
    fn the_last_clip_leaves_no_gap_behind() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        append(&mut cut, &piece("a", source(&clock), 0, 5), &clock).unwrap();
        let placed = insert(&mut cut, 50, &piece("b", source(&clock), 0, 5), &clock).unwrap();
        let removed = remove(&mut cut, placed.clips[1], false).unwrap();
        assert_eq!(removed.clips, placed.clips);
        assert_eq!(shape(&cut), vec!["a@0+5"; 2]);
    }

    #[test]
    fn a_refused_edit_changes_nothing() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        let source = source(&clock);
        append(&mut cut, &piece("a", source, 0, 50), &clock).unwrap();
        let before = cut.clone();
        let neither = Placement { video: false, audio: false, ..piece("x", source, 0, 5) };
        for wrong in [
            piece("x", source, 0, 0),
            piece("x", source, -1, 5),
            piece("x", source, 0, i64::MAX),
            neither,
        ] {
            assert!(append(&mut cut, &wrong, &clock).is_err(), "{wrong:?}");
            assert!(insert(&mut cut, 10, &wrong, &clock).is_err(), "{wrong:?}");
        }
        let right = piece("x", source, 0, 5);
        assert!(insert(&mut cut, -1, &right, &clock).is_err());
        assert!(insert(&mut cut, i64::MAX, &right, &clock).is_err());
        let unknown = remove(&mut cut, ClipId::new(&clock), true).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        assert_eq!(cut, before);

        // Parting this clip fails half-way through the tracks: its source cannot be counted.
        let Item::Clip(far) = clip("far", i64::MAX, 50, &clock) else { unreachable!() };
        cut.tracks.push(track(TrackKind::Audio, vec![Item::Clip(far)], &clock));
        let before = cut.clone();
        assert!(insert(&mut cut, 10, &right, &clock).is_err());
        assert_eq!(cut, before);

        let damaged = Transition::new(Transition::DISSOLVE, i64::MIN, 0);
        cut.tracks[0].items.push(Item::Transition(damaged));
        assert!(append(&mut cut, &right, &clock).is_err());
        cut.tracks[0].items.pop();
        cut.tracks[0].items.push(gap(i64::MAX));
        assert!(append(&mut cut, &right, &clock).is_err());
        assert_eq!(length(&cut), i64::MAX);
    }

    #[test]
    fn links_are_new_even_when_the_highest_number_is_taken() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        append(&mut cut, &piece("a", source(&clock), 0, 50), &clock).unwrap();
        for track in &mut cut.tracks {
            for item in &mut track.items {
                if let Item::Clip(clip) = item {
                    clip.link = Some(u32::MAX);
                }
            }
        }
        insert(&mut cut, 25, &piece("b", source(&clock), 0, 50), &clock).unwrap();
        let links: Vec<_> = clips(&cut.tracks).filter_map(|clip| clip.link).collect();
        assert_eq!(links, [u32::MAX, 2, 1, u32::MAX, 2, 1]);
    }
}
