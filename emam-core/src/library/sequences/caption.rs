//! Captions made from what is said in the media of a sequence.

use std::collections::{BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sequences;
use crate::backend::catalog::AnnotationFilter;
use crate::clock::Clock;
use crate::error::{ErrorKind, Result};
use crate::id::{AssetId, SequenceId};
use crate::model::{
    Annotation, AnnotationKind, AssetSource, Caption, Clip, ClipSource, Gap, Item, PageRequest,
    Sequence, Track, TrackKind,
};
use crate::time::{MediaTime, Rate};

/// The track captions are put on unless told otherwise.
const TRACK: &str = "Captions";
/// How much of a caption is its name, in characters.
const NAME_LENGTH: usize = 40;

/// How to make captions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaptionOptions {
    /// The name of the caption track; a track of that name is replaced. `Captions` when absent.
    pub track: Option<String>,
}

impl Sequences {
    /// Makes the caption track of a sequence from what is said in the media of its clips.
    ///
    /// What is said is the speech annotations of an asset; of each the part that a clip plays comes
    /// on the track, where and as fast as the clip plays it. Of an asset that is on a sound track
    /// only the clips there are heard; of others those on picture tracks. Clips and tracks that are
    /// switched off, frozen frames and nested sequences say nothing. Where two speak at once, the
    /// earlier caption makes way for the later. What was on the track before is gone.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence.
    pub async fn caption(&self, id: SequenceId, options: CaptionOptions) -> Result<Sequence> {
        loop {
            let mut sequence = self.catalog().sequence(id).await?;
            let assets: BTreeSet<AssetId> =
                heard(&sequence).iter().map(|(_, _, source)| source.asset).collect();
            let mut speech = HashMap::new();
            for asset in assets {
                speech.insert(asset, self.speech(asset).await?);
            }
            let captions = captions(&sequence, &speech);
            let name = options.track.as_deref().unwrap_or(TRACK);
            let clock = self.clock();
            let items = items(captions, sequence.rate, clock);
            put(&mut sequence, name, items, clock);
            sequence.updated_at = clock.now();
            match self.catalog().update_sequence(&sequence).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => return result,
            }
        }
    }

    /// All that is said in an asset, in the order of time; nothing where the asset is gone.
    async fn speech(&self, asset: AssetId) -> Result<Vec<Annotation>> {
        let filter = AnnotationFilter { kinds: vec![AnnotationKind::Speech] };
        let mut page = PageRequest::first(PageRequest::MAX_LIMIT);
        let mut speech = Vec::new();
        loop {
            let found = match self.catalog().annotations(asset, &filter, &page).await {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(speech),
                found => found?,
            };
            speech.extend(found.items);
            match found.next {
                Some(next) => page.cursor = Some(next),
                None => return Ok(speech),
            }
        }
    }
}

/// The clips whose sound is heard, each with its first frame and the asset it is a piece of.
fn heard(sequence: &Sequence) -> Vec<(i64, &Clip, &AssetSource)> {
    let of = |kind: TrackKind| {
        let tracks = sequence.tracks.iter().filter(move |t| t.kind == kind && t.enabled);
        tracks.flat_map(|track| {
            track.items.iter().scan(0_i64, |position, item| {
                let start = *position;
                *position = position.saturating_add(item.duration());
                Some((start, item))
            })
        })
    };
    let clips = |kind| {
        of(kind).filter_map(|(start, item)| {
            let clip = item.as_clip().filter(|clip| clip.enabled && !clip.speed.is_freeze())?;
            Some((start, clip, clip.source.asset()?))
        })
    };
    let mut heard: Vec<_> = clips(TrackKind::Audio).collect();
    let sounding: BTreeSet<AssetId> = heard.iter().map(|(_, _, source)| source.asset).collect();
    heard.extend(clips(TrackKind::Video).filter(|(_, _, s)| !sounding.contains(&s.asset)));
    heard
}

