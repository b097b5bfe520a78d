//! Each edit on small cuts, as people would draw them.

use super::*;
use crate::error::ErrorKind;
use crate::id::ClipId;
use crate::model::{Caption, ClipSource, Generator, Item, Marker, Track, TrackKind, Transition};
use crate::time::{MediaTime, Rate, Speed};
use crate::timeline::samples::{
    clip, clock, dissolve, film, gap, piece, sequence, shape, source, still, track,
};
use crate::timeline::{Placement, length};

/// One video track, made of these items.
fn cut(items: Vec<Item>) -> Sequence {
    let clock = clock();
    let mut cut = sequence(Rate::FPS_25, &clock);
    cut.tracks.push(track(TrackKind::Video, items, &clock));
    cut
}

/// Three clips of twenty frames from frame 50 of their media.
fn three() -> Sequence {
    let clock = clock();
    cut(vec![clip("a", 50, 20, &clock), clip("b", 50, 20, &clock), clip("c", 50, 20, &clock)])
}

/// Picture and sound of two appended pieces.
fn pairs() -> Sequence {
    let clock = clock();
    let mut cut = sequence(Rate::FPS_25, &clock);
    for name in ["a", "b"] {
        crate::timeline::append(&mut cut, &piece(name, source(&clock), 50, 20), &clock).unwrap();
    }
    cut
}

fn id(cut: &Sequence, name: &str) -> ClipId {
    cut.clips().find(|clip| clip.name == name).unwrap().id
}

fn with_speed(mut cut: Sequence, name: &str, speed: Speed) -> Sequence {
    for item in cut.tracks.iter_mut().flat_map(|track| &mut track.items) {
        if let Item::Clip(clip) = item
            && clip.name == name
        {
            clip.speed = speed;
        }
    }
    cut
}

fn edited_with(cut: &Sequence, edit: &Edit, media: Option<MediaSummary>) -> Result<Vec<String>> {
    let mut edited = cut.clone();
    let clock = clock();
    // The ids of this clock would be those of the sequence again.
    clock.advance(std::time::Duration::from_secs(1));
    let result = apply(&mut edited, edit, &|_| media.clone(), &clock);
    match result {
        Ok(change) => {
            let structure = crate::timeline::check::structure(&edited);
            assert_eq!(structure, [], "{edit:?}");
            let shape = shape(&edited);
            change.inverse().apply(&mut edited).unwrap();
            assert_eq!(&edited, cut, "undo of {edit:?}");
            Ok(shape)
        }
        Err(error) => {
            assert_eq!(&edited, cut, "refused {edit:?}");
            Err(error)
        }
    }
}

/// What an edit makes of a cut whose media all has a hundred frames; undoing it is tried too.
fn edited(cut: &Sequence, edit: &Edit) -> Vec<String> {
    edited_with(cut, edit, Some(film(Rate::FPS_25, 100))).unwrap()
}

fn refused(cut: &Sequence, edit: &Edit) -> ErrorKind {
    edited_with(cut, edit, Some(film(Rate::FPS_25, 100))).unwrap_err().kind()
}

#[test]
fn overwriting_takes_the_place_of_what_is_there() {
    let cut = pairs();
    let source = source(&clock());
    let over = |at, duration, only| Edit::Overwrite {
        at,
        clip: piece("n", source, 0, duration),
        only,
        tracks: Vec::new(),
    };
    assert_eq!(edited(&cut, &over(10, 20, None)), vec!["a@50+10 n@0+20 b@60+10"; 2]);
    assert_eq!(edited(&cut, &over(5, 10, None)), vec!["a@50+5 n@0+10 a@65+5 b@50+20"; 2]);
    assert_eq!(edited(&cut, &over(30, 30, None)), vec!["a@50+20 b@50+10 n@0+30"; 2]);
    assert_eq!(edited(&cut, &over(50, 5, None)), vec!["a@50+20 b@50+20 -10 n@0+5"; 2]);
    let picture = edited(&cut, &over(0, 20, Some(TrackKind::Video)));
    assert_eq!(picture, ["n@0+20 b@50+20", "a@50+20 b@50+20"]);
    assert_eq!(refused(&cut, &over(-1, 5, None)), ErrorKind::InvalidInput);
    assert_eq!(refused(&cut, &over(0, 5, Some(TrackKind::Caption))), ErrorKind::InvalidInput);
}

