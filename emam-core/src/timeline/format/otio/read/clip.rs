//! Clips, of media and of nested sequences.

use super::super::facts::{Facts, Left, json, quoted, visible};
use super::super::json::{Value, compact};
use super::super::schema::{ORIGINAL, Schema, members};
use super::super::write::first_frame;
use super::media::Said;
use super::{Around, Carry, Reader, text};
use crate::error::Result;
use crate::id::SequenceId;
use crate::model::{
    AssetSource, Caption, Clip, ClipSource, Generator, SequenceSource, Track, TrackKind,
};
use crate::time::{MediaTime, Speed};
use crate::timeline::{IssueKind, length};

/// What a clip shows, as the file says it.
pub(super) struct References<'t> {
    /// The value they stand in, which tells media apart.
    pub(super) text: &'t str,
    /// By key.
    pub(super) all: Vec<(String, Value<'t>)>,
    /// The key of the one that is shown.
    pub(super) active: String,
}

impl<'t> References<'t> {
    fn of(
        many: Option<Value<'t>>,
        one: Option<Value<'t>>,
        active: Option<Value<'t>>,
    ) -> Result<Self> {
        let active = text(active)?;
        let active = if active.is_empty() { ORIGINAL.to_owned() } else { active };
        let all: Vec<_> = match (many, one) {
            (Some(many), _) if many.is_object() => {
                many.members().map(|(key, value)| (key.into_owned(), value)).collect()
            }
            (_, Some(one)) if !one.is_null() => vec![(ORIGINAL.to_owned(), one)],
            _ => Vec::new(),
        };
        let text = many.or(one).map_or("", Value::raw);
        Ok(Self { text, all, active })
    }

    pub(super) fn get(&self, key: &str) -> Option<Value<'t>> {
        self.all.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// The one that is shown; if the file names one that is not there, the only one there is.
    pub(super) fn shown(&self) -> Option<Value<'t>> {
        self.get(&self.active).or_else(|| self.all.first().map(|(_, value)| *value))
    }
}