/// What is to be read, from one frame of the sequence to another, in the order of time.
fn captions(
    sequence: &Sequence,
    speech: &HashMap<AssetId, Vec<Annotation>>,
) -> Vec<(i64, i64, String)> {
    let mut captions = Vec::new();
    for (at, clip, source) in heard(sequence) {
        let said = speech.get(&source.asset).map(Vec::as_slice).unwrap_or_default();
        for annotation in said {
            let of_version =
                [source.version, annotation.version].into_iter().flatten().collect::<BTreeSet<_>>();
            let (Some(range), true) = (annotation.range, of_version.len() < 2) else { continue };
            let text = annotation.text.trim();
            let frame = |time| frame_of(time, clip, sequence.rate);
            let (Some(first), Some(second)) = (frame(range.start_time()), frame(range.end_time()))
            else {
                continue;
            };
            // Backwards, the end of what is said comes first.
            let start = first.min(second).clamp(0, clip.duration);
            let end = first.max(second).clamp(0, clip.duration);
            if start < end && !text.is_empty() {
                let (start, end) = (at.saturating_add(start), at.saturating_add(end));
                captions.push((start, end, text.to_owned()));
            }
        }
    }
    captions.sort();
    // Several channels of one recording say the same.
    captions.dedup();
    captions
}

/// The frame of a clip at which a time of its media is on; outside of the clip where it is not.
fn frame_of(time: MediaTime, clip: &Clip, rate: Rate) -> Option<i64> {
    let (num, den) = time.seconds();
    let (start_num, start_den) = clip.source_start.seconds();
    // The time from the clip's lowest frame on, as it is played: times the rate over the speed.
    let into = num.checked_mul(start_den)?.checked_sub(start_num.checked_mul(den)?)?;
    let (speed_num, speed_den) = (i128::from(clip.speed.num()).abs(), clip.speed.den().into());
    let num = into.checked_mul(rate.num().into())?.checked_mul(speed_den)?;
    let den = den.checked_mul(start_den)?.checked_mul(rate.den().into())?.checked_mul(speed_num)?;
    if den == 0 {
        return None;
    }
    // The nearest frame, halfway the later.
    let frame = num.checked_mul(2)?.checked_add(den)?.div_euclid(den.checked_mul(2)?);
    let frame = i64::try_from(frame).ok()?;
    if clip.speed.is_reverse() { clip.duration.checked_sub(frame) } else { Some(frame) }
}

/// Captions as the items of one track.
fn items(captions: Vec<(i64, i64, String)>, rate: Rate, clock: &dyn Clock) -> Vec<Item> {
    // One after the other: what begins later ends what came before.
    let mut shown: Vec<(i64, i64, String)> = Vec::with_capacity(captions.len());
    for (start, end, text) in captions {
        match shown.last_mut() {
            Some((last, until, said)) if *last == start => {
                *until = end.max(*until);
                said.push('\n');
                said.push_str(&text);
            }
            last => {
                if let Some((_, until, _)) = last {
                    *until = start.min(*until);
                }
                shown.push((start, end, text));
            }
        }
    }
    let mut items = Vec::with_capacity(shown.len() * 2);
    let mut position = 0;
    for (start, end, text) in shown {
        if position < start {
            items.push(Item::Gap(Gap::new(start - position)));
        }
        let name: String =
            text.lines().next().unwrap_or_default().chars().take(NAME_LENGTH).collect();
        let source = ClipSource::Caption(Caption { text });
        let zero = MediaTime::zero(rate);
        items.push(Item::Clip(Clip::new(clock, name, source, zero, end - start)));
        position = end;
    }
    items
}

