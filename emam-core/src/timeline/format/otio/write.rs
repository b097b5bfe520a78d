//! Sequences as `.otio` text, as OpenTimelineIO 0.18.1 itself would write it.

mod blocks;
mod clip;
mod media;

pub(super) use media::{file_name, first_frame};

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use self::blocks::{Block, Exact, foreign};
use super::facts::kept;
use super::json::{Tape, Value};
use super::print::Printer;
use super::schema::marker_color;
use super::time::portable;
use crate::error::{Error, Result};
use crate::id::{AssetId, ClipId, SequenceId, VersionId};
use crate::model::{
    ClipSource, Foreign, Gap, Item, Marker, Sequence, Track, TrackKind, Transition,
};
use crate::time::{MediaTime, Rate};
use crate::timeline::format::{Document, Flavour, WriteOptions, Written};

use crate::timeline::{Issue, IssueKind};

/// Items written in nested sequences, at most: one that is used twice is written twice, so a few
/// sequences nested in each other could fill a disk.
const MAX_NESTED: u64 = 4_000_000;

/// The `.otio` file of a document.
pub(in crate::timeline::format) fn write(
    document: &Document,
    options: &WriteOptions,
) -> Result<Written> {
    let main = document.main()?;
    let mut writer = Writer {
        document,
        options,
        sequences: document.sequences.iter().map(|sequence| (sequence.id, sequence)).collect(),
        out: Printer::new(main.clips().count() * 4096),
        issues: Vec::new(),
        open: Vec::new(),
        nested: 0,
        ambiguous: 0,
        references_lost: 0,
        written: HashMap::new(),
        links: HashMap::new(),
    };
    let roots = writer.roots();
    match roots.as_slice() {
        [one] => writer.timeline(one)?,
        many => {
            writer.out.begin("SerializableCollection.1");
            writer.out.key("metadata");
            writer.out.open_object();
            writer.out.close_object();
            writer.out.member("name", "");
            writer.out.key("children");
            writer.out.open_array();
            for sequence in many {
                writer.out.item();
                writer.timeline(sequence)?;
            }
            writer.out.close_array();
            writer.out.close_object();
        }
    }
    writer.sum_up();
    Ok(Written::one(writer.out.finish(), writer.issues))
}

/// What clips of a sequence belong together by.
#[derive(PartialEq, Eq, Hash)]
enum Link {
    Group(u32),
    /// A clip that is alone.
    Clip(ClipId),
}

/// Media, and how deep what is said of it lies.
type Place = (AssetId, Option<VersionId>, usize);

struct Writer<'a> {
    document: &'a Document,
    options: &'a WriteOptions,
    sequences: HashMap<SequenceId, &'a Sequence>,
    out: Printer,
    issues: Vec<Issue>,
    /// The sequences around this place.
    open: Vec<SequenceId>,
    /// Items written in nested sequences.
    nested: u64,
    /// Clips at another speed, for a program that may understand it otherwise.
    ambiguous: u64,
    /// Media references left out.
    references_lost: u64,
    /// Where the references of media at a depth were written, and how many of them were left out.
    written: HashMap<Place, (Range<usize>, u64)>,
    /// Premiere's numbers of the clips that belong together, by sequence and our number.
    links: HashMap<(SequenceId, Link), i64>,
}

