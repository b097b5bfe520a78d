//! The media of a document as a log.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::{COLUMNS, DURATION, END, FOREIGN, FPS, NAME, SOURCE_FILE, START, TAPE, TRACKS};
use crate::error::Result;
use crate::model::AssetSource;
use crate::time::{MediaTime, Rate, Timecode};
use crate::timeline::format::document::{DocumentBin, WrittenFile};
use crate::timeline::format::text::one_line;
use crate::timeline::format::{ClipMedia, Document, WriteOptions, Written};
use crate::timeline::placement::has_picture;
use crate::timeline::{Issue, IssueKind};

pub(in crate::timeline::format) fn write(
    document: &Document,
    options: &WriteOptions,
) -> Result<Written> {
    let mut issues = Vec::new();
    if let Some(sequence) = document.sequences.first() {
        let message =
            format!("a log holds media, not the cut {:?} that is made of it", sequence.name);
        issues.push(Issue::new(IssueKind::NotCarried, message));
    }
    let media = media(document);
    let rate = rate(document, &media);
    let mut headings = vec![("FIELD_DELIM", "TABS".to_owned())];
    let mut columns: Vec<&str> = COLUMNS.to_vec();
    let mut known: HashSet<&str> = columns.iter().copied().collect();
    let mut headed = HashSet::new();
    for line in media.iter().flat_map(|media| kept(media)) {
        match line {
            Kept::Heading(key, value) if headed.insert(key) => {
                headings.push((key, one_line(value).into_owned()));
            }
            Kept::Column(name, _) if known.insert(name) => columns.push(name),
            _ => {}
        }
    }
    for (key, value) in [("VIDEO_FORMAT", format(&media)), ("AUDIO_FORMAT", "48khz")] {
        if headed.insert(key) {
            headings.push((key, value.to_owned()));
        }
    }
    headings.push((FPS, decimal(rate)));

    let mut text = String::with_capacity(200 * media.len() + 500);
    // Writing into a string cannot fail.
    let _ = write!(text, "Heading\r\n");
    for (key, value) in headings {
        let key = one_line(key);
        if !key.is_empty() {
            let _ = write!(text, "{key}\t{value}\r\n");
        }
    }
    let names: Vec<_> = columns.iter().map(|name| one_line(name)).collect();
    let _ = write!(text, "\r\nColumn\r\n{}\r\n\r\nData\r\n", names.join("\t"));
    for media in media {
        let row = row(media, rate, options, &mut issues)?;
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                text.push('\t');
            }
            text.push_str(&row.get(column).map(|value| one_line(value)).unwrap_or_default());
        }
        text.push_str("\r\n");
    }
    Ok(Written { files: vec![WrittenFile { part: String::new(), text }], issues })
}

/// All media: in the order of the bins, of the clips, and what is left.
fn media(document: &Document) -> Vec<&ClipMedia> {
    fn of_bins<'b>(bins: &'b [DocumentBin], sources: &mut Vec<&'b AssetSource>) {
        let mut wanted: Vec<&DocumentBin> = bins.iter().rev().collect();
        while let Some(bin) = wanted.pop() {
            sources.extend(&bin.media);
            wanted.extend(bin.bins.iter().rev());
        }
    }

    let mut sources = Vec::new();
    of_bins(&document.bins, &mut sources);
    let clips = document.sequences.iter().flat_map(|sequence| sequence.clips());
    sources.extend(clips.filter_map(|clip| clip.source.asset()));
    let mut seen = HashSet::new();
    let mut media: Vec<&ClipMedia> = sources
        .into_iter()
        .filter(|source| seen.insert((source.asset, source.version)))
        .filter_map(|source| document.media.get(source))
        .collect();
    let rest = document.media.iter();
    media.extend(
        rest.filter(|(source, _)| seen.insert((source.asset, source.version))).map(|(_, m)| m),
    );
    media
}

