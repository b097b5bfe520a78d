//! Objects out.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;

use bytes::Bytes;
use futures_util::{Stream, stream};
use rustix::fs::OFlags;

use crate::backend::{ByteRange, GetOptions, Key, Stat};
use crate::error::{Error, ErrorKind, Result};
use crate::local::blocking::blocking;
use crate::local::error::{io_error, is_link_loop};

use super::folder::Folder;

/// Bytes of one chunk of a body.
const CHUNK_SIZE: u64 = 1 << 20;

impl Folder {
    pub(super) fn stat(&self, operation: &'static str, key: &Key) -> Result<Stat> {
        let Some(path) = self.existing_path(operation, key)? else {
            return Err(self.missing(operation, key));
        };
        match path.symlink_metadata() {
            Ok(meta) if meta.is_file() => Ok(Stat::new(key.clone(), meta.len())),
            Ok(meta) if meta.is_symlink() => Err(self.link_refused(operation, key, &path)),
            Ok(_) => Err(self.missing(operation, key)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(self.missing(operation, key)),
            Err(e) => Err(self.error(operation, Some(key), &path, e)),
        }
    }

    /// Opens an object and tells its size.
    pub(super) fn open_object(&self, operation: &'static str, key: &Key) -> Result<(File, u64)> {
        let Some(path) = self.existing_path(operation, key)? else {
            return Err(self.missing(operation, key));
        };
        let fail = |e| self.error(operation, Some(key), &path, e);
        // Without waiting: somebody may have put a pipe there.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened =
            OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(self.missing(operation, key));
            }
            Err(e) if is_link_loop(&e) => return Err(self.link_refused(operation, key, &path)),
            Err(e) => return Err(fail(e)),
        };
        let meta = file.metadata().map_err(fail)?;
        if !meta.is_file() {
            return Err(self.missing(operation, key));
        }
        Ok((file, meta.len()))
    }

    pub(super) fn changed(&self, operation: &'static str, key: &Key) -> Error {
        changed(operation, key)
    }

    pub(super) fn read(&self, key: &Key, options: GetOptions) -> Result<Reading> {
        let operation = "storage.get";
        let (mut file, size) = self.open_object(operation, key)?;
        let range =
            options.range.map_or(Ok(0..size), |range: ByteRange| range.within(size, key))?;
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start))
                .map_err(|e| self.error(operation, Some(key), self.root(), e))?;
        }
        Ok(Reading { key: key.clone(), file, size, position: range.start, range })
    }
}

fn changed(operation: &'static str, key: &Key) -> Error {
    Error::new(
        ErrorKind::Integrity,
        operation,
        "the file of this object was changed in place while it was read; nothing but the library \
         may write into its folders",
    )
    .with("key", key)
}

/// An object that is being read.
pub(super) struct Reading {
    key: Key,
    file: File,
    size: u64,
    range: Range<u64>,
    position: u64,
}

impl Reading {
    pub(super) fn stat(&self) -> Stat {
        Stat::new(self.key.clone(), self.size)
    }

    pub(super) fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    fn next(&mut self) -> Result<Option<Bytes>> {
        let operation = "storage.get";
        let fail = |e| io_error(operation, self.key.as_str().as_ref(), e);
        let wanted = CHUNK_SIZE.min(self.range.end - self.position);
        if wanted == 0 {
            // A file that grew or shrank was never one whole object.
            let whole = self.range.end == self.size;
            if whole && self.file.metadata().map_err(fail)?.len() != self.size {
                return Err(changed(operation, &self.key));
            }
            return Ok(None);
        }
        // One more, lest reading to the end makes the buffer grow to see that there is no more.
        let mut chunk = Vec::with_capacity(wanted as usize + 1);
        let count = (&self.file).take(wanted).read_to_end(&mut chunk).map_err(fail)?;
        if count as u64 != wanted {
            return Err(changed(operation, &self.key));
        }
        self.position += wanted;
        Ok(Some(chunk.into()))
    }
}

/// The bytes of an object, each chunk read when it is asked for.
pub(super) fn chunks(reading: Reading) -> impl Stream<Item = Result<Bytes>> + Send {
    stream::try_unfold(reading, |mut reading| {
        blocking("storage.get", move |_| Ok(reading.next()?.map(|chunk| (chunk, reading))))
    })
}
