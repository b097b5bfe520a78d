//! The tracks of a sequence as elements.

use super::super::default_track_name;
use super::super::dom::{Dom, Element};
use super::super::effects;
use super::super::foreign::tree;
use super::Writer;
use super::layout::{Layout, TrackLayout};
use crate::error::Result;
use crate::model::{Item, Sequence, Track, TrackKind, Transition};
use crate::time::MediaTime;
use crate::timeline::track::{length, placed};
use crate::timeline::{Issue, IssueKind};

/// Attributes of an exploded track that are written from what is on it.
pub(in super::super) const WIDTH: &str = "totalExplodedTrackCount";
pub(in super::super) const WIDTH_INDEX: &str = "currentExplodedTrackIndex";
pub(in super::super) const TYPE: &str = "premiereTrackType";
/// Where Premiere keeps the name of a track.
pub(in super::super) const TRACK_NAME: &str = "MZ.TrackName";

/// How many tracks of the file a track was exploded into when it was read.
pub(super) fn least_width(track: &Track) -> usize {
    let dom = tree(&track.foreign, "track");
    let width = dom.as_ref().and_then(Dom::root).and_then(|kept| kept.attribute(WIDTH));
    width.and_then(|width| width.parse().ok()).map_or(1, |width: usize| width.min(64))
}

/// What Premiere calls a track of so many channels; beyond stereo it has several names for one.
pub(in super::super) const fn track_type(width: usize) -> Option<&'static str> {
    match width {
        1 => Some("Mono"),
        2 => Some("Stereo"),
        _ => None,
    }
}

/// The output a channel goes to where nothing else is said.
pub(in super::super) const fn output(channel: usize) -> usize {
    channel % 2 + 1
}

/// A track being written.
pub(super) struct OnTrack<'s> {
    pub(super) sequence: &'s Sequence,
    pub(super) layout: &'s Layout,
    pub(super) track: &'s Track,
    pub(super) is_video: bool,
    /// Which of the tracks it is exploded into.
    pub(super) part: usize,
}

