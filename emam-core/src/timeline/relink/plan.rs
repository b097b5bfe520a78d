//! What each media of a document is taken for.

use super::index::Index;
use super::place::Way;
use super::score::{Agree, Facts, score};
use super::wanted::{Wanted, wanted};
use super::{Candidate, Found, Match, MatchOptions, Reason, RelinkPlan};
use crate::model::AssetSource;
use crate::time::MediaTime;
use crate::timeline::format::{ClipMedia, Document};
use crate::timeline::{Issue, IssueKind};

/// The most alternatives that are named.
const ALTERNATIVES: usize = 5;

/// Says what each media of a document is taken for, without changing anything.
///
/// Media that clips name and the document says nothing of, because its asset is gone, is looked for
/// by the name of its first clip.
pub fn plan(document: &Document, candidates: &[Candidate], options: &MatchOptions) -> RelinkPlan {
    let index = Index::new(candidates);
    let matches = wanted(document).iter().map(|media| decide(media, &index, options)).collect();
    RelinkPlan { matches }
}

fn decide(wanted: &Wanted, index: &Index<'_>, options: &MatchOptions) -> Match {
    let (possible, more) = index.possible(wanted);
    let mut scored: Vec<(Found, &Candidate)> = possible
        .into_iter()
        .filter_map(|candidate| Some((score(wanted, candidate)?, candidate)))
        .collect();
    // Of equals the one that came first: ids count up.
    scored.sort_by_key(|(found, _)| (std::cmp::Reverse(found.score), found.source));
    let name = wanted.media.name.clone();
    let mut outcome = Match {
        wanted: wanted.source,
        name,
        clips: wanted.clips,
        found: None,
        alternatives: Vec::new(),
        warnings: Vec::new(),
        media: None,
    };
    if let Some((best, candidate)) = scored.first() {
        let rival =
            scored.iter().skip(1).find(|(other, _)| other.source.asset != best.source.asset);
        let close = rival.filter(|(rival, _)| {
            !best.reason.is_certain() && rival.score.saturating_add(options.margin) > best.score
        });
        if best.score < options.min_score {
            outcome.warn(format!(
                "the best match, {:?} by its {}, scores {} of the {} that are asked for",
                best.name,
                best.reason.words(),
                best.score,
                options.min_score
            ));
        } else if let Some((rival, _)) = close {
            outcome.warn(format!(
                "{:?} ({}, {}) and {:?} ({}, {}) are as likely; choose one",
                best.name,
                best.source.asset,
                best.score,
                rival.name,
                rival.source.asset,
                rival.score
            ));
        } else {
            outcome.found = Some(best.clone());
            outcome.media = Some(candidate.media.clone());
            outcome.warnings = differences(wanted, &candidate.media);
        }
    } else {
        outcome.warn("nothing like it is in the library".to_owned());
    }
    let is_unsure = outcome.found.as_ref().is_none_or(|found| matches!(found.reason, Reason::Name));
    if more && is_unsure {
        outcome.warn("many others have this name; not all of them were looked at".to_owned());
    }
    let taken = usize::from(outcome.found.is_some());
    let others = scored.into_iter().skip(taken).take(ALTERNATIVES);
    outcome.alternatives = others.map(|(found, _)| found).collect();
    outcome
}

impl Match {
    fn warn(&mut self, message: String) {
        self.warnings.push(Issue::new(IssueKind::UnknownMedia, message));
    }
}

/// As [`differences`], of media that was not looked for.
pub(super) fn differences_of(
    document: &Document,
    source: &AssetSource,
    found: &ClipMedia,
) -> Vec<Issue> {
    let Some(said) = document.media.get(source) else { return Vec::new() };
    let media = said.clone();
    // Which part of it is used, `apply` says of each clip.
    let wanted = Wanted { source: *source, media, clips: 0, used: None, channels: 0 };
    differences(&wanted, found)
}

/// What differs between what a timeline says of its media and what was found.
fn differences(wanted: &Wanted, found: &ClipMedia) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut changed = |message| issues.push(Issue::new(IssueKind::MediaChanged, message));
    let (before, now) = (&wanted.media.summary, &found.summary);
    let facts = Facts::of(&wanted.media, found);
    if facts.checksum == Agree::No {
        changed("its content is not what the timeline was cut from: the checksum differs".into());
    }
    if let (Agree::No, Some(before), Some(now)) = (facts.rate, before.rate, now.rate) {
        changed(format!("it runs at {now} frames a second, in the timeline at {before}"));
    }
    if let (Agree::No, Some(before), Some(now)) = (facts.length, before.duration, now.duration) {
        changed(format!("it is {now} long, in the timeline {before}"));
    }
    if let (Agree::No, Some(before), Some(now)) =
        (facts.start, before.start_timecode, now.start_timecode)
    {
        changed(format!(
            "it starts at {now}, in the timeline at {before}; clips keep the timecode they show"
        ));
    }
    if before.audio_channels != 0 && before.audio_channels != now.audio_channels {
        changed(format!(
            "it has {} channels of sound, in the timeline {}",
            now.audio_channels, before.audio_channels
        ));
    } else if u32::from(wanted.channels) > now.audio_channels {
        changed(format!(
            "clips ask for channel {} of its sound, it has {}",
            wanted.channels, now.audio_channels
        ));
    }
    issues.extend(outside(wanted, found));
    issues
}

/// Whether clips show what the found media does not have.
fn outside(wanted: &Wanted, found: &ClipMedia) -> Option<Issue> {
    let (first, end) = wanted.used?;
    let length = found.summary.duration?;
    let way = Way::new(&wanted.media, found);
    let last = MediaTime::new(end.value().checked_sub(1)?, end.rate());
    let (first, last) = (way.place(first).ok()?.time, way.place(last).ok()?.time);
    if first.value() >= 0 && last.cmp_time(&length).is_lt() {
        return None;
    }
    let message = format!(
        "clips show {first} to {last} of it, counted from its first frame; it has {length}"
    );
    Some(Issue::new(IssueKind::OutsideMedia, message))
}
