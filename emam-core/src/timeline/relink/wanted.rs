//! What a document names: each media once, with what its clips use of it.

use std::collections::BTreeMap;

use crate::id::{AssetId, VersionId};
use crate::model::{AssetSource, Clip, Sequence};
use crate::time::{MediaTime, Timecode};
use crate::timeline::format::{ClipMedia, Document};
use crate::timeline::piece;

/// Media a document names.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) source: AssetSource,
    pub(crate) media: ClipMedia,
    pub(super) clips: u64,
    /// The part of it that clips show, from its first frame (0); nothing where no clip does.
    pub(super) used: Option<(MediaTime, MediaTime)>,
    /// The highest channel of sound a clip asks for.
    pub(super) channels: u16,
}

impl Wanted {
    /// The part that clips show, by timecode.
    pub(super) fn used_timecode(&self) -> Option<(MediaTime, MediaTime)> {
        let (first, end) = self.used?;
        let start = self.media.summary.start_timecode?;
        Some((at_timecode(start, first)?, at_timecode(start, end)?))
    }
}

/// A time from the first frame of media as one since timecode zero.
pub(super) fn at_timecode(start: Timecode, time: MediaTime) -> Option<MediaTime> {
    // Sound counts samples, its timecode counts frames.
    let (finer, other) =
        if time.rate() >= start.rate() { (time, start.time()) } else { (start.time(), time) };
    let other = other.rescale_nearest(finer.rate()).ok()?;
    finer.checked_add(other).ok()
}

/// Everything a document names, by id.
pub(crate) fn wanted(document: &Document) -> Vec<Wanted> {
    let mut all: BTreeMap<(AssetId, Option<VersionId>), Wanted> = document
        .media
        .iter()
        .map(|(source, media)| ((source.asset, source.version), described(source, media)))
        .collect();
    for sequence in &document.sequences {
        for clip in sequence.clips() {
            if let Some(source) = clip.source.asset() {
                let wanted =
                    all.entry((source.asset, source.version)).or_insert_with(|| bare(source, clip));
                add(wanted, sequence, clip);
            }
        }
    }
    all.into_values().collect()
}

fn described(source: AssetSource, media: &ClipMedia) -> Wanted {
    let media = media.clone();
    Wanted { source, media, clips: 0, used: None, channels: 0 }
}

/// Of media nothing is said of, a clip's name is the only trace.
fn bare(source: &AssetSource, clip: &Clip) -> Wanted {
    let media = ClipMedia { name: clip.name.clone(), ..ClipMedia::default() };
    let source = AssetSource { subclip: None, ..*source };
    Wanted { source, media, clips: 0, used: None, channels: 0 }
}

fn add(wanted: &mut Wanted, sequence: &Sequence, clip: &Clip) {
    wanted.clips += 1;
    wanted.channels = clip
        .audio_channels
        .iter()
        .copied()
        .fold(wanted.channels, |most, channel| most.max(channel));
    let Ok((first, last)) = piece::span(clip, sequence.rate) else { return };
    // A frame is shown if it begins in the clip: at unlike rates a clip ends between two of them.
    let (Ok(first), Ok(end)) = (i64::try_from(first), i64::try_from(last.saturating_add(1))) else {
        return;
    };
    let rate = clip.source_start.rate();
    let (first, end) = (MediaTime::new(first, rate), MediaTime::new(end, rate));
    wanted.used = Some(match wanted.used {
        None => (first, end),
        Some((least, most)) => (
            if first.cmp_time(&least).is_lt() { first } else { least },
            if end.cmp_time(&most).is_gt() { end } else { most },
        ),
    });
}
