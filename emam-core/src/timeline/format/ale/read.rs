//! A log as media in a bin.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::{COLUMNS, DURATION, END, FOREIGN, FPS, NAME, SOURCE_FILE, START, TAPE, TRACKS};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::model::{MediaSummary, Role};
use crate::time::{MediaTime, Rate, Timecode};
use crate::timeline::IssueKind;
use crate::timeline::format::document::DocumentBin;
use crate::timeline::format::reading::Reading;
use crate::timeline::format::text::{decode, lines, shown};
use crate::timeline::format::{ClipMedia, ReadDocument, ReadOptions, file_url};

/// More columns than any log has.
const MAX_COLUMNS: usize = 4096;

/// The part of the log a line is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Before,
    Heading,
    Column,
    Data,
}

/// What the headings say.
struct Headings {
    delimiter: char,
    rate: Option<Rate>,
    /// Those of no field, as they are kept.
    kept: Vec<String>,
}

pub(in crate::timeline::format) fn read(
    bytes: &[u8],
    options: &ReadOptions,
    clock: &dyn Clock,
) -> Result<ReadDocument> {
    let mut reading = Reading::new(options, clock);
    let text = decode(bytes, &mut reading);
    let mut headings = Headings { delimiter: '\t', rate: None, kept: Vec::new() };
    let mut columns: Vec<String> = Vec::new();
    let mut bin = DocumentBin {
        name: options.name.clone().unwrap_or_else(|| "Untitled".to_owned()),
        ..DocumentBin::default()
    };
    let mut part = Part::Before;
    for (number, line) in lines(&text)? {
        let word = line.trim();
        if word.is_empty() {
            continue;
        }
        match word {
            _ if part == Part::Data => {}
            "Heading" => part = Part::Heading,
            "Column" => part = Part::Column,
            "Data" => part = Part::Data,
            _ if part == Part::Heading => heading(number, line, &mut headings, &mut reading),
            _ if part == Part::Column && columns.is_empty() => {
                columns = names(number, line, headings.delimiter, &mut reading)?;
            }
            _ if part == Part::Before => return Err(no_log()),
            _ => {
                let message = format!("{:?} stands between the parts of the log", shown(word));
                reading.issue_at(number, IssueKind::NotUnderstood, message);
            }
        }
        if part == Part::Data && word != "Data" {
            let row = Row::new(number, line, headings.delimiter, &columns, &mut reading);
            let media = row.media(&headings, &mut reading);
            let source = reading.media(&number.to_string(), None, || media);
            bin.media.push(source);
        }
    }
    if part == Part::Before || columns.is_empty() && !bin.media.is_empty() {
        return Err(no_log());
    }
    reading.document.bins.push(bin);
    Ok(reading.finish())
}

fn no_log() -> Error {
    let message = "this is no Avid log: it has no parts Heading, Column and Data";
    Error::invalid("timeline.read", message)
}

/// A line of headings: one, or several in a row as some programs write them.
fn heading(number: u64, line: &str, headings: &mut Headings, reading: &mut Reading<'_>) {
    let mut words = line.split('\t').map(str::trim).filter(|word| !word.is_empty());
    while let Some(key) = words.next() {
        let value = words.next().unwrap_or_default();
        match key {
            "FIELD_DELIM" => {
                headings.delimiter = if value == "COMMAS" { ',' } else { '\t' };
                if !matches!(value, "TABS" | "COMMAS") {
                    let message = format!("fields are parted by {value:?}; tabs were taken");
                    reading.issue_at(number, IssueKind::NotUnderstood, message);
                }
            }
            "FPS" => {
                headings.rate = value.parse().ok();
                if headings.rate.is_none() {
                    let message = format!("the rate {:?} is none", shown(value));
                    reading.issue_at(number, IssueKind::NotUnderstood, message);
                }
            }
            key => headings.kept.push(format!("Heading\t{key}\t{value}")),
        }
    }
}

/// The names of the columns, each once.
fn names(
    number: u64,
    line: &str,
    delimiter: char,
    reading: &mut Reading<'_>,
) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut taken = HashSet::new();
    for name in line.split(delimiter).map(str::trim) {
        if names.len() >= MAX_COLUMNS {
            return Err(Error::invalid("timeline.read", "the log has more columns than any has")
                .with("line", number)
                .with("max_columns", MAX_COLUMNS));
        }
        let mut own = name.to_owned();
        if !name.is_empty() && !taken.insert(own.clone()) {
            own = format!("{name} ({})", names.len() + 1);
            let message = format!("a second column {name:?} was read as {own:?}");
            reading.issue_at(number, IssueKind::Corrected, message);
            taken.insert(own.clone());
        }
        names.push(own);
    }
    Ok(names)
}

/// A row, by column.
struct Row<'t> {
    number: u64,
    values: HashMap<&'t str, &'t str>,
    /// Those of no field, in the order of the columns.
    others: Vec<(&'t str, &'t str)>,
}

impl<'t> Row<'t> {
    fn new(
        number: u64,
        line: &'t str,
        delimiter: char,
        columns: &'t [String],
        reading: &mut Reading<'_>,
    ) -> Self {
        let mut row = Self { number, values: HashMap::new(), others: Vec::new() };
        let mut names = columns.iter();
        for value in line.split(delimiter).map(str::trim) {
            let name = names.next().map(String::as_str).filter(|name| !name.is_empty());
            match name {
                _ if value.is_empty() => {}
                Some(name) if COLUMNS.contains(&name) => {
                    row.values.insert(name, value);
                }
                Some(name) => row.others.push((name, value)),
                None => {
                    let message = format!("{:?} stands under no column", shown(value));
                    reading.issue_at(number, IssueKind::NotUnderstood, message);
                }
            }
        }
        row
    }