impl Writer<'_> {
    pub(super) fn tracks(
        &mut self,
        sequence: &Sequence,
        layout: &Layout,
        kind: TrackKind,
    ) -> Result<()> {
        let of_kind = sequence.tracks.iter().zip(&layout.tracks).filter(|(t, _)| t.kind == kind);
        for (index, (track, laid)) in of_kind.enumerate() {
            let Some(laid) = laid else { continue };
            let kept = self.kept(&track.foreign, "track");
            let kept = kept.as_ref().and_then(Dom::root);
            for part in 0..laid.width {
                let is_video = kind == TrackKind::Video;
                let on = OnTrack { sequence, layout, track, is_video, part };
                self.track(&on, laid, index + 1, kept)?;
            }
        }
        Ok(())
    }

    fn track(
        &mut self,
        on: &OnTrack<'_>,
        laid: &TrackLayout,
        number: usize,
        kept: Option<Element<'_>>,
    ) -> Result<()> {
        let track = on.track;
        self.xml.tag("track");
        self.xml.other_attributes(kept, &[WIDTH, WIDTH_INDEX, TYPE, TRACK_NAME]);
        if track.name != default_track_name(on.is_video, number) {
            self.xml.text_attribute(TRACK_NAME, &track.name);
        }
        if !on.is_video {
            self.xml.attribute(WIDTH_INDEX, on.part);
            self.xml.attribute(WIDTH, laid.width);
            let kept_type = kept.and_then(|kept| kept.attribute(TYPE));
            if let Some(kind) = kept_type.as_deref().or(track_type(laid.width)) {
                self.xml.text_attribute(TYPE, kind);
            }
        }
        if on.part == 0 {
            self.xml.own("id", track.id);
            if matches!(track.items.last(), Some(Item::Gap(_))) {
                self.xml.own("length", length(&track.items));
            }
        }
        self.xml.enter();
        self.items(on, laid)?;
        self.xml.flag("enabled", track.enabled);
        if kept.and_then(|kept| kept.child("locked")).is_none() {
            self.xml.flag("locked", false);
        }
        let own_output = kept.and_then(|kept| kept.child("outputchannelindex")).is_none();
        if !on.is_video && (own_output || on.part > 0) {
            self.xml.number("outputchannelindex", output(on.part));
        }
        let but: &[&str] = if on.part > 0 { &["outputchannelindex"] } else { &[] };
        self.xml.others(kept, but);
        self.xml.close("track");
        Ok(())
    }

    fn items(&mut self, on: &OnTrack<'_>, laid: &TrackLayout) -> Result<()> {
        let items = &on.track.items;
        let transition = |index: Option<usize>| match index.and_then(|index| items.get(index)) {
            Some(Item::Transition(transition)) => Some(transition),
            _ => None,
        };
        for (index, (start, item)) in placed(items).enumerate() {
            match item {
                Item::Gap(gap) => {
                    if on.part == 0 {
                        self.kept(&gap.foreign, "gap");
                    }
                }
                Item::Transition(transition) => {
                    let has_clip = |item: Option<&Item>| matches!(item, Some(Item::Clip(_)));
                    let before = index.checked_sub(1).and_then(|index| items.get(index));
                    let beside = (has_clip(before), has_clip(items.get(index + 1)));
                    self.transition(on, transition, start, beside)?;
                }
                Item::Clip(clip) => {
                    let Some(Some(laid)) = laid.items.get(index) else { continue };
                    let beside =
                        (transition(index.checked_sub(1)), transition(index.checked_add(1)));
                    self.clip(on, clip, laid, start, beside)?;
                }
            }
        }
        Ok(())
    }

    /// A transition at its cut; `beside` says on which sides it has a clip.
    fn transition(
        &mut self,
        on: &OnTrack<'_>,
        transition: &Transition,
        cut: i64,
        beside: (bool, bool),
    ) -> Result<()> {
        let Transition { kind, in_offset, out_offset, .. } = transition;
        let kept = self.kept(&transition.foreign, "transitionitem");
        let kept = kept.as_ref().and_then(Dom::root);
        let alignment = match (*in_offset, *out_offset) {
            (0, _) if !beside.0 => Some("start-black"),
            (0, _) => Some("start"),
            (_, 0) if !beside.1 => Some("end-black"),
            (_, 0) => Some("end"),
            (before, after) if before == before.saturating_add(after) / 2 => Some("center"),
            _ => None,
        };
        if alignment.is_none() && on.part == 0 {
            let message = format!(
                "transition {kind:?} begins {in_offset} frames before its cut and ends \
                 {out_offset} after; programs that know only even ones may move the cut"
            );
            let issue = Issue::new(IssueKind::TransitionAlignment, message);
            self.issues.push(issue.on_track(on.track.id));
        }
        let effect = kept.and_then(|kept| kept.child("effect"));
        let effect = effect.filter(|effect| effects::transition_kind(Some(*effect)) == *kind);
        self.xml.tag("transitionitem");
        self.xml.other_attributes(kept, &[]);
        if effect.is_none() && effects::kind_of_name(kind, kind) != kind {
            self.xml.own("kind", kind);
        }
        self.xml.enter();
        self.xml.number("start", cut.saturating_sub(*in_offset));
        self.xml.number("end", cut.saturating_add(*out_offset));
        // Readers look for it, and take what they do not know for even.
        self.xml.leaf("alignment", alignment.unwrap_or_default());
        if let Ok(ticks) = MediaTime::new(*in_offset, on.sequence.rate).premiere_ticks() {
            self.xml.number("cutPointTicks", ticks);
        }
        self.xml.rate(on.sequence.rate);
        match effect {
            Some(effect) => self.xml.raw(effect.raw()),
            None => self.xml.raw(&effects::transition(kind, on.is_video)),
        }
        self.xml.others(kept, &["effect"]);
        self.xml.close("transitionitem");
        Ok(())
    }
}
