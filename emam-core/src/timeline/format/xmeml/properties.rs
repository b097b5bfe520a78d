//! What holds of any document: it reads back as it was written.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::clock::{Clock, ManualClock};
use crate::id::{AnnotationId, AssetId, ProjectId, SequenceId, VersionId};
use crate::model::{
    AssetSource, Clip, ClipSource, Gap, Generator, Item, Marker, MediaSummary, Role, Sequence,
    Track, TrackKind, Transition,
};
use crate::time::{MediaTime, Rate, Speed, Timecode};
use crate::timeline::format::{
    ClipMedia, Document, DocumentBin, Format, MediaMap, ReadOptions, WriteOptions,
};
use crate::timeline::track::misfits;

const RATES: [(u32, u32); 9] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (50, 1),
    (60_000, 1001),
    (25, 2),
    (48_000, 1),
    (15, 1),
];

fn rate() -> impl Strategy<Value = Rate> {
    prop::sample::select(RATES.to_vec()).prop_map(|(num, den)| Rate::new(num, den).unwrap())
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{0,8}",
        1 => "[ -~\\n\\t\\r]{0,20}",
        1 => Just("<&>\"'😀\u{202e} é e\u{301} ]]> &amp; {{".to_owned()),
    ]
}

fn speed() -> impl Strategy<Value = Speed> {
    prop_oneof![
        4 => Just(Speed::NORMAL),
        1 => Just(Speed::FREEZE),
        1 => Just(Speed::REVERSE),
        2 => (-4000_i32..4000, 1_u32..1200).prop_map(|(num, den)| Speed::new(num, den).unwrap()),
    ]
}

fn metadata() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let value = prop_oneof![
        words().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!({"scene": [1, null, "x<"]})),
    ];
    prop::collection::btree_map("[a-z]{1,4}", value, 0..2)
}

