//! What stands between a timeline file and a catalog.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::id::{AssetId, SequenceId, VersionId};
use crate::model::{AssetSource, ClipSource, Foreign, MediaSummary, Role, Sequence};
use crate::timeline::Issue;
use crate::timeline::check::structure;
use crate::timeline::format::Target;

/// What a timeline file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// The sequences: first the one that is meant, then those nested in it or beside it.
    pub sequences: Vec<Sequence>,
    /// The media their clips are pieces of.
    pub media: MediaMap,
    /// The bins of a project file; most formats have none.
    pub bins: Vec<DocumentBin>,
}

/// A bin of a project file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DocumentBin {
    /// Its name.
    pub name: String,
    /// The bins in it.
    pub bins: Vec<DocumentBin>,
    /// The media in it.
    pub media: Vec<AssetSource>,
    /// The sequences in it.
    pub sequences: Vec<SequenceId>,
}

/// What was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadDocument {
    /// What it holds.
    pub document: Document,
    /// What was not understood, contradicts itself or had to be guessed, in the order of the file.
    pub issues: Vec<Issue>,
}

/// A document as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The files; the first is the one asked for.
    pub files: Vec<WrittenFile>,
    /// What the format could not say.
    pub issues: Vec<Issue>,
}

/// One file of a written document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// What goes between the stem and the extension of the name asked for: nothing for the first
    /// file, then for example `V2` or `A1.2`.
    pub part: String,
    /// What stands in it, in UTF-8.
    pub text: String,
}

impl Written {
    /// One file.
    pub(crate) fn one(text: String, issues: Vec<Issue>) -> Self {
        Self { files: vec![WrittenFile { part: String::new(), text }], issues }
    }

    /// The text of the file that was asked for.
    pub fn text(&self) -> &str {
        self.files.first().map_or("", |file| &file.text)
    }
}

impl Document {
    /// A document of one sequence.
    pub fn new(sequence: Sequence, media: MediaMap) -> Self {
        Self { sequences: vec![sequence], media, bins: Vec::new() }
    }

    /// The sequence that is meant: the first.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a document without sequences.
    pub fn main(&self) -> Result<&Sequence> {
        self.sequences.first().ok_or_else(|| {
            Error::invalid("timeline.format", "the document has no sequence to be written")
        })
    }

    /// The sequence of this id.
    pub fn sequence(&self, id: SequenceId) -> Option<&Sequence> {
        self.sequences.iter().find(|sequence| sequence.id == id)
    }

    /// Refuses what no other program could read.
    pub(in crate::timeline) fn verify(&self) -> Result<()> {
        for sequence in &self.sequences {
            if let Some(issue) = structure(sequence).into_iter().find(|i| i.kind.is_error()) {
                let message = "the sequence is broken, so no other program could read it; correct \
                               what its check names";
                return Err(Error::invalid("timeline.format", message)
                    .with("sequence", sequence.id)
                    .with("issue", issue.message));
            }
        }
        Ok(())
    }
}

/// What a timeline says about the media of a clip.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipMedia {
    /// Its name for people, usually that of its file.
    pub name: String,
    /// The facts of its original.
    pub summary: MediaSummary,
    /// Where its renditions can be read, by role; [`file_url`](super::file_url) makes a URL of a
    /// path. Without any, the media is written as missing.
    pub urls: BTreeMap<Role, String>,
    /// The name of the tape or card it came from.
    pub reel: Option<String>,
    /// What timeline files said of it that has no field here.
    pub foreign: Foreign,
}

impl ClipMedia {
    /// The rendition to open for a target, where there is one.
    pub(super) fn role_for(&self, target: Target) -> Option<Role> {
        let wanted: &[Role] = match target {
            Target::Original => &[Role::Original],
            // An audio proxy stands in for sound only: it has no picture to show.
            _ if crate::timeline::placement::has_picture(&self.summary) => {
                &[Role::EditProxy, Role::Proxy, Role::Original]
            }
            _ => &[Role::EditProxy, Role::Proxy, Role::AudioProxy, Role::Original],
        };
        let has = |role: &Role| self.urls.contains_key(role);
        match target {
            Target::Mixed if has(&Role::Original) => Some(Role::Original),
            _ => wanted.iter().copied().find(has),
        }
    }

    /// The address to open for a target, where there is one.
    pub fn url_for(&self, target: Target) -> Option<&str> {
        self.urls.get(&self.role_for(target)?).map(String::as_str)
    }
}

/// The media of a document's clips, by asset and version.
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
    pub fn insert(&mut self, source: &AssetSource, media: ClipMedia) {
        self.entries.insert((source.asset, source.version), media);
    }

    /// The media of a source.
    pub fn get(&self, source: &AssetSource) -> Option<&ClipMedia> {
        self.entries.get(&(source.asset, source.version))
    }

    /// The media of a source, to be changed.
    pub fn get_mut(&mut self, source: &AssetSource) -> Option<&mut ClipMedia> {
        self.entries.get_mut(&(source.asset, source.version))
    }

    /// The media of what a clip is a piece of, if that is an asset.
    pub fn of(&self, source: &ClipSource) -> Option<&ClipMedia> {
        source.asset().and_then(|source| self.get(source))
    }

    /// The facts of a source's media, as [`check`](crate::timeline::check) asks for them.
    pub fn summary(&self, source: &AssetSource) -> Option<MediaSummary> {
        self.get(source).map(|media| media.summary.clone())
    }

    /// Every entry, by asset and version.
    pub fn iter(&self) -> impl Iterator<Item = (AssetSource, &ClipMedia)> {
        self.entries.iter().map(|((asset, version), media)| {
            (AssetSource { asset: *asset, version: *version, subclip: None }, media)
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
