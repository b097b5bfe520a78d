//! Uploads in parts, which outlive their process.
//!
//! An upload is a folder of three files: what it is for, the parts in one sparse file, and a
//! journal of the parts. A part counts once the journal says it is done, which is written after
//! its bytes; before its bytes are touched again the journal takes that back. So a writer killed
//! at any instant leaves no part listed that is not there. (A power cut may; the bytes of a stored
//! object are verified after the upload, not believed.)

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::backend::storage_rules::{check_part, whole_size};
use crate::backend::{Key, Part, PutOptions, Stat, Upload};
use crate::checksum::{check_md5, given_md5, hex};
use crate::error::{Error, ErrorKind, Result};

use super::folder::Folder;
use super::{PART_SIZE, UnfinishedUpload};

/// What an upload is for.
#[derive(Debug, Serialize, Deserialize)]
struct Purpose {
    key: Key,
    create_only: bool,
    md5: Option<String>,
}

/// The files of one upload.
struct Files {
    dir: PathBuf,
}

impl Files {
    /// While this is there the upload is: it comes first and goes first.
    fn purpose(&self) -> PathBuf {
        self.dir.join("upload.json")
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn journal(&self) -> PathBuf {
        self.dir.join("parts")
    }
}

impl Folder {
    pub(super) fn upload_begin(&self, key: &Key, options: PutOptions) -> Result<Upload> {
        let operation = "storage.upload_begin";
        let md5 = options.md5.map(|md5| given_md5(operation, &md5)).transpose()?;
        self.check_free(operation, key, options.create_only)?;
        let purpose = Purpose { key: key.clone(), create_only: options.create_only, md5 };
        let text = serde_json::to_vec(&purpose).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, operation, "the upload cannot be written as JSON")
                .caused_by(cause)
        })?;
        let staged = self.stage_bytes(operation, &text)?;
        loop {
            let id = self.clock.new_uuid().to_string();
            let files = Files { dir: self.uploads().join(&id) };
            let begun =
                fs::create_dir(&files.dir).and_then(|()| fs::rename(&staged.path, files.purpose()));
            match begun {
                Ok(()) => return Ok(Upload { id, key: key.clone() }),
                // A clock that stands still makes the ids of its predecessor again.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                // A sweeper took the empty folder for one that nobody needs.
                Err(e) if e.kind() == io::ErrorKind::NotFound && staged.path.exists() => {}
                Err(e) => {
                    let _ = fs::remove_dir(&files.dir);
                    return Err(self.error(operation, Some(key), &files.dir, e));
                }
            }
        }
    }

    pub(super) fn upload_part(&self, upload: &Upload, number: u32, body: &[u8]) -> Result<Part> {
        let operation = "storage.upload_part";
        let (files, _) = self.upload(operation, upload)?;
        let size = body.len() as u64;
        check_part(operation, upload, number, size, PART_SIZE)?;
        let fail = |path: &Path, e: io::Error| match e.kind() {
            // Aborted or completed this instant.
            io::ErrorKind::NotFound => no_upload(operation, upload),
            _ => self.error(operation, Some(&upload.key), path, e),
        };
        let open = |path: &Path, append: bool| {
            OpenOptions::new()
                .write(true)
                .append(append)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(|e| fail(path, e))
        };
        let (data, journal) = (files.data(), files.journal());
        let data_file = open(&data, false)?;
        let mut journal_file = open(&journal, true)?;
        journal_file.write_all(&taken_back(number)).map_err(|e| fail(&journal, e))?;
        data_file.write_all_at(body, offset(number)).map_err(|e| fail(&data, e))?;
        journal_file.write_all(&done(number, size)).map_err(|e| fail(&journal, e))?;
        Ok(Part { number, size, checksum: None })
    }

    pub(super) fn upload_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        let operation = "storage.upload_parts";
        let (files, _) = self.upload(operation, upload)?;
        let parts = self.journalled(operation, upload, &files)?;
        // After a power cut the journal may know more than the disk.
        let length = fs::metadata(files.data()).map_or(0, |meta| meta.len());
        Ok(parts
            .into_iter()
            .map(|(number, size)| Part { number, size, checksum: None })
            .filter(|part| offset(part.number) + part.size <= length)
            .collect())
    }

    pub(super) fn upload_complete(&self, upload: &Upload) -> Result<Stat> {
        let operation = "storage.upload_complete";
        let (files, purpose) = self.upload(operation, upload)?;
        let parts = self.journalled(operation, upload, &files)?;
        let size = whole_size(operation, upload, PART_SIZE, parts.into_iter())?;
        let data = files.data();
        let fail = |e| self.error(operation, Some(&upload.key), &data, e);
        match OpenOptions::new().read(true).write(true).open(&data) {
            Ok(file) => {
                file.set_len(size).and_then(|()| file.sync_all()).map_err(fail)?;
                if let Some(md5) = &purpose.md5 {
                    let found = md5_of_file(&file).map_err(fail)?;
                    check_md5(operation, md5, &found).map_err(|e| e.with("key", &upload.key))?;
                }
                self.publish(operation, &upload.key, &data, purpose.create_only)?;
            }
            // It has its name already: whoever did that died before clearing up.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let stat = self.stat(operation, &upload.key)?;
                if stat.size != size {
                    return Err(no_upload(operation, upload));
                }
            }
            Err(e) => return Err(fail(e)),
        }
        self.forget(operation, &files)?;
        Ok(Stat::new(upload.key.clone(), size))
    }

    pub(super) fn upload_abort(&self, upload: &Upload) -> Result<()> {
        let operation = "storage.upload_abort";
        match self.upload(operation, upload) {
            Ok((files, _)) => self.forget(operation, &files),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn uploads_to(&self, key: &Key) -> Result<Vec<Upload>> {
        self.path("storage.uploads", key)?;
        let all = self.unfinished_uploads()?;
        Ok(all.into_iter().map(|found| found.upload).filter(|upload| upload.key == *key).collect())
    }

    /// Lists them oldest first, which is the order of their ids.
    pub(super) fn unfinished_uploads(&self) -> Result<Vec<UnfinishedUpload>> {
        let operation = "storage.uploads";
        let mut found = Vec::new();
        for (id, files) in self.upload_dirs(operation)? {
            let Ok(purpose) = self.purpose(operation, &files) else { continue };
            let touched = fs::metadata(files.journal())
                .or_else(|_| fs::metadata(files.purpose()))
                .and_then(|meta| meta.modified());
            // Gone meanwhile, or a time no calendar has.
            let Some(touched_at) = touched.ok().and_then(|time| Timestamp::try_from(time).ok())
            else {
                continue;
            };
            found.push(UnfinishedUpload { upload: Upload { id, key: purpose.key }, touched_at });
        }
        found.sort_by(|a, b| a.upload.id.cmp(&b.upload.id));
        Ok(found)
    }

    /// Removes what is left of uploads that are over.
    pub(super) fn sweep_uploads(&self) -> Result<()> {
        for (_, files) in self.upload_dirs("storage.open")? {
            if !files.purpose().exists() {
                let _ = fs::remove_dir_all(&files.dir);
            }
        }
        Ok(())
    }

    fn upload_dirs(&self, operation: &'static str) -> Result<Vec<(String, Files)>> {
        let dir = self.uploads();
        let entries = fs::read_dir(&dir).map_err(|e| self.error(operation, None, &dir, e))?;
        Ok(entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| Uuid::try_parse(name).is_ok())
            .map(|id| (id.clone(), Files { dir: dir.join(id) }))
            .collect())
    }

    fn upload(&self, operation: &'static str, upload: &Upload) -> Result<(Files, Purpose)> {
        // The id becomes part of a path; ours are UUIDs and nothing else.
        let id = Uuid::try_parse(&upload.id).map_err(|_| no_upload(operation, upload))?;
        let files = Files { dir: self.uploads().join(id.to_string()) };
        match self.purpose(operation, &files) {
            Ok(purpose) if purpose.key == upload.key => Ok((files, purpose)),
            Ok(_) => Err(no_upload(operation, upload)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(no_upload(operation, upload)),
            Err(error) => Err(error),
        }
    }

    fn purpose(&self, operation: &'static str, files: &Files) -> Result<Purpose> {
        let path = files.purpose();
        let text = fs::read(&path).map_err(|e| self.error(operation, None, &path, e))?;
        serde_json::from_slice(&text).map_err(|cause| {
            Error::new(ErrorKind::Integrity, operation, "this file is damaged; abort the upload")
                .with("path", path.display())
                .caused_by(cause)
        })
    }

    fn journalled(
        &self,
        operation: &'static str,
        upload: &Upload,
        files: &Files,
    ) -> Result<BTreeMap<u32, u64>> {
        let path = files.journal();
        match fs::read(&path) {
            Ok(text) => Ok(read_journal(&text)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(e) => Err(self.error(operation, Some(&upload.key), &path, e)),
        }
    }

    fn forget(&self, operation: &'static str, files: &Files) -> Result<()> {
        let path = files.purpose();
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(self.error(operation, None, &path, e));
            }
            _ => {}
        }
        // A part that is being written may keep the folder a moment longer; it is swept then.
        let _ = fs::remove_dir_all(&files.dir);
        Ok(())
    }
}

