//! Metadata: blocks of emam and of the program the file is for, and what was kept from a file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::super::facts::{FORMAT, portable, quoted};
use super::super::json::Value;
use super::super::print::Printer;
use crate::model::{Foreign, Sequence};
use crate::time::Rate;

/// A block of metadata, by name.
pub(super) struct Block<'a> {
    name: &'a str,
    /// Its members that are written anew; others are kept.
    keys: &'a [&'a str],
    print: &'a dyn Fn(&mut Printer),
}

impl<'a> Block<'a> {
    pub(super) fn new(name: &'a str, keys: &'a [&'a str], print: &'a dyn Fn(&mut Printer)) -> Self {
        Self { name, keys, print }
    }
}

/// The member `metadata`: what was kept and what is ours, by name, as OpenTimelineIO sorts it.
pub(super) fn metadata(out: &mut Printer, left: Option<Value<'_>>, own: &[Block<'_>]) {
    let kept = left.and_then(|left| left.get("metadata"));
    let mut entries: Vec<(Cow<'_, str>, Option<Value<'_>>, Option<&Block<'_>>)> =
        own.iter().map(|block| (block.name.into(), None, Some(block))).collect();
    for (key, value) in kept.iter().flat_map(|kept| kept.members()) {
        match entries.iter_mut().find(|(name, _, block)| block.is_some() && *name == key) {
            Some(entry) => entry.1 = Some(value),
            None => entries.push((key, Some(value), None)),
        }
    }
    entries.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    out.key("metadata");
    out.open_object();
    for (name, kept, block) in entries {
        out.key(&name);
        let Some(block) = block else {
            out.raw(kept.map_or("null", Value::raw));
            continue;
        };
        out.open_object();
        (block.print)(out);
        if name == "emam" {
            if let Some(kept) = kept {
                out.copy("unread", kept.raw());
            }
        } else {
            for (key, value) in kept.iter().flat_map(|kept| kept.members()) {
                if !block.keys.contains(&&*key) {
                    out.copy(&key, value.raw());
                }
            }
        }
        out.close_object();
    }
    out.close_object();
}

/// What OpenTimelineIO cannot hold, to be written as the text of a JSON object.
#[derive(Debug, Default, Clone)]
pub(super) struct Exact(Map<String, Json>);

impl Exact {
    pub(super) fn text(&mut self, key: &str, text: &str) {
        if text.contains('\0') {
            self.0.insert(key.to_owned(), text.into());
        }
    }

    pub(super) fn map(&mut self, key: &str, map: &BTreeMap<String, Json>) {
        let map = Json::Object(map.clone().into_iter().collect());
        if portable(&map) != map {
            self.0.insert(key.to_owned(), map);
        }
    }

    /// What other formats said of the thing; with `all`, this one too.
    pub(super) fn foreign(&mut self, foreign: &Foreign, all: bool) {
        if foreign.values().any(|text| text.contains('\0')) {
            self.map("foreign", &texts(foreign, all));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The member `exact`, if there is anything to be said.
    pub(super) fn print(&self, out: &mut Printer) {
        if !self.0.is_empty() {
            out.member("exact", &Json::Object(self.0.clone()).to_string());
        }
    }
}

/// Whether other formats said something of a thing.
pub(super) fn has_foreign(foreign: &Foreign) -> bool {
    foreign.keys().any(|format| format != FORMAT)
}

/// The member `foreign`: what other formats said of a thing; with `all`, this one too.
pub(super) fn foreign(out: &mut Printer, foreign: &Foreign, all: bool) {
    if has_foreign(foreign) || (all && !foreign.is_empty()) {
        json_map(out, "foreign", &texts(foreign, all));
    }
}

fn texts(foreign: &Foreign, all: bool) -> BTreeMap<String, Json> {
    let texts = foreign.iter().filter(|(format, _)| all || *format != FORMAT);
    texts.map(|(format, text)| (format.clone(), Json::from(text.as_str()))).collect()
}

/// A member with any JSON.
pub(super) fn json_map(out: &mut Printer, key: &str, map: &BTreeMap<String, Json>) {
    out.key(key);
    let map = Json::Object(map.clone().into_iter().collect());
    out.raw(&portable(&map).to_string());
}

/// A member with a rate, as the two whole numbers it is.
pub(super) fn rate(out: &mut Printer, key: &str, rate: Rate) {
    out.numbers(key, [rate.num(), rate.den()].map(i64::from));
}

/// What only emam knows of a sequence. A nested one has no timeline around it, so its name, start
/// and all its foreign texts stand here too.
pub(super) fn sequence(out: &mut Printer, sequence: &Sequence, nested: bool) {
    let mut exact = Exact::default();
    exact.text("name", &sequence.name);
    exact.map("metadata", &sequence.metadata);
    out.member("created_at", &sequence.created_at.to_string());
    out.flag("drop", sequence.drop_frame);
    exact.foreign(&sequence.foreign, nested);
    exact.print(out);
    foreign(out, &sequence.foreign, nested);
    match (sequence.width, sequence.height) {
        (Some(width), Some(height)) => {
            out.numbers("frame_size", [width, height].map(i64::from));
        }
        (None, Some(height)) => out.number("height", i64::from(height)),
        _ => {}
    }
    if !sequence.metadata.is_empty() {
        json_map(out, "metadata", &sequence.metadata);
    }
    if nested {
        out.member("name", &sequence.name);
    }
    out.member("project_id", &sequence.project.to_string());
    rate(out, "rate", sequence.rate);
    whole(out, "revision", sequence.revision);
    if let Some(rate) = sequence.sample_rate {
        out.number("sample_rate", i64::from(rate));
    }
    if !nested {
        out.member("sequence_id", &sequence.id.to_string());
    }
    if nested {
        out.number("start", sequence.start);
    }
    out.member("updated_at", &sequence.updated_at.to_string());
    if let (Some(width), None) = (sequence.width, sequence.height) {
        out.number("width", i64::from(width));
    }
}

/// A member with a whole number, as text where it has more than 63 bits.
pub(super) fn whole(out: &mut Printer, key: &str, value: u64) {
    match i64::try_from(value) {
        Ok(value) => out.number(key, value),
        Err(_) => out.copy(key, &quoted(&value.to_string())),
    }
}

/// What Premiere asks to know of a sequence. Sound at 48 kHz unless it says otherwise.
pub(super) fn premiere_stack(out: &mut Printer, sequence: &Sequence) {
    out.key("AudioFrameRate");
    out.whole(i64::from(sequence.sample_rate.unwrap_or(48_000)));
    out.key("PixelAspectRatio");
    out.open_object();
    for key in ["denominator", "numerator"] {
        out.key(key);
        out.whole(1);
    }
    out.close_object();
    out.key("VideoFrameRate");
    out.float(sequence.rate.as_f64());
    if let (Some(width), Some(height)) = (sequence.width, sequence.height) {
        out.key("VideoResolution");
        out.open_object();
        out.number("height", i64::from(height));
        out.number("width", i64::from(width));
        out.close_object();
    }
}

/// What Premiere asks to know of a track of sound.
pub(super) fn premiere_track(out: &mut Printer, channels: u32) {
    out.key("AudioChannels");
    out.open_object();
    out.member("ChannelType", channel_type(channels));
    out.number("NumberOfChannels", i64::from(channels));
    out.close_object();
}

/// What Premiere asks to know of a clip: which ones belong together, and which channels are heard,
/// counted from 0.
pub(super) fn premiere_clip(out: &mut Printer, link: i64, channels: Option<&[u16]>) {
    if let Some(channels) = channels {
        out.key("AudioChannels");
        out.open_object();
        out.member("ChannelType", channel_type(channels.len() as u32));
        out.key("SecondaryAssignments");
        out.open_array();
        for channel in channels {
            out.item();
            out.open_object();
            out.number("SecondaryChannelIndex", i64::from(channel.saturating_sub(1)));
            out.close_object();
        }
        out.close_array();
        out.close_object();
    }
    out.number("LinkID", link);
    out.number("OriginalChannelGroupIndex", 0);
    out.number("SourceClipIndex", 0);
}

fn channel_type(channels: u32) -> &'static str {
    if channels == 1 { "Mono" } else { "Stereo" }
}
