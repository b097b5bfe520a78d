//! What is heard: the clips of all audio tracks and nested sequences, each with its place in time.

use std::collections::BTreeMap;

use super::{Fade, MAX_DEPTH, MAX_SPANS, MediaFacts, OPERATION, Sound, too_many};
use crate::error::{Error, Result};
use crate::id::SequenceId;
use crate::model::{AssetSource, Clip, ClipSource, Item, Sequence, Track, TrackKind, Transition};
use crate::time::{MediaTime, Rate};
use crate::timeline::format::Document;
use crate::timeline::{Issue, IssueKind, track};

/// Sound that runs faster than this is not heard: above, even a hum of 1 kHz is past hearing, and
/// what runs backwards has to be held in memory.
const FASTEST: i64 = 20;

/// A fraction in lowest terms; the denominator is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fraction(i128, i128);

impl Fraction {
    fn new(num: i128, den: i128) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let (mut a, mut b) = (num.checked_abs()?, den.checked_abs()?);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let common = a.max(1) * den.signum();
        Some(Self(num / common, den / common))
    }

    fn whole(value: i64) -> Self {
        Self(i128::from(value), 1)
    }

    fn plus(self, other: Self) -> Option<Self> {
        let num = self.0.checked_mul(other.1)?.checked_add(other.0.checked_mul(self.1)?)?;
        Self::new(num, self.1.checked_mul(other.1)?)
    }

    fn times(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_mul(other.0)?, self.1.checked_mul(other.1)?)
    }

    fn over(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_mul(other.1)?, self.1.checked_mul(other.0)?)
    }

    fn minus(self) -> Self {
        Self(-self.0, self.1)
    }

    fn ceil(self) -> Option<i64> {
        i64::try_from(super::map::div_ceil(self.0, self.1)).ok()
    }

    fn narrow(self) -> Option<(i64, i64)> {
        Some((i64::try_from(self.0).ok()?, i64::try_from(self.1).ok()?))
    }

    fn seconds(time: MediaTime) -> Option<Self> {
        let (num, den) = time.seconds();
        Self::new(num, den)
    }
}

fn of((num, den): (i64, i64)) -> Option<Fraction> {
    Fraction::new(num.into(), den.into())
}

fn a_second(rate: Rate) -> Option<Fraction> {
    Fraction::new(rate.num().into(), rate.den().into())
}

/// What is heard in the first sequence of a document.
pub(super) fn sounds(
    document: &Document,
    facts: &dyn Fn(&AssetSource) -> Option<MediaFacts>,
    issues: &mut Vec<Issue>,
) -> Result<Vec<Sound>> {
    let sequences = document.sequences.iter().map(|sequence| (sequence.id, sequence)).collect();
    let mut hearing =
        Hearing { sequences, facts, issues, done: BTreeMap::new(), path: Vec::new(), count: 0 };
    let mut sounds = hearing.sequence(document.main()?)?;
    sounds.sort_by_key(|sound| sound.start);
    Ok(sounds)
}

/// The part of a sound from frame `from` to `to`, moved by `shift`.
pub(super) fn cut(sound: &Sound, from: i64, to: i64, shift: i64, rate: Rate) -> Option<Sound> {
    let start = sound.start.max(from);
    let end = (sound.start + sound.frames).min(to);
    if start >= end {
        return None;
    }
    let passed = Fraction::whole(start - sound.start).over(a_second(rate)?)?;
    let at = of(sound.at)?.plus(passed.times(of(sound.speed)?)?)?.narrow()?;
    let fades =
        sound.fades.iter().map(|fade| Fade { start: fade.start + shift, ..*fade }).collect();
    Some(Sound { start: start + shift, frames: end - start, at, fades, ..sound.clone() })
}

struct Hearing<'a> {
    sequences: BTreeMap<SequenceId, &'a Sequence>,
    facts: &'a dyn Fn(&AssetSource) -> Option<MediaFacts>,
    issues: &'a mut Vec<Issue>,
    done: BTreeMap<SequenceId, Vec<Sound>>,
    path: Vec<SequenceId>,
    count: usize,
}

