//! Caption tracks as cues.

use super::{ARROW, Kind, time};
use crate::error::{Error, Result};
use crate::model::{Clip, ClipSource, Sequence, TrackKind};
use crate::timeline::format::{Document, WriteOptions, Written};
use crate::timeline::track::placed;
use crate::timeline::{Issue, IssueKind};

/// A cue to be written, in milliseconds.
struct Cue<'s> {
    start: i64,
    end: i64,
    clip: &'s Clip,
    text: &'s str,
}

pub(in crate::timeline::format) fn write(
    kind: Kind,
    document: &Document,
    _: &WriteOptions,
) -> Result<Written> {
    let sequence = document.main()?;
    let mut issues = Vec::new();
    let cues = cues(sequence, &mut issues)?;
    let mut text = String::with_capacity(100 * cues.len() + 100);
    let kept = sequence.foreign.get(kind.foreign()).map(String::as_str).unwrap_or_default();
    if kind == Kind::Vtt {
        text.push_str(if kept.starts_with("WEBVTT") { "" } else { "WEBVTT" });
        if !kept.is_empty() {
            text.push_str(if kept.starts_with("WEBVTT") { "" } else { "\n\n" });
            text.push_str(&blocks(kept));
        }
        text.push('\n');
    }
    for (index, cue) in cues.iter().enumerate() {
        let kept = cue.clip.foreign.get(kind.foreign()).map(String::as_str).unwrap_or_default();
        let (before, settings) = match kept.rsplit_once(ARROW) {
            Some((before, settings)) if !settings.contains('\n') => (before, settings.trim()),
            _ => ("", ""),
        };
        match kind {
            Kind::Srt => {
                if index > 0 {
                    text.push('\n');
                }
                text.push_str(&(index + 1).to_string());
                text.push('\n');
            }
            Kind::Vtt => {
                text.push('\n');
                text.push_str(&before.replace(ARROW, "->"));
                if !before.is_empty() && !before.ends_with('\n') {
                    text.push('\n');
                }
            }
        }
        time::print(&mut text, cue.start, kind);
        text.push_str(" --> ");
        time::print(&mut text, cue.end, kind);
        if !settings.is_empty() {
            text.push(' ');
            text.push_str(settings);
        }
        text.push('\n');
        words(kind, cue, &mut text, &mut issues);
    }
    Ok(Written::one(text, issues))
}

/// What is kept of a file, without empty lines in a block, and none at its end.
fn blocks(kept: &str) -> String {
    kept.trim().replace(ARROW, "->")
}

/// The captions of a sequence in the order of time.
fn cues<'s>(sequence: &'s Sequence, issues: &mut Vec<Issue>) -> Result<Vec<Cue<'s>>> {
    let mut cues = Vec::new();
    let mut others = 0;
    for track in &sequence.tracks {
        if track.kind != TrackKind::Caption {
            others += 1;
            continue;
        }
        let mut left = |clip: Option<&Clip>, message: String| {
            let issue = Issue::new(IssueKind::NotCarried, message).on_track(track.id);
            issues.push(Issue { clip: clip.map(|clip| clip.id), ..issue });
        };
        if !track.enabled {
            left(None, format!("track {:?} is switched off, so it was left out", track.name));
            continue;
        }
        for (at, item) in placed(&track.items) {
            let Some(clip) = item.as_clip() else { continue };
            let ClipSource::Caption(caption) = &clip.source else {
                left(Some(clip), format!("clip {:?} has no words to be read", clip.name));
                continue;
            };
            if !clip.enabled {
                left(Some(clip), format!("caption {:?} is switched off", clip.name));
                continue;
            }
            let millis = |frame| {
                time::millis_of(frame, sequence.rate).ok_or_else(|| {
                    let message = "a caption is later than 64 bits can count in milliseconds";
                    Error::invalid("timeline.write", message).with("clip", clip.id)
                })
            };
            let start = millis(at)?;
            // At more than 1000 frames a second a caption may be shorter than can be said.
            let end = millis(at.saturating_add(clip.duration))?.max(start.saturating_add(1));
            cues.push(Cue { start, end, clip, text: &caption.text });
        }
    }
    cues.sort_by_key(|cue| cue.start);
    if others > 0 {
        let message =
            format!("captions hold no picture and no sound: {others} tracks are not in them");
        issues.push(Issue::new(IssueKind::NotCarried, message));
    }
    if cues.is_empty() {
        let message = "the sequence has no captions; make them from its speech first";
        issues.push(Issue::new(IssueKind::NotCarried, message));
    }
    Ok(cues)
}

/// Writes the words of a cue: no line of them empty, and none like the times of another cue.
fn words(kind: Kind, cue: &Cue<'_>, text: &mut String, issues: &mut Vec<Issue>) {
    let mut changed = cue.text.ends_with('\n');
    for line in cue.text.split('\n') {
        let line = line.trim_end();
        // A control character at the end leaves a blank there.
        let clean = line.replace(|c: char| c.is_control() && c != '\t', " ");
        let clean = clean.trim_end();
        changed |= clean != line;
        if clean.is_empty() {
            changed |= !cue.text.is_empty();
            continue;
        }
        match kind {
            Kind::Vtt => text.push_str(&escaped(clean)),
            Kind::Srt if clean.contains(ARROW) => {
                changed = true;
                text.push_str(&clean.replace(ARROW, "->"));
            }
            Kind::Srt => text.push_str(clean),
        }
        text.push('\n');
    }
    if changed {
        let message = format!(
            "the words of caption {:?} were changed: captions hold no empty lines, no control \
             characters, and in .srt no arrow",
            cue.clip.name
        );
        issues.push(Issue::new(IssueKind::NotCarried, message).of_clip(cue.clip.id));
    }
}

/// Text as WebVTT takes it: tags as they are, other `<` and every `&` that is no escape escaped.
fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for (at, character) in line.char_indices() {
        let rest = line.get(at + character.len_utf8()..).unwrap_or_default();
        match character {
            '<' if !opens_tag(rest) => text.push_str("&lt;"),
            '&' if is_escape(rest) => text.push('&'),
            '&' => text.push_str("&amp;"),
            '>' if text.ends_with("--") => text.push_str("&gt;"),
            character => text.push(character),
        }
    }
    text
}

/// Whether what stands after a `<` makes a tag of it: `i>`, `/i>`, `00:01.000>`.
pub(super) fn opens_tag(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
}

/// Whether what stands after an `&` makes it the escape of a `<` that is no tag, or would without
/// an escape of its own: `lt;i>`, `amp;lt;i>`.
pub(super) fn is_escape(mut rest: &str) -> bool {
    while let Some(after) = rest.strip_prefix("amp;") {
        rest = after;
    }
    rest.strip_prefix("lt;").is_some_and(opens_tag)
}
