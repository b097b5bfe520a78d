//! Projects: pieces of work.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::id::{BinId, ProjectId};
use crate::library::handle;
use crate::model::{Bin, Page, PageRequest, Project};

handle! {
    /// Pieces of work, with their bins and sequences.
    Projects
}

/// A change to a project: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectPatch {
    /// The revision that was read; without it, whatever the present one is.
    pub revision: Option<u64>,
    /// Its name.
    pub name: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Custom metadata; replaces what there is.
    pub metadata: Option<BTreeMap<String, serde_json::Value>>,
}

impl Projects {
    /// Makes a project with an empty root bin.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a blank name.
    pub async fn create(&self, name: &str) -> Result<Project> {
        let now = self.clock().now();
        let project = Project {
            id: ProjectId::new(self.clock()),
            revision: 1,
            name: super::named("projects.create", name)?,
            description: String::new(),
            root_bin: BinId::new(self.clock()),
            metadata: BTreeMap::new(),
            created_at: now,
            updated_at: now,
        };
        let root = Bin {
            id: project.root_bin,
            revision: 1,
            project: project.id,
            parent: None,
            name: project.name.clone(),
            position: 0,
            items: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        self.catalog().insert_project(&project, &root).await?;
        Ok(project)
    }

    /// Reads one project.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub async fn get(&self, id: ProjectId) -> Result<Project> {
        self.catalog().project(id).await
    }

    /// Lists projects, newest first.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a wrong limit or cursor.
    pub async fn list(&self, page: PageRequest) -> Result<Page<Project>> {
        self.catalog().projects(&page).await
    }

    /// Changes a project.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) for a stale revision.
    pub async fn update(&self, id: ProjectId, patch: ProjectPatch) -> Result<Project> {
        let mut project = self.catalog().project(id).await?;
        if let Some(name) = patch.name {
            project.name = super::named("projects.update", &name)?;
        }
        project.description = patch.description.unwrap_or(project.description);
        project.metadata = patch.metadata.unwrap_or(project.metadata);
        project.revision = patch.revision.unwrap_or(project.revision);
        project.updated_at = self.clock().now();
        self.catalog().update_project(&project).await
    }

    /// Deletes a project with its bins and sequences; assets stay.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub async fn delete(&self, id: ProjectId) -> Result<()> {
        self.catalog().delete_project(id).await
    }
}
