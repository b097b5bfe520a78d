//! Sequences: edits, built from what was found and exported for editing programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::catalog::Hit;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AnnotationId, AssetId, ClipId, ProjectId, SequenceId};
use crate::library::handle;
use crate::model::{Annotation, AnnotationKind, ClipSource, Item, Role, Sequence};
use crate::time::{Rate, TimeRange};
use crate::timeline::format::{ClipMedia, Format, MediaMap, Target, file_url};
use crate::timeline::{self, Issue, Placement};

handle! {
    /// Edits: tracks of clips and gaps.
    Sequences
}

/// A piece of an asset wanted in a sequence. Made from an asset's id, a subclip or a search hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipRequest {
    /// Which asset.
    pub asset: AssetId,
    /// The piece, from the first frame (0) of the media; all of it, or the subclip's range, when
    /// absent.
    #[serde(default)]
    pub range: Option<TimeRange>,
    /// The subclip it is made from.
    #[serde(default)]
    pub subclip: Option<AnnotationId>,
    /// The clip's name; the subclip's or the asset's when absent.
    #[serde(default)]
    pub name: Option<String>,
}

impl From<AssetId> for ClipRequest {
    fn from(asset: AssetId) -> Self {
        Self { asset, range: None, subclip: None, name: None }
    }
}

impl From<&Annotation> for ClipRequest {
    fn from(annotation: &Annotation) -> Self {
        let subclip = (annotation.kind == AnnotationKind::Subclip).then_some(annotation.id);
        Self { asset: annotation.asset, range: annotation.range, subclip, name: None }
    }
}

impl From<&Hit> for ClipRequest {
    /// The first moment that has a range, or all of the asset.
    fn from(hit: &Hit) -> Self {
        let moment = hit.moments.iter().find(|moment| moment.range.is_some());
        let subclip = moment.filter(|moment| moment.kind == AnnotationKind::Subclip);
        Self {
            asset: hit.asset.id,
            range: moment.and_then(|moment| moment.range),
            subclip: subclip.map(|moment| moment.annotation),
            name: None,
        }
    }
}

/// A change to a sequence as a whole: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SequencePatch {
    /// The revision that was read; without it, whatever the present one is.
    pub revision: Option<u64>,
    /// Its name.
    pub name: Option<String>,
    /// Whether its timecode is shown drop-frame.
    pub drop_frame: Option<bool>,
    /// The timecode of its first frame, as a frame number.
    pub start: Option<i64>,
}

/// How to export a sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportOptions {
    /// Which files the clips point to: the originals or the proxies.
    pub target: Target,
}

/// What an export has written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exported {
    /// The file.
    pub path: PathBuf,
    /// What the reader of the file should know: clips whose media is gone, and the like.
    pub issues: Vec<Issue>,
}

impl Sequences {
    /// Makes an empty sequence.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown project;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a blank name.
    pub async fn create(&self, project: ProjectId, name: &str, rate: Rate) -> Result<Sequence> {
        let now = self.clock().now();
        let sequence = Sequence {
            id: SequenceId::new(self.clock()),
            revision: 1,
            project,
            name: super::named("sequences.create", name)?,
            rate,
            drop_frame: rate.can_drop(),
            start: 0,
            width: None,
            height: None,
            tracks: Vec::new(),
            markers: Vec::new(),
            metadata: BTreeMap::new(),
            created_at: now,
            updated_at: now,
        };
        self.catalog().insert_sequence(&sequence).await?;
        Ok(sequence)
    }

    /// Reads one sequence.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown id.
    pub async fn get(&self, id: SequenceId) -> Result<Sequence> {
        self.catalog().sequence(id).await
    }

    /// Lists the sequences of a project, oldest first.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown project.
    pub async fn list(&self, project: ProjectId) -> Result<Vec<Sequence>> {
        self.catalog().project(project).await?;
        self.catalog().sequences(project).await
    }

    /// Changes a sequence as a whole.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) for a stale revision;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for drop-frame at a rate that has none.
    pub async fn update(&self, id: SequenceId, patch: SequencePatch) -> Result<Sequence> {
        let operation = "sequences.update";
        let mut sequence = self.catalog().sequence(id).await?;
        if let Some(name) = patch.name {
            sequence.name = super::named(operation, &name)?;
        }
        if patch.drop_frame == Some(true) && !sequence.rate.can_drop() {
            return Err(Error::invalid(operation, "this rate has no drop-frame timecode")
                .with("rate", sequence.rate));
        }
        sequence.drop_frame = patch.drop_frame.unwrap_or(sequence.drop_frame);
        sequence.start = patch.start.unwrap_or(sequence.start);
        sequence.revision = patch.revision.unwrap_or(sequence.revision);
        sequence.updated_at = self.clock().now();
        self.catalog().update_sequence(&sequence).await
    }

    /// Puts a piece of an asset at the end.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence, asset or subclip;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a range outside the media.
    pub async fn append(&self, id: SequenceId, clip: impl Into<ClipRequest>) -> Result<Sequence> {
        let clip = clip.into();
        self.edit(id, Some(&clip), |sequence, placement| {
            if let Some(placement) = placement {
                timeline::append(sequence, placement, self.clock())?;
            }
            Ok(())
        })
        .await
    }

    /// Puts a piece of an asset at frame `at` of the sequence; what is there and after it moves
    /// back on all tracks.
    ///
    /// # Errors
    /// As [`append`](Self::append); [`InvalidInput`](ErrorKind::InvalidInput) for a negative frame.
    pub async fn insert(
        &self,
        id: SequenceId,
        at: i64,
        clip: impl Into<ClipRequest>,
    ) -> Result<Sequence> {
        let clip = clip.into();
        self.edit(id, Some(&clip), |sequence, placement| {
            if let Some(placement) = placement {
                timeline::insert(sequence, at, placement, self.clock())?;
            }
            Ok(())
        })
        .await
    }

