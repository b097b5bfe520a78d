//! The event log.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use crate::backend::catalog::Events;
use crate::error::{Error, Result};
use crate::model::{Event, NewEvent, Topic};

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

    async fn log_event(&self, event: &NewEvent) -> Result<i64> {
        let event = event.clone();
        self.write("events.log", move |tx| {
            let (noun, verb) = event.topic.as_str().split_once('.').ok_or_else(|| {
                Error::invalid(tx.operation, "a topic is noun.verb").with("topic", &event.topic.0)
            })?;
            tx.event_at(event.at, noun, verb, event.subject, None, &event.data)?;
            Ok(tx.last_insert_rowid())
        })
        .await
    }

    async fn reader(&self, name: &str) -> Result<i64> {
        let name = name.to_owned();
        self.find("events.reader", move |conn| {
            let seq = conn
                .prepare_cached("SELECT seq FROM event_reader WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()?;
            Ok(seq.unwrap_or(0))
        })
        .await
    }

    async fn advance_reader(&self, name: &str, from: i64, to: i64) -> Result<bool> {
        let name = name.to_owned();
        self.write("events.advance", move |tx| {
            if from == 0 {
                tx.prepare_cached("INSERT OR IGNORE INTO event_reader (name, seq) VALUES (?1, 0)")?
                    .execute([&name])?;
            }
            let moved = tx
                .prepare_cached(
                    "UPDATE event_reader SET seq = ?3 WHERE name = ?1 AND seq = ?2 AND ?3 > ?2",
                )?
                .execute(params![name, from, to])?;
            Ok(moved == 1)
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
