//! `.otio` text as sequences.

mod clip;
mod items;
mod media;

use std::collections::{HashMap, HashSet};

use self::media::Known;
use super::facts::{Facts, Left};
use super::json::{Tape, Value};
use super::schema::{Schema, members};
use super::time::{Frames, Time, Times, nearest};
use crate::clock::Clock;
use crate::error::Result;
use crate::id::{ProjectId, SequenceId};
use crate::model::{Gap, Item, Sequence, Track, TrackKind};
use crate::time::{Rate, Timecode, gcd};
use crate::timeline::format::reading::Reading;
use crate::timeline::format::{DocumentBin, ReadDocument, ReadOptions};
use crate::timeline::{Issue, IssueKind, track};

/// What an `.otio` file holds: a timeline, or a stack, track or clip alone, or a collection of
/// these.
pub(in crate::timeline::format) fn read(
    bytes: &[u8],
    options: &ReadOptions,
    clock: &dyn Clock,
) -> Result<ReadDocument> {
    let tape = Tape::of_bytes(bytes, options.max_depth)?;
    let mut reader = Reader {
        reading: Reading::new(options, clock),
        project: ProjectId::new(clock),
        times: Times::default(),
        nested: Vec::new(),
        known: HashMap::new(),
        ids: HashSet::new(),
        media: Known::default(),
        nesting: 0,
    };
    let mut bin = DocumentBin::default();
    reader.root(tape.root(), &mut bin)?;
    let Reader { mut reading, nested, .. } = reader;
    reading.document.sequences.extend(nested);
    if !bin.bins.is_empty() || !bin.media.is_empty() {
        reading.document.bins.push(bin);
    }
    Ok(reading.finish())
}

struct Reader<'a, 't> {
    reading: Reading<'a>,
    /// The project of sequences that name none.
    project: ProjectId,
    times: Times,
    /// Sequences found in others.
    nested: Vec<Sequence>,
    /// The nested sequences by the id the file gives them: their own id, content and length.
    known: HashMap<SequenceId, (SequenceId, String, i64)>,
    ids: HashSet<SequenceId>,
    media: Known<'t>,
    /// How many sequences are around this place.
    nesting: usize,
}

/// The sequence around a thing that is read.
#[derive(Clone, Copy)]
struct Around {
    rate: Rate,
    project: ProjectId,
    kind: TrackKind,
    drop_frame: bool,
}

/// The part of a frame by which the items so far are longer than their whole frames: items of
/// another rate are rounded so that what follows them stays in step.
#[derive(Clone, Copy)]
struct Carry(i128, i128);

