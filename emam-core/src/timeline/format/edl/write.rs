//! A sequence as a list.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::FOREIGN;
use super::events::{Entry, Events, Mark, channels, kept};
use super::line::{LOCATOR_COMMENT, LOCATOR_DURATION, LOCATORS_OF_SEQUENCE, START, is_color};
use super::reel::Reels;
use crate::error::Result;
use crate::model::{Sequence, Track, TrackKind};
use crate::time::Timecode;
use crate::timeline::format::document::WrittenFile;
use crate::timeline::format::text::one_line;
use crate::timeline::format::{Document, WriteOptions, Written};
use crate::timeline::{Issue, IssueKind};

/// The events a list of three digits numbers.
const MAX_EVENTS: usize = 999;
/// The longest title.
const MAX_TITLE: usize = 70;

pub(in crate::timeline::format) fn write(
    document: &Document,
    options: &WriteOptions,
) -> Result<Written> {
    let sequence = document.main()?;
    let mut issues = vec![not_carried(sequence)];
    let groups = groups(sequence, options, &mut issues);
    let mut events = Events::new(document, sequence, Reels::new(options.long_reels));
    let mut files = Vec::new();
    for (index, (part, tracks)) in groups.iter().enumerate() {
        let mut entries = Vec::new();
        let mut below = 0;
        for track in tracks {
            let own = of_a_list(track);
            entries.extend(events.of_track(track, if own { 0 } else { below })?);
            if track.kind == TrackKind::Audio && !own {
                let wanted = track.clips().filter_map(|c| channels(document, c).last().copied());
                below = wanted.max().unwrap_or_default().saturating_add(below);
            }
        }
        entries.sort_by_key(|entry| entry.at);
        let entries = joined(entries);
        let per_file = if options.split && !options.long_reels { MAX_EVENTS } else { usize::MAX };
        if entries.len() > MAX_EVENTS && !options.split && !options.long_reels {
            let message = format!(
                "the list has {} events where old systems take {MAX_EVENTS}; it can be split",
                entries.len()
            );
            issues.push(Issue::new(IssueKind::NotCarried, message));
        }
        let mut rest = entries.as_slice();
        let mut chunk = 1;
        while !rest.is_empty() || chunk == 1 {
            let (now, later) = rest.split_at(rest.len().min(per_file));
            rest = later;
            let part = match (part.as_str(), chunk) {
                (part, 1) => part.to_owned(),
                ("", chunk) => chunk.to_string(),
                (part, chunk) => format!("{part}.{chunk}"),
            };
            let list = List {
                sequence,
                entries: now,
                width: events.reel_width(),
                digits: if options.long_reels { 6 } else { 3 },
                marks: marks(sequence, now, entries.first(), later.first(), index == 0),
            };
            files.push(WrittenFile { part, text: list.text(&mut issues)? });
            chunk += 1;
        }
        // Two files of one reel share what is said of it.
        let mut said = HashSet::new();
        let sources = std::mem::take(&mut events.sources);
        if let Some(file) = files.last_mut() {
            for source in sources {
                if !said.contains(&source) {
                    line(&mut file.text, &source);
                    said.insert(source);
                }
            }
        }
    }
    if let Some(lost) = lost_marks(sequence, &files) {
        issues.push(lost);
    }
    issues.extend(events.issues);
    Ok(Written { files, issues })
}

/// What no list holds of any sequence, said once.
fn not_carried(sequence: &Sequence) -> Issue {
    let mut what = vec![format!("its rate ({})", sequence.rate), "ids".to_owned()];
    if let (Some(width), Some(height)) = (sequence.width, sequence.height) {
        what.push(format!("the frame size ({width}x{height})"));
    }
    if let Some(rate) = sequence.sample_rate {
        what.push(format!("the sample rate ({rate})"));
    }
    let clips = sequence.clips().filter(|clip| !clip.metadata.is_empty()).count();
    if clips > 0 || !sequence.metadata.is_empty() {
        what.push("custom metadata".to_owned());
    }
    let message = format!("a list does not hold {}", what.join(", "));
    Issue::new(IssueKind::NotCarried, message)
}

/// Whether a track came from a list that held more than one.
fn of_a_list(track: &Track) -> bool {
    track.foreign.contains_key(FOREIGN)
}

