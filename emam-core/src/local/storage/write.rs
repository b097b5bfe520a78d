//! Whole objects in, and out for good.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::backend::{CopyOptions, Key, Outcome, PutFileOptions, PutOptions, Stat};
use crate::checksum::{check_md5, given_md5, md5_of};
use crate::error::{Error, ErrorKind, Result};
use crate::local::blocking::Stop;
use crate::local::error::io_error;

use super::folder::Folder;

impl Folder {
    pub(super) fn put(&self, key: &Key, body: &[u8], options: &PutOptions) -> Result<Stat> {
        let operation = "storage.put";
        self.check_free(operation, key, options.create_only)?;
        if let Some(md5) = &options.md5 {
            check_md5(operation, &given_md5(operation, md5)?, &md5_of(body))
                .map_err(|error| error.with("key", key))?;
        }
        let staged = self.stage_bytes(operation, body)?;
        self.publish(operation, key, &staged.path, options.create_only)?;
        Ok(Stat::new(key.clone(), body.len() as u64))
    }

    pub(super) fn put_file(
        &self,
        key: &Key,
        file: &Path,
        options: &PutFileOptions,
        stop: &Stop,
    ) -> Result<Stat> {
        let operation = "storage.put_file";
        self.check_free(operation, key, options.create_only)?;
        let fail = |e| io_error(operation, file, e);
        // Asked before opening: opening a pipe would wait for its other end.
        let kind = fs::metadata(file).map_err(fail)?;
        if !kind.is_file() {
            return Err(Error::invalid(operation, "only plain files can be stored")
                .with("path", file.display()));
        }
        let is_link = fs::symlink_metadata(file).map_err(fail)?.is_symlink();
        let source = File::open(file).map_err(fail)?;
        let size = source.metadata().map_err(fail)?.len();
        if options.consume && !is_link && self.take(key, file, &source, options.create_only)? {
            return Ok(Stat::new(key.clone(), size));
        }
        let (staged, copied) = self.stage_copy(operation, key, &source, size, stop)?;
        if copied != size || source.metadata().map_err(fail)?.len() != size {
            return Err(Error::new(
                ErrorKind::Integrity,
                operation,
                "the file changed while it was read; store it once it is at rest",
            )
            .with("path", file.display()));
        }
        stop.check(operation)?;
        self.publish(operation, key, &staged.path, options.create_only)?;
        if options.consume {
            fs::remove_file(file).map_err(fail)?;
        }
        Ok(Stat::new(key.clone(), size))
    }

    /// Makes a file the object without copying it, if it lies on the same disk.
    fn take(&self, key: &Key, file: &Path, open: &File, create_only: bool) -> Result<bool> {
        let operation = "storage.put_file";
        open.sync_all().map_err(|e| io_error(operation, file, e))?;
        match self.publish(operation, key, file, create_only) {
            Ok(()) => match fs::remove_file(file) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error(operation, file, e)),
                _ => Ok(true),
            },
            Err(error) if is_other_disk(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn copy(
        &self,
        from: &Key,
        to: &Key,
        options: CopyOptions,
        stop: &Stop,
    ) -> Result<Stat> {
        let operation = "storage.copy";
        let (source, size) = self.open_object(operation, from)?;
        self.check_free(operation, to, options.create_only)?;
        let (staged, copied) = self.stage_copy(operation, to, &source, size, stop)?;
        if copied != size {
            return Err(self.changed(operation, from));
        }
        stop.check(operation)?;
        self.publish(operation, to, &staged.path, options.create_only)?;
        Ok(Stat::new(to.clone(), size))
    }

    pub(super) fn delete(&self, keys: &[Key]) -> Result<Vec<Outcome>> {
        let mut touched = BTreeSet::new();
        let outcomes = keys
            .iter()
            .map(|key| {
                let result = self.delete_one(key).map(|dir| touched.extend(dir));
                Outcome { item: key.to_string(), result: result.map_err(|e| e.to_info()) }
            })
            .collect();
        for dir in touched {
            self.sync_dir("storage.delete", &dir)?;
        }
        Ok(outcomes)
    }

    /// Removes one object and gives the folder whose names have changed, if one has.
    fn delete_one(&self, key: &Key) -> Result<Option<PathBuf>> {
        let operation = "storage.delete";
        let Some(path) = self.existing_path(operation, key)? else {
            return Ok(None);
        };
        match fs::symlink_metadata(&path) {
            // A folder is no object.
            Ok(meta) if meta.is_dir() => return Ok(None),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.error(operation, Some(key), &path, e)),
        }
        match fs::remove_file(&path) {
            Ok(()) => Ok(Some(self.prune_above(&path))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.error(operation, Some(key), &path, e)),
        }
    }
}

fn is_other_disk(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|io| io.kind() == io::ErrorKind::CrossesDevices)
}
