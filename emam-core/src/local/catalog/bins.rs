//! Bins.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, ToSql};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::backend::catalog::Bins;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AssetId, BinId, ProjectId};
use crate::model::{Bin, Project};

use super::error::Sql;
use super::records::{Record, Revised, Tx, docs, fetch, missing, seq_of};
use super::{SqliteCatalog, tree, uses};

impl Record for Bin {
    const TABLE: &'static str = "bin";

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn event_data(&self) -> Value {
        json!({ "project": self.project })
    }
}

impl Revised for Bin {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// Inserts the root bin of a project that is being inserted.
pub(super) fn insert_root(tx: &Tx<'_>, project: i64, root: &Bin) -> Sql<()> {
    let columns: &[(_, &dyn ToSql)] = &[("project_seq", &project), ("position", &root.position)];
    let seq = tx.insert(root, columns)?;
    uses::change(tx, seq, None, root)
}

/// The `seq` of a bin's parent, which must be of the same project.
fn parent_of(tx: &Tx<'_>, bin: &Bin, project: i64) -> Sql<i64> {
    let Some(parent) = bin.parent else {
        let message = "only a project's root bin is in no other; name the bin this one is in";
        return Err(Error::invalid(tx.operation, message).with("bin", bin.id).into());
    };
    let found: Option<(i64, i64)> = tx
        .prepare_cached("SELECT seq, project_seq FROM bin WHERE id = ?1")?
        .query_row([parent.uuid().as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, other) = found.ok_or_else(|| missing(tx.operation, Bin::TABLE, parent.uuid()))?;
    if other != project {
        return Err(Error::invalid(tx.operation, "the parent is a bin of another project")
            .with("bin", bin.id)
            .with("parent", parent)
            .into());
    }
    Ok(seq)
}

fn insert(tx: &Tx<'_>, bin: &Bin) -> Sql<()> {
    let project = seq_of(tx, tx.operation, Project::TABLE, bin.project.uuid())?;
    let parent = parent_of(tx, bin, project)?;
    let columns: &[(_, &dyn ToSql)] =
        &[("project_seq", &project), ("parent_seq", &parent), ("position", &bin.position)];
    let seq = tx.insert(bin, columns)?;
    uses::change(tx, seq, None, bin)
}

fn root_stays(tx: &Tx<'_>, bin: BinId) -> Error {
    let message = "this is the root bin of its project; it stays as long as the project";
    Error::new(ErrorKind::Conflict, tx.operation, message).with("bin", bin)
}

fn update(tx: &Tx<'_>, bin: &Bin) -> Sql<Bin> {
    let (seq, old): (_, Bin) = tx.present(bin.uuid(), bin.revision)?;
    if old.project != bin.project {
        return Err(Error::invalid(tx.operation, "a bin stays in its project")
            .with("bin", bin.id)
            .with("project", old.project)
            .into());
    }
    let parent = match (old.parent, bin.parent) {
        (None, None) => None,
        (None, Some(_)) => return Err(root_stays(tx, bin.id).into()),
        (Some(_), _) => {
            let project = seq_of(tx, tx.operation, Project::TABLE, bin.project.uuid())?;
            let parent = parent_of(tx, bin, project)?;
            if tree::is_within(tx, Bin::TABLE, parent, seq)? {
                let message = "a bin cannot be moved into itself or into a bin in it";
                return Err(Error::invalid(tx.operation, message).with("bin", bin.id).into());
            }
            Some(parent)
        }
    };
    uses::change(tx, seq, Some(&old), bin)?;
    tx.replace(seq, bin, &[("parent_seq", &parent), ("position", &bin.position)])
}

fn delete(tx: &Tx<'_>, id: BinId) -> Sql<()> {
    let (seq, bin): (_, Bin) = fetch(tx, tx.operation, id.uuid())?;
    if bin.parent.is_none() {
        return Err(root_stays(tx, id).into());
    }
    // The bins below first, in one statement: foreign keys are looked at when it ends.
    tx.prepare_cached(
        "WITH RECURSIVE down (seq) AS (\
             SELECT seq FROM bin WHERE parent_seq = ?1 \
             UNION SELECT b.seq FROM bin b JOIN down ON b.parent_seq = down.seq) \
         DELETE FROM bin WHERE seq IN (SELECT seq FROM down)",
    )?
    .execute([seq])?;
    tx.delete(seq, &bin)
}

#[async_trait]
impl Bins for SqliteCatalog {
    async fn insert_bin(&self, bin: &Bin) -> Result<()> {
        let bin = bin.clone();
        self.write("bins.insert", move |tx| insert(tx, &bin)).await
    }

    async fn bin(&self, id: BinId) -> Result<Bin> {
        const OPERATION: &str = "bins.get";
        self.find(OPERATION, move |conn| Ok(fetch(conn, OPERATION, id.uuid())?.1)).await
    }

    async fn update_bin(&self, bin: &Bin) -> Result<Bin> {
        let bin = bin.clone();
        self.write("bins.update", move |tx| update(tx, &bin)).await
    }

    async fn delete_bin(&self, id: BinId) -> Result<()> {
        self.write("bins.delete", move |tx| delete(tx, id)).await
    }

    async fn bins(&self, project: ProjectId) -> Result<Vec<Bin>> {
        const OPERATION: &str = "bins.list";
        self.read(OPERATION, move |conn| {
            let project = seq_of(conn, OPERATION, Project::TABLE, project.uuid())?;
            let sql = "SELECT doc, seq, parent_seq FROM bin WHERE project_seq = ?1 \
                       ORDER BY position, seq";
            tree::listed(conn, OPERATION, sql, &[&project])
        })
        .await
    }

    async fn bins_with_asset(&self, asset: AssetId) -> Result<Vec<Bin>> {
        const OPERATION: &str = "bins.find";
        self.read(OPERATION, move |conn| {
            docs(conn, OPERATION, &uses::query::<Bin>(), &[asset.uuid().as_bytes()])
        })
        .await
    }
}
