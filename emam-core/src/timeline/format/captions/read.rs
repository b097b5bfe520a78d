//! Cues as caption tracks.

use super::{ARROW, Kind, time};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::model::{Caption, Clip, ClipSource, Gap, Item, Sequence, Track, TrackKind};
use crate::time::{MediaTime, Rate};
use crate::timeline::IssueKind;
use crate::timeline::format::reading::Reading;
use crate::timeline::format::text::{decode, lines, shown};
use crate::timeline::format::{ReadDocument, ReadOptions};

/// How many cues may be shown at once; a file that says more is broken.
const MAX_OVERLAPS: usize = 32;

/// A cue as the file says it.
#[derive(Debug)]
struct Cue {
    line: u64,
    start: i64,
    end: i64,
    text: String,
    /// What is kept of it: notes before it, its name, its settings.
    kept: Option<String>,
}

pub(in crate::timeline::format) fn read(
    kind: Kind,
    bytes: &[u8],
    options: &ReadOptions,
    clock: &dyn Clock,
) -> Result<ReadDocument> {
    let mut reading = Reading::new(options, clock);
    let text = decode(bytes, &mut reading);
    let lines: Vec<(u64, &str)> = lines(&text)?.collect();
    let (mut cues, kept, known) = cues(kind, &lines, &mut reading);
    if cues.is_empty() && !known && lines.iter().any(|(_, line)| !line.trim().is_empty()) {
        let message =
            "there is not one caption in this file: no line holds two times parted by -->";
        return Err(Error::invalid("timeline.read", message));
    }
    order(&mut cues, &mut reading);
    let rate = rate(&cues, &mut reading);
    let name = options.name.as_deref().unwrap_or("Untitled");
    let mut sequence = Sequence::new(clock, ProjectId::new(clock), name, rate);
    if !kept.is_empty() {
        sequence.foreign.insert(kind.foreign().into(), kept);
    }
    sequence.tracks = tracks(kind, cues, rate, &mut reading);
    reading.document.sequences.push(sequence);
    Ok(reading.finish())
}

/// The cues of a file, what it says before and after them, and whether it says what it is.
fn cues(kind: Kind, lines: &[(u64, &str)], reading: &mut Reading<'_>) -> (Vec<Cue>, String, bool) {
    let mut cues: Vec<Cue> = Vec::new();
    let mut file_kept: Vec<String> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    let mut known = false;
    let blocks = lines.split(|(_, line)| line.trim().is_empty()).filter(|block| !block.is_empty());
    for (index, block) in blocks.enumerate() {
        let first = block.first().map_or("", |(_, line)| line.trim());
        if kind == Kind::Vtt && index == 0 {
            let head = first.strip_prefix("WEBVTT");
            let head = head.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
            if let Some(head) = head {
                let rest = block.iter().skip(1).map(|(_, line)| *line);
                let said: Vec<&str> = std::iter::once(head.trim()).chain(rest).collect();
                if said.iter().any(|line| !line.is_empty()) {
                    file_kept.push(format!("WEBVTT {}", said.join("\n")));
                }
                known = true;
                continue;
            }
            let line = block.first().map_or(1, |(number, _)| *number);
            reading.issue_at(line, IssueKind::Corrected, "the file does not begin with WEBVTT");
        }
        let word = first.split_whitespace().next().unwrap_or_default();
        let timed = block.iter().any(|(_, line)| line.contains(ARROW));
        if kind == Kind::Vtt && (word == "NOTE" || !timed && matches!(word, "STYLE" | "REGION")) {
            let text: Vec<&str> = block.iter().map(|(_, line)| *line).collect();
            // A note before the first cue is about the file.
            let of_cue = word == "NOTE" && !cues.is_empty();
            let notes = if of_cue { &mut notes } else { &mut file_kept };
            notes.push(text.join("\n"));
            continue;
        }
        // Some programs put an empty line after the number of a cue.
        if let [(_, number)] = block
            && number.trim() == (cues.len() + 1).to_string()
        {
            continue;
        }
        self::block(kind, block, &mut cues, &mut notes, reading);
    }
    file_kept.extend(notes);
    (cues, file_kept.join("\n\n"), known)
}

