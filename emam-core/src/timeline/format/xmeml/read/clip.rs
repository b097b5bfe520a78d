//! A clip of a track.

use std::borrow::Cow;

use super::super::NESTED_CHANNELS;
use super::super::dom::Element;
use super::super::effects::{self, Remap};
use super::super::foreign::{kept, rest};
use super::super::frames::Playing;
use super::super::write::channel_type_of;
use super::bin::file_of;
use super::file::{File, flag};
use super::place::{Told, What};
use super::{Reader, metadata, own};
use crate::model::{AssetSource, Clip, ClipSource, Generator, SequenceSource};
use crate::time::{MediaTime, Rate, Speed};
use crate::timeline::IssueKind;

/// A clip that was read, and what of it is decided when its channels are together.
pub(super) struct ReadClip<'d> {
    pub(super) clip: Clip,
    pub(super) element: Element<'d>,
    /// Children that were not understood.
    pub(super) inner: String,
    /// The channels it is heard with; empty if the file does not say.
    pub(super) channels: Vec<u16>,
    /// How many its source has.
    pub(super) count: u32,
    /// Its number among the clips of the sequence.
    pub(super) number: usize,
}

/// Where a clip is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The rate of the sequence.
    pub(super) rate: Rate,
    pub(super) is_video: bool,
    /// Whether it is one more channel of a clip that was read.
    pub(super) is_part: bool,
    /// The channel of a clip that does not say its own, on a track that is one of several.
    pub(super) channel: Option<u16>,
}

/// What a clip is a piece of.
struct Source {
    source: ClipSource,
    media: Option<MediaTime>,
    rate: Option<Rate>,
    channels: u32,
}

