//! Clips, of media and of nested sequences.

use super::super::facts::{Facts, quoted};
use super::super::json::{Tape, Value};
use super::super::print::Printer;
use super::super::schema::MAX_NESTING;
use super::blocks::{self, Block, Exact};
use super::{Link, MAX_NESTED, Writer};
use crate::error::{Error, Result};
use crate::model::{Clip, ClipSource, Sequence, Track, TrackKind};
use crate::time::{MediaTime, Speed};
use crate::timeline::format::{ClipMedia, Flavour};
use crate::timeline::{Issue, IssueKind};

impl<'a> Writer<'a> {
    pub(super) fn clip(
        &mut self,
        sequence: &'a Sequence,
        track: &'a Track,
        clip: &'a Clip,
    ) -> Result<()> {
        let inner = match &clip.source {
            ClipSource::Sequence(source) => {
                let inner = self.sequences.get(&source.sequence).copied();
                let inner = inner.filter(|inner| !self.open.contains(&inner.id));
                if inner.is_none() {
                    let message = format!(
                        "clip {:?} shows sequence {}, which is not in the document or nested in \
                         itself: its content is not in the file",
                        clip.name, source.sequence
                    );
                    let issue = Issue::new(IssueKind::UnknownSequence, message);
                    self.issues.push(issue.on_track(track.id).of_clip(clip.id));
                }
                inner
            }
            _ => None,
        };
        if !clip.speed.is_normal() && self.options.flavour == Flavour::Premiere {
            self.ambiguous += 1;
        }
        let tape = self.left(&clip.foreign, &format!("clip {:?}", clip.name));
        let left = tape.as_ref().map(Tape::root);
        match inner {
            Some(inner) => self.nested(sequence, track, clip, inner, left),
            None => self.simple(sequence, track, clip, left),
        }
    }

    /// A clip of media, of a generator, or of words.
    fn simple(
        &mut self,
        sequence: &'a Sequence,
        track: &'a Track,
        clip: &'a Clip,
        left: Option<Value<'_>>,
    ) -> Result<()> {
        let legacy = self.options.legacy;
        let media = self.document.media.of(&clip.source);
        let source_rate = clip.source_start.rate();
        let timecode = media.and_then(|media| media.summary.start_timecode);
        let first = super::first_frame(timecode, source_rate)?;
        let start = clip.source_start.checked_add(first)?;
        self.out.begin(if legacy { "Clip.1" } else { "Clip.2" });
        self.clip_metadata(sequence, track, clip, None, media, left);
        self.out.member("name", &clip.name);
        self.range("source_range", start, MediaTime::new(clip.duration, sequence.rate))?;
        self.effects(clip.speed, left);
        self.out.key("markers");
        self.out.open_array();
        for marker in &clip.markers {
            self.out.item();
            self.marker(marker, first.value(), source_rate, false)?;
        }
        self.out.close_array();
        self.out.flag("enabled", clip.enabled);
        self.or_kept("color", left, Printer::null);
        self.references(sequence, clip, media, left)?;
        self.rest(left, &["metadata", "effects", "color", "active_media_reference_key"]);
        self.out.close_object();
        Ok(())
    }

    /// A clip of a sequence: a stack with the tracks of it.
    fn nested(
        &mut self,
        sequence: &'a Sequence,
        track: &'a Track,
        clip: &'a Clip,
        inner: &'a Sequence,
        left: Option<Value<'_>>,
    ) -> Result<()> {
        if self.open.len() >= MAX_NESTING {
            let message = "sequences are nested deeper in each other than other programs read; \
                           nest them less deep";
            return Err(Error::invalid("timeline.write", message)
                .with("sequence", inner.id)
                .with("limit", MAX_NESTING));
        }
        let items = inner.tracks.iter().map(|track| track.items.len() as u64 + 1).sum::<u64>();
        self.nested = self.nested.saturating_add(items);
        if self.nested > MAX_NESTED {
            let message = "the sequences nested in each other would make a file of millions of \
                           clips; nest them less often";
            return Err(Error::invalid("timeline.write", message).with("sequence", inner.id));
        }
        self.out.begin("Stack.1");
        self.clip_metadata(sequence, track, clip, Some(inner), None, left);
        self.out.member("name", &clip.name);
        let duration = MediaTime::new(clip.duration, sequence.rate);
        self.range("source_range", clip.source_start, duration)?;
        self.effects(clip.speed, left);
        self.out.key("markers");
        self.out.open_array();
        for marker in &clip.markers {
            self.out.item();
            self.marker(marker, 0, clip.source_start.rate(), false)?;
        }
        for marker in &inner.markers {
            self.out.item();
            self.marker(marker, 0, inner.rate, true)?;
        }
        self.out.close_array();
        self.out.flag("enabled", clip.enabled);
        self.or_kept("color", left, Printer::null);
        self.children(inner)?;
        self.rest(left, &["metadata", "effects", "color"]);
        self.out.close_object();
        Ok(())
    }

