//! Events put on tracks.

use std::collections::{BTreeMap, HashMap};

use super::line::Code;
use super::rate::{At, Clock};
use super::read::{Mark, Timed, reel_of};
use super::{BLACK, FOREIGN};
use crate::model::{
    AssetSource, Clip, Gap, Item, Marker, MediaSummary, Role, Track, TrackKind, Transition,
};
use crate::time::{MediaTime, Timecode};
use crate::timeline::IssueKind;
use crate::timeline::format::reading::Reading;
use crate::timeline::format::text::shown;
use crate::timeline::format::{ClipMedia, file_url};

/// How many events may be on one channel at once; a list that says more is broken.
const MAX_OVERLAPS: usize = 32;

/// An event and where its transition comes from.
#[derive(Debug)]
pub(super) struct Placed<'b, 't> {
    pub(super) event: Timed<'b, 't>,
    pub(super) from: Option<Timed<'b, 't>>,
}

/// A reel by its own name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'t> {
    pub(super) reel: &'t str,
    /// Whether this names no reel.
    pub(super) none: bool,
}

/// What is at the end of a track.
#[derive(Debug, Clone, PartialEq)]
enum Tail {
    Nothing,
    /// A reel, the timecode after the last frame shown, and the clip's name.
    Clip(String, Option<Timecode>, String),
}

/// A track being filled.
#[derive(Debug)]
struct Lane {
    items: Vec<Item>,
    end: i64,
    tail: Tail,
}

/// Puts events on tracks, in the order of their record time.
pub(super) struct Place<'a, 'o, 'm, 't> {
    clock: Clock,
    start: i64,
    reels: &'m HashMap<&'t str, &'t str>,
    reading: &'a mut Reading<'o>,
    lanes: BTreeMap<(TrackKind, u16), Vec<Lane>>,
    markers: Vec<Marker>,
    links: u32,
    sources: BTreeMap<String, Vec<AssetSource>>,
}

impl<'a, 'o, 'm, 't> Place<'a, 'o, 'm, 't> {
    pub(super) fn new(
        clock: Clock,
        start: i64,
        reels: &'m HashMap<&'t str, &'t str>,
        reading: &'a mut Reading<'o>,
    ) -> Self {
        Self {
            clock,
            start,
            reels,
            reading,
            lanes: BTreeMap::new(),
            markers: Vec::new(),
            links: 0,
            sources: BTreeMap::new(),
        }
    }

    /// Puts an event where it belongs.
    pub(super) fn put(&mut self, placed: Placed<'_, 't>) {
        let event = &placed.event;
        let (block, channels) = (event.block, &event.block.event.channels);
        let line = block.line;
        if block.event.code == Code::Key {
            let message = "a key lays one picture over another; it was read as a cut";
            self.reading.issue_at(line, IssueKind::NotUnderstood, message);
        }
        let lanes = channels.video.map(|number| (TrackKind::Video, number));
        let lanes = lanes
            .into_iter()
            .chain(channels.audio.first().map(|number| (TrackKind::Audio, *number)));
        let lanes: Vec<_> = lanes.collect();
        if lanes.is_empty() {
            let message = "an event on no channel was left";
            self.reading.issue_at(line, IssueKind::NotUnderstood, message);
            return;
        }
        let clip = (!event.is_black()).then(|| self.clip(&placed));
        if lanes.len() > 1 {
            self.links += 1;
        }
        let link = (lanes.len() > 1).then_some(self.links);
        for (index, key) in lanes.into_iter().enumerate() {
            let item = match &clip {
                Some((clip, _)) => {
                    let mut clip = Clip { link, ..clip.clone() };
                    clip.id = self.reading.clip_id(None, &clip.name);
                    if key.0 == TrackKind::Audio {
                        clip.audio_channels.clone_from(channels_of(&placed));
                    }
                    if index > 0 {
                        // What is said of the event is said once.
                        clip.foreign.clear();
                        clip.markers.clear();
                    }
                    Item::Clip(clip)
                }
                None => {
                    let mut gap = Gap::new(event.length);
                    let kept = std::iter::once(BLACK).chain(block.kept.iter().copied());
                    gap.foreign.insert(FOREIGN.into(), kept.collect::<Vec<_>>().join("\n"));
                    Item::Gap(gap)
                }
            };
            let reel = clip.as_ref().map_or(BLACK.to_owned(), |(_, reel)| reel.clone());
            self.lay(key, item, reel, &placed);
        }
        if clip.is_none() {
            for mark in &block.marks {
                self.mark_sequence(mark);
            }
        }
    }

