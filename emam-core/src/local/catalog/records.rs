//! What every noun does the same: a row with an id, a revision and the record as JSON, and an
//! event for each change.

use std::ops::Deref;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, ErrorKind};

use super::codes::micros;
use super::error::{DAMAGED, Fault, Sql};

/// A record with a table of its own.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The table; also the noun in events and messages.
    const TABLE: &'static str;

    /// Its id.
    fn uuid(&self) -> Uuid;

    /// What a listener to its events needs beside the id.
    fn event_data(&self) -> Value {
        Value::Null
    }
}

/// A record that counts its changes.
pub(super) trait Revised: Record + Clone {
    /// The revision it has.
    fn revision(&self) -> u64;

    /// Gives it another.
    fn set_revision(&mut self, revision: u64);
}

/// Columns beside `id`, `revision` and `doc`, with their values.
pub(super) type Columns<'a> = &'a [(&'static str, &'a dyn ToSql)];

/// A write transaction.
pub(super) struct Tx<'c> {
    inner: Transaction<'c>,
    /// The operation it belongs to, for errors.
    pub(super) operation: &'static str,
    at: Timestamp,
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.inner
    }
}

impl<'c> Tx<'c> {
    pub(super) fn new(inner: Transaction<'c>, operation: &'static str, at: Timestamp) -> Self {
        Self { inner, operation, at }
    }

    pub(super) fn commit(self) -> rusqlite::Result<()> {
        self.inner.commit()
    }

    /// Appends an event to the log.
    pub(super) fn event(
        &self,
        noun: &str,
        verb: &str,
        subject: Uuid,
        revision: Option<u64>,
        data: &Value,
    ) -> Sql<()> {
        self.event_at(self.at, noun, verb, subject, revision, data)
    }

    /// Appends an event of another time than the transaction's.
    pub(super) fn event_at(
        &self,
        at: Timestamp,
        noun: &str,
        verb: &str,
        subject: Uuid,
        revision: Option<u64>,
        data: &Value,
    ) -> Sql<()> {
        self.prepare_cached(
            "INSERT INTO event (at, topic, subject, revision, data) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            micros(at),
            format!("{noun}.{verb}"),
            subject.as_bytes(),
            revision.map(number),
            data.to_string(),
        ])?;
        Ok(())
    }

    /// Inserts a record at its first revision it names and tells its `seq`.
    pub(super) fn insert<R: Revised>(&self, record: &R, columns: Columns<'_>) -> Sql<i64> {
        self.insert_row(record, Some(record.revision()), columns)
    }

    /// Inserts a record that has no revisions and tells its `seq`.
    pub(super) fn insert_plain<R: Record>(&self, record: &R, columns: Columns<'_>) -> Sql<i64> {
        self.insert_row(record, None, columns)
    }

    fn insert_row<R: Record>(
        &self,
        record: &R,
        revision: Option<u64>,
        columns: Columns<'_>,
    ) -> Sql<i64> {
        let id = record.uuid();
        let doc = to_doc(self.operation, record)?;
        let revision_number = revision.map(number);
        let mut sql = format!("INSERT INTO {} (id, revision, doc", R::TABLE);
        let mut values: Vec<&dyn ToSql> = vec![id.as_bytes(), &revision_number, &doc];
        for (name, value) in columns {
            sql.push_str(", ");
            sql.push_str(name);
            values.push(*value);
        }
        sql.push_str(") VALUES (?");
        sql.push_str(&", ?".repeat(values.len() - 1));
        sql.push(')');
        let inserted = self.prepare_cached(&sql)?.execute(&values[..]);
        match inserted.map_err(Fault::from) {
            Ok(_) => {}
            Err(fault) if fault.breaks_unique(&format!("{}.id", R::TABLE)) => {
                return Err(exists(self.operation, R::TABLE, id).into());
            }
            Err(fault) => return Err(fault),
        }
        let seq = self.last_insert_rowid();
        self.event(R::TABLE, "created", id, revision, &record.event_data())?;
        Ok(seq)
    }

    /// Reads a record that is about to be replaced by one read at `revision`.
    pub(super) fn present<R: Revised>(&self, id: Uuid, revision: u64) -> Sql<(i64, R)> {
        let (seq, present): (i64, R) = fetch(self, self.operation, id)?;
        if present.revision() != revision {
            let message = format!("somebody else changed this {} first; read it again", R::TABLE);
            return Err(Error::new(ErrorKind::Conflict, self.operation, message)
                .with("id", id)
                .with("expected", revision)
                .with("revision", present.revision())
                .into());
        }
        Ok((seq, present))
    }

    /// Replaces the record at `seq`, which [`present`](Self::present) has read, and gives it back
    /// with its new revision.
    pub(super) fn replace<R: Revised>(&self, seq: i64, record: &R, columns: Columns<'_>) -> Sql<R> {
        let mut next = record.clone();
        let revision = record.revision() + 1;
        next.set_revision(revision);
        let doc = to_doc(self.operation, &next)?;
        let revision_number = number(revision);
        let mut sql = format!("UPDATE {} SET revision = ?, doc = ?", R::TABLE);
        let mut values: Vec<&dyn ToSql> = vec![&revision_number, &doc];
        for (name, value) in columns {
            sql.push_str(", ");
            sql.push_str(name);
            sql.push_str(" = ?");
            values.push(*value);
        }
        sql.push_str(" WHERE seq = ?");
        values.push(&seq);
        self.prepare_cached(&sql)?.execute(&values[..])?;
        self.event(R::TABLE, "updated", next.uuid(), Some(revision), &next.event_data())?;
        Ok(next)
    }

    /// Deletes the record at `seq`.
    pub(super) fn delete<R: Record>(&self, seq: i64, record: &R) -> Sql<()> {
        self.prepare_cached(&format!("DELETE FROM {} WHERE seq = ?1", R::TABLE))?.execute([seq])?;
        self.event(R::TABLE, "deleted", record.uuid(), None, &record.event_data())
    }
}

