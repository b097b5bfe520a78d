//! Gaps, transitions and markers.

use super::super::facts::{Facts, Left, quoted};
use super::super::json::{Kind, Value, compact};
use super::super::schema::{COLORS, MAX_NESTING, Schema, members};
use super::super::time::Time;
use super::{Around, Carry, Reader, text};
use crate::error::Result;
use crate::model::{Clip, Gap, Item, Marker, Track, Transition};
use crate::time::Rate;
use crate::timeline::{IssueKind, piece, track};

impl<'t> Reader<'_, 't> {
    /// Adds a thing to a track. What takes no time and is not understood goes to `unknown`, to be
    /// written again where it stood.
    pub(super) fn item(
        &mut self,
        value: Value<'t>,
        around: Around,
        carry: &mut Carry,
        track: &mut Track,
        unknown: &mut Vec<String>,
    ) -> Result<()> {
        let item = match Schema::of(value)? {
            Schema::Clip => self.clip(value, around, carry)?.map(Item::Clip),
            Schema::Gap => self.gap(value, around, carry)?,
            Schema::Transition => Some(self.transition(value, around.rate)?),
            Schema::Stack | Schema::Track => {
                if self.nesting >= MAX_NESTING {
                    let message = "sequences are nested deeper in each other than is read";
                    return Err(value.error(message).with("limit", MAX_NESTING));
                }
                self.nesting += 1;
                let clip = self.nested_clip(value, around, carry);
                self.nesting -= 1;
                clip?.map(Item::Clip)
            }
            _ => {
                let schema = value.get("OTIO_SCHEMA").and_then(Value::as_text);
                let message = format!(
                    "a thing of kind {:?} on track {:?} is not understood; it is kept as it is",
                    schema.unwrap_or_default(),
                    track.name
                );
                self.issue(value, IssueKind::NotUnderstood, message);
                self.unknown_item(value, around, carry, track, unknown)?
            }
        };
        track.items.extend(item);
        Ok(())
    }

    /// A thing of another program: a gap of its length, if it has one.
    fn unknown_item(
        &mut self,
        value: Value<'t>,
        around: Around,
        carry: &mut Carry,
        track: &Track,
        unknown: &mut Vec<String>,
    ) -> Result<Option<Item>> {
        // No time of it is looked at unless it is one.
        let range = value.get("source_range").filter(|range| range.is_object());
        let length = match self.range(range) {
            Ok(Some((_, length))) => self.length(value, length, around.rate, carry)?,
            _ => 0,
        };
        if length > 0 {
            let mut gap = Gap::new(length);
            let mut left = Left::default();
            left.add("emam:thing", value.raw());
            left.into_foreign(&mut gap.foreign);
            return Ok(Some(Item::Gap(gap)));
        }
        let mut thing = String::new();
        compact(value.raw(), &mut thing);
        unknown.push(format!("{{\"before\":{},\"thing\":{thing}}}", track.items.len()));
        Ok(None)
    }

    fn gap(&mut self, value: Value<'t>, around: Around, carry: &mut Carry) -> Result<Option<Item>> {
        let names = ["metadata", "name", "source_range", "effects", "markers", "enabled", "color"];
        let ([metadata, name, range, effects, markers, enabled, color], others) =
            members(value, names);
        let Some((_, length)) = self.range(range)? else {
            let message = "a gap says no length and was left out";
            self.issue(value, IssueKind::NotUnderstood, message);
            return Ok(None);
        };
        let length = self.length(value, length, around.rate, carry)?;
        if length < 1 {
            let message = format!("a gap of {length} frames was left out");
            self.issue(value, IssueKind::NotUnderstood, message);
            return Ok(None);
        }
        let facts = Facts::of(metadata);
        let mut gap = Gap::new(length);
        gap.foreign = facts.foreign();
        let mut left = Left::default();
        left.metadata(metadata, &facts, &[])?;
        if !text(name)?.is_empty() {
            left.keep("name", name);
        }
        left.keep("effects", effects);
        left.keep("markers", markers);
        if enabled.and_then(Value::as_bool) == Some(false) {
            left.keep("enabled", enabled);
        }
        left.keep("color", color);
        others.iter().for_each(|(key, value)| left.add(key, value.raw()));
        left.into_foreign(&mut gap.foreign);
        Ok(Some(Item::Gap(gap)))
    }

    fn transition(&mut self, value: Value<'t>, rate: Rate) -> Result<Item> {
        const CUSTOM: &str = "Custom_Transition";
        let names = ["metadata", "name", "in_offset", "out_offset", "transition_type"];
        let ([metadata, name, in_offset, out_offset, kind], others) = members(value, names);
        let facts = Facts::of(metadata);
        let (shown, said) = (text(name)?, text(kind)?);
        let dissolve = matches!(said.as_str(), "" | "SMPTE_Dissolve");
        let of_type = |kind: &String| {
            let is_dissolve = kind.eq_ignore_ascii_case(Transition::DISSOLVE);
            if dissolve { is_dissolve } else { !is_dissolve }
        };
        let kind_of = facts.text("kind").map(|kind| facts.exactly("kind", kind.into_owned()));
        let kind_of = kind_of.filter(of_type).unwrap_or_else(|| match said.as_str() {
            _ if dissolve => Transition::DISSOLVE.to_owned(),
            CUSTOM if !shown.is_empty() => shown.clone(),
            other => other.to_owned(),
        });
        let mut offset = |value: Option<Value<'t>>| -> Result<i64> {
            let Some(time) = value else { return Ok(0) };
            match self.times.time(time)? {
                Some(offset) => self.frames(time, offset, rate, "the length of a transition"),
                None => Ok(0),
            }
        };
        let (before, after) = (offset(in_offset)?, offset(out_offset)?);
        let mut transition = Transition::new(kind_of, before, after);
        transition.foreign = facts.foreign();
        let mut left = Left::default();
        left.metadata(metadata, &facts, &[])?;
        let written = if dissolve { "SMPTE_Dissolve" } else { CUSTOM };
        let other_name = *super::super::facts::visible(&transition.kind) != *shown;
        if other_name {
            left.add("name", &quoted(&shown));
        }
        if said != written {
            left.keep("transition_type", kind);
        }
        if other_name || said != written {
            left.add("emam:kind", &quoted(&transition.kind));
        }
        for (key, member) in &others {
            if key == "enabled" && member.as_bool() == Some(false) {
                let message = "a transition that is switched off is on in what was read";
                self.issue(value, IssueKind::NotUnderstood, message);
            }
            left.add(key, member.raw());
        }
        left.into_foreign(&mut transition.foreign);
        Ok(Item::Transition(transition))
    }

    /// A marker; `first` is the number of the first frame its frames are counted from.
    pub(super) fn marker(&mut self, value: Value<'t>, rate: Rate, first: i64) -> Result<Marker> {
        let names = ["metadata", "name", "color", "marked_range", "range", "comment"];
        let ([metadata, name, color, range, old_range, comment], others) = members(value, names);
        if !value.is_object() {
            return Err(value.error("expected a Marker here"));
        }
        let facts = Facts::of(metadata);
        let mut marker = Marker {
            name: facts.exactly("name", text(name)?),
            comment: facts.exactly("comment", text(comment)?),
            ..Marker::default()
        };
        if let Some((start, length)) = self.range(range.or(old_range))? {
            let start = self.frames(value, start, rate, "the start of a marker")?;
            marker.start = start.saturating_sub(first);
            marker.duration = self.frames(value, length, rate, "the length of a marker")?;
        }
        if marker.duration < 0 {
            let message =
                format!("marker {:?} has a length below zero; it is a point now", marker.name);
            self.issue(value, IssueKind::Corrected, message);
            marker.duration = 0;
        }
        let mut left = Left::default();
        self.color(&mut marker, &facts, color, &mut left)?;
        // Looked at where the markers of a nested sequence and its clip are parted.
        let _of = facts.text("of");
        let note = metadata.and_then(|metadata| metadata.get("Resolve_OTIO")?.get("Note"));
        let note = note.and_then(Value::as_text);
        if marker.comment.is_empty()
            && let Some(note) = &note
        {
            marker.comment = note.clone().into_owned();
        }
        let said = note.is_some_and(|note| *note == *super::super::facts::visible(&marker.comment));
        marker.foreign = facts.foreign();
        left.metadata(metadata, &facts, if said { &[("Resolve_OTIO", "Note")] } else { &[] })?;
        others.iter().for_each(|(key, value)| left.add(key, value.raw()));
        left.into_foreign(&mut marker.foreign);
        Ok(marker)
    }

    /// The colour of a marker: a name, or since Marker.3 an object that may have one.
    fn color(
        &mut self,
        marker: &mut Marker,
        facts: &Facts<'t>,
        color: Option<Value<'t>>,
        left: &mut Left,
    ) -> Result<()> {
        let Some(color) = color.filter(|color| !color.is_null()) else { return Ok(()) };
        if color.kind() == Kind::Object {
            let name = text(color.get("name"))?;
            left.add("color", color.raw());
            marker.color =
                if name.is_empty() { Some(nearest(color).to_owned()) } else { Some(name) };
            return Ok(());
        }
        let shown = text(Some(color))?;
        if let Some(kept) = facts.get("otio_color", |color| color.is_object().then_some(color)) {
            left.add("color", kept.raw());
        }
        // What emam says holds while the file shows it so.
        let said = facts.get("color", |color| match color.as_text() {
            Some(text) => Some(Some(text.into_owned())),
            None => color.is_null().then_some(None),
        });
        let said = said.map(|said| said.map(|color| facts.exactly("color", color)));
        marker.color = match said {
            Some(said) if super::super::schema::marker_color(said.as_deref()) == shown => said,
            _ => Some(shown),
        };
        Ok(())
    }
}

