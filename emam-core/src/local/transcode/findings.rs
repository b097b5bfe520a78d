//! From what the detectors wrote to annotations.

use std::path::Path;

use serde_json::json;

use crate::error::Result;
use crate::model::{AnnotationKind, NewAnnotation, Source, Technical};
use crate::time::{MediaTime, Rate, TimeRange};

use super::graph;

/// Black and silence that are shorter than this say nothing, in milliseconds; the same as in the
/// settings of the filters.
const LEAST_BLACK_MS: i64 = 500;

/// What is known when ffmpeg has ended.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    /// The folder ffmpeg ran in.
    pub(crate) folder: &'a Path,
    pub(crate) technical: &'a Technical,
    /// The rate of the picture and how many frames there are.
    pub(crate) picture: Option<(Rate, i64)>,
    pub(crate) loudness: Loudness,
}

/// The annotations for the kinds that were looked for.
///
/// # Errors
/// What reading the detectors' files gives.
pub(crate) fn findings(
    kinds: &[AnnotationKind],
    evidence: &Evidence<'_>,
) -> Result<Vec<NewAnnotation>> {
    let mut found = Vec::new();
    for kind in kinds {
        match kind {
            AnnotationKind::Shot => found.extend(shots(evidence)?),
            AnnotationKind::Black => found.extend(black(evidence)?),
            AnnotationKind::Silence => found.extend(silence(evidence)?),
            AnnotationKind::Loudness => found.extend(evidence.loudness.annotation()),
            _ => {}
        }
    }
    Ok(found)
}

fn annotation(kind: AnnotationKind) -> NewAnnotation {
    let source =
        Source::Service { name: super::SERVICE.to_owned(), model: graph::model(kind), run: None };
    NewAnnotation { source, ..NewAnnotation::new(kind) }
}

/// One find: the frame it was noted at and the value that was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    frame: i64,
    value: String,
}

/// Reads what the filter `metadata=mode=print` wrote: a line `frame:30 pts:30 pts_time:1.2`, then
/// `lavfi.scd.time=1.2`. The frames are counted by the filter, so they are exact where the decimal
/// times, of six digits, are not.
fn notes(text: &str) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut at = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("frame:") {
            at = rest.split_whitespace().next().and_then(|frame| frame.parse().ok());
        } else if let (Some(frame), Some((_, value))) = (at, line.split_once('=')) {
            notes.push(Note { frame, value: value.trim().to_owned() });
        }
    }
    notes
}

fn read(evidence: &Evidence<'_>, file: &str) -> Result<Vec<Note>> {
    let path = evidence.folder.join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(notes(&text)),
        // Media without a frame starts no filter.
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(super::disk("transcoder.findings", cause)),
    }
}

/// Ranges without a cut, which together cover the whole picture.
fn shots(evidence: &Evidence<'_>) -> Result<Vec<NewAnnotation>> {
    let Some((rate, frames)) = evidence.picture.filter(|(_, frames)| *frames > 0) else {
        return Ok(Vec::new());
    };
    let mut cuts: Vec<i64> = read(evidence, graph::SHOTS_FILE)?
        .into_iter()
        .map(|note| note.frame)
        .filter(|frame| (1..frames).contains(frame))
        .collect();
    cuts.push(0);
    cuts.push(frames);
    cuts.sort_unstable();
    cuts.dedup();
    let ranges = cuts.windows(2).map(|pair| TimeRange::from_start_end(pair[0], pair[1], rate));
    ranges
        .enumerate()
        .map(|(number, range)| {
            let name = format!("Shot {}", number + 1);
            Ok(annotation(AnnotationKind::Shot).at(range?).named(name))
        })
        .collect()
}

fn black(evidence: &Evidence<'_>) -> Result<Vec<NewAnnotation>> {
    let Some((rate, frames)) = evidence.picture.filter(|(_, frames)| *frames > 0) else {
        return Ok(Vec::new());
    };
    let starts = read(evidence, graph::BLACK_START_FILE)?;
    let ends = read(evidence, graph::BLACK_END_FILE)?;
    let least = MediaTime::from_micros(LEAST_BLACK_MS * 1_000, rate)?;
    let mut found = Vec::new();
    for start in starts.iter().map(|note| note.frame).filter(|frame| *frame < frames) {
        // Black to the end has no end noted.
        let end = ends.iter().map(|note| note.frame).find(|end| *end > start).unwrap_or(frames);
        let range = TimeRange::from_start_end(start, end.min(frames), rate)?;
        if range.duration_time().cmp_time(&least).is_ge() {
            found.push(annotation(AnnotationKind::Black).at(range).named("Black"));
        }
    }
    Ok(found)
}

