//! Reads xmeml of every program that writes it.

mod bin;
mod clip;
mod file;
mod link;
mod marker;
mod place;
mod sequence;
mod track;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use self::file::File;
use super::decode::decode;
use super::dom::{Dom, Element};
use super::effects::is_true;
use super::foreign::OWN;
use super::frames::{is_sayable, rate_of};
use super::text::number;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::id::{ProjectId, SequenceId};
use crate::time::Rate;
use crate::timeline::IssueKind;
use crate::timeline::format::reading::Reading;
use crate::timeline::format::{ReadDocument, ReadOptions};

/// The document of an xmeml file.
///
/// Elements that stand once and are referred to by `id` are looked up wherever they stand. What is
/// not understood of a sequence, track, clip, transition, marker or file is kept as it stood.
pub(in super::super) fn read(
    bytes: &[u8],
    options: &ReadOptions,
    clock: &dyn Clock,
) -> Result<ReadDocument> {
    let (text, replaced) = decode(bytes)?;
    let dom = Dom::parse(&text, options.max_depth)?;
    let root = dom.root().filter(|root| root.name() == "xmeml").ok_or_else(|| {
        let message = "this XML is no xmeml, the format of Final Cut Pro 7; is it an .fcpxml?";
        let found = dom.root().map_or("", Element::name);
        Error::invalid("timeline.read", message).with("root", found)
    })?;
    let mut reading = Reading::new(options, clock);
    if replaced {
        let message = "characters that XML forbids are U+FFFD now";
        reading.issue(IssueKind::Corrected, message);
    }
    let mut reader = Reader {
        reading,
        project: ProjectId::new(clock),
        definitions: definitions(&dom),
        sequences: HashMap::new(),
        sequence_ids: HashSet::new(),
        queue: VecDeque::new(),
        order: Vec::new(),
        files: HashMap::new(),
    };
    reader.document(root);
    Ok(reader.finish())
}

/// The first full element of each kind and id.
fn definitions<'d>(dom: &'d Dom<'d>) -> HashMap<(&'d str, Cow<'d, str>), Element<'d>> {
    let mut definitions = HashMap::new();
    for element in dom.elements() {
        let name = element.name();
        if matches!(name, "file" | "sequence" | "clipitem" | "generatoritem" | "clip")
            && element.has_children()
            && let Some(id) = element.attribute("id")
        {
            definitions.entry((name, id)).or_insert(element);
        }
    }
    definitions
}

struct Reader<'a, 'd> {
    reading: Reading<'a>,
    /// The project of sequences that name none.
    project: ProjectId,
    definitions: HashMap<(&'d str, Cow<'d, str>), Element<'d>>,
    /// The id of each sequence element that was come across.
    sequences: HashMap<u32, SequenceId>,
    sequence_ids: HashSet<SequenceId>,
    /// Sequences that are still to be read. They are not read where they stand, so that no nesting
    /// of theirs can be too deep.
    queue: VecDeque<(Element<'d>, SequenceId)>,
    /// The place in the document each sequence claims.
    order: Vec<u64>,
    files: HashMap<u32, File>,
}

impl<'d> Reader<'_, 'd> {
    fn document(&mut self, root: Element<'d>) {
        let mut loose = Vec::new();
        for child in root.children() {
            match child.name() {
                "sequence" => {
                    self.sequence_id(child);
                }
                "project" => self.project(child),
                "bin" => {
                    let bin = self.bin(child, 0);
                    self.reading.document.bins.extend(bin);
                }
                "clip" => loose.push(child),
                name => {
                    let message = format!("<{name}> is not understood and left out");
                    self.note(child, IssueKind::NotUnderstood, message);
                }
            }
        }
        self.loose_clips(&loose);
        while let Some((element, id)) = self.queue.pop_front() {
            let sequence = self.sequence(element, id);
            self.reading.document.sequences.push(sequence);
            let order = own(element, "order").and_then(|order| order.parse().ok());
            self.order.push(order.unwrap_or(u64::MAX));
        }
    }

