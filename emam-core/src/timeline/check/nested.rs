//! Whether sequences that are nested are there, end, and have what is shown of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Issue, IssueKind, media};
use crate::id::SequenceId;
use crate::model::{ClipSource, Item, MediaSummary, Sequence};
use crate::time::MediaTime;
use crate::timeline::length;

/// What is wrong with the sequences nested in one: those that are not there, that lead back to
/// themselves, or that have fewer frames than a clip shows.
///
/// `sequences` finds a sequence by its id. However often one is nested, it is looked at once.
///
/// ```
/// # use emam_core::clock::SystemClock;
/// # use emam_core::id::ProjectId;
/// use emam_core::model::{Clip, Item, Sequence, Track, TrackKind};
/// use emam_core::time::{MediaTime, Rate};
/// use emam_core::timeline::{IssueKind, check_nested};
///
/// # let clock = SystemClock;
/// let mut cut = Sequence::new(&clock, ProjectId::new(&clock), "Rough cut", Rate::FPS_25);
/// let mut track = Track::new(&clock, TrackKind::Video, "V1");
/// let start = MediaTime::zero(Rate::FPS_25);
/// track.items.push(Item::Clip(Clip::new(&clock, "itself", cut.id, start, 10)));
/// cut.tracks.push(track);
/// let issues = check_nested(&cut, &|id| (id == cut.id).then_some(&cut));
/// assert_eq!(issues[0].kind, IssueKind::UnknownSequence);
/// ```
pub fn check_nested<'a>(
    sequence: &'a Sequence,
    sequences: &dyn Fn(SequenceId) -> Option<&'a Sequence>,
) -> Vec<Issue> {
    let endless = endless(sequence, sequences);
    let mut lengths = BTreeMap::new();
    let mut issues = Vec::new();
    for track in &sequence.tracks {
        for (index, item) in track.items.iter().enumerate() {
            let Item::Clip(clip) = item else { continue };
            let ClipSource::Sequence(source) = &clip.source else { continue };
            let mut unknown = |why: &str| {
                let message =
                    format!("clip {:?} nests sequence {}, {why}", clip.name, source.sequence);
                let issue = Issue::new(IssueKind::UnknownSequence, message);
                issues.push(issue.on_track(track.id).of_clip(clip.id));
            };
            if source.sequence == sequence.id || endless.contains(&source.sequence) {
                unknown("which is nested in itself, or nests one that is");
                continue;
            }
            let Some(nested) = sequences(source.sequence) else {
                unknown("which is not there");
                continue;
            };
            let frames = *lengths.entry(nested.id).or_insert_with(|| length(nested));
            let facts = MediaSummary {
                rate: Some(nested.rate),
                duration: Some(MediaTime::new(frames, nested.rate)),
                // How many channels it mixes down to is not said.
                audio_channels: u32::MAX,
                ..MediaSummary::default()
            };
            media::check(sequence.rate, track, index, clip, Some(facts), &mut issues);
        }
    }
    issues
}

