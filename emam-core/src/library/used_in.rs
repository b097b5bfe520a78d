//! Where an asset is used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::id::{AssetId, BinId, ClipId, ProjectId, SequenceId, TrackId};
use crate::library::Assets;
use crate::library::check_in::CheckInRecord;
use crate::model::{AssetKind, BinTarget, Sequence};
use crate::time::MediaTime;

/// A clip of a sequence that is a piece of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsedClip {
    /// The track it is on.
    pub track: TrackId,
    /// The clip.
    pub clip: ClipId,
    /// The frame of the sequence it begins at, from 0.
    pub at: i64,
    /// How many frames of the sequence it takes.
    pub duration: i64,
    /// Where in the asset it begins, from the first frame (0) of the media.
    pub source_start: MediaTime,
}

/// A sequence that uses an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsingSequence {
    /// The sequence.
    pub sequence: SequenceId,
    /// Its project.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
    /// Its clips of the asset, in the order of the tracks.
    pub clips: Vec<UsedClip>,
}

/// A bin that an asset is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsingBin {
    /// The bin.
    pub bin: BinId,
    /// Its project.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
}

/// A project file of another program that uses an asset, as its check-in has noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsingProjectFile {
    /// The project file.
    pub asset: AssetId,
    /// The project it was checked in to.
    pub project: ProjectId,
    /// Its title.
    pub title: String,
}

/// Where an asset is used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct UsedIn {
    /// The sequences with a clip of it, oldest first. One that nests such a sequence is not among
    /// them.
    pub sequences: Vec<UsingSequence>,
    /// The project files that use it.
    pub project_files: Vec<UsingProjectFile>,
    /// The bins it is in, whole or in part, oldest first.
    pub bins: Vec<UsingBin>,
}

impl Assets {
    /// Tells where an asset is used: in sequences, in project files that were checked in, and in
    /// bins. Asked of an asset that is deleted, it tells what misses it.
    ///
    /// # Errors
    /// What reading the catalog gives; an id nothing has is used nowhere.
    pub async fn used_in(&self, id: AssetId) -> Result<UsedIn> {
        let sequences = self.catalog().sequences_with_asset(id).await?;
        let mut used = UsedIn {
            sequences: sequences.iter().map(|sequence| using(sequence, id)).collect(),
            ..UsedIn::default()
        };
        for bin in self.catalog().bins_with_asset(id).await? {
            for item in &bin.items {
                if let BinTarget::Asset { asset } = item.target
                    && asset != id
                    && used.project_files.iter().all(|file| file.asset != asset)
                    && let Some(file) = self.project_file_with(asset, id).await?
                {
                    used.project_files.push(file);
                }
            }
            used.bins.push(UsingBin { bin: bin.id, project: bin.project, name: bin.name });
        }
        Ok(used)
    }

    /// A bin with the media of a project file holds the file too; what it uses stands with it.
    async fn project_file_with(
        &self,
        file: AssetId,
        used: AssetId,
    ) -> Result<Option<UsingProjectFile>> {
        let asset = match self.catalog().asset(file).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        if !matches!(asset.kind, AssetKind::ProjectFile | AssetKind::Document | AssetKind::Other) {
            return Ok(None);
        }
        Ok(CheckInRecord::of(&asset).filter(|record| record.uses.contains(&used)).map(|record| {
            UsingProjectFile { asset: file, project: record.project, title: asset.title }
        }))
    }
}

fn using(sequence: &Sequence, asset: AssetId) -> UsingSequence {
    let mut clips = Vec::new();
    for track in &sequence.tracks {
        let mut at = 0_i64;
        for item in &track.items {
            if let Some(clip) = item.as_clip()
                && clip.source.asset().is_some_and(|source| source.asset == asset)
            {
                clips.push(UsedClip {
                    track: track.id,
                    clip: clip.id,
                    at,
                    duration: clip.duration,
                    source_start: clip.source_start,
                });
            }
            at = at.saturating_add(item.duration());
        }
    }
    let (sequence, project, name) = (sequence.id, sequence.project, sequence.name.clone());
    UsingSequence { sequence, project, name, clips }
}
