//! The events of a track.

use super::reel::{Reels, plain};
use super::{BLACK, FOREIGN, NO_REEL, speed};
use crate::error::Result;
use crate::id::{AssetId, VersionId};
use crate::model::{Clip, ClipSource, Item, Marker, Sequence, Track, TrackKind, Transition};
use crate::time::{MediaTime, Rate, Speed, Timecode};
use crate::timeline::format::text::one_line;
use crate::timeline::format::{ClipMedia, Document};
use crate::timeline::{Issue, IssueKind};

use std::collections::{HashMap, HashSet};

/// The highest rate that timecode counts; sound counts samples.
const MAX_TIMECODE_RATE: u32 = 120;
/// The sound channels a list knows.
const MAX_CHANNELS: u16 = 4;
/// The longest transition three digits say.
const MAX_TRANSITION: i64 = 999;

/// An event to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its first frame, from the start of the sequence.
    pub(super) at: i64,
    pub(super) length: i64,
    /// The picture track, `V` unless told otherwise.
    pub(super) video: Option<String>,
    pub(super) audio: Vec<u16>,
    pub(super) reel: String,
    /// Source in and out.
    pub(super) source: [String; 2],
    pub(super) transition: Option<Origin>,
    /// The speed of an `M2` line.
    pub(super) speed: Option<String>,
    pub(super) comments: Vec<String>,
    pub(super) marks: Vec<Mark>,
    pub(super) link: Option<u32>,
}

/// A transition, and what it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    pub(super) code: String,
    pub(super) length: i64,
    pub(super) reel: String,
    /// The source time at which the transition begins.
    pub(super) at: String,
}

/// A locator.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// The frame of the sequence, from its start.
    pub(super) at: i64,
    pub(super) marker: Marker,
}

/// What lies on a track between two transitions.
#[derive(Debug, Clone, Copy)]
struct Slot<'s> {
    at: i64,
    length: i64,
    into: Option<&'s Transition>,
    out: Option<&'s Transition>,
    /// Nothing where it is a gap, or a clip that is switched off.
    clip: Option<&'s Clip>,
    /// What was said of black.
    black: Option<&'s str>,
}

/// A clip's piece of its source, in the timecode of the source.
struct Piece {
    reel: String,
    name: String,
    file: String,
    /// The reel's own name, at its first use.
    map: Option<String>,
    /// The timecode of the lowest frame, and of the one after the highest.
    low: Timecode,
    high: Timecode,
}

/// Makes the events of tracks.
pub(super) struct Events<'d> {
    document: &'d Document,
    sequence: &'d Sequence,
    reels: Reels,
    named: HashMap<(AssetId, Option<VersionId>), String>,
    mapped: HashSet<String>,
    /// Lines about the reels used since they were last taken, in the order of their first use.
    pub(super) sources: Vec<String>,
    pub(super) issues: Vec<Issue>,
}

impl<'d> Events<'d> {
    pub(super) fn new(document: &'d Document, sequence: &'d Sequence, reels: Reels) -> Self {
        Self {
            document,
            sequence,
            reels,
            named: HashMap::new(),
            mapped: HashSet::new(),
            sources: Vec::new(),
            issues: Vec::new(),
        }
    }

    pub(super) fn reel_width(&self) -> usize {
        self.reels.width()
    }