impl<'d> Reader<'_, 'd> {
    pub(super) fn clip(
        &mut self,
        told: &Told<'d>,
        on: Place,
        number: usize,
    ) -> Option<ReadClip<'d>> {
        let What::Clip { rate, point } = told.what else {
            return None;
        };
        let element = told.element;
        let name = element.child_text("name").unwrap_or_default().into_owned();
        let source = self.source(element, &name, rate);
        let kind = if on.is_video { "video" } else { "audio" };
        let speed = self.speed(element);
        let shown = MediaTime::new(told.duration, on.rate).rescale(rate).ok()?.nearest();
        let playing = Playing { rate, speed, shown, media: source.media };
        let read = self.source_point(element, &playing, point, source.rate);
        let claimed = own(element, "id").and_then(|id| id.parse().ok());
        let id = match claimed {
            Some(id) if !on.is_part => self.reading.clip_id(Some(id), &name),
            _ => self.reading.clip_id(None, &name),
        };
        let start = read.rate();
        let markers = if on.is_part { Vec::new() } else { self.markers(element, rate, start) };
        let track = element.at(&["sourcetrack", "trackindex"]).map(Element::text);
        let channel = track
            .and_then(|track| track.trim().parse::<u16>().ok())
            .filter(|c| *c > 0)
            .or(on.channel);
        let inner = self.clip_rest(element, &source.source, speed, kind);
        let clip = Clip {
            id,
            name,
            source_start: read,
            source: source.source,
            duration: told.duration,
            speed,
            enabled: flag(element, "enabled", true),
            link: None,
            audio_channels: Vec::new(),
            markers,
            metadata: metadata(element),
            foreign: crate::model::Foreign::new(),
        };
        let channels = channel.filter(|_| !on.is_video).into_iter().collect();
        Some(ReadClip { clip, element, inner, channels, count: source.channels, number })
    }

    fn source(&mut self, element: Element<'d>, name: &str, rate: Rate) -> Source {
        let other = |source| Source { source, media: None, rate: None, channels: 0 };
        let of_file = |file: File, subclip| Source {
            source: ClipSource::Asset(AssetSource { subclip, ..file.source }),
            media: file.duration,
            rate: file.rate,
            channels: file.channels,
        };
        let subclip = own(element, "subclip").and_then(|id| id.parse().ok());
        if let Some(file) = element.child("file") {
            return of_file(self.file(file, Some(rate)), subclip);
        }
        if let Some(sequence) = element.child("sequence") {
            return self.nested(sequence, rate);
        }
        if let Some(effect) = element.child("effect") {
            let (generator, parameters) = effects::generator_of(effect);
            let exact =
                own(element, "parameters").and_then(|json| serde_json::from_str(&json).ok());
            let parameters = exact.unwrap_or(parameters);
            return other(ClipSource::Generator(Generator { generator, parameters }));
        }
        if let Some(sequence) = own(element, "sequence").and_then(|id| id.parse().ok()) {
            let source = other(ClipSource::Sequence(SequenceSource { sequence }));
            return Source { channels: NESTED_CHANNELS, ..source };
        }
        let master = element.child_text("masterclipid");
        let clip = master
            .as_ref()
            .and_then(|id| self.definitions.get(&("clip", Cow::Borrowed(id.as_ref()))).copied());
        if let Some(file) = clip.and_then(file_of) {
            return of_file(self.file(file, Some(rate)), subclip);
        }
        let message = format!("clip {name:?} has no file; its media is missing");
        self.note(element, IssueKind::UnknownMedia, message);
        let file = self.missing_media(master.as_deref().unwrap_or(name), name);
        of_file(file, subclip)
    }

    fn nested(&mut self, element: Element<'d>, clip_rate: Rate) -> Source {
        let element = self.resolve(element);
        let sequence = match self.sequence_id(element) {
            Some(id) => id,
            None => crate::id::SequenceId::new(self.reading.clock),
        };
        let length = element.child_text("duration");
        let length = length.and_then(|text| super::super::text::number(&text));
        let rate = element.child("rate").and_then(|_| self.rate(element, None));
        let media = length.zip(rate).map(|(length, rate)| MediaTime::new(length.value, rate));
        Source {
            source: ClipSource::Sequence(SequenceSource { sequence }),
            media: media.filter(|length| length.value() > 0),
            rate: rate.or(Some(clip_rate)),
            channels: NESTED_CHANNELS,
        }
    }

    fn speed(&mut self, element: Element<'d>) -> Speed {
        let mut speed = Speed::NORMAL;
        for filter in element.named("filter") {
            match effects::remap_of(filter) {
                None => {}
                Some(Remap::Constant(said)) => speed = said,
                Some(Remap::Other) => {
                    let message = "a clip changes its speed while it runs; it is taken to run at \
                                   normal speed, and the change is kept for XML files";
                    self.note(filter, IssueKind::NotUnderstood, message);
                }
            }
        }
        let exact = own(element, "speed").and_then(|speed| speed.parse::<Speed>().ok());
        exact.filter(|exact| effects::percent(*exact) == effects::percent(speed)).unwrap_or_else(
            || {
                let same =
                    |e: &Speed| Speed::from_percent(&effects::percent(*e)).ok() == Some(speed);
                exact.filter(same).unwrap_or(speed)
            },
        )
    }

    /// The lowest frame of the source: as emam said it, at the rate of the file, or as it stands.
    fn source_point(
        &mut self,
        element: Element<'d>,
        playing: &Playing,
        point: i64,
        file_rate: Option<Rate>,
    ) -> MediaTime {
        let exact = own(element, "start").and_then(|start| {
            let (value, rate) = start.split_once('@')?;
            let rate = rate.trim().parse().ok()?;
            Some(MediaTime::new(value.trim().parse().ok()?, rate))
        });
        if let Some(exact) = exact.filter(|exact| playing.point(*exact) == Some(point)) {
            return exact;
        }
        let Some(lowest) = playing.lowest(point) else {
            let message = format!("the in point {point} is beyond what can be counted; 0 is taken");
            self.note(element, IssueKind::Corrected, message);
            return MediaTime::zero(playing.rate);
        };
        match file_rate.map(|rate| lowest.rescale_exact(rate)) {
            Some(Ok(at_file_rate)) => at_file_rate,
            Some(Err(_)) => {
                let message = format!(
                    "the in point {lowest} lies between two frames of its file; it is kept as it is"
                );
                self.note(element, IssueKind::MixedRate, message);
                lowest
            }
            None => lowest,
        }
    }

    /// The children of a clip that are not understood, as they stand.
    fn clip_rest(
        &mut self,
        element: Element<'d>,
        source: &ClipSource,
        speed: Speed,
        kind: &str,
    ) -> String {
        let mut inner = String::new();
        for child in element.children() {
            let understood = match child.name() {
                "masterclipid" | "name" | "enabled" | "duration" | "rate" | "start" | "end"
                | "in" | "out" | "pproTicksIn" | "pproTicksOut" | "file" | "sequence"
                | "sourcetrack" | "marker" | "link" => true,
                "filter" => !speed.is_normal() && child.raw() == effects::remap(speed, kind),
                "effect" => matches!(source, ClipSource::Generator(generator) if child.raw()
                    == effects::generator(&generator.generator, &generator.parameters, kind)),
                _ => false,
            };
            if !understood {
                inner.push_str(child.raw());
            }
        }
        inner
    }
}

impl ReadClip<'_> {
    /// The clip, now that all its channels are known.
    pub(super) fn finish(mut self, is_video: bool) -> Clip {
        if !is_video {
            let exact = own(self.element, "channels").map(|channels| {
                channels.split(' ').filter_map(|channel| channel.parse().ok()).collect::<Vec<u16>>()
            });
            let all = self.channels.iter().copied().eq((1..).take(self.count.max(1) as usize));
            self.clip.audio_channels = match exact {
                Some(exact) if exact == self.channels => exact,
                _ if all => Vec::new(),
                _ => self.channels.clone(),
            };
        }
        let is_generator = matches!(self.clip.source, ClipSource::Generator(_));
        let kind = channel_type_of(self.channels.len()).filter(|_| !is_video && !is_generator);
        let as_ours = self.element.attribute("premiereChannelType").as_deref() == kind;
        let understood = |name: &str| name == "id" || (name == "premiereChannelType" && as_ours);
        self.clip.foreign = kept(rest(self.element, understood, &self.inner));
        self.clip
    }
}
