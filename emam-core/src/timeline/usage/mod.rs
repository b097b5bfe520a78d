//! Where-used: which media a project file of another program uses.
//!
//! Read are Premiere projects (`.prproj`), After Effects projects (`.aep`, `.aepx`), and every
//! timeline [`Format`]. Nothing of what else is in a project is looked at, and a file is read once
//! from front to back in memory that does not grow with it, but for timelines.
//!
//! ```
//! use std::path::Path;
//! use emam_core::clock::SystemClock;
//! use emam_core::timeline::usage::{Program, ScanOptions, scan_bytes};
//!
//! let project = br#"<PremiereData Version="3"><Media ObjectUID="1">
//!     <ActualMediaFilePath>D:\rushes\A001.mov</ActualMediaFilePath><Title>A001.mov</Title>
//! </Media></PremiereData>"#;
//! let used = scan_bytes(Path::new("cut.prproj"), project, &ScanOptions::default(), &SystemClock)?;
//! assert_eq!(used.program, Program::Premiere);
//! assert_eq!(used.files[0].paths, [r"D:\rushes\A001.mov"]);
//! # Ok::<(), emam_core::Error>(())
//! ```

mod aep;
mod bounded;
mod prproj;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::{ClipMedia, Document, Format, MediaMap, ReadOptions, file_name, local_path};
use super::{Issue, IssueKind};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::AssetId;
use crate::io::io_error;
use crate::model::{AssetSource, MediaSummary, Role};
use crate::time::{MediaTime, Rate, Timecode};

const OPERATION: &str = "timeline.scan";

/// The most issues of one kind of thing that are listed one by one.
const MAX_ISSUES: usize = 1000;

/// The program a project file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Program {
    /// Adobe Premiere.
    Premiere,
    /// Adobe After Effects.
    AfterEffects,
    /// Any that writes this timeline format.
    Timeline,
}

/// How much of a project file may be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ScanOptions {
    /// The largest file read, in bytes; 1 GiB unless given.
    pub max_bytes: u64,
    /// The most bytes a packed file may unpack to; 4 GiB unless given.
    pub max_unpacked: u64,
    /// The most media a project may name; 1,000,000 unless given.
    pub max_files: u64,
    /// Frames a second, for timelines that do not say.
    pub rate: Option<Rate>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { max_bytes: 1 << 30, max_unpacked: 4 << 30, max_files: 1_000_000, rate: None }
    }
}

/// What a project file uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsedMedia {
    /// The program the file is of.
    pub program: Program,
    /// The media, each once, in the order of the file.
    pub files: Vec<UsedFile>,
    /// What names no file, and what was not understood.
    #[serde(default)]
    pub issues: Vec<Issue>,
}

/// Media that a project file uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsedFile {
    /// Which asset the file says it is; an id of its own where it does not say.
    pub source: AssetSource,
    /// Its name.
    pub name: String,
    /// Where the project looks for it: paths or URLs, the surest first, as they stand in the file.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The tape or card it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reel: Option<String>,
    /// MD5 of the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// Frames a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<MediaTime>,
    /// The timecode of its first frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timecode: Option<Timecode>,
    /// Sound channels in all its streams together; 0 where that is not known.
    #[serde(default)]
    pub audio_channels: u32,
}

impl UsedMedia {
    /// The media as a document without sequences, for [`plan`](super::relink::plan).
    pub fn document(&self) -> Document {
        let mut media = MediaMap::new();
        for file in &self.files {
            let summary = MediaSummary {
                md5: file.md5.clone(),
                rate: file.rate,
                duration: file.duration,
                start_timecode: file.start_timecode,
                audio_channels: file.audio_channels,
                ..MediaSummary::default()
            };
            // The roles only tell the paths apart: what is to be found is the asset.
            let roles = [Role::Original, Role::Mezzanine, Role::EditProxy, Role::Proxy];
            let urls = roles.into_iter().zip(file.paths.iter().cloned()).collect();
            let (name, reel) = (file.name.clone(), file.reel.clone());
            let said = ClipMedia { name, summary, urls, reel, ..ClipMedia::default() };
            media.insert(&file.source, said);
        }
        Document { media, ..Document::default() }
    }
}

/// Tells which media a project file uses. Its extension names the program; `clock` gives the ids of
/// what the file gives none.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`PermissionDenied`](ErrorKind::PermissionDenied) or
/// [`Unavailable`](ErrorKind::Unavailable) where the file cannot be read;
/// [`InvalidInput`](ErrorKind::InvalidInput) for a file that is not what its extension says, is
/// damaged, or is larger than `options` allow; [`Unsupported`](ErrorKind::Unsupported) for projects
/// of programs whose format is not documented.
pub fn scan(path: &Path, options: &ScanOptions, clock: &dyn Clock) -> Result<UsedMedia> {
    let unreadable = |cause| io_error(OPERATION, path, cause);
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let found = scan_from(path, BufReader::new(file), size, options, clock);
    found.map_err(|error| error.with("path", path.display()))
}

/// Tells which media a project file uses that was read already. `name` is only looked at for its
/// extension.
///
/// # Errors
/// As [`scan`].
pub fn scan_bytes(
    name: &Path,
    bytes: &[u8],
    options: &ScanOptions,
    clock: &dyn Clock,
) -> Result<UsedMedia> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    scan_from(name, Cursor::new(bytes), size, options, clock)
}

