//! Sequences: edits, built from what was found and exported for editing programs.

mod caption;
mod consolidate;
mod document;
mod edit;
mod export;
mod import;
mod lookup;
mod relink;
mod render;

pub use caption::CaptionOptions;
pub use edit::Edited;
pub use export::{ExportOptions, Exported};
pub use import::{ImportOptions, Imported, IngestedFile};
pub use relink::{RelinkChoice, RelinkOptions, Relinked};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::catalog::Hit;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AnnotationId, AssetId, ClipId, ProjectId, SequenceId};
use crate::library::handle;
use crate::model::{Annotation, AnnotationKind, AssetSource, Sequence};
use crate::time::{Rate, TimeRange};
use crate::timeline::{self, Placement};

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

impl Sequences {
    /// Makes an empty sequence.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown project;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a blank name.
    pub async fn create(&self, project: ProjectId, name: &str, rate: Rate) -> Result<Sequence> {
        let name = crate::library::named("sequences.create", name)?;
        let sequence = Sequence {
            drop_frame: rate.can_drop(),
            ..Sequence::new(self.clock(), project, name, rate)
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
            sequence.name = crate::library::named(operation, &name)?;
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
        self.change(id, Some(&clip), |sequence, placement| {
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
        self.change(id, Some(&clip), |sequence, placement| {
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
        self.change(id, None, |sequence, _| timeline::remove(sequence, clip, ripple).map(drop))
            .await
    }

    /// Deletes a sequence; assets stay.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an unknown id.
    pub async fn delete(&self, id: SequenceId) -> Result<()> {
        self.catalog().delete_sequence(id).await
    }

    /// Edits a sequence, again from the start when somebody else was faster.
    async fn change(
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
            AssetSource { asset: asset.id, version: asset.face_version, subclip: clip.subclip };
        let name = clip.name.clone().or(subclip.as_ref().map(|subclip| subclip.name.clone()));
        let name = name.unwrap_or_else(|| asset.title.clone());
        match clip.range.or(subclip.and_then(|subclip| subclip.range)) {
            Some(range) => Placement::of_range(name, source, media, range, rate),
            None => Placement::of_asset(name, source, media, rate),
        }
    }
}
