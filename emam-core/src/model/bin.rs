//! Bin: an ordered list of what a project uses. Bins nest.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AnnotationId, AssetId, BinId, BinItemId, ProjectId, SequenceId, VersionId};

/// An ordered list of what a project uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bin {
    /// Its id.
    pub id: BinId,
    /// Counts its changes; a write names the revision it read.
    pub revision: u64,
    /// The project it belongs to.
    pub project: ProjectId,
    /// The bin it is in; absent for the project's root bin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<BinId>,
    /// Its name.
    pub name: String,
    /// Its place among its siblings, from 0.
    #[serde(default)]
    pub position: u32,
    /// What is in it, in order.
    #[serde(default)]
    pub items: Vec<BinItem>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// One entry of a bin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BinItem {
    /// Its id, so that one asset can be in a bin twice and each entry can be named.
    pub id: BinItemId,
    /// What it stands for.
    #[serde(flatten)]
    pub target: BinTarget,
}

/// What an entry of a bin stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum BinTarget {
    /// An asset, whichever version people see.
    Asset {
        /// Which asset.
        asset: AssetId,
    },
    /// One version of an asset for good.
    Version {
        /// Which asset.
        asset: AssetId,
        /// Which version of it.
        version: VersionId,
    },
    /// A subclip of an asset.
    Subclip {
        /// Which asset.
        asset: AssetId,
        /// Which annotation of it.
        annotation: AnnotationId,
    },
    /// A sequence of the same project.
    Sequence {
        /// Which sequence.
        sequence: SequenceId,
    },
}
