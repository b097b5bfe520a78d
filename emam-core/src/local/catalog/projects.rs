//! Projects.

use async_trait::async_trait;
use rusqlite::params;
use uuid::Uuid;

use crate::backend::catalog::Projects;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::model::{Bin, Page, PageRequest, Project};

use super::error::Sql;
use super::records::{Record, Revised, Tx, fetch, from_doc};
use super::{SqliteCatalog, bins};

impl Record for Project {
    const TABLE: &'static str = "project";

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }
}

impl Revised for Project {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

fn insert(tx: &Tx<'_>, project: &Project, root: &Bin) -> Sql<()> {
    if root.project != project.id || root.parent.is_some() || project.root_bin != root.id {
        let message = "the root bin must be the one the project names, of this project and in \
                       no other bin";
        return Err(Error::invalid(tx.operation, message)
            .with("project", project.id)
            .with("root_bin", project.root_bin)
            .with("bin", root.id)
            .into());
    }
    let seq = tx.insert(project, &[])?;
    bins::insert_root(tx, seq, root)
}

fn update(tx: &Tx<'_>, project: &Project) -> Sql<Project> {
    let (seq, old): (_, Project) = tx.present(project.uuid(), project.revision)?;
    if old.root_bin != project.root_bin {
        return Err(Error::invalid(tx.operation, "a project keeps its root bin")
            .with("project", project.id)
            .with("root_bin", old.root_bin)
            .into());
    }
    tx.replace(seq, project, &[])
}

fn delete(tx: &Tx<'_>, id: ProjectId) -> Sql<()> {
    let (seq, project): (_, Project) = fetch(tx, tx.operation, id.uuid())?;
    tx.prepare_cached("DELETE FROM sequence WHERE project_seq = ?1")?.execute([seq])?;
    // One statement, so that the order of bins and their parents does not matter.
    tx.prepare_cached("DELETE FROM bin WHERE project_seq = ?1")?.execute([seq])?;
    tx.delete(seq, &project)
}

#[async_trait]
impl Projects for SqliteCatalog {
    async fn insert_project(&self, project: &Project, root: &Bin) -> Result<()> {
        let (project, root) = (project.clone(), root.clone());
        self.write("projects.insert", move |tx| insert(tx, &project, &root)).await
    }

    async fn project(&self, id: ProjectId) -> Result<Project> {
        const OPERATION: &str = "projects.get";
        self.find(OPERATION, move |conn| Ok(fetch(conn, OPERATION, id.uuid())?.1)).await
    }

    async fn update_project(&self, project: &Project) -> Result<Project> {
        let project = project.clone();
        self.write("projects.update", move |tx| update(tx, &project)).await
    }

    async fn delete_project(&self, id: ProjectId) -> Result<()> {
        self.write("projects.delete", move |tx| delete(tx, id)).await
    }

    async fn projects(&self, page: &PageRequest) -> Result<Page<Project>> {
        const OPERATION: &str = "projects.list";
        let limit = page.checked_limit(OPERATION)?;
        let before = match &page.cursor {
            Some(cursor) => self.cursors().read(OPERATION, &OPERATION, cursor)?,
            None => i64::MAX,
        };
        let mut projects: Vec<(i64, Project)> = self
            .read(OPERATION, move |conn| {
                let mut statement = conn.prepare_cached(
                    "SELECT seq, doc FROM project WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
                )?;
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let mut rows = statement.query(params![before, most])?;
                let mut projects = Vec::new();
                while let Some(row) = rows.next()? {
                    let doc: String = row.get(1)?;
                    projects.push((row.get(0)?, from_doc(OPERATION, &doc)?));
                }
                Ok(projects)
            })
            .await?;
        let more = projects.len() > limit;
        projects.truncate(limit);
        let next =
            projects.last().filter(|_| more).map(|(seq, _)| self.cursors().write(&OPERATION, seq));
        Ok(Page { items: projects.into_iter().map(|(_, project)| project).collect(), next })
    }
}
