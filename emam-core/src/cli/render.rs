//! `emam render`: a sequence as a media file.

use std::path::PathBuf;

use clap::Args;

use super::names::named;
use super::output::Failure;
use super::runs::watch;
use super::session::{Session, Use};
use super::text;
use crate::backend::{BurnIn, RenderFormat};
use crate::error::{Error, Result};
use crate::id::SequenceId;
use crate::time::{Rate, TimeRange};
use crate::timeline::format::Target;
use crate::workflow::{CopyMode, RenderOptions};

/// Renders a sequence to one media file, exact by frame and by sample.
///
/// The file is there whole when it is done, and not at all before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  emam render 0199f2c4-5d1e-7c31-a2a5-6f2f8d4c1b7e rough.mp4
  emam render 0199f2c4-5d1e-7c31-a2a5-6f2f8d4c1b7e review.mp4 --target proxy --timecode --name
  emam render 0199f2c4-5d1e-7c31-a2a5-6f2f8d4c1b7e shot.mov --format mezzanine \\
      --range 250+50 --handles 12")]
pub(super) struct Arguments {
    /// The id of the sequence.
    sequence: SequenceId,
    /// The file to be made; its extension names the container.
    file: PathBuf,
    /// Which files the clips are read from; `original` unless given.
    #[arg(long, value_parser = named::<Target>())]
    target: Option<Target>,
    /// How the file is encoded; `h264` unless given.
    #[arg(long, value_parser = named::<RenderFormat>())]
    format: Option<RenderFormat>,
    /// Only these frames of the sequence, as START+LENGTH; may be given many times.
    #[arg(long = "range", value_name = "START+LENGTH")]
    ranges: Vec<String>,
    /// Frames before and after each range.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    handles: u32,
    /// Draws the timecode into the picture.
    #[arg(long)]
    timecode: bool,
    /// Draws the names of the clips into the picture.
    #[arg(long)]
    name: bool,
    /// Whether pictures are copied as they are stored; `auto` unless given.
    #[arg(long, value_parser = named::<CopyMode>())]
    copy: Option<CopyMode>,
    /// The size of the picture, as WIDTHxHEIGHT; that of the sequence unless given.
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    size: Option<String>,
    /// Replaces a file that is there already.
    #[arg(long)]
    overwrite: bool,
    /// Only registers the work; whoever next works on the library does it.
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    let to = if arguments.no_wait { Use::Read } else { Use::Work };
    let library = session.open(to).await?;
    let rate = library.sequences().get(arguments.sequence).await?.rate;
    let options = options(&arguments, rate)?;
    let mut handle =
        library.sequences().render(arguments.sequence, &arguments.file, options).await?;
    if arguments.no_wait {
        session.out.record(&library.runs().get(handle.id()).await?, text::run)?;
        return Ok(());
    }
    watch(&session.out, &mut handle, &arguments.file.display().to_string()).await?;
    let rendered = handle.join().await?;
    for issue in &rendered.issues {
        session.out.note(format!("note: {}", issue.message));
    }
    session.out.record(&rendered, |rendered| {
        let how = if rendered.copied { "copied" } else { "encoded" };
        format!("{}  ({} frames, {how})", rendered.path.display(), rendered.frames)
    })
}

fn options(arguments: &Arguments, rate: Rate) -> Result<RenderOptions> {
    let mut options = RenderOptions::default()
        .with_target(arguments.target.unwrap_or_default())
        .with_format(arguments.format.unwrap_or_default())
        .with_handles(arguments.handles)
        .with_burn_in(BurnIn { timecode: arguments.timecode, name: arguments.name })
        .with_copy(arguments.copy.unwrap_or_default())
        .with_overwrite(arguments.overwrite);
    for text in &arguments.ranges {
        let (start, length) = pair(text, '+', "a range is START+LENGTH in frames, such as 250+50")?;
        options = options.with_range(TimeRange::new(start, length, rate)?);
    }
    if let Some(text) = &arguments.size {
        let (width, height) = pair(text, 'x', "a size is WIDTHxHEIGHT, such as 1280x720")?;
        options = options.with_size(width, height);
    }
    Ok(options)
}

fn pair<T: std::str::FromStr>(text: &str, between: char, message: &'static str) -> Result<(T, T)> {
    text.split_once(between)
        .and_then(|(one, two)| Some((one.parse().ok()?, two.parse().ok()?)))
        .ok_or_else(|| Error::invalid("cli.render", message).with("given", text))
}