impl Hearing<'_> {
    fn sequence(&mut self, sequence: &Sequence) -> Result<Vec<Sound>> {
        if let Some(done) = self.done.get(&sequence.id) {
            return Ok(done.clone());
        }
        if self.path.contains(&sequence.id) || self.path.len() >= MAX_DEPTH {
            let message = "a sequence is nested in itself or deeper than can be followed; take \
                           the nested clip out";
            return Err(Error::invalid(OPERATION, message).with("sequence", sequence.id));
        }
        self.path.push(sequence.id);
        let mut sounds = Vec::new();
        for track in &sequence.tracks {
            if track.kind == TrackKind::Audio && track.enabled {
                self.track(sequence, track, &mut sounds)?;
            }
        }
        self.path.pop();
        self.done.insert(sequence.id, sounds.clone());
        Ok(sounds)
    }

    fn track(&mut self, sequence: &Sequence, track: &Track, all: &mut Vec<Sound>) -> Result<()> {
        let transition = |index: Option<usize>| match index.and_then(|i| track.items.get(i)) {
            Some(Item::Transition(transition)) => Some(transition),
            _ => None,
        };
        let ramp = |at: i64, change: &Transition, out| Fade {
            start: at - change.in_offset,
            frames: change.in_offset + change.out_offset,
            out,
        };
        for (index, (start, item)) in track::placed(&track.items).enumerate() {
            let Some(clip) = item.as_clip().filter(|clip| clip.enabled) else { continue };
            let end = start + clip.duration;
            let (mut from, mut to) = (start, end);
            let mut fades = Vec::new();
            if let Some(change) = transition(index.checked_sub(1)) {
                from -= change.in_offset;
                fades.push(ramp(start, change, false));
            }
            if let Some(change) = transition(Some(index + 1)) {
                to += change.out_offset;
                fades.push(ramp(end, change, true));
            }
            let sounds = self.clip(sequence.rate, clip, start, (from, to))?;
            let overflow = || {
                let message = "a time of this clip is too long, or too fine, to reckon with";
                Error::invalid(OPERATION, message).with("clip", &clip.name)
            };
            for mut sound in sounds.ok_or_else(overflow)? {
                sound.fades.extend(&fades);
                all.extend(within_media(sound, sequence.rate).ok_or_else(overflow)?);
            }
            self.count += 1;
            if self.count > MAX_SPANS || all.len() > MAX_SPANS {
                return Err(too_many());
            }
        }
        Ok(())
    }

    /// What a clip sounds like between two frames; no list is a time that cannot be counted.
    fn clip(
        &mut self,
        rate: Rate,
        clip: &Clip,
        start: i64,
        range: (i64, i64),
    ) -> Result<Option<Vec<Sound>>> {
        if clip.speed.is_freeze() {
            return Ok(Some(Vec::new()));
        }
        if i64::from(clip.speed.num()).abs() > FASTEST * i64::from(clip.speed.den()) {
            let message = format!(
                "clip {:?} runs at {} times its speed; it is silent, as nothing can be made out",
                clip.name, clip.speed
            );
            super::note(self.issues, clip.id, IssueKind::NotCarried, message);
            return Ok(Some(Vec::new()));
        }
        match &clip.source {
            ClipSource::Asset(source) => {
                let Some(facts) = (self.facts)(source) else {
                    let message =
                        format!("nothing is known about the media of clip {:?}", clip.name);
                    super::note(self.issues, clip.id, IssueKind::UnknownMedia, message);
                    return Ok(Some(Vec::new()));
                };
                if facts.summary.audio_channels == 0 {
                    return Ok(Some(Vec::new()));
                }
                Ok(of_media(rate, clip, *source, start, range).map(|sound| vec![sound]))
            }
            ClipSource::Sequence(nested) => {
                // One that is gone is told of with the picture, if it is on a picture track too.
                let Some(nested) = self.sequences.get(&nested.sequence).copied() else {
                    let message = format!("the sequence nested as clip {:?} is gone", clip.name);
                    super::note(self.issues, clip.id, IssueKind::UnknownSequence, message);
                    return Ok(Some(Vec::new()));
                };
                let inner = self.sequence(nested)?;
                self.count += inner.len();
                if self.count > MAX_SPANS {
                    return Err(too_many());
                }
                Ok(of_nested(rate, clip, nested.rate, &inner, start, range))
            }
            ClipSource::Generator(_) | ClipSource::Caption(_) => Ok(Some(Vec::new())),
        }
    }
}