impl<'t> Reader<'_, 't> {
    /// A clip; `None` if it takes no time, which is noted.
    pub(super) fn clip(
        &mut self,
        value: Value<'t>,
        around: Around,
        carry: &mut Carry,
    ) -> Result<Option<Clip>> {
        let names = [
            "metadata",
            "name",
            "source_range",
            "effects",
            "markers",
            "enabled",
            "color",
            "media_references",
            "media_reference",
            "active_media_reference_key",
        ];
        let ([metadata, name, range, effects, markers, enabled, color, many, one, active], others) =
            members(value, names);
        let facts = Facts::of(metadata);
        let name = facts.exactly("name", text(name)?);
        let references = References::of(many, one, active)?;
        if !references.all.is_empty() && references.get(&references.active).is_none() {
            let message = format!(
                "clip {name:?} shows media {:?}, which it does not have; another was taken",
                references.active
            );
            self.issue(value, IssueKind::Corrected, message);
        }
        let mut left = Left::default();
        let reel = metadata.and_then(|metadata| metadata.get("cmx_3600")?.get("reel")?.as_text());
        let claimed = facts.parsed("asset_id").map(|asset| AssetSource {
            asset,
            version: facts.parsed("version_id"),
            subclip: facts.parsed("subclip_id"),
        });
        let kind = around.kind;
        let reel_said = reel.as_deref();
        // A file that does not say how its media counts means that it counts as the sequence does.
        let drop_rate = around.drop_frame.then_some(around.rate);
        let references = &references;
        let said = Said { clip: &name, claimed, reel: reel_said, references, kind, drop_rate };
        let source = self.source(value, &facts, &said, &mut left)?;
        let media = source.asset().and_then(|source| self.reading.document.media.get(source));
        let media_rate = media.and_then(|media| media.summary.duration).map(MediaTime::rate);
        let timecode = media.and_then(|media| media.summary.start_timecode);
        // A reel of its own stays with the clip.
        let shared = match (&reel, media.and_then(|media| media.reel.as_deref())) {
            (Some(reel), Some(of_media)) => *reel == visible(of_media),
            _ => false,
        };

        let available = references.shown().and_then(|shown| shown.get("available_range"));
        let range = match self.range(range)? {
            Some(range) => Some(range),
            None => self.range(available)?,
        };
        let Some((start, length)) = range else {
            let message = format!("clip {name:?} says no length, nor does its media; left out");
            self.issue(value, IssueKind::NotUnderstood, message);
            return Ok(None);
        };
        let said = facts.rate("rate");
        let exact = start.exactly(said).rate();
        let source_rate = if said == Some(exact) { exact } else { media_rate.unwrap_or(exact) };
        let first = first_frame(timecode, source_rate)?;
        let start = start.exactly(Some(source_rate));
        let start = self.frames(value, start, source_rate, "the start of a clip")?;
        let _stale: Option<i64> = facts.number("source_start");
        let source_start = MediaTime::new(start.saturating_sub(first.value()), source_rate);
        let duration = self.length(value, length, around.rate, carry)?;
        if duration < 1 {
            let message = format!("clip {name:?} takes {duration} frames and was left out");
            self.issue(value, IssueKind::NotUnderstood, message);
            return Ok(None);
        }
        let id = self.reading.clip_id(facts.parsed("clip_id"), &name);
        let mut clip = Clip::with_id(id, name, source, source_start, duration);
        for marker in markers.iter().flat_map(|markers| markers.elements()) {
            clip.markers.push(self.marker(marker, source_rate, first.value())?);
        }
        clip.speed = self.speed(value, &facts, effects, &mut left)?;
        clip.enabled = enabled.and_then(Value::as_bool).unwrap_or(true);
        own(&mut clip, &facts, metadata);
        left.keep("color", color);
        let taken: &[_] = if shared { &[("cmx_3600", "reel")] } else { &[] };
        left.metadata(metadata, &facts, taken)?;
        others.iter().for_each(|(key, value)| left.add(key, value.raw()));
        left.into_foreign(&mut clip.foreign);
        Ok(Some(clip))
    }

    /// What a clip is a piece of.
    fn source(
        &mut self,
        value: Value<'t>,
        facts: &Facts<'t>,
        said: &Said<'_, 't>,
        left: &mut Left,
    ) -> Result<ClipSource> {
        let source = facts.text("source");
        if source.as_deref() == Some("sequence")
            && let Some(sequence) = facts.parsed("sequence_id")
        {
            return Ok(ClipSource::Sequence(SequenceSource { sequence }));
        }
        if let Some(shown) = said.references.shown()
            && Schema::of(shown)? == Schema::GeneratorReference
        {
            let kind = said.kind;
            let caption = source.map_or(kind == TrackKind::Caption, |source| source == "caption");
            return self.generator(value, facts, shown, caption, left);
        }
        let source = self.media(value, said, left)?;
        let claimed = said.claimed.filter(|claimed| claimed.asset == source.asset);
        let subclip = claimed.and_then(|claimed| claimed.subclip);
        Ok(ClipSource::Asset(AssetSource { subclip, ..source }))
    }

    fn generator(
        &mut self,
        value: Value<'t>,
        facts: &Facts<'t>,
        reference: Value<'t>,
        caption: bool,
        left: &mut Left,
    ) -> Result<ClipSource> {
        let names = [
            "metadata",
            "name",
            "available_range",
            "available_image_bounds",
            "generator_kind",
            "parameters",
        ];
        let ([metadata, name, available, bounds, kind, parameters], others) =
            members(reference, names);
        let mut own = Left::default();
        own.metadata(metadata, &Facts::default(), &[])?;
        if !text(name)?.is_empty() {
            own.keep("name", name);
        }
        own.keep("available_range", available);
        own.keep("available_image_bounds", bounds);
        others.iter().for_each(|(key, value)| own.add(key, value.raw()));
        left.nest("emam:reference", own);
        let mut shown = serde_json::Map::new();
        for (key, parameter) in parameters.iter().flat_map(|parameters| parameters.members()) {
            let parameter = json(parameter).unwrap_or_else(|| {
                let message = format!(
                    "setting {key:?} of a generator is no number other programs know; it is kept \
                     as text"
                );
                self.issue(value, IssueKind::Corrected, message);
                parameter.raw().into()
            });
            shown.insert(key.into_owned(), parameter);
        }
        let words = match shown.get("text") {
            Some(serde_json::Value::String(text)) if caption && shown.len() == 1 => text,
            _ => {
                let parameters = facts.exactly_map("parameters", shown).into_iter().collect();
                let generator = facts.exactly("generator", text(kind)?);
                return Ok(ClipSource::Generator(Generator { generator, parameters }));
            }
        };
        Ok(ClipSource::Caption(Caption { text: facts.exactly("text", words.clone()) }))
    }

    /// The speed of a clip: of its one time warp. Effects that are not understood are kept, and so
    /// is a warp that says more than its speed.
    fn speed(
        &mut self,
        value: Value<'t>,
        facts: &Facts<'t>,
        effects: Option<Value<'t>>,
        left: &mut Left,
    ) -> Result<Speed> {
        let said: Option<Speed> = facts.parsed("speed");
        let mut speed = Speed::NORMAL;
        let (mut warp, mut plain, mut count) = (None, false, 0);
        let effects = effects.filter(|effects| !effects.is_null());
        for (index, effect) in effects.iter().flat_map(|effects| effects.elements()).enumerate() {
            count = index + 1;
            let schema = Schema::of(effect)?;
            let on = effect.get("enabled").and_then(Value::as_bool).unwrap_or(true);
            let found = match schema {
                Schema::FreezeFrame if on => Some(Speed::FREEZE),
                Schema::LinearTimeWarp if on => {
                    let scalar = effect.get("time_scalar");
                    let float = scalar.and_then(Value::as_f64).ok_or_else(|| {
                        scalar.unwrap_or(effect).error("the speed of a clip is no finite number")
                    })?;
                    let exact = said.filter(|said| said.as_f64().to_bits() == float.to_bits());
                    let read = exact.map_or_else(|| Speed::from_f64(float), Ok);
                    Some(read.map_err(|cause| {
                        effect.error("the speed of a clip is out of range").caused_by(cause)
                    })?)
                }
                _ => None,
            };
            match found {
                Some(found) if warp.is_none() => {
                    speed = found;
                    warp = Some(index);
                    plain = is_plain(effect, schema);
                }
                Some(_) => {
                    let message = "a clip has two speeds; the second is kept, and not applied";
                    self.issue(value, IssueKind::NotUnderstood, message);
                }
                None => {}
            }
        }
        // One of ours comes last, and is written anew there.
        if plain && warp == count.checked_sub(1) {
            warp = None;
            count -= 1;
        }
        if count > 0 {
            let kept = effects.iter().flat_map(|effects| effects.elements()).take(count);
            let kept: Vec<&str> = kept.map(Value::raw).collect();
            left.add("effects", &format!("[{}]", kept.join(",")));
            if let Some(index) = warp {
                let speed = quoted(&speed.to_string());
                left.add("emam:warp", &format!("{{\"index\":{index},\"speed\":{speed}}}"));
            }
        }
        Ok(speed)
    }

    /// A clip of a stack or track that lies on a track.
    pub(super) fn nested_clip(
        &mut self,
        value: Value<'t>,
        around: Around,
        carry: &mut Carry,
    ) -> Result<Option<Clip>> {
        let names = [
            "metadata",
            "name",
            "source_range",
            "effects",
            "markers",
            "enabled",
            "color",
            "children",
            "kind",
        ];
        let ([metadata, name, range, effects, markers, enabled, color, children, kind], others) =
            members(value, names);
        let is_track = Schema::of(value)? == Schema::Track;
        let facts = Facts::of(metadata);
        let name = facts.exactly("name", text(name)?);
        let inner = Facts::of_block(facts.get("sequence", |v| v.is_object().then_some(v)));
        let claimed: Option<SequenceId> = facts.parsed("sequence_id");
        let rate = inner.rate("rate").unwrap_or(around.rate);
        let shown = self.range(range)?;
        let said = facts.rate("rate");
        let exact = shown.map(|(start, _)| start.exactly(said).rate());
        let source_rate = said.filter(|said| exact.is_none_or(|exact| exact == *said));
        let source_rate = source_rate.unwrap_or(rate);
        let (mut own_markers, mut clip_markers) = (Vec::new(), Vec::new());
        for marker in markers.iter().flat_map(|markers| markers.elements()) {
            let of = marker.get("metadata").and_then(|m| m.get("emam")?.get("of")?.as_text());
            if of.is_some_and(|of| of == "sequence") {
                own_markers.push(self.marker(marker, rate, 0)?);
            } else {
                clip_markers.push(self.marker(marker, source_rate, 0)?);
            }
        }
        let mut content = String::new();
        if claimed.is_some() {
            compact(children.map_or("[]", Value::raw), &mut content);
        }
        let known = claimed.and_then(|claimed| self.known.get(&claimed));
        let (sequence, frames) = match known {
            Some((sequence, same, frames)) if *same == content => (*sequence, *frames),
            _ => {
                let mut sequence = self.sequence(&inner, rate, around.project)?;
                match claimed {
                    Some(id) if !self.ids.contains(&id) => {
                        self.ids.insert(id);
                        sequence.id = id;
                    }
                    Some(id) => {
                        let message = format!(
                            "two nested sequences have the id {id} and differ; the second is {} now",
                            sequence.id
                        );
                        self.issue(value, IssueKind::Corrected, message);
                    }
                    None => {}
                }
                sequence.name = match inner.text("name") {
                    Some(shown) => inner.exactly("name", shown.into_owned()),
                    None => name.clone(),
                };
                sequence.start = inner.number("start").unwrap_or(0);
                sequence.drop_frame = self.drop_frame(value, &inner, rate);
                sequence.foreign = inner.foreign();
                sequence.markers = own_markers;
                if is_track {
                    let around = Around {
                        rate,
                        project: sequence.project,
                        drop_frame: sequence.drop_frame,
                        ..around
                    };
                    let id = self.reading.track_id(None, &name);
                    let kind = if text(kind)? == "Audio" { TrackKind::Audio } else { around.kind };
                    let mut track = Track::new(self.reading.clock, kind, name.clone());
                    track.id = id;
                    let mut lost = Vec::new();
                    let mut carry = Carry(0, 1);
                    for child in children.iter().flat_map(|children| children.elements()) {
                        self.item(child, around, &mut carry, &mut track, &mut lost)?;
                    }
                    if !lost.is_empty() {
                        let mut left = Left::default();
                        left.add("emam:unknown", &format!("[{}]", lost.join(",")));
                        left.into_foreign(&mut track.foreign);
                    }
                    sequence.tracks.push(track);
                } else {
                    let mut layers = children.iter().flat_map(|children| children.elements());
                    self.layers(&mut layers, &mut sequence, false)?;
                }
                let frames = length(&sequence);
                let id = sequence.id;
                if let Some(claimed) = claimed {
                    self.known.entry(claimed).or_insert((id, content, frames));
                }
                self.nested.push(sequence);
                (id, frames)
            }
        };
        let (start, duration) = match shown {
            Some((start, duration)) => {
                let start = start.exactly(Some(source_rate));
                let start =
                    self.frames(value, start, source_rate, "the start of a nested sequence")?;
                let duration = self.length(value, duration, around.rate, carry)?;
                (MediaTime::new(start, source_rate), duration)
            }
            None => {
                let frames = MediaTime::new(frames, rate).rescale_nearest(around.rate)?;
                (MediaTime::zero(rate), frames.value())
            }
        };
        if duration < 1 {
            let message = format!("nested sequence {name:?} takes {duration} frames; left out");
            self.issue(value, IssueKind::NotUnderstood, message);
            return Ok(None);
        }
        let id = self.reading.clip_id(facts.parsed("clip_id"), &name);
        let _stale: (Option<i64>, _) = (facts.number("source_start"), facts.text("source"));
        let mut clip = Clip::with_id(id, name, sequence, start, duration);
        clip.markers = clip_markers;
        let mut left = Left::default();
        clip.speed = self.speed(value, &facts, effects, &mut left)?;
        clip.enabled = enabled.and_then(Value::as_bool).unwrap_or(true);
        own(&mut clip, &facts, metadata);
        left.keep("color", color);
        left.metadata(metadata, &facts, &[])?;
        others.iter().for_each(|(key, value)| left.add(key, value.raw()));
        left.into_foreign(&mut clip.foreign);
        Ok(Some(clip))
    }

    /// The media of a clip in a collection, which is no piece of a sequence.
    pub(super) fn bin_clip(
        &mut self,
        value: Value<'t>,
        around: Around,
    ) -> Result<Option<AssetSource>> {
        let before = self.reading.document.media.len();
        let clip = self.clip(value, around, &mut Carry(0, 1))?;
        let source = clip.and_then(|clip| clip.source.asset().copied());
        if source.is_none() && self.reading.document.media.len() == before {
            let message = "a clip in a collection shows no media and was left out";
            self.issue(value, IssueKind::NotUnderstood, message);
        }
        Ok(source)
    }
}

