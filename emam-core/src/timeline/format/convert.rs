//! From one format into others.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Format, ReadOptions, WriteOptions, Written};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::timeline::Issue;

/// What a conversion has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Converted {
    /// What was not understood, contradicts itself or had to be guessed in the file that was read.
    pub issues: Vec<Issue>,
    /// What was written, in the order asked for.
    pub outputs: Vec<ConvertedOutput>,
}

/// One output of a conversion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConvertedOutput {
    /// The file asked for.
    pub path: PathBuf,
    /// The files beside it, where the sequence was split into several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<PathBuf>,
    /// What its format could not say.
    pub issues: Vec<Issue>,
}

/// Reads a timeline file and writes it in the formats of other files, each named by its extension.
/// Blocks.
///
/// Nothing is written unless all of them can be.
///
/// ```
/// use emam_core::clock::SystemClock;
/// use emam_core::timeline::format::{ReadOptions, WriteOptions, convert};
///
/// let folder = tempfile::tempdir()?;
/// let (from, to) = (folder.path().join("words.srt"), folder.path().join("words.vtt"));
/// std::fs::write(&from, "1\n00:00:01,000 --> 00:00:02,500\nIt rains.\n")?;
/// let outputs = std::slice::from_ref(&to);
/// let (read, write) = (ReadOptions::default(), WriteOptions::default());
/// let converted = convert(&from, outputs, &read, &write, &SystemClock)?;
/// assert_eq!(converted.outputs[0].path, to);
/// assert!(std::fs::read_to_string(&to)?.contains("00:00:01.000 --> 00:00:02.500"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Format::read_file`], [`Format::write`] and [`Written::save`];
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) where no output is named.
pub fn convert(
    from: &Path,
    outputs: &[PathBuf],
    read: &ReadOptions,
    write: &WriteOptions,
    clock: &dyn Clock,
) -> Result<Converted> {
    if outputs.is_empty() {
        let message = "no file to be written is named; name one for each format";
        return Err(Error::invalid("timeline.convert", message).with("from", from.display()));
    }
    // Before a large file is read for an output that cannot be.
    let formats = outputs.iter().map(|path| Format::of_path(path)).collect::<Result<Vec<_>>>()?;
    let found = Format::read_file(from, read, clock)?;
    let written = formats
        .into_iter()
        .map(|format| {
            format.write(&found.document, write).map_err(|error| error.with("from", from.display()))
        })
        .collect::<Result<Vec<Written>>>()?;
    let outputs = outputs
        .iter()
        .zip(written)
        .map(|(path, written)| {
            let mut paths = written.save(path, clock)?;
            let more = paths.split_off(1.min(paths.len()));
            Ok(ConvertedOutput { path: path.clone(), more, issues: written.issues })
        })
        .collect::<Result<_>>()?;
    Ok(Converted { issues: found.issues, outputs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::timeline::samples::clock;

    fn convert(from: &Path, outputs: &[PathBuf]) -> Result<Converted> {
        let (read, write) = (ReadOptions::default(), WriteOptions::default());
        super::convert(from, outputs, &read, &write, &clock())
    }

    #[test]
    fn an_output_that_cannot_be_is_refused_before_anything_is_read_or_written() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("gone.otio");
        let good = folder.path().join("rough.edl");
        let error = convert(&from, &[good.clone(), "rough.mov".into()]).unwrap_err();
        assert_eq!((error.kind(), error.get("path")), (ErrorKind::InvalidInput, Some("rough.mov")));
        assert!(!good.exists());
        let error = convert(&from, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = convert(&from, &[good]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
