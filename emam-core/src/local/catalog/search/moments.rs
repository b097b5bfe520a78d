//! The places in an asset that match.

use rusqlite::{Connection, OptionalExtension, params};

use crate::backend::catalog::Moment;
use crate::model::Annotation;

use super::super::annotations::{BITS, start_key};
use super::super::codes::MARKS;
use super::super::error::Sql;
use super::super::records::from_doc;

/// The most moments of one hit, however many are asked for.
const MOST: usize = 100;

/// How many words of text a snippet shows.
const WORDS: u32 = 16;

/// The best `most` annotations of an asset that match `expression`, in time order.
pub(super) fn of_asset(
    conn: &Connection,
    operation: &'static str,
    asset_seq: i64,
    expression: &str,
    most: usize,
) -> Sql<Vec<Moment>> {
    let (first, last) = (asset_seq << BITS, ((asset_seq + 1) << BITS) - 1);
    let best: Vec<i64> = conn
        .prepare_cached(
            "SELECT rowid FROM annotation_text \
             WHERE annotation_text MATCH ?1 AND rowid BETWEEN ?2 AND ?3 \
             ORDER BY bm25(annotation_text), rowid LIMIT ?4",
        )?
        .query_map(
            params![expression, first, last, i64::try_from(most.min(MOST)).unwrap_or(0)],
            |row| row.get(0),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut found = Vec::with_capacity(best.len());
    for seq in best {
        let doc: String = conn
            .prepare_cached("SELECT doc FROM annotation WHERE seq = ?1")?
            .query_row([seq], |row| row.get(0))?;
        let annotation: Annotation = from_doc(operation, &doc)?;
        // Apart from the search above, which would make a snippet of every match and not of the
        // best only.
        let [open, close] = MARKS.map(String::from);
        let snippet: Option<String> = conn
            .prepare_cached(
                "SELECT snippet(annotation_text, -1, ?3, ?4, '…', ?5) FROM annotation_text \
                 WHERE annotation_text MATCH ?1 AND rowid = ?2",
            )?
            .query_row(params![expression, seq, open, close, WORDS], |row| row.get(0))
            .optional()?;
        found.push((
            start_key(annotation.range),
            Moment {
                annotation: annotation.id,
                kind: annotation.kind,
                range: annotation.range,
                snippet: snippet.unwrap_or_default(),
            },
        ));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.annotation.cmp(&b.1.annotation)));
    Ok(found.into_iter().map(|(_, moment)| moment).collect())
}