/// The sequences from which nesting leads round in a circle.
fn endless<'a>(
    root: &'a Sequence,
    sequences: &dyn Fn(SequenceId) -> Option<&'a Sequence>,
) -> BTreeSet<SequenceId> {
    let nested = |sequence: &Sequence| -> Vec<SequenceId> {
        let of_clip = |source: &ClipSource| match source {
            ClipSource::Sequence(source) => Some(source.sequence),
            _ => None,
        };
        let all: BTreeSet<_> = sequence.clips().filter_map(|clip| of_clip(&clip.source)).collect();
        all.into_iter().collect()
    };
    let mut endless = BTreeSet::new();
    let mut done = BTreeSet::new();
    // The way down to the present sequence, each with what is nested in it and still to be seen.
    let mut way = vec![(root.id, nested(root))];
    let mut on_way = BTreeSet::from([root.id]);
    while let Some((id, rest)) = way.last_mut() {
        let id = *id;
        let Some(next) = rest.pop() else {
            way.pop();
            on_way.remove(&id);
            done.insert(id);
            if endless.contains(&id)
                && let Some((above, _)) = way.last()
            {
                endless.insert(*above);
            }
            continue;
        };
        if on_way.contains(&next) || endless.contains(&next) {
            endless.insert(id);
        } else if !done.contains(&next)
            && let Some(sequence) = sequences(next)
        {
            on_way.insert(next);
            way.push((next, nested(sequence)));
        }
    }
    endless
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clip, Track, TrackKind};
    use crate::time::Rate;
    use crate::timeline::samples::{clock, sequence, track};

    /// Sequences of which each nests those that are named by number.
    fn family(nests: &[&[usize]]) -> Vec<Sequence> {
        let clock = clock();
        let mut all: Vec<_> = nests.iter().map(|_| sequence(Rate::FPS_25, &clock)).collect();
        let ids: Vec<_> = all.iter().map(|sequence| sequence.id).collect();
        for (sequence, nests) in all.iter_mut().zip(nests) {
            let zero = MediaTime::zero(Rate::FPS_25);
            let clip = |nested: &usize| {
                let id = ids.get(*nested).copied().unwrap_or_else(|| SequenceId::new(&clock));
                Item::Clip(Clip::new(&clock, nested.to_string(), id, zero, 10))
            };
            let items = nests.iter().map(clip).collect();
            sequence.tracks.push(track(TrackKind::Video, items, &clock));
            let tone = crate::timeline::samples::clip("tone", 0, 20, &clock);
            sequence
                .tracks
                .push(Track { items: vec![tone], ..Track::new(&clock, TrackKind::Audio, "A1") });
        }
        all
    }

    fn told(all: &[Sequence]) -> Vec<String> {
        let find = |id| all.iter().find(|sequence| sequence.id == id);
        check_nested(&all[0], &find)
            .into_iter()
            .map(|issue| {
                let clip = all[0].clips().find(|clip| Some(clip.id) == issue.clip).unwrap();
                format!("{} {:?}", clip.name, issue.kind)
            })
            .collect()
    }

    #[test]
    fn circles_and_gaps_in_nesting_are_found() {
        assert_eq!(told(&family(&[&[1, 2], &[2], &[]])), Vec::<String>::new());
        assert_eq!(told(&family(&[&[0]])), ["0 UnknownSequence"]);
        assert_eq!(
            told(&family(&[&[1, 2, 9], &[0], &[]])),
            ["1 UnknownSequence", "9 UnknownSequence"]
        );
        // 2 is seen before the circle of 3 and 4 that it leads to is closed.
        let all = family(&[&[1, 2, 5], &[2], &[3], &[4], &[3], &[]]);
        assert_eq!(told(&all), ["1 UnknownSequence", "2 UnknownSequence"]);
        // Two thousand deep; the last is not there, which is not told of the first.
        let nests: Vec<Vec<usize>> = (0..2000).map(|n| vec![n + 1]).collect();
        let nests: Vec<&[usize]> = nests.iter().map(Vec::as_slice).collect();
        assert_eq!(told(&family(&nests)), Vec::<String>::new());
    }

    #[test]
    fn a_nested_sequence_has_as_many_frames_as_its_longest_track() {
        let mut all = family(&[&[1], &[]]);
        let set = |all: &mut Vec<Sequence>, start, rate| {
            let Some(Item::Clip(clip)) = all[0].tracks[0].items.first_mut() else { unreachable!() };
            clip.source_start = MediaTime::new(start, rate);
        };
        set(&mut all, 10, Rate::FPS_25);
        assert_eq!(told(&all), Vec::<String>::new());
        set(&mut all, 11, Rate::FPS_25);
        assert_eq!(told(&all), ["1 OutsideMedia"]);
        set(&mut all, 0, Rate::FPS_24);
        assert_eq!(told(&all), ["1 SourceRate"]);
    }
}
