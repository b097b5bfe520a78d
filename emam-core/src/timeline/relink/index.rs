//! The candidates, findable by each thing a timeline may say of its media.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use super::Candidate;
use super::names::{file_names, folded, place_of, reel, stem};
use super::wanted::{Wanted, at_timecode};
use crate::id::AssetId;
use crate::time::{MediaTime, Rate, Timecode};

/// How many candidates of one name or reel are looked at: cards number their files alike.
const MOST: usize = 32;

/// Reels that say nothing: media without a reel, and black.
const NO_REELS: [&str; 3] = ["AX", "BL", ""];

/// Candidates that share a name or a reel, in the order of their first frames.
type Tape = Vec<(MediaTime, usize)>;

pub(super) struct Index<'a> {
    candidates: &'a [Candidate],
    assets: HashMap<AssetId, Vec<usize>>,
    places: HashMap<String, Vec<usize>>,
    checksums: HashMap<String, Vec<usize>>,
    /// By stem, in the order of their first frames.
    stems: HashMap<String, Tape>,
    /// By stem and the label of the first frame, for names many files share.
    starts: HashMap<(String, String), Vec<usize>>,
    /// By reel, in the order of their first frames.
    reels: HashMap<String, Tape>,
}

impl<'a> Index<'a> {
    pub(super) fn new(candidates: &'a [Candidate]) -> Self {
        let mut index = Self {
            candidates,
            assets: HashMap::new(),
            places: HashMap::new(),
            checksums: HashMap::new(),
            stems: HashMap::new(),
            starts: HashMap::new(),
            reels: HashMap::new(),
        };
        for (place, candidate) in candidates.iter().enumerate() {
            index.add(place, candidate);
        }
        for tape in index.reels.values_mut().chain(index.stems.values_mut()) {
            tape.sort_by(|(a, _), (b, _)| a.cmp_time(b));
        }
        index
    }

    fn add(&mut self, place: usize, candidate: &'a Candidate) {
        let media = &candidate.media;
        push(&mut self.assets, candidate.source.asset, place);
        for url in media.urls.values() {
            push(&mut self.places, place_of(url), place);
        }
        if let Some(md5) = &media.summary.md5 {
            push(&mut self.checksums, md5.to_ascii_lowercase(), place);
        }
        let start = media.summary.start_timecode;
        let stems: BTreeSet<_> = file_names(media).iter().map(|name| stem(name)).collect();
        let begins = start.map_or(MediaTime::zero(Rate::FPS_25), Timecode::time);
        for stem in stems {
            if let Some(start) = start {
                push(&mut self.starts, (stem.clone(), label(start)), place);
            }
            self.stems.entry(stem).or_default().push((begins, place));
        }
        for reel in reels(candidate) {
            self.reels.entry(reel).or_default().push((begins, place));
        }
    }

    /// The candidates that what is wanted may be, and whether there are more that share its name.
    pub(super) fn possible(&self, wanted: &Wanted) -> (Vec<&'a Candidate>, bool) {
        let media = &wanted.media;
        let used = wanted.used_timecode().map(|(first, _)| first);
        let mut places: BTreeSet<usize> = BTreeSet::new();
        let mut more = false;
        let mut take = |found: Option<&Vec<usize>>| {
            places.extend(found.map(Vec::as_slice).unwrap_or_default().iter().take(MOST));
        };
        take(self.assets.get(&wanted.source.asset));
        for url in media.urls.values() {
            take(self.places.get(&place_of(url)));
        }
        if let Some(md5) = &media.summary.md5 {
            take(self.checksums.get(&md5.to_ascii_lowercase()));
        }
        let mut tapes = Vec::new();
        for name in file_names(media) {
            let stem = stem(&name);
            if let Some(tape) = self.stems.get(&stem) {
                more |= tape.len() > MOST;
                tapes.push(tape);
            }
            if let Some(start) = media.summary.start_timecode {
                take(self.starts.get(&(stem, label(start))));
            }
        }
        tapes.extend(media.reel.as_deref().and_then(|name| self.reels.get(&reel(name))));
        for tape in tapes {
            // The one that has the frame begins before it: look back from there.
            let end = match used {
                Some(first) if tape.len() > MOST => {
                    tape.partition_point(|(start, _)| start.cmp_time(&first).is_le())
                }
                _ => tape.len().min(MOST),
            };
            let near = tape.get(end.saturating_sub(MOST)..end).unwrap_or_default();
            places.extend(near.iter().map(|(_, place)| place));
        }
        (places.into_iter().filter_map(|place| self.candidates.get(place)).collect(), more)
    }
}

fn push<K: Eq + Hash>(map: &mut HashMap<K, Vec<usize>>, key: K, place: usize) {
    let places = map.entry(key).or_default();
    if places.last() != Some(&place) {
        places.push(place);
    }
}

/// The reels a candidate goes by: its own, and its name as lists of edits shorten it.
fn reels(candidate: &Candidate) -> BTreeSet<String> {
    let mut reels = BTreeSet::new();
    let name = reel(&stem(&candidate.media.name));
    reels.extend(name.get(..8).map(str::to_owned));
    reels.insert(name);
    reels.extend(candidate.media.reel.as_deref().map(reel));
    reels.retain(|reel| !NO_REELS.contains(&reel.as_str()));
    reels
}

/// Whether a candidate goes by a reel.
pub(super) fn has_reel(candidate: &Candidate, wanted: &str) -> bool {
    reels(candidate).contains(&reel(wanted))
}

/// A timecode as people read it, however it counts.
pub(super) fn label(timecode: Timecode) -> String {
    timecode.to_string().replace(';', ":")
}

/// The part of a candidate that there is, by timecode.
pub(super) fn there(candidate: &Candidate) -> Option<(MediaTime, MediaTime)> {
    let summary = &candidate.media.summary;
    let start = summary.start_timecode?;
    Some((start.time(), at_timecode(start, summary.duration?)?))
}

/// How many folders over the file have the same names, counted from the file.
pub(super) fn shared_folders(one: &str, other: &str) -> usize {
    let folders = |url: &str| -> Vec<String> {
        let path = url.split(['/', '\\']).rev().skip(1);
        path.take_while(|folder| !folder.is_empty()).map(folded).take(MOST).collect()
    };
    folders(one).iter().zip(&folders(other)).take_while(|(a, b)| a == b).count()
}