    fn get(&self, column: &str) -> Option<&'t str> {
        self.values.get(column).copied()
    }

    /// The media of a row.
    fn media(&self, headings: &Headings, reading: &mut Reading<'_>) -> ClipMedia {
        let rate = self.rate(headings, reading);
        let file = self.get(SOURCE_FILE);
        let name = self.get(NAME).or(file).or(self.get(TAPE)).unwrap_or("Untitled");
        let (picture, channels) = self.tracks(reading);
        let start = self.timecode(START, rate, reading);
        let mut summary = MediaSummary {
            rate: picture.then_some(rate),
            start_timecode: start,
            duration: self.duration(rate, start, reading).map(|d| MediaTime::new(d, rate)),
            audio_channels: channels,
            ..MediaSummary::default()
        };
        if !picture && channels == 0 {
            // Whatever it is, a row of a log is something to see or hear.
            summary.rate = Some(rate);
        }
        let url = file.and_then(|file| {
            if file.starts_with("file:") {
                return Some(file.to_owned());
            }
            file_url(Path::new(file)).ok()
        });
        let mut kept = headings.kept.clone();
        if let Some(file) = file.filter(|_| url.is_none()) {
            kept.push(format!("{SOURCE_FILE}\t{file}"));
        }
        kept.extend(self.others.iter().map(|(name, value)| format!("{name}\t{value}")));
        let foreign = (!kept.is_empty()).then(|| (FOREIGN.to_owned(), kept.join("\n")));
        ClipMedia {
            name: name.to_owned(),
            summary,
            urls: url.map(|url| (Role::Original, url)).into_iter().collect::<BTreeMap<_, _>>(),
            reel: self.get(TAPE).map(str::to_owned),
            foreign: foreign.into_iter().collect(),
        }
    }

    fn rate(&self, headings: &Headings, reading: &mut Reading<'_>) -> Rate {
        if let Some(text) = self.get(FPS) {
            if let Ok(rate) = text.parse() {
                return rate;
            }
            let message = format!("the rate {:?} is none", shown(text));
            reading.issue_at(self.number, IssueKind::NotUnderstood, message);
        }
        headings.rate.or(reading.options.rate).unwrap_or_else(|| {
            let message = "the log says no rate; 25 frames a second was taken";
            reading.issue_at(self.number, IssueKind::Guessed, message);
            Rate::FPS_25
        })
    }

    fn timecode(&self, column: &str, rate: Rate, reading: &mut Reading<'_>) -> Option<Timecode> {
        let text = self.get(column)?;
        let drop = reading.options.drop_frame == Some(true) && rate.can_drop();
        let label = match text.rsplit_once(':') {
            Some((seconds, frames)) if drop => format!("{seconds};{frames}"),
            _ => text.to_owned(),
        };
        match Timecode::parse_wrapping(&label, rate) {
            Ok(timecode) => Some(timecode),
            Err(error) => {
                let message = format!("{column}: {}", error.message());
                reading.issue_at(self.number, IssueKind::NotUnderstood, message);
                None
            }
        }
    }

    /// Its frames: from start to end, or else what the column of that name says.
    fn duration(
        &self,
        rate: Rate,
        start: Option<Timecode>,
        reading: &mut Reading<'_>,
    ) -> Option<i64> {
        let said = self.timecode(DURATION, rate, reading).map(Timecode::frames);
        let end = self.timecode(END, rate, reading);
        let measured = start.zip(end).map(|(start, end)| {
            let length = end.frames().saturating_sub(start.frames());
            if length < 0 { length.saturating_add(start.frames_per_day()) } else { length }
        });
        if let (Some(said), Some(measured)) = (said, measured)
            && said != measured
        {
            let message =
                format!("its duration is {said} frames, but from start to end are {measured}");
            reading.issue_at(self.number, IssueKind::Corrected, message);
        }
        measured.or(said).filter(|length| *length > 0)
    }

    /// Whether there is picture, and how many channels of sound: `V`, `VA1A2`, `A1-4`.
    fn tracks(&self, reading: &mut Reading<'_>) -> (bool, u32) {
        let Some(text) = self.get(TRACKS) else { return (true, 0) };
        let (mut picture, mut channels) = (false, 0_u32);
        let mut rest = text;
        while let Some(kind) = rest.chars().next() {
            let after = rest.get(kind.len_utf8()..).unwrap_or_default();
            let numbers = after.len()
                - after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').len();
            let (number, after) = after.split_at(numbers);
            let last = number.rsplit('-').next().and_then(|number| number.parse().ok());
            match kind {
                'V' => picture = true,
                'A' => channels = channels.max(last.unwrap_or(channels.saturating_add(1)).min(64)),
                ' ' | ',' | '/' => {}
                _ => {
                    let message = format!("tracks {:?} are not understood", shown(text));
                    reading.issue_at(self.number, IssueKind::NotUnderstood, message);
                    return (true, channels);
                }
            }
            rest = after;
        }
        (picture, channels)
    }
}
