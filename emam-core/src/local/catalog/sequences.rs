//! Sequences.

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::backend::catalog::Sequences;
use crate::error::{Error, Result};
use crate::id::{AssetId, ProjectId, SequenceId};
use crate::model::{Project, Sequence};

use super::records::{Record, Revised, docs, fetch, seq_of};
use super::{SqliteCatalog, uses};

impl Record for Sequence {
    const TABLE: &'static str = "sequence";

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn event_data(&self) -> Value {
        json!({ "project": self.project })
    }
}

impl Revised for Sequence {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

#[async_trait]
impl Sequences for SqliteCatalog {
    async fn insert_sequence(&self, sequence: &Sequence) -> Result<()> {
        let sequence = sequence.clone();
        self.write("sequences.insert", move |tx| {
            let project = seq_of(tx, tx.operation, Project::TABLE, sequence.project.uuid())?;
            let seq = tx.insert(&sequence, &[("project_seq", &project)])?;
            uses::change(tx, seq, None, &sequence)
        })
        .await
    }

    async fn sequence(&self, id: SequenceId) -> Result<Sequence> {
        const OPERATION: &str = "sequences.get";
        self.find(OPERATION, move |conn| Ok(fetch(conn, OPERATION, id.uuid())?.1)).await
    }

    async fn update_sequence(&self, sequence: &Sequence) -> Result<Sequence> {
        let sequence = sequence.clone();
        self.write("sequences.update", move |tx| {
            let (seq, old): (_, Sequence) = tx.present(sequence.uuid(), sequence.revision)?;
            if old.project != sequence.project {
                return Err(Error::invalid(tx.operation, "a sequence stays in its project")
                    .with("sequence", sequence.id)
                    .with("project", old.project)
                    .into());
            }
            uses::change(tx, seq, Some(&old), &sequence)?;
            tx.replace(seq, &sequence, &[])
        })
        .await
    }

    async fn delete_sequence(&self, id: SequenceId) -> Result<()> {
        self.write("sequences.delete", move |tx| {
            let (seq, sequence): (_, Sequence) = fetch(tx, tx.operation, id.uuid())?;
            tx.delete(seq, &sequence)
        })
        .await
    }

    async fn sequences(&self, project: ProjectId) -> Result<Vec<Sequence>> {
        const OPERATION: &str = "sequences.list";
        self.read(OPERATION, move |conn| {
            let project = seq_of(conn, OPERATION, Project::TABLE, project.uuid())?;
            let sql = "SELECT doc FROM sequence WHERE project_seq = ?1 ORDER BY seq";
            docs(conn, OPERATION, sql, &[&project])
        })
        .await
    }

    async fn sequences_with_asset(&self, asset: AssetId) -> Result<Vec<Sequence>> {
        const OPERATION: &str = "sequences.find";
        self.read(OPERATION, move |conn| {
            docs(conn, OPERATION, &uses::query::<Sequence>(), &[asset.uuid().as_bytes()])
        })
        .await
    }
}
