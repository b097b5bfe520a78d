//! What every reader needs: ids that are given once, media that stands once, a list of issues.

use std::collections::{BTreeSet, HashMap};

use super::{ClipMedia, Document, ReadDocument, ReadOptions};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::id::{AssetId, ClipId, TrackId};
use crate::model::AssetSource;
use crate::timeline::{Issue, IssueKind};

/// More issues than anybody reads; those after it are counted.
const MAX_ISSUES: usize = 1000;

/// Refuses a file that is larger than it may be.
pub(super) fn check_size(bytes: &[u8], options: &ReadOptions) -> Result<()> {
    if bytes.len() as u64 > options.max_bytes {
        let message = "the file is larger than may be read; raise max_bytes if it is to be trusted";
        return Err(Error::invalid("timeline.read", message)
            .with("bytes", bytes.len())
            .with("max_bytes", options.max_bytes));
    }
    Ok(())
}

/// A document being read.
pub(super) struct Reading<'a> {
    pub(super) clock: &'a dyn Clock,
    pub(super) options: &'a ReadOptions,
    pub(super) document: Document,
    issues: Vec<Issue>,
    unsaid: usize,
    clips: BTreeSet<ClipId>,
    tracks: BTreeSet<TrackId>,
    media: HashMap<String, AssetSource>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(options: &'a ReadOptions, clock: &'a dyn Clock) -> Self {
        Self {
            clock,
            options,
            document: Document::default(),
            issues: Vec::new(),
            unsaid: 0,
            clips: BTreeSet::new(),
            tracks: BTreeSet::new(),
            media: HashMap::new(),
        }
    }

    /// The id a clip claims, or a new one if it claims none or one that another clip has.
    pub(super) fn clip_id(&mut self, claimed: Option<ClipId>, name: &str) -> ClipId {
        match claimed {
            Some(id) if self.clips.insert(id) => id,
            Some(id) => {
                let new = ClipId::new(self.clock);
                self.clips.insert(new);
                let message =
                    format!("clip {name:?} has the id {id} of another one; it is {new} now");
                self.issue(IssueKind::Corrected, message);
                new
            }
            None => {
                let new = ClipId::new(self.clock);
                self.clips.insert(new);
                new
            }
        }
    }

    /// As [`clip_id`](Self::clip_id), of a track.
    pub(super) fn track_id(&mut self, claimed: Option<TrackId>, name: &str) -> TrackId {
        match claimed {
            Some(id) if self.tracks.insert(id) => id,
            claimed => {
                let new = TrackId::new(self.clock);
                self.tracks.insert(new);
                if let Some(id) = claimed {
                    let message =
                        format!("track {name:?} has the id {id} of another one; it is {new} now");
                    self.issue(IssueKind::Corrected, message);
                }
                new
            }
        }
    }

    /// The source of the media that `key` tells apart from other media of the file; `make` says
    /// what it is, once. `claimed` is the source the file gives as emam's own.
    pub(super) fn media(
        &mut self,
        key: &str,
        claimed: Option<AssetSource>,
        make: impl FnOnce() -> ClipMedia,
    ) -> AssetSource {
        if let Some(source) = self.media.get(key) {
            return *source;
        }
        let source = claimed.unwrap_or_else(|| AssetSource::new(AssetId::new(self.clock)));
        let source = AssetSource { subclip: None, ..source };
        self.media.insert(key.to_owned(), source);
        if self.document.media.get(&source).is_none() {
            self.document.media.insert(&source, make());
        }
        source
    }

    /// Notes something about the file as a whole.
    pub(super) fn issue(&mut self, kind: IssueKind, message: impl Into<String>) {
        self.note(Issue::new(kind, message));
    }

    /// Notes something about a line of the file, counted from 1.
    pub(super) fn issue_at(&mut self, line: u64, kind: IssueKind, message: impl Into<String>) {
        self.note(Issue::new(kind, message).at_line(line));
    }

    /// Notes an issue.
    pub(super) fn note(&mut self, issue: Issue) {
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(issue);
        } else {
            self.unsaid += 1;
        }
    }

    /// What was read.
    pub(super) fn finish(mut self) -> ReadDocument {
        if self.unsaid > 0 {
            let message = format!("{} more issues are not listed", self.unsaid);
            self.issues.push(Issue::new(IssueKind::NotUnderstood, message));
        }
        ReadDocument { document: self.document, issues: self.issues }
    }
}
