//! Versions, renditions and the files that hold them.
//!
//! An instance is kept inside its rendition's record; the table `instance` says which record.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::backend::catalog::{ContentMatch, StoredInstance};
use crate::error::Error;
use crate::id::{AssetId, InstanceId, RenditionId, VersionId};
use crate::model::{Instance, InstanceState, Rendition, Role, Version};

use super::codes::{Code, micros};
use super::error::{Fault, Sql};
use super::records::{Record, Tx, exists, fetch, from_doc, missing, number, seq_of, to_doc};

impl Record for Version {
    const TABLE: &'static str = "version";

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn event_data(&self) -> Value {
        json!({ "asset": self.asset })
    }
}

impl Record for Rendition {
    const TABLE: &'static str = "rendition";

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn event_data(&self) -> Value {
        json!({ "asset": self.asset, "version": self.version, "role": self.role })
    }
}

pub(super) fn insert_version(tx: &Tx<'_>, version: &Version) -> Sql<()> {
    let asset = seq_of(tx, tx.operation, "asset", version.asset.uuid())?;
    tx.insert_plain(version, &[("asset_seq", &asset), ("number", &version.number)])?;
    Ok(())
}

pub(super) fn put(tx: &Tx<'_>, rendition: &Rendition) -> Sql<()> {
    let version = tx
        .prepare_cached("SELECT seq, asset_seq FROM version WHERE id = ?1")?
        .query_row([rendition.version.uuid().as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((version, asset)): Option<(i64, i64)> = version else {
        return Err(missing(tx.operation, Version::TABLE, rendition.version.uuid()).into());
    };
    if seq_of(tx, tx.operation, "asset", rendition.asset.uuid())? != asset {
        let message = "the version belongs to another asset";
        return Err(Error::invalid(tx.operation, message)
            .with("asset", rendition.asset)
            .with("version", rendition.version)
            .into());
    }
    let role = rendition.role.code();
    let known: Option<i64> = tx
        .prepare_cached("SELECT seq FROM rendition WHERE id = ?1")?
        .query_row([rendition.uuid().as_bytes()], |row| row.get(0))
        .optional()?;
    let seq = match known {
        None => {
            let columns: &[(_, &dyn rusqlite::ToSql)] =
                &[("asset_seq", &asset), ("version_seq", &version), ("role", &role)];
            tx.insert_plain(rendition, columns)?
        }
        Some(seq) => {
            tx.prepare_cached(
                "UPDATE rendition SET asset_seq = ?2, version_seq = ?3, role = ?4, doc = ?5 \
                 WHERE seq = ?1",
            )?
            .execute(params![
                seq,
                asset,
                version,
                role,
                to_doc(tx.operation, rendition)?
            ])?;
            tx.prepare_cached("DELETE FROM instance WHERE rendition_seq = ?1")?.execute([seq])?;
            tx.event("rendition", "updated", rendition.uuid(), None, &rendition.event_data())?;
            seq
        }
    };
    rendition.instances.iter().try_for_each(|instance| {
        let inserted = index(
            tx,
            "INSERT INTO instance (id, rendition_seq, size, md5, expires_at, place) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            seq,
            rendition.role,
            instance,
        );
        match inserted {
            Err(fault) if fault.breaks_unique("instance.id") => {
                Err(exists(tx.operation, "instance", instance.id.uuid()).into())
            }
            other => other,
        }
    })
}

/// Writes where an instance is and what it can be found by.
fn index(tx: &Tx<'_>, sql: &str, rendition: i64, role: Role, instance: &Instance) -> Sql<()> {
    use InstanceState::{Restored, Stored, Verified};
    let readable_original = role == Role::Original
        && matches!(instance.state, Stored | Verified { .. } | Restored { .. });
    let size = readable_original.then(|| number(instance.size));
    let md5 = instance.checksums.md5.as_ref().map(|md5| md5.to_ascii_lowercase());
    let expires_at = match instance.state {
        Restored { expires_at, .. } => Some(micros(expires_at)),
        _ => None,
    };
    tx.prepare_cached(sql)?.execute(params![
        instance.id.uuid().as_bytes(),
        rendition,
        size,
        md5.filter(|_| readable_original),
        expires_at,
        (role == Role::Original).then(|| place(&instance.storage, &instance.key)),
    ])?;
    Ok(())
}

pub(super) fn set_state(
    tx: &Tx<'_>,
    id: InstanceId,
    from: &[String],
    to: &InstanceState,
) -> Sql<bool> {
    let row: Option<(i64, String)> = tx
        .prepare_cached(
            "SELECT r.seq, r.doc FROM instance i JOIN rendition r ON r.seq = i.rendition_seq \
             WHERE i.id = ?1",
        )?
        .query_row([id.uuid().as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let missing = || Fault::from(missing(tx.operation, "instance", id.uuid()));
    let (seq, doc) = row.ok_or_else(missing)?;
    let mut rendition: Rendition = from_doc(tx.operation, &doc)?;
    let role = rendition.role;
    let instance =
        rendition.instances.iter_mut().find(|instance| instance.id == id).ok_or_else(missing)?;
    if !from.iter().any(|state| state == instance.state.as_str()) {
        return Ok(false);
    }
    instance.state = to.clone();
    index(
        tx,
        "UPDATE instance SET size = ?3, md5 = ?4, expires_at = ?5, place = ?6 \
         WHERE id = ?1 AND rendition_seq = ?2",
        seq,
        role,
        instance,
    )?;
    tx.prepare_cached("UPDATE rendition SET doc = ?2 WHERE seq = ?1")?
        .execute(params![seq, to_doc(tx.operation, &rendition)?])?;
    let mut data = rendition.event_data();
    data["instance"] = json!(id);
    data["state"] = json!(to.as_str());
    tx.event("rendition", "updated", rendition.uuid(), None, &data)?;
    Ok(true)
}

pub(super) fn find_content(conn: &Connection, md5: &str, size: u64) -> Sql<Vec<ContentMatch>> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT a.id, v.id, r.id FROM instance i \
         JOIN rendition r ON r.seq = i.rendition_seq \
         JOIN version v ON v.seq = r.version_seq \
         JOIN asset a ON a.seq = r.asset_seq \
         WHERE i.size = ?1 AND i.md5 = ?2 ORDER BY a.seq, r.seq",
    )?;
    let rows = statement.query_map(params![number(size), md5], content_match)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Makes `claimant` the owner of a content that has none; tells the owner.
pub(super) fn claim_content(
    tx: &Tx<'_>,
    md5: &str,
    size: u64,
    claimant: &ContentMatch,
) -> Sql<ContentMatch> {
    let asset = seq_of(tx, tx.operation, "asset", claimant.asset.uuid())?;
    tx.prepare_cached(
        "INSERT INTO content (size, md5, asset_seq, version, rendition) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        number(size),
        md5,
        asset,
        claimant.version.uuid().as_bytes(),
        claimant.rendition.uuid().as_bytes(),
    ])?;
    Ok(tx
        .prepare_cached(
            "SELECT a.id, c.version, c.rendition FROM content c \
             JOIN asset a ON a.seq = c.asset_seq WHERE c.size = ?1 AND c.md5 = ?2",
        )?
        .query_row(params![number(size), md5], content_match)?)
}

/// Gives up what a version or rendition that is about to go owns: `column` is which of the two.
fn disown(tx: &Tx<'_>, column: &str, asset: AssetId, id: Uuid) -> Sql<()> {
    let asset = seq_of(tx, tx.operation, "asset", asset.uuid())?;
    tx.prepare_cached(&format!("DELETE FROM content WHERE asset_seq = ?1 AND {column} = ?2"))?
        .execute(params![asset, id.as_bytes()])?;
    Ok(())
}

pub(super) fn delete_version(tx: &Tx<'_>, id: VersionId) -> Sql<()> {
    let (seq, version): (_, Version) = fetch(tx, tx.operation, id.uuid())?;
    disown(tx, "version", version.asset, id.uuid())?;
    tx.delete(seq, &version)
}

pub(super) fn delete_rendition(tx: &Tx<'_>, id: RenditionId) -> Sql<()> {
    let (seq, rendition): (_, Rendition) = fetch(tx, tx.operation, id.uuid())?;
    disown(tx, "rendition", rendition.asset, id.uuid())?;
    tx.delete(seq, &rendition)
}

fn content_match(row: &Row<'_>) -> rusqlite::Result<ContentMatch> {
    Ok(ContentMatch {
        asset: AssetId::from_uuid(Uuid::from_bytes(row.get(0)?)),
        version: VersionId::from_uuid(Uuid::from_bytes(row.get(1)?)),
        rendition: RenditionId::from_uuid(Uuid::from_bytes(row.get(2)?)),
    })
}

pub(super) fn size_is_known(conn: &Connection, size: u64) -> Sql<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM instance WHERE size = ?1)")?
        .query_row([number(size)], |row| row.get(0))?)
}

