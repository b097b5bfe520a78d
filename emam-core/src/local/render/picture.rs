//! The pictures of a piece as a filter graph.
//!
//! Every frame is placed by its number: an input begins with the wanted frame (half a frame before
//! it is where the input is sought), frames are counted from there, and each is given the number of
//! the first frame of the output that shows it. Then `fps` repeats frames until the next one and
//! passes over those that are never shown.

use std::ffi::OsString;

use super::{add, frames_text, seconds};
use crate::backend::{PieceJob, RenderMedia};
use crate::error::{Error, ErrorKind, Result};
use crate::local::tools::{media_input, picture_input};
use crate::model::{FieldOrder, VideoStream};
use crate::time::{Rate, Timecode};
use crate::timeline::conform::{Dissolve, FrameMap, Layer, Segment, Shot, Step, shots};

/// How long before a frame of media whose rate varies it is begun to be read.
const LEAD_SECONDS: i64 = 5;

/// Text files by name.
type Names = Vec<(String, String)>;

/// The chains, which end in `[v]`, and the text files they read.
pub(super) fn graph(
    job: &PieceJob,
    arguments: &mut Vec<OsString>,
    inputs: &mut usize,
) -> Result<(Names, Vec<String>)> {
    let mut graph =
        Graph { job, arguments, inputs, chains: Vec::new(), names: Vec::new(), labels: 0 };
    let mut parts = Vec::new();
    for segment in job.plan.segments_of(job.piece) {
        parts.push(graph.segment(&segment)?);
    }
    let joined = match parts.as_slice() {
        [] | [_] => parts.concat(),
        parts => {
            let label = graph.label();
            graph.chains.push(format!(
                "{}concat=n={}:v=1:a=0,{},setpts=N{label}",
                parts.concat(),
                parts.len(),
                graph.base()
            ));
            label
        }
    };
    let mut last = format!("{joined}fps=fps={}:round=near", job.plan.rate);
    if job.settings.burn_in.timecode {
        last += &format!(",{}", timecode(job)?);
    }
    graph.chains.push(format!("{last},format={}[v]", job.settings.format.pixels()));
    Ok((graph.names, graph.chains))
}

struct Graph<'a> {
    job: &'a PieceJob,
    arguments: &'a mut Vec<OsString>,
    inputs: &'a mut usize,
    chains: Vec<String>,
    names: Names,
    labels: usize,
}

/// Frames of the plan.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: i64,
    frames: i64,
}

