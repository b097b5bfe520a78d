//! Project: a piece of work, with its bins and sequences.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{BinId, ProjectId};

/// A piece of work, with its bins and sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Counts its changes; a write names the revision it read.
    pub revision: u64,
    /// Its name.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// The bin all its other bins are in; made with the project.
    pub root_bin: BinId,
    /// Custom metadata by field key.
    #[serde(default)]
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