/// Ranges without sound, at the rate of the picture where there is one, else in samples.
///
/// Times come as decimal seconds of six digits, so from 1000 s on they are exact to a millisecond
/// and from 10000 s on to a tenth of a second (ffmpeg 5.1; newer ones print more digits).
fn silence(evidence: &Evidence<'_>) -> Result<Vec<NewAnnotation>> {
    let (bounds, shift) = match (evidence.picture, evidence.technical.audio.first()) {
        (Some((rate, frames)), _) => {
            (TimeRange::new(0, frames, rate)?, picture_start(evidence.technical))
        }
        (None, Some(audio)) => {
            let rate = Rate::new(audio.sample_rate, 1)?;
            let length = crate::local::probe::length(evidence.technical)
                .map_or(Ok(MediaTime::zero(rate)), |length| length.rescale_nearest(rate))?;
            (TimeRange::new(0, length.value(), rate)?, 0)
        }
        (None, None) => return Ok(Vec::new()),
    };
    let rate = bounds.rate();
    // Microseconds from the start of the file, to frames from the first frame.
    let micros = |note: &Note| {
        let per_second = Rate::new(1_000_000, 1).ok()?;
        let time = MediaTime::from_decimal_seconds(&note.value, per_second).ok()?;
        time.value().checked_sub(shift)
    };
    let starts = read(evidence, graph::SILENCE_START_FILE)?;
    let ends: Vec<i64> =
        read(evidence, graph::SILENCE_END_FILE)?.iter().filter_map(micros).collect();
    let mut found = Vec::new();
    for start in starts.iter().filter_map(micros) {
        let end = ends.iter().copied().find(|end| *end > start);
        let start = MediaTime::from_micros(start.max(0), rate)?.value();
        let end = match end {
            Some(end) => MediaTime::from_micros(end.max(0), rate)?.value(),
            None => bounds.end(),
        };
        let (start, end) = (start.min(bounds.end()), end.min(bounds.end()));
        if start < end {
            let range = TimeRange::from_start_end(start, end, rate)?;
            found.push(annotation(AnnotationKind::Silence).at(range).named("Silence"));
        }
    }
    Ok(found)
}

/// How long after the start of the file the first frame is shown, in microseconds, as ffprobe's
/// reply has it.
fn picture_start(technical: &Technical) -> i64 {
    let micros = |value: &serde_json::Value| {
        let rate = Rate::new(1_000_000, 1).ok()?;
        MediaTime::from_decimal_seconds(value.as_str()?, rate).ok().map(MediaTime::value)
    };
    let stream = technical.video.first().and_then(|video| {
        let streams = technical.raw.get("streams")?.as_array()?;
        let index = u64::from(video.index);
        streams.iter().find(|stream| stream["index"].as_u64() == Some(index))
    });
    let start = stream.and_then(|stream| micros(&stream["start_time"]));
    let file = micros(&technical.raw["format"]["start_time"]);
    start.unwrap_or(0).saturating_sub(file.unwrap_or(0)).max(0)
}

/// The figures of EBU R 128, read line by line from the summary the filter logs when it ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Loudness {
    section: Option<&'static str>,
    integrated_lufs: Option<f64>,
    range_lu: Option<f64>,
    threshold_lufs: Option<f64>,
    low_lufs: Option<f64>,
    high_lufs: Option<f64>,
}

impl Loudness {
    /// Takes a line of ffmpeg's log; all but those of the summary are passed over.
    pub(crate) fn take(&mut self, line: &str) {
        let line = line.trim();
        match line {
            "Integrated loudness:" => self.section = Some("integrated"),
            "Loudness range:" => self.section = Some("range"),
            _ => {}
        }
        let Some(section) = self.section else { return };
        let Some((name, value)) = line.split_once(':') else { return };
        let number = value.split_whitespace().next().and_then(|value| value.parse::<f64>().ok());
        let number = number.filter(|number| number.is_finite());
        match (section, name) {
            ("integrated", "I") => self.integrated_lufs = number,
            ("integrated", "Threshold") => self.threshold_lufs = number,
            ("range", "LRA") => self.range_lu = number,
            ("range", "LRA low") => self.low_lufs = number,
            ("range", "LRA high") => self.high_lufs = number,
            _ => {}
        }
    }

