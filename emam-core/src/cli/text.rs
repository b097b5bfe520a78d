//! Records in words, for people.

use std::fmt::Write;

use serde::Serialize;

use crate::backend::catalog::Hit;
use crate::library::ArchivePlan;
use crate::model::{Asset, Event, Rendition, Run};
use crate::time::MediaTime;

/// The name of a kind or state as JSON has it.
pub(super) fn word(name: impl Serialize) -> String {
    match serde_json::to_value(name) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "-".to_owned(),
    }
}

/// `5.3 s`, `12:03`, `1:02:03`.
pub(super) fn length(time: MediaTime) -> String {
    let (num, den) = time.seconds();
    match num / den {
        seconds @ 0..60 => format!("{}.{} s", seconds, (num * 10 / den) % 10),
        seconds @ 60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        seconds => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// `999 bytes`, `1.2 MB`.
pub(super) fn size(bytes: u64) -> String {
    let mut unit = 1000;
    for name in ["kB", "MB", "GB"] {
        if (unit..unit * 1000).contains(&bytes) {
            return format!("{}.{} {name}", bytes / unit, bytes * 10 / unit % 10);
        }
        unit *= 1000;
    }
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        _ => format!("{}.{} TB", bytes / unit, bytes * 10 / unit % 10),
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: impl Into<u64>, what: &str) -> String {
    let number = number.into();
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `0.4 s`, `5 min`, `3 h`, `2 days`.
pub(super) fn wait(milliseconds: u64) -> String {
    match milliseconds / 1000 {
        0..120 => format!("{}.{} s", milliseconds / 1000, milliseconds / 100 % 10),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// An asset on a line.
pub(super) fn asset(asset: &Asset) -> String {
    let media = asset.media.as_ref();
    let length = media.and_then(|media| media.duration).map(length).unwrap_or_default();
    format!(
        "{}  {:<8} {:<10} {length:>8}  {}",
        asset.id,
        word(asset.kind),
        word(asset.lifecycle),
        asset.title
    )
}

/// A hit: its asset, and its moments below it.
pub(super) fn hit(hit: &Hit) -> String {
    let mut text = asset(&hit.asset);
    for moment in &hit.moments {
        let when = moment.range.map_or_else(
            || "all of it".to_owned(),
            |range| format!("{} to {}", length(range.start_time()), length(range.end_time())),
        );
        let _ = write!(text, "\n    {when:<20} {:<9} {}", moment.kind.as_str(), moment.snippet);
    }
    text
}

/// An asset with all that is worth knowing at a glance.
pub(super) fn whole(asset: &Asset, renditions: &[Rendition], availability: &str) -> String {
    let mut text = asset.title.clone();
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = write!(text, "\n  {name:<13} {value}");
        }
    };
    row("id", asset.id.to_string());
    row("kind", word(asset.kind));
    row("lifecycle", word(asset.lifecycle));
    row("availability", availability.to_owned());
    row("file", asset.file_name.clone());
    row("description", asset.description.clone());
    row("tags", asset.tags.join(", "));
    row("rating", asset.rating.map(|rating| rating.to_string()).unwrap_or_default());
    if let Some(media) = &asset.media {
        row("size", size(media.size));
        row("md5", media.md5.clone().unwrap_or_default());
        let picture = match (media.width, media.height) {
            (Some(width), Some(height)) => format!("{width}x{height}"),
            _ => String::new(),
        };
        let rate = media.rate.map(|rate| format!("{rate} fps")).unwrap_or_default();
        let codec = media.video_codec.clone().unwrap_or_default();
        row("picture", [codec, picture, rate].join(" ").trim().to_owned());
        let channels = match media.audio_channels {
            0 => String::new(),
            count => format!("{count} channels"),
        };
        let codec = media.audio_codec.clone().unwrap_or_default();
        row("sound", [codec, channels].join(" ").trim().to_owned());
        row("length", media.duration.map(length).unwrap_or_default());
        let timecode = media.start_timecode.map(|start| start.to_string());
        row("timecode", timecode.unwrap_or_default());
    }
    if let Some(failure) = &asset.failure {
        row("failure", failure.message.clone());
    }
    row("made", asset.created_at.to_string());
    for rendition in renditions {
        let files = &rendition.instances;
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        let mut states: Vec<_> = files.iter().map(|file| file.state.as_str()).collect();
        states.dedup();
        let count = count(files.len() as u64, "file");
        row(rendition.role.as_str(), format!("{count}, {}, {}", size(bytes), states.join(" and ")));
    }
    text
}

/// A run on a line.
pub(super) fn run(run: &Run) -> String {
    let what = match (&run.failure, &run.progress) {
        (Some(failure), _) => format!("{}: {}", failure.step, failure.error.message),
        (None, Some(progress)) if !run.state.is_final() => {
            format!("{} {:.0} %", progress.step, progress.fraction * 100.0)
        }
        _ => String::new(),
    };
    let asset = run.asset.map_or_else(|| "-".to_owned(), |asset| asset.to_string());
    let line =
        format!("{}  {:<8} {:<10} {asset}  {what}", run.id, run.kind.as_str(), run.state.as_str());
    line.trim_end().to_owned()
}

/// A run with its steps.
pub(super) fn steps(record: &Run) -> String {
    let mut text = run(record);
    for step in &record.steps {
        let _ = write!(text, "\n    {:<10} {}", word(step.state), step.name);
        if step.attempts > 1 {
            let _ = write!(text, ", {} attempts", step.attempts);
        }
        if let Some(error) = &step.error {
            let _ = write!(text, ": {}", error.message);
        }
    }
    text
}

/// An event on a line.
pub(super) fn event(event: &Event) -> String {
    format!("{:>6}  {}  {:<20} {}", event.seq, event.at, event.topic.as_str(), event.subject)
}

/// A plan: what would be moved, what not, what it takes.
pub(super) fn plan(plan: &ArchivePlan) -> String {
    let mut text = String::new();
    for item in &plan.items {
        let what = match &item.passed_over {
            Some(reason) => format!("not moved: {reason}"),
            None => size(item.bytes),
        };
        let _ = writeln!(text, "{}  {what}", item.asset);
    }
    let quote = &plan.quote;
    let cost = quote.cost_usd.map(|cost| format!(", {cost:.2} US dollars")).unwrap_or_default();
    let _ = write!(
        text,
        "{}, {}, done in about {}{cost}",
        count(quote.items, "file"),
        size(quote.bytes),
        wait(quote.eta_ms)
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunState;
    use crate::time::Rate;

    #[test]
    fn sizes_are_short() {
        let all = [0, 999, 1000, 1_250_000, 999_999_999, 5_000_000_000, 7_300_000_000_000];
        let shown = all.map(size);
        let wanted = ["0 bytes", "999 bytes", "1.0 kB", "1.2 MB", "999.9 MB", "5.0 GB", "7.3 TB"];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn times_are_short() {
        let shown =
            [0, 132, 1500, 90_075].map(|frames| length(MediaTime::new(frames, Rate::FPS_25)));
        assert_eq!(shown, ["0.0 s", "5.2 s", "1:00", "1:00:03"]);
        assert_eq!(
            [400, 120_000, 7_200_000, 172_800_000].map(wait),
            ["0.4 s", "2 min", "2 h", "2 days"]
        );
    }

    #[test]
    fn names_are_those_of_json() {
        assert_eq!(word(RunState::Waiting), "waiting");
    }
}