/// The speed of a clip as a signed fraction, and how far its source is at its first frame, in
/// seconds.
fn run(rate: Rate, clip: &Clip) -> Option<(Fraction, Fraction)> {
    let speed = Fraction::new(clip.speed.num().into(), clip.speed.den().into())?;
    let lowest = Fraction::seconds(clip.source_start)?;
    if !clip.speed.is_reverse() {
        return Some((speed, lowest));
    }
    let length = Fraction::whole(clip.duration).over(a_second(rate)?)?;
    Some((speed, lowest.plus(length.times(speed.minus())?)?))
}

fn of_media(
    rate: Rate,
    clip: &Clip,
    source: AssetSource,
    start: i64,
    range: (i64, i64),
) -> Option<Sound> {
    let (speed, begin) = run(rate, clip)?;
    let passed = Fraction::whole(range.0 - start).over(a_second(rate)?)?;
    Some(Sound {
        clip: clip.id,
        name: clip.name.clone(),
        source,
        start: range.0,
        frames: range.1 - range.0,
        at: begin.plus(passed.times(speed)?)?.narrow()?,
        speed: speed.narrow()?,
        channels: clip.audio_channels.clone(),
        fades: Vec::new(),
    })
}

fn of_nested(
    rate: Rate,
    clip: &Clip,
    nested_rate: Rate,
    inner: &[Sound],
    start: i64,
    range: (i64, i64),
) -> Option<Vec<Sound>> {
    let (speed, begin) = run(rate, clip)?;
    let (outer_fps, inner_fps) = (a_second(rate)?, a_second(nested_rate)?);
    // At frame `x` of the outer sequence the inner one is at `y0 + (x - start) * pace` frames.
    let pace = speed.times(inner_fps)?.over(outer_fps)?;
    let y0 = begin.times(inner_fps)?;
    let outer_at = |frame: i64| -> Option<i64> {
        let passed = Fraction::whole(frame).plus(y0.minus())?.over(pace)?;
        passed.ceil()?.checked_add(start)
    };
    let span = |from: i64, frames: i64| -> Option<(i64, i64)> {
        let (one, two) = (outer_at(from)?, outer_at(from.checked_add(frames)?)?);
        Some((one.min(two), one.max(two)))
    };
    let mut sounds = Vec::new();
    for sound in inner {
        let (from, to) = span(sound.start, sound.frames)?;
        let (from, to) = (from.max(range.0), to.min(range.1));
        if from >= to {
            continue;
        }
        // How far the inner sequence is there, in seconds after the start of the sound.
        let inside = y0.plus(Fraction::whole(from - start).times(pace)?)?;
        let inside = inside.plus(Fraction::whole(-sound.start))?.over(inner_fps)?;
        let fades = sound.fades.iter().map(|fade| {
            let (from, to) = span(fade.start, fade.frames)?;
            let out = fade.out != clip.speed.is_reverse();
            Some(Fade { start: from, frames: (to - from).max(1), out })
        });
        sounds.push(Sound {
            start: from,
            frames: to - from,
            at: of(sound.at)?.plus(inside.times(of(sound.speed)?)?)?.narrow()?,
            speed: of(sound.speed)?.times(speed)?.narrow()?,
            fades: fades.collect::<Option<Vec<_>>>()?,
            ..sound.clone()
        });
    }
    Some(sounds)
}

/// The part of a sound that is not before the beginning of its media: nothing sounds there.
fn within_media(sound: Sound, rate: Rate) -> Option<Option<Sound>> {
    let (at, speed) = (of(sound.at)?, of(sound.speed)?);
    let a_frame = speed.over(a_second(rate)?)?;
    let (mut from, mut to) = (sound.start, sound.start + sound.frames);
    if speed.0 > 0 && at.0 < 0 {
        from = from.checked_add(at.minus().over(a_frame)?.ceil()?)?;
    } else if speed.0 < 0 {
        // It gets to the beginning of its media after this many frames.
        to = to.min(sound.start.checked_add(at.over(a_frame.minus())?.ceil()?)?);
    }
    Some(cut(&sound, from, to, 0, rate))
}