/// Which tracks stand in which file. The first holds the first picture track, with those that came
/// from one list with it, and sound where that is asked for or there is no picture.
fn groups<'s>(
    sequence: &'s Sequence,
    options: &WriteOptions,
    issues: &mut Vec<Issue>,
) -> Vec<(String, Vec<&'s Track>)> {
    let has_picture = sequence.tracks.iter().any(|t| t.kind == TrackKind::Video && t.enabled);
    let mut groups: Vec<(String, Vec<&Track>)> = vec![(String::new(), Vec::new())];
    let mut picture = 0;
    let mut sound = 0;
    for track in &sequence.tracks {
        let name = &track.name;
        let left = |issues: &mut Vec<Issue>, why: &str| {
            let message = format!("track {name:?} {why}");
            issues.push(Issue::new(IssueKind::NotCarried, message).on_track(track.id));
        };
        let (part, main) = match track.kind {
            TrackKind::Caption => {
                left(issues, "holds captions, which a list does not");
                continue;
            }
            TrackKind::Video => {
                picture += 1;
                (format!("V{picture}"), groups.iter().all(|(_, tracks)| tracks.is_empty()))
            }
            TrackKind::Audio => {
                sound += 1;
                (format!("A{sound}"), options.audio || !has_picture && !options.split)
            }
        };
        if !track.enabled {
            left(issues, "is switched off, so it was left out");
            continue;
        }
        for clip in track.clips().filter(|clip| !clip.enabled) {
            let message = format!("clip {:?} is switched off, so it was left out", clip.name);
            let issue = Issue::new(IssueKind::NotCarried, message);
            issues.push(issue.on_track(track.id).of_clip(clip.id));
        }
        let first_is_empty = groups.first().is_some_and(|(_, tracks)| tracks.is_empty());
        if main || of_a_list(track) || options.split && first_is_empty {
            if let Some((_, tracks)) = groups.first_mut() {
                tracks.push(track);
            }
        } else if options.split {
            groups.push((part, vec![track]));
        } else {
            left(
                issues,
                "is not in the list, which holds the first picture track; split it into several",
            );
        }
    }
    groups
}

/// Makes one event of picture and sound that are linked and run alike.
fn joined(entries: Vec<Entry>) -> Vec<Entry> {
    let mut found: HashMap<(u32, i64, i64), usize> = HashMap::new();
    let mut joined: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        let key = entry.link.map(|link| (link, entry.at, entry.length));
        if let Some(index) = key.and_then(|key| found.get(&key).copied())
            && let Some(first) = joined.get_mut(index)
            && first.video.as_deref() == Some("V")
            && first.audio.is_empty()
            && entry.video.is_none()
            && alike(first, &entry)
        {
            first.audio = entry.audio;
            continue;
        }
        if let Some(key) = key {
            found.insert(key, joined.len());
        }
        joined.push(entry);
    }
    joined
}

fn alike(a: &Entry, b: &Entry) -> bool {
    let of = |entry: &Entry| {
        (entry.reel.clone(), entry.source.clone(), entry.transition.clone(), entry.speed.clone())
    };
    // What is said of sound alone would be lost.
    let says_less = b.comments.iter().all(|comment| a.comments.contains(comment));
    of(a) == of(b) && says_less && b.marks.is_empty()
}

/// The marks of a sequence with the event each stands at: the last that begins before it.
fn marks<'s>(
    sequence: &'s Sequence,
    entries: &[Entry],
    first: Option<&Entry>,
    later: Option<&Entry>,
    main: bool,
) -> HashMap<usize, Vec<&'s crate::model::Marker>> {
    let mut marks: HashMap<usize, Vec<_>> = HashMap::new();
    let Some(start) = entries.first().filter(|_| main) else { return marks };
    let is_first = first.is_some_and(|first| std::ptr::eq(first, start));
    for marker in &sequence.markers {
        let before = !is_first && marker.start < start.at;
        if before || later.is_some_and(|later| marker.start >= later.at) {
            continue;
        }
        let index = entries.partition_point(|entry| entry.at <= marker.start);
        marks.entry(index.saturating_sub(1)).or_default().push(marker);
    }
    marks
}

/// Marks of a sequence that has no event they could stand at.
fn lost_marks(sequence: &Sequence, files: &[WrittenFile]) -> Option<Issue> {
    let none = sequence.markers.is_empty()
        || files.first().is_some_and(|file| file.text.contains(LOCATORS_OF_SEQUENCE))
        || files.len() > 1;
    let message = "the marks of the sequence are lost: a list without events has no place for them";
    (!none).then(|| Issue::new(IssueKind::NotCarried, message))
}

/// One file.
struct List<'s> {
    sequence: &'s Sequence,
    entries: &'s [Entry],
    width: usize,
    digits: usize,
    marks: HashMap<usize, Vec<&'s crate::model::Marker>>,
}

