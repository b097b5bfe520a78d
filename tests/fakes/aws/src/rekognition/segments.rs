//! Shots and technical cues, in the service's shapes and exact to the frame.

use serde_json::{Value, json};

use crate::measure::{Cuts, VideoStream};
use crate::truth::CueFact;

/// The least confidence of a segment when the caller names none.
const DEFAULT_CONFIDENCE: f64 = 50.0;

/// How the frames of a video are counted.
#[derive(Debug, Clone, Copy)]
struct Frames {
    rate: (u64, u64),
    count: u64,
}

impl Frames {
    fn at(self, seconds: f64) -> u64 {
        let frames = seconds * self.rate.0 as f64 / self.rate.1 as f64;
        (frames.round() as u64).min(self.count)
    }

    fn millis(self, frame: u64) -> u64 {
        (frame * self.rate.1 * 1000 + self.rate.0 / 2) / self.rate.0
    }

    /// `HH:MM:SS:FF`, or `HH:MM:SS;FF` in the drop-frame count of 29.97 and 59.94.
    fn timecode(self, frame: u64) -> String {
        let base = self.rate.0.div_ceil(self.rate.1);
        let drop = self.rate.1 == 1001 && base.is_multiple_of(30);
        let mut number = frame;
        if drop {
            let per_minute = base * 60 - base / 15;
            let per_ten = base * 600 - base / 15 * 9;
            let (tens, rest) = (frame / per_ten, frame % per_ten);
            number += tens * 9 * (base / 15);
            if rest >= base / 15 {
                number += (rest - base / 15) / per_minute * (base / 15);
            }
        }
        let seconds = number / base;
        let separator = if drop { ';' } else { ':' };
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        format!("{hours:02}:{minutes:02}:{:02}{separator}{:02}", seconds % 60, number % base)
    }

    fn segment(self, kind: &str, start: u64, end: u64) -> Value {
        json!({
            "Type": kind,
            "StartTimestampMillis": self.millis(start),
            "EndTimestampMillis": self.millis(end),
            "DurationMillis": self.millis(end) - self.millis(start),
            "StartTimecodeSMPTE": self.timecode(start),
            "EndTimecodeSMPTE": self.timecode(end),
            "DurationSMPTE": self.timecode(end - start),
            "StartFrameNumber": start,
            "EndFrameNumber": end,
            "DurationFrames": end - start,
        })
    }
}

/// The segments that the caller of `StartSegmentDetection` asked for, technical cues first.
pub(super) fn segments(
    input: &Value,
    video: &VideoStream,
    duration_ms: u64,
    cuts: &Cuts,
    cues: &[CueFact],
) -> Vec<Value> {
    let mut frames = Frames { rate: video.rate, count: u64::MAX };
    frames.count = frames.at(duration_ms as f64 / 1000.0);
    let asked = |kind: &str| {
        let kinds = input["SegmentTypes"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|k| k == kind))
    };
    let least = |filter: &str| {
        let at = format!("/Filters/{filter}/MinSegmentConfidence");
        input.pointer(&at).and_then(Value::as_f64).unwrap_or(DEFAULT_CONFIDENCE)
    };
    let mut found = Vec::new();
    if asked("TECHNICAL_CUE") {
        found.extend(technical(frames, cuts, cues, least("TechnicalCueFilter")));
    }
    if asked("SHOT") {
        found.extend(shots(frames, cuts, least("ShotFilter")));
    }
    found
}