#[test]
fn chosen_tracks_get_the_clip() {
    let clock = clock();
    let mut cut = pairs();
    cut.tracks.insert(1, Track::new(&clock, TrackKind::Video, "V2"));
    cut.tracks[1].id = crate::id::TrackId::new(&crate::clock::SystemClock);
    let upper = cut.tracks[1].id;
    let new = || piece("n", source(&clock), 0, 10);
    let edit = Edit::Overwrite { at: 5, clip: new(), only: None, tracks: vec![upper] };
    assert_eq!(
        edited(&cut, &edit),
        ["a@50+20 b@50+20", "-5 n@0+10", "a@50+5 n@0+10 a@65+5 b@50+20"]
    );
    let edit = Edit::Append { clip: new(), only: Some(TrackKind::Video), tracks: vec![upper] };
    assert_eq!(edited(&cut, &edit)[1], "-40 n@0+10");
    let edit = Edit::Insert { at: 20, clip: new(), only: None, tracks: vec![upper] };
    assert_eq!(
        edited(&cut, &edit),
        ["a@50+20 -10 b@50+20", "-20 n@0+10", "a@50+20 n@0+10 b@50+20"]
    );
    let unknown = crate::id::TrackId::new(&crate::clock::SystemClock);
    let edit = Edit::Append { clip: new(), only: None, tracks: vec![unknown] };
    assert_eq!(refused(&cut, &edit), ErrorKind::NotFound);
}

#[test]
fn a_clip_is_laid_over_all_others_at_its_time() {
    let cut = pairs();
    let source = source(&clock());
    let lay = |at| Edit::LayOver { at, clip: piece("n", source, 0, 10), only: None };
    let over = edited(&cut, &lay(15));
    assert_eq!(over, ["a@50+20 b@50+20", "-15 n@0+10", "a@50+20 b@50+20", "-15 n@0+10"]);
    // After everything nothing is in the way.
    assert_eq!(edited(&cut, &lay(40)), vec!["a@50+20 b@50+20 n@0+10"; 2]);
    let mut twice = cut.clone();
    for _ in 0..2 {
        let clock = crate::clock::SystemClock;
        apply(&mut twice, &lay(15), &|_| None, &clock).unwrap();
    }
    let names: Vec<_> = twice.tracks.iter().map(|track| track.name.as_str()).collect();
    assert_eq!(names, ["V1", "V2", "V3", "A1", "A2", "A3"]);
}

#[test]
fn lift_leaves_a_gap_and_extract_closes_it() {
    let cut = pairs();
    let lift = |start, duration| Edit::Lift { start, duration, tracks: Vec::new() };
    let extract = |start, duration| Edit::Extract { start, duration };
    assert_eq!(edited(&cut, &lift(10, 20)), vec!["a@50+10 -20 b@60+10"; 2]);
    assert_eq!(edited(&cut, &extract(10, 20)), vec!["a@50+10 b@60+10"; 2]);
    assert_eq!(edited(&cut, &extract(5, 5)), vec!["a@50+5 a@60+10 b@50+20"; 2]);
    assert_eq!(edited(&cut, &lift(30, 900)), vec!["a@50+20 b@50+10"; 2]);
    assert_eq!(edited(&cut, &extract(0, 20)), vec!["b@50+20"; 2]);
    assert_eq!(edited(&cut, &extract(0, i64::MAX)), vec![""; 2]);
    let only = Edit::Lift { start: 0, duration: 30, tracks: vec![cut.tracks[1].id] };
    assert_eq!(edited(&cut, &only), ["a@50+20 b@50+20", "-30 b@60+10"]);
    for (start, duration) in [(-1, 5), (0, 0), (3, -1)] {
        assert_eq!(refused(&cut, &lift(start, duration)), ErrorKind::InvalidInput);
        assert_eq!(refused(&cut, &extract(start, duration)), ErrorKind::InvalidInput);
    }
    // What is left over of a clip keeps its id, at whichever end.
    let mut rest = cut.clone();
    apply(&mut rest, &extract(10, 20), &|_| None, &clock()).unwrap();
    assert_eq!((id(&rest, "a"), id(&rest, "b")), (id(&cut, "a"), id(&cut, "b")));
    assert!(rest.clips().all(|clip| clip.link.is_some()));
}