#[derive(Debug, Clone)]
struct Shot {
    name: String,
    source: usize,
    start: i64,
    duration: i64,
    speed: Speed,
    enabled: bool,
    link: Option<u32>,
    channels: Vec<u16>,
    markers: Vec<(i64, i64, String, Option<&'static str>)>,
    metadata: BTreeMap<String, Value>,
    subclip: bool,
}

fn shot() -> impl Strategy<Value = Shot> {
    let marker = (
        0..900_i64,
        0..40_i64,
        words(),
        prop::sample::select(vec![None, Some("green"), Some("Red"), Some("teal"), Some("pink")]),
    );
    let what = (words(), 0..9_usize, 0..500_i64, 1..200_i64, speed());
    let how = (
        prop::bool::weighted(0.8),
        prop::option::of(1..6_u32),
        prop::collection::vec(1..9_u16, 0..3),
        prop::collection::vec(marker, 0..2),
        metadata(),
        prop::bool::weighted(0.2),
    );
    (what, how).prop_map(|(what, how)| {
        let (name, source, start, duration, speed) = what;
        let (enabled, link, channels, markers, metadata, subclip) = how;
        Shot {
            name,
            source,
            start,
            duration,
            speed,
            enabled,
            link,
            channels,
            markers,
            metadata,
            subclip,
        }
    })
}

#[derive(Debug, Clone)]
enum Thing {
    Shot(Box<Shot>),
    Gap(i64),
    Transition(String, i64, i64),
}

fn things() -> impl Strategy<Value = Vec<Thing>> {
    let kind = prop_oneof![
        3 => Just(Transition::DISSOLVE.to_owned()),
        1 => Just("Cross Dissolve".to_owned()),
        1 => words().prop_filter("a kind", |kind| !kind.is_empty()),
    ];
    let thing = prop_oneof![
        5 => shot().prop_map(|shot| Thing::Shot(Box::new(shot))),
        2 => (1..90_i64).prop_map(Thing::Gap),
        2 => (kind, 0..12_i64, 0..12_i64).prop_map(|(k, a, b)| Thing::Transition(k, a, b)),
    ];
    prop::collection::vec(thing, 0..7)
}

/// What clips are pieces of: media of several kinds, some of it unknown, and what is no media.
struct Sources {
    sources: Vec<(ClipSource, Rate, u32)>,
    media: MediaMap,
}

fn sources(rates: &[Rate], nested: SequenceId, nested_rate: Rate, clock: &dyn Clock) -> Sources {
    let mut sources = Vec::new();
    let mut media = MediaMap::new();
    for (index, rate) in rates.iter().enumerate() {
        let mut source = AssetSource::new(AssetId::new(clock));
        source.version = (index == 1).then(|| VersionId::new(clock));
        let sound = index == 2;
        let channels = [2, 0, 1, 8][index % 4];
        let summary = MediaSummary {
            size: 5,
            md5: Some("d41d".into()),
            rate: (!sound).then_some(*rate),
            width: (!sound).then_some(1920),
            height: (!sound).then_some(1080),
            duration: Some(MediaTime::new(
                if *rate == Rate::AUDIO_48K { 480_000 } else { 1000 },
                *rate,
            )),
            start_timecode: (index != 1)
                .then(|| Timecode::new(107_892, Rate::FPS_29_97, index == 0).unwrap()),
            audio_channels: channels,
            ..MediaSummary::default()
        };
        let urls = [
            (Role::Original, format!("file:///media/a%20b%23{index}.mov")),
            (Role::Proxy, format!("file://nas/p/{index}.mov")),
        ];
        media.insert(
            &source,
            ClipMedia {
                name: format!("a <{index}>"),
                summary,
                urls: urls.into(),
                reel: (index == 0).then(|| "A001".to_owned()),
                ..ClipMedia::default()
            },
        );
        sources.push((ClipSource::Asset(source), *rate, channels));
    }
    let still = AssetSource::new(AssetId::new(clock));
    media.insert(
        &still,
        ClipMedia {
            name: "still".into(),
            summary: MediaSummary { width: Some(40), height: Some(30), ..MediaSummary::default() },
            ..ClipMedia::default()
        },
    );
    sources.push((ClipSource::Asset(still), Rate::FPS_25, 0));
    sources.push((ClipSource::Asset(AssetSource::new(AssetId::new(clock))), Rate::FPS_30, 0));
    sources.push((nested.into(), nested_rate, 2));
    sources.push((SequenceId::new(clock).into(), Rate::FPS_24, 2));
    let parameters = [
        ("str".to_owned(), json!("a\n<b>")),
        ("fillcolor".to_owned(), json!({"red": "1"})),
        ("size".to_owned(), json!(12)),
    ];
    let generator = Generator { generator: "Color".into(), parameters: parameters.into() };
    sources.push((ClipSource::Generator(generator), Rate::FPS_25, 0));
    Sources { sources, media }
}

fn items(things: &[Thing], sources: &Sources, is_video: bool, clock: &dyn Clock) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for thing in things {
        items.push(match thing {
            // Neighbouring gaps are one; the format cannot part them.
            Thing::Gap(_) if matches!(items.last(), Some(Item::Gap(_))) => continue,
            Thing::Gap(frames) => Item::Gap(Gap::new(*frames)),
            Thing::Transition(kind, before, after) => {
                Item::Transition(Transition::new(kind.clone(), *before, *after))
            }
            Thing::Shot(shot) => {
                let (source, rate, channels) =
                    &sources.sources[shot.source % sources.sources.len()];
                let start = MediaTime::new(shot.start, *rate);
                let mut clip = Clip::new(clock, &shot.name, source.clone(), start, shot.duration);
                if let ClipSource::Asset(asset) = &mut clip.source {
                    asset.subclip = shot.subclip.then(|| AnnotationId::new(clock));
                }
                (clip.speed, clip.enabled, clip.link) = (shot.speed, shot.enabled, shot.link);
                let heard = !is_video && !matches!(source, ClipSource::Generator(_));
                if heard && *channels > 0 {
                    clip.audio_channels.clone_from(&shot.channels);
                }
                clip.metadata.clone_from(&shot.metadata);
                clip.markers = shot
                    .markers
                    .iter()
                    .map(|(start, duration, text, color)| Marker {
                        start: *start,
                        duration: *duration,
                        name: text.clone(),
                        comment: format!("{text}!"),
                        color: color.map(str::to_owned),
                        ..Marker::default()
                    })
                    .collect();
                Item::Clip(clip)
            }
        });
    }
    loop {
        let wrong = misfits(&items);
        for (index, _) in wrong.iter().rev() {
            items.remove(*index);
        }
        let before = items.len();
        items.dedup_by(|next, kept| match (next, kept) {
            (Item::Gap(next), Item::Gap(kept)) => {
                kept.duration += next.duration;
                true
            }
            _ => false,
        });
        if wrong.is_empty() && before == items.len() {
            return items;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_document_reads_back_as_it_was_written(
        rates in prop::collection::vec(rate(), 3..5),
        sequence_rate in rate(),
        start in 0..100_000_i64,
        (name, track_name) in (words(), words()),
        video in prop::collection::vec(things(), 0..3),
        audio in prop::collection::vec(things(), 0..3),
        nested in things(),
        size in prop::option::of((1..5000_u32, 1..5000_u32)),
        (marks, metadata) in (prop::collection::vec((0..900_i64, 0..9_i64, words()), 0..3), metadata()),
        has_bins in any::<bool>(),
    ) {
        let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let project = ProjectId::new(&clock);
        let mut cut = Sequence::new(&clock, project, name, sequence_rate);
        let mut inner = Sequence::new(&clock, project, "nested", rates[0]);
        let sources = sources(&rates, inner.id, inner.rate, &clock);
        cut.start = start;
        cut.drop_frame = sequence_rate.can_drop();
        (cut.width, cut.height) = (size.map(|size| size.0), size.map(|size| size.1));
        cut.sample_rate = size.map(|_| 44_100);
        cut.revision = 7;
        cut.metadata = metadata;
        cut.markers = marks.into_iter().map(|(start, duration, name)| Marker {
            start, duration, name, ..Marker::default()
        }).collect();
        for (kind, tracks) in [(TrackKind::Video, &video), (TrackKind::Audio, &audio)] {
            for (index, things) in tracks.iter().enumerate() {
                let mut track = Track::new(&clock, kind, &track_name);
                track.enabled = index != 1;
                track.items = items(things, &sources, kind == TrackKind::Video, &clock);
                cut.tracks.push(track);
            }
        }
        let mut track = Track::new(&clock, TrackKind::Video, "V1");
        track.items = items(&nested, &sources, true, &clock);
        inner.tracks.push(track);
        let mut document = Document::new(cut, sources.media);
        document.sequences.push(inner);
        if has_bins {
            let media = document.media.iter().map(|(source, _)| source).collect();
            document.bins = vec![DocumentBin {
                name: "rushes".into(),
                bins: vec![DocumentBin { name: "day 1".into(), ..DocumentBin::default() }],
                media,
                sequences: vec![document.sequences[1].id],
            }];
        }
        let written = Format::Xmeml.write(&document, &WriteOptions::default()).unwrap();
        let read = Format::Xmeml.read(written.text().as_bytes(), &ReadOptions::default(), &clock);
        let read = read.unwrap();
        for (read, wrote) in read.document.sequences.iter().zip(&document.sequences) {
            for (read, wrote) in read.tracks.iter().zip(&wrote.tracks) {
                prop_assert_eq!(&read.items, &wrote.items, "{}", written.text());
            }
        }
        prop_assert_eq!(&read.document.sequences, &document.sequences, "{}", written.text());
        for (source, media) in read.document.media.iter() {
            if let Some(wrote) = document.media.get(&source) {
                prop_assert_eq!(media, wrote);
            }
        }
        prop_assert_eq!(&read.document.bins, &document.bins);
        // And what is read is written the same.
        let again = Format::Xmeml.write(&read.document, &WriteOptions::default()).unwrap();
        prop_assert_eq!(again.text(), written.text());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(text in "[<>/a-z =\"&;#x0-9\\n!\\[\\]-]{0,200}") {
        let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let text = format!("<xmeml>{text}</xmeml>");
        let _ = Format::Xmeml.read(text.as_bytes(), &ReadOptions::default(), &clock);
    }
}