fn technical(frames: Frames, cuts: &Cuts, cues: &[CueFact], least: f64) -> Vec<Value> {
    let mut found: Vec<(u64, u64, &str, f64)> = Vec::new();
    // A segment ends with its own last frame. What ends with the file is told by ffmpeg to end at
    // the last frame, what ends before at the first frame after it.
    let last = frames.count.saturating_sub(1);
    let end = |seconds| match frames.at(seconds) {
        end if end >= last => last,
        end => end.saturating_sub(1),
    };
    for &(start, until) in &cuts.black {
        found.push((frames.at(start), end(until), "BlackFrames", 100.0));
    }
    for cue in cues {
        let (start, until) = (cue.start_ms as f64 / 1000.0, cue.end_ms as f64 / 1000.0);
        found.push((frames.at(start), end(until), &cue.kind, cue.confidence));
    }
    found.retain(|cue| cue.3 >= least && cue.0 < cue.1);
    found.sort_by_key(|cue| cue.0);
    let told = found.into_iter().map(|(start, end, kind, confidence)| {
        let mut segment = frames.segment("TECHNICAL_CUE", start, end);
        segment["TechnicalCueSegment"] = json!({"Type": kind, "Confidence": confidence});
        segment
    });
    told.collect()
}

/// From one cut to the frame before the next. How sure a shot is follows from how much the
/// picture changes where it begins: 50 for no change, 100 for a change by half or more.
fn shots(frames: Frames, cuts: &Cuts, least: f64) -> Vec<Value> {
    let mut starts = vec![(0, 100.0)];
    for &(time, score) in &cuts.cuts {
        let start = frames.at(time);
        let confidence = (50.0 + score).clamp(50.0, 100.0);
        if start > 0 && start < frames.count && confidence >= least {
            starts.push((start, confidence));
        }
    }
    let ends = starts.iter().skip(1).map(|(start, _)| start - 1);
    let ends: Vec<_> = ends.chain([frames.count.saturating_sub(1)]).collect();
    let told = starts.iter().zip(ends).enumerate().map(|(index, ((start, confidence), end))| {
        let mut segment = frames.segment("SHOT", *start, end.max(*start));
        segment["ShotSegment"] = json!({"Index": index, "Confidence": confidence});
        segment
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timecode_counts_dropped_frames() {
        let drop = Frames { rate: (30_000, 1001), count: u64::MAX };
        // SMPTE ST 12-1: numbers 0 and 1 are left out in each minute but every tenth.
        assert_eq!(drop.timecode(1799), "00:00:59;29");
        assert_eq!(drop.timecode(1800), "00:01:00;02");
        assert_eq!(drop.timecode(17_982), "00:10:00;00");
        let pal = Frames { rate: (25, 1), count: u64::MAX };
        assert_eq!(pal.timecode(90_001), "01:00:00:01");
    }

    #[test]
    fn a_cue_ends_with_its_own_last_frame() {
        let frames = Frames { rate: (25, 1), count: 150 };
        let cuts = Cuts { cuts: vec![], black: vec![(1.0, 2.0), (5.0, 5.96)] };
        let bars =
            CueFact { kind: "ColorBars".into(), confidence: 60.0, start_ms: 0, end_ms: 1000 };
        let told = |least| -> Vec<_> {
            let told = technical(frames, &cuts, std::slice::from_ref(&bars), least);
            told.iter()
                .map(|s| (s["StartFrameNumber"].as_u64(), s["EndFrameNumber"].as_u64()))
                .collect()
        };
        let black = [(Some(25), Some(49)), (Some(125), Some(149))];
        assert_eq!(told(50.0), [&[(Some(0), Some(24))], &black[..]].concat());
        assert_eq!(told(70.0), black);
    }

    #[test]
    fn a_shot_ends_one_frame_before_the_next() {
        let frames = Frames { rate: (25, 1), count: 150 };
        let cuts = Cuts { cuts: vec![(3.0, 40.0), (5.0, 2.0)], black: vec![] };
        let told = shots(frames, &cuts, 60.0);
        let spans: Vec<_> = told
            .iter()
            .map(|s| (s["StartFrameNumber"].as_u64(), s["EndFrameNumber"].as_u64()))
            .collect();
        assert_eq!(spans, [(Some(0), Some(74)), (Some(75), Some(149))]);
    }
}
