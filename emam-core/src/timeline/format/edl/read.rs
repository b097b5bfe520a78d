//! A list as a sequence: first its lines as blocks of one event each, then what they mean.

use std::collections::HashMap;

use super::line::{self, Code, Event, Line, Speed};
use super::place::{Origin, Place, Placed};
use super::rate::{self, At, Clock};
use super::{BLACK, FOREIGN, NO_REEL, speed};
use crate::clock::Clock as Ids;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::model::Sequence;
use crate::time::{MediaTime, Rate, Speed as Rational};
use crate::timeline::IssueKind;
use crate::timeline::format::reading::Reading;
use crate::timeline::format::text::{decode, lines, shown};
use crate::timeline::format::{ReadDocument, ReadOptions};

/// An event with the lines that belong to it.
#[derive(Debug)]
pub(super) struct Block<'t> {
    pub(super) line: u64,
    pub(super) event: Event<'t>,
    /// How timecode is counted here, where the list says so.
    fcm: Option<bool>,
    pub(super) from_name: Option<&'t str>,
    pub(super) to_name: Option<&'t str>,
    pub(super) files: Vec<&'t str>,
    pub(super) path: Option<&'t str>,
    speeds: Vec<(u64, Speed<'t>)>,
    /// The rate of its source, where the list says so.
    rate: Option<Rate>,
    pub(super) marks: Vec<Mark<'t>>,
    /// Lines that are kept as they are.
    pub(super) kept: Vec<&'t str>,
}

impl Block<'_> {
    /// How many clips its comments name: two where one changes into the other.
    fn named(&self) -> usize {
        if matches!(self.event.code, Code::Dissolve | Code::Wipe(_)) { 2 } else { 1 }
    }
}

/// A locator with what stands after it.
#[derive(Debug)]
pub(super) struct Mark<'t> {
    pub(super) line: u64,
    pub(super) at: &'t str,
    pub(super) color: Option<&'t str>,
    pub(super) name: &'t str,
    pub(super) comment: &'t str,
    pub(super) duration: i64,
    pub(super) of_sequence: bool,
}

/// A list as its lines say it.
#[derive(Debug, Default)]
struct List<'t> {
    title: Option<&'t str>,
    fcm: Option<bool>,
    start: Option<&'t str>,
    blocks: Vec<Block<'t>>,
    /// Lines before the first event that are kept as they are.
    kept: Vec<&'t str>,
    /// Reels as they are written, and their own names.
    reels: HashMap<&'t str, &'t str>,
    /// What `>>> SOURCE` lines say of reels.
    sources: Vec<(&'t str, &'t str)>,
}

pub(in crate::timeline::format) fn read(
    bytes: &[u8],
    options: &ReadOptions,
    ids: &dyn Ids,
) -> Result<ReadDocument> {
    let mut reading = Reading::new(options, ids);
    let text = decode(bytes, &mut reading);
    let list = blocks(&text, &mut reading)?;
    if list.title.is_none() && list.blocks.is_empty() {
        let message = "this is no edit decision list: it has neither a TITLE nor an event";
        return Err(Error::invalid("timeline.read", message));
    }
    // An M2 line, or none of picture and sound, says that the lengths of an event differ.
    let as_recorded = |block: &Block<'_>| block.speeds.is_empty() && block.rate.is_none();
    let measured = list.blocks.iter().map(|block| (&block.event, as_recorded(block)));
    let clock = rate::clock(measured, list.fcm, &mut reading);

    let fallback = || options.name.as_deref().unwrap_or("Untitled");
    let name = list.title.filter(|title| !title.is_empty()).unwrap_or_else(fallback);
    let mut sequence = Sequence::new(ids, ProjectId::new(ids), name, clock.rate);
    sequence.drop_frame = clock.drop;
    if !list.kept.is_empty() {
        sequence.foreign.insert(FOREIGN.into(), list.kept.join("\n"));
    }

    let mut timed = times(&list, clock, &mut reading);
    unwrap_days(&mut timed, clock);
    sequence.start = timed.iter().map(|event| event.record).min().unwrap_or_default();
    if let Some(start) = list.start {
        match clock.read(start, clock.drop) {
            Ok(at) if at.frames <= sequence.start => sequence.start = at.frames,
            // The start is on the day before the first event.
            Ok(at) if timed.is_empty() => sequence.start = at.frames,
            _ => {
                let message = format!("the start {start:?} is not before the first event");
                reading.issue(IssueKind::NotUnderstood, message);
            }
        }
    }
    let pairs = pair(timed, &mut reading);
    let mut place = Place::new(clock, sequence.start, &list.reels, &mut reading);
    for pair in pairs {
        place.put(pair);
    }
    let (tracks, markers) = place.finish(&list.sources);
    (sequence.tracks, sequence.markers) = (tracks, markers);
    reading.document.sequences.push(sequence);
    Ok(reading.finish())
}