/// Reads a record and its `seq`.
pub(super) fn fetch<R: Record>(
    conn: &Connection,
    operation: &'static str,
    id: Uuid,
) -> Sql<(i64, R)> {
    let row: Option<(i64, String)> = conn
        .prepare_cached(&format!("SELECT seq, doc FROM {} WHERE id = ?1", R::TABLE))?
        .query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, doc) = row.ok_or_else(|| missing(operation, R::TABLE, id))?;
    Ok((seq, from_doc(operation, &doc)?))
}

/// The `seq` of a record of `table`.
pub(super) fn seq_of(
    conn: &Connection,
    operation: &'static str,
    table: &'static str,
    id: Uuid,
) -> Sql<i64> {
    let seq = conn
        .prepare_cached(&format!("SELECT seq FROM {table} WHERE id = ?1"))?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(seq.ok_or_else(|| missing(operation, table, id))?)
}

/// Every record of a query that selects `doc` first.
pub(super) fn docs<R: DeserializeOwned>(
    conn: &Connection,
    operation: &'static str,
    sql: &str,
    values: &[&dyn ToSql],
) -> Sql<Vec<R>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records
            .push(from_doc(operation, row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?);
    }
    Ok(records)
}

/// The record as it is stored.
pub(super) fn to_doc(operation: &'static str, record: &impl Serialize) -> Sql<String> {
    Ok(serde_json::to_string(record).map_err(|cause| {
        Error::invalid(operation, "this record cannot be written as JSON").caused_by(cause)
    })?)
}

/// The record that was stored.
pub(super) fn from_doc<T: DeserializeOwned>(operation: &'static str, doc: &str) -> Sql<T> {
    Ok(serde_json::from_str(doc)
        .map_err(|cause| Error::new(ErrorKind::Integrity, operation, DAMAGED).caused_by(cause))?)
}

/// The error of an id that nothing has.
pub(super) fn missing(operation: &'static str, table: &str, id: Uuid) -> Error {
    Error::new(ErrorKind::NotFound, operation, format!("no {table} has this id")).with("id", id)
}

/// The error of an id that something has already.
pub(super) fn exists(operation: &'static str, table: &str, id: Uuid) -> Error {
    let message = format!("a {table} with this id exists already");
    Error::new(ErrorKind::AlreadyExists, operation, message).with("id", id)
}

/// A count or size as SQLite stores it. Greater ones than 2^63 do not occur.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