#[test]
fn a_trim_leaves_a_gap_takes_from_one_or_moves_the_rest() {
    let cut = pairs();
    let trim = |name, edge, by, ripple| Edit::Trim { clip: id(&cut, name), edge, by, ripple };
    use Edge::{Head, Tail};
    assert_eq!(edited(&cut, &trim("a", Tail, 5, false)), vec!["a@50+15 -5 b@50+20"; 2]);
    assert_eq!(edited(&cut, &trim("a", Tail, 5, true)), vec!["a@50+15 b@50+20"; 2]);
    assert_eq!(edited(&cut, &trim("a", Head, 5, false)), vec!["-5 a@55+15 b@50+20"; 2]);
    assert_eq!(edited(&cut, &trim("a", Head, 5, true)), vec!["a@55+15 b@50+20"; 2]);
    assert_eq!(edited(&cut, &trim("a", Head, -5, true)), vec!["a@45+25 b@50+20"; 2]);
    assert_eq!(edited(&cut, &trim("a", Tail, -5, true)), vec!["a@50+25 b@50+20"; 2]);
    assert_eq!(edited(&cut, &trim("b", Tail, -30, false)), vec!["a@50+20 b@50+50"; 2]);
    // No room, not enough media, nothing left.
    for wrong in [
        trim("a", Tail, -5, false),
        trim("a", Head, -5, false),
        trim("b", Tail, -31, false),
        trim("a", Head, -51, true),
        trim("a", Tail, 20, true),
        trim("a", Tail, i64::MIN, true),
        trim("a", Head, i64::MAX, true),
    ] {
        assert_eq!(refused(&cut, &wrong), ErrorKind::InvalidInput, "{wrong:?}");
    }
    // Where nothing is known of the media there is only its first frame to stop at.
    let far = edited_with(&cut, &trim("b", Tail, -900, false), None).unwrap();
    assert_eq!(far, vec!["a@50+20 b@50+920"; 2]);
    assert!(edited_with(&cut, &trim("a", Head, -51, true), None).is_err());
}

#[test]
fn a_ripple_moves_what_is_beside_on_all_tracks() {
    let clock = clock();
    let mut cut = three();
    let music = track(TrackKind::Audio, vec![clip("m", 0, 60, &clock)], &clock);
    cut.tracks.push(music);
    cut.tracks[1].id = crate::id::TrackId::new(&crate::clock::SystemClock);
    if let Item::Clip(clip) = &mut cut.tracks[1].items[0] {
        clip.id = ClipId::new(&crate::clock::SystemClock);
    }
    let trim = |by| Edit::Trim { clip: id(&cut, "a"), edge: Edge::Tail, by, ripple: true };
    assert_eq!(edited(&cut, &trim(-5)), ["a@50+25 b@50+20 c@50+20", "m@0+20 -5 m@20+40"]);
    // The music is heard meanwhile, so the time stays.
    assert_eq!(edited(&cut, &trim(5)), ["a@50+15 -5 b@50+20 c@50+20", "m@0+60"]);
}

