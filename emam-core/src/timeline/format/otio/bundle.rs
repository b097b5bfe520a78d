//! Timelines with their media in one place: `.otioz`, a ZIP file, and `.otiod`, a folder.
//!
//! Both hold `content.otio`, `version.txt` and the media in `media/`, as OpenTimelineIO 0.18 makes
//! them. Only media on this machine goes in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::model::AssetSource;
use crate::timeline::format::{
    Document, Format, MediaMap, ReadDocument, ReadOptions, WriteOptions, file_url,
};
use crate::timeline::{Issue, IssueKind};

const OPERATION: &str = "timeline.bundle";
const CONTENT: &str = "content.otio";
const VERSION_FILE: &str = "version.txt";
/// The version OpenTimelineIO gives its bundles.
const VERSION: &str = "1.0.0";
const MEDIA: &str = "media";

/// What is escaped in the address of media in a bundle.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// What is done about media that is no file on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MissingMedia {
    /// Nothing is written.
    #[default]
    Refuse,
    /// The clips are written with missing media; each is an issue.
    Leave,
    /// No media goes in at all.
    LeaveAll,
}

/// How to write a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleOptions {
    /// How the timeline is written; its target says which rendition of the media goes in.
    pub write: WriteOptions,
    /// What is done about media that is no file on this machine.
    pub missing: MissingMedia,
}

impl BundleOptions {
    /// Sets how the timeline is written.
    #[must_use]
    pub fn with_write(mut self, write: WriteOptions) -> Self {
        self.write = write;
        self
    }

    /// Sets what is done about media that is no file on this machine.
    #[must_use]
    pub fn with_missing(mut self, missing: MissingMedia) -> Self {
        self.missing = missing;
        self
    }
}

/// A bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBundle {
    /// The media in it: its name in the bundle, and the file it was copied from.
    pub media: BTreeMap<String, PathBuf>,
    /// What the format could not say, and which media is not in the bundle.
    pub issues: Vec<Issue>,
}

/// Writes a document and the media of its clips as `.otioz`, or as the folder `.otiod`; which,
/// the extension of `path` says.
///
/// Media is copied as it is, never held in memory. Two files of one name get names of their own.
/// The bundle appears when it is whole: a failure leaves nothing at `path`.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) for another extension and as
/// [`Format::write`]; [`AlreadyExists`](ErrorKind::AlreadyExists) if there is something at `path`;
/// [`NotFound`](ErrorKind::NotFound) for media that is no file, if that is
/// [refused](MissingMedia::Refuse); [`Unavailable`](ErrorKind::Unavailable) if the disk fails.
pub fn write_bundle(
    document: &Document,
    path: &Path,
    options: &BundleOptions,
) -> Result<WrittenBundle> {
    let zipped = is_zipped(path)?;
    if path.symlink_metadata().is_ok() {
        let message = "there is something at this path; give a new one";
        return Err(
            Error::new(ErrorKind::AlreadyExists, OPERATION, message).with("path", path.display())
        );
    }
    let (document, media, mut issues) = gather(document, options)?;
    let written = Format::Otio.write(&document, &options.write)?;
    issues.extend(written.issues.iter().cloned());
    let mut part = path.file_name().unwrap_or_default().to_owned();
    part.push(".part");
    let part = path.with_file_name(part);
    let result = if zipped {
        write_zip(&part, written.text(), &media)
    } else {
        write_folder(&part, written.text(), &media)
    };
    let result = result.and_then(|()| {
        fs::rename(&part, path).map_err(|cause| failed(cause, "the bundle cannot be named", path))
    });
    if let Err(error) = result {
        // What is left is not the bundle; the first failure is the one to tell.
        let _ = if zipped { fs::remove_file(&part) } else { fs::remove_dir_all(&part) };
        return Err(error);
    }
    Ok(WrittenBundle { media, issues })
}