    /// Puts an item, and the transition into it, on a track that is free there.
    fn lay(&mut self, key: (TrackKind, u16), item: Item, reel: String, placed: &Placed<'_, 't>) {
        let event = &placed.event;
        let line = event.block.line;
        let lanes = self.lanes.entry(key).or_default();
        let free = lanes.iter().position(|lane| lane.end <= event.record);
        if free.is_none() && lanes.len() >= MAX_OVERLAPS {
            let message =
                format!("more than {MAX_OVERLAPS} events overlap here; this one was left");
            self.reading.issue_at(line, IssueKind::NotUnderstood, message);
            return;
        }
        if free.is_none() && !lanes.is_empty() {
            let message = format!(
                "event {} begins before the one before it ends; it was put on a track of its own",
                shown(event.block.event.number)
            );
            self.reading.issue_at(line, IssueKind::Corrected, message);
        }
        let index = free.unwrap_or(lanes.len());
        if index == lanes.len() {
            lanes.push(Lane { items: Vec::new(), end: self.start, tail: Tail::Nothing });
        }
        let transition = self.transition(key, index, &item, placed);
        let Some(lane) = self.lanes.get_mut(&key).and_then(|lanes| lanes.get_mut(index)) else {
            return;
        };
        if lane.end < event.record {
            lane.items.push(Item::Gap(Gap::new(event.record.saturating_sub(lane.end))));
        }
        lane.items.extend(transition.map(Item::Transition));
        let source_end = if event.speed.is_reverse() {
            event.source.frames
        } else {
            event.source.frames.saturating_add(event.source_length)
        };
        lane.tail = match &item {
            Item::Clip(clip) => {
                let end = Timecode::new(source_end, event.rate, event.source.drop);
                Tail::Clip(reel, end.ok(), clip.name.clone())
            }
            _ => Tail::Nothing,
        };
        lane.items.push(item);
        lane.end = event.record.saturating_add(event.length);
    }

    /// The transition into an event. What the list says it comes from is kept where that is not
    /// what is before it on the track.
    fn transition(
        &mut self,
        key: (TrackKind, u16),
        index: usize,
        item: &Item,
        placed: &Placed<'_, 't>,
    ) -> Option<Transition> {
        let block = placed.event.block;
        let kind = match &block.event.code {
            Code::Dissolve => Transition::DISSOLVE,
            Code::Wipe(code) => code,
            Code::Cut | Code::Key => return None,
        };
        let length = block.event.length.unwrap_or_default();
        let duration = item.duration();
        if length < 1 || length > duration {
            let taken = if length < 1 { "a cut".into() } else { format!("{duration} frames long") };
            let message = format!(
                "the transition of {length} frames into event {} of {duration} was read as {taken}",
                shown(block.event.number)
            );
            self.reading.issue_at(block.line, IssueKind::Corrected, message);
        }
        if length < 1 {
            return None;
        }
        let mut transition = Transition::new(kind, 0, length.min(duration));
        let Some(from) = &placed.from else { return Some(transition) };
        let lane = self.lanes.get(&key).and_then(|lanes| lanes.get(index));
        let touches = lane.filter(|lane| lane.end == placed.event.record && !lane.items.is_empty());
        let origin = reel_of(from.block.event.reel, self.reels);
        let tail = touches.map_or(&Tail::Nothing, |lane| &lane.tail);
        let (same_place, tail_name) = match tail {
            Tail::Nothing => (from.is_black(), BLACK),
            Tail::Clip(reel, end, name) => {
                (reel == origin.reel && is_at(*end, from), name.as_str())
            }
        };
        // Without a second name the first is that of the clip after the transition.
        let said_name = block.from_name.or(from.block.from_name);
        let other_name = said_name.filter(|name| block.to_name.is_some() && *name != tail_name);
        let same = same_place && other_name.is_none();
        if !same {
            let at = Timecode::new(from.source.frames, from.rate, from.source.drop);
            let mut kept = format!("{} {}", origin.reel, at.ok()?);
            if let Some(name) = other_name {
                kept.push('\n');
                kept.push_str(name);
            }
            transition.foreign.insert(FOREIGN.into(), kept);
            let message = format!(
                "the transition into event {} comes from {:?}, which does not end there; where it \
                 comes from was kept as a note",
                shown(block.event.number),
                shown(origin.reel)
            );
            self.reading.issue_at(block.line, IssueKind::Corrected, message);
        }
        Some(transition)
    }