/// Parts a text into blocks.
fn blocks<'t>(text: &'t str, reading: &mut Reading<'_>) -> Result<List<'t>> {
    let mut list = List::default();
    let mut fcm = None;
    let mut of_sequence = false;
    for (number, text) in lines(text)? {
        let parsed = line::parse(text);
        let block = list.blocks.last_mut();
        match (parsed, block) {
            (Line::Blank, _) => {}
            (Line::Event(event), _) => {
                of_sequence = false;
                if let Some(taken) = event.corrected {
                    let message = format!("event {}: {taken}", shown(event.number));
                    reading.issue_at(number, IssueKind::Corrected, message);
                }
                list.blocks.push(Block {
                    line: number,
                    event,
                    fcm,
                    from_name: None,
                    to_name: None,
                    files: Vec::new(),
                    path: None,
                    speeds: Vec::new(),
                    rate: None,
                    marks: Vec::new(),
                    kept: Vec::new(),
                });
            }
            (Line::Title(title), _) if list.title.is_none() => list.title = Some(title),
            (Line::Title(title), _) => {
                let message = format!("a second title, {:?}, was left", shown(title));
                reading.issue_at(number, IssueKind::NotUnderstood, message);
            }
            (Line::Fcm(drop), _) => {
                fcm = Some(drop);
                list.fcm = list.fcm.or(fcm);
            }
            (Line::ReelMap(written, reel), _) => {
                list.reels.insert(written, reel);
            }
            (Line::SourceRate(rate), Some(block)) if rate.parse::<Rate>().is_ok() => {
                block.rate = rate.parse().ok();
            }
            (Line::Start(start), _) => list.start = list.start.or(Some(start)),
            (Line::Source(reel, _), _) => list.sources.push((reel, text.trim())),
            (Line::LocatorsOfSequence, _) => of_sequence = true,
            (Line::Locator(mark), Some(block)) => block.marks.push(Mark {
                line: number,
                at: mark.at,
                color: mark.color,
                name: mark.name,
                comment: "",
                duration: 0,
                of_sequence,
            }),
            (Line::LocatorComment(comment), Some(Block { marks, .. })) if !marks.is_empty() => {
                if let Some(mark) = marks.last_mut() {
                    mark.comment = comment;
                }
            }
            (Line::LocatorDuration(frames), Some(Block { marks, .. })) if !marks.is_empty() => {
                if let (Some(mark), Ok(frames)) = (marks.last_mut(), frames.parse::<i64>()) {
                    mark.duration = frames.max(0);
                }
            }
            (Line::Speed(speed), Some(block)) => block.speeds.push((number, speed)),
            (Line::Channels(channels), Some(block)) => {
                block.event.channels.audio.extend(channels);
                block.event.channels.audio.sort_unstable();
                block.event.channels.audio.dedup();
            }
            (Line::FromName(name), Some(block)) if block.from_name.is_none() => {
                block.from_name = Some(name);
            }
            (Line::ToName(name), Some(block)) if block.to_name.is_none() && block.named() > 1 => {
                block.to_name = Some(name);
            }
            // After a transition the file it comes from may be named first.
            (Line::SourceFile(name), Some(block)) if block.files.len() < block.named() => {
                block.files.push(name);
            }
            (Line::FromFile(path), Some(block)) => {
                block.path = block.path.or(Some(path));
                block.kept.push(text.trim());
            }
            (Line::Other(other), _) if other.starts_with(|c: char| c.is_ascii_digit()) => {
                let message = format!("{:?} looks like an event and is none", shown(other));
                reading.issue_at(number, IssueKind::NotUnderstood, message);
            }
            (_, Some(block)) => block.kept.push(text.trim()),
            (_, None) => list.kept.push(text.trim()),
        }
    }
    Ok(list)
}

/// An event with its times as frames.
#[derive(Debug)]
pub(super) struct Timed<'b, 't> {
    pub(super) block: &'b Block<'t>,
    /// The rate its source is counted at.
    pub(super) rate: Rate,
    /// Its lowest source frame.
    pub(super) source: At,
    pub(super) source_length: i64,
    pub(super) record: i64,
    pub(super) length: i64,
    pub(super) speed: Rational,
}