/// The document with the addresses its media has in the bundle, and the files by that name.
fn gather(
    document: &Document,
    options: &BundleOptions,
) -> Result<(Document, BTreeMap<String, PathBuf>, Vec<Issue>)> {
    let shown: HashSet<_> = document
        .sequences
        .iter()
        .flat_map(crate::model::Sequence::clips)
        .filter_map(|clip| clip.source.asset().map(|source| (source.asset, source.version)))
        .collect();
    let (mut media, mut names, mut issues) = (MediaMap::new(), HashMap::new(), Vec::new());
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut taken = HashMap::new();
    for (source, known) in document.media.iter() {
        let mut known = known.clone();
        let role = known.role_for(options.write.target);
        let url = role.and_then(|role| known.urls.get(&role).cloned());
        if let (true, Some(role), Some(url)) =
            (shown.contains(&(source.asset, source.version)), role, url)
        {
            let file = (options.missing != MissingMedia::LeaveAll)
                .then(|| path_of(&url).filter(|path| path.is_file()))
                .flatten();
            match file {
                Some(file) => {
                    let name = names.entry(file.clone()).or_insert_with(|| {
                        let name = free_name(&file, &mut taken);
                        files.insert(name.clone(), file);
                        name
                    });
                    let name = utf8_percent_encode(name, ESCAPED);
                    known.urls.insert(role, format!("{MEDIA}/{name}"));
                }
                None if options.missing == MissingMedia::Refuse => {
                    let message = "this media is no file on this machine, so it cannot go into a \
                                   bundle; relink it, or allow it to be missing";
                    return Err(Error::new(ErrorKind::NotFound, OPERATION, message)
                        .with("media", &known.name)
                        .with("url", url));
                }
                None => {
                    let message = format!("media {:?} is not in the bundle: {url}", known.name);
                    issues.push(Issue::new(IssueKind::NotCarried, message));
                    known.urls.remove(&role);
                }
            }
        }
        media.insert(&source, known);
    }
    Ok((Document { media, ..document.clone() }, files, issues))
}

/// A name for a file that no other in the bundle has, whatever the case of its letters. `taken` has
/// the names given, and the number to be tried next for each.
fn free_name(file: &Path, taken: &mut HashMap<String, u32>) -> String {
    let of = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let (stem, extension) = (of(file.file_stem()), of(file.extension()));
    let dot = if extension.is_empty() { "" } else { "." };
    let first = format!("{stem}{dot}{extension}");
    let mut name = first.clone();
    while taken.contains_key(&name.to_lowercase()) {
        let number = taken.entry(first.to_lowercase()).or_insert(1);
        *number += 1;
        name = format!("{stem}-{number}{dot}{extension}");
    }
    taken.insert(name.to_lowercase(), 1);
    name
}

fn write_zip(path: &Path, text: &str, media: &BTreeMap<String, PathBuf>) -> Result<()> {
    let file = File::create(path).map_err(|cause| failed(cause, "no file can be made", path))?;
    let mut zip = ZipWriter::new(io::BufWriter::new(file));
    let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, text) in [(VERSION_FILE, VERSION), (CONTENT, text)] {
        zip.start_file(name, packed).map_err(|cause| zip_failed(cause, path))?;
        zip.write_all(text.as_bytes())
            .map_err(|cause| failed(cause, "the bundle cannot be written", path))?;
    }
    for (name, from) in media {
        let mut file =
            File::open(from).map_err(|cause| failed(cause, "media cannot be read", from))?;
        let name = format!("{MEDIA}/{name}");
        // The length of a file that grows while it is copied is not known beforehand.
        zip.start_file(name, stored.large_file(true)).map_err(|cause| zip_failed(cause, path))?;
        io::copy(&mut file, &mut zip)
            .map_err(|cause| failed(cause, "media is not copied", from))?;
    }
    let file = zip.finish().map_err(|cause| zip_failed(cause, path))?;
    let file = file
        .into_inner()
        .map_err(|cause| failed(cause.into_error(), "the bundle cannot be written", path))?;
    file.sync_all().map_err(|cause| failed(cause, "the bundle cannot be written", path))
}

fn write_folder(path: &Path, text: &str, media: &BTreeMap<String, PathBuf>) -> Result<()> {
    let folder = path.join(MEDIA);
    fs::create_dir_all(&folder).map_err(|cause| failed(cause, "no folder can be made", path))?;
    for (name, text) in [(VERSION_FILE, VERSION), (CONTENT, text)] {
        let file = path.join(name);
        fs::write(&file, text).map_err(|cause| failed(cause, "no file can be made", &file))?;
    }
    for (name, from) in media {
        fs::copy(from, folder.join(name))
            .map_err(|cause| failed(cause, "media is not copied", from))?;
    }
    Ok(())
}

