//! Writes sequences as OpenTimelineIO files (`.otio`), for 0.15 and later.
//!
//! A clip's `source_range` starts on the asset's own timecode at the asset's rate and lasts in
//! frames of the sequence: the two facts an editing program needs, each exact. Rates are floats in
//! this format; so the exact ones, and everything else that only emam knows, stand in
//! `metadata.emam`, which other programs keep or ignore.

mod schema;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use self::schema::{
    Child, Gap, Item, Marker, Metadata, RationalTime, Reference, Stack, Text, TimeRange, Timeline,
    Transition,
};
use super::{
    ClipMedia, Document, MediaMap, ReadDocument, ReadOptions, Target, WriteOptions, Written,
};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::model::{self, MediaSummary, Role, Sequence, TrackKind};
use crate::time::{MediaTime, Rate, Rescaled};
use crate::timeline::placement::is_still;

const OPERATION: &str = "timeline.write";

/// The key OpenTimelineIO gives the only media reference of a clip; ours has the original.
const ORIGINAL: &str = "DEFAULT_MEDIA";

/// The `.otio` file of a document's first sequence, as OpenTimelineIO 0.18.1 itself would write it.
///
/// Media that is not known, or has no address, is written as missing. Every rendition of a clip has
/// the range of the original, as the frame map of a proxy promises. Custom metadata keeps its
/// values, except what OpenTimelineIO cannot hold: a key `OTIO_SCHEMA` is written
/// `emam:OTIO_SCHEMA`, and a whole number above 63 bits as text.
pub(super) fn write(document: &Document, options: &WriteOptions) -> Result<Written> {
    let sequence = document.main()?;
    let timeline =
        Writer { sequence, media: &document.media, target: options.target }.timeline()?;
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
    let unexpected = |message| Error::new(crate::ErrorKind::Unexpected, OPERATION, message);
    timeline
        .serialize(&mut serializer)
        .map_err(|cause| unexpected("the timeline has no JSON").caused_by(cause))?;
    let text = String::from_utf8(text)
        .map_err(|cause| unexpected("the JSON of the timeline is no text").caused_by(cause))?;
    Ok(Written::one(text, Vec::new()))
}

pub(super) fn read(_: &[u8], _: &ReadOptions, _: &dyn Clock) -> Result<ReadDocument> {
    Err(Error::new(crate::ErrorKind::Unsupported, "timeline.read", "not read yet"))
}

struct Writer<'a> {
    sequence: &'a Sequence,
    media: &'a MediaMap,
    target: Target,
}