    /// The clip of an event, with its reel.
    fn clip(&mut self, placed: &Placed<'_, 't>) -> (Clip, String) {
        let event = &placed.event;
        let block = event.block;
        let rate = event.rate;
        let origin = reel_of(block.event.reel, self.reels);
        // A comment after a cut names its clip; after a transition, both clips of it.
        let said_name = block.to_name.or(block.from_name);
        let file = match block.path {
            _ if !block.files.is_empty() => block.files.last().copied(),
            Some(path) if placed.from.is_none() => {
                Some(path.rsplit(['/', '\\']).next().unwrap_or(path))
            }
            _ => None,
        };
        let file = file.filter(|file| !file.is_empty());
        let name = file.or(if origin.none { said_name } else { Some(origin.reel) });
        let name = name.unwrap_or(origin.reel);
        let source = self.source(origin, name, block.path, event, channels_of(placed));

        let start = MediaTime::new(event.source.frames, rate);
        let clip_name = said_name.unwrap_or(name);
        let mut clip = Clip::new(self.reading.clock, clip_name, source, start, event.length);
        clip.speed = event.speed;
        let from = placed.from.iter().flat_map(|from| &from.block.kept);
        let kept: Vec<&str> = from.chain(&block.kept).copied().collect();
        if !kept.is_empty() {
            clip.foreign.insert(FOREIGN.into(), kept.join("\n"));
        }
        for mark in &block.marks {
            match self.mark_of_clip(mark, event) {
                Some(marker) if !mark.of_sequence => clip.markers.push(marker),
                _ => self.mark_sequence(mark),
            }
        }
        (clip, origin.reel.to_owned())
    }

    /// The media of an event: told apart by its reel, its file and how its timecode is counted.
    fn source(
        &mut self,
        origin: Origin<'_>,
        name: &str,
        path: Option<&str>,
        event: &Timed<'_, '_>,
        channels: &[u16],
    ) -> AssetSource {
        let At { drop, .. } = event.source;
        let rate = event.rate;
        let key = format!("{}\n{name}\n{drop}\n{rate}", origin.reel);
        let mut new = false;
        let source = self.reading.media(&key, None, || {
            new = true;
            let url = path.and_then(|path| file_url(std::path::Path::new(path)).ok());
            ClipMedia {
                name: name.to_owned(),
                summary: MediaSummary {
                    start_timecode: Timecode::new(0, rate, drop).ok(),
                    ..MediaSummary::default()
                },
                urls: url.map(|url| (Role::Original, url)).into_iter().collect(),
                reel: (!origin.none).then(|| origin.reel.to_owned()),
                ..ClipMedia::default()
            }
        });
        if new {
            self.sources.entry(origin.reel.to_owned()).or_default().push(source);
        }
        if let Some(media) = self.reading.document.media.get_mut(&source) {
            let summary = &mut media.summary;
            if event.block.event.channels.video.is_some() {
                summary.rate = Some(rate);
            }
            let heard = channels.last().copied().map_or(0, u32::from);
            summary.audio_channels = summary.audio_channels.max(heard);
        }
        source
    }

