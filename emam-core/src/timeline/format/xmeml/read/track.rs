//! The tracks of a sequence.

use std::collections::{HashMap, HashSet};

use super::super::default_track_name;
use super::super::dom::Element;
use super::super::effects;
use super::super::foreign::{kept, rest};
use super::super::write::{TRACK_NAME, TYPE, WIDTH, WIDTH_INDEX, output, track_type};
use super::clip::{Place, ReadClip};
use super::file::flag;
use super::link::Links;
use super::place::What;
use super::{Reader, own};
use crate::model::{Gap, Item, Track, TrackKind, Transition};
use crate::time::{MediaTime, Rate};
use crate::timeline::track::misfits;
use crate::timeline::{Issue, IssueKind};

/// Past it, positions are no frames any program counts.
const LONGEST: i64 = 1 << 56;

/// An item of a track, not yet as the sequence has it.
enum Placed<'d> {
    Clip(Box<ReadClip<'d>>),
    Gap(i64),
    Transition(Transition),
}

/// A track of the file.
pub(super) struct ReadTrack<'d> {
    element: Element<'d>,
    items: Vec<(i64, Placed<'d>)>,
    /// How many tracks of the file it is together.
    width: usize,
}

/// A track of a sequence, and the number of each of its clips by item.
pub(super) struct NumberedTrack {
    pub(super) track: Track,
    pub(super) numbers: Vec<Option<usize>>,
}

