//! Annotations.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::backend::catalog::{AnnotationFilter, Annotations};
use crate::error::{Error, Result};
use crate::id::{AnnotationId, AssetId};
use crate::model::{Annotation, AnnotationKind, Page, PageRequest, Source};
use crate::time::TimeRange;

use super::SqliteCatalog;
use super::codes::{Code, sql_list, unmarked};
use super::error::Sql;
use super::records::{Record, Revised, Tx, fetch, from_doc, seq_of};

/// The annotations of one asset are numbered within this many bits of `annotation.seq`.
pub(super) const BITS: u32 = 24;
const MOST: i64 = 1 << BITS;

impl Record for Annotation {
    const TABLE: &'static str = "annotation";

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn event_data(&self) -> Value {
        json!({ "asset": self.asset, "kind": self.kind })
    }
}

impl Revised for Annotation {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// A start time as bytes that sort as the times do, exactly and across rates.
///
/// The seconds are a fraction over a 32-bit number of frames. Two such fractions that differ do so
/// by more than 2^-64, so 64 bits after the point tell them apart.
pub(super) fn start_key(range: Option<TimeRange>) -> Vec<u8> {
    let Some(range) = range else { return Vec::new() };
    let (num, den) = (i128::from(range.rate().num()), i128::from(range.rate().den()));
    let time = i128::from(range.start()) * den;
    let (whole, rest) = (time.div_euclid(num), time.rem_euclid(num));
    let fraction = (rest << 64) / num;
    // 96 bits, moved up so that negative times sort first.
    let mut key = (whole + (1 << 95)).to_be_bytes()[4..].to_vec();
    key.extend(&fraction.to_be_bytes()[8..]);
    key
}

/// Numbers for new annotations.
struct Numbers<'t, 'c> {
    tx: &'t Tx<'c>,
    next: HashMap<AssetId, (i64, i64)>,
}

impl Numbers<'_, '_> {
    /// The asset's `seq` and a `seq` for a new annotation of it.
    fn take(&mut self, asset: AssetId) -> Sql<(i64, i64)> {
        let (asset_seq, next) = match self.next.get(&asset) {
            Some(known) => *known,
            None => {
                let asset_seq = seq_of(self.tx, self.tx.operation, "asset", asset.uuid())?;
                let first = asset_seq << BITS;
                let last: Option<i64> = self
                    .tx
                    .prepare_cached("SELECT max(seq) FROM annotation WHERE seq BETWEEN ?1 AND ?2")?
                    .query_row([first, first + MOST - 1], |row| row.get(0))?;
                (asset_seq, last.map_or(first, |last| last + 1))
            }
        };
        let number = if next - (asset_seq << BITS) < MOST {
            next
        } else {
            // Used up at the end; analyses that ran often have left room before it.
            self.first_free(asset_seq)?.ok_or_else(|| {
                Error::invalid(self.tx.operation, "one asset has room for 16777216 annotations")
                    .with("asset", asset)
            })?
        };
        self.next.insert(asset, (asset_seq, next.max(number + 1)));
        Ok((asset_seq, number))
    }

    fn first_free(&self, asset_seq: i64) -> Sql<Option<i64>> {
        let first = asset_seq << BITS;
        let mut statement = self.tx.prepare_cached(
            "SELECT seq FROM annotation WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
        )?;
        let mut rows = statement.query([first, first + MOST - 1])?;
        let mut free = first;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(0)? != free {
                return Ok(Some(free));
            }
            free += 1;
        }
        Ok((free < first + MOST).then_some(free))
    }
}

fn insert_all(tx: &Tx<'_>, annotations: &[Annotation]) -> Sql<()> {
    let mut numbers = Numbers { tx, next: HashMap::new() };
    for annotation in annotations {
        let (asset_seq, seq) = numbers.take(annotation.asset)?;
        tx.insert(
            annotation,
            &[
                ("seq", &seq),
                ("asset_seq", &asset_seq),
                ("start_key", &start_key(annotation.range)),
                ("kind", &annotation.kind.code()),
            ],
        )?;
        index(tx, seq, annotation)?;
    }
    Ok(())
}

