//! A sequence in the files of other programs, read back, and relinked where its media has moved.

use std::path::Path;

use emam_core::clock::SystemClock;
use emam_core::id::AssetId;
use emam_core::library::{ExportOptions, ImportOptions};
use emam_core::model::{Sequence, Track, TrackKind};
use emam_core::time::MediaTime;
use emam_core::timeline::format::{Flavour, Format, ReadOptions, file_url};
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

/// Takes the files as they would come from a machine where the media lies elsewhere, and puts their
/// clips on the media of the library.
pub(crate) async fn relink(library: &Library, sequence: &Sequence, out: &Path) -> Result<()> {
    show::heading("Relink");
    let text = std::fs::read_to_string(out.join("rough.xml")).map_err(failed)?;
    let here = file_url(&std::path::absolute(out).map_err(failed)?)?;
    let here = here.trim_start_matches("file://");
    let moved = out.join("moved.xml");
    std::fs::write(&moved, text.replace(here, "/Volumes/Old%20Disk")).map_err(failed)?;
    let project = library.projects().create("From elsewhere").await?;
    // One knows ids and paths that lead nowhere, the other names alone.
    for file in [moved, out.join("rough.edl")] {
        let options = ImportOptions { rate: Some(sequence.rate), ..ImportOptions::default() };
        let imported = library.sequences().import(project.id, &file, options).await?;
        println!("{}:\n{}", file.display(), imported.plan);
        tell(&imported.issues);
        if imported.sequences.first().map(shown) != Some(shown(sequence)) {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "demo.relink",
                "the relinked sequence shows other frames than the one that was exported",
            )
            .with("file", file.display()));
        }
    }
    println!("every picture is where it was");
    Ok(())
}

/// What is seen: of which asset which frames, for how long.
fn shown(sequence: &Sequence) -> Vec<(Option<AssetId>, MediaTime, i64)> {
    let first = sequence.tracks.iter().find(|track| track.kind == TrackKind::Video);
    let clips = first.into_iter().flat_map(Track::clips);
    clips
        .map(|clip| {
            let asset = clip.source.asset().map(|source| source.asset);
            (asset, clip.source_start, clip.duration)
        })
        .collect()
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
