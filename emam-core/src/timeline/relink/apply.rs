//! Putting clips on what was found for them.

use std::collections::BTreeMap;

use super::place::Way;
use super::{Match, RelinkPlan};
use crate::error::{Error, Result};
use crate::id::{AssetId, VersionId};
use crate::model::{AssetSource, Clip, ClipSource, Item, Sequence};
use crate::time::MediaTime;
use crate::timeline::format::{ClipMedia, Document, DocumentBin, MediaMap};
use crate::timeline::{Issue, IssueKind, check};

type Key = (AssetId, Option<VersionId>);

/// What one media of the document becomes.
struct Link<'a> {
    to: AssetSource,
    media: &'a ClipMedia,
    way: Way,
}

/// Puts the clips of a document on what the plan has found, and says what no longer fits.
///
/// A clip keeps the timecode it shows: its `source_start` and its markers are counted anew where the
/// found media starts at another one or runs at another rate. Bins and the media map follow. Media
/// for which nothing was found stays as it is, with an issue of
/// [`UnknownMedia`](IssueKind::UnknownMedia).
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a plan that was read from JSON, which holds
/// no media, and for frame numbers above 64 bits; then the document is as it was.
pub fn apply(document: &mut Document, plan: &RelinkPlan) -> Result<Vec<Issue>> {
    let links = links(document, plan)?;
    let mut issues = unlinked(plan);
    for found in &plan.matches {
        if found.found.is_some() {
            issues.extend(found.warnings.iter().cloned().map(|issue| named(issue, &found.name)));
        }
    }
    let mut sequences = document.sequences.clone();
    for sequence in &mut sequences {
        relink(sequence, &links, &mut issues)?;
    }
    let media = media_map(document, &links);
    let mut bins = document.bins.clone();
    for bin in &mut bins {
        relink_bin(bin, &links);
    }
    for sequence in &sequences {
        issues.extend(check(sequence, &|source| media.summary(source)).into_iter().filter(|i| {
            // What is broken in the cut itself is not of this.
            matches!(
                i.kind,
                IssueKind::OutsideMedia
                    | IssueKind::NoHandles
                    | IssueKind::SourceRate
                    | IssueKind::MediaChanged
            )
        }));
    }
    *document = Document { sequences, media, bins };
    Ok(issues)
}

fn key(source: &AssetSource) -> Key {
    (source.asset, source.version)
}

fn links<'a>(document: &Document, plan: &'a RelinkPlan) -> Result<BTreeMap<Key, Link<'a>>> {
    let mut links = BTreeMap::new();
    for Match { wanted, found, media, name, .. } in &plan.matches {
        let Some(found) = found else { continue };
        let Some(media) = media else {
            let message = "this plan was read from JSON and holds no media; make the plan again";
            return Err(Error::invalid("timeline.relink", message).with("media", name));
        };
        let nothing = ClipMedia::default();
        let way = Way::new(document.media.get(wanted).unwrap_or(&nothing), media);
        links.insert(key(wanted), Link { to: found.source, media, way });
    }
    Ok(links)
}

/// An issue for each media that nothing was found for.
fn unlinked(plan: &RelinkPlan) -> Vec<Issue> {
    let missing = plan.missing().map(|media| {
        let why = media.warnings.first().map_or("", |issue| issue.message.as_str());
        let message = format!("{:?}, of {} clips, is not linked: {why}", media.name, media.clips);
        Issue::new(IssueKind::UnknownMedia, message)
    });
    missing.collect()
}

fn named(issue: Issue, name: &str) -> Issue {
    Issue { message: format!("{name:?}: {}", issue.message), ..issue }
}

fn relink(
    sequence: &mut Sequence,
    links: &BTreeMap<Key, Link<'_>>,
    issues: &mut Vec<Issue>,
) -> Result<()> {
    for track in &mut sequence.tracks {
        let id = track.id;
        for item in &mut track.items {
            if let Item::Clip(clip) = item
                && let Some(source) = clip.source.asset().copied()
                && let Some(link) = links.get(&key(&source))
            {
                let is_rounded = relink_clip(clip, &source, link)?;
                if is_rounded {
                    let message = format!(
                        "clip {:?} begins between two frames of its media; it begins at {} now",
                        clip.name, clip.source_start
                    );
                    issues.push(
                        Issue::new(IssueKind::Rounded, message).on_track(id).of_clip(clip.id),
                    );
                }
            }
        }
    }
    Ok(())
}

/// Puts a clip on other media; tells whether its place there had to be rounded.
fn relink_clip(clip: &mut Clip, source: &AssetSource, link: &Link<'_>) -> Result<bool> {
    // A subclip is one of its asset; on another asset it would be another's.
    let subclip = source.subclip.filter(|_| source.asset == link.to.asset);
    clip.source = ClipSource::Asset(AssetSource { subclip, ..link.to });
    let rate = clip.source_start.rate();
    let placed = link.way.place(clip.source_start)?;
    clip.source_start = placed.time;
    for marker in &mut clip.markers {
        let start = link.way.place(MediaTime::new(marker.start, rate))?.time;
        let length = MediaTime::new(marker.duration, rate).rescale(start.rate())?;
        (marker.start, marker.duration) = (start.value(), length.nearest());
    }
    Ok(placed.is_rounded)
}

fn relink_bin(bin: &mut DocumentBin, links: &BTreeMap<Key, Link<'_>>) {
    for source in &mut bin.media {
        if let Some(link) = links.get(&key(source)) {
            *source = link.to;
        }
    }
    for bin in &mut bin.bins {
        relink_bin(bin, links);
    }
}

fn media_map(document: &Document, links: &BTreeMap<Key, Link<'_>>) -> MediaMap {
    let mut media = MediaMap::new();
    for (source, said) in document.media.iter() {
        if !links.contains_key(&key(&source)) {
            media.insert(&source, said.clone());
        }
    }
    for (from, link) in links {
        let said =
            document.media.get(&AssetSource { asset: from.0, version: from.1, subclip: None });
        let mut found = media.get(&link.to).unwrap_or(link.media).clone();
        if let Some(said) = said {
            found.reel = found.reel.or_else(|| said.reel.clone());
            for (format, text) in &said.foreign {
                found.foreign.entry(format.clone()).or_insert_with(|| text.clone());
            }
        }
        media.insert(&link.to, found);
    }
    media
}
