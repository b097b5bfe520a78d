//! Which clip stands on which track of the file, and what it is linked to.

use std::collections::HashMap;

use super::super::NESTED_CHANNELS;
use crate::model::{Clip, ClipSource, Item, Sequence, Track, TrackKind};
use crate::timeline::format::MediaMap;

/// More channels than any program gives a clip.
const MAX_CHANNELS: usize = 64;

/// A larger group is written as pairs with its first clip: each clip would name all the others.
const MAX_LINKS: usize = 32;

/// A clip as others link to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The number in its id.
    pub(super) id: usize,
    pub(super) is_video: bool,
    /// Its track among those of its kind, counted from 1.
    pub(super) track: usize,
    /// Its place among the clips of the track, counted from 1.
    pub(super) clip: usize,
}

/// A clip of the sequence: once for its picture, or once for each channel of its sound.
pub(super) struct Laid {
    pub(super) channels: Vec<u16>,
    pub(super) places: Vec<Place>,
}

/// A track of the sequence: one track of the file, or one for each channel.
pub(super) struct TrackLayout {
    pub(super) width: usize,
    /// By item; nothing for gaps and transitions.
    pub(super) items: Vec<Option<Laid>>,
}

/// A sequence as it stands in the file.
pub(super) struct Layout {
    /// By track; nothing for tracks that are not written.
    pub(super) tracks: Vec<Option<TrackLayout>>,
    groups: HashMap<u32, Vec<Place>>,
}

impl Layout {
    /// Lays out a sequence. `least` is how wide a track is at least, `next` the next number for an
    /// id.
    pub(super) fn of(
        sequence: &Sequence,
        media: &MediaMap,
        least: impl Fn(&Track) -> usize,
        next: &mut usize,
    ) -> Self {
        let mut layout = Self { tracks: Vec::new(), groups: HashMap::new() };
        let mut counts = (0, 0);
        for track in &sequence.tracks {
            let is_video = match track.kind {
                TrackKind::Video => true,
                TrackKind::Audio => false,
                TrackKind::Caption => {
                    layout.tracks.push(None);
                    continue;
                }
            };
            let count = if is_video { &mut counts.0 } else { &mut counts.1 };
            let first = *count + 1;
            let mut used: Vec<usize> = Vec::new();
            let items: Vec<_> = track
                .items
                .iter()
                .map(|item| {
                    let Item::Clip(clip) = item else { return None };
                    let channels = if is_video { vec![1] } else { channels(clip, media) };
                    used.resize(used.len().max(channels.len()), 0);
                    let places = used.iter_mut().take(channels.len()).zip(first..);
                    let places = places.map(|(used, track)| {
                        *used += 1;
                        *next += 1;
                        Place { id: *next - 1, is_video, track, clip: *used }
                    });
                    let laid = Laid { places: places.collect(), channels };
                    if let Some(link) = clip.link {
                        layout.groups.entry(link).or_default().extend(&laid.places);
                    }
                    Some(laid)
                })
                .collect();
            let width = if is_video { 1 } else { used.len().max(least(track)).max(1) };
            *count += width;
            layout.tracks.push(Some(TrackLayout { width, items }));
        }
        layout
    }

    /// What the element at `place` of a clip says it is linked to, itself among it.
    pub(super) fn links<'s>(&'s self, clip: &Clip, laid: &'s Laid, place: Place) -> Vec<Place> {
        let group = match clip.link {
            Some(link) => self.groups.get(&link).map_or(&[][..], Vec::as_slice),
            None => laid.places.as_slice(),
        };
        match group {
            [] | [_] => Vec::new(),
            [first, ..] if group.len() > MAX_LINKS => vec![*first, place],
            group => group.to_vec(),
        }
    }
}

/// The channels of its source that a clip is heard with.
fn channels(clip: &Clip, media: &MediaMap) -> Vec<u16> {
    if !clip.audio_channels.is_empty() {
        return clip.audio_channels.iter().copied().take(MAX_CHANNELS).collect();
    }
    let count = match &clip.source {
        ClipSource::Sequence(_) => NESTED_CHANNELS,
        source => media.of(source).map_or(1, |media| media.summary.audio_channels),
    };
    (1..=u16::try_from(count).unwrap_or(u16::MAX).max(1)).take(MAX_CHANNELS).collect()
}

/// Whether a clip has more channels than are written.
pub(super) fn has_too_many_channels(clip: &Clip, media: &MediaMap) -> bool {
    let count = media.of(&clip.source).map_or(0, |media| media.summary.audio_channels);
    clip.audio_channels.len() > MAX_CHANNELS
        || (clip.audio_channels.is_empty() && count as usize > MAX_CHANNELS)
}
