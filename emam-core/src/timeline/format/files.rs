//! Timeline files on a disk: read up to a limit, written whole or not at all.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Format, ReadDocument, ReadOptions, Written, WrittenFile};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::io::io_error;

impl Format {
    /// Reads a timeline file; its extension names the format, and it is what a sequence without a
    /// name is called unless `options` say otherwise. Blocks.
    ///
    /// # Errors
    /// As [`Format::of_path`] and [`Format::read`]; [`NotFound`](ErrorKind::NotFound) where there is
    /// no such file, [`Unavailable`](ErrorKind::Unavailable) where it cannot be read. All name the
    /// file.
    pub fn read_file(
        path: &Path,
        options: &ReadOptions,
        clock: &dyn Clock,
    ) -> Result<ReadDocument> {
        let format = Self::of_path(path)?;
        let bytes = read_limited(path, options.max_bytes)?;
        let mut options = options.clone();
        if options.name.is_none() {
            options.name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        }
        format.read(&bytes, &options, clock).map_err(|error| error.with("path", path.display()))
    }
}

/// The bytes of a file, and of one that is too large no more than it takes to tell.
fn read_limited(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|cause| io_error("timeline.read", path, cause))?;
    Ok(bytes)
}

impl WrittenFile {
    /// Where it goes when `path` was asked for: `rough.V2.edl` beside `rough.edl`.
    pub fn path(&self, path: &Path) -> PathBuf {
        if self.part.is_empty() {
            return path.to_owned();
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(".");
        name.push(&self.part);
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    }
}

impl Written {
    /// Puts the files on the disk, the first as `path` and the others beside it; returns their
    /// paths. Each is there whole or as it was before. Blocks.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) naming the file that cannot be written; those before
    /// it are.
    pub fn save(&self, path: &Path, clock: &dyn Clock) -> Result<Vec<PathBuf>> {
        self.files
            .iter()
            .map(|file| {
                let path = file.path(path);
                write_whole(&path, &file.text, clock)?;
                Ok(path)
            })
            .collect()
    }
}

fn write_whole(path: &Path, text: &str, clock: &dyn Clock) -> Result<()> {
    let partial = path.with_file_name(format!(".{}.part", clock.new_uuid().simple()));
    let result = std::fs::write(&partial, text)
        .and_then(|()| File::open(&partial)?.sync_all())
        .and_then(|()| std::fs::rename(&partial, path));
    if result.is_err() {
        // Whatever of it was written is in nobody's way.
        let _ = std::fs::remove_file(&partial);
    }
    result.map_err(|cause| {
        let message = "the file cannot be written; check that its folder is there and has room";
        Error::new(ErrorKind::Unavailable, "timeline.write", message)
            .with("path", path.display())
            .caused_by(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples::clock;

    #[test]
    fn the_parts_of_a_split_lie_beside_the_file_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rough.cut.edl");
        let part = |part: &str| WrittenFile { part: part.into(), text: part.into() };
        let written =
            Written { files: vec![part(""), part("V2"), part("A1.2")], issues: Vec::new() };
        let paths = written.save(&path, &clock()).unwrap();
        let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap()).collect();
        assert_eq!(names, ["rough.cut.edl", "rough.cut.V2.edl", "rough.cut.A1.2.edl"]);
        assert_eq!(std::fs::read_to_string(&paths[2]).unwrap(), "A1.2");
        assert_eq!(folder.path().read_dir().unwrap().count(), 3, "nothing half-written is left");
    }

    #[test]
    fn what_cannot_be_written_or_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone/rough.otio");
        let written = Written::one("{}".into(), Vec::new());
        let error = written.save(&path, &clock()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.get("path"), Some(path.display().to_string().as_str()));
        let error = Format::read_file(&path, &ReadOptions::default(), &clock()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.get("path"), Some(path.display().to_string().as_str()));
    }

    #[test]
    fn a_file_that_is_too_large_is_not_taken_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.srt");
        std::fs::write(&path, vec![b' '; 1000]).unwrap();
        assert_eq!(read_limited(&path, 10).unwrap().len(), 11);
        let options = ReadOptions { max_bytes: 10, ..ReadOptions::default() };
        let error = Format::read_file(&path, &options, &clock()).unwrap_err();
        assert_eq!((error.kind(), error.get("max_bytes")), (ErrorKind::InvalidInput, Some("10")));
    }
}