/// The named colour nearest to one given in red, green and blue from 0 to 1.
fn nearest(color: Value<'_>) -> &'static str {
    /// Red, green and blue of [`COLORS`], as OpenTimelineIO's `Color` has them.
    const PARTS: [[f64; 3]; 11] = [
        [1.0, 0.0, 1.0],
        [1.0, 0.0, 0.0],
        [1.0, 0.5, 0.0],
        [1.0, 1.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 1.0, 1.0],
        [0.0, 0.0, 1.0],
        [0.5, 0.0, 0.5],
        [1.0, 0.0, 1.0],
        [0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0],
    ];
    let part = |key| color.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let wanted = [part("r"), part("g"), part("b")];
    let miss = |parts: &[f64; 3]| {
        parts.iter().zip(wanted).map(|(part, wanted)| (part - wanted).powi(2)).sum::<f64>()
    };
    let best = PARTS.iter().zip(COLORS).min_by(|(a, _), (b, _)| miss(a).total_cmp(&miss(b)));
    best.map_or("GREEN", |(_, name)| name)
}

impl<'t> Reader<'_, 't> {
    /// Cuts a track to the range it is shown in.
    pub(super) fn trim(
        &mut self,
        value: Value<'t>,
        track: &mut Track,
        start: Time,
        length: Time,
        rate: Rate,
    ) -> Result<()> {
        let start = self.frames(value, start, rate, "the start of a track")?;
        let length = self.frames(value, length, rate, "the length of a track")?;
        let has = track::length(&track.items);
        let mut items = std::mem::take(&mut track.items);
        if start < 0 {
            items.insert(0, Item::Gap(Gap::new(start.saturating_neg())));
        }
        let part = |clip: Clip, left: i64, right: i64| {
            let keeps = |frames: i64, head: i64, tail: i64| match frames {
                0 => Ok(None),
                _ => piece::trimmed(clip.clone(), head, tail, rate, None).map(Some),
            };
            let duration = clip.duration;
            Ok((keeps(left, 0, duration - left)?, keeps(right, duration - right, 0)?))
        };
        if start > 0 {
            (_, items) = track::take_out(items, 0, start, part)?;
        }
        let end = track::length(&items);
        if length < end {
            (items, _) = track::take_out(items, length.max(0), end, part)?;
        }
        track.items = items;
        if start > 0 || length < has.saturating_sub(start) {
            let message = format!(
                "track {:?} shows {length} frames from frame {start} on; what it does not show \
                 was cut away",
                track.name
            );
            self.issue(value, IssueKind::Corrected, message);
        }
        Ok(())
    }
}