    /// The events of a track, in order. `below` is how many sound channels other tracks take.
    pub(super) fn of_track(&mut self, track: &Track, below: u16) -> Result<Vec<Entry>> {
        let slots = slots(track);
        let mut entries = Vec::with_capacity(slots.len());
        for (index, slot) in slots.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| slots.get(index));
            self.note(track, slot);
            let before_entry = if before.is_some_and(|before| before.clip.is_some()) {
                entries.last()
            } else {
                None
            };
            let entry = match slot.clip {
                Some(clip) => self.clip(track, slot, clip, before, before_entry, below)?,
                None => self.black(track, slot, before, before_entry, below)?,
            };
            entries.extend(entry);
        }
        // A fade out of the last clip has nothing behind it.
        if let Some(last) = slots.last()
            && let (Some(_), Some(out)) = (last.clip, last.out)
        {
            let at = last.at.saturating_add(last.length);
            let edge = Slot { at, length: 0, into: Some(out), out: None, clip: None, black: None };
            let entry = self.black(track, &edge, Some(last), entries.last(), below)?;
            entries.extend(entry);
        }
        let trailing = slots
            .last()
            .is_some_and(|slot| slot.clip.is_none() && slot.black.is_none() && slot.into.is_none());
        if trailing {
            let message = format!("the gap at the end of track {:?} is no event", track.name);
            self.issues.push(Issue::new(IssueKind::NotCarried, message).on_track(track.id));
        }
        Ok(entries)
    }

    fn issue(&mut self, track: &Track, clip: &Clip, kind: IssueKind, message: String) {
        self.issues.push(Issue::new(kind, message).on_track(track.id).of_clip(clip.id));
    }

    /// Says what of a slot a list cannot hold.
    fn note(&mut self, track: &Track, slot: &Slot<'_>) {
        let Some(transition) = slot.into else { return };
        let mut add = |kind, message| {
            let issue = Issue::new(kind, message).on_track(track.id);
            self.issues.push(Issue { clip: slot.clip.map(|clip| clip.id), ..issue });
        };
        let length = transition.in_offset.saturating_add(transition.out_offset);
        if transition.in_offset > 0 {
            let message = format!(
                "the transition at frame {} begins {} frames before its cut; a list says where it \
                 begins, not where the cut is",
                slot.at, transition.in_offset
            );
            add(IssueKind::TransitionAlignment, message);
        }
        if length > MAX_TRANSITION {
            let message =
                format!("a transition of {length} frames was written {MAX_TRANSITION} long");
            add(IssueKind::NotCarried, message);
        }
        if transition.kind != Transition::DISSOLVE && !is_wipe(&transition.kind) {
            let message = format!("transition {:?} was written as a dissolve", transition.kind);
            add(IssueKind::NotCarried, message);
        }
    }

    fn clip(
        &mut self,
        track: &Track,
        slot: &Slot<'_>,
        clip: &Clip,
        before: Option<&Slot<'_>>,
        before_entry: Option<&Entry>,
        below: u16,
    ) -> Result<Option<Entry>> {
        let rate = self.sequence.rate;
        let shift_in = slot.into.map_or(0, |transition| transition.in_offset);
        let shift_out = slot.out.map_or(0, |transition| transition.in_offset);
        let at = slot.at.saturating_sub(shift_in);
        let length = slot.length.saturating_add(shift_in).saturating_sub(shift_out);
        if length < 1 {
            let message = format!("clip {:?} is wholly in the transition after it", clip.name);
            self.issue(track, clip, IssueKind::NotCarried, message);
            return Ok(None);
        }
        let piece = self.piece(track, clip, shift_in, shift_out, length)?;
        let transition =
            slot.into.map(|transition| self.from(transition, before_entry)).transpose()?;

        let mut comments = Vec::new();
        let name = if piece.name.is_empty() { &piece.file } else { &piece.name };
        if let Some(transition) = slot.into {
            let from = self.outgoing_name(transition, before);
            comments.push(format!("* FROM CLIP NAME: {from}"));
            comments.push(format!("* TO CLIP NAME: {name}"));
        } else if !name.is_empty() {
            comments.push(format!("* FROM CLIP NAME: {name}"));
        }
        if !piece.file.is_empty() {
            comments.push(format!("* SOURCE FILE: {}", piece.file));
        }
        if piece.low.rate() != rate {
            comments.push(format!("* {} {}", super::line::SOURCE_RATE, piece.low.rate()));
        }
        comments.extend(piece.map);
        comments.extend(kept(clip.foreign.get(FOREIGN)));

        let mut marks = Vec::new();
        for marker in &clip.markers {
            match self.mark(track, clip, slot.at, marker) {
                Some(mark) => marks.push(mark),
                None => {
                    let message = format!("marker {:?} is at no time of the list", marker.name);
                    self.issue(track, clip, IssueKind::NotCarried, message);
                }
            }
        }
        let speed = (!clip.speed.is_normal()).then(|| speed::text(clip.speed, rate));
        let (video, audio) = self.channels(track, clip, below);
        Ok(Some(Entry {
            at,
            length,
            video,
            audio,
            reel: piece.reel,
            source: [piece.low.wrapped().to_string(), piece.high.wrapped().to_string()],
            transition,
            speed,
            comments,
            marks,
            link: clip.link,
        }))
    }

    /// Black: where a transition leads into it, and where the list it came from had it.
    fn black(
        &mut self,
        track: &Track,
        slot: &Slot<'_>,
        before: Option<&Slot<'_>>,
        before_entry: Option<&Entry>,
        below: u16,
    ) -> Result<Option<Entry>> {
        let fade = slot.into.filter(|_| before.is_some_and(|before| before.clip.is_some()));
        if fade.is_none() && slot.black.is_none() {
            return Ok(None);
        }
        let shift_in = fade.map_or(0, |transition| transition.in_offset);
        let at = slot.at.saturating_sub(shift_in);
        let length = if slot.black.is_some() {
            let shift_out = slot.out.map_or(0, |transition| transition.in_offset);
            slot.length.saturating_add(shift_in).saturating_sub(shift_out)
        } else {
            fade.map_or(0, |t| t.in_offset.saturating_add(t.out_offset))
        };
        if length < 1 {
            return Ok(None);
        }
        let transition = fade.map(|transition| self.from(transition, before_entry)).transpose()?;
        let mut comments = Vec::new();
        if let Some(transition) = fade {
            let from = self.outgoing_name(transition, before);
            comments.push(format!("* FROM CLIP NAME: {from}"));
            comments.push(format!("* TO CLIP NAME: {BLACK}"));
        }
        comments.extend(slot.black.into_iter().flat_map(|black| lines(black).skip(1)));
        let (video, audio) = match before.and_then(|before| before.clip) {
            Some(clip) => self.channels(track, clip, below),
            None if track.kind == TrackKind::Audio => (None, vec![below.saturating_add(1)]),
            None => (Some(channel(track)), Vec::new()),
        };
        let zero = Timecode::new(0, self.sequence.rate, self.sequence.drop_frame)?;
        Ok(Some(Entry {
            at,
            length,
            video,
            audio,
            reel: BLACK.to_owned(),
            source: [zero.to_string(), zero.offset(length)?.to_string()],
            transition,
            speed: None,
            comments,
            marks: Vec::new(),
            link: None,
        }))
    }

    /// A transition and where it comes from: the end of the event before, or what was kept of it.
    fn from(&mut self, transition: &Transition, before: Option<&Entry>) -> Result<Origin> {
        let code = if is_wipe(&transition.kind) { transition.kind.clone() } else { "D".to_owned() };
        let length = transition.in_offset.saturating_add(transition.out_offset);
        let kept = transition.foreign.get(FOREIGN).and_then(|kept| lines(kept).next());
        let kept = kept.as_deref().and_then(|line| line.rsplit_once(' '));
        let (reel, at) = match (kept, before) {
            (Some((reel, at)), _) if super::line::is_label(at) => {
                let mut reel = plain(reel);
                reel.truncate(self.reels.width());
                (if reel.is_empty() { NO_REEL.to_owned() } else { reel }, at.to_owned())
            }
            (_, Some(before)) => {
                let reverse = before.speed.as_ref().is_some_and(|speed| speed.starts_with('-'));
                let [low, high] = &before.source;
                (before.reel.clone(), if reverse { low } else { high }.clone())
            }
            _ => {
                let zero = Timecode::new(0, self.sequence.rate, self.sequence.drop_frame)?;
                (BLACK.to_owned(), zero.to_string())
            }
        };
        Ok(Origin { code, length: length.min(MAX_TRANSITION), reel, at })
    }

    /// The name of what a transition comes from.
    fn outgoing_name(&self, transition: &Transition, before: Option<&Slot<'_>>) -> String {
        let kept = transition.foreign.get(FOREIGN);
        if let Some(name) = kept.and_then(|kept| lines(kept).nth(1)) {
            return name;
        }
        match before.and_then(|before| before.clip) {
            Some(clip) => one_line(&self.name(clip)).into_owned(),
            None => BLACK.to_owned(),
        }
    }

    /// The name of a clip; that of the sequence nested in it.
    fn name(&self, clip: &Clip) -> String {
        let nested = match &clip.source {
            ClipSource::Sequence(nested) => self.document.sequence(nested.sequence),
            _ => None,
        };
        let media = self.document.media.of(&clip.source);
        let named = [
            nested.map(|nested| nested.name.as_str()),
            Some(clip.name.as_str()),
            media.map(|media| media.name.as_str()),
        ];
        named.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or_default().to_owned()
    }

    /// The piece of its source an event shows.
    fn piece(
        &mut self,
        track: &Track,
        clip: &Clip,
        shift_in: i64,
        shift_out: i64,
        length: i64,
    ) -> Result<Piece> {
        let rate = self.sequence.rate;
        let media = self.document.media.of(&clip.source);
        let source_rate = clip.source_start.rate();
        let first = self.first(clip, media, source_rate)?;
        let mut rounded = false;
        let start = clip.source_start.rescale(first.rate())?;
        rounded |= start.exact().is_none();

        // A clip that runs backwards shows its lowest frame last.
        let before = if clip.speed.is_reverse() { shift_out } else { -shift_in };
        let shift = if clip.speed.is_freeze() { 0 } else { before };
        let shift = clip.speed.source_time(MediaTime::new(shift, rate), first.rate())?;
        rounded |= shift.exact().is_none();
        let taken = MediaTime::new(length, rate);
        let (taken, exact) = speed::source_length(clip.speed, taken, first.rate())?;
        rounded |= !exact;
        let low = first.offset(start.nearest())?.offset(shift.nearest())?;
        let high = low.offset(taken)?;

        let name = &clip.name;
        if first.rate() != rate {
            let message = format!(
                "clip {name:?} counts {} frames a second, the list {rate}; its source is written \
                 in its own timecode",
                first.rate()
            );
            self.issue(track, clip, IssueKind::MixedRate, message);
        } else if rounded {
            let message = format!("the source of clip {name:?} ends between two frames");
            self.issue(track, clip, IssueKind::Rounded, message);
        }
        if !clip.speed.is_normal() {
            let read = speed::parse(&speed::text(clip.speed, rate), rate, taken, length);
            if first.rate() == rate && read.ok() != Some(clip.speed) {
                let message = format!(
                    "the speed {} of clip {name:?} was rounded to a tenth of a frame a second",
                    clip.speed
                );
                self.issue(track, clip, IssueKind::Rounded, message);
            }
        }
        let (reel, map) = self.reel(track, clip, media);
        let file = media.map(|media| one_line(&media.name).into_owned()).unwrap_or_default();
        let name = one_line(&self.name(clip)).into_owned();
        Ok(Piece { reel, name, file, map, low, high })
    }

    /// The timecode of the first frame (0) of a clip's source.
    fn first(&self, clip: &Clip, media: Option<&ClipMedia>, source_rate: Rate) -> Result<Timecode> {
        if let ClipSource::Sequence(nested) = &clip.source
            && let Some(nested) = self.document.sequence(nested.sequence)
        {
            return Timecode::new(nested.start, nested.rate, nested.drop_frame);
        }
        let said = media.and_then(|media| media.summary.start_timecode);
        if let Some(first) = said.filter(|at| at.rate().nominal() <= MAX_TIMECODE_RATE) {
            return Ok(first);
        }
        let counts = source_rate.nominal() <= MAX_TIMECODE_RATE;
        let rate = if counts { source_rate } else { self.sequence.rate };
        Timecode::new(0, rate, self.sequence.drop_frame && rate.can_drop())
    }

    /// The reel of a clip in the list; with its own name where that is another, at its first use.
    fn reel(
        &mut self,
        track: &Track,
        clip: &Clip,
        media: Option<&ClipMedia>,
    ) -> (String, Option<String>) {
        let Some(source) = clip.source.asset() else {
            let what = match &clip.source {
                ClipSource::Sequence(_) => "a nested sequence",
                ClipSource::Generator(_) => "a generator",
                _ => "a caption",
            };
            let message =
                format!("clip {:?} is {what}; it was written as an event of no reel", clip.name);
            self.issue(track, clip, IssueKind::NotCarried, message);
            return (NO_REEL.to_owned(), None);
        };
        let own = media.and_then(|media| media.reel.as_deref()).map(str::trim);
        let Some(own) = own.filter(|reel| !reel.is_empty()) else {
            return (NO_REEL.to_owned(), None);
        };
        let reels = &mut self.reels;
        let named = self.named.entry((source.asset, source.version));
        let reel = named.or_insert_with(|| reels.name(own)).clone();
        let new = self.mapped.insert(reel.clone());
        if new && let Some(media) = media {
            let lines = kept(media.foreign.get(FOREIGN)).filter(|line| line.starts_with(">>>"));
            self.sources.extend(lines);
        }
        let map = (new && reel != own)
            .then(|| format!("* {} {reel} = {}", super::line::REEL_MAP, one_line(own)));
        (reel, map)
    }

    /// The channels of a clip: what it says, or all its media has.
    fn channels(&mut self, track: &Track, clip: &Clip, below: u16) -> (Option<String>, Vec<u16>) {
        if track.kind != TrackKind::Audio {
            return (Some(channel(track)), Vec::new());
        }
        let mut channels: Vec<u16> =
            channels(self.document, clip).iter().map(|c| c.saturating_add(below)).collect();
        let all = channels.len();
        channels.retain(|channel| (1..=MAX_CHANNELS).contains(channel));
        if channels.len() < all {
            let message = format!(
                "clip {:?} needs more sound channels than the {MAX_CHANNELS} of a list",
                clip.name
            );
            self.issue(track, clip, IssueKind::NotCarried, message);
        }
        (None, channels)
    }

    /// A mark on a clip's source as a locator at a frame of the sequence.
    fn mark(&mut self, track: &Track, clip: &Clip, at: i64, marker: &Marker) -> Option<Mark> {
        let rate = self.sequence.rate;
        let source_rate = clip.source_start.rate();
        let into = marker.start.checked_sub(clip.source_start.value())?;
        // As long as the source takes at that speed.
        let slowed = match clip.speed.abs() {
            speed if speed.is_freeze() => return Some(Mark { at, marker: marker.clone() }),
            speed => {
                let (num, den) =
                    (i32::try_from(speed.den()).ok()?, u32::try_from(speed.num()).ok()?);
                Speed::new(num, den).ok()?
            }
        };
        let into = slowed.source_time(MediaTime::new(into, source_rate), rate).ok()?;
        if into.exact().is_none() {
            let message = format!("marker {:?} lies between two frames of the list", marker.name);
            self.issue(track, clip, IssueKind::Rounded, message);
        }
        let into = into.nearest();
        let into = if clip.speed.is_reverse() { clip.duration.checked_sub(into)? } else { into };
        let duration = MediaTime::new(marker.duration, source_rate);
        let duration = duration.rescale(rate).ok()?.nearest();
        Some(Mark { at: at.checked_add(into)?, marker: Marker { duration, ..marker.clone() } })
    }
}