/// What every clip has of emam's own, and the number by which Premiere links clips.
fn own(clip: &mut Clip, facts: &Facts<'_>, metadata: Option<Value<'_>>) {
    clip.link = facts.number("link");
    let ours = facts.get("clip_id", |value| value.as_text()).is_some();
    if !ours && clip.link.is_none() {
        let link = metadata.and_then(|m| m.get("PremierePro_OTIO")?.get("LinkID")?.as_i64());
        clip.link = link.and_then(|link| u32::try_from(link).ok());
    }
    clip.audio_channels = facts.numbers("audio_channels").unwrap_or_default();
    let shown = facts.map("metadata").unwrap_or_default();
    clip.metadata = facts.exactly_map("metadata", shown).into_iter().collect();
    clip.foreign = facts.foreign();
}

/// Whether a time warp says its speed and nothing else.
fn is_plain(effect: Value<'_>, schema: Schema) -> bool {
    let kind = if schema == Schema::FreezeFrame { "FreezeFrame" } else { "LinearTimeWarp" };
    effect.members().all(|(key, value)| match &*key {
        "OTIO_SCHEMA" | "time_scalar" => true,
        "metadata" => value.is_empty() || value.is_null(),
        "name" => value.as_text().is_some_and(|name| name == "Speed"),
        "effect_name" => value.as_text().is_some_and(|name| name == kind),
        "enabled" => value.as_bool() == Some(true),
        _ => false,
    })
}
