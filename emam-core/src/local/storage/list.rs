//! Keys in order.

use std::fs;
use std::io;
use std::path::Path;

use crate::backend::storage_rules::parse_cursor;
use crate::backend::{Key, Stat};
use crate::error::Result;
use crate::model::{Page, PageRequest};

use super::folder::{Folder, PRIVATE};

impl Folder {
    /// Reads the folders on the way to the page and those of the page itself, no others.
    pub(super) fn list(&self, prefix: Option<&Key>, page: &PageRequest) -> Result<Page<Stat>> {
        let operation = "storage.list";
        let limit = page.checked_limit(operation)?;
        let after = page.cursor.as_deref().map(parse_cursor).transpose()?;
        let (dir, folder) = match prefix {
            None => (Some(self.root().to_owned()), String::new()),
            Some(prefix) => (self.existing_path(operation, prefix)?, format!("{prefix}/")),
        };
        let mut walk = Walk {
            folder: self,
            after: after.as_ref().map_or("", Key::as_str),
            most: limit + 1,
            found: Vec::new(),
        };
        if let Some(dir) = dir.filter(|dir| dir.symlink_metadata().is_ok_and(|m| m.is_dir())) {
            walk.visit(&dir, &folder)?;
        }
        let mut items = walk.found;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| last.key.to_string());
        Ok(Page { items, next })
    }
}

struct Walk<'a> {
    folder: &'a Folder,
    after: &'a str,
    most: usize,
    found: Vec<Stat>,
}

impl Walk<'_> {
    /// Adds what lies in `dir`, whose keys begin with `folder`. No deeper than the longest key is.
    fn visit(&mut self, dir: &Path, folder: &str) -> Result<()> {
        for (key, is_dir) in self.entries(dir, folder)? {
            if self.found.len() == self.most {
                break;
            }
            // Keys are text without a slash at the end; sorting wants one.
            let path = self.folder.root().join(key.trim_end_matches('/'));
            if is_dir {
                self.visit(&path, &key)?;
                continue;
            }
            match path.symlink_metadata() {
                Ok(meta) if meta.is_file() => {
                    self.found.push(Stat::new(key.parse()?, meta.len()));
                }
                // Deleted meanwhile.
                _ => {}
            }
        }
        Ok(())
    }

    /// The files and folders of `dir` that the page can hold something of, in the order of the
    /// keys in them: a folder sorts as its name with a slash.
    fn entries(&self, dir: &Path, folder: &str) -> Result<Vec<(String, bool)>> {
        let fail = |e| self.folder.error("storage.list", None, dir, e);
        let listed = match fs::read_dir(dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(fail)?,
        };
        let mut entries = Vec::new();
        for entry in listed {
            let entry = entry.map_err(fail)?;
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if folder.is_empty() && name.eq_ignore_ascii_case(PRIVATE) {
                continue;
            }
            let mut key = format!("{folder}{name}");
            if !(kind.is_dir() || kind.is_file()) || key.parse::<Key>().is_err() {
                continue;
            }
            if kind.is_dir() {
                key.push('/');
            }
            if key.as_str() > self.after || (kind.is_dir() && self.after.starts_with(&key)) {
                entries.push((key, kind.is_dir()));
            }
        }
        entries.sort_unstable();
        Ok(entries)
    }
}
