//! A sequence in the files of other programs, read back, and relinked where its media has moved.

use std::path::Path;

use emam_core::clock::SystemClock;
use emam_core::library::{ExportOptions, ImportOptions};
use emam_core::model::{ClipSource, Sequence};
use emam_core::time::MediaTime;
use emam_core::timeline::format::{Flavour, Format, ReadOptions};
use emam_core::timeline::{Issue, length};
use emam_core::{Error, ErrorKind, Library, Result};

use crate::show;

/// Writes the sequence in every format and says what is read in each file.
pub(crate) async fn write(library: &Library, sequence: &Sequence, out: &Path) -> Result<()> {
    for format in Format::ALL {
        let path = out.join(format!("rough.{}", format.extension()));
        let flavour = match format {
            Format::Xmeml => Flavour::Premiere,
            _ => Flavour::Plain,
        };
        let options = ExportOptions::default().with_flavour(flavour);
        let exported = library.sequences().export(sequence.id, &path, options).await?;
        let read = ReadOptions::default().with_rate(sequence.rate);
        let back = Format::read_file(&path, &read, &SystemClock)?;
        let (clips, media) = match back.document.sequences.first() {
            Some(first) => (first.clips().count(), back.document.media.len()),
            None => (0, back.document.media.len()),
        };
        let frames = back.document.sequences.first().map_or(0, length);
        println!(
            "written: {}; read back: {clips} clips, {media} media, {frames} frames",
            path.display()
        );
        tell(&exported.issues);
        tell(&back.issues);
    }
    Ok(())
}

/// Takes the Premiere file as it would come from a machine where the media lies elsewhere, and puts
/// its clips on the media of the library.
pub(crate) async fn relink(library: &Library, sequence: &Sequence, out: &Path) -> Result<()> {
    show::heading("Relink");
    let text = std::fs::read_to_string(out.join("rough.xml")).map_err(failed)?;
    let here = std::path::absolute(out).map_err(failed)?;
    let here = here.to_string_lossy().replace(' ', "%20");
    let moved = out.join("moved.xml");
    std::fs::write(&moved, text.replace(&*here, "/Volumes/Old%20Disk")).map_err(failed)?;
    let project = library.projects().create("From elsewhere").await?;
    let imported = library.sequences().import(project.id, &moved, ImportOptions::default()).await?;
    println!("{}", imported.plan);
    tell(&imported.issues);
    let found = imported.sequences.first().map(shown).unwrap_or_default();
    if found != shown(sequence) {
        return Err(Error::new(
            ErrorKind::Unexpected,
            "demo.relink",
            "the relinked sequence shows other frames than the one that was exported",
        )
        .with("file", moved.display()));
    }
    println!("every clip shows the frames it showed before");
    Ok(())
}

/// What a sequence shows: of which source which frames, for how long.
fn shown(sequence: &Sequence) -> Vec<(ClipSource, MediaTime, i64)> {
    let clip = |clip: &emam_core::model::Clip| {
        let source = match &clip.source {
            // A relinked clip is of the version it was found as.
            ClipSource::Asset(source) => emam_core::model::AssetSource::new(source.asset).into(),
            other => other.clone(),
        };
        (source, clip.source_start, clip.duration)
    };
    sequence.clips().map(clip).collect()
}

fn tell(issues: &[Issue]) {
    for issue in issues {
        println!("  issue: {}", issue.message);
    }
}

fn failed(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "demo.relink", "a timeline file cannot be moved")
        .caused_by(cause)
}