    /// A locator as a mark on the source of an event, if it is on one of its frames.
    fn mark_of_clip(&mut self, mark: &Mark<'_>, event: &Timed<'_, '_>) -> Option<Marker> {
        let at = self.clock.read(mark.at, self.clock.drop).ok()?.frames;
        let into = self.same_day(at.checked_sub(event.record)?);
        let into = if event.speed.is_reverse() { event.length.checked_sub(into)? } else { into };
        let time = MediaTime::new(into, self.clock.rate);
        let into = event.speed.source_time(time, event.rate).ok()?.nearest();
        let start = event.source.frames.checked_add(into)?;
        (start >= 0).then(|| marker(mark, start))
    }

    /// A number of frames between two times of which the later may be past midnight, where the
    /// count begins again.
    fn same_day(&self, frames: i64) -> i64 {
        let day = self.clock.day(self.clock.drop);
        if frames < -(day / 2) { frames.saturating_add(day) } else { frames }
    }

    /// A locator as a mark on the sequence.
    fn mark_sequence(&mut self, mark: &Mark<'_>) {
        let at = self.clock.read(mark.at, self.clock.drop).ok();
        let start = at.and_then(|at| at.frames.checked_sub(self.start));
        match start.map(|start| self.same_day(start)).filter(|start| *start >= 0) {
            Some(start) => self.markers.push(marker(mark, start)),
            None => {
                let message = format!("the locator at {:?} was left: no such time", shown(mark.at));
                self.reading.issue_at(mark.line, IssueKind::NotUnderstood, message);
            }
        }
    }

    /// The tracks and the marks on the sequence; `sources` are lines about reels.
    pub(super) fn finish(self, sources: &[(&str, &str)]) -> (Vec<Track>, Vec<Marker>) {
        for (written, line) in sources {
            let reel = reel_of(written, self.reels).reel;
            let known = self.sources.get(reel).map(Vec::as_slice).unwrap_or_default();
            for source in known {
                if let Some(media) = self.reading.document.media.get_mut(source) {
                    media.foreign.insert(FOREIGN.into(), (*line).to_owned());
                }
            }
            if known.is_empty() {
                let message = format!("{:?} is about a reel of no event", shown(line));
                self.reading.issue(IssueKind::NotUnderstood, message);
            }
        }
        let mut tracks: Vec<Track> = Vec::new();
        let (mut picture, mut sound) = (0, 0);
        for ((kind, number), lanes) in self.lanes {
            for lane in lanes {
                let (letter, count) = match kind {
                    TrackKind::Audio => ("A", &mut sound),
                    _ => ("V", &mut picture),
                };
                *count += 1;
                let name = format!("{letter}{count}");
                let mut track = Track::new(self.reading.clock, kind, name);
                track.id = self.reading.track_id(None, &track.name);
                track.items = lane.items;
                // The first picture track is what a list holds anyway; that others came from the
                // same list is kept, so that they are written into one again.
                if !tracks.is_empty() || kind == TrackKind::Audio || number > 1 {
                    let channel = if number > 1 && kind == TrackKind::Video {
                        format!("V{number}")
                    } else {
                        letter.to_owned()
                    };
                    track.foreign.insert(FOREIGN.into(), channel);
                }
                tracks.push(track);
            }
        }
        (tracks, self.markers)
    }
}

/// Whether the line a transition comes from is at a timecode: the same frame, or where its rate is
/// not known the same label.
fn is_at(end: Option<Timecode>, from: &Timed<'_, '_>) -> bool {
    let digits = |label: &str| -> Vec<u8> { label.bytes().filter(u8::is_ascii_digit).collect() };
    let [label, ..] = from.block.event.times;
    end.is_some_and(|end| {
        end.rate() == from.rate && end.wrapped().frames() == from.source.frames
            || digits(&end.wrapped().to_string()) == digits(label)
    })
}

fn channels_of<'b>(placed: &'b Placed<'_, '_>) -> &'b Vec<u16> {
    &placed.event.block.event.channels.audio
}

fn marker(mark: &Mark<'_>, start: i64) -> Marker {
    Marker {
        start,
        duration: mark.duration,
        name: mark.name.to_owned(),
        comment: mark.comment.to_owned(),
        color: mark.color.map(str::to_owned),
        ..Marker::default()
    }
}