#[test]
fn transitions_stay_where_their_neighbours_do() {
    let clock = clock();
    let joined = |by_fade: bool| {
        let rest = if by_fade { gap(20) } else { clip("b", 50, 20, &clock) };
        let items =
            vec![clip("a", 50, 20, &clock), dissolve(5, 5), rest, clip("c", 50, 20, &clock)];
        cut(items)
    };
    let trim = |cut: &Sequence, by, ripple| {
        edited(cut, &Edit::Trim { clip: id(cut, "a"), edge: Edge::Tail, by, ripple }).remove(0)
    };
    let met = joined(false);
    assert_eq!(trim(&met, 3, true), "a@50+17 <5|5> b@50+20 c@50+20");
    assert_eq!(trim(&met, 3, false), "a@50+17 -3 b@50+20 c@50+20");
    assert_eq!(trim(&met, 17, true), "a@50+3 b@50+20 c@50+20");
    assert_eq!(trim(&met, -3, true), "a@50+23 <5|5> b@50+20 c@50+20");
    let fade = joined(true);
    assert_eq!(trim(&fade, 3, false), "a@50+17 <5|5> -23 c@50+20");
    assert_eq!(trim(&fade, -3, false), "a@50+23 <5|5> -17 c@50+20");
    assert_eq!(trim(&fade, -20, false), "a@50+40 c@50+20");
    let roll = |by| edited(&met, &Edit::Roll { clip: id(&met, "a"), edge: Edge::Tail, by });
    assert_eq!(roll(3), ["a@50+23 <5|5> b@53+17 c@50+20"]);
    assert_eq!(roll(16), ["a@50+36 b@66+4 c@50+20"]);
    let slide = |by| edited(&met, &Edit::Slide { clip: id(&met, "b"), by });
    assert_eq!(slide(-3), ["a@50+17 <5|5> b@50+20 c@47+23"]);
    let lift = Edit::Lift { start: 25, duration: 5, tracks: Vec::new() };
    assert_eq!(edited(&met, &lift), ["a@50+20 <5|5> b@50+5 -5 b@60+10 c@50+20"]);
    let near = Edit::Lift { start: 24, duration: 6, tracks: Vec::new() };
    assert_eq!(edited(&met, &near), ["a@50+20 b@50+4 -6 b@60+10 c@50+20"]);
    let inside = Edit::Split { at: 22, clip: None };
    assert_eq!(edited(&met, &inside), ["a@50+20 b@50+2 b@52+18 c@50+20"]);
}

#[test]
fn a_roll_gives_to_one_side_what_it_takes_from_the_other() {
    let cut = pairs();
    let roll = |name, edge, by| Edit::Roll { clip: id(&cut, name), edge, by };
    assert_eq!(edited(&cut, &roll("a", Edge::Tail, 5)), vec!["a@50+25 b@55+15"; 2]);
    assert_eq!(edited(&cut, &roll("b", Edge::Head, -5)), vec!["a@50+15 b@45+25"; 2]);
    for wrong in [
        roll("a", Edge::Tail, 20),
        roll("a", Edge::Tail, -20),
        roll("a", Edge::Head, 1),
        roll("b", Edge::Tail, 1),
        roll("a", Edge::Tail, i64::MIN),
    ] {
        assert_eq!(refused(&cut, &wrong), ErrorKind::InvalidInput, "{wrong:?}");
    }
}

#[test]
fn a_slip_shows_another_part_for_as_long() {
    let mut cut = pairs();
    let slip = |cut: &Sequence, by| Edit::Slip { clip: id(cut, "a"), by };
    assert_eq!(edited(&cut, &slip(&cut, 30)), vec!["a@80+20 b@50+20"; 2]);
    assert_eq!(edited(&cut, &slip(&cut, -50)), vec!["a@0+20 b@50+20"; 2]);
    assert_eq!(refused(&cut, &slip(&cut, 31)), ErrorKind::InvalidInput);
    assert_eq!(refused(&cut, &slip(&cut, -51)), ErrorKind::InvalidInput);
    assert_eq!(refused(&cut, &slip(&cut, i64::MAX)), ErrorKind::InvalidInput);
    // Sound that counts its samples slips by the same time.
    if let Some(Item::Clip(sound)) = cut.tracks[1].items.first_mut() {
        sound.source_start = MediaTime::new(96_000, Rate::AUDIO_48K);
    }
    let both = edited_with(&cut, &slip(&cut, 25), None).unwrap();
    assert_eq!(both, ["a@75+20 b@50+20", "a@144000+20 b@50+20"]);
}