impl Timed<'_, '_> {
    pub(super) fn is_black(&self) -> bool {
        self.block.event.reel.eq_ignore_ascii_case(BLACK)
    }
}

/// The times of the events; one whose times are none is left, with an issue.
fn times<'b, 't>(
    list: &'b List<'t>,
    clock: Clock,
    reading: &mut Reading<'_>,
) -> Vec<Timed<'b, 't>> {
    let mut timed = Vec::with_capacity(list.blocks.len());
    for block in &list.blocks {
        match time(block, clock, reading) {
            Ok(event) => timed.push(event),
            Err(error) => {
                let number = shown(block.event.number);
                let message = format!("event {number} was left: {}", error.message());
                reading.issue_at(block.line, IssueKind::NotUnderstood, message);
            }
        }
    }
    timed
}

fn time<'b, 't>(
    block: &'b Block<'t>,
    clock: Clock,
    reading: &mut Reading<'_>,
) -> Result<Timed<'b, 't>> {
    let event = &block.event;
    let number = shown(event.number);
    // Where one label is marked drop-frame, those that are not are not.
    let marked = event.times.iter().any(|time| time.contains(';'));
    let fcm = block.fcm.unwrap_or(clock.drop);
    let read = |text: &str, drop: bool| clock.read(text, drop && !marked);
    let [.., record_in, record_out] = event.times;
    let mut record = (read(record_in, clock.drop)?, read(record_out, clock.drop)?);
    let (counted, mut source, source_end) = source_times(block, clock, fcm && !marked, reading)?;
    let times = [source, source_end, record.0, record.1];
    if times.iter().any(|at| at.corrected) {
        let message =
            format!("event {number} has timecode that does not exist; the next was taken");
        reading.issue_at(block.line, IssueKind::Corrected, message);
    }
    let mut source_length = counted.span(source, source_end);
    let mut length = clock.span(record.0, record.1);
    let same_rate = counted.rate == clock.rate;
    if fcm != clock.drop && !marked && same_rate && source_length != length {
        // The record side of this part may be counted as its sources are.
        let other = (read(record_in, fcm)?, read(record_out, fcm)?);
        if clock.span(other.0, other.1) == source_length {
            (record, length) = (other, source_length);
        }
    }

    let motion = motion(block, source, counted, reading);
    let mut rational = Rational::NORMAL;
    if let Some((line, motion)) = motion {
        let reverse = motion.fps.starts_with('-');
        if reverse && source_end.frames < source.frames {
            source_length = counted.span(source_end, source);
            source = source_end;
        }
        // Speeds compare the source with the list at the same rate.
        let taken = MediaTime::new(source_length, counted.rate).rescale_nearest(clock.rate)?;
        match speed::parse(motion.fps, clock.rate, taken.value(), length) {
            Ok(speed) => rational = speed,
            Err(_) => {
                let message = format!("the speed {:?} is no number", shown(motion.fps));
                reading.issue_at(*line, IssueKind::NotUnderstood, message);
            }
        }
    }
    if !event.reel.eq_ignore_ascii_case(BLACK) && length > 0 && !rational.is_freeze() {
        let record = MediaTime::new(length, clock.rate);
        let (expected, _) = speed::source_length(rational, record, counted.rate)?;
        // Programs round the length of a retimed source up or down.
        let slack = if rational.is_normal() && same_rate { 0 } else { 1 };
        if expected.abs_diff(source_length) > slack {
            let message = format!(
                "event {number} takes {length} frames but has {source_length} of its source, where \
                 it would need {expected}; its length was kept"
            );
            reading.issue_at(block.line, IssueKind::Corrected, message);
        }
    }
    Ok(Timed {
        block,
        rate: counted.rate,
        source,
        source_length,
        record: record.0.frames,
        length,
        speed: rational,
    })
}

/// How the source of an event is counted, and its first and last time. It is counted as the list
/// is, unless the list says otherwise, or its labels have frames the list's rate has not.
fn source_times(
    block: &Block<'_>,
    clock: Clock,
    drop: bool,
    reading: &mut Reading<'_>,
) -> Result<(Clock, At, At)> {
    let [source_in, source_out, ..] = block.event.times;
    let at = |rate: Rate| -> Result<(Clock, At, At)> {
        let counted = Clock { rate, drop: drop && rate.can_drop() };
        Ok((counted, counted.read(source_in, drop)?, counted.read(source_out, drop)?))
    };
    let wrong = match at(block.rate.unwrap_or(clock.rate)) {
        Ok(times) => return Ok(times),
        Err(wrong) => wrong,
    };
    let nominal = clock.rate.nominal();
    let mut faster = Rate::STANDARD.into_iter().filter(|rate| rate.nominal() > nominal);
    let Some(times) = faster.find_map(|rate| at(rate).ok()) else { return Err(wrong) };
    let message = format!(
        "the source of event {} has frame numbers that {} frames a second do not reach; it was \
         read at {}",
        shown(block.event.number),
        clock.rate,
        times.0.rate
    );
    reading.issue_at(block.line, IssueKind::Guessed, message);
    Ok(times)
}