impl<'t> Reader<'_, 't> {
    fn root(&mut self, value: Value<'t>, bin: &mut DocumentBin) -> Result<()> {
        match Schema::of(value)? {
            Schema::Timeline => {
                let sequence = self.timeline(value)?;
                self.reading.document.sequences.push(sequence);
            }
            Schema::Stack | Schema::Track | Schema::Clip | Schema::Gap | Schema::Transition => {
                let sequence = self.bare(value)?;
                self.reading.document.sequences.push(sequence);
            }
            Schema::Collection => {
                let names = ["name", "metadata", "children"];
                let ([name, metadata, children], others) = members(value, names);
                bin.name = text(name)?;
                if others.iter().any(|(_, value)| !value.is_null())
                    || metadata.is_some_and(|metadata| metadata.is_object() && !metadata.is_empty())
                {
                    let message = "what a collection says of itself is not kept";
                    self.issue(value, IssueKind::NotUnderstood, message);
                }
                self.collection(children, bin)?;
            }
            _ if value.kind() == super::json::Kind::Array => self.collection(Some(value), bin)?,
            _ => {
                let found = value.get("OTIO_SCHEMA").and_then(Value::as_text);
                let message = "this is no timeline: the file holds none of the things \
                               OpenTimelineIO makes timelines of";
                let error = value.error(message);
                return Err(error.with("schema", found.unwrap_or_default()));
            }
        }
        Ok(())
    }

    fn collection(&mut self, children: Option<Value<'t>>, bin: &mut DocumentBin) -> Result<()> {
        for child in children.iter().flat_map(|children| children.elements()) {
            match Schema::of(child)? {
                Schema::Collection => {
                    let mut inner = DocumentBin::default();
                    self.root(child, &mut inner)?;
                    bin.bins.push(inner);
                }
                Schema::Clip => {
                    let around = Around {
                        rate: Rate::FPS_25,
                        project: self.project,
                        kind: TrackKind::Video,
                        drop_frame: false,
                    };
                    bin.media.extend(self.bin_clip(child, around)?);
                }
                Schema::Timeline | Schema::Stack | Schema::Track => self.root(child, bin)?,
                _ => {
                    let message = "a thing in a collection is not understood";
                    self.issue(child, IssueKind::NotUnderstood, message);
                }
            }
        }
        Ok(())
    }

    fn timeline(&mut self, value: Value<'t>) -> Result<Sequence> {
        let names = ["metadata", "name", "global_start_time", "tracks"];
        let ([metadata, name, start, stack], others) = members(value, names);
        let facts = Facts::of(metadata);
        let start = start.map(|start| self.times.time(start)).transpose()?.flatten();
        let rate = self.rate(&facts, start, stack)?;
        let start = start.map(|start| self.frames(value, start, rate, "the start")).transpose()?;
        let mut sequence = self.sequence(&facts, rate, self.project)?;
        sequence.name = facts.exactly("name", text(name)?);
        if name.is_none_or(Value::is_null)
            && let Some(name) = &self.reading.options.name
        {
            sequence.name.clone_from(name);
        }
        sequence.start = start.unwrap_or(0);
        sequence.drop_frame = self.drop_frame(value, &facts, rate);
        sequence.foreign = facts.foreign();
        let mut left = Left::default();
        if let Some(stack) = stack.filter(|stack| !stack.is_null()) {
            if Schema::of(stack)? != Schema::Stack {
                return Err(stack.error("the tracks of a timeline are a Stack"));
            }
            let mut inner = Left::default();
            self.stack(stack, &mut sequence, start.is_none(), &mut inner)?;
            left.nest("stack", inner);
        }
        let mut own = Left::default();
        own.metadata(metadata, &facts, &[])?;
        others.iter().for_each(|(key, value)| own.add(key, value.raw()));
        left.nest("timeline", own);
        left.into_foreign(&mut sequence.foreign);
        Ok(sequence)
    }

    /// A sequence of a stack, or of a thing that is no stack.
    fn bare(&mut self, value: Value<'t>) -> Result<Sequence> {
        let facts = Facts::default();
        let rate = self.rate(&facts, None, Some(value))?;
        let mut sequence = self.sequence(&facts, rate, self.project)?;
        sequence.name = text(value.get("name"))?;
        if sequence.name.is_empty()
            && let Some(name) = &self.reading.options.name
        {
            sequence.name.clone_from(name);
        }
        let mut left = Left::default();
        if Schema::of(value)? == Schema::Stack {
            let mut inner = Left::default();
            self.stack(value, &mut sequence, true, &mut inner)?;
            left.nest("stack", inner);
        } else {
            self.layers(&mut std::iter::once(value), &mut sequence, true)?;
        }
        left.into_foreign(&mut sequence.foreign);
        Ok(sequence)
    }

    /// A sequence without tracks, from what emam says of it.
    fn sequence(&mut self, facts: &Facts<'_>, rate: Rate, project: ProjectId) -> Result<Sequence> {
        let clock = self.reading.clock;
        let project = facts.parsed("project_id").unwrap_or(project);
        let mut sequence = Sequence::new(clock, project, "", rate);
        if let Some(id) = facts.parsed::<SequenceId>("sequence_id") {
            if self.ids.contains(&id) {
                let message = format!("two sequences have the id {id}; one has a new one now");
                self.reading.issue(IssueKind::Corrected, message);
            } else {
                sequence.id = id;
            }
        }
        self.ids.insert(sequence.id);
        if let Some([width, height]) = facts.numbers("frame_size").as_deref() {
            (sequence.width, sequence.height) = (Some(*width), Some(*height));
        } else {
            sequence.width = facts.number("width");
            sequence.height = facts.number("height");
        }
        sequence.sample_rate = facts.number("sample_rate");
        sequence.revision = whole(facts, "revision").unwrap_or(sequence.revision);
        sequence.created_at = facts.parsed("created_at").unwrap_or(sequence.created_at);
        sequence.updated_at = facts.parsed("updated_at").unwrap_or(sequence.updated_at);
        let shown = facts.map("metadata").unwrap_or_default();
        sequence.metadata = facts.exactly_map("metadata", shown).into_iter().collect();
        Ok(sequence)
    }

    fn drop_frame(&mut self, value: Value<'t>, facts: &Facts<'_>, rate: Rate) -> bool {
        let drop = facts.flag("drop").or(self.reading.options.drop_frame).unwrap_or(false);
        if Timecode::new(0, rate, drop).is_ok() {
            return drop;
        }
        let message =
            format!("there is no drop-frame timecode at {rate}; it counts all frames now");
        self.issue(value, IssueKind::Corrected, message);
        false
    }

    /// The frames a second of a sequence: what emam says, if that is what the floats mean; that of
    /// its start; that of its first item.
    fn rate(
        &mut self,
        facts: &Facts<'_>,
        start: Option<Time>,
        tracks: Option<Value<'t>>,
    ) -> Result<Rate> {
        let said = facts.rate("rate");
        let time = match start {
            Some(start) => Some(start),
            None => tracks.map(|tracks| self.first_length(tracks)).transpose()?.flatten(),
        };
        let rate = match (time, said, self.reading.options.rate) {
            (Some(time), said, _) => time.exactly(said).rate(),
            (None, Some(rate), _) | (None, None, Some(rate)) => rate,
            (None, None, None) => {
                let message = "the file does not say how many frames a second the sequence has; \
                               25 are taken";
                self.reading.issue(IssueKind::Guessed, message);
                Rate::FPS_25
            }
        };
        if !rate.is_standard() && said != Some(rate) {
            let message = format!("the sequence has {rate} frames a second, which is not usual");
            self.reading.issue(IssueKind::NonStandardRate, message);
        }
        Ok(rate)
    }

    /// The length of the first item in something.
    fn first_length(&mut self, value: Value<'t>) -> Result<Option<Time>> {
        for child in value.get("children").iter().flat_map(|children| children.elements()) {
            if let Some(time) = self.first_length(child)? {
                return Ok(Some(time));
            }
        }
        let range = value.get("source_range").filter(|range| !range.is_null());
        let range = range.or_else(|| {
            let references = value.get("media_references").and_then(|all| {
                all.members().find_map(|(_, reference)| reference.get("available_range"))
            });
            references.or_else(|| value.get("media_reference")?.get("available_range"))
        });
        let range = range.map(|range| self.times.range(range)).transpose()?.flatten();
        Ok(range.map(|(_, duration)| duration))
    }

    /// The stack of a timeline: its tracks, and what is left of it. `free` is whether the start of
    /// the sequence is not said.
    fn stack(
        &mut self,
        value: Value<'t>,
        sequence: &mut Sequence,
        free: bool,
        left: &mut Left,
    ) -> Result<()> {
        let names = [
            "metadata",
            "name",
            "source_range",
            "effects",
            "markers",
            "enabled",
            "color",
            "children",
        ];
        let ([metadata, name, range, effects, markers, enabled, color, children], others) =
            members(value, names);
        let rate = sequence.rate;
        for marker in markers.iter().flat_map(|markers| markers.elements()) {
            let marker = self.marker(marker, rate, 0)?;
            sequence.markers.push(marker);
        }
        let children = children.filter(|children| !children.is_null());
        let mut layers = children.iter().flat_map(|children| children.elements());
        self.layers(&mut layers, sequence, free)?;
        if let Some((start, length)) = self.range(range)? {
            for track in &mut sequence.tracks {
                self.trim(value, track, start, length, rate)?;
            }
        }
        left.metadata(metadata, &Facts::default(), &[])?;
        if text(name)? != "tracks" {
            left.keep("name", name);
        }
        left.keep("effects", effects);
        if enabled.and_then(Value::as_bool) == Some(false) {
            left.keep("enabled", enabled);
            let message = "the whole timeline is switched off; its sequence is on";
            self.issue(value, IssueKind::NotUnderstood, message);
        }
        left.keep("color", color);
        others.iter().for_each(|(key, value)| left.add(key, value.raw()));
        Ok(())
    }

    /// The layers of a stack as tracks; what is no track gets one of its own.
    fn layers(
        &mut self,
        children: &mut dyn Iterator<Item = Value<'t>>,
        sequence: &mut Sequence,
        free: bool,
    ) -> Result<()> {
        let mut offsets = Vec::new();
        let around = Around {
            rate: sequence.rate,
            project: sequence.project,
            kind: TrackKind::Video,
            drop_frame: sequence.drop_frame,
        };
        for child in children {
            if Schema::of(child)? == Schema::Track {
                let (track, offset) = self.track(child, around)?;
                sequence.tracks.push(track);
                offsets.push(offset.unwrap_or(0));
                continue;
            }
            let name = text(child.get("name"))?;
            let id = self.reading.track_id(None, &name);
            let mut track = Track::new(self.reading.clock, TrackKind::Video, name);
            track.id = id;
            self.item(child, around, &mut Carry(0, 1), &mut track, &mut Vec::new())?;
            if !track.items.is_empty() {
                let message = "a thing lies in a stack without a track; it has one of its own now";
                self.issue(child, IssueKind::Corrected, message);
                sequence.tracks.push(track);
                offsets.push(0);
            }
        }
        self.set_off(sequence, &offsets, free);
        if !sequence.tracks.is_sorted_by_key(|track| track.kind) {
            let message = format!(
                "the tracks of {:?} were out of order; now video comes first, then sound, then \
                 captions",
                sequence.name
            );
            self.reading.issue(IssueKind::Corrected, message);
            sequence.tracks.sort_by_key(|track| track.kind);
        }
        Ok(())
    }

    /// Moves tracks by the frames they lie behind the start. Where all do and the file says no
    /// start, as those made of EDLs do, the least of it is the start.
    fn set_off(&mut self, sequence: &mut Sequence, offsets: &[i64], free: bool) {
        let least = offsets.iter().copied().min().filter(|_| free).unwrap_or(0);
        if least > 0 {
            let message = format!("the tracks begin at frame {least}: that is the start now");
            self.reading.issue(IssueKind::Guessed, message);
            sequence.start = least;
        }
        for (track, offset) in sequence.tracks.iter_mut().zip(offsets) {
            if *offset > least {
                track.items.insert(0, Item::Gap(Gap::new(offset - least)));
            }
        }
    }

    /// A track, and by how many frames it lies behind the start if its range says that.
    fn track(&mut self, value: Value<'t>, around: Around) -> Result<(Track, Option<i64>)> {
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
        let facts = Facts::of(metadata);
        let name = facts.exactly("name", text(name)?);
        let id = self.reading.track_id(facts.parsed("track_id"), &name);
        let mut left = Left::default();
        let said = text(kind)?;
        let kind_of = match said.as_str() {
            "Video" => TrackKind::Video,
            "Audio" => TrackKind::Audio,
            "Caption" => TrackKind::Caption,
            other => {
                let message = format!("a track of kind {other:?} is read as video");
                self.issue(value, IssueKind::Guessed, message);
                left.keep("kind", kind);
                TrackKind::Video
            }
        };
        let around = Around { kind: kind_of, ..around };
        let mut track = Track::new(self.reading.clock, kind_of, name);
        track.id = id;
        track.enabled = enabled.and_then(Value::as_bool).unwrap_or(true);
        let (mut carry, mut unknown) = (Carry(0, 1), Vec::new());
        for child in children.iter().flat_map(|children| children.elements()) {
            self.item(child, around, &mut carry, &mut track, &mut unknown)?;
        }
        let mut offset = None;
        if let Some((start, length)) = self.range(range)? {
            let begin = start.at(around.rate)?.value;
            // A range that shows nothing of the track is none: EDL readers say so where it begins.
            if begin.saturating_add(length.at(around.rate)?.value) <= 0 && begin < 0 {
                offset = Some(begin.saturating_neg());
            } else {
                self.trim(value, &mut track, start, length, around.rate)?;
            }
        }
        let misfits = track::misfits(&track.items);
        if !misfits.is_empty() {
            self.misplaced(value, &mut track, &misfits);
        }
        track.foreign = facts.foreign();
        left.metadata(metadata, &facts, &[])?;
        left.keep("effects", effects);
        left.keep("markers", markers);
        left.keep("color", color);
        others.iter().for_each(|(key, value)| left.add(key, value.raw()));
        if !unknown.is_empty() {
            left.add("emam:unknown", &format!("[{}]", unknown.join(",")));
        }
        left.into_foreign(&mut track.foreign);
        Ok((track, offset))
    }

    /// Leaves out transitions that no track can hold.
    fn misplaced(
        &mut self,
        value: Value<'t>,
        track: &mut Track,
        misfits: &[(usize, track::Misfit)],
    ) {
        let wrong: HashSet<usize> = misfits.iter().map(|(index, _)| *index).collect();
        let mut index = 0;
        track.items.retain(|item| {
            index += 1;
            let stays = !wrong.contains(&(index - 1));
            if let (false, Item::Transition(transition)) = (stays, item) {
                let message = format!(
                    "transition {:?} ({} frames before the cut, {} after) does not fit between \
                     its neighbours and was left out",
                    transition.kind, transition.in_offset, transition.out_offset
                );
                self.issue(value, IssueKind::NotUnderstood, message);
            }
            stays
        });
    }

    fn range(&mut self, range: Option<Value<'t>>) -> Result<Option<(Time, Time)>> {
        range.map(|range| self.times.range(range)).transpose().map(Option::flatten)
    }

    /// A time as frames of a rate; rounding is noted.
    fn frames(&mut self, value: Value<'t>, time: Time, rate: Rate, what: &str) -> Result<i64> {
        let Frames { value: frames, rounded } =
            time.at(rate).map_err(|error| value.error("a time is too long").caused_by(error))?;
        if rounded {
            let message = format!("{what} lies between two frames; frame {frames} was taken");
            self.issue(value, IssueKind::Rounded, message);
        }
        Ok(frames)
    }

    /// A length on a track as frames of its sequence, in step with the lengths before it.
    fn length(
        &mut self,
        value: Value<'t>,
        time: Time,
        rate: Rate,
        carry: &mut Carry,
    ) -> Result<i64> {
        let (own_num, own_den) = time.fraction(rate);
        // Exact while the fractions fit; past that the rest of a frame is forgotten.
        let (num, den) = add((own_num, own_den), (carry.0, carry.1)).unwrap_or((own_num, own_den));
        let frames = nearest(num, den)
            .map_err(|error| value.error("a time is too long").caused_by(error))?;
        let rest = num - i128::from(frames) * den;
        let common = gcd(rest, den).max(1);
        *carry = Carry(rest / common, den / common);
        if own_num % own_den != 0 {
            let message = format!("a length lies between two frames; {frames} frames were taken");
            self.issue(value, IssueKind::Rounded, message);
        }
        Ok(frames)
    }

    /// Notes something about a thing of the file.
    fn issue(&mut self, value: Value<'_>, kind: IssueKind, message: impl Into<String>) {
        self.reading.note(Issue::new(kind, message).at_line(value.line()));
    }
}

/// The sum of two fractions, if it fits.
fn add((a, b): (i128, i128), (c, d): (i128, i128)) -> Option<(i128, i128)> {
    if c == 0 {
        return Some((a, b));
    }
    let common = gcd(b, d).max(1);
    let den = b.checked_mul(d / common)?;
    let num = a.checked_mul(den / b)?.checked_add(c.checked_mul(den / d)?)?;
    Some((num, den))
}

/// A text, empty if it is absent or null.
fn text(value: Option<Value<'_>>) -> Result<String> {
    match value {
        Some(value) if !value.is_null() => match value.as_text() {
            Some(text) => Ok(text.into_owned()),
            None => Err(value.error("expected a text here")),
        },
        _ => Ok(String::new()),
    }
}

/// A whole number without a sign, which stands as text if it has more than 63 bits.
fn whole(facts: &Facts<'_>, key: &str) -> Option<u64> {
    facts.get(key, |value| match value.as_text() {
        Some(text) => text.parse().ok(),
        None => value.as_i64()?.try_into().ok(),
    })
}
