//! Append, insert and remove.

use super::locate::clips;
use super::*;
use crate::error::ErrorKind;
use crate::id::ClipId;
use crate::model::Transition;
use crate::model::{Clip, Item, TrackKind};
use crate::time::{MediaTime, Rate};
use crate::timeline::piece as cutting;
use crate::timeline::placement::Placement;
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
        let rest = whole.duration - frames;
        let first = cutting::trimmed(whole.clone(), 0, rest, rate, None).unwrap();
        let second = cutting::trimmed(Clip { id, ..whole }, frames, 0, rate, None).unwrap();
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