/// A block of lines: cues, or text that an empty line parted from its cue.
fn block(
    kind: Kind,
    block: &[(u64, &str)],
    cues: &mut Vec<Cue>,
    notes: &mut Vec<String>,
    reading: &mut Reading<'_>,
) {
    // The name a line before the times gives, not yet known to be one.
    let mut held: Option<(u64, &str)> = None;
    let mut begun = false;
    for &(number, line) in block {
        if let Some((start, end, settings)) = times(line) {
            let name = match held.take() {
                // Without an empty line between two cues, only a number is taken for a name.
                Some((_, held)) if !begun || is_number(held) => Some(held.trim()),
                Some((at, held)) => {
                    add_text(kind, cues, at, held, true, reading);
                    None
                }
                None => None,
            };
            let name = name.filter(|_| kind == Kind::Vtt);
            let kept = kept(std::mem::take(notes), name, settings);
            cues.push(Cue { line: number, start, end, text: String::new(), kept });
            begun = true;
            continue;
        }
        if line.contains(ARROW) {
            let message = format!("{:?} holds no two times", shown(line));
            reading.issue_at(number, IssueKind::NotUnderstood, message);
        }
        if let Some((at, held)) = held.replace((number, line)) {
            add_text(kind, cues, at, held, begun, reading);
        }
    }
    if let Some((at, held)) = held {
        add_text(kind, cues, at, held, begun, reading);
    }
}

/// Adds a line to the last cue.
fn add_text(
    kind: Kind,
    cues: &mut [Cue],
    number: u64,
    line: &str,
    begun: bool,
    reading: &mut Reading<'_>,
) {
    let Some(cue) = cues.last_mut() else {
        let message = format!("{:?} belongs to no caption", shown(line));
        return reading.issue_at(number, IssueKind::NotUnderstood, message);
    };
    if !begun {
        let message = "an empty line parts this text from its caption; it was joined again";
        reading.issue_at(number, IssueKind::Corrected, message);
    }
    if !cue.text.is_empty() {
        cue.text.push('\n');
    }
    match kind {
        Kind::Srt => cue.text.push_str(line.trim_end()),
        Kind::Vtt => cue.text.push_str(&unescaped(line.trim_end())),
    }
}