#[test]
fn a_slide_moves_a_clip_between_its_neighbours() {
    let cut = three();
    let slide = |name, by| Edit::Slide { clip: id(&cut, name), by };
    assert_eq!(edited(&cut, &slide("b", 5)), ["a@50+25 b@50+20 c@55+15"]);
    assert_eq!(edited(&cut, &slide("b", -5)), ["a@50+15 b@50+20 c@45+25"]);
    assert_eq!(edited(&cut, &slide("a", 5)), ["-5 a@50+20 b@55+15 c@50+20"]);
    assert_eq!(edited(&cut, &slide("c", 5)), ["a@50+20 b@50+25 c@50+20"]);
    assert_eq!(refused(&cut, &slide("a", -5)), ErrorKind::InvalidInput);
    assert_eq!(refused(&cut, &slide("b", 20)), ErrorKind::InvalidInput);
    assert_eq!(refused(&cut, &slide("b", -20)), ErrorKind::InvalidInput);
    let linked = pairs();
    let both = edited(&linked, &Edit::Slide { clip: id(&linked, "b"), by: -5 });
    assert_eq!(both, vec!["a@50+15 b@50+20"; 2]);
}

#[test]
fn a_split_is_undone_by_a_join() {
    let cut = pairs();
    let mut parts = cut.clone();
    let clock = crate::clock::SystemClock;
    let split = Edit::Split { at: 7, clip: Some(id(&cut, "a")) };
    apply(&mut parts, &split, &|_| None, &clock).unwrap();
    assert_eq!(shape(&parts), vec!["a@50+7 a@57+13 b@50+20"; 2]);
    let links: Vec<_> = parts.clips().map(|clip| clip.link).collect();
    assert_eq!(links[..3], links[3..]);
    assert_ne!(links[0], links[1]);
    let first = parts.tracks[0].clips().next().unwrap().id;
    apply(&mut parts, &Edit::Join { clip: first }, &|_| None, &clock).unwrap();
    assert_eq!(parts, cut);
    assert_eq!(refused(&cut, &Edit::Join { clip: first }), ErrorKind::InvalidInput);
    for at in [0, 20, 40, -1] {
        let wrong = Edit::Split { at, clip: None };
        assert_eq!(refused(&cut, &wrong), ErrorKind::InvalidInput);
    }
    let elsewhere = Edit::Split { at: 30, clip: Some(id(&cut, "a")) };
    assert_eq!(refused(&cut, &elsewhere), ErrorKind::InvalidInput);
}