impl<'d> Reader<'_, 'd> {
    /// The tracks of one kind.
    pub(super) fn tracks(
        &mut self,
        kind: Option<Element<'d>>,
        is_video: bool,
        rate: Rate,
        links: &mut Links<'d>,
    ) -> Vec<NumberedTrack> {
        let mut tracks: Vec<ReadTrack<'d>> = Vec::new();
        let mut part = 0;
        for element in kind.into_iter().flat_map(|kind| kind.named("track")) {
            let index = element.attribute(WIDTH_INDEX).and_then(|i| i.trim().parse::<usize>().ok());
            let next = index.filter(|index| !is_video && *index == part + 1);
            let is_part = next.is_some() && !tracks.is_empty();
            let several = element
                .attribute(WIDTH)
                .is_some_and(|width| width.trim().parse::<u16>().is_ok_and(|width| width > 1));
            let channel = index.filter(|_| several).and_then(|i| u16::try_from(i + 1).ok());
            let place = Place { rate, is_video, is_part, channel };
            let track = self.read_track(element, place, links);
            match tracks.last_mut().filter(|_| is_part) {
                Some(whole) => {
                    part += 1;
                    if let Some(rest) = self.merge(whole, track, links) {
                        tracks.push(rest);
                        part = 0;
                    }
                }
                None => {
                    part = index.unwrap_or(0);
                    tracks.push(track);
                }
            }
        }
        let tracks = tracks.into_iter().enumerate();
        tracks.map(|(index, track)| self.finish_track(track, is_video, index + 1)).collect()
    }

    fn read_track(
        &mut self,
        element: Element<'d>,
        place: Place,
        links: &mut Links<'d>,
    ) -> ReadTrack<'d> {
        let mut items: Vec<(i64, Placed<'d>)> = Vec::new();
        let mut position = 0_i64;
        for told in self.told(element, place.rate) {
            if position > LONGEST || told.start > LONGEST {
                let message = "the track is longer than can be counted; the rest is left out";
                self.note(told.element, IssueKind::NotUnderstood, message);
                break;
            }
            if told.start > position {
                items.push((position, Placed::Gap(told.start - position)));
                position = told.start;
            }
            match told.what {
                What::Transition { before, after } if told.start == position => {
                    let transition = transition(told.element, before, after, place.is_video);
                    items.push((position, Placed::Transition(transition)));
                }
                What::Transition { .. } => {
                    let message = "a transition whose cut lies within a clip is left out";
                    self.note(told.element, IssueKind::NotUnderstood, message);
                }
                What::Clip { .. } => {
                    if told.start < position {
                        let trimmed = trim(&mut items, told.start, place.rate);
                        let message = if trimmed {
                            position = told.start;
                            format!(
                                "a clip begins at frame {}, before the one in front of it ends; \
                                 that ends there now",
                                told.start
                            )
                        } else {
                            format!(
                                "a clip begins at frame {}, where there is another; it begins at \
                                 {position} now",
                                told.start
                            )
                        };
                        self.note(told.element, IssueKind::Corrected, message);
                    }
                    let claim = own(told.element, "link").and_then(|link| link.parse().ok());
                    let refs = told.element.named("link");
                    let refs = refs.filter_map(|link| link.child_text("linkclipref"));
                    let number = links.add(told.element.attribute("id"), claim, refs);
                    if let Some(clip) = self.clip(&told, place, number) {
                        let duration = clip.clip.duration;
                        items.push((position, Placed::Clip(Box::new(clip))));
                        position += duration;
                    }
                }
            }
        }
        let length = own(element, "length").and_then(|length| length.parse::<i64>().ok());
        if let Some(length) = length.filter(|length| (position..LONGEST).contains(length))
            && length > position
        {
            items.push((position, Placed::Gap(length - position)));
        }
        ReadTrack { element, items, width: 1 }
    }

    /// Takes the clips of `part` as further channels of those of `whole` at the same places;
    /// returns a track of those that have none there.
    fn merge(
        &mut self,
        whole: &mut ReadTrack<'d>,
        part: ReadTrack<'d>,
        links: &mut Links<'d>,
    ) -> Option<ReadTrack<'d>> {
        whole.width += 1;
        let mut places: HashMap<i64, &mut ReadClip<'d>> = HashMap::new();
        for (start, item) in &mut whole.items {
            if let Placed::Clip(clip) = item {
                places.insert(*start, clip);
            }
        }
        let mut rest = Vec::new();
        let mut differ = 0;
        for (start, item) in part.items {
            let Placed::Clip(clip) = item else { continue };
            let same = places.get_mut(&start).filter(|w| w.clip.source == clip.clip.source);
            match same {
                Some(whole) => {
                    let (a, b) = (&whole.clip, &clip.clip);
                    let range = (a.duration, a.source_start, a.speed, a.enabled);
                    let same_range = range == (b.duration, b.source_start, b.speed, b.enabled);
                    differ += usize::from(whole.inner != clip.inner || !same_range);
                    links.is_part(clip.number, whole.number);
                    whole.channels.extend(clip.channels);
                }
                None => rest.push((start, clip)),
            }
        }
        if differ > 0 {
            let message = format!(
                "{differ} clips say other things of this channel than of the first; those of the \
                 first are kept"
            );
            self.note(part.element, IssueKind::NotUnderstood, message);
        }
        if rest.is_empty() {
            return None;
        }
        let message = format!(
            "{} clips of this channel are not on the first one; they are on a track of their own",
            rest.len()
        );
        self.note(part.element, IssueKind::Corrected, message);
        let mut items = Vec::new();
        let mut position = 0;
        for (start, clip) in rest {
            if start > position {
                items.push((position, Placed::Gap(start - position)));
            }
            position = start + clip.clip.duration;
            items.push((start, Placed::Clip(clip)));
        }
        Some(ReadTrack { element: part.element, items, width: 1 })
    }

    fn finish_track(
        &mut self,
        read: ReadTrack<'d>,
        is_video: bool,
        number: usize,
    ) -> NumberedTrack {
        let ReadTrack { element, items: placed, width } = read;
        let element_name = element.attribute(TRACK_NAME).or_else(|| element.child_text("name"));
        let name = element_name
            .map_or_else(|| default_track_name(is_video, number), |name| name.into_owned());
        let claimed = own(element, "id").and_then(|id| id.parse().ok());
        let id = self.reading.track_id(claimed, &name);
        let (mut items, mut numbers) = (Vec::new(), Vec::new());
        let mut channels = 1;
        for (_, item) in placed {
            let (item, number) = match item {
                Placed::Gap(frames) => (Item::Gap(Gap::new(frames)), None),
                Placed::Transition(transition) => (Item::Transition(transition), None),
                Placed::Clip(clip) => {
                    channels = channels.max(clip.channels.len());
                    let number = clip.number;
                    (Item::Clip(clip.finish(is_video)), Some(number))
                }
            };
            items.push(item);
            numbers.push(number);
        }
        let wrong: HashSet<usize> = misfits(&items).into_iter().map(|(index, _)| index).collect();
        if !wrong.is_empty() {
            let all = std::mem::take(&mut items).into_iter().zip(std::mem::take(&mut numbers));
            for (index, (item, number)) in all.enumerate() {
                match (item, items.last_mut()) {
                    (Item::Transition(transition), _) if wrong.contains(&index) => {
                        let message = format!(
                            "transition {:?} ({} frames before the cut, {} after) does not fit \
                             between what is beside it; it is left out",
                            transition.kind, transition.in_offset, transition.out_offset
                        );
                        let issue = Issue::new(IssueKind::NotUnderstood, message).on_track(id);
                        self.reading.note(issue.at_line(element.line()));
                    }
                    (Item::Gap(gap), Some(Item::Gap(before))) => before.duration += gap.duration,
                    (item, _) => {
                        items.push(item);
                        numbers.push(number);
                    }
                }
            }
        }
        let foreign = kept(track_rest(element, is_video, width, channels));
        let kind = if is_video { TrackKind::Video } else { TrackKind::Audio };
        let enabled = flag(element, "enabled", true);
        NumberedTrack { track: Track { id, kind, name, enabled, items, foreign }, numbers }
    }
}

