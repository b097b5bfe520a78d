//! What an engineer would write without us: one wide table, a few indexes, FTS5, joins.

use std::path::Path;

use anyhow::Result;
use emam_core::model::Asset;
use rusqlite::{Connection, params};

/// The plain script's database.
#[derive(Debug)]
pub(super) struct Peer {
    conn: Connection,
}

/// What a page shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) titles: Vec<String>,
    pub(super) total: u64,
    /// Of kind, codec and lifecycle, the values and counts, sorted.
    pub(super) facets: Vec<Vec<(String, u64)>>,
}

const COLUMNS: &str = "id, title, description, tags, file_name, kind, status, codec, container, \
                       size, duration, created, updated, project, rating, width, height";

const JOINED: &str = "FROM asset_text f JOIN asset a ON a.rowid = f.rowid \
                      WHERE asset_text MATCH ?1 AND a.status <> 'trashed'";

impl Peer {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let conn = Connection::open(path)?;
        conn.pragma_update(None, "journal_mode", "wal")?;
        // As durable as ours, and with the cache that one of our readers has.
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "cache_size", -8192)?;
        conn.execute_batch(
            "CREATE TABLE asset (id TEXT, title TEXT, description TEXT, tags TEXT, \
                 file_name TEXT, kind TEXT, status TEXT, codec TEXT, container TEXT, size INTEGER, \
                 duration INTEGER, created TEXT, updated TEXT, project INTEGER, rating INTEGER, \
                 width INTEGER, height INTEGER)",
        )?;
        Ok(Self { conn })
    }

    /// Writes rows in one transaction.
    pub(super) fn load(&mut self, assets: &[Asset]) -> Result<()> {
        let tx = self.conn.transaction()?;
        for asset in assets {
            insert(&tx, asset)?;
        }
        Ok(tx.commit()?)
    }

    /// Makes the indexes, once all rows are there.
    pub(super) fn index(&mut self) -> Result<()> {
        self.conn.execute_batch(
            "CREATE UNIQUE INDEX asset_id ON asset (id);
             CREATE INDEX asset_created ON asset (created);
             CREATE INDEX asset_kind ON asset (kind, created);
             CREATE INDEX asset_project ON asset (project, created);
             CREATE VIRTUAL TABLE asset_text USING fts5 (title, description, file_name, tags, \
                 content = 'asset', tokenize = 'unicode61 remove_diacritics 2');
             INSERT INTO asset_text (asset_text) VALUES ('rebuild');",
        )?;
        Ok(())
    }

    /// One asset, indexed and on disk.
    pub(super) fn insert(&mut self, asset: &Asset) -> Result<()> {
        let tx = self.conn.transaction()?;
        insert(&tx, asset)?;
        tx.prepare_cached(
            "INSERT INTO asset_text (rowid, title, description, file_name, tags) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            tx.last_insert_rowid(),
            asset.title,
            asset.description,
            asset.file_name,
            asset.tags.join(" ")
        ])?;
        Ok(tx.commit()?)
    }

    /// A page of 50 by date, three facets and the number of all.
    pub(super) fn search(&self, term: &str) -> Result<Found> {
        let columns = COLUMNS.replace(", ", ", a.");
        let sql = format!("SELECT a.{columns} {JOINED} ORDER BY a.created DESC LIMIT 50");
        let titles = self
            .conn
            .prepare_cached(&sql)?
            .query_map([term], |row| {
                // A page shows its rows, so all of them are read.
                for column in [0, 2, 3, 4, 5, 6, 7, 8, 11, 12] {
                    std::hint::black_box(row.get::<_, String>(column)?);
                }
                for column in [9, 10, 13, 14, 15, 16] {
                    std::hint::black_box(row.get::<_, Option<i64>>(column)?);
                }
                row.get(1)
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut facets = Vec::new();
        for column in ["kind", "codec", "status"] {
            let sql = format!("SELECT a.{column}, count(*) {JOINED} GROUP BY 1 ORDER BY 1");
            let values = self
                .conn
                .prepare_cached(&sql)?
                .query_map([term], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?
                .collect::<rusqlite::Result<_>>()?;
            facets.push(values);
        }
        let total: i64 = self
            .conn
            .prepare_cached(&format!("SELECT count(*) {JOINED}"))?
            .query_row([term], |row| row.get(0))?;
        Ok(Found { titles, total: total.unsigned_abs(), facets })
    }
}

fn insert(conn: &Connection, asset: &Asset) -> Result<()> {
    let media = asset.media.clone().unwrap_or_default();
    let name = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned))
    };
    let marks = vec!["?"; 17].join(", ");
    conn.prepare_cached(&format!("INSERT INTO asset ({COLUMNS}) VALUES ({marks})"))?.execute(
        params![
            asset.id.to_string(),
            asset.title,
            asset.description,
            asset.tags.join(" "),
            asset.file_name,
            name(serde_json::to_value(asset.kind)),
            name(serde_json::to_value(asset.lifecycle)),
            media.video_codec,
            media.container,
            i64::try_from(media.size)?,
            media.duration.map(|duration| duration.value() * 40),
            asset.created_at.to_string(),
            asset.updated_at.to_string(),
            asset.external_ids.get("project").and_then(|project| project.parse::<i64>().ok()),
            asset.rating,
            media.width,
            media.height,
        ],
    )?;
    Ok(())
}
