//! A sequence of the catalog with the files its clips are pieces of.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::backend::{Backends, MediaSource};
use crate::error::{Error, ErrorKind, Result};
use crate::id::SequenceId;
use crate::model::{AssetSource, ClipSource, Instance, MediaSummary, Rendition, Role, Technical};
use crate::timeline::conform::{MediaFacts, Plan};
use crate::timeline::format::{ClipMedia, Document, Target};
use crate::timeline::{Issue, IssueKind};

/// What is known of the media of a clip.
#[derive(Debug, Clone)]
pub(super) struct CutMedia {
    pub(super) file_name: String,
    pub(super) summary: MediaSummary,
    /// The renditions of the version the clip is of.
    pub(super) renditions: Vec<Rendition>,
}

/// A sequence, those nested in it, and their media.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) document: Document,
    pub(super) media: BTreeMap<AssetSource, CutMedia>,
}

/// A stored file of a clip's media that can be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredFile {
    pub(super) role: Role,
    pub(super) instance: Instance,
    pub(super) file_name: String,
    pub(super) technical: Technical,
    /// Of a stand-in: the channel each channel of the original is heard in.
    pub(super) channels: Option<Vec<u32>>,
}

/// The media itself, whatever subclip of it is meant.
const fn whole(source: &AssetSource) -> AssetSource {
    AssetSource { subclip: None, ..*source }
}

impl Cut {
    pub(super) async fn load(backends: &Backends, id: SequenceId) -> Result<Self> {
        let catalog = &backends.catalog;
        let mut cut = Self::default();
        let (mut wanted, mut seen) = (vec![id], BTreeSet::from([id]));
        while let Some(id) = wanted.pop() {
            let sequence = match catalog.sequence(id).await {
                // The plan tells of the clip it was nested as.
                Err(error)
                    if error.kind() == ErrorKind::NotFound
                        && !cut.document.sequences.is_empty() =>
                {
                    continue;
                }
                found => found?,
            };
            for clip in sequence.clips() {
                match &clip.source {
                    ClipSource::Sequence(nested) if seen.insert(nested.sequence) => {
                        wanted.push(nested.sequence);
                    }
                    ClipSource::Asset(source) if !cut.media.contains_key(&whole(source)) => {
                        cut.add_media(backends, source).await?;
                    }
                    _ => {}
                }
            }
            cut.document.sequences.push(sequence);
        }
        Ok(cut)
    }

    async fn add_media(&mut self, backends: &Backends, source: &AssetSource) -> Result<()> {
        let asset = match backends.catalog.asset(source.asset).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let version = source.version.or(asset.face_version);
        let mut renditions = backends.catalog.renditions(source.asset).await?;
        renditions.retain(|rendition| Some(rendition.version) == version);
        let mut summary = asset.media.clone();
        for rendition in &renditions {
            if rendition.role == Role::Original
                && let (Some(technical), Some(instance)) =
                    (&rendition.technical, rendition.instances.first())
            {
                let md5 = instance.checksums.md5.clone();
                summary = Some(super::summary(technical, instance.size, md5));
            }
        }
        let Some(summary) = summary else { return Ok(()) };
        let media = CutMedia { file_name: asset.file_name.clone(), summary, renditions };
        let known = ClipMedia {
            name: asset.file_name,
            summary: media.summary.clone(),
            ..ClipMedia::default()
        };
        self.document.media.insert(source, known);
        self.media.insert(whole(source), media);
        Ok(())
    }

    pub(super) fn facts(&self, source: &AssetSource) -> Option<MediaFacts> {
        let media = self.media.get(&whole(source))?;
        let original = media.renditions.iter().find(|rendition| rendition.role == Role::Original);
        let technical = original.and_then(|original| original.technical.as_ref());
        let alpha = technical.is_some_and(|technical| {
            technical.video.first().is_some_and(|video| video.alpha)
                || technical.picture.as_ref().is_some_and(|picture| picture.alpha)
        });
        Some(MediaFacts { summary: media.summary.clone(), alpha })
    }

    /// The file to read for a source.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is none,
    /// [`NotReady`](ErrorKind::NotReady) where none can be read now; both name the clip.
    pub(super) async fn file(
        &self,
        backends: &Backends,
        source: &AssetSource,
        target: Target,
        operation: &'static str,
    ) -> Result<StoredFile> {
        let named = |error: Error| {
            let clip = self.document.sequences.iter().flat_map(|sequence| sequence.clips());
            let clip =
                clip.into_iter().find(|clip| clip.source.asset().map(whole) == Some(whole(source)));
            error
                .with("clip", clip.map_or("", |clip| clip.name.as_str()))
                .with("asset", source.asset)
        };
        let media = self.media.get(&whole(source)).ok_or_else(|| {
            named(Error::new(ErrorKind::NotFound, operation, "the media of a clip is gone"))
        })?;
        let roles: &[Role] = match target {
            Target::Original => &[Role::Original],
            Target::Proxy => &[Role::EditProxy, Role::Proxy, Role::AudioProxy, Role::Original],
            Target::Mixed => &[Role::Original, Role::EditProxy, Role::Proxy, Role::AudioProxy],
        };
        let now = backends.clock.now();
        let mut unreadable = None;
        for role in roles {
            for rendition in media.renditions.iter().filter(|r| r.role == *role) {
                for instance in &rendition.instances {
                    if !instance.state.is_readable(now) {
                        unreadable.get_or_insert_with(|| instance.state.as_str());
                        continue;
                    }
                    return media.stored(backends, rendition, instance).await.map_err(named);
                }
            }
        }
        Err(named(match unreadable {
            Some(state) => {
                let message = "the media of a clip cannot be read now; restore it, or take the \
                               proxies instead (target proxy)";
                Error::new(ErrorKind::NotReady, operation, message).with("state", state)
            }
            None => Error::new(ErrorKind::NotFound, operation, "a clip has no file to read"),
        }))
    }
}

impl CutMedia {
    async fn stored(
        &self,
        backends: &Backends,
        rendition: &Rendition,
        instance: &Instance,
    ) -> Result<StoredFile> {
        let told = rendition.technical.clone().filter(|technical| !technical.raw.is_null());
        let technical = match told {
            Some(technical) => technical,
            None => {
                let source = MediaSource {
                    storage: backends.storage(&instance.storage)?,
                    key: instance.key.parse()?,
                    size: instance.size,
                    file_name: self.file_name.clone(),
                };
                // The name of a stand-in says what it is; the original's would mislead.
                let file_name = source.key.name().to_owned();
                backends.prober.probe(&MediaSource { file_name, ..source }).await?
            }
        };
        let channels = match rendition.role {
            Role::Original => None,
            _ => rendition.frame_map.as_ref().map(|map| map.audio_channels.clone()),
        };
        Ok(StoredFile {
            role: rendition.role,
            instance: instance.clone(),
            file_name: self.file_name.clone(),
            technical,
            channels,
        })
    }
}

/// Refuses a plan that lacks media: what is gone would be black and silent.
pub(super) fn complete(plan: &Plan, operation: &'static str) -> Result<()> {
    let lacks =
        |issue: &&Issue| matches!(issue.kind, IssueKind::UnknownMedia | IssueKind::UnknownSequence);
    match plan.issues.iter().find(lacks) {
        None => Ok(()),
        Some(issue) => {
            let message = "the media of a clip is gone; take the clip out or give it other media";
            let error = Error::new(ErrorKind::NotFound, operation, message);
            let error = error.with("issue", &issue.message);
            Err(match issue.clip {
                Some(clip) => error.with("clip", clip),
                None => error,
            })
        }
    }
}