fn is_number(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The times of a cue, and what stands after them.
fn times(line: &str) -> Option<(i64, i64, &str)> {
    let (start, rest) = line.split_once(ARROW)?;
    let rest = rest.trim();
    let (end, settings) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some((time::parse(start.trim())?, time::parse(end)?, settings.trim()))
}

/// What is kept of a cue: its notes, its name and its settings, as they stand in a file.
fn kept(notes: Vec<String>, name: Option<&str>, settings: &str) -> Option<String> {
    if notes.is_empty() && name.is_none() && settings.is_empty() {
        return None;
    }
    let mut kept = String::new();
    for note in notes {
        kept.push_str(&note);
        kept.push_str("\n\n");
    }
    if let Some(name) = name {
        kept.push_str(name);
        kept.push('\n');
    }
    kept.push_str(ARROW);
    if !settings.is_empty() {
        kept.push(' ');
        kept.push_str(settings);
    }
    Some(kept)
}

/// Text of WebVTT without escapes but those that keep it from being a tag.
fn unescaped(line: &str) -> String {
    if !line.contains('&') {
        return line.to_owned();
    }
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('&') {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        let known = [
            ("&gt;", ">"),
            ("&nbsp;", "\u{a0}"),
            ("&lrm;", "\u{200e}"),
            ("&rlm;", "\u{200f}"),
            ("&amp;", "&"),
            ("&lt;", "<"),
        ];
        let found = known.into_iter().find(|(escape_of, _)| escape.starts_with(escape_of));
        let (length, meant) = match found {
            Some(("&lt;", _)) if super::write::opens_tag(escape.get(4..).unwrap_or_default()) => {
                (4, "&lt;")
            }
            // Without its own escape it would be one.
            Some(("&amp;", _)) if super::write::is_escape(escape.get(5..).unwrap_or_default()) => {
                (5, "&amp;")
            }
            Some((escape, meant)) => (escape.len(), meant),
            None => (1, "&"),
        };
        text.push_str(meant);
        rest = escape.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

/// Puts cues in the order of time, the right way round and each longer than nothing.
fn order(cues: &mut [Cue], reading: &mut Reading<'_>) {
    for cue in cues.iter_mut() {
        if cue.end < cue.start {
            std::mem::swap(&mut cue.start, &mut cue.end);
            let message = "the caption ends before it starts; its times were swapped";
            reading.issue_at(cue.line, IssueKind::Corrected, message);
        } else if cue.end == cue.start {
            cue.end = cue.start.saturating_add(1);
            let message = "the caption takes no time; it was given the least there is";
            reading.issue_at(cue.line, IssueKind::Corrected, message);
        }
    }
    let late = cues.windows(2).find_map(|pair| match pair {
        [a, b] if b.start < a.start => Some(b.line),
        _ => None,
    });
    if let Some(line) = late {
        let message = "the captions are not in the order of time; they were put so";
        reading.issue_at(line, IssueKind::Corrected, message);
        cues.sort_by_key(|cue| cue.start);
    }
}

/// The rate of the sequence: what the caller says, or one at which nothing is rounded.
fn rate(cues: &[Cue], reading: &mut Reading<'_>) -> Rate {
    let times: Vec<i64> = cues.iter().flat_map(|cue| [cue.start, cue.end]).collect();
    if let Some(rate) = reading.options.rate {
        let inexact = |time: &&i64| !time::frame_of(**time, rate).is_some_and(|(_, exact)| exact);
        let rounded = times.iter().filter(inexact).count();
        if rounded > 0 {
            let message = format!(
                "{rounded} of {} times lie between frames at {rate}; they were rounded to the \
                 nearest",
                times.len()
            );
            reading.issue(IssueKind::Rounded, message);
        }
        return rate;
    }
    let rate = time::rate_of(&times);
    let message =
        format!("captions say no rate; at {rate} frames a second all their times are exact");
    reading.issue(IssueKind::Guessed, message);
    if !rate.is_standard() {
        let message = "the sequence counts milliseconds, as no editing program does; name a rate";
        reading.issue(IssueKind::NonStandardRate, message);
    }
    rate
}

/// Lays cues on as many tracks as are needed.
fn tracks(kind: Kind, cues: Vec<Cue>, rate: Rate, reading: &mut Reading<'_>) -> Vec<Track> {
    let mut lanes: Vec<(Vec<Item>, i64)> = Vec::new();
    for cue in cues {
        let frame = |millis| time::frame_of(millis, rate).map(|(frame, _)| frame);
        let (Some(start), Some(end)) = (frame(cue.start), frame(cue.end)) else {
            let message = "the caption is later than 64 bits can count; it was left";
            reading.issue_at(cue.line, IssueKind::NotUnderstood, message);
            continue;
        };
        let end = end.max(start.saturating_add(1));
        let free = lanes.iter().position(|(_, until)| *until <= start);
        let index = free.unwrap_or(lanes.len());
        if index >= MAX_OVERLAPS {
            let message = format!("more than {MAX_OVERLAPS} captions at once; this one was left");
            reading.issue_at(cue.line, IssueKind::NotUnderstood, message);
            continue;
        }
        if index == lanes.len() {
            lanes.push((Vec::new(), 0));
        }
        let text = cue.text.trim_end().to_owned();
        let name: String = text.lines().next().unwrap_or_default().chars().take(40).collect();
        let source = ClipSource::Caption(Caption { text });
        let mut clip = Clip::new(
            reading.clock,
            name,
            source,
            MediaTime::zero(rate),
            end.saturating_sub(start),
        );
        clip.id = reading.clip_id(None, &clip.name);
        if let Some(kept) = cue.kept {
            clip.foreign.insert(kind.foreign().into(), kept);
        }
        let Some((items, until)) = lanes.get_mut(index) else { continue };
        if *until < start {
            items.push(Item::Gap(Gap::new(start - *until)));
        }
        items.push(Item::Clip(clip));
        *until = end;
    }
    let lanes = lanes.into_iter().enumerate();
    lanes
        .map(|(index, (items, _))| {
            let name = format!("C{}", index + 1);
            let mut track = Track::new(reading.clock, TrackKind::Caption, name);
            track.id = reading.track_id(None, &track.name);
            track.items = items;
            track
        })
        .collect()
}