/// The channels of its source a clip needs.
pub(super) fn channels(document: &Document, clip: &Clip) -> Vec<u16> {
    if !clip.audio_channels.is_empty() {
        return clip.audio_channels.clone();
    }
    let media = document.media.of(&clip.source);
    let heard = media.map_or(1, |media| media.summary.audio_channels.clamp(1, 64));
    (1..=u16::try_from(heard).unwrap_or(1)).collect()
}

/// The picture channel of a track: the one it had in the list it came from.
fn channel(track: &Track) -> String {
    let kept = track.foreign.get(FOREIGN).map(|kept| plain(kept));
    let kept = kept.filter(|kept| kept.starts_with('V') && kept.len() <= 3);
    kept.unwrap_or_else(|| "V".to_owned())
}

fn is_wipe(kind: &str) -> bool {
    let digits = kind.strip_prefix('W').unwrap_or_default();
    digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Kept lines, each safe to be a line of its own.
pub(super) fn kept(kept: Option<&String>) -> impl Iterator<Item = String> {
    kept.into_iter().flat_map(|kept| lines(kept))
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| one_line(line).into_owned()).filter(|line| !line.is_empty())
}

fn slots(track: &Track) -> Vec<Slot<'_>> {
    let mut slots: Vec<Slot<'_>> = Vec::with_capacity(track.items.len());
    let mut at = 0_i64;
    let mut into = None;
    for item in &track.items {
        let (clip, black) = match item {
            Item::Transition(transition) => {
                into = Some(transition);
                if let Some(last) = slots.last_mut() {
                    last.out = into;
                }
                continue;
            }
            Item::Clip(clip) => (Some(clip).filter(|clip| clip.enabled), None),
            Item::Gap(gap) => {
                let kept = gap.foreign.get(FOREIGN).map(String::as_str);
                (None, kept.filter(|kept| kept.starts_with(BLACK)))
            }
        };
        let length = item.duration();
        slots.push(Slot { at, length, into: into.take(), out: None, clip, black });
        at = at.saturating_add(length);
    }
    slots
}