/// Ends the last clip at a frame, if it begins before; says whether it did.
fn trim(items: &mut [(i64, Placed<'_>)], end: i64, rate: Rate) -> bool {
    let Some((start, Placed::Clip(read))) = items.last_mut() else {
        return false;
    };
    let clip = &mut read.clip;
    if *start >= end {
        return false;
    }
    let lost = MediaTime::new(clip.duration - (end - *start), rate);
    clip.duration = end - *start;
    if clip.speed.is_reverse() {
        // What runs backwards loses its lowest frames.
        let lost = clip.speed.source_time(lost, clip.source_start.rate()).map(|l| l.nearest());
        let at = lost.map(|lost| clip.source_start.value().saturating_add(lost));
        clip.source_start =
            at.map_or(clip.source_start, |at| MediaTime::new(at, clip.source_start.rate()));
    }
    true
}

fn transition(element: Element<'_>, before: i64, after: i64, is_video: bool) -> Transition {
    let kind = effects::transition_kind(element.child("effect"));
    let exact = own(element, "kind").filter(|exact| effects::kind_of_name(exact, exact) == kind);
    let kind = exact.map_or(kind, |exact| exact.into_owned());
    let mut inner = String::new();
    for child in element.children() {
        let understood = match child.name() {
            "start" | "end" | "alignment" | "cutPointTicks" | "rate" => true,
            "effect" => child.raw() == effects::transition(&kind, is_video),
            _ => false,
        };
        if !understood {
            inner.push_str(child.raw());
        }
    }
    let mut transition = Transition::new(kind, before, after);
    transition.foreign = kept(rest(element, |_| false, &inner));
    transition
}

/// What is left of a track that is `width` tracks of the file, whose clips have so many channels.
fn track_rest(
    element: Element<'_>,
    is_video: bool,
    width: usize,
    channels: usize,
) -> Option<String> {
    let mut inner = String::new();
    for child in element.children() {
        let understood = match child.name() {
            "clipitem" | "generatoritem" | "transitionitem" | "enabled" | "name" => true,
            "locked" => !flag(element, "locked", false),
            "outputchannelindex" => !is_video && child.text().trim() == output(0).to_string(),
            _ => false,
        };
        if !understood {
            inner.push_str(child.raw());
        }
    }
    let ours = element.attribute(TYPE).as_deref() == track_type(channels);
    let understood = |name: &str| match name {
        TRACK_NAME => true,
        WIDTH_INDEX => !is_video,
        WIDTH => !is_video && width == channels,
        TYPE => !is_video && ours && width == channels,
        _ => false,
    };
    rest(element, understood, &inner)
}