/// The original that is under `key` of `storage`.
pub(super) fn at_place(conn: &Connection, storage: &str, key: &str) -> Sql<Option<StoredInstance>> {
    const OPERATION: &str = "instances.find";
    let mut statement = conn.prepare_cached(
        "SELECT r.doc FROM instance i JOIN rendition r ON r.seq = i.rendition_seq \
         WHERE i.place = ?1 LIMIT 1",
    )?;
    let mut rows = statement.query([place(storage, key)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let doc: String = row.get(0)?;
    let rendition: Rendition = from_doc(OPERATION, &doc)?;
    let (asset, rendition_id) = (rendition.asset, rendition.id);
    let there = |instance: &Instance| instance.storage == storage && instance.key == key;
    let instance = rendition.instances.into_iter().find(there);
    Ok(instance.map(|instance| StoredInstance { asset, rendition: rendition_id, instance }))
}

fn place(storage: &str, key: &str) -> String {
    format!("{storage}:{key}")
}

pub(super) fn expired(conn: &Connection, now: Timestamp, limit: usize) -> Sql<Vec<StoredInstance>> {
    const OPERATION: &str = "instances.expired";
    let mut statement = conn.prepare_cached(
        "SELECT i.id, r.doc FROM instance i JOIN rendition r ON r.seq = i.rendition_seq \
         WHERE i.expires_at <= ?1 ORDER BY i.expires_at, i.id LIMIT ?2",
    )?;
    let mut rows =
        statement.query(params![micros(now), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut expired = Vec::new();
    while let Some(row) = rows.next()? {
        let id = InstanceId::from_uuid(Uuid::from_bytes(row.get(0)?));
        let doc: String = row.get(1)?;
        let rendition: Rendition = from_doc(OPERATION, &doc)?;
        let (asset, rendition_id) = (rendition.asset, rendition.id);
        expired.extend(
            rendition
                .instances
                .into_iter()
                .filter(|instance| instance.id == id)
                // Columns hold microseconds, records nanoseconds.
                .filter(|instance| !instance.state.is_readable(now))
                .map(|instance| StoredInstance { asset, rendition: rendition_id, instance }),
        );
    }
    Ok(expired)
}