impl<'a> Writer<'a> {
    fn timeline(&self) -> Result<Timeline<'a>> {
        let sequence = self.sequence;
        let mut emam = Metadata::new();
        emam.insert("drop".into(), json!(sequence.drop_frame));
        emam.insert("project_id".into(), json!(sequence.project));
        emam.insert("rate".into(), exact(sequence.rate));
        emam.insert("revision".into(), json!(sequence.revision));
        emam.insert("sequence_id".into(), json!(sequence.id));
        if let (Some(width), Some(height)) = (sequence.width, sequence.height) {
            emam.insert("frame_size".into(), json!([width, height]));
        }
        add_custom(&mut emam, &sequence.metadata);
        let mut stack = Item::new("tracks");
        stack.markers =
            sequence.markers.iter().map(|marker| self.marker(marker)).collect::<Result<_>>()?;
        let children =
            sequence.tracks.iter().map(|track| self.track(track)).collect::<Result<_>>()?;
        Ok(Timeline {
            metadata: emam_only(emam),
            name: Text(&sequence.name),
            global_start_time: RationalTime::new(sequence.start, sequence.rate)?,
            tracks: Stack { item: stack, children },
        })
    }

    fn track(&self, track: &'a model::Track) -> Result<schema::Track<'a>> {
        let mut item = Item::new(&track.name);
        item.enabled = track.enabled;
        item.metadata = emam_only([("track_id".to_owned(), json!(track.id))].into_iter().collect());
        let children = track.items.iter().map(|item| self.child(item)).collect::<Result<_>>()?;
        let kind = match track.kind {
            TrackKind::Video => "Video",
            TrackKind::Audio => "Audio",
            TrackKind::Caption => "Caption",
        };
        Ok(schema::Track { item, children, kind })
    }

    fn child(&self, item: &'a model::Item) -> Result<Child<'a>> {
        Ok(match item {
            model::Item::Clip(clip) => Child::Clip(self.clip(clip)?),
            model::Item::Gap(gap) => {
                let mut item = Item::new("");
                item.source_range = Some(self.range(0, gap.duration)?);
                Child::Gap(Gap { item })
            }
            model::Item::Transition(transition) => Child::Transition(self.transition(transition)?),
        })
    }

    fn clip(&self, clip: &'a model::Clip) -> Result<schema::Clip<'a>> {
        let media = self.media.of(&clip.source);
        let source_rate = clip.source_start.rate();
        let start = clip
            .source_start
            .checked_add(first_frame(media.map(|media| &media.summary), source_rate)?)?;
        let mut item = Item::new(&clip.name);
        item.enabled = clip.enabled;
        item.source_range = Some(TimeRange {
            duration: RationalTime::new(clip.duration, self.sequence.rate)?,
            start_time: RationalTime::new(start.value(), source_rate)?,
        });
        if let Some(reel) = media.and_then(|media| media.reel.as_ref()) {
            item.metadata.insert("cmx_3600".into(), json!({ "reel": reel }));
        }
        let mut emam = Metadata::new();
        emam.insert("clip_id".into(), json!(clip.id));
        emam.insert("rate".into(), exact(source_rate));
        emam.insert("source_start".into(), json!(clip.source_start.value()));
        if let Some(source) = clip.source.asset() {
            emam.insert("asset_id".into(), json!(source.asset));
            if let Some(version) = source.version {
                emam.insert("version_id".into(), json!(version));
            }
            if let Some(subclip) = source.subclip {
                emam.insert("subclip_id".into(), json!(subclip));
            }
        }
        if let Some(link) = clip.link {
            emam.insert("link".into(), json!(link));
        }
        add_custom(&mut emam, &clip.metadata);
        item.metadata.insert("emam".into(), Value::Object(emam));

        let (media_references, active_media_reference_key) = match media {
            Some(media) => self.references(clip, media)?,
            None => {
                let reference = missing(&clip.name, None, Metadata::new());
                (BTreeMap::from([(ORIGINAL, reference)]), ORIGINAL)
            }
        };
        Ok(schema::Clip { item, media_references, active_media_reference_key })
    }

    /// The media references of a clip by key, and the key of the active one.
    fn references(
        &self,
        clip: &model::Clip,
        media: &'a ClipMedia,
    ) -> Result<(BTreeMap<&'static str, Reference<'a>>, &'static str)> {
        let available_range = self.available(clip, &media.summary)?;
        let mut references: BTreeMap<_, _> = media
            .urls
            .iter()
            .map(|(role, url)| {
                let reference = Reference::External {
                    metadata: facts(*role, &media.summary),
                    name: Text(&media.name),
                    available_range,
                    available_image_bounds: (),
                    target_url: url,
                };
                (key(*role), reference)
            })
            .collect();
        // Without the default key an older reader finds no media at all.
        references.entry(ORIGINAL).or_insert_with(|| {
            missing(&media.name, available_range, facts(Role::Original, &media.summary))
        });
        Ok((references, media.role_for(self.target).map_or(ORIGINAL, key)))
    }

    /// The frames the media of a clip has, on its own timecode, if their number is known.
    fn available(&self, clip: &model::Clip, media: &MediaSummary) -> Result<Option<TimeRange>> {
        let length = match media.duration {
            Some(length) => length,
            // A still has as much as is asked of it, but programs want that said.
            None if is_still(media) => {
                let shown = MediaTime::new(clip.duration, self.sequence.rate);
                let frames = match shown.rescale(clip.source_start.rate())? {
                    Rescaled::Exact(frames) => frames,
                    Rescaled::Inexact { floor, .. } => floor.saturating_add(1),
                };
                clip.source_start.checked_add(MediaTime::new(frames, clip.source_start.rate()))?
            }
            None => return Ok(None),
        };
        let start = first_frame(Some(media), length.rate())?;
        Ok(Some(TimeRange {
            duration: RationalTime::new(length.value(), length.rate())?,
            start_time: RationalTime::new(start.value(), start.rate())?,
        }))
    }

    fn transition(&self, transition: &'a model::Transition) -> Result<Transition<'a>> {
        let kind = transition.kind.as_str();
        let is_dissolve = kind.eq_ignore_ascii_case("dissolve");
        let emam = [("kind".to_owned(), portable(&json!(kind)))].into_iter().collect();
        Ok(Transition {
            metadata: emam_only(emam),
            name: Text(kind),
            in_offset: RationalTime::new(transition.in_offset, self.sequence.rate)?,
            out_offset: RationalTime::new(transition.out_offset, self.sequence.rate)?,
            transition_type: if is_dissolve { "SMPTE_Dissolve" } else { "Custom_Transition" },
        })
    }

    fn marker(&self, marker: &'a model::Marker) -> Result<Marker<'a>> {
        let mut metadata = Metadata::new();
        if !marker.comment.is_empty() {
            // DaVinci Resolve reads the note from here and not from `comment`.
            let note = portable(&json!({ "Note": marker.comment }));
            metadata.insert("Resolve_OTIO".into(), note);
        }
        if let Some(color) = &marker.color {
            metadata.insert("emam".into(), portable(&json!({ "color": color })));
        }
        Ok(Marker {
            metadata,
            name: Text(&marker.name),
            color: marker_color(marker.color.as_deref()),
            marked_range: self.range(marker.start, marker.duration)?,
            comment: Text(&marker.comment),
        })
    }

    /// A range of frames of the sequence.
    fn range(&self, start: i64, duration: i64) -> Result<TimeRange> {
        Ok(TimeRange {
            duration: RationalTime::new(duration, self.sequence.rate)?,
            start_time: RationalTime::new(start, self.sequence.rate)?,
        })
    }
}

/// The timecode of the first frame of media, counted at `rate`; zero where it has none.
fn first_frame(media: Option<&MediaSummary>, rate: Rate) -> Result<MediaTime> {
    match media.and_then(|media| media.start_timecode) {
        // Sound may carry a timecode in frames while it counts in samples.
        Some(timecode) => timecode.time().rescale_nearest(rate),
        None => Ok(MediaTime::zero(rate)),
    }
}

/// The key of a rendition among the media references of a clip.
fn key(role: Role) -> &'static str {
    if role == Role::Original { ORIGINAL } else { role.as_str() }
}

fn missing(name: &str, available_range: Option<TimeRange>, metadata: Metadata) -> Reference<'_> {
    Reference::Missing { metadata, name: Text(name), available_range, available_image_bounds: () }
}

/// What only emam knows of a rendition. Size and checksum are the original's, so they stand there.
fn facts(role: Role, media: &MediaSummary) -> Metadata {
    let mut emam = Metadata::new();
    emam.insert("role".into(), json!(role));
    if let Some(length) = media.duration {
        emam.insert("rate".into(), exact(length.rate()));
    }
    if let Some(timecode) = media.start_timecode {
        emam.insert("start_timecode".into(), json!(timecode.to_string()));
        emam.insert("drop".into(), json!(timecode.drop_frame()));
    }
    if role == Role::Original {
        emam.insert("audio_channels".into(), json!(media.audio_channels));
        emam.insert("size".into(), portable(&json!(media.size)));
        if let Some(md5) = &media.md5 {
            emam.insert("md5".into(), json!(md5));
        }
    }
    emam_only(emam)
}

fn emam_only(emam: Metadata) -> Metadata {
    [("emam".to_owned(), Value::Object(emam))].into_iter().collect()
}

/// A rate as the two whole numbers it is.
fn exact(rate: Rate) -> Value {
    json!([rate.num(), rate.den()])
}

fn add_custom(emam: &mut Metadata, custom: &BTreeMap<String, Value>) {
    if !custom.is_empty() {
        let custom = custom.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        emam.insert("metadata".into(), portable(&Value::Object(custom)));
    }
}

/// A value as OpenTimelineIO can read it and write it again.
///
/// Its reader takes any dictionary with an `OTIO_SCHEMA` for an object of the file, its whole
/// numbers have 63 bits and a sign, and its writer cuts texts at U+0000.
fn portable(value: &Value) -> Value {
    let text = |text: &str| text.replace('\0', "\u{fffd}");
    match value {
        Value::Number(number) if number.is_u64() && !number.is_i64() => json!(number.to_string()),
        Value::String(string) => Value::String(text(string)),
        Value::Array(values) => values.iter().map(portable).collect(),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let key = if key == "OTIO_SCHEMA" { "emam:OTIO_SCHEMA".into() } else { text(key) };
                (key, portable(value))
            });
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
}

/// The marker colour of this name, of those there are; green, OpenTimelineIO's own, for others.
fn marker_color(name: Option<&str>) -> &'static str {
    const COLORS: [&str; 11] = [
        "PINK", "RED", "ORANGE", "YELLOW", "GREEN", "CYAN", "BLUE", "PURPLE", "MAGENTA", "BLACK",
        "WHITE",
    ];
    let wanted = name.unwrap_or_default();
    COLORS.into_iter().find(|color| color.eq_ignore_ascii_case(wanted)).unwrap_or("GREEN")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::append;
    use crate::timeline::format::Format;
    use crate::timeline::samples::{
        clip, clock, dissolve, film, gap, piece, sequence, source, still, track,
    };

    fn text(sequence: &Sequence, media: &MediaMap, target: Target) -> Result<String> {
        let document = Document::new(sequence.clone(), media.clone());
        let options = WriteOptions::default().with_target(target);
        Ok(Format::Otio.write(&document, &options)?.text().to_owned())
    }

    fn write(sequence: &Sequence, media: &MediaMap, target: Target) -> Value {
        serde_json::from_str(&text(sequence, media, target).unwrap()).unwrap()
    }

    fn urls(roles: &[Role]) -> BTreeMap<Role, String> {
        roles.iter().map(|role| (*role, format!("file:///{}.mov", role.as_str()))).collect()
    }

    #[test]
    fn a_clip_starts_on_its_own_timecode_and_lasts_in_frames_of_the_sequence() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        let source = source(&clock);
        let mut placement = piece("a", source, 0, 50);
        placement.source_start = MediaTime::new(48, Rate::FPS_23_976);
        append(&mut cut, &placement, &clock).unwrap();
        let mut media = MediaMap::new();
        let summary = film(Rate::FPS_23_976, 240);
        let urls = urls(&[Role::Original, Role::Proxy]);
        media.insert(
            &source,
            ClipMedia { name: "a.mov".into(), summary, urls, ..ClipMedia::default() },
        );
        let otio = write(&cut, &media, Target::Original);
        let clip = &otio["tracks"]["children"][0]["children"][0];
        let time = |value: f64, rate: Rate| json!({"OTIO_SCHEMA": "RationalTime.1", "rate": rate.as_f64(), "value": value});
        assert_eq!(clip["source_range"]["start_time"], time(86_448.0, Rate::FPS_23_976));
        assert_eq!(clip["source_range"]["duration"], time(50.0, Rate::FPS_25));
        let available = &clip["media_references"]["DEFAULT_MEDIA"]["available_range"];
        assert_eq!(available["start_time"], time(86_400.0, Rate::FPS_23_976));
        assert_eq!(available["duration"], time(240.0, Rate::FPS_23_976));
        assert_eq!(clip["media_references"]["proxy"]["target_url"], "file:///proxy.mov");
        assert_eq!(clip["metadata"]["emam"]["rate"], json!([24_000, 1001]));
        assert_eq!(clip["metadata"]["emam"]["source_start"], 48);
        let sound = &otio["tracks"]["children"][1]["children"][0];
        assert_eq!(sound["metadata"]["emam"]["link"], clip["metadata"]["emam"]["link"]);
    }

    #[test]
    fn the_active_reference_is_the_target_where_there_is_one() {
        let active = |summary: MediaSummary, roles: &[Role], target| {
            let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
            let source = source(&clock);
            append(&mut cut, &piece("a", source, 0, 50), &clock).unwrap();
            let mut media = MediaMap::new();
            let urls = urls(roles);
            media.insert(
                &source,
                ClipMedia { name: "a".into(), summary, urls, ..ClipMedia::default() },
            );
            let mut otio = write(&cut, &media, target);
            let clip = otio["tracks"]["children"][0]["children"][0].take();
            let key = clip["active_media_reference_key"].as_str().unwrap().to_owned();
            let url = clip["media_references"][&key]["target_url"].as_str().unwrap_or("missing");
            format!("{key} {url}")
        };
        use Role::{AudioProxy, EditProxy, Original, Proxy};
        let film = || film(Rate::FPS_25, 500);
        let sound = || MediaSummary { rate: None, width: None, height: None, ..film() };
        for (media, roles, target, want) in [
            (
                film(),
                &[Original, Proxy][..],
                Target::Original,
                "DEFAULT_MEDIA file:///original.mov",
            ),
            (film(), &[Original, Proxy], Target::Proxy, "proxy file:///proxy.mov"),
            (
                film(),
                &[Original, Proxy, EditProxy],
                Target::Proxy,
                "edit_proxy file:///edit_proxy.mov",
            ),
            (film(), &[Original, AudioProxy], Target::Proxy, "DEFAULT_MEDIA file:///original.mov"),
            (
                sound(),
                &[Original, AudioProxy],
                Target::Proxy,
                "audio_proxy file:///audio_proxy.mov",
            ),
            (film(), &[Proxy], Target::Original, "DEFAULT_MEDIA missing"),
            (film(), &[], Target::Proxy, "DEFAULT_MEDIA missing"),
        ] {
            assert_eq!(active(media, roles, target), want, "{roles:?} {target:?}");
        }
    }

    #[test]
    fn a_still_has_as_many_frames_as_its_clip_shows() {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        let source = source(&clock);
        append(&mut cut, &piece("a", source, 30, 50), &clock).unwrap();
        let mut media = MediaMap::new();
        let urls = urls(&[Role::Original]);
        media.insert(
            &source,
            ClipMedia { name: "a".into(), summary: still(), urls, ..ClipMedia::default() },
        );
        let otio = write(&cut, &media, Target::Original);
        let clip = &otio["tracks"]["children"][0]["children"][0];
        let available = &clip["media_references"]["DEFAULT_MEDIA"]["available_range"];
        assert_eq!(available["start_time"]["value"], 0.0);
        assert_eq!(available["duration"]["value"], 80.0);
    }

    #[test]
    fn what_opentimelineio_cannot_hold_is_written_so_that_it_can() {
        let mut cut = sequence(Rate::FPS_25, &clock());
        cut.name = "a\0b".into();
        cut.metadata.insert(
            "field".into(),
            json!([{"OTIO_SCHEMA": "Clip.2"}, u64::MAX, i64::MIN, "x\0", 1.5, null]),
        );
        let otio = write(&cut, &MediaMap::new(), Target::Original);
        assert_eq!(otio["name"], "a\u{fffd}b");
        assert_eq!(
            otio["metadata"]["emam"]["metadata"]["field"],
            json!([
                {"emam:OTIO_SCHEMA": "Clip.2"},
                "18446744073709551615",
                i64::MIN,
                "x\u{fffd}",
                1.5,
                null
            ])
        );
    }

    #[test]
    fn a_broken_sequence_and_a_time_no_float_holds_are_refused() {
        let clock = clock();
        let mut cut = sequence(Rate::FPS_25, &clock);
        let items = vec![clip("a", 0, 5, &clock), dissolve(1, 1), dissolve(1, 1), gap(5)];
        cut.tracks.push(track(TrackKind::Video, items, &clock));
        let refused = |cut: &Sequence| {
            let error = text(cut, &MediaMap::new(), Target::Original).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
            error
        };
        assert!(refused(&cut).get("issue").unwrap().starts_with("transition \"dissolve\""));
        cut.tracks[0].items = vec![clip("a", 0, (1 << 53) + 1, &clock)];
        assert_eq!(refused(&cut).get("time"), Some("9007199254740993 @ 25"));
        cut.tracks[0].items = vec![clip("a", 0, 1 << 53, &clock)];
        let text = text(&cut, &MediaMap::new(), Target::Original).unwrap();
        assert!(text.contains("\"value\": 9007199254740992.0"), "{text}");
    }
}
