//! `emam consolidate`: the media of a sequence, for hand-over.

use std::path::PathBuf;

use clap::Args;

use super::names::named;
use super::output::Failure;
use super::runs::watch;
use super::session::{Session, Use};
use super::text;
use crate::error::Error;
use crate::id::SequenceId;
use crate::timeline::format::Target;
use crate::workflow::ConsolidateOptions;

/// Copies the media of a sequence into a new folder, with the sequence as .otio and .xml beside it.
///
/// Every copy is read back and verified. The folder is there whole when it is done, and not at all
/// before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  emam consolidate 0199f2c4-5d1e-7c31-a2a5-6f2f8d4c1b7e hand-over
  emam consolidate 0199f2c4-5d1e-7c31-a2a5-6f2f8d4c1b7e hand-over --trim --handles 25
  emam consolidate 0199f2c4-5d1e-7c31-a2a5-6f2f8d4c1b7e --dry-run")]
pub(super) struct Arguments {
    /// The id of the sequence.
    sequence: SequenceId,
    /// The folder to be made.
    #[arg(required_unless_present = "dry_run")]
    folder: Option<PathBuf>,
    /// Which files are copied; `original` unless given.
    #[arg(long, value_parser = named::<Target>())]
    target: Option<Target>,
    /// Copies only what is used, from a keyframe to a keyframe, without encoding it again.
    #[arg(long)]
    trim: bool,
    /// Frames of the media kept before and after what is used.
    #[arg(long, default_value_t = 0, hide_default_value = true, requires = "trim")]
    handles: u32,
    /// Says what would be copied, and copies nothing.
    #[arg(long)]
    dry_run: bool,
    /// Only registers the work; whoever next works on the library does it.
    #[arg(long, conflicts_with = "dry_run")]
    no_wait: bool,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    let mut options =
        ConsolidateOptions::default().with_target(arguments.target.unwrap_or_default());
    if arguments.trim {
        options = options.trimmed(arguments.handles);
    }
    let reads = arguments.no_wait || arguments.dry_run;
    let library = session.open(if reads { Use::Read } else { Use::Work }).await?;
    if arguments.dry_run {
        let plan = library.sequences().plan_consolidate(arguments.sequence, options).await?;
        session.out.record(&plan, |plan| {
            let files = plan.files.iter().map(|file| match file.first_frame.zip(file.frames) {
                Some((first, frames)) => {
                    format!("{}  {} bytes whole, frames {first}+{frames}\n", file.name, file.size)
                }
                None => format!("{}  {} bytes\n", file.name, file.size),
            });
            files.collect::<String>() + &format!("{} bytes at most", plan.bytes)
        })?;
        return Ok(());
    }
    let folder = arguments
        .folder
        .ok_or_else(|| Error::invalid("cli.consolidate", "name the folder to be made"))?;
    let mut handle = library.sequences().consolidate(arguments.sequence, &folder, options).await?;
    if arguments.no_wait {
        session.out.record(&library.runs().get(handle.id()).await?, text::run)?;
        return Ok(());
    }
    watch(&session.out, &mut handle, &folder.display().to_string()).await?;
    let made = handle.join().await?;
    for file in &made.files {
        if let Some(note) = &file.note {
            session.out.note(format!("note: {} is whole: {note}", file.path.display()));
        }
    }
    for issue in &made.issues {
        session.out.note(format!("note: {}", issue.message));
    }
    session
        .out
        .record(&made, |made| format!("{}  ({} files)", made.folder.display(), made.files.len()))
}