/// Most findings, shots for example, say nothing: they are not in the text index.
fn is_indexed(annotation: &Annotation) -> bool {
    !annotation.name.is_empty() || !annotation.text.is_empty()
}

fn index(tx: &Tx<'_>, seq: i64, annotation: &Annotation) -> Sql<()> {
    if is_indexed(annotation) {
        tx.prepare_cached("INSERT INTO annotation_text (rowid, name, text) VALUES (?1, ?2, ?3)")?
            .execute(params![seq, unmarked(&annotation.name), unmarked(&annotation.text)])?;
    }
    Ok(())
}

/// Takes an annotation out of the text index; `annotation` must be as it was put in.
fn unindex(tx: &Tx<'_>, seq: i64, annotation: &Annotation) -> Sql<()> {
    if is_indexed(annotation) {
        tx.prepare_cached(
            "INSERT INTO annotation_text (annotation_text, rowid, name, text) \
             VALUES ('delete', ?1, ?2, ?3)",
        )?
        .execute(params![seq, unmarked(&annotation.name), unmarked(&annotation.text)])?;
    }
    Ok(())
}

/// Those of an asset, of these kinds or of every kind when there are none.
fn of_asset(tx: &Tx<'_>, asset_seq: i64, kinds: &[AnnotationKind]) -> Sql<Vec<(i64, Annotation)>> {
    let first = asset_seq << BITS;
    let mut sql = String::from("SELECT seq, doc FROM annotation WHERE seq BETWEEN ?1 AND ?2");
    if !kinds.is_empty() {
        sql += &format!(" AND kind IN ({})", sql_list(kinds.iter().map(|kind| kind.code())));
    }
    let mut statement = tx.prepare_cached(&sql)?;
    let mut rows = statement.query([first, first + MOST - 1])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let doc: String = row.get(1)?;
        found.push((row.get(0)?, from_doc(tx.operation, &doc)?));
    }
    Ok(found)
}

/// Takes out all annotations of an asset that is about to go; its event tells of them too.
pub(super) fn remove_all(tx: &Tx<'_>, asset_seq: i64) -> Sql<()> {
    for (seq, annotation) in of_asset(tx, asset_seq, &[])? {
        unindex(tx, seq, &annotation)?;
        tx.prepare_cached("DELETE FROM annotation WHERE seq = ?1")?.execute([seq])?;
    }
    Ok(())
}

fn remove(tx: &Tx<'_>, seq: i64, annotation: &Annotation) -> Sql<()> {
    unindex(tx, seq, annotation)?;
    tx.delete(seq, annotation)
}

#[async_trait]
impl Annotations for SqliteCatalog {
    async fn insert_annotations(&self, annotations: &[Annotation]) -> Result<()> {
        let annotations = annotations.to_vec();
        self.write("annotations.insert", move |tx| insert_all(tx, &annotations)).await
    }

    async fn annotation(&self, id: AnnotationId) -> Result<Annotation> {
        const OPERATION: &str = "annotations.get";
        self.find(OPERATION, move |conn| Ok(fetch(conn, OPERATION, id.uuid())?.1)).await
    }

    async fn update_annotation(&self, annotation: &Annotation) -> Result<Annotation> {
        let annotation = annotation.clone();
        self.write("annotations.update", move |tx| {
            let (seq, old): (_, Annotation) = tx.present(annotation.uuid(), annotation.revision)?;
            if old.asset != annotation.asset {
                let message = "an annotation stays with its asset; make a new one for another";
                return Err(Error::invalid(tx.operation, message)
                    .with("asset", old.asset)
                    .with("other", annotation.asset)
                    .into());
            }
            unindex(tx, seq, &old)?;
            let start_key = start_key(annotation.range);
            let columns: &[(_, &dyn rusqlite::ToSql)] =
                &[("start_key", &start_key), ("kind", &annotation.kind.code())];
            let updated = tx.replace(seq, &annotation, columns)?;
            index(tx, seq, &updated)?;
            Ok(updated)
        })
        .await
    }