impl Graph<'_> {
    fn label(&mut self) -> String {
        self.labels += 1;
        format!("[l{}]", self.labels)
    }

    /// Puts time in frames of the plan.
    fn base(&self) -> String {
        let rate = self.job.plan.rate;
        format!("settb=expr={}/{}", rate.den(), rate.num())
    }

    fn segment(&mut self, segment: &Segment) -> Result<String> {
        let span = Span { start: segment.start, frames: segment.frames };
        let seen = self.stack(&segment.layers, span, None)?;
        if !self.job.settings.burn_in.name {
            return Ok(seen);
        }
        let mut name = None;
        shots(&segment.layers, &mut |shot| name = Some(shot.name.clone()));
        let Some(name) = name else { return Ok(seen) };
        let file = format!("{}-{}.txt", self.job.name, self.names.len());
        self.names.push((file.clone(), name));
        let label = self.label();
        let text = drawn(&format!("expansion=none:textfile={file}"), "h/20");
        self.chains.push(format!("{seen}{text}{label}"));
        Ok(label)
    }

    /// Layers over each other, over `behind` or over black.
    fn stack(&mut self, layers: &[Layer], span: Span, behind: Option<String>) -> Result<String> {
        let opaque = |layer: &Layer| matches!(layer, Layer::Shot(shot) if !shot.alpha);
        let first = layers.iter().rposition(opaque).unwrap_or(0);
        let mut seen = behind;
        for layer in layers.get(first..).unwrap_or_default() {
            seen = Some(self.layer(layer, span, seen)?);
        }
        Ok(match seen {
            Some(seen) => seen,
            None => self.black(span.frames),
        })
    }

    fn layer(&mut self, layer: &Layer, span: Span, behind: Option<String>) -> Result<String> {
        match layer {
            Layer::Shot(shot) if shot.alpha => {
                let behind = match behind {
                    Some(behind) => behind,
                    None => self.black(span.frames),
                };
                let front = self.shot(shot, span)?;
                let label = self.label();
                let base = self.base();
                self.chains
                    .push(format!("{behind}{front}overlay=format=auto,{base},setpts=N{label}"));
                Ok(label)
            }
            Layer::Shot(shot) => self.shot(shot, span),
            Layer::Dissolve(dissolve) => self.dissolve(dissolve, span, behind),
        }
    }

    fn dissolve(
        &mut self,
        dissolve: &Dissolve,
        span: Span,
        behind: Option<String>,
    ) -> Result<String> {
        let needs = |layers: &[Layer]| {
            !layers.iter().any(|layer| matches!(layer, Layer::Shot(shot) if !shot.alpha))
        };
        let (left, right) = (needs(&dissolve.from), needs(&dissolve.to));
        let (one, two) = match behind {
            None => (None, None),
            Some(behind) if left && right => {
                let (one, two) = (self.label(), self.label());
                self.chains.push(format!("{behind}split{one}{two}"));
                (Some(one), Some(two))
            }
            Some(behind) if left => (Some(behind), None),
            Some(behind) if right => (None, Some(behind)),
            Some(behind) => {
                self.chains.push(format!("{behind}nullsink"));
                (None, None)
            }
        };
        let from = self.stack(&dissolve.from, span, one)?;
        let to = self.stack(&dissolve.to, span, two)?;
        // `xfade` mixes by time from its first frame on, which shows only one picture: that frame
        // and those before the span are put in front and taken away again.
        let ahead = span.start - dissolve.start + 1;
        let pad = format!(
            "tpad=start={ahead}:start_mode=clone:stop=2:stop_mode=clone,{},setpts=N",
            self.base()
        );
        let (a, b, label) = (self.label(), self.label(), self.label());
        self.chains.push(format!("{from}{pad}{a}"));
        self.chains.push(format!("{to}{pad}{b}"));
        self.chains.push(format!(
            "{a}{b}xfade=transition=fade:duration={}:offset=0,\
             trim=start_frame={ahead}:end_frame={},{},setpts=N,format={}{label}",
            frames_text(dissolve.frames + 1, self.job.plan.rate),
            ahead + span.frames,
            self.base(),
            self.job.settings.format.pixels(),
        ));
        Ok(label)
    }

    fn black(&mut self, frames: i64) -> String {
        let label = self.label();
        let settings = &self.job.settings;
        self.chains.push(format!(
            "color=c=black:s={}x{}:r={},format={},trim=end_frame={frames},{},setpts=N,setsar=1{label}",
            settings.width,
            settings.height,
            self.job.plan.rate,
            settings.format.pixels(),
            self.base(),
        ));
        label
    }

    fn shot(&mut self, shot: &Shot, span: Span) -> Result<String> {
        let media = self.job.sources.get(&shot.source).ok_or_else(|| lost(shot))?;
        let last_frame = span.start + span.frames - 1;
        let (begin, end) = (shot.at(span.start), shot.at(last_frame));
        let (low, high) = (begin.min(end), begin.max(end));
        let settings = &self.job.settings;

        let mut chain = String::new();
        let size = (settings.width, settings.height);
        match media.technical.video.first() {
            Some(video) => chain += &self.moving(media, video, shot.rate, low, high),
            None => {
                let input = self.input(picture_input(&media.path), None);
                chain += &format!("[{input}:v]trim=end_frame=1");
            }
        }
        let shown =
            media.technical.video.first().map(VideoStream::shown_size).or_else(|| {
                media.technical.picture.as_ref().map(crate::model::Picture::shown_size)
            });
        let stored = media.technical.video.first().map(|video| (video.width, video.height));
        chain += &fitted(shown.unwrap_or(size), stored, size);
        let pixels = match shot.alpha {
            true => settings.format.pixels_with_alpha(),
            false => settings.format.pixels(),
        };
        chain += &format!(",format={pixels}");
        if shot.map.is_reverse() {
            chain += ",reverse";
        }
        // The number of the first frame of the output that shows the N-th frame that was read.
        let number = number(&shot.map, begin, span.start);
        chain += &format!(",{},setpts='if(eq(N,0),0,max(0,{number}))'", self.base());
        let held = match shot.map.first(end) {
            Some(first) => last_frame - first.clamp(span.start, last_frame) + 1,
            None => span.frames,
        };
        // One more behind the last, so that the last is not taken for the end and dropped.
        chain += &format!(
            ",tpad=stop=1:stop_mode=clone,fps=fps={}:start_time=0:round=near,\
             tpad=stop={held}:stop_mode=clone,trim=end_frame={},{},setpts=N",
            self.job.plan.rate,
            span.frames,
            self.base(),
        );
        let label = self.label();
        self.chains.push(chain + &label);
        Ok(label)
    }

    /// The frames from `low` to `high` of a stream, in order.
    fn moving(
        &mut self,
        media: &RenderMedia,
        video: &VideoStream,
        rate: Option<Rate>,
        low: i64,
        high: i64,
    ) -> String {
        let rate = rate.or(video.rate).unwrap_or(Rate::FPS_25);
        let (num, den) = (i128::from(rate.num()), i128::from(rate.den()));
        let (offset, _) = starts(media, video.index);
        let varies = video.variable_rate;
        let lead = LEAD_SECONDS * i64::from(rate.nominal());
        let first = if varies { (low - lead).max(0) } else { low };
        // Half a frame early, in microseconds; where the rate varies, at the very time.
        let early = if varies { 0 } else { 1 };
        let start =
            (2 * i128::from(first) - early) * den * 1_000_000 / (2 * num) + i128::from(offset);
        let length = i128::from(high - first + 3) * den + num;
        let seek = (first > 0 && start > 0).then(|| seconds(start, 1_000_000));
        let limit = seconds(length, num);
        let input = self.input(media_input(&media.path), Some((seek, limit)));
        let mut chain = format!("[{input}:{}]", video.index);
        if matches!(video.field_order, FieldOrder::TopFirst | FieldOrder::BottomFirst) {
            chain += "yadif=mode=send_frame:deint=interlaced,";
        }
        if varies {
            chain += &format!("fps=fps={rate}:start_time=0:round=near,");
        }
        chain + &format!("trim=start_frame={}:end_frame={}", low - first, high - first + 1)
    }

    /// Adds an input, from a time on and for a length.
    fn input(&mut self, file: Vec<OsString>, part: Option<(Option<String>, String)>) -> usize {
        if let Some((seek, length)) = part {
            if let Some(seek) = seek {
                add(self.arguments, ["-ss", &seek]);
            }
            add(self.arguments, ["-t", &length]);
        }
        self.arguments.extend(file);
        *self.inputs += 1;
        *self.inputs - 1
    }
}

