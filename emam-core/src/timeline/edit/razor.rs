//! Cutting clips, with new links for the second parts of linked ones.

use std::collections::BTreeMap;

use super::Facts;
use super::locate::{free_link, next_link};
use crate::error::Result;
use crate::id::ClipId;
use crate::model::{Clip, Item, Track};
use crate::time::Rate;
use crate::timeline::{piece, track};

/// Cuts the clips of some tracks at one frame, or out of a range of frames.
pub(super) struct Razor<'a> {
    facts: &'a Facts<'a>,
    rate: Rate,
    start: i64,
    end: i64,
    /// The new links of second parts, by the link of the whole.
    relinked: BTreeMap<u32, Option<u32>>,
    /// A link number that neither a clip nor a second part has.
    pub(super) free_link: u32,
}

impl<'a> Razor<'a> {
    /// For frames `start` to `end` of those of the tracks that are `chosen`, in a sequence at
    /// `rate`.
    pub(super) fn new(
        tracks: &[Track],
        chosen: impl Fn(&Track) -> bool,
        (start, end): (i64, i64),
        rate: Rate,
        facts: &'a Facts<'a>,
    ) -> Self {
        // Only where two or more clips of a link are parted do their second parts get a new one.
        let mut relinked = BTreeMap::new();
        for track in tracks.iter().filter(|track| chosen(track)) {
            for (from, item) in track::placed(&track.items) {
                if from >= end {
                    break;
                }
                if let Item::Clip(clip) = item
                    && from < start
                    && end < from + clip.duration
                    && let Some(link) = clip.link
                {
                    relinked.entry(link).and_modify(|new| *new = Some(0)).or_insert(None);
                }
            }
        }
        let mut free_link = free_link(tracks);
        for new in relinked.values_mut().flatten() {
            *new = free_link;
            free_link = next_link(free_link, tracks);
        }
        Self { facts, rate, start, end, relinked, free_link }
    }

    /// What of the items is before the frames, and what after them.
    pub(super) fn take_out(&self, items: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>)> {
        track::take_out(items, self.start, self.end, |clip, left, right| {
            self.cut(clip, left, right)
        })
    }

    fn cut(&self, clip: Clip, left: i64, right: i64) -> Result<(Option<Clip>, Option<Clip>)> {
        let media = self.facts.of(&clip);
        let media = media.as_ref();
        let duration = clip.duration;
        if left == 0 && right == 0 {
            return Ok((None, None));
        }
        if right == 0 {
            let first = piece::trimmed(clip, 0, duration - left, self.rate, media)?;
            return Ok((Some(first), None));
        }
        if left == 0 {
            let second = piece::trimmed(clip, duration - right, 0, self.rate, media)?;
            return Ok((None, Some(second)));
        }
        let link = clip.link;
        let second = Clip { id: ClipId::new(self.facts.clock), ..clip.clone() };
        let mut second = piece::trimmed(second, duration - right, 0, self.rate, media)?;
        second.link = link.and_then(|link| self.relinked.get(&link).copied().flatten());
        let first = piece::trimmed(clip, 0, duration - left, self.rate, media)?;
        Ok((Some(first), Some(second)))
    }
}
