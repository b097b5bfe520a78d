//! Sequences as files for other programs.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sequences;
use crate::error::{Error, ErrorKind, Result};
use crate::id::SequenceId;
use crate::timeline::format::{Format, WriteOptions};
use crate::timeline::{self, Issue};

/// How to export a sequence.
pub type ExportOptions = WriteOptions;

/// What an export has written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exported {
    /// The file asked for.
    pub path: PathBuf,
    /// The files beside it, where the sequence was split into several.
    #[serde(default)]
    pub more: Vec<PathBuf>,
    /// What the reader of the file should know: clips whose media is gone, what the format cannot
    /// say, and the like.
    pub issues: Vec<Issue>,
}

impl Sequences {
    /// Writes a sequence to a file; its extension names the format.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an extension that names no format;
    /// [`Unavailable`](ErrorKind::Unavailable) where the file cannot be written: then what was there
    /// before is there still.
    pub async fn export(
        &self,
        id: SequenceId,
        path: impl AsRef<Path>,
        options: ExportOptions,
    ) -> Result<Exported> {
        let path = path.as_ref();
        let format = Format::of_path(path)?;
        let (document, mut issues) = self.document(id).await?;
        for sequence in &document.sequences {
            issues.extend(timeline::check(sequence, &|source| document.media.summary(source)));
        }
        let written = format.write(&document, &options)?;
        issues.extend(written.issues);
        let mut paths = Vec::new();
        for file in written.files {
            let path = beside(path, &file.part);
            write_whole(path.clone(), file.text, self.clock().new_uuid()).await?;
            paths.push(path);
        }
        Ok(Exported { path: path.to_owned(), more: paths.split_off(1.min(paths.len())), issues })
    }
}

/// The path of a part of an export: `rough.V2.edl` beside `rough.edl`.
fn beside(path: &Path, part: &str) -> PathBuf {
    if part.is_empty() {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(".");
    name.push(part);
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Writes a file so that it is there whole or as it was before.
async fn write_whole(path: PathBuf, text: String, unique: uuid::Uuid) -> Result<()> {
    let written = tokio::task::spawn_blocking(move || {
        let partial = path.with_file_name(format!(".{}.part", unique.simple()));
        let result = std::fs::write(&partial, text)
            .and_then(|()| std::fs::File::open(&partial)?.sync_all())
            .and_then(|()| std::fs::rename(&partial, &path));
        if result.is_err() {
            // Whatever of it was written is in nobody's way.
            let _ = std::fs::remove_file(&partial);
        }
        result.map_err(|cause| {
            Error::new(
                ErrorKind::Unavailable,
                "sequences.export",
                "the file cannot be written; check that its folder is there and has room",
            )
            .with("path", path.display())
            .caused_by(cause)
        })
    });
    written.await.map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "sequences.export", "writing has broken off")
            .caused_by(cause)
    })?
}
