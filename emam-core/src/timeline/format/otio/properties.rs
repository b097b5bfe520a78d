//! Documents of every kind survive being written and read.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::clock::ManualClock;
use crate::id::{AnnotationId, AssetId, ClipId, ProjectId, SequenceId, TrackId, VersionId};
use crate::model::{
    AssetSource, Caption, Clip, ClipSource, Foreign, Gap, Generator, Item, Marker, MediaSummary,
    Role, Sequence, Track, TrackKind, Transition,
};
use crate::time::{MediaTime, Rate, Speed, Timecode};
use crate::timeline::format::{
    ClipMedia, Document, Flavour, Format, MediaMap, ReadOptions, Target, WriteOptions,
};
use crate::timeline::samples::clock;
use crate::timeline::track;

/// Decisions drawn from bytes, so that a failing case shrinks.
struct Draw<'a> {
    bytes: &'a [u8],
    clock: ManualClock,
}

impl Draw<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first) % bound.max(1)
    }

    fn maybe(&mut self) -> bool {
        self.below(3) == 1
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn number(&mut self) -> i64 {
        self.one(&[0, 1, 2, 5, 24, 100, 1001, 86_400, 1 << 30])
    }

    fn text(&mut self) -> String {
        let texts = [
            "",
            "a",
            "Röyksopp",
            "two\nlines\ttab",
            "a\0b",
            "\"q\" \\ / </x> & 'y'",
            "日本 😀 \u{202e}x",
            "\u{1}\u{7f}\u{2028}",
            "metadata",
            "OTIO_SCHEMA",
        ];
        self.one(&texts).to_owned()
    }

    fn rate(&mut self) -> Rate {
        let odd = |num, den| Rate::new(num, den).unwrap();
        let rates = [
            Rate::FPS_25,
            Rate::FPS_29_97,
            Rate::FPS_23_976,
            Rate::FPS_59_94,
            Rate::FPS_120,
            Rate::AUDIO_48K,
            odd(25, 2),
            odd(1, 3),
            odd(44_100, 1),
            odd(30_001, 1002),
        ];
        self.one(&rates)
    }

    fn json(&mut self) -> Value {
        let values = [
            json!(null),
            json!(1.5),
            json!(-0.0),
            json!(1e300),
            json!(u64::MAX),
            json!(i64::MIN),
            json!("a\0b"),
            json!({"OTIO_SCHEMA": "Clip.2", "b": [{"c": null}]}),
            json!([]),
            json!({}),
            json!(true),
            json!([1, [2.0, "x\\u"]]),
            json!({"emam": {"clip_id": 5}}),
        ];
        self.one(&values)
    }

    fn map(&mut self) -> BTreeMap<String, Value> {
        (0..self.below(3)).map(|_| (self.text(), self.json())).collect()
    }

    /// What other formats said; and, checked elsewhere, what this one said.
    fn foreign(&mut self, ours: &[&str]) -> Foreign {
        let mut foreign = Foreign::new();
        if self.maybe() {
            foreign.insert("xmeml".into(), format!("<x a=\"1\"/>{}", self.text()));
        }
        if self.maybe() {
            foreign.insert("edl".into(), "* COMMENT".into());
        }
        if self.maybe() && !ours.is_empty() {
            foreign.insert("otio".into(), self.one(ours).to_owned());
        }
        foreign
    }

    fn markers(&mut self) -> Vec<Marker> {
        (0..self.below(3))
            .map(|_| {
                let colors = [
                    None,
                    Some("RED"),
                    Some("red"),
                    Some("GREEN"),
                    Some("teal"),
                    Some(""),
                    Some("a\0"),
                ];
                Marker {
                    start: self.number(),
                    duration: self.number(),
                    name: self.text(),
                    comment: self.text(),
                    color: self.one(&colors).map(str::to_owned),
                    foreign: self.foreign(&[
                        r#"{"metadata":{"Resolve_OTIO":{"Keywords":[]},"x":NaN}}"#,
                        r#"{"metadata":{"emam":{"color":7,"unread":1}},"odd":Inf}"#,
                    ]),
                }
            })
            .collect()
    }

    fn summary(&mut self) -> MediaSummary {
        let rate = self.rate();
        let optional = |draw: &mut Self| draw.maybe().then(|| draw.text());
        let kind = self.below(4);
        MediaSummary {
            size: self.one(&[0, 5_000_000_000, u64::MAX]),
            md5: optional(self),
            container: optional(self),
            video_codec: optional(self),
            audio_codec: optional(self),
            width: (kind < 2).then_some(1920),
            height: self.maybe().then_some(1080),
            rate: (kind == 0).then_some(rate),
            duration: (kind != 1).then(|| MediaTime::new(self.number(), rate)),
            start_timecode: self.maybe().then(|| {
                let rate = self.rate();
                let drop = rate.can_drop() && self.maybe();
                Timecode::new(self.number() - 30, rate, drop).unwrap()
            }),
            audio_channels: self.one(&[0, 1, 2, 8]),
        }
    }

    fn media(&mut self) -> (MediaMap, Vec<AssetSource>) {
        let (mut map, mut sources) = (MediaMap::new(), Vec::new());
        for index in 0..=self.below(3) {
            let version = self.maybe().then(|| VersionId::new(&self.clock));
            let subclip = None;
            let source = AssetSource { asset: AssetId::new(&self.clock), version, subclip };
            sources.push(source);
            if self.below(4) == 1 {
                continue;
            }
            let roles = [Role::Original, Role::Proxy, Role::EditProxy, Role::AudioProxy];
            let urls = (0..self.below(4)).map(|_| {
                let role = self.one(&roles);
                (role, format!("file:///{index}/{}{}", role.as_str(), self.text()))
            });
            let urls = urls.collect();
            let media = ClipMedia {
                name: self.text(),
                summary: self.summary(),
                urls,
                reel: self.maybe().then(|| self.text()),
                foreign: self.foreign(&[
                    r#"{"DEFAULT_MEDIA":{"metadata":{"fcp":{"b":1,"a":[]}},"x":123456789012345678901234567890}}"#,
                    r#"{"DEFAULT_MEDIA":{"available_image_bounds":{"OTIO_SCHEMA":"Box2d.1"}},"spare":{"emam:thing":{"OTIO_SCHEMA":"ExternalReference.1","target_url":"x"}}}"#,
                ]),
            };
            map.insert(&source, media);
        }
        (map, sources)
    }

    fn source(
        &mut self,
        kind: TrackKind,
        sources: &[AssetSource],
        nested: &[SequenceId],
    ) -> ClipSource {
        if kind == TrackKind::Caption {
            return ClipSource::Caption(Caption { text: self.text() });
        }
        match self.below(4) {
            0 if !nested.is_empty() => self.one(nested).into(),
            1 => {
                let parameters = self.map();
                ClipSource::Generator(Generator { generator: self.text(), parameters })
            }
            _ => {
                let subclip = self.maybe().then(|| AnnotationId::new(&self.clock));
                ClipSource::Asset(AssetSource { subclip, ..self.one(sources) })
            }
        }
    }

    fn sequence(&mut self, sources: &[AssetSource], nested: &[SequenceId]) -> Sequence {
        let rate = self.rate();
        let name = self.text();
        let mut sequence = Sequence::new(&self.clock, ProjectId::new(&self.clock), name, rate);
        sequence.revision = self.one(&[1, 77, u64::MAX]);
        sequence.drop_frame = rate.can_drop() && self.maybe();
        sequence.start = self.number();
        sequence.width = self.maybe().then_some(1920);
        sequence.height = self.maybe().then_some(1080);
        sequence.sample_rate = self.maybe().then_some(48_000);
        sequence.markers = self.markers();
        sequence.metadata = self.map();
        sequence.updated_at = "2026-03-01T12:00:00.123456789Z".parse().unwrap();
        sequence.foreign = self.foreign(&[
            r#"{"stack":{"name":"x","effects":[1]},"timeline":{"metadata":{"a":1},"odd":[]}}"#,
        ]);
        for kind in [TrackKind::Video, TrackKind::Audio, TrackKind::Caption] {
            for _ in 0..self.below(3) {
                let mut items: Vec<Item> =
                    (0..self.below(5)).map(|_| self.item(kind, sources, nested)).collect();
                while let Some((index, _)) = track::misfits(&items).first() {
                    items.remove(*index);
                }
                let track = Track {
                    id: TrackId::new(&self.clock),
                    kind,
                    name: self.text(),
                    enabled: !self.maybe(),
                    items,
                    foreign: self.foreign(&[r#"{"metadata":{"Resolve_OTIO":{"Locked":true}},"effects":[{"a":1}],"color":{"r":1}}"#]),
                };
                sequence.tracks.push(track);
            }
        }
        sequence
    }

    fn item(&mut self, kind: TrackKind, sources: &[AssetSource], nested: &[SequenceId]) -> Item {
        match self.below(5) {
            0 => Item::Gap(Gap {
                duration: self.number().max(1),
                foreign: self.foreign(&[r#"{"name":"g","markers":[{"x":1}]}"#]),
            }),
            1 => Item::Transition(Transition {
                kind: self.one(&["dissolve", "Dissolve", "wipe", "", "a\0"]).to_owned(),
                in_offset: self.number(),
                out_offset: self.number(),
                foreign: self.foreign(&[r#"{"metadata":{"q":2},"enabled":true}"#]),
            }),
            _ => {
                let speeds = [(1, 1), (1, 2), (-3, 2), (0, 1), (1, 3), (i32::MAX, 7)];
                let (num, den) = self.one(&speeds);
                let source = self.source(kind, sources, nested);
                // The source of a generator or caption has no timecode to count on from.
                let rate = self.rate();
                Item::Clip(Clip {
                    id: ClipId::new(&self.clock),
                    name: self.text(),
                    source,
                    source_start: MediaTime::new(self.number() - 5, rate),
                    duration: self.number().max(1),
                    speed: Speed::new(num, den).unwrap(),
                    enabled: !self.maybe(),
                    link: self.maybe().then(|| self.number() as u32),
                    audio_channels: (0..self.below(3)).map(|n| n as u16 + 1).collect(),
                    markers: self.markers(),
                    metadata: self.map(),
                    foreign: self.foreign(&[
                        r#"{"effects":[{"OTIO_SCHEMA":"Effect.1","x":-Infinity}],"color":{"r":0.5}}"#,
                        r#"{"metadata":{"a":1.10,"b":{"z":[1,2],"c":{}}},"odd":null}"#,
                    ]),
                })
            }
        }
    }

    fn document(&mut self) -> Document {
        let (media, sources) = self.media();
        let mut sequences: Vec<Sequence> = Vec::new();
        for _ in 0..=self.below(3) {
            let nested: Vec<_> = sequences.iter().map(|sequence| sequence.id).collect();
            sequences.push(self.sequence(&sources, &nested));
        }
        sequences.reverse();
        Document { sequences, media, bins: Vec::new() }
    }
}

/// The document in an order that does not tell how it was made, without media nothing shows.
fn settled(mut document: Document) -> Document {
    document.sequences.sort_by_key(|sequence| sequence.id);
    let mut media = MediaMap::new();
    for clip in document.sequences.iter().flat_map(Sequence::clips) {
        if let Some(source) = clip.source.asset()
            && let Some(known) = document.media.get(source)
        {
            media.insert(source, known.clone());
        }
    }
    document.media = media;
    document
}

fn drawn(bytes: &[u8]) -> Document {
    Draw { bytes, clock: clock() }.document()
}

fn read(text: &str) -> Document {
    let clock = ManualClock::starting_at("2027-01-01T00:00:00Z".parse().unwrap());
    Format::Otio.read(text.as_bytes(), &ReadOptions::default(), &clock).unwrap().document
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_survives_being_written_and_read(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let document = drawn(&bytes);
        let written = Format::Otio.write(&document, &WriteOptions::default()).unwrap();
        let again = read(written.text());
        prop_assert_eq!(again.sequences[0].id, document.sequences[0].id);
        let (document, again) = (settled(document), settled(again));
        for (one, other) in document.sequences.iter().zip(&again.sequences) {
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(&document, &again);
    }

    #[test]
    fn every_flavour_can_be_read_again(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        flavour in prop::sample::select(vec![Flavour::Premiere, Flavour::Resolve, Flavour::Plain]),
        target in prop::sample::select(vec![Target::Original, Target::Proxy, Target::Mixed]),
        legacy in any::<bool>(),
    ) {
        let document = drawn(&bytes);
        let mut options = WriteOptions::default().with_flavour(flavour).with_target(target);
        options.legacy = legacy;
        let written = Format::Otio.write(&document, &options).unwrap();
        let again = read(written.text());
        let shape = |sequence: &Sequence| -> Vec<_> {
            sequence.clips().map(|clip| (clip.id, clip.duration, clip.speed, clip.link)).collect()
        };
        prop_assert_eq!(shape(&document.sequences[0]), shape(&again.sequences[0]));
    }
}