#[test]
fn speed_turns_every_edit_the_right_way_round() {
    let double = Speed::new(2, 1).unwrap();
    let film = Some(film(Rate::FPS_25, 100));
    let of = |speed, edit: &dyn Fn(&Sequence) -> Edit| {
        let cut = with_speed(three(), "b", speed);
        edited_with(&cut, &edit(&cut), film.clone()).unwrap().remove(0)
    };
    let trim =
        |edge, by| move |cut: &Sequence| Edit::Trim { clip: id(cut, "b"), edge, by, ripple: true };
    use Edge::{Head, Tail};
    // Twice as fast its twenty frames are 50 to 88: the head loses two of the source a frame.
    assert_eq!(of(double, &trim(Head, 5)), "a@50+20 b@60+15 c@50+20");
    assert_eq!(of(double, &trim(Tail, 5)), "a@50+20 b@50+15 c@50+20");
    assert_eq!(of(double, &trim(Tail, -5)), "a@50+20 b@50+25 c@50+20");
    let cut = with_speed(three(), "b", double);
    assert!(edited_with(&cut, &trim(Tail, -6)(&cut), film.clone()).is_err());
    // Backwards the end is where its source begins.
    assert_eq!(of(Speed::REVERSE, &trim(Head, 5)), "a@50+20 b@50+15 c@50+20");
    assert_eq!(of(Speed::REVERSE, &trim(Tail, 5)), "a@50+20 b@55+15 c@50+20");
    assert_eq!(of(Speed::REVERSE, &trim(Tail, -5)), "a@50+20 b@45+25 c@50+20");
    let split = |_: &Sequence| Edit::Split { at: 25, clip: None };
    assert_eq!(of(Speed::REVERSE, &split), "a@50+20 b@65+5 b@50+15 c@50+20");
    assert_eq!(of(double, &split), "a@50+20 b@50+5 b@60+15 c@50+20");
    assert_eq!(of(Speed::FREEZE, &split), "a@50+20 b@50+5 b@50+15 c@50+20");
    assert_eq!(of(Speed::FREEZE, &trim(Head, -5)), "a@50+20 b@50+25 c@50+20");
    let extract = |_: &Sequence| Edit::Extract { start: 25, duration: 5 };
    assert_eq!(of(Speed::REVERSE, &extract), "a@50+20 b@65+5 b@50+10 c@50+20");
    let roll = |cut: &Sequence| Edit::Roll { clip: id(cut, "b"), edge: Tail, by: 5 };
    assert_eq!(of(Speed::REVERSE, &roll), "a@50+20 b@45+25 c@55+15");
    // And joined again they are what they were.
    for speed in [double, Speed::REVERSE, Speed::FREEZE, Speed::new(-2, 3).unwrap()] {
        let cut = with_speed(three(), "b", speed);
        let mut parts = cut.clone();
        let clock = crate::clock::SystemClock;
        apply(&mut parts, &Edit::Split { at: 27, clip: None }, &|_| None, &clock).unwrap();
        apply(&mut parts, &Edit::Join { clip: id(&cut, "b") }, &|_| None, &clock).unwrap();
        assert_eq!(parts, cut, "{speed}");
    }
}

#[test]
fn a_new_speed_keeps_the_piece_or_the_duration() {
    let cut = pairs();
    let set = |name, speed: &str, keep_duration, ripple| Edit::SetSpeed {
        clip: id(&cut, name),
        speed: speed.parse().unwrap(),
        keep_duration,
        ripple,
    };
    assert_eq!(edited(&cut, &set("a", "2", false, true)), vec!["a@50+10 b@50+20"; 2]);
    assert_eq!(edited(&cut, &set("a", "2", false, false)), vec!["a@50+10 -10 b@50+20"; 2]);
    assert_eq!(edited(&cut, &set("a", "1/2", false, true)), vec!["a@50+40 b@50+20"; 2]);
    assert_eq!(edited(&cut, &set("b", "1/2", false, false)), vec!["a@50+20 b@50+40"; 2]);
    assert_eq!(edited(&cut, &set("a", "-1", false, true)), vec!["a@50+20 b@50+20"; 2]);
    assert_eq!(edited(&cut, &set("a", "0", false, true)), vec!["a@50+20 b@50+20"; 2]);
    assert_eq!(edited(&cut, &set("a", "3", false, true)), vec!["a@50+7 b@50+20"; 2]);
    assert_eq!(edited(&cut, &set("a", "1000", false, true)), vec!["a@50+1 b@50+20"; 2]);
    assert_eq!(edited(&cut, &set("a", "2", true, false)), vec!["a@50+20 b@50+20"; 2]);
    // Three times as fast it would show up to frame 107; half as fast there is no gap to take.
    assert_eq!(refused(&cut, &set("a", "3", true, false)), ErrorKind::InvalidInput);
    assert_eq!(refused(&cut, &set("a", "1/2", false, false)), ErrorKind::InvalidInput);
}