impl List<'_> {
    fn text(&self, issues: &mut Vec<Issue>) -> Result<String> {
        let sequence = self.sequence;
        let mut text = String::with_capacity(200 * self.entries.len() + 200);
        let title: String = one_line(&sequence.name).chars().take(MAX_TITLE).collect();
        if title != sequence.name {
            let message =
                format!("the name {:?} was shortened to one line of {MAX_TITLE}", sequence.name);
            issues.push(Issue::new(IssueKind::NotCarried, message));
        }
        line(&mut text, &format!("TITLE: {title}"));
        let mode = if sequence.drop_frame { "DROP FRAME" } else { "NON-DROP FRAME" };
        line(&mut text, &format!("FCM: {mode}"));
        for kept in kept(sequence.foreign.get(FOREIGN)) {
            line(&mut text, &kept);
        }
        line(&mut text, "");
        let day = self.record_at(0)?.frames_per_day();
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.length >= day {
                let message = format!("event {} takes a day or more", index + 1);
                issues.push(Issue::new(IssueKind::NotCarried, message));
            }
            self.event(&mut text, index, entry, issues)?;
            // Not before the first event, where some readers take no comment.
            if index == 0 && entry.at != 0 {
                line(&mut text, &format!("* {START} {}", self.record(0)?));
            }
        }
        if self.entries.is_empty() && sequence.start != 0 {
            line(&mut text, &format!("* {START} {}", self.record(0)?));
        }
        Ok(text)
    }

    fn event(
        &self,
        text: &mut String,
        index: usize,
        entry: &Entry,
        issues: &mut Vec<Issue>,
    ) -> Result<()> {
        let (channels, more) = channel_names(entry);
        let number = format!("{:0digits$}", index + 1, digits = self.digits);
        let width = self.width;
        let start = self.record(entry.at)?;
        let end = self.record(entry.at.saturating_add(entry.length))?;
        let (mut code, mut length) = ("C", String::new());
        if let Some(from) = &entry.transition {
            let (reel, at) = (&from.reel, &from.at);
            let cut = format!(
                "{number}  {reel:<width$} {channels:<5} C        {at} {at} {start} {start}"
            );
            line(text, &cut);
            code = &from.code;
            length = format!("{:03}", from.length);
        }
        let (reel, [low, high]) = (&entry.reel, &entry.source);
        let event = format!(
            "{number}  {reel:<width$} {channels:<5} {code:<4} {length:>3} {low} {high} {start} {end}"
        );
        line(text, &event);
        if !more.is_empty() {
            line(text, &format!("AUD  {}", more.join("    ")));
        }
        if let Some(speed) = &entry.speed {
            // Some readers take colons alone here; how it is counted the event has said.
            let low = low.replace(';', ":");
            let motion = format!("M2   {reel:<width$}       {speed:<5}                {low}");
            line(text, &motion);
        }
        for comment in &entry.comments {
            line(text, comment);
        }
        for mark in &entry.marks {
            self.locator(text, mark, issues)?;
        }
        if let Some(marks) = self.marks.get(&index) {
            line(text, &format!("* {LOCATORS_OF_SEQUENCE}"));
            for marker in marks {
                self.locator(text, &Mark { at: marker.start, marker: (*marker).clone() }, issues)?;
            }
        }
        Ok(())
    }

    fn locator(&self, text: &mut String, mark: &Mark, issues: &mut Vec<Issue>) -> Result<()> {
        let at = self.record(mark.at)?;
        let marker = &mark.marker;
        let color = marker.color.as_deref().map(one_line).unwrap_or_default();
        let known = is_color(&color);
        if !known && !color.is_empty() {
            let message = format!("the colour {color:?} of marker {:?} is none", marker.name);
            issues.push(Issue::new(IssueKind::NotCarried, message));
        }
        let color = if known { color.to_ascii_uppercase() } else { String::new() };
        let locator = format!("* LOC: {at} {color:<7} {}", one_line(&marker.name));
        line(text, locator.trim_end());
        if !marker.comment.is_empty() {
            line(text, &format!("* {LOCATOR_COMMENT} {}", one_line(&marker.comment)));
        }
        if marker.duration > 0 {
            line(text, &format!("* {LOCATOR_DURATION} {}", marker.duration));
        }
        Ok(())
    }

    fn record_at(&self, at: i64) -> Result<Timecode> {
        let sequence = self.sequence;
        Timecode::new(sequence.start, sequence.rate, sequence.drop_frame)?.offset(at)
    }

    /// The record timecode of a frame of the sequence.
    fn record(&self, at: i64) -> Result<String> {
        Ok(self.record_at(at)?.wrapped().to_string())
    }
}

/// The channel column of an event, and the channels that do not fit into it.
fn channel_names(entry: &Entry) -> (String, Vec<String>) {
    let has = |channel| entry.audio.contains(&channel);
    let name = match (&entry.video, has(1), has(2)) {
        (Some(video), false, false) => video,
        (Some(_), true, false) => "B",
        (Some(_), false, true) => "A2/V",
        (Some(_), true, true) => "AA/V",
        (None, true, false) => "A",
        (None, false, true) => "A2",
        (None, true, true) => "AA",
        (None, false, false) => "NONE",
    };
    let more = entry.audio.iter().filter(|channel| **channel > 2).map(u16::to_string);
    (name.to_owned(), more.collect())
}

fn line(text: &mut String, line: &str) {
    // Writing into a string cannot fail.
    let _ = write!(text, "{line}\r\n");
}