fn lost(shot: &Shot) -> Error {
    let message = "the media of this clip is not among the files the cut is rendered from";
    Error::new(ErrorKind::NotFound, super::OPERATION, message)
        .with("clip", &shot.name)
        .with("asset", shot.source.asset)
}

/// When a stream begins after the first of all, and when that is, in microseconds: as ffprobe has
/// said it.
pub(super) fn starts(media: &RenderMedia, index: u32) -> (i64, i64) {
    use crate::time::MediaTime;

    let micros = |value: &serde_json::Value| {
        let rate = Rate::new(1_000_000, 1).ok()?;
        let time = MediaTime::from_decimal_seconds(value.as_str()?, rate).ok()?;
        Some(time.value())
    };
    let raw = &media.technical.raw;
    let all = micros(&raw["format"]["start_time"]).unwrap_or(0);
    let streams = raw["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = streams
        .iter()
        .find(|stream| stream["index"].as_u64() == Some(u64::from(index)))
        .and_then(|stream| micros(&stream["start_time"]));
    (own.map_or(0, |own| (own - all).max(0)), all)
}

/// The filters that bring a picture to a size, with black where its shape leaves room.
fn fitted(shown: (u32, u32), stored: Option<(u32, u32)>, size: (u32, u32)) -> String {
    if shown == size && stored.is_none_or(|stored| stored == size) {
        return ",setsar=1".to_owned();
    }
    let (width, height) = (u64::from(shown.0.max(1)), u64::from(shown.1.max(1)));
    let (most_width, most_height) = (u64::from(size.0), u64::from(size.1));
    // The side that fills its room decides; the other is rounded down to an even number.
    let (width, height) = match most_width * height <= most_height * width {
        true => (most_width, (most_width * height / width) & !1),
        false => ((most_height * width / height) & !1, most_height),
    };
    let (width, height) = (width.max(2), height.max(2));
    let (x, y) = (((most_width - width) / 2) & !1, ((most_height - height) / 2) & !1);
    format!(
        ",scale={width}:{height}:flags=bicubic,pad={most_width}:{most_height}:{x}:{y}:black,setsar=1"
    )
}

/// The frame of the output, counted from `start`, from which on the N-th frame read from `begin`
/// on is shown. Whole numbers below 2^53 all through: doubles are exact.
fn number(map: &FrameMap, begin: i64, start: i64) -> String {
    let FrameMap::Steps(steps) = map else { return "0".to_owned() };
    let reverse = map.is_reverse();
    // Whether the condition is that a frame is at least, or at most, what `value` says.
    let mut at_least = !reverse;
    let mut value = if reverse { format!("({begin}-N)") } else { format!("({begin}+N)") };
    for step in steps.iter().rev() {
        let Step { origin, base, num, den, .. } = *step;
        let passed = match at_least {
            true => format!("ceil(({value}-({base}))*{den}/{num})"),
            false => format!("(ceil(({value}-({base})+1)*{den}/{num})-1)"),
        };
        let sign = if step.reverse { '-' } else { '+' };
        value = format!("(({origin}){sign}{passed})");
        at_least = at_least != step.reverse;
    }
    format!("{value}-({start})")
}

/// The filter that draws a line of text at a height, centred.
fn drawn(what: &str, y: &str) -> String {
    format!(
        "drawtext={what}:x=(w-tw)/2:y={y}:fontsize=h/18:fontcolor=white:box=1:boxcolor=black@0.6:\
         boxborderw=6"
    )
}

fn timecode(job: &PieceJob) -> Result<String> {
    let plan = &job.plan;
    let range = plan.ranges.iter().rev().find(|range| range.start <= job.piece.start);
    let first = range.map_or(0, |range| range.timecode + job.piece.start - range.start);
    let label = Timecode::new(first, plan.rate, plan.drop_frame)?.wrapped().to_string();
    let label = label.replace(':', "\\:").replace(';', "\\;");
    let what = format!("timecode='{label}':timecode_rate={}:tc24hmax=1", plan.rate);
    Ok(drawn(&what, "h-th-h/20"))
}