#[test]
fn transitions_are_added_where_there_are_handles() {
    let cut = three();
    let add = |name, edge, before, after| Edit::AddTransition {
        clip: id(&cut, name),
        edge,
        transition: Transition::new(Transition::DISSOLVE, before, after),
    };
    use Edge::{Head, Tail};
    assert_eq!(edited(&cut, &add("a", Tail, 5, 6)), ["a@50+20 <5|6> b@50+20 c@50+20"]);
    assert_eq!(edited(&cut, &add("b", Head, 5, 6)), ["a@50+20 <5|6> b@50+20 c@50+20"]);
    assert_eq!(edited(&cut, &add("a", Head, 0, 6)), ["<0|6> a@50+20 b@50+20 c@50+20"]);
    assert_eq!(edited(&cut, &add("c", Tail, 6, 0)), ["a@50+20 b@50+20 c@50+20 <6|0>"]);
    for (wrong, why) in [
        (add("a", Head, 1, 6), "nothing on one side"),
        (add("c", Tail, 6, 1), "nothing on one side"),
        (add("a", Tail, 0, 0), "takes frames"),
        (add("a", Tail, -1, 5), "takes frames"),
        (add("a", Tail, 21, 0), "shorter"),
    ] {
        let error = edited_with(&cut, &wrong, Some(film(Rate::FPS_25, 100))).unwrap_err();
        assert!(error.message().contains(why), "{error}");
    }
    // The media ends ten frames after the clip, backwards it begins fifty before.
    let short = Some(film(Rate::FPS_25, 80));
    assert!(edited_with(&cut, &add("a", Tail, 0, 10), short.clone()).is_ok());
    assert!(edited_with(&cut, &add("a", Tail, 0, 11), short.clone()).is_err());
    let back = with_speed(cut.clone(), "a", Speed::REVERSE);
    assert!(edited_with(&back, &add("a", Tail, 0, 11), short).is_ok());

    let mut with = cut.clone();
    apply(&mut with, &add("a", Tail, 5, 5), &|_| None, &clock()).unwrap();
    assert_eq!(refused(&with, &add("b", Head, 1, 1)), ErrorKind::AlreadyExists);
    let remove = |edge| Edit::RemoveTransition { clip: id(&cut, "b"), edge };
    assert_eq!(edited(&with, &remove(Head)), shape(&cut));
    assert_eq!(refused(&with, &remove(Tail)), ErrorKind::NotFound);
}

#[test]
fn stills_words_and_generators_have_no_source_to_run_out_of() {
    let clock = clock();
    let zero = MediaTime::zero(Rate::FPS_25);
    let words = ClipSource::Caption(Caption { text: "Rain".into() });
    let bars = ClipSource::Generator(Generator { generator: "Bars".into(), parameters: [].into() });
    for (source, media) in
        [(words, None), (bars, None), (ClipSource::Asset(source(&clock)), Some(still()))]
    {
        let clip = crate::model::Clip::new(&clock, "x", source, zero, 20);
        let cut = cut(vec![gap(20), Item::Clip(clip)]);
        let trim = |edge, by| Edit::Trim { clip: id(&cut, "x"), edge, by, ripple: false };
        let of = |edit: &Edit| edited_with(&cut, edit, media.clone()).unwrap().remove(0);
        assert_eq!(of(&trim(Edge::Head, -5)), "-15 x@0+25");
        assert_eq!(of(&trim(Edge::Head, 5)), "-25 x@0+15");
        assert_eq!(of(&trim(Edge::Tail, -5)), "-20 x@0+25");
        assert_eq!(of(&Edit::Split { at: 30, clip: None }), "-20 x@0+10 x@0+10");
        let slip = Edit::Slip { clip: id(&cut, "x"), by: 1 };
        assert!(edited_with(&cut, &slip, media.clone()).is_err());
    }
    let caption =
        Placement::new("c", ClipSource::Caption(Caption { text: "Rain".into() }), zero, 9);
    let place = Edit::Overwrite { at: 5, clip: caption, only: None, tracks: Vec::new() };
    let mut both = pairs();
    apply(&mut both, &place, &|_| None, &crate::clock::SystemClock).unwrap();
    assert_eq!(shape(&both)[2], "-5 c@0+9");
    assert_eq!(both.tracks[2].kind, TrackKind::Caption);
}