/// Reads a bundle: the folder `.otiod` where it lies, the ZIP file `.otioz` with its media copied
/// to the folder `media_to`.
///
/// Media of the bundle then has the address of its file. Without `media_to` the media of a ZIP file
/// keeps the address it has in the bundle, `media/…`.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) for another extension, a bundle without a timeline, a
/// file in it that would land outside of its folder, and as [`Format::read`];
/// [`NotFound`](ErrorKind::NotFound) and [`Unavailable`](ErrorKind::Unavailable) if it cannot be
/// read.
pub fn read_bundle(
    path: &Path,
    media_to: Option<&Path>,
    options: &ReadOptions,
    clock: &dyn Clock,
) -> Result<ReadDocument> {
    if is_zipped(path)? {
        let file = File::open(path).map_err(|cause| failed(cause, "no bundle to be read", path))?;
        let mut zip =
            ZipArchive::new(io::BufReader::new(file)).map_err(|cause| zip_failed(cause, path))?;
        let content = {
            let entry = zip.by_name(CONTENT).map_err(|cause| {
                let message = "this bundle has no content.otio, so no timeline is in it";
                Error::invalid(OPERATION, message).with("path", path.display()).caused_by(cause)
            })?;
            limited(entry, options, path)?
        };
        let mut read = Format::Otio.read(&content, options, clock)?;
        let folder = match media_to {
            Some(folder) => {
                unpack(&mut zip, folder, path)?;
                Some(absolute(folder)?)
            }
            None => None,
        };
        place(&mut read, folder.as_deref())?;
        return Ok(read);
    }
    let content = path.join(CONTENT);
    let file =
        File::open(&content).map_err(|cause| failed(cause, "no bundle to be read", &content))?;
    let content = limited(file, options, path)?;
    let mut read = Format::Otio.read(&content, options, clock)?;
    place(&mut read, Some(&absolute(path)?))?;
    Ok(read)
}

/// Reads no more than may be read.
fn limited(from: impl Read, options: &ReadOptions, path: &Path) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    from.take(options.max_bytes.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|cause| failed(cause, "the timeline of the bundle cannot be read", path))?;
    Ok(content)
}

/// Copies the media of a ZIP file to a folder.
fn unpack(zip: &mut ZipArchive<impl Read + io::Seek>, to: &Path, path: &Path) -> Result<()> {
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|cause| zip_failed(cause, path))?;
        let name = entry.name().map_err(|cause| zip_failed(cause, path))?.into_owned();
        if entry.is_dir() || !name.starts_with("media/") {
            continue;
        }
        let inside = inside(&name).ok_or_else(|| outside(&name))?;
        let file = to.join(inside);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)
                .map_err(|cause| failed(cause, "no folder can be made", folder))?;
        }
        // Never through a link or over a file that is there already.
        let mut out = File::create_new(&file)
            .map_err(|cause| failed(cause, "media of the bundle cannot be placed", &file))?;
        let said = entry.size();
        let copied = io::copy(&mut (&mut entry).take(said.saturating_add(1)), &mut out)
            .map_err(|cause| failed(cause, "media of the bundle cannot be copied", &file))?;
        if copied != said {
            let message = "a file in the bundle is not as long as it says";
            return Err(Error::new(ErrorKind::Integrity, OPERATION, message)
                .with("path", path.display())
                .with("file", name));
        }
    }
    Ok(())
}

/// Gives media of the bundle the address of its file in the folder, and refuses such that would
/// lie outside of it.
fn place(read: &mut ReadDocument, folder: Option<&Path>) -> Result<()> {
    let sources: Vec<AssetSource> = read.document.media.iter().map(|(source, _)| source).collect();
    for source in sources {
        let Some(media) = read.document.media.get_mut(&source) else { continue };
        for url in media.urls.values_mut() {
            if url.contains("://") || url.starts_with(['/', '\\']) {
                continue;
            }
            let name = percent_decode_str(url).decode_utf8_lossy().into_owned();
            let inside = inside(&name).ok_or_else(|| outside(&name))?;
            if let Some(folder) = folder {
                *url = file_url(&folder.join(inside))?;
            }
        }
    }
    Ok(())
}

/// A name in a bundle as a path that stays in it.
fn inside(name: &str) -> Option<PathBuf> {
    let parts: Vec<&str> = name.split('/').collect();
    let safe = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains(['\\', ':', '\0']);
    parts.iter().all(safe).then(|| parts.iter().collect())
}

fn outside(name: &str) -> Error {
    let message = "a file of this bundle would land outside of its folder; the bundle is not read";
    Error::invalid(OPERATION, message).with("file", name)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|cause| failed(cause, "this path cannot be followed", path))
}

fn is_zipped(path: &Path) -> Result<bool> {
    let extension = path.extension().unwrap_or_default();
    if extension.eq_ignore_ascii_case("otioz") {
        Ok(true)
    } else if extension.eq_ignore_ascii_case("otiod") {
        Ok(false)
    } else {
        let message = "a bundle ends in .otioz or .otiod";
        Err(Error::invalid(OPERATION, message).with("path", path.display()))
    }
}

/// The file an address means, if it is one of this machine.
fn path_of(url: &str) -> Option<PathBuf> {
    let rest = match url.strip_prefix("file://") {
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
        None if url.starts_with('/') => return Some(PathBuf::from(url)),
        None => return None,
    };
    if !rest.starts_with('/') {
        return None;
    }
    let bytes: Vec<u8> = percent_decode_str(rest).collect();
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
    }
    #[cfg(not(unix))]
    {
        // `/C:/…` is drive C.
        let path = String::from_utf8(bytes).ok()?;
        Some(PathBuf::from(path.trim_start_matches('/')))
    }
}