impl<'a> Writer<'a> {
    /// The sequences that are not nested in one before them; what the file cannot hold is noted.
    fn roots(&mut self) -> Vec<&'a Sequence> {
        let mut reached = HashSet::new();
        let mut roots = Vec::new();
        for sequence in &self.document.sequences {
            if reached.contains(&sequence.id) {
                continue;
            }
            if roots.is_empty() || self.options.flavour == Flavour::Plain {
                roots.push(sequence);
                let mut open = vec![sequence];
                while let Some(sequence) = open.pop() {
                    if reached.insert(sequence.id) {
                        let nested = sequence.clips().filter_map(|clip| match &clip.source {
                            ClipSource::Sequence(source) => self.sequences.get(&source.sequence),
                            _ => None,
                        });
                        open.extend(nested);
                    }
                }
            } else {
                let message = format!(
                    "sequence {:?} is not in the file: a file for this program holds one",
                    sequence.name
                );
                self.issues.push(Issue::new(IssueKind::NotCarried, message));
            }
        }
        if !self.document.bins.is_empty() {
            let message = "the bins of the document are not in the file: .otio holds none";
            self.issues.push(Issue::new(IssueKind::NotCarried, message));
        }
        let used: HashSet<_> = self
            .document
            .sequences
            .iter()
            .flat_map(Sequence::clips)
            .filter_map(|clip| clip.source.asset().map(|source| (source.asset, source.version)))
            .collect();
        let known = self.document.media.iter();
        let unused = known.filter(|(s, _)| !used.contains(&(s.asset, s.version))).count();
        if unused > 0 {
            let message = format!("{unused} media that no clip shows are not in the file");
            self.issues.push(Issue::new(IssueKind::NotCarried, message));
        }
        roots
    }

    fn sum_up(&mut self) {
        if self.ambiguous > 0 {
            let message = format!(
                "{} clips run at another speed: Premiere may take their length for one of the \
                 media; a cut with such clips travels better as .xml",
                self.ambiguous
            );
            self.issues.push(Issue::new(IssueKind::SpeedAmbiguous, message));
        }
        if self.references_lost > 0 {
            let message = format!(
                "{} media references of other renditions are not in the file: a clip of this \
                 version of the format has one",
                self.references_lost
            );
            self.issues.push(Issue::new(IssueKind::NotCarried, message));
        }
    }

    /// What files of this format said of a thing; what is no text of theirs is noted.
    fn left<'f>(&mut self, foreign: &'f Foreign, of: &str) -> Option<Tape<'f>> {
        match kept(foreign)? {
            Ok(tape) => Some(tape),
            Err(error) => {
                let message =
                    format!("the foreign text kept of {of} is not written, it is no JSON: {error}");
                self.issues.push(Issue::new(IssueKind::NotCarried, message));
                None
            }
        }
    }

    fn timeline(&mut self, sequence: &'a Sequence) -> Result<()> {
        let tape = self.left(&sequence.foreign, &format!("sequence {:?}", sequence.name));
        let root = tape.as_ref().map(Tape::root);
        let left = root.and_then(|root| root.get("timeline"));
        let premiere = |out: &mut Printer| out.member("MetadataVersion", "1.0");
        let resolve = |out: &mut Printer| out.member("Resolve OTIO Meta Version", "1.0");
        let emam = |out: &mut Printer| blocks::sequence(out, sequence, false);
        let mut own = vec![Block::new("emam", &[], &emam)];
        match self.options.flavour {
            Flavour::Premiere => {
                own.push(Block::new("PremierePro_OTIO", &["MetadataVersion"], &premiere));
            }
            Flavour::Resolve => {
                own.push(Block::new("Resolve_OTIO", &["Resolve OTIO Meta Version"], &resolve));
            }
            Flavour::Plain => {}
        }
        self.out.begin("Timeline.1");
        blocks::metadata(&mut self.out, left, &own);
        self.out.member("name", &sequence.name);
        self.time("global_start_time", MediaTime::new(sequence.start, sequence.rate))?;
        self.out.key("tracks");
        self.tracks(sequence, root.and_then(|root| root.get("stack")))?;
        self.rest(left, &["metadata"]);
        self.out.close_object();
        Ok(())
    }

    /// The stack of a timeline.
    fn tracks(&mut self, sequence: &'a Sequence, left: Option<Value<'_>>) -> Result<()> {
        self.out.begin("Stack.1");
        let stack = |out: &mut Printer| blocks::premiere_stack(out, sequence);
        let keys = ["AudioFrameRate", "PixelAspectRatio", "VideoFrameRate", "VideoResolution"];
        let own = [Block::new("PremierePro_OTIO", &keys, &stack)];
        let own = if self.options.flavour == Flavour::Premiere { &own[..] } else { &[] };
        blocks::metadata(&mut self.out, left, own);
        self.or_kept("name", left, |out| out.text("tracks"));
        self.out.copy("source_range", "null");
        self.or_kept("effects", left, Printer::nothing);
        self.out.key("markers");
        self.out.open_array();
        for marker in &sequence.markers {
            self.out.item();
            self.marker(marker, 0, sequence.rate, false)?;
        }
        self.out.close_array();
        self.or_kept("enabled", left, |out| out.bool(true));
        self.or_kept("color", left, Printer::null);
        self.children(sequence)?;
        self.rest(left, &["metadata", "name", "effects", "enabled", "color"]);
        self.out.close_object();
        Ok(())
    }

    /// The member `children` with the tracks of a sequence.
    fn children(&mut self, sequence: &'a Sequence) -> Result<()> {
        self.open.push(sequence.id);
        self.out.key("children");
        self.out.open_array();
        for track in &sequence.tracks {
            self.out.item();
            self.track(sequence, track)?;
        }
        self.out.close_array();
        self.open.pop();
        Ok(())
    }

    fn track(&mut self, sequence: &'a Sequence, track: &'a Track) -> Result<()> {
        let tape = self.left(&track.foreign, &format!("track {:?}", track.name));
        let left = tape.as_ref().map(Tape::root);
        let kind = match track.kind {
            TrackKind::Video => "Video",
            TrackKind::Audio => "Audio",
            TrackKind::Caption => "Caption",
        };
        let emam = |out: &mut Printer| {
            let mut exact = Exact::default();
            exact.text("name", &track.name);
            exact.foreign(&track.foreign, false);
            exact.print(out);
            foreign(out, &track.foreign, false);
            out.member("track_id", &track.id.to_string());
        };
        let resolve = |out: &mut Printer| out.flag("Locked", false);
        let channels = self.channels(track);
        let premiere = |out: &mut Printer| blocks::premiere_track(out, channels);
        let mut own = vec![Block::new("emam", &[], &emam)];
        match self.options.flavour {
            Flavour::Resolve => {
                let locked = left.and_then(|left| left.get("metadata")?.get("Resolve_OTIO"));
                if locked.is_none() {
                    own.push(Block::new("Resolve_OTIO", &["Locked"], &resolve));
                }
            }
            Flavour::Premiere if track.kind == TrackKind::Audio => {
                own.push(Block::new("PremierePro_OTIO", &["AudioChannels"], &premiere));
            }
            _ => {}
        }
        self.out.begin("Track.1");
        blocks::metadata(&mut self.out, left, &own);
        self.out.member("name", &track.name);
        self.out.copy("source_range", "null");
        self.or_kept("effects", left, Printer::nothing);
        self.or_kept("markers", left, Printer::nothing);
        self.out.flag("enabled", track.enabled);
        self.or_kept("color", left, Printer::null);
        self.out.key("children");
        self.out.open_array();
        let lost = left.and_then(|left| left.get("emam:unknown"));
        let mut lost = lost.iter().flat_map(|lost| lost.elements()).peekable();
        for (index, item) in track.items.iter().enumerate() {
            while let Some(thing) = lost.next_if(|thing| stood_before(*thing) <= index) {
                self.unknown(thing);
            }
            self.out.item();
            match item {
                Item::Clip(clip) => self.clip(sequence, track, clip)?,
                Item::Gap(gap) => self.gap(sequence.rate, gap)?,
                Item::Transition(transition) => self.transition(sequence.rate, transition)?,
            }
        }
        lost.for_each(|thing| self.unknown(thing));
        self.out.close_array();
        self.or_kept("kind", left, |out| out.text(kind));
        let done = ["metadata", "effects", "markers", "color", "kind"];
        self.rest(left, &done);
        self.out.close_object();
        Ok(())
    }

    /// A thing of another program that takes no time.
    fn unknown(&mut self, thing: Value<'_>) {
        if let Some(thing) = thing.get("thing") {
            self.out.item();
            self.out.raw(thing.raw());
        }
    }

    fn gap(&mut self, rate: Rate, gap: &Gap) -> Result<()> {
        let tape = self.left(&gap.foreign, "a gap");
        let left = tape.as_ref().map(Tape::root);
        if let Some(thing) = left.and_then(|left| left.get("emam:thing")) {
            self.out.raw(thing.raw());
            return Ok(());
        }
        let emam = |out: &mut Printer| {
            let mut exact = Exact::default();
            exact.foreign(&gap.foreign, false);
            exact.print(out);
            foreign(out, &gap.foreign, false);
        };
        let own = [Block::new("emam", &[], &emam)];
        let own = if blocks::has_foreign(&gap.foreign) { &own[..] } else { &[] };
        self.out.begin("Gap.1");
        blocks::metadata(&mut self.out, left, own);
        self.or_kept("name", left, |out| out.text(""));
        self.range("source_range", MediaTime::zero(rate), MediaTime::new(gap.duration, rate))?;
        self.or_kept("effects", left, Printer::nothing);
        self.or_kept("markers", left, Printer::nothing);
        self.or_kept("enabled", left, |out| out.bool(true));
        self.or_kept("color", left, Printer::null);
        self.rest(left, &["metadata", "name", "effects", "markers", "enabled", "color"]);
        self.out.close_object();
        Ok(())
    }

    fn transition(&mut self, rate: Rate, transition: &Transition) -> Result<()> {
        let tape = self.left(&transition.foreign, "a transition");
        let left = tape.as_ref().map(Tape::root);
        let kind = transition.kind.as_str();
        let emam = |out: &mut Printer| {
            let mut exact = Exact::default();
            exact.text("kind", kind);
            exact.foreign(&transition.foreign, false);
            exact.print(out);
            foreign(out, &transition.foreign, false);
            out.member("kind", kind);
        };
        self.out.begin("Transition.1");
        blocks::metadata(&mut self.out, left, &[Block::new("emam", &[], &emam)]);
        // The name and type of the file belong to the kind it had then.
        let named = left.filter(|left| {
            left.get("emam:kind").and_then(Value::as_text).is_none_or(|was| was == kind)
        });
        self.or_kept("name", named, |out| out.text(kind));
        self.time("in_offset", MediaTime::new(transition.in_offset, rate))?;
        self.time("out_offset", MediaTime::new(transition.out_offset, rate))?;
        let dissolve = kind.eq_ignore_ascii_case(Transition::DISSOLVE);
        let schema = if dissolve { "SMPTE_Dissolve" } else { "Custom_Transition" };
        self.or_kept("transition_type", named, |out| out.text(schema));
        self.rest(left, &["metadata", "name", "transition_type"]);
        self.out.close_object();
        Ok(())
    }

    /// A marker; `first` is the number of the first frame its frames are counted from.
    fn marker(
        &mut self,
        marker: &Marker,
        first: i64,
        rate: Rate,
        of_nested_sequence: bool,
    ) -> Result<()> {
        let tape = self.left(&marker.foreign, &format!("marker {:?}", marker.name));
        let left = tape.as_ref().map(Tape::root);
        let color = marker_color(marker.color.as_deref());
        let mut exact = Exact::default();
        exact.text("name", &marker.name);
        exact.text("comment", &marker.comment);
        exact.text("color", marker.color.as_deref().unwrap_or_default());
        exact.foreign(&marker.foreign, false);
        let kept_color = left.and_then(|left| left.get("color"));
        let says_color = marker.color.as_deref() != Some(color);
        let needed = says_color
            || of_nested_sequence
            || !exact.is_empty()
            || kept_color.is_some()
            || blocks::has_foreign(&marker.foreign);
        let emam = |out: &mut Printer| {
            if says_color {
                match &marker.color {
                    Some(color) => out.member("color", color),
                    None => out.copy("color", "null"),
                }
            }
            exact.print(out);
            foreign(out, &marker.foreign, false);
            if of_nested_sequence {
                out.member("of", "sequence");
            }
            // Marker.2 has colours by name only.
            if let Some(color) = kept_color {
                out.copy("otio_color", color.raw());
            }
        };
        // DaVinci Resolve reads the note from here and not from `comment`.
        let note = |out: &mut Printer| out.member("Note", &marker.comment);
        let mut own = Vec::with_capacity(2);
        if needed {
            own.push(Block::new("emam", &[], &emam));
        }
        if !marker.comment.is_empty() {
            own.push(Block::new("Resolve_OTIO", &["Note"], &note));
        }
        self.out.begin("Marker.2");
        blocks::metadata(&mut self.out, left, &own);
        self.out.member("name", &marker.name);
        self.out.member("color", color);
        let start = marker.start.checked_add(first).ok_or_else(|| {
            Error::invalid("timeline.write", "a marker lies beyond what 64 bits can count")
                .with("marker", &marker.name)
        })?;
        let duration = MediaTime::new(marker.duration, rate);
        self.range("marked_range", MediaTime::new(start, rate), duration)?;
        self.out.member("comment", &marker.comment);
        self.rest(left, &["metadata", "color"]);
        self.out.close_object();
        Ok(())
    }

    /// A member as it was kept from a file, or as it is when nothing is known of it.
    fn or_kept(&mut self, key: &str, left: Option<Value<'_>>, print: impl FnOnce(&mut Printer)) {
        self.out.key(key);
        match left.and_then(|left| left.get(key)) {
            Some(value) => self.out.raw(value.raw()),
            None => print(&mut self.out),
        }
    }

    /// What was kept from a file beyond the members in `done`.
    fn rest(&mut self, left: Option<Value<'_>>, done: &[&str]) {
        for (key, value) in left.iter().flat_map(|left| left.members()) {
            if !done.contains(&&*key) && !key.starts_with("emam:") {
                self.out.copy(&key, value.raw());
            }
        }
    }

    fn time(&mut self, key: &str, time: MediaTime) -> Result<()> {
        let value = portable(time.value(), time.rate())?;
        self.out.key(key);
        self.out.begin("RationalTime.1");
        self.out.key("rate");
        self.out.float(time.rate().as_f64());
        self.out.key("value");
        self.out.whole(value);
        self.out.close_object();
        Ok(())
    }

    fn range(&mut self, key: &str, start: MediaTime, duration: MediaTime) -> Result<()> {
        self.out.key(key);
        self.out.begin("TimeRange.1");
        self.time("duration", duration)?;
        self.time("start_time", start)?;
        self.out.close_object();
        Ok(())
    }
}

/// Before which item of its track a thing of another program stood.
fn stood_before(thing: Value<'_>) -> usize {
    let index = thing.get("before").and_then(Value::as_i64);
    index.and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX)
}
