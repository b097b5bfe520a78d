//! The event log.

use async_trait::async_trait;
use rusqlite::params;
use uuid::Uuid;

use crate::backend::catalog::Events;
use crate::error::Result;
use crate::model::{Event, Topic};

use super::SqliteCatalog;
use super::codes::instant;
use super::records::from_doc;

#[async_trait]
impl Events for SqliteCatalog {
    async fn events(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        const OPERATION: &str = "events.list";
        self.read(OPERATION, move |conn| {
            // One writer at a time numbers and commits, so no smaller number can appear later.
            let mut statement = conn.prepare_cached(
                "SELECT seq, at, topic, subject, revision, data FROM event WHERE seq > ?1 \
                 ORDER BY seq LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![after, limit])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                let data: String = row.get(5)?;
                events.push(Event {
                    seq: row.get(0)?,
                    at: instant(row.get(1)?),
                    topic: Topic(row.get(2)?),
                    subject: Uuid::from_bytes(row.get(3)?),
                    revision: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                    data: from_doc(OPERATION, &data)?,
                });
            }
            Ok(events)
        })
        .await
    }

    async fn last_event(&self) -> Result<i64> {
        self.find("events.last", |conn| {
            Ok(conn
                .prepare_cached("SELECT coalesce(max(seq), 0) FROM event")?
                .query_row([], |row| row.get(0))?)
        })
        .await
    }
}
