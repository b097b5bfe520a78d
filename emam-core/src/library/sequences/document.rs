//! A sequence of the catalog with all that another program needs to know of it.

use std::collections::{BTreeMap, BTreeSet};

use super::Sequences;
use crate::error::{Error, ErrorKind, Result};
use crate::id::SequenceId;
use crate::model::{AssetSource, ClipSource, Instance, Role, Sequence};
use crate::timeline::format::{ClipMedia, Document, MediaMap, file_url};
use crate::timeline::{Issue, IssueKind};

const OPERATION: &str = "sequences.export";

impl Sequences {
    /// A sequence, those nested in it, and the media of their clips; with an issue for each nested
    /// sequence that is gone or nested in itself.
    pub(super) async fn document(&self, id: SequenceId) -> Result<(Document, Vec<Issue>)> {
        let mut document = Document::default();
        let mut issues = Vec::new();
        let mut wanted = vec![id];
        let mut seen = BTreeSet::from([id]);
        while let Some(id) = wanted.pop() {
            let sequence = match self.catalog().sequence(id).await {
                Err(error)
                    if error.kind() == ErrorKind::NotFound && !document.sequences.is_empty() =>
                {
                    let message = format!("the nested sequence {id} is gone");
                    issues.push(Issue::new(IssueKind::UnknownSequence, message));
                    continue;
                }
                found => found?,
            };
            for clip in sequence.clips() {
                if let ClipSource::Sequence(nested) = &clip.source
                    && seen.insert(nested.sequence)
                {
                    wanted.push(nested.sequence);
                }
            }
            self.add_media(&sequence, &mut document.media).await?;
            document.sequences.push(sequence);
        }
        Ok((document, issues))
    }

    /// What the clips of a sequence are pieces of.
    async fn add_media(&self, sequence: &Sequence, media: &mut MediaMap) -> Result<()> {
        for source in sequence.clips().filter_map(|clip| clip.source.asset()) {
            if media.get(source).is_some() {
                continue;
            }
            // Media that is gone is written as missing, and told of as an issue.
            match self.clip_media(source).await {
                Ok(found) => media.insert(source, found),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What a timeline says about the media of an asset.
    pub(super) async fn clip_media(&self, source: &AssetSource) -> Result<ClipMedia> {
        let asset = self.catalog().asset(source.asset).await?;
        let mut urls = BTreeMap::new();
        let mut summary = asset.media.clone().unwrap_or_default();
        for rendition in self.catalog().renditions(source.asset).await? {
            if source.version.is_some_and(|version| version != rendition.version) {
                continue;
            }
            // An edit is of the version it was made with, whichever people see by now.
            if rendition.role == Role::Original
                && let (Some(technical), Some(instance)) =
                    (&rendition.technical, rendition.instances.first())
            {
                let md5 = instance.checksums.md5.clone();
                summary = crate::workflow::summary(technical, instance.size, md5);
            }
            for instance in &rendition.instances {
                if let Some(url) = self.address(instance)? {
                    urls.insert(rendition.role, url);
                    break;
                }
            }
        }
        Ok(ClipMedia { name: asset.file_name, summary, urls, ..ClipMedia::default() })
    }

    /// Where an editing program finds a stored file: a path of this machine.
    fn address(&self, instance: &Instance) -> Result<Option<String>> {
        let storage = self.library.backends().storage(&instance.storage)?;
        let Some(path) = storage.local_path(&instance.key.parse()?) else {
            return Ok(None);
        };
        let path = std::path::absolute(path).map_err(|cause| {
            let message = "the path of the media cannot be told";
            Error::new(ErrorKind::Unavailable, OPERATION, message).caused_by(cause)
        })?;
        file_url(&path).map(Some)
    }
}
