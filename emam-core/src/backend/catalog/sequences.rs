//! The sequences of projects.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{AssetId, ProjectId, SequenceId};
use crate::model::Sequence;

/// Keeps sequences.
///
/// # Contract
/// - `sequence_round_trip`: a sequence reads back as it was inserted, every field.
/// - `sequence_needs_its_project`: an unknown project is `NotFound`.
/// - `sequence_stale_update_conflicts`: a stale revision is `Conflict` and changes nothing.
/// - `sequences_of_a_project`: a list gives the sequences of that project, oldest first.
/// - `sequences_that_use_an_asset`: every sequence with a clip of the asset now, oldest first,
///   whether the asset is still there or not.
#[async_trait]
pub trait Sequences: Debug + Send + Sync + 'static {
    /// Inserts a sequence.
    async fn insert_sequence(&self, sequence: &Sequence) -> Result<()>;

    /// Reads one sequence.
    async fn sequence(&self, id: SequenceId) -> Result<Sequence>;

    /// Replaces a sequence.
    async fn update_sequence(&self, sequence: &Sequence) -> Result<Sequence>;

    /// Deletes a sequence.
    async fn delete_sequence(&self, id: SequenceId) -> Result<()>;

    /// Lists the sequences of a project.
    async fn sequences(&self, project: ProjectId) -> Result<Vec<Sequence>>;

    /// Lists the sequences that have a clip of an asset.
    async fn sequences_with_asset(&self, asset: AssetId) -> Result<Vec<Sequence>>;
}
