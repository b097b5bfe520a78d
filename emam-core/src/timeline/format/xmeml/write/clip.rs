//! A clip of a track as an element.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::dom::{Dom, Element};
use super::super::effects::{self, Remap};
use super::super::frames::{Playing, rescaled};
use super::layout::{Laid, Place, has_too_many_channels};
use super::track::OnTrack;
use super::{Writer, counting, too_large};
use crate::error::Result;
use crate::model::{Clip, ClipSource, Transition};
use crate::time::{MediaTime, Rate, Speed};
use crate::timeline::{Issue, IssueKind, length};

/// How a clip is counted in the file.
struct Counted {
    playing: Playing,
    /// `start` and `end`, -1 beside a transition.
    place: (i64, i64),
    /// `in` and `out`, with handles.
    points: (i64, i64),
    /// Whether the source point can be told from `in` alone.
    exact: bool,
}

impl Writer<'_> {
    /// A clip at frame `start` of its track, with the transitions at its ends.
    pub(super) fn clip(
        &mut self,
        on: &OnTrack<'_>,
        clip: &Clip,
        laid: &Laid,
        start: i64,
        beside: (Option<&Transition>, Option<&Transition>),
    ) -> Result<()> {
        let Some(place) = laid.places.get(on.part).copied() else {
            return Ok(());
        };
        let counted =
            self.count(on, clip, start, beside).ok_or_else(|| too_large("clip", &clip.name))?;
        if on.part == 0 {
            self.warn(on, clip);
        }
        let is_generator = matches!(clip.source, ClipSource::Generator(_) | ClipSource::Caption(_));
        let name = if is_generator { "generatoritem" } else { "clipitem" };
        let kept = self.kept(&clip.foreign, name);
        let kept = kept.as_ref().and_then(Dom::root);
        self.xml.tag(name);
        self.xml.attribute("id", format_args!("clipitem-{}", place.id));
        let but: &[&str] = if is_generator { &["id"] } else { &["id", "premiereChannelType"] };
        self.xml.other_attributes(kept, but);
        if let Some(kind) = channel_type(on, laid, kept).filter(|_| !is_generator) {
            self.xml.text_attribute("premiereChannelType", &kind);
        }
        if on.part == 0 {
            self.own(clip, laid);
        }
        self.own_source(clip, &counted);
        self.xml.enter();
        if !is_generator {
            self.master_id(&clip.source);
        }
        self.xml.leaf("name", &clip.name);
        self.xml.flag("enabled", clip.enabled);
        self.times(clip, &counted);
        self.source(on, clip, kept)?;
        self.speed(on, clip.speed, kept);
        if !on.is_video && !is_generator {
            self.xml.open("sourcetrack");
            self.xml.leaf("mediatype", "audio");
            self.xml.number("trackindex", laid.channels.get(on.part).copied().unwrap_or(1));
            self.xml.close("sourcetrack");
        }
        if on.part == 0 {
            self.markers(&clip.markers, clip.source_start.rate(), counted.playing.rate)?;
        }
        for link in on.layout.links(clip, laid, place) {
            self.link(link);
        }
        self.others(kept);
        self.xml.close(name);
        Ok(())
    }

    fn others(&mut self, kept: Option<Element<'_>>) {
        for child in kept.into_iter().flat_map(Element::children) {
            let is_speed = child.name() == "filter" && effects::remap_of(child).is_some();
            let is_said = is_speed && effects::remap_of(child) != Some(Remap::Other);
            if child.name() != "effect" && !is_said {
                self.xml.raw(child.raw());
            }
        }
    }

    fn count(
        &self,
        on: &OnTrack<'_>,
        clip: &Clip,
        start: i64,
        (before, after): (Option<&Transition>, Option<&Transition>),
    ) -> Option<Counted> {
        let rate = counting(clip.source_start.rate(), on.sequence);
        let media = match &clip.source {
            ClipSource::Asset(source) => {
                self.document.media.get(source).and_then(|media| media.summary.duration)
            }
            ClipSource::Sequence(source) => self
                .sequences
                .get(&source.sequence)
                .and_then(|(index, _)| self.document.sequences.get(*index))
                .map(|nested| MediaTime::new(length(nested), nested.rate)),
            _ => None,
        };
        let at = |frames| rescaled(frames, on.sequence.rate, rate);
        let shown = at(clip.duration)?;
        let media = media.filter(|length| length.value() > 0);
        let playing = Playing { rate, speed: clip.speed, shown, media };
        let point = playing.point(clip.source_start)?;
        let handle = |frames: Option<i64>| frames.filter(|frames| *frames > 0);
        let lead = handle(before.map(|before| before.in_offset));
        let tail = handle(after.map(|after| after.out_offset));
        let end = start.checked_add(clip.duration)?;
        let file_rate = self.file_rate(&clip.source, on.sequence);
        let points = (
            point.checked_sub(at(lead.unwrap_or(0))?)?,
            point.checked_add(shown)?.checked_add(at(tail.unwrap_or(0))?)?,
        );
        Some(Counted {
            place: (if lead.is_some() { -1 } else { start }, if tail.is_some() { -1 } else { end }),
            points,
            // Both -1 would say that there are no limits.
            exact: points != (-1, -1)
                && playing.lowest(point) == Some(clip.source_start)
                && file_rate.is_none_or(|file| file == rate),
            playing,
        })
    }

    /// What only emam says of a clip.
    fn own(&mut self, clip: &Clip, laid: &Laid) {
        self.xml.own("id", clip.id);
        if let Some(link) = clip.link {
            self.xml.own("link", link);
        }
        if !clip.audio_channels.is_empty() {
            let channels: Vec<_> = laid.channels.iter().map(u16::to_string).collect();
            self.xml.own("channels", channels.join(" "));
        }
        if !clip.metadata.is_empty() {
            self.metadata(&clip.metadata);
        }
    }

    /// What only emam says of what a clip plays; of each of its channels, which are told to be of
    /// one clip by it.
    fn own_source(&mut self, clip: &Clip, counted: &Counted) {
        if !counted.exact {
            self.xml.own("start", clip.source_start);
        }
        if Speed::from_percent(&effects::percent(clip.speed)).ok() != Some(clip.speed) {
            self.xml.own("speed", clip.speed);
        }
        match &clip.source {
            ClipSource::Asset(source) => {
                if let Some(subclip) = source.subclip {
                    self.xml.own("subclip", subclip);
                }
            }
            ClipSource::Sequence(source) => {
                if !self.sequences.contains_key(&source.sequence) {
                    self.xml.own("sequence", source.sequence);
                }
            }
            ClipSource::Generator(generator) => {
                if !generator.parameters.values().all(effects::is_plain_value) {
                    let parameters = &generator.parameters;
                    self.xml
                        .own("parameters", serde_json::to_string(parameters).unwrap_or_default());
                }
            }
            ClipSource::Caption(_) => {}
        }
    }

    pub(super) fn metadata(&mut self, metadata: &BTreeMap<String, Value>) {
        self.xml.own("metadata", serde_json::to_string(metadata).unwrap_or_default());
    }

    fn times(&mut self, clip: &Clip, counted: &Counted) {
        let Counted { playing, place, points, .. } = counted;
        let length = playing.length().unwrap_or(0).max(points.1);
        self.xml.number("duration", length);
        self.xml.rate(playing.rate);
        self.xml.number("start", place.0);
        self.xml.number("end", place.1);
        self.xml.number("in", points.0);
        self.xml.number("out", points.1);
        // Sound may begin between two frames; ticks can say so.
        let between = clip.speed.is_normal() && place.0 != -1;
        let of = |frames| MediaTime::new(frames, playing.rate).premiere_ticks();
        let begin = if between { clip.source_start.premiere_ticks() } else { of(points.0) };
        if let (Ok(begin), Ok(from), Ok(to)) = (begin, of(points.0), of(points.1))
            && let Some(end) = to.checked_add(begin - from)
        {
            self.xml.number("pproTicksIn", begin);
            self.xml.number("pproTicksOut", end);
        }
    }

    fn source(&mut self, on: &OnTrack<'_>, clip: &Clip, kept: Option<Element<'_>>) -> Result<()> {
        let kind = if on.is_video { "video" } else { "audio" };
        match &clip.source {
            ClipSource::Asset(source) => self.file(source, &clip.name, on.sequence)?,
            ClipSource::Sequence(source) => self.nested_sequence(source.sequence)?,
            ClipSource::Generator(generator) => {
                let effect = kept.and_then(|kept| kept.child("effect")).filter(|effect| {
                    let (name, parameters) = effects::generator_of(*effect);
                    name == generator.generator && parameters == generator.parameters
                });
                match effect {
                    Some(effect) => self.xml.raw(effect.raw()),
                    None => self.xml.raw(&effects::generator(
                        &generator.generator,
                        &generator.parameters,
                        kind,
                    )),
                }
            }
            ClipSource::Caption(caption) => {
                let words = [("str".to_owned(), Value::String(caption.text.clone()))].into();
                self.xml.raw(&effects::generator("Text", &words, kind));
            }
        }
        Ok(())
    }

    /// The speed; as it was kept, if that still holds.
    fn speed(&mut self, on: &OnTrack<'_>, speed: Speed, kept: Option<Element<'_>>) {
        let mut filters = kept.into_iter().flat_map(|kept| kept.named("filter"));
        let holds = Some(Remap::Constant(speed));
        let filter = filters.find(|filter| effects::remap_of(*filter) == holds);
        if let Some(filter) = filter {
            return self.xml.raw(filter.raw());
        }
        if !speed.is_normal() {
            let kind = if on.is_video { "video" } else { "audio" };
            self.xml.raw(&effects::remap(speed, kind));
        }
    }

    fn link(&mut self, place: Place) {
        self.xml.open("link");
        self.xml.number("linkclipref", format_args!("clipitem-{}", place.id));
        self.xml.leaf("mediatype", if place.is_video { "video" } else { "audio" });
        self.xml.number("trackindex", place.track);
        self.xml.number("clipindex", place.clip);
        if !place.is_video {
            self.xml.number("groupindex", 1);
        }
        self.xml.close("link");
    }

    fn warn(&mut self, on: &OnTrack<'_>, clip: &Clip) {
        let mut note = |kind, message: String| {
            let issue = Issue::new(kind, message).on_track(on.track.id).of_clip(clip.id);
            self.issues.push(issue);
        };
        match &clip.source {
            ClipSource::Caption(_) => {
                let message = "a caption on a track of pictures or sound is written as a title";
                note(IssueKind::NotCarried, message.to_owned());
            }
            ClipSource::Sequence(source) if !self.sequences.contains_key(&source.sequence) => {
                let message = format!(
                    "clip {:?} shows sequence {}, which is not in the document",
                    clip.name, source.sequence
                );
                note(IssueKind::UnknownSequence, message);
            }
            ClipSource::Asset(source) if self.document.media.get(source).is_none() => {
                let message = format!("nothing is known about the media of clip {:?}", clip.name);
                note(IssueKind::UnknownMedia, message);
            }
            _ => {}
        }
        if !on.is_video && has_too_many_channels(clip, &self.document.media) {
            let message = format!("clip {:?} is written with its first 64 channels", clip.name);
            note(IssueKind::NotCarried, message);
        }
    }
}

/// What Premiere calls the channels of a clip.
fn channel_type(on: &OnTrack<'_>, laid: &Laid, kept: Option<Element<'_>>) -> Option<String> {
    if on.is_video {
        return None;
    }
    if let Some(kind) = kept.and_then(|kept| kept.attribute("premiereChannelType")) {
        return Some(kind.into_owned());
    }
    channel_type_of(laid.channels.len()).map(str::to_owned)
}

/// As [`channel_type`], by their number.
pub(in super::super) const fn channel_type_of(channels: usize) -> Option<&'static str> {
    match channels {
        1 => Some("mono"),
        2 => Some("stereo"),
        _ => None,
    }
}

/// The rate a file is written with.
pub(super) fn file_rate(
    summary: &crate::model::MediaSummary,
    sequence: &crate::model::Sequence,
) -> Option<Rate> {
    let rate = summary.rate.or(summary.duration.map(MediaTime::rate))?;
    Some(counting(rate, sequence))
}