fn no_upload(operation: &'static str, upload: &Upload) -> Error {
    Error::new(
        ErrorKind::NotFound,
        operation,
        "no such upload: it is completed or aborted, or was never begun",
    )
    .with("upload", upload.id.escape_debug())
    .with("key", &upload.key)
}

fn offset(number: u32) -> u64 {
    u64::from(number.saturating_sub(1)) * PART_SIZE
}

// A record begins and ends with its own mark, so that one cut off by a crash spoils no other.

fn taken_back(number: u32) -> Vec<u8> {
    format!("\n{number} -;").into_bytes()
}

fn done(number: u32, size: u64) -> Vec<u8> {
    format!("\n{number} {size};").into_bytes()
}

fn read_journal(text: &[u8]) -> BTreeMap<u32, u64> {
    let mut parts = BTreeMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let record = str::from_utf8(line).ok().and_then(|line| line.strip_suffix(';'));
        let Some((number, size)) = record.and_then(|record| record.split_once(' ')) else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        match size.parse() {
            Ok(size) => parts.insert(number, size),
            Err(_) => parts.remove(&number),
        };
    }
    parts
}

fn md5_of_file(mut file: &File) -> io::Result<String> {
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&md5.finalize())),
            count => md5.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_cut_off_anywhere_lists_no_part_too_many() {
        let whole = [taken_back(1), done(1, 8), taken_back(2), done(2, 5)].concat();
        let cut_then_resumed = |at: usize| {
            let mut text = whole[..at].to_vec();
            text.extend(taken_back(3));
            text.extend(done(3, 4));
            read_journal(&text)
        };
        let first = 1 + b"\n1 -;\n1 8".len();
        for at in 0..=whole.len() {
            let parts = cut_then_resumed(at);
            assert_eq!(parts.get(&3), Some(&4), "cut at {at}");
            assert_eq!(parts.contains_key(&1), at >= first, "cut at {at}");
            assert_eq!(parts.contains_key(&2), at == whole.len(), "cut at {at}");
        }
    }

    #[test]
    fn a_part_being_sent_again_is_not_listed() {
        let text = [done(1, 8), taken_back(1)].concat();
        assert!(read_journal(&text).is_empty());
        let text = [done(1, 8), taken_back(1), done(1, 6)].concat();
        assert_eq!(read_journal(&text), BTreeMap::from([(1, 6)]));
    }
}