/// The rate of the log: that of the cut, or of the first media that has one.
fn rate(document: &Document, media: &[&ClipMedia]) -> Rate {
    let of_cut = document.sequences.first().map(|sequence| sequence.rate);
    let of_media = || media.iter().find_map(|media| media.summary.rate);
    of_cut.or_else(of_media).unwrap_or(Rate::FPS_25)
}

/// The format of the first picture, in the words of Avid.
fn format(media: &[&ClipMedia]) -> &'static str {
    match media.iter().find_map(|media| media.summary.height) {
        Some(480 | 486) => "NTSC",
        Some(576) => "PAL",
        Some(720) => "720",
        Some(1080) | None => "1080",
        Some(_) => "CUSTOM",
    }
}

/// A line of what is kept.
enum Kept<'m> {
    Heading(&'m str, &'m str),
    Column(&'m str, &'m str),
}

fn kept(media: &ClipMedia) -> impl Iterator<Item = Kept<'_>> {
    let lines = media.foreign.get(FOREIGN).map(String::as_str).unwrap_or_default().lines();
    lines.filter_map(|line| {
        let (name, value) = line.split_once('\t')?;
        if name != "Heading" {
            return (!name.is_empty()).then_some(Kept::Column(name, value));
        }
        let (key, value) = value.split_once('\t')?;
        Some(Kept::Heading(key, value))
    })
}

fn row<'m>(
    media: &'m ClipMedia,
    rate: Rate,
    options: &WriteOptions,
    issues: &mut Vec<Issue>,
) -> Result<HashMap<&'m str, String>> {
    let summary = &media.summary;
    let mut row: HashMap<&str, String> = HashMap::new();
    for line in kept(media) {
        if let Kept::Column(name, value) = line {
            row.insert(name, value.to_owned());
        }
    }
    let name = one_line(&media.name);
    if name != media.name {
        let message = format!("the name {:?} was put on one line", media.name);
        issues.push(Issue::new(IssueKind::NotCarried, message));
    }
    row.insert(NAME, name.into_owned());
    let mut tracks = if has_picture(summary) { "V".to_owned() } else { String::new() };
    for channel in 1..=summary.audio_channels.min(64) {
        let _ = write!(tracks, "A{channel}");
    }
    row.insert(TRACKS, tracks);
    if let Some(reel) = &media.reel {
        row.insert(TAPE, reel.clone());
    }
    if let Some(url) = media.url_for(options.target) {
        row.insert(SOURCE_FILE, url.to_owned());
    }

    let start = summary.start_timecode;
    let rate = summary.rate.or(start.map(Timecode::rate)).unwrap_or(rate);
    row.insert(FPS, decimal(rate));
    let Some(duration) = summary.duration else {
        if let Some(start) = start {
            row.insert(START, start.wrapped().to_string());
        }
        return Ok(row);
    };
    if start.is_none() {
        let message = format!("{:?} has no timecode; the log counts it from zero", media.name);
        issues.push(Issue::new(IssueKind::NotCarried, message));
    }
    let zero = Timecode::new(0, rate, false)?;
    let start = match start {
        Some(start) if start.rate() == rate => start,
        Some(start) => zero.offset(start.time().rescale_nearest(rate)?.value())?,
        None => zero,
    };
    let frames = MediaTime::rescale(duration, rate)?;
    if frames.exact().is_none() {
        let message = format!("the length of {:?} is no whole number of frames", media.name);
        issues.push(Issue::new(IssueKind::Rounded, message));
    }
    let length = Timecode::new(frames.nearest(), rate, start.drop_frame())?;
    row.insert(START, start.wrapped().to_string());
    row.insert(END, start.offset(frames.nearest())?.wrapped().to_string());
    row.insert(DURATION, length.to_string());
    Ok(row)
}

/// A rate as logs say it: `23.976`, `25`.
fn decimal(rate: Rate) -> String {
    if rate.den() == 1 {
        return rate.num().to_string();
    }
    let thousandths =
        (u64::from(rate.num()) * 2000 + u64::from(rate.den())) / (u64::from(rate.den()) * 2);
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').to_owned()
}