    fn clip_metadata(
        &mut self,
        sequence: &Sequence,
        track: &Track,
        clip: &Clip,
        inner: Option<&Sequence>,
        media: Option<&ClipMedia>,
        left: Option<Value<'_>>,
    ) {
        let emam = |out: &mut Printer| facts(out, clip, inner);
        let reel = media.and_then(|media| media.reel.as_deref());
        let cmx = |out: &mut Printer| out.member("reel", reel.unwrap_or_default());
        let mut own = vec![Block::new("emam", &[], &emam)];
        let (mut link, mut channels) = (0, None);
        if self.options.flavour == Flavour::Premiere {
            link = self.link(sequence, clip);
            channels = (track.kind == TrackKind::Audio).then(|| heard(clip, media));
        }
        let premiere = |out: &mut Printer| blocks::premiere_clip(out, link, channels.as_deref());
        let keys = ["AudioChannels", "LinkID", "OriginalChannelGroupIndex", "SourceClipIndex"];
        if self.options.flavour == Flavour::Premiere {
            own.push(Block::new("PremierePro_OTIO", &keys, &premiere));
        }
        // A clip may name another reel than the media it shares with others.
        let kept = left.and_then(|left| left.get("metadata")?.get("cmx_3600")?.get("reel"));
        if reel.is_some() && kept.is_none() {
            own.push(Block::new("cmx_3600", &["reel"], &cmx));
        }
        blocks::metadata(&mut self.out, left, &own);
    }

    /// Premiere's number of the clips this one moves with; it fuses clips that share one.
    fn link(&mut self, sequence: &Sequence, clip: &Clip) -> i64 {
        let next = self.links.len() as i64 + 1;
        let link = clip.link.map_or(Link::Clip(clip.id), Link::Group);
        *self.links.entry((sequence.id, link)).or_insert(next)
    }

    /// How many channels the clips of a track have at most.
    pub(super) fn channels(&self, track: &Track) -> u32 {
        let clips = track.clips();
        let heard = clips.map(|clip| heard(clip, self.document.media.of(&clip.source)).len());
        heard.max().unwrap_or(2) as u32
    }

    /// The member `effects`: those kept from a file, and the one that is the speed.
    fn effects(&mut self, speed: Speed, left: Option<Value<'_>>) {
        let warp = left.and_then(|left| left.get("emam:warp"));
        let was = Facts::of_block(warp);
        let (index, was): (Option<usize>, Option<Speed>) =
            (was.number::<u32>("index").map(|index| index as usize), was.parsed("speed"));
        self.out.key("effects");
        self.out.open_array();
        let kept = left.and_then(|left| left.get("effects"));
        let mut said = speed.is_normal();
        for (at, effect) in kept.iter().flat_map(|kept| kept.elements()).enumerate() {
            if Some(at) != index || was == Some(speed) {
                said |= Some(at) == index;
                self.out.item();
                self.out.raw(effect.raw());
            } else if !said {
                said = true;
                self.warp(speed);
            }
        }
        if !said {
            self.warp(speed);
        }
        self.out.close_array();
    }

    fn warp(&mut self, speed: Speed) {
        let kind = if speed.is_freeze() { "FreezeFrame" } else { "LinearTimeWarp" };
        self.out.item();
        self.out.begin(&format!("{kind}.1"));
        self.out.copy("metadata", "{}");
        self.out.member("name", "Speed");
        self.out.member("effect_name", kind);
        self.out.flag("enabled", true);
        self.out.key("time_scalar");
        self.out.float(speed.as_f64());
        self.out.close_object();
    }
}

/// The channels of the source a clip lets be heard, counted from 1.
fn heard(clip: &Clip, media: Option<&ClipMedia>) -> Vec<u16> {
    if !clip.audio_channels.is_empty() {
        return clip.audio_channels.clone();
    }
    let all = media.map_or(2, |media| media.summary.audio_channels).clamp(1, 64);
    (1..=all).filter_map(|channel| u16::try_from(channel).ok()).collect()
}

/// What only emam knows of a clip, and of the sequence that is nested there.
fn facts(out: &mut Printer, clip: &Clip, inner: Option<&Sequence>) {
    let mut exact = Exact::default();
    exact.text("name", &clip.name);
    exact.map("metadata", &clip.metadata);
    exact.foreign(&clip.foreign, false);
    let source = match &clip.source {
        ClipSource::Asset(_) => None,
        ClipSource::Sequence(_) => Some("sequence"),
        ClipSource::Generator(generator) => {
            exact.text("generator", &generator.generator);
            exact.map("parameters", &generator.parameters);
            Some("generator")
        }
        ClipSource::Caption(caption) => {
            exact.text("text", &caption.text);
            Some("caption")
        }
    };
    if let Some(source) = clip.source.asset() {
        out.member("asset_id", &source.asset.to_string());
    }
    if !clip.audio_channels.is_empty() {
        out.numbers("audio_channels", clip.audio_channels.iter().copied().map(i64::from));
    }
    out.member("clip_id", &clip.id.to_string());
    exact.print(out);
    blocks::foreign(out, &clip.foreign, false);
    if let Some(link) = clip.link {
        out.number("link", i64::from(link));
    }
    if !clip.metadata.is_empty() {
        blocks::json_map(out, "metadata", &clip.metadata);
    }
    blocks::rate(out, "rate", clip.source_start.rate());
    if let Some(inner) = inner {
        out.key("sequence");
        out.open_object();
        blocks::sequence(out, inner, true);
        out.close_object();
    }
    if let ClipSource::Sequence(source) = &clip.source {
        out.member("sequence_id", &source.sequence.to_string());
    }
    if let Some(source) = source {
        out.member("source", source);
    }
    out.number("source_start", clip.source_start.value());
    if !clip.speed.is_normal() {
        out.copy("speed", &quoted(&clip.speed.to_string()));
    }
    if let Some(source) = clip.source.asset() {
        if let Some(subclip) = source.subclip {
            out.member("subclip_id", &subclip.to_string());
        }
        if let Some(version) = source.version {
            out.member("version_id", &version.to_string());
        }
    }
}
