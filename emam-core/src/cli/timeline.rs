//! `emam timeline`: timeline files, without a library.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::names::named;
use super::output::Failure;
use super::session::Session;
use super::text;
use crate::clock::SystemClock;
use crate::error::{Error, ErrorKind};
use crate::time::{Rate, Timecode};
use crate::timeline::format::{
    Flavour, Format, ReadDocument, ReadOptions, Target, WriteOptions, convert,
};
use crate::timeline::{self, Issue};

/// Converts and checks timeline files: .otio, .xml, .edl, .ale, .srt, .vtt.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(Convert),
    Check(Check),
}

/// Writes a timeline file in other formats; the extensions name the formats.
///
/// What a format cannot say, and what was not understood, is said on standard error: the file, the
/// line where there is one, the kind of issue and a sentence.
#[derive(Debug, Args)]
#[command(after_help = "\
An EDL holds the first video track; with --split each further one gets a file beside it, as
rough.V2.edl, and so do more than 999 events.

Examples:
  emam timeline convert rough.otio rough.xml --flavour premiere
  emam timeline convert old.edl old.otio --rate 29.97 --drop-frame
  emam timeline convert rough.xml rough.edl rough.ale --split")]
struct Convert {
    /// The file to be read.
    #[arg(value_name = "IN")]
    from: PathBuf,
    /// The files to be written.
    #[arg(value_name = "OUT", required = true)]
    outputs: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// The program the files are for; `plain` unless given.
    #[arg(long, value_parser = named::<Flavour>())]
    flavour: Option<Flavour>,
    /// Which files the clips point to; `original` unless given.
    #[arg(long, value_parser = named::<Target>())]
    target: Option<Target>,
    /// A file for each track, and for each 999 events, where the format holds no more.
    #[arg(long)]
    split: bool,
    /// Reel names of 32 characters and event numbers of six digits in EDLs.
    #[arg(long)]
    long_reels: bool,
    /// .otio for readers before OpenTimelineIO 0.15.
    #[arg(long)]
    legacy: bool,
}

/// Says what timeline files hold and what is wrong with them.
///
/// Exits with 1 where a sequence is broken, so that no other program could read it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  emam timeline check rough.xml old.edl")]
struct Check {
    /// The files to be read.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Debug, Args)]
struct Reading {
    /// Frames a second, for formats that do not say: `25`, `29.97`, `30000/1001`.
    #[arg(long, value_name = "FPS")]
    rate: Option<Rate>,
    /// Whether timecode is drop-frame, for formats that do not say.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    drop_frame: Option<bool>,
}

impl Reading {
    fn options(&self) -> ReadOptions {
        ReadOptions { rate: self.rate, drop_frame: self.drop_frame, ..ReadOptions::default() }
    }
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Convert(arguments) => run_convert(session, arguments).await,
        Command::Check(arguments) => run_check(session, arguments).await,
    }
}

async fn run_convert(session: &Session, arguments: Convert) -> Result<(), Failure> {
    let from = arguments.from.clone();
    let converted = blocking(move || {
        let mut write = WriteOptions::default()
            .with_flavour(arguments.flavour.unwrap_or_default())
            .with_target(arguments.target.unwrap_or_default())
            .with_split(arguments.split);
        write.long_reels = arguments.long_reels;
        write.legacy = arguments.legacy;
        let read = arguments.reading.options();
        convert(&arguments.from, &arguments.outputs, &read, &write, &SystemClock)
    })
    .await?;
    tell(session, &from, &converted.issues);
    for output in &converted.outputs {
        tell(session, &output.path, &output.issues);
    }
    session.out.record(&converted, |converted| {
        let paths = converted.outputs.iter().flat_map(|output| {
            std::iter::once(&output.path).chain(&output.more).map(|path| path.display().to_string())
        });
        paths.collect::<Vec<_>>().join("\n")
    })
}

/// What a timeline file holds.
#[derive(Debug, Serialize)]
struct Checked {
    path: PathBuf,
    sequences: Vec<CheckedSequence>,
    /// How many media files its clips are pieces of.
    media: usize,
    /// What was wrong with the file, then what is wrong with its sequences.
    issues: Vec<Issue>,
}

#[derive(Debug, Serialize)]
struct CheckedSequence {
    name: String,
    rate: Rate,
    /// The timecode of its first frame.
    start: String,
    /// Its frames.
    length: i64,
    tracks: usize,
    clips: usize,
    markers: usize,
}

impl Checked {
    fn new(path: PathBuf, found: ReadDocument) -> Self {
        let (document, mut issues) = (found.document, found.issues);
        for sequence in &document.sequences {
            issues.extend(timeline::check(sequence, &|source| document.media.summary(source)));
        }
        let sequences = document.sequences.iter().map(|sequence| CheckedSequence {
            name: sequence.name.clone(),
            rate: sequence.rate,
            start: Timecode::new(sequence.start, sequence.rate, sequence.drop_frame)
                .map_or_else(|_| sequence.start.to_string(), |start| start.to_string()),
            length: timeline::length(sequence),
            tracks: sequence.tracks.len(),
            clips: sequence.clips().count(),
            markers: sequence.markers.len(),
        });
        Self { path, sequences: sequences.collect(), media: document.media.len(), issues }
    }

    fn words(&self) -> String {
        let mut lines = vec![format!(
            "{}: {}, {}",
            self.path.display(),
            text::count(self.sequences.len() as u64, "sequence"),
            text::count(self.media as u64, "media file"),
        )];
        lines.extend(self.sequences.iter().map(|sequence| {
            format!(
                "  {:?} from {} at {}: {}, {}, {}, {}",
                sequence.name,
                sequence.start,
                sequence.rate,
                text::count(sequence.length.unsigned_abs(), "frame"),
                text::count(sequence.tracks as u64, "track"),
                text::count(sequence.clips as u64, "clip"),
                text::count(sequence.markers as u64, "marker"),
            )
        }));
        lines.join("\n")
    }
}

async fn run_check(session: &Session, arguments: Check) -> Result<(), Failure> {
    let options = arguments.reading.options();
    let mut failed = false;
    for path in arguments.files {
        let (options, from) = (options.clone(), path.clone());
        match blocking(move || Format::read_file(&from, &options, &SystemClock)).await {
            Ok(found) => {
                let checked = Checked::new(path, found);
                failed |= checked.issues.iter().any(|issue| issue.kind.is_error());
                session.out.record(&checked, Checked::words)?;
                tell(session, &checked.path, &checked.issues);
            }
            Err(error) => {
                failed = true;
                session.out.error(&error);
            }
        }
    }
    if failed { Err(Failure::Told) } else { Ok(()) }
}

/// An issue a line, as compilers write theirs: file, line, kind, sentence.
fn tell(session: &Session, path: &Path, issues: &[Issue]) {
    for issue in issues {
        let line = issue.line.map_or_else(String::new, |line| format!("{line}:"));
        let (kind, message) = (text::word(issue.kind), issue.message.replace('\n', " "));
        session.out.note(format!("{}:{line} {kind}: {message}", path.display()));
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> crate::Result<T> + Send + 'static,
) -> crate::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "cli.timeline", "the work has broken off")
            .caused_by(cause)
    })?
}