    fn annotation(&self) -> Option<NewAnnotation> {
        let integrated = self.integrated_lufs?;
        let mut loudness = annotation(AnnotationKind::Loudness)
            .named("Loudness")
            .saying(format!("{integrated:.1} LUFS"));
        loudness.data = json!({
            "integrated_lufs": integrated,
            "range_lu": self.range_lu,
            "threshold_lufs": self.threshold_lufs,
            "range_low_lufs": self.low_lufs,
            "range_high_lufs": self.high_lufs,
        });
        Some(loudness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::transcode::compile::tests::video;

    const SUMMARY: &str = "\
[Parsed_ebur128_19 @ 0x7f6b94037000] [info] Summary:

  Integrated loudness:
    I:         -23.1 LUFS
    Threshold: -44.4 LUFS

  Loudness range:
    LRA:         3.2 LU
    Threshold: -53.8 LUFS
    LRA low:   -35.9 LUFS
    LRA high:  -32.7 LUFS
";

    fn evidence<'a>(folder: &'a Path, technical: &'a Technical) -> Evidence<'a> {
        let picture = technical.video.first().map(|video| (video.rate.unwrap(), 100));
        Evidence { folder, technical, picture, loudness: Loudness::default() }
    }

    fn ranges(found: &[NewAnnotation]) -> Vec<(i64, i64)> {
        found.iter().filter_map(|one| one.range).map(|one| (one.start(), one.end())).collect()
    }

    #[test]
    fn shots_cover_everything_and_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        let technical = video(25, 100);
        let evidence = evidence(folder.path(), &technical);
        let whole = findings(&[AnnotationKind::Shot], &evidence).unwrap();
        assert_eq!(ranges(&whole), [(0, 100)], "without a cut there is one shot");

        let text = "frame:30   pts:30      pts_time:1.2\nlavfi.scd.time=1.2\n\
                    frame:0    pts:0       pts_time:0\nlavfi.scd.time=0\n\
                    frame:100  pts:100     pts_time:4\nlavfi.scd.time=4\n";
        std::fs::write(folder.path().join(graph::SHOTS_FILE), text).unwrap();
        let cut = findings(&[AnnotationKind::Shot], &evidence).unwrap();
        assert_eq!(ranges(&cut), [(0, 30), (30, 100)]);
        assert_eq!(cut[1].name, "Shot 2");
        let Source::Service { name, model, run: None } = &cut[0].source else { panic!() };
        assert_eq!((name.as_str(), model.as_str()), ("ffmpeg", "scdet t=10"));
    }

    #[test]
    fn black_ends_with_the_picture_and_is_not_short() {
        let folder = tempfile::tempdir().unwrap();
        let technical = video(25, 100);
        let starts = "frame:10 pts:10 pts_time:0.4\nlavfi.black_start=0.4\n\
                      frame:30 pts:30 pts_time:1.2\nlavfi.black_start=1.2\n\
                      frame:80 pts:80 pts_time:3.2\nlavfi.black_start=3.2\n";
        let ends = "frame:15 pts:15 pts_time:0.6\nlavfi.black_end=0.6\n\
                    frame:50 pts:50 pts_time:2\nlavfi.black_end=2\n";
        std::fs::write(folder.path().join(graph::BLACK_START_FILE), starts).unwrap();
        std::fs::write(folder.path().join(graph::BLACK_END_FILE), ends).unwrap();
        let found = findings(&[AnnotationKind::Black], &evidence(folder.path(), &technical));
        assert_eq!(ranges(&found.unwrap()), [(30, 50), (80, 100)]);
    }

    #[test]
    fn silence_is_told_from_the_first_frame_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut technical = video(25, 100);
        let starts = "frame:18 pts:18432 pts_time:0.384\nlavfi.silence_start=0\n\
                      frame:71 pts:72704 pts_time:1.51467\nlavfi.silence_start=1.12\n";
        let ends = "frame:29 pts:29696 pts_time:0.618667\nlavfi.silence_end=0.64\n";
        std::fs::write(folder.path().join(graph::SILENCE_START_FILE), starts).unwrap();
        std::fs::write(folder.path().join(graph::SILENCE_END_FILE), ends).unwrap();
        let kinds = [AnnotationKind::Silence];
        let found = findings(&kinds, &evidence(folder.path(), &technical)).unwrap();
        assert_eq!(ranges(&found), [(0, 16), (28, 100)]);

        technical.raw = json!({
            "streams": [{"index": 0, "start_time": "0.120000"}],
            "format": {"start_time": "0.040000"}
        });
        let found = findings(&kinds, &evidence(folder.path(), &technical)).unwrap();
        assert_eq!(ranges(&found), [(0, 14), (26, 100)], "the picture begins 0.08 s late");

        technical.video.clear();
        let found = findings(&kinds, &evidence(folder.path(), &technical)).unwrap();
        assert_eq!(ranges(&found), [(0, 30_720)], "1.12 s is past the second of sound there is");
    }

    #[test]
    fn loudness_is_read_from_the_summary() {
        let mut loudness = Loudness::default();
        loudness.take("    I:         -99.9 LUFS");
        assert_eq!(loudness.annotation(), None, "only the summary counts");
        for line in SUMMARY.lines() {
            loudness.take(line);
        }
        let found = loudness.annotation().unwrap();
        assert_eq!((found.text.as_str(), found.range), ("-23.1 LUFS", None));
        assert_eq!(found.data["integrated_lufs"], json!(-23.1));
        assert_eq!(found.data["range_lu"], json!(3.2));
        assert_eq!(found.data["threshold_lufs"], json!(-44.4));
        assert_eq!(found.data["range_low_lufs"], json!(-35.9));
    }
}
