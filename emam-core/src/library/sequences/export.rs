//! Sequences as files for other programs.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sequences;
use crate::error::{Error, ErrorKind, Result};
use crate::id::SequenceId;
use crate::timeline::format::{Format, Target, WriteOptions, Written};
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
        if options.target != Target::Original {
            for (source, media) in document.media.iter() {
                issues.extend(self.unfit_proxies(&source, &media.name).await?);
            }
        }
        let written = format.write(&document, &options)?;
        issues.extend(written.issues.iter().cloned());
        let mut paths = self.save(path.to_owned(), written).await?;
        Ok(Exported { path: path.to_owned(), more: paths.split_off(1.min(paths.len())), issues })
    }

    /// Puts files on the disk beside the threads that wait for nothing.
    async fn save(&self, path: PathBuf, written: Written) -> Result<Vec<PathBuf>> {
        let library = self.library.clone();
        let saved =
            tokio::task::spawn_blocking(move || written.save(&path, &*library.backends().clock));
        saved.await.map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "sequences.export", "writing has broken off")
                .caused_by(cause)
        })?
    }
}
