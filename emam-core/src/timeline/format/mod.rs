//! Sequences as files of other programs.
//!
//! A [`Format`] is chosen by the file's extension; [`Format::write`] returns the file's text, and
//! storing it is the caller's. What a format says about media comes from a [`MediaMap`]: a
//! sequence knows which asset a clip is a piece of, not where its bytes lie.

mod otio;
mod url;

use std::collections::BTreeMap;
use std::path::Path;

pub use otio::{OtioOptions, write_otio};
pub use url::file_url;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{AssetId, VersionId};
use crate::model::{ClipSource, MediaSummary, Role, Sequence};

/// A file format a sequence can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// OpenTimelineIO's JSON, `.otio`.
    Otio,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 1] = [Self::Otio];

    /// The extension of its files, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Otio => "otio",
        }
    }

    /// The format meant by the extension of a file name, in any case.
    ///
    /// ```
    /// use std::path::Path;
    /// use emam_core::timeline::format::Format;
    ///
    /// assert_eq!(Format::of_path(Path::new("cuts/rough.OTIO"))?, Format::Otio);
    /// let error = Format::of_path(Path::new("rough.mov")).unwrap_err();
    /// assert_eq!(error.get("supported"), Some(".otio"));
    /// # Ok::<(), emam_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the file and the extensions there
    /// are.
    pub fn of_path(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|format| extension.eq_ignore_ascii_case(format.extension()))
            .ok_or_else(|| {
                let supported = Self::ALL.map(|format| format!(".{}", format.extension()));
                let message = "no timeline format has this extension; use a supported one";
                Error::invalid("sequences.export", message)
                    .with("path", path.display())
                    .with("supported", supported.join(" "))
            })
    }

    /// The text of a file of this format.
    ///
    /// # Errors
    /// As the writer of the format: [`write_otio`].
    pub fn write(self, sequence: &Sequence, media: &MediaMap, target: Target) -> Result<String> {
        match self {
            Self::Otio => write_otio(sequence, media, &OtioOptions::default().with_target(target)),
        }
    }
}

/// Which rendition of the media another program is to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The originals.
    #[default]
    Original,
    /// The proxies; where a clip has none, its original.
    Proxy,
}

/// What a written timeline says about the media of a clip.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipMedia {
    /// Its name for people, usually that of its file.
    pub name: String,
    /// The facts of its original.
    pub summary: MediaSummary,
    /// Where its renditions can be read, by role; [`file_url`] makes a URL of a path. Without any,
    /// the media is written as missing.
    pub urls: BTreeMap<Role, String>,
    /// The name of the tape or card it came from.
    pub reel: Option<String>,
}

impl ClipMedia {
    /// The rendition to open for a target, where there is one.
    fn role_for(&self, target: Target) -> Option<Role> {
        let wanted: &[Role] = match target {
            Target::Original => &[Role::Original],
            // An audio proxy stands in for sound only: it has no picture to show.
            Target::Proxy if super::placement::has_picture(&self.summary) => {
                &[Role::EditProxy, Role::Proxy, Role::Original]
            }
            Target::Proxy => &[Role::EditProxy, Role::Proxy, Role::AudioProxy, Role::Original],
        };
        wanted.iter().copied().find(|role| self.urls.contains_key(role))
    }
}

/// The media of a sequence's clips, by asset and version.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MediaMap {
    entries: BTreeMap<(AssetId, Option<VersionId>), ClipMedia>,
}

impl MediaMap {
    /// A map that knows no media yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what the media of a source is: for clips of the same asset and version, whatever
    /// subclip they were made from.
    pub fn insert(&mut self, source: &ClipSource, media: ClipMedia) {
        self.entries.insert((source.asset, source.version), media);
    }

    /// The media of a source.
    pub fn get(&self, source: &ClipSource) -> Option<&ClipMedia> {
        self.entries.get(&(source.asset, source.version))
    }

    /// The facts of a source's media, as [`check`](super::check) asks for them.
    pub fn summary(&self, source: &ClipSource) -> Option<MediaSummary> {
        self.get(source).map(|media| media.summary.clone())
    }
}