    /// Takes a clip out, with those linked to it. With `ripple` what comes after it moves up; else
    /// a gap stays.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where the sequence has no such clip.
    pub async fn remove(&self, id: SequenceId, clip: ClipId, ripple: bool) -> Result<Sequence> {
        self.edit(id, None, |sequence, _| timeline::remove(sequence, clip, ripple).map(drop)).await
    }

    /// Deletes a sequence; assets stay.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown id.
    pub async fn delete(&self, id: SequenceId) -> Result<()> {
        self.catalog().delete_sequence(id).await
    }

    /// Edits a sequence, again from the start when somebody else was faster.
    async fn edit(
        &self,
        id: SequenceId,
        clip: Option<&ClipRequest>,
        change: impl Fn(&mut Sequence, Option<&Placement>) -> Result<()>,
    ) -> Result<Sequence> {
        loop {
            let mut sequence = self.catalog().sequence(id).await?;
            let placement = match clip {
                Some(clip) => Some(self.place(clip, sequence.rate).await?),
                None => None,
            };
            change(&mut sequence, placement.as_ref())?;
            sequence.updated_at = self.clock().now();
            match self.catalog().update_sequence(&sequence).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => return result,
            }
        }
    }

    async fn place(&self, clip: &ClipRequest, rate: Rate) -> Result<Placement> {
        let asset = self.catalog().asset(clip.asset).await?;
        let subclip = match clip.subclip {
            Some(id) => Some(self.catalog().annotation(id).await?),
            None => None,
        };
        if let Some(subclip) = &subclip
            && (subclip.asset != clip.asset || subclip.kind != AnnotationKind::Subclip)
        {
            return Err(Error::invalid("sequences.append", "this is no subclip of the asset")
                .with("asset", clip.asset)
                .with("subclip", subclip.id));
        }
        let Some(media) = &asset.media else {
            return Err(Error::new(
                ErrorKind::NotReady,
                "sequences.append",
                "nothing is known of the asset's media yet; wait for its ingest",
            )
            .with("asset", asset.id));
        };
        let source =
            ClipSource { asset: asset.id, version: asset.face_version, subclip: clip.subclip };
        let name = clip.name.clone().or(subclip.as_ref().map(|subclip| subclip.name.clone()));
        let name = name.unwrap_or_else(|| asset.title.clone());
        match clip.range.or(subclip.and_then(|subclip| subclip.range)) {
            Some(range) => Placement::of_range(name, source, media, range, rate),
            None => Placement::of_asset(name, source, media, rate),
        }
    }

    /// Writes a sequence to a file; its extension names the format.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown sequence;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an extension that names no format;
    /// [`Unavailable`](ErrorKind::Unavailable) where the file cannot be written: then what was there
    /// before is there still.
    pub async fn export(
        &self,
        id: SequenceId,
        path: impl AsRef<Path>,
        options: ExportOptions,
    ) -> Result<Exported> {
        let path = path.as_ref();
        let format = Format::of_path(path)?;
        let sequence = self.catalog().sequence(id).await?;
        let media = self.media(&sequence).await?;
        let issues = timeline::check(&sequence, &|source| media.summary(source));
        let text = format.write(&sequence, &media, options.target)?;
        write_whole(path.to_owned(), text, self.clock().new_uuid()).await?;
        Ok(Exported { path: path.to_owned(), issues })
    }

    /// What the clips of a sequence are pieces of.
    async fn media(&self, sequence: &Sequence) -> Result<MediaMap> {
        let mut media = MediaMap::new();
        for item in sequence.tracks.iter().flat_map(|track| &track.items) {
            let Item::Clip(clip) = item else { continue };
            if media.get(&clip.source).is_some() {
                continue;
            }
            // Media that is gone is written as missing, and told of as an issue.
            match self.clip_media(&clip.source).await {
                Ok(found) => media.insert(&clip.source, found),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(media)
    }

    async fn clip_media(&self, source: &ClipSource) -> Result<ClipMedia> {
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
            if let Some(instance) = rendition.instances.first() {
                let storage = self.library.backends().storage(&instance.storage)?;
                if let Some(path) = storage.local_path(&instance.key.parse()?) {
                    let path = std::path::absolute(path).map_err(|cause| {
                        Error::new(
                            ErrorKind::Unavailable,
                            "sequences.export",
                            "the path of the media cannot be told",
                        )
                        .caused_by(cause)
                    })?;
                    urls.insert(rendition.role, file_url(&path)?);
                }
            }
        }
        Ok(ClipMedia { name: asset.file_name, summary, urls, reel: None })
    }
}

/// Writes a file so that it is there whole or as it was before.
async fn write_whole(path: PathBuf, text: String, unique: uuid::Uuid) -> Result<()> {
    let written = tokio::task::spawn_blocking(move || {
        let partial = path.with_file_name(format!(".{}.part", unique.simple()));
        let result = std::fs::write(&partial, text)
            .and_then(|()| std::fs::File::open(&partial)?.sync_all())
            .and_then(|()| std::fs::rename(&partial, &path));
        if result.is_err() {
            // Whatever of it was written is in nobody's way.
            let _ = std::fs::remove_file(&partial);
        }
        result.map_err(|cause| {
            Error::new(
                ErrorKind::Unavailable,
                "sequences.export",
                "the file cannot be written; check that its folder is there and has room",
            )
            .with("path", path.display())
            .caused_by(cause)
        })
    });
    written.await.map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "sequences.export", "writing has broken off")
            .caused_by(cause)
    })?
}