    async fn delete_annotation(&self, id: AnnotationId) -> Result<()> {
        self.write("annotations.delete", move |tx| {
            let (seq, annotation): (_, Annotation) = fetch(tx, tx.operation, id.uuid())?;
            remove(tx, seq, &annotation)
        })
        .await
    }

    async fn annotations(
        &self,
        asset: AssetId,
        filter: &AnnotationFilter,
        page: &PageRequest,
    ) -> Result<Page<Annotation>> {
        const OPERATION: &str = "annotations.list";
        let limit = page.checked_limit(OPERATION)?;
        let scope = (OPERATION, asset, filter.clone());
        let after: (Vec<u8>, Uuid) = match &page.cursor {
            Some(cursor) => self.cursors().read(OPERATION, &scope, cursor)?,
            None => (Vec::new(), Uuid::nil()),
        };
        let kinds = sql_list(filter.kinds.iter().map(|kind| kind.code()));
        let mut items: Vec<Annotation> = self
            .read(OPERATION, move |conn| {
                let asset = seq_of(conn, OPERATION, "asset", asset.uuid())?;
                let mut sql = String::from(
                    "SELECT doc FROM annotation \
                     WHERE asset_seq = ?1 AND (start_key, id) > (?2, ?3)",
                );
                if !kinds.is_empty() {
                    sql += &format!(" AND kind IN ({kinds})");
                }
                sql += " ORDER BY start_key, id LIMIT ?4";
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                super::records::docs(
                    conn,
                    OPERATION,
                    &sql,
                    &[&asset, &after.0, after.1.as_bytes(), &most],
                )
            })
            .await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| self.cursors().write(&scope, &(start_key(last.range), last.uuid())));
        Ok(Page { items, next })
    }

    async fn replace_findings(
        &self,
        asset: AssetId,
        service: &str,
        kinds: &[AnnotationKind],
        findings: &[Annotation],
    ) -> Result<()> {
        let (service, kinds) = (service.to_owned(), kinds.to_vec());
        let findings = findings.to_vec();
        self.write("annotations.replace_findings", move |tx| {
            if let Some(stray) = findings.iter().find(|finding| finding.asset != asset) {
                return Err(Error::invalid(tx.operation, "a finding is about another asset")
                    .with("asset", asset)
                    .with("finding", stray.id)
                    .into());
            }
            let asset_seq = seq_of(tx, tx.operation, "asset", asset.uuid())?;
            let old = if kinds.is_empty() { Vec::new() } else { of_asset(tx, asset_seq, &kinds)? };
            for (seq, annotation) in old {
                let by_service = matches!(
                    &annotation.source,
                    Source::Service { name, .. } if *name == service
                );
                if by_service && !annotation.edited {
                    remove(tx, seq, &annotation)?;
                }
            }
            insert_all(tx, &findings)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Rate;

    #[test]
    fn start_keys_sort_as_times_do() {
        let rates = [
            Rate::FPS_23_976,
            Rate::FPS_25,
            Rate::FPS_29_97,
            Rate::AUDIO_48K,
            Rate::new(u32::MAX, u32::MAX - 1).unwrap(),
            Rate::new(u32::MAX - 2, u32::MAX - 4).unwrap(),
            Rate::new(1, u32::MAX).unwrap(),
        ];
        let starts = [i64::MIN, -48_048, -1, 0, 1, 24, 25, 1001, 48_048, i64::MAX];
        let ranges: Vec<TimeRange> = rates
            .iter()
            .flat_map(|rate| starts.map(|start| TimeRange::new(start, 0, *rate).unwrap()))
            .collect();
        for a in &ranges {
            assert!(start_key(None) < start_key(Some(*a)));
            for b in &ranges {
                let times = a.start_time().cmp_time(&b.start_time());
                assert_eq!(start_key(Some(*a)).cmp(&start_key(Some(*b))), times, "{a} {b}");
            }
        }
    }
}