    fn finish(mut self) -> ReadDocument {
        if self.order.iter().any(|order| *order != u64::MAX) {
            let sequences = std::mem::take(&mut self.reading.document.sequences);
            let mut ordered: Vec<_> = self.order.iter().copied().zip(sequences).collect();
            ordered.sort_by_key(|(order, _)| *order);
            let sequences = ordered.into_iter().map(|(_, sequence)| sequence);
            self.reading.document.sequences = sequences.collect();
        }
        self.reading.finish()
    }

    /// The element that one without children refers to.
    fn resolve(&self, element: Element<'d>) -> Element<'d> {
        if element.has_children() {
            return element;
        }
        let definition = element
            .attribute("id")
            .and_then(|id| self.definitions.get(&(element.name(), id)).copied());
        definition.unwrap_or(element)
    }

    /// The id of a sequence, which is read later.
    fn sequence_id(&mut self, element: Element<'d>) -> Option<SequenceId> {
        let element = self.resolve(element);
        if !element.has_children() {
            let message = "this refers to a sequence that is not in the file";
            self.note(element, IssueKind::UnknownSequence, message);
            return None;
        }
        if let Some(id) = self.sequences.get(&element.index()) {
            return Some(*id);
        }
        let claimed = own(element, "id").and_then(|id| id.parse().ok());
        let id = match claimed {
            Some(id) if self.sequence_ids.insert(id) => id,
            claimed => {
                let new = SequenceId::new(self.reading.clock);
                self.sequence_ids.insert(new);
                if let Some(id) = claimed {
                    let message =
                        format!("the sequence has the id {id} of another one; it is {new} now");
                    self.note(element, IssueKind::Corrected, message);
                }
                new
            }
        };
        self.sequences.insert(element.index(), id);
        self.queue.push_back((element, id));
        Some(id)
    }

    /// The rate of an element; that of what it stands in where it has none.
    fn rate(&mut self, element: Element<'d>, inherited: Option<Rate>) -> Option<Rate> {
        let Some(rate) = element.child("rate") else {
            return inherited;
        };
        let text = rate.child_text("timebase").unwrap_or_default();
        let ntsc = rate.child_text("ntsc").is_some_and(|ntsc| is_true(&ntsc));
        let read = match number(&text) {
            Some(timebase) if timebase.exact => {
                u32::try_from(timebase.value).ok().and_then(|timebase| rate_of(timebase, ntsc))
            }
            // Some programs write the rate itself.
            Some(_) => text.trim().parse().ok(),
            None => None,
        };
        let Some(read) = read else {
            let message = match inherited {
                Some(rate) => format!("the timebase {text:?} is no rate; {rate} is taken"),
                None => format!("the timebase {text:?} is no rate"),
            };
            self.note(rate, IssueKind::Corrected, message);
            return inherited;
        };
        let exact = own(rate, "rate").and_then(|rate| rate.parse::<Rate>().ok());
        let exact = exact.filter(|exact| exact.nominal() == read.nominal() && !is_sayable(*exact));
        Some(exact.unwrap_or(read))
    }

    /// A whole number a child holds.
    fn number(&mut self, element: Element<'d>, name: &str) -> Option<i64> {
        let child = element.child(name)?;
        let text = child.text();
        let Some(number) = number(&text) else {
            let message = format!("<{name}> is {text:?}, which is no whole number");
            self.note(child, IssueKind::NotUnderstood, message);
            return None;
        };
        if !number.exact {
            let message = format!("<{name}> is {}, taken as {}", text.trim(), number.value);
            self.note(child, IssueKind::Rounded, message);
        }
        Some(number.value)
    }

    fn note(&mut self, at: Element<'_>, kind: IssueKind, message: impl Into<String>) {
        self.reading.issue_at(at.line(), kind, message);
    }
}

/// The value of an attribute of emam's own.
fn own<'d>(element: Element<'d>, name: &str) -> Option<Cow<'d, str>> {
    element
        .attributes()
        .find(|(key, _)| key.strip_prefix(OWN) == Some(name))
        .map(|(_, value)| super::text::unescape(value))
}

/// Custom metadata.
fn metadata(element: Element<'_>) -> std::collections::BTreeMap<String, serde_json::Value> {
    own(element, "metadata").and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}