/// The `M2` line that is about the source of this event, not about the one before it.
fn motion<'b, 't>(
    block: &'b Block<'t>,
    source: At,
    clock: Clock,
    reading: &mut Reading<'_>,
) -> Option<&'b (u64, Speed<'t>)> {
    let reel = block.event.reel;
    let same_reel = |motion: &Speed<'_>| motion.reel.eq_ignore_ascii_case(reel);
    let same_time = |motion: &Speed<'_>| {
        let at = motion.at.and_then(|at| clock.read(at, source.drop).ok());
        at.is_none_or(|at| at.frames == source.frames)
    };
    let speeds = &block.speeds;
    let found = speeds
        .iter()
        .find(|(_, motion)| same_reel(motion) && same_time(motion))
        .or_else(|| speeds.iter().find(|(_, motion)| same_reel(motion)))
        .or_else(|| if block.event.code == Code::Cut { speeds.first() } else { None });
    for (line, motion) in speeds {
        let taken = found.is_some_and(|(found, _)| found == line);
        if taken && !same_reel(motion) {
            let message = format!(
                "the speed of reel {:?} was taken for that of {:?}",
                shown(motion.reel),
                shown(reel)
            );
            reading.issue_at(*line, IssueKind::Corrected, message);
        } else if !taken && block.event.code == Code::Cut {
            let message = "a second speed for one event was left";
            reading.issue_at(*line, IssueKind::NotUnderstood, message);
        }
    }
    found
}

/// Puts events that run past midnight on the next day.
fn unwrap_days(timed: &mut [Timed<'_, '_>], clock: Clock) {
    let Some(first) = timed.first().map(|event| event.record) else { return };
    let day = clock.day(clock.drop);
    for event in timed {
        if event.record < first.saturating_sub(day / 2) {
            event.record = event.record.saturating_add(day);
        }
    }
}

/// Joins the two lines of a transition: the first takes no time and says where it comes from.
fn pair<'b, 't>(timed: Vec<Timed<'b, 't>>, reading: &mut Reading<'_>) -> Vec<Placed<'b, 't>> {
    let mut pairs = Vec::with_capacity(timed.len());
    let mut from: Option<Timed<'b, 't>> = None;
    for event in timed {
        let number = event.block.event.number;
        let line = event.block.line;
        let is_transition = matches!(event.block.event.code, Code::Dissolve | Code::Wipe(_));
        let before = from.take();
        if let Some(before) = before {
            if is_transition && before.record == event.record {
                if before.block.event.number != number {
                    let message = format!(
                        "the two lines of a transition are numbered {} and {}, not alike; they \
                         were read as one",
                        shown(before.block.event.number),
                        shown(number)
                    );
                    reading.issue_at(line, IssueKind::Corrected, message);
                }
                pairs.push(Placed { event, from: Some(before) });
                continue;
            }
            nothing(&before, reading);
        }
        if event.length > 0 {
            pairs.push(Placed { event, from: None });
        } else if is_transition {
            nothing(&event, reading);
        } else {
            from = Some(event);
        }
    }
    if let Some(before) = from {
        nothing(&before, reading);
    }
    // By record time, as a list may be in the order of its reels.
    pairs.retain(|pair| {
        if pair.event.length == 0 {
            nothing(&pair.event, reading);
        }
        pair.event.length > 0
    });
    pairs.sort_by_key(|pair| pair.event.record);
    pairs
}

fn nothing(event: &Timed<'_, '_>, reading: &mut Reading<'_>) {
    let number = shown(event.block.event.number);
    let message = format!("event {number} takes no frame and was left");
    reading.issue_at(event.block.line, IssueKind::NotUnderstood, message);
}

/// The reel of an event by its own name, and whether it is the name of no reel.
pub(super) fn reel_of<'t>(written: &'t str, reels: &HashMap<&'t str, &'t str>) -> Origin<'t> {
    let reel = reels.get(written).copied().unwrap_or(written);
    Origin { reel, none: reel.is_empty() || reel.eq_ignore_ascii_case(NO_REEL) }
}
