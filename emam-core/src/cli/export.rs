//! `emam export`: a sequence for another program.

use std::path::PathBuf;

use clap::Args;

use super::names::named;
use super::output::Failure;
use super::session::{Session, Use};
use crate::id::SequenceId;
use crate::library::ExportOptions;
use crate::timeline::format::Target;

/// Writes a sequence to a file for editing programs; its extension names the format.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  emam export 0199f2c4-5d1e-7c31-a2a5-6f2f8d4c1b7e rough.otio --target proxy")]
pub(super) struct Arguments {
    /// The id of the sequence.
    sequence: SequenceId,
    /// The file to be written.
    file: PathBuf,
    /// Which files the clips point to; `original` unless given.
    #[arg(long, value_parser = named::<Target>())]
    target: Option<Target>,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    let library = session.open(Use::Read).await?;
    let options = ExportOptions::default().with_target(arguments.target.unwrap_or_default());
    let exported = library.sequences().export(arguments.sequence, &arguments.file, options).await?;
    for issue in &exported.issues {
        session.out.note(format!("note: {}", issue.message));
    }
    session.out.record(&exported, |exported| exported.path.display().to_string())
}