/// Puts items on the caption track of a name; on a new one where there is none.
fn put(sequence: &mut Sequence, name: &str, items: Vec<Item>, clock: &dyn Clock) {
    let named = |track: &&mut Track| track.kind == TrackKind::Caption && track.name == name;
    match sequence.tracks.iter_mut().find(named) {
        Some(track) => track.items = items,
        // Captions come after picture and sound.
        None => {
            sequence.tracks.push(Track { items, ..Track::new(clock, TrackKind::Caption, name) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::id::ProjectId;
    use crate::model::NewAnnotation;
    use crate::time::{Speed, TimeRange};

    fn said(asset: AssetId, start: i64, end: i64, text: &str, clock: &dyn Clock) -> Annotation {
        let rate = Rate::new(1000, 1).unwrap();
        let new = NewAnnotation {
            range: Some(TimeRange::new(start, end - start, rate).unwrap()),
            text: text.into(),
            ..NewAnnotation::new(AnnotationKind::Speech)
        };
        new.into_annotation(asset, clock)
    }

    /// The captions of one clip: from, to, words.
    fn made(speed: Speed, enabled: bool) -> Vec<(i64, i64, String)> {
        let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let rate = Rate::FPS_25;
        let asset = AssetId::new(&clock);
        let speech = [(
            asset,
            vec![
                said(asset, 0, 3000, "before and in", &clock),
                said(asset, 3500, 3700, "in", &clock),
                said(asset, 3800, 9000, "in and after", &clock),
                said(asset, 9000, 9500, "after", &clock),
            ],
        )];
        let mut sequence = Sequence::new(&clock, ProjectId::new(&clock), "x", rate);
        // Frames 50 to 100 of the media at normal speed: seconds 2 to 4.
        let start = MediaTime::new(50, rate);
        let clip = Clip::new(&clock, "a", AssetSource::new(asset), start, 50);
        let clip = Clip { speed, enabled, ..clip };
        for kind in [TrackKind::Video, TrackKind::Audio] {
            let items = vec![Item::Gap(Gap::new(10)), Item::Clip(clip.clone())];
            sequence.tracks.push(Track { items, ..Track::new(&clock, kind, "x") });
        }
        captions(&sequence, &speech.into())
    }

    #[test]
    fn speech_is_where_and_as_fast_as_its_clip_plays_it() {
        let text = |captions: Vec<(i64, i64, String)>| {
            let of = captions.iter().map(|(start, end, text)| format!("{start}-{end} {text}"));
            of.collect::<Vec<_>>()
        };
        assert_eq!(
            text(made(Speed::NORMAL, true)),
            ["10-35 before and in", "48-53 in", "55-60 in and after"]
        );
        assert_eq!(
            text(made(Speed::new(2, 1).unwrap(), true)),
            ["10-23 before and in", "29-31 in", "33-60 in and after"]
        );
        assert_eq!(
            text(made(Speed::REVERSE, true)),
            ["10-15 in and after", "17-22 in", "35-60 before and in"]
        );
        assert!(made(Speed::FREEZE, true).is_empty());
        assert!(made(Speed::NORMAL, false).is_empty());
    }

    #[test]
    fn captions_at_once_make_way_and_the_track_is_replaced() {
        let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let rate = Rate::FPS_25;
        let of = |start, end, text: &str| (start, end, text.to_owned());
        let captions = vec![of(5, 20, "a"), of(10, 30, "b"), of(10, 12, "c"), of(40, 41, "d")];
        let items = items(captions, rate, &clock);
        let shape: Vec<_> = items
            .iter()
            .map(|item| match item {
                Item::Clip(clip) => match &clip.source {
                    ClipSource::Caption(caption) => format!("{}+{}", caption.text, clip.duration),
                    other => format!("{other:?}"),
                },
                other => format!("-{}", other.duration()),
            })
            .collect();
        assert_eq!(shape, ["-5", "a+5", "b\nc+20", "-10", "d+1"]);
        let mut sequence = Sequence::new(&clock, ProjectId::new(&clock), "x", rate);
        put(&mut sequence, TRACK, items.clone(), &clock);
        put(&mut sequence, "Other", items, &clock);
        put(&mut sequence, TRACK, Vec::new(), &clock);
        let tracks: Vec<_> =
            sequence.tracks.iter().map(|t| (t.name.as_str(), t.items.len())).collect();
        assert_eq!(tracks, [(TRACK, 0), ("Other", 5)]);
    }
}