#[test]
fn links_marks_and_silence_are_set_and_undone() {
    let cut = three();
    let (a, b) = (id(&cut, "a"), id(&cut, "b"));
    let mut linked = cut.clone();
    let none = |_: &AssetSource| None;
    apply(&mut linked, &Edit::Link { clips: vec![a, b] }, &none, &clock()).unwrap();
    assert_eq!(linked.clips().filter(|clip| clip.link == Some(1)).count(), 2);
    // With only one left there is no link.
    apply(&mut linked, &Edit::Unlink { clips: vec![a] }, &none, &clock()).unwrap();
    assert_eq!(linked, cut);
    assert_eq!(refused(&cut, &Edit::Link { clips: vec![a, a] }), ErrorKind::InvalidInput);
    let unknown = ClipId::new(&crate::clock::SystemClock);
    assert_eq!(refused(&cut, &Edit::Unlink { clips: vec![unknown] }), ErrorKind::NotFound);

    let both = pairs();
    let off = |alone| Edit::SetEnabled { clip: id(&both, "a"), enabled: false, alone };
    for (alone, count) in [(false, 2), (true, 1)] {
        let mut silent = both.clone();
        apply(&mut silent, &off(alone), &none, &clock()).unwrap();
        assert_eq!(silent.clips().filter(|clip| !clip.enabled).count(), count);
    }

    let marker = |start| Marker { start, name: "here".into(), ..Marker::default() };
    let mut marked = cut.clone();
    for start in [30, 10, 20] {
        let on = if start == 20 { Some(b) } else { None };
        let add = Edit::AddMarker { clip: on, marker: marker(start) };
        apply(&mut marked, &add, &none, &clock()).unwrap();
    }
    assert_eq!(marked.markers, [marker(10), marker(30)]);
    assert_eq!(marked.clips().nth(1).unwrap().markers, [marker(20)]);
    let remove = |clip, start| Edit::RemoveMarker { clip, marker: marker(start) };
    assert_eq!(refused(&marked, &remove(None, 20)), ErrorKind::NotFound);
    edited(&marked, &remove(Some(b), 20));
    assert_eq!(
        refused(&cut, &Edit::AddMarker { clip: None, marker: marker(-1) }),
        ErrorKind::InvalidInput
    );
}

#[test]
fn several_edits_are_one_and_the_one_that_fails_is_named() {
    let mut cut = pairs();
    let before = cut.clone();
    let a = id(&cut, "a");
    let good = Edit::Trim { clip: a, edge: Edge::Tail, by: 5, ripple: true };
    let gone = Edit::Remove { clip: a, ripple: true };
    let clock = clock();
    let error = apply_all(&mut cut, &[good.clone(), gone.clone(), good.clone()], &|_| None, &clock)
        .unwrap_err();
    assert_eq!((error.kind(), error.get("edit")), (ErrorKind::NotFound, Some("2")));
    assert_eq!(cut, before);
    let change = apply_all(&mut cut, &[good, gone], &|_| None, &clock).unwrap();
    assert_eq!(length(&cut), 20);
    change.inverse().apply(&mut cut).unwrap();
    assert_eq!(cut, before);
}

#[test]
fn an_edit_is_read_as_it_was_written_and_what_is_misspelt_is_refused() {
    let clock = clock();
    let edit: Edit = Edit::Insert {
        at: 5,
        clip: piece("n", source(&clock), 0, 10),
        only: Some(TrackKind::Audio),
        tracks: Vec::new(),
    };
    let json = serde_json::to_string(&edit).unwrap();
    assert_eq!(serde_json::from_str::<Edit>(&json).unwrap(), edit, "{json}");
    let id = ClipId::new(&clock);
    let trim = format!(r#"{{"edit":"trim","clip":"{id}","edge":"tail","by":-3}}"#);
    let want = Edit::Trim { clip: id, edge: Edge::Tail, by: -3, ripple: false };
    assert_eq!(serde_json::from_str::<Edit>(&trim).unwrap(), want);
    let wrong = trim.replace("by", "frames");
    assert!(serde_json::from_str::<Edit>(&wrong).is_err());
    let schema = serde_json::to_value(schemars::schema_for!(Edit<ClipId>)).unwrap();
    assert_eq!(schema["title"], "Edit");
}