fn failed(cause: io::Error, message: &'static str, path: &Path) -> Error {
    let kind = match cause.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::InvalidData => ErrorKind::Integrity,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, OPERATION, message).with("path", path.display()).caused_by(cause)
}

fn zip_failed(cause: zip::result::ZipError, path: &Path) -> Error {
    let message = "the ZIP file of the bundle cannot be read or written";
    Error::invalid(OPERATION, message).with("path", path.display()).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;
    use crate::time::Rate;
    use crate::timeline::append;
    use crate::timeline::format::ClipMedia;
    use crate::timeline::samples::{clock, film, piece, sequence, source};

    /// A cut of two files of one name, and one that is not there.
    fn cut(folder: &Path, missing: bool) -> Document {
        let (clock, mut cut) = (clock(), sequence(Rate::FPS_25, &clock()));
        let mut media = MediaMap::new();
        let mut names = vec!["a/x #1.mov", "b/x #1.mov"];
        if missing {
            names.push("c/gone.mov");
        }
        for name in names {
            let source = source(&clock);
            append(&mut cut, &piece(name, source, 0, 50), &clock).unwrap();
            let path = folder.join(name);
            if !name.contains("gone") {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, name.repeat(1000)).unwrap();
            }
            let urls = [(Role::Original, file_url(&path).unwrap())].into();
            let summary = film(Rate::FPS_25, 500);
            media.insert(
                &source,
                ClipMedia { name: name.into(), summary, urls, ..ClipMedia::default() },
            );
        }
        Document::new(cut, media)
    }

    #[test]
    fn a_bundle_holds_its_media_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let document = cut(folder.path(), false);
        for name in ["cut.otioz", "cut.otiod"] {
            let path = folder.path().join(name);
            let written = write_bundle(&document, &path, &BundleOptions::default()).unwrap();
            let names: Vec<&str> = written.media.keys().map(String::as_str).collect();
            assert_eq!(names, ["x #1-2.mov", "x #1.mov"]);
            let to = folder.path().join(format!("{name}.read"));
            let read = read_bundle(&path, Some(&to), &ReadOptions::default(), &clock()).unwrap();
            let mut contents: Vec<String> = read
                .document
                .media
                .iter()
                .map(|(_, media)| {
                    let path = path_of(&media.urls[&Role::Original]).unwrap();
                    fs::read_to_string(path).unwrap()
                })
                .collect();
            contents.sort();
            assert_eq!(contents, ["a/x #1.mov".repeat(1000), "b/x #1.mov".repeat(1000)]);
            assert_eq!(read.document.sequences, document.sequences);
            let error = write_bundle(&document, &path, &BundleOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        }
    }

    #[test]
    fn missing_media_is_refused_or_left_out_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let document = cut(folder.path(), true);
        let path = folder.path().join("cut.otioz");
        let error = write_bundle(&document, &path, &BundleOptions::default()).unwrap_err();
        assert_eq!((error.kind(), error.get("media")), (ErrorKind::NotFound, Some("c/gone.mov")));
        assert!(!path.exists());
        let options = BundleOptions::default().with_missing(MissingMedia::Leave);
        let written = write_bundle(&document, &path, &options).unwrap();
        assert_eq!((written.media.len(), written.issues.len()), (2, 1));
        let options = options.with_missing(MissingMedia::LeaveAll);
        let path = folder.path().join("none.otiod");
        let written = write_bundle(&document, &path, &options).unwrap();
        assert_eq!((written.media.len(), written.issues.len()), (0, 3));
    }

    #[test]
    fn a_bundle_that_reaches_out_of_its_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evil.otioz");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(CONTENT, stored).unwrap();
        zip.write_all(br#"{"OTIO_SCHEMA":"Timeline.1","tracks":null}"#).unwrap();
        zip.start_file("media/../../evil.mov", stored).unwrap();
        zip.write_all(b"x").unwrap();
        zip.finish().unwrap();
        let to = folder.path().join("to");
        let error = read_bundle(&path, Some(&to), &ReadOptions::default(), &clock()).unwrap_err();
        assert_eq!(error.get("file"), Some("media/../../evil.mov"));
        assert!(!folder.path().join("evil.mov").exists());

        let path = folder.path().join("evil.otiod");
        fs::create_dir(&path).unwrap();
        let clip = r#"{"OTIO_SCHEMA":"Clip.2","source_range":{"start_time":{"rate":25,"value":0},
            "duration":{"rate":25,"value":1}},"media_references":{"DEFAULT_MEDIA":
            {"OTIO_SCHEMA":"ExternalReference.1","target_url":"media/%2e%2e/%2e%2e/x.mov"}}}"#;
        fs::write(path.join(CONTENT), clip).unwrap();
        let error = read_bundle(&path, None, &ReadOptions::default(), &clock()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
