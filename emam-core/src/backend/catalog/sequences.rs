//! The sequences of projects.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{ProjectId, SequenceId};
use crate::model::Sequence;

/// Keeps sequences.
///
/// # Contract
/// - `sequence_round_trip`: a sequence reads back as it was inserted, every field.
/// - `sequence_needs_its_project`: an unknown project is `NotFound`.
/// - `sequence_stale_update_conflicts`: a stale revision is `Conflict` and changes nothing.
/// - `sequences_of_a_project`: a list gives the sequences of that project, oldest first.
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
}