fn scan_from(
    path: &Path,
    mut file: impl Read + Seek,
    size: u64,
    options: &ScanOptions,
    clock: &dyn Clock,
) -> Result<UsedMedia> {
    if size > options.max_bytes {
        let message = "the file is larger than may be read; raise max_bytes if it is to be trusted";
        return Err(Error::invalid(OPERATION, message)
            .with("bytes", size)
            .with("max_bytes", options.max_bytes));
    }
    let extension = path.extension().and_then(|text| text.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    let mut used = Used::new(options, clock);
    let program = match extension.as_str() {
        "prproj" => {
            prproj::read(file, &mut used)?;
            Program::Premiere
        }
        "aep" => {
            aep::read(&mut file, size, &mut used)?;
            Program::AfterEffects
        }
        "aepx" => {
            aep::read_xml(file, &mut used)?;
            Program::AfterEffects
        }
        "indd" | "ai" | "psd" | "drp" | "aup3" | "veg" => {
            let message = "the format of these project files is not documented, so what they use \
                           cannot be told; export a timeline (.xml, .otio, .edl) or a package from \
                           the program and scan that";
            return Err(
                Error::new(ErrorKind::Unsupported, OPERATION, message).with("extension", extension)
            );
        }
        _ => {
            timeline(path, file, &mut used)?;
            Program::Timeline
        }
    };
    Ok(used.finish(program))
}

/// The media of a timeline.
fn timeline(path: &Path, file: impl Read, used: &mut Used<'_>) -> Result<()> {
    let format = Format::of_path(path)?;
    let mut bytes = Vec::new();
    // The size was looked at, but a file may grow.
    file.take(used.options.max_bytes).read_to_end(&mut bytes).map_err(|cause| {
        Error::new(ErrorKind::Unavailable, OPERATION, "the file cannot be read").caused_by(cause)
    })?;
    let mut options = ReadOptions { max_bytes: used.options.max_bytes, ..ReadOptions::default() };
    options.rate = used.options.rate;
    let read = format.read(&bytes, &options, used.clock)?;
    for issue in read.issues {
        used.note(issue);
    }
    for (source, media) in read.document.media.iter() {
        let summary = &media.summary;
        used.files.push(UsedFile {
            source,
            name: media.name.clone(),
            paths: media.urls.values().cloned().collect(),
            reel: media.reel.clone(),
            md5: summary.md5.clone(),
            rate: summary.rate,
            duration: summary.duration,
            start_timecode: summary.start_timecode,
            audio_channels: summary.audio_channels,
        });
    }
    Ok(())
}

/// What is found on the way through a file.
struct Used<'a> {
    options: &'a ScanOptions,
    clock: &'a dyn Clock,
    files: Vec<UsedFile>,
    /// By the surest path, so that each file comes once.
    known: HashMap<String, usize>,
    issues: Vec<Issue>,
    unsaid: usize,
}

impl<'a> Used<'a> {
    fn new(options: &'a ScanOptions, clock: &'a dyn Clock) -> Self {
        let (files, known, issues) = (Vec::new(), HashMap::new(), Vec::new());
        Self { options, clock, files, known, issues, unsaid: 0 }
    }

    fn note(&mut self, issue: Issue) {
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(issue);
        } else {
            self.unsaid += 1;
        }
    }

    /// Adds a file by its paths, of which there is at least one. Gives its place among the files.
    fn add(&mut self, name: Option<String>, paths: Vec<String>) -> Result<Option<usize>> {
        let paths: Vec<String> = paths.into_iter().map(without_prefix).collect();
        let Some(first) = paths.first() else { return Ok(None) };
        let key = local_path(first).unwrap_or_else(|| first.clone());
        if let Some(place) = self.known.get(&key) {
            return Ok(Some(*place));
        }
        let place = self.files.len();
        if u64::try_from(place).unwrap_or(u64::MAX) >= self.options.max_files {
            let message = "the project names more media than may be read; raise max_files if it \
                           is to be trusted";
            return Err(
                Error::invalid(OPERATION, message).with("max_files", self.options.max_files)
            );
        }
        self.known.insert(key, place);
        let name = file_name(first).or(name).unwrap_or_default();
        self.files.push(UsedFile {
            source: AssetSource::new(AssetId::new(self.clock)),
            name,
            paths,
            reel: None,
            md5: None,
            rate: None,
            duration: None,
            start_timecode: None,
            audio_channels: 0,
        });
        Ok(Some(place))
    }

    fn finish(mut self, program: Program) -> UsedMedia {
        if self.unsaid > 0 {
            let message = format!("{} more issues are not listed", self.unsaid);
            self.issues.push(Issue::new(IssueKind::NotUnderstood, message));
        }
        UsedMedia { program, files: self.files, issues: self.issues }
    }
}

/// A path of Windows without the prefix that only says how long it may be.
fn without_prefix(path: String) -> String {
    match path.strip_prefix(r"\\?\") {
        Some(rest) => match rest.strip_prefix(r"UNC\") {
            Some(share) => format!(r"\\{share}"),
            None => rest.to_owned(),
        },
        None => path,
    }
}
