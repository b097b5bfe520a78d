//! How surely a candidate is what a timeline names.

use std::cmp::Ordering;

use super::index::{has_reel, label, shared_folders, there};
use super::names::{file_names, place_of, stem};
use super::wanted::Wanted;
use super::{Candidate, Found, Reason};
use crate::model::MediaSummary;
use crate::time::MediaTime;
use crate::timeline::format::ClipMedia;

/// Two facts side by side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Agree {
    Yes,
    No,
    /// One of them is not known.
    Unknown,
}

impl Agree {
    pub(super) fn of<T: Copy>(
        one: Option<T>,
        other: Option<T>,
        same: impl Fn(T, T) -> bool,
    ) -> Self {
        match (one, other) {
            (Some(one), Some(other)) if same(one, other) => Self::Yes,
            (Some(_), Some(_)) => Self::No,
            _ => Self::Unknown,
        }
    }
}

/// What two descriptions of media say of each other.
pub(super) struct Facts {
    pub(super) checksum: Agree,
    pub(super) start: Agree,
    pub(super) length: Agree,
    pub(super) rate: Agree,
}

impl Facts {
    pub(super) fn of(wanted: &ClipMedia, found: &ClipMedia) -> Self {
        let (one, other) = (&wanted.summary, &found.summary);
        let md5 = |a: &String, b: &String| a.eq_ignore_ascii_case(b);
        let checksum = Agree::of(one.md5.as_ref(), other.md5.as_ref(), md5);
        // A list of edits counts from timecode zero and says nothing of where its media begins.
        let is_origin = |media: &MediaSummary| {
            media.duration.is_none()
                && media.start_timecode.is_some_and(|start| start.frames() == 0)
        };
        let begins = |media: &MediaSummary| media.start_timecode.filter(|_| !is_origin(media));
        let sizes_differ = one.size != 0 && other.size != 0 && one.size != other.size;
        Self {
            checksum: if sizes_differ && checksum == Agree::Yes { Agree::No } else { checksum },
            start: Agree::of(begins(one), begins(other), |a, b| label(a) == label(b)),
            length: Agree::of(one.duration, other.duration, same_length),
            rate: Agree::of(one.rate, other.rate, |a, b| a == b),
        }
    }
}

/// Whether two lengths are the same, one of them perhaps counted in whole frames of another rate.
fn same_length(one: MediaTime, other: MediaTime) -> bool {
    let (coarse, fine) = if one.rate() <= other.rate() { (one, other) } else { (other, one) };
    one.cmp_time(&other) == Ordering::Equal
        || fine.rescale(coarse.rate()).is_ok_and(|length| {
            coarse.rate() != fine.rate()
                && (length.floor()..=length.floor() + 1).contains(&coarse.value())
        })
}

/// How surely the candidate is meant, and why; nothing where nothing speaks for it.
pub(super) fn score(wanted: &Wanted, candidate: &Candidate) -> Option<Found> {
    let (score, reason) = judge(wanted, candidate)?;
    Some(Found { source: candidate.source, name: candidate.media.name.clone(), score, reason })
}

fn judge(wanted: &Wanted, candidate: &Candidate) -> Option<(u8, Reason)> {
    let (media, found) = (&wanted.media, &candidate.media);
    if wanted.source.asset == candidate.source.asset {
        let version =
            wanted.source.version.is_none() || wanted.source.version == candidate.source.version;
        return Some((if version { 100 } else { 97 }, Reason::EmamId));
    }
    let places: Vec<_> = found.urls.values().map(String::as_str).map(place_of).collect();
    if media.urls.values().any(|url| places.contains(&place_of(url))) {
        return Some((99, Reason::Place));
    }
    let facts = Facts::of(media, found);
    let (names, others) = (file_names(media), file_names(found));
    let full = names.iter().any(|name| others.contains(name));
    let named = full || {
        let others: Vec<_> = others.iter().map(|name| stem(name)).collect();
        names.iter().any(|name| others.contains(&stem(name)))
    };
    if facts.checksum == Agree::Yes {
        return Some((if named { 98 } else { 96 }, Reason::Checksum));
    }
    let has_used = has_used(wanted, candidate);
    let near = if full { 2 } else { 0 } + folders(media, found);
    let (score, reason) = if named && facts.start == Agree::Yes && facts.length == Agree::Yes {
        (86 + near, Reason::NameTimecodeDuration)
    } else if named && has_used {
        (74 + near, Reason::NameTimecode)
    } else if has_used && media.reel.as_deref().is_some_and(|reel| has_reel(candidate, reel)) {
        (72, Reason::ReelTimecode)
    } else if named {
        // A media of another length, rate or start is another media, whatever its name.
        let has_not = wanted.used_timecode().is_some() && there(candidate).is_some() && !has_used;
        let start = if has_not { Agree::No } else { facts.start };
        let against = [(start, 15), (facts.length, 15), (facts.rate, 10)];
        let against: u8 =
            against.iter().filter(|(agree, _)| *agree == Agree::No).map(|(_, worth)| worth).sum();
        (if full { 58 } else { 52 } + near - against, Reason::Name)
    } else {
        return None;
    };
    Some((score.saturating_sub(if facts.checksum == Agree::No { 5 } else { 0 }), reason))
}

/// Whether the candidate has all that clips show, by timecode.
fn has_used(wanted: &Wanted, candidate: &Candidate) -> bool {
    match (wanted.used_timecode(), there(candidate)) {
        (Some((first, last)), Some((start, end))) => {
            first.cmp_time(&start).is_ge() && last.cmp_time(&end).is_le()
        }
        _ => false,
    }
}

/// What it is worth that the folders have the same names: files of two cards are often called
/// alike.
fn folders(wanted: &ClipMedia, found: &ClipMedia) -> u8 {
    let pairs = wanted.urls.values().flat_map(|url| found.urls.values().map(move |o| (url, o)));
    match pairs.map(|(one, other)| shared_folders(one, other)).max() {
        Some(1) => 3,
        Some(2..) => 6,
        _ => 0,
    }
}
