//! Writes documents as xmeml for Premiere.

mod bin;
mod clip;
mod file;
mod layout;
mod sequence;
mod track;
mod xml;

pub(super) use self::clip::channel_type_of;
pub(super) use self::file::{channels_of, size_of};
pub(super) use self::track::{TRACK_NAME, TYPE, WIDTH, WIDTH_INDEX, output, track_type};

use std::collections::{BTreeMap, HashMap};

use self::xml::Xml;
use super::foreign::FORMAT;
use crate::error::{Error, Result};
use crate::id::{AssetId, SequenceId, VersionId};
use crate::model::{Foreign, Marker, Sequence};
use crate::time::Rate;
use crate::timeline::format::{Document, WriteOptions, Written};
use crate::timeline::{Issue, IssueKind};

use super::dom::Dom;
use super::effects::{marker_color, marker_color_name};
use super::foreign::tree;
use super::frames::{is_sayable, rescaled};

/// How deep sequences are written inside of the clips that show them; deeper ones stand on their
/// own. Each costs five levels of the 256 that readers allow.
const MAX_NESTED: usize = 24;

/// The xmeml file of a document: its sequences, and its bins where it has some.
///
/// A sequence stands where it is first used and a file in the clip that first uses it; later uses
/// refer to them. Without bins the sequences are the whole file, as in a sequence exported from
/// Premiere, which makes master clips of the files by itself.
pub(in super::super) fn write(document: &Document, options: &WriteOptions) -> Result<Written> {
    let mut writer = Writer {
        document,
        options,
        xml: Xml::default(),
        issues: Vec::new(),
        files: HashMap::new(),
        sequences: document
            .sequences
            .iter()
            .enumerate()
            .map(|(index, sequence)| (sequence.id, (index, false)))
            .collect(),
        next_clip: 1,
        nested: 0,
        not_carried: BTreeMap::new(),
    };
    writer.document()?;
    writer.finish()
}

struct Writer<'a> {
    document: &'a Document,
    options: &'a WriteOptions,
    xml: Xml,
    issues: Vec<Issue>,
    /// The number of each file that was written.
    files: HashMap<(AssetId, Option<VersionId>), usize>,
    /// Where each sequence stands in the document, and whether it was written.
    sequences: HashMap<SequenceId, (usize, bool)>,
    next_clip: usize,
    nested: usize,
    /// How many things have text of another format, by its name.
    not_carried: BTreeMap<String, usize>,
}

impl Writer<'_> {
    fn document(&mut self) -> Result<()> {
        let document = self.document;
        self.xml.text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE xmeml>\n");
        self.xml.tag("xmeml");
        self.xml.attribute("version", 4);
        self.xml.enter();
        if !document.bins.is_empty() {
            self.xml.open("project");
            self.xml.leaf("name", document.main().map_or("", |main| &main.name));
            self.xml.open("children");
            for bin in &document.bins {
                self.bin(bin, 0)?;
            }
            self.xml.close("children");
            self.xml.close("project");
        }
        for sequence in &document.sequences {
            if !self.is_written(sequence.id) {
                self.sequence(sequence)?;
            }
        }
        self.xml.close("xmeml");
        Ok(())
    }

    fn finish(mut self) -> Result<Written> {
        if self.xml.replaced > 0 {
            let message = format!(
                "{} texts have control characters, which XML cannot hold; each is U+FFFD now",
                self.xml.replaced
            );
            self.issue(IssueKind::NotCarried, message);
        }
        for (format, count) in std::mem::take(&mut self.not_carried) {
            let message = format!("what .{format} files said of {count} things is not in this one");
            self.issue(IssueKind::NotCarried, message);
        }
        Ok(Written::one(self.xml.text, self.issues))
    }

    fn is_written(&self, sequence: SequenceId) -> bool {
        self.sequences.get(&sequence).is_some_and(|(_, written)| *written)
    }

    /// The tree of what was kept of a thing that is an element of this name here.
    fn kept<'f>(&mut self, foreign: &'f Foreign, name: &str) -> Option<Dom<'f>> {
        for format in foreign.keys().filter(|format| *format != FORMAT) {
            *self.not_carried.entry(format.clone()).or_default() += 1;
        }
        tree(foreign, name)
    }

    fn issue(&mut self, kind: IssueKind, message: impl Into<String>) {
        self.issues.push(Issue::new(kind, message));
    }

    /// Marks, counted at `rate`, in an element that counts at `written`.
    fn markers(&mut self, markers: &[Marker], rate: Rate, written: Rate) -> Result<()> {
        for marker in markers {
            let kept = self.kept(&marker.foreign, "marker");
            let kept = kept.as_ref().and_then(Dom::root);
            let at = |frames: i64| {
                rescaled(frames, rate, written).ok_or_else(|| too_large("marker", &marker.name))
            };
            let (start, duration) = (at(marker.start)?, at(marker.duration)?);
            self.xml.tag("marker");
            self.xml.other_attributes(kept, &[]);
            if rate != written {
                self.xml.own("at", format!("{} {}", marker.start, marker.duration));
            }
            let color = marker.color.as_deref();
            let number = color.and_then(marker_color);
            if number.and_then(|number| marker_color_name(&number.to_string())) != color
                && let Some(color) = color
            {
                self.xml.own("color", color);
            }
            self.xml.enter();
            self.xml.leaf("comment", &marker.comment);
            self.xml.leaf("name", &marker.name);
            self.xml.number("in", start);
            let end = start.saturating_add(duration.max(i64::from(marker.duration > 0)));
            self.xml.number("out", if marker.duration > 0 { end } else { -1 });
            if let Some(number) = number {
                self.xml.number("pproColor", number);
            }
            let but: &[&str] = if color.is_some() { &["pproColor"] } else { &[] };
            self.xml.others(kept, but);
            self.xml.close("marker");
        }
        Ok(())
    }
}

/// The rate an element counts at for a thing that runs at `rate`.
fn counting(rate: Rate, sequence: &Sequence) -> Rate {
    if is_sayable(rate) || !is_sayable(sequence.rate) { rate } else { sequence.rate }
}

/// A number that is beyond 64 bits in the file.
fn too_large(what: &'static str, name: &str) -> Error {
    let message = "a time of this sequence is too large for an XML file; correct it";
    Error::invalid("timeline.write", message).with(what, name)
}
