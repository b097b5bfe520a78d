//! A sequence that nothing is right about ends in typed errors, and stays as it was.

use proptest::prelude::*;

use super::samples::{clock, film, sequence, source};
use super::{Change, Edge, Edit, Placement, apply, check, check_nested};
use crate::clock::Clock;
use crate::model::{
    Caption, Clip, ClipSource, Gap, Item, Marker, Sequence, Track, TrackKind, Transition,
};
use crate::time::{MediaTime, Rate, Speed};

/// Numbers that break sums, products and differences.
fn numbers() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..50_i64,
        1 => -50..0_i64,
        1 => Just(i64::MAX),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX / 2),
        1 => Just(i64::MIN / 2),
        1 => Just(i64::MAX - 20),
    ]
}

/// Mostly lengths that an edit takes, so that it gets further than the first look.
fn lengths() -> impl Strategy<Value = i64> {
    prop_oneof![12 => 1..50_i64, 1 => Just(i64::MAX / 3), 1 => numbers()]
}

fn speeds() -> impl Strategy<Value = Speed> {
    let nums = prop_oneof![Just(i32::MAX), Just(i32::MIN), Just(0), -3..4_i32];
    let dens = prop_oneof![Just(u32::MAX), 1..4_u32];
    (nums, dens).prop_map(|(num, den)| Speed::new(num, den).unwrap())
}

fn rates() -> impl Strategy<Value = Rate> {
    prop_oneof![
        3 => Just(Rate::FPS_25),
        1 => Just(Rate::FPS_29_97),
        1 => Just(Rate::AUDIO_48K),
        1 => Just(Rate::new(u32::MAX, 1).unwrap()),
        1 => Just(Rate::new(1, u32::MAX).unwrap()),
    ]
}

#[derive(Debug, Clone)]
enum Odd {
    Clip { start: i64, duration: i64, rate: Rate, speed: Speed, link: Option<u32>, kind: u8 },
    Gap(i64),
    Transition(i64, i64),
}

fn odd() -> impl Strategy<Value = Vec<Vec<Odd>>> {
    let link = prop_oneof![Just(None), Just(Some(1)), Just(Some(u32::MAX))];
    let clip = (numbers(), lengths(), rates(), speeds(), link, 0..4_u8);
    let item = prop_oneof![
        5 => clip.prop_map(|(start, duration, rate, speed, link, kind)| Odd::Clip {
            start, duration, rate, speed, link, kind
        }),
        2 => lengths().prop_map(Odd::Gap),
        2 => (0..9_i64, 0..9_i64).prop_map(|(before, after)| Odd::Transition(before, after)),
        1 => (numbers(), numbers()).prop_map(|(before, after)| Odd::Transition(before, after)),
    ];
    prop::collection::vec(prop::collection::vec(item, 0..6), 0..4)
}

fn build(tracks: &[Vec<Odd>], rate: Rate, clock: &dyn Clock) -> Sequence {
    let mut cut = sequence(rate, clock);
    let itself = cut.id;
    let item = |item: &Odd| match item {
        Odd::Gap(duration) => Item::Gap(Gap::new(*duration)),
        Odd::Transition(before, after) => {
            Item::Transition(Transition::new(Transition::DISSOLVE, *before, *after))
        }
        Odd::Clip { start, duration, rate, speed, link, kind } => {
            let of: ClipSource = match kind {
                0 => itself.into(),
                1 => ClipSource::Caption(Caption { text: "x".into() }),
                _ => source(clock).into(),
            };
            let clip = Clip::new(clock, "x", of, MediaTime::new(*start, *rate), *duration);
            Item::Clip(Clip { speed: *speed, link: *link, ..clip })
        }
    };
    for (index, items) in tracks.iter().enumerate() {
        let kinds = [TrackKind::Video, TrackKind::Audio, TrackKind::Caption];
        let track = Track::new(clock, kinds[index % 3], "x");
        cut.tracks.push(Track { items: items.iter().map(item).collect(), ..track });
    }
    cut
}

fn edit(
    (what, chosen, at, by, flag, speed): (u8, usize, i64, i64, bool, Speed),
    cut: &Sequence,
    clock: &dyn Clock,
) -> Option<Edit> {
    let all: Vec<_> = cut.clips().map(|clip| clip.id).collect();
    let clip = *all.get(chosen % all.len().max(1))?;
    let edge = if flag { Edge::Head } else { Edge::Tail };
    let new = Placement::new("n", source(clock), MediaTime::new(at, Rate::FPS_25), by);
    let transition = Transition::new(Transition::DISSOLVE, at, by);
    let marker = Marker { start: at, duration: by, ..Marker::default() };
    let (only, tracks) = (None, Vec::new());
    Some(match what {
        0 => Edit::Append { clip: new, only, tracks },
        1 => Edit::Insert { at, clip: new, only, tracks },
        2 => Edit::Overwrite { at, clip: new, only, tracks },
        3 => Edit::LayOver { at, clip: new, only },
        4 => Edit::Remove { clip, ripple: flag },
        5 => Edit::Lift { start: at, duration: by, tracks },
        6 => Edit::Extract { start: at, duration: by },
        7 => Edit::Trim { clip, edge, by, ripple: at % 2 == 0 },
        8 => Edit::Roll { clip, edge, by },
        9 => Edit::Slip { clip, by },
        10 => Edit::Slide { clip, by },
        11 => Edit::Split { at, clip: flag.then_some(clip) },
        12 => Edit::Join { clip },
        13 => Edit::AddTransition { clip, edge, transition },
        14 => Edit::RemoveTransition { clip, edge },
        15 => Edit::SetSpeed { clip, speed, keep_duration: flag, ripple: at % 2 == 0 },
        16 => Edit::SetEnabled { clip, enabled: flag, alone: flag },
        17 => Edit::Link { clips: all },
        18 => Edit::Unlink { clips: vec![clip] },
        _ => Edit::AddMarker { clip: flag.then_some(clip), marker },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_is_so_odd_that_an_edit_breaks_off(
        tracks in odd(),
        rate in rates(),
        wishes in prop::collection::vec(
            (0..20_u8, 0..100_usize, numbers(), numbers(), any::<bool>(), speeds()),
            1..12,
        ),
        known in any::<bool>(),
    ) {
        let clock = clock();
        let mut cut = build(&tracks, rate, &clock);
        let film = film(Rate::FPS_25, 100);
        let media = |_: &crate::model::AssetSource| known.then(|| film.clone());
        for wish in wishes {
            let before = cut.clone();
            let Some(edit) = edit(wish, &before, &clock) else { break };
            match apply(&mut cut, &edit, &media, &clock) {
                Ok(change) => {
                    prop_assert_eq!(&Change::between(&before, &cut), &change);
                    let mut undone = cut.clone();
                    change.inverse().apply(&mut undone).unwrap();
                    prop_assert_eq!(&undone, &before, "{:?}", edit);
                }
                Err(_) => prop_assert_eq!(&cut, &before, "{:?}", edit),
            }
            check(&cut, &media);
            check_nested(&cut, &|id| (id == cut.id).then_some(&cut));
        }
    }
}
