//! Pieces of work.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::ProjectId;
use crate::model::{Bin, Page, PageRequest, Project};

/// Keeps projects.
///
/// # Contract
/// - `project_comes_with_its_root_bin`: a project and its root bin are inserted together.
/// - `project_stale_update_conflicts`: a stale revision is `Conflict` and changes nothing.
/// - `project_delete_takes_bins_and_sequences`: its bins and sequences go with it; assets stay.
/// - `projects_are_paged_newest_first`: each project comes once over pages of any size.
#[async_trait]
pub trait Projects: Debug + Send + Sync + 'static {
    /// Inserts a project with its root bin.
    async fn insert_project(&self, project: &Project, root: &Bin) -> Result<()>;

    /// Reads one project.
    async fn project(&self, id: ProjectId) -> Result<Project>;

    /// Replaces a project.
    async fn update_project(&self, project: &Project) -> Result<Project>;

    /// Deletes a project with its bins and sequences.
    async fn delete_project(&self, id: ProjectId) -> Result<()>;

    /// Lists projects, newest first.
    async fn projects(&self, page: &PageRequest) -> Result<Page<Project>>;
}
