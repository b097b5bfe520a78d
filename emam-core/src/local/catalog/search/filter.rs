//! The filters of a query, resolved to numbers.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use crate::backend::catalog::Query;
use crate::model::Lifecycle;

use super::super::codes::{Code, fold, micros, sql_list};
use super::super::error::Sql;

/// The filters of a query. What was not asked for is empty or absent.
#[derive(Debug, Default)]
pub(super) struct Filter {
    kinds: Vec<i64>,
    lifecycles: Vec<i64>,
    codecs: Vec<i64>,
    min_rating: i64,
    durations: Option<(i64, i64)>,
    created: Option<(i64, i64)>,
    /// All of these.
    pub(super) tags: Vec<i64>,
    /// Any of these.
    pub(super) categories: Vec<i64>,
    pub(super) md5: Option<String>,
}

impl Filter {
    /// The filters of `query`; nothing where no asset can pass them.
    pub(super) fn new(conn: &Connection, query: &Query) -> Sql<Option<Self>> {
        let mut filter = Self {
            kinds: query.kinds.iter().map(|kind| kind.code()).collect(),
            lifecycles: query.lifecycles.iter().map(|lifecycle| lifecycle.code()).collect(),
            min_rating: query.min_rating.map_or(0, i64::from),
            md5: query.md5.as_ref().map(|md5| md5.to_ascii_lowercase()),
            ..Self::default()
        };
        if query.min_duration_ms.is_some() || query.max_duration_ms.is_some() {
            // From 0: an unknown duration is -1 and neither long nor short.
            let least = query.min_duration_ms.unwrap_or(0).max(0);
            filter.durations = Some((least, query.max_duration_ms.unwrap_or(i64::MAX)));
        }
        if query.created_from.is_some() || query.created_before.is_some() {
            let from = query.created_from.map_or(i64::MIN, micros);
            filter.created = Some((from, query.created_before.map_or(i64::MAX, micros)));
        }
        for codec in &query.codecs {
            filter.codecs.extend(number_of(conn, "SELECT id FROM word WHERE text = ?1", codec)?);
        }
        for tag in &query.tags {
            match number_of(conn, "SELECT id FROM tag WHERE key = ?1", &fold(tag))? {
                Some(tag) => filter.tags.push(tag),
                None => return Ok(None),
            }
        }
        for category in &query.categories {
            let mut below = conn.prepare_cached(
                "WITH RECURSIVE down (seq) AS (\
                     SELECT seq FROM category WHERE id = ?1 \
                     UNION SELECT c.seq FROM category c JOIN down ON c.parent_seq = down.seq) \
                 SELECT seq FROM down",
            )?;
            let seqs = below.query_map([category.uuid().as_bytes()], |row| row.get(0))?;
            filter.categories.extend(seqs.collect::<rusqlite::Result<Vec<i64>>>()?);
        }
        filter.categories.sort_unstable();
        filter.categories.dedup();
        let unknown = (filter.codecs.is_empty() && !query.codecs.is_empty())
            || (filter.categories.is_empty() && !query.categories.is_empty());
        Ok((!unknown).then_some(filter))
    }

    /// Whether a group of assets with equal kind, lifecycle, rating and codec passes, where the
    /// filters look at nothing else.
    pub(super) fn by_group(&self) -> Option<impl Fn(&[i64; 5]) -> bool> {
        let only_groups = self.durations.is_none()
            && self.created.is_none()
            && self.tags.is_empty()
            && self.categories.is_empty()
            && self.md5.is_none();
        let any = |wanted: &[i64], value| wanted.is_empty() || wanted.contains(&value);
        only_groups.then_some(move |group: &[i64; 5]| {
            let [kind, lifecycle, rating, codec, _] = *group;
            let lifecycle_fits = if self.lifecycles.is_empty() {
                lifecycle != Lifecycle::Trashed.code()
            } else {
                self.lifecycles.contains(&lifecycle)
            };
            lifecycle_fits
                && any(&self.kinds, kind)
                && any(&self.codecs, codec)
                && rating >= self.min_rating
        })
    }

    /// Conditions on `asset_facts f`, each after an AND.
    pub(super) fn on_facts(&self, sql: &mut String, values: &mut Vec<Value>) {
        if self.lifecycles.is_empty() {
            *sql += &format!(" AND f.lifecycle <> {}", Lifecycle::Trashed.code());
        }
        for (column, wanted) in
            [("kind", &self.kinds), ("lifecycle", &self.lifecycles), ("codec", &self.codecs)]
        {
            if !wanted.is_empty() {
                *sql += &format!(" AND f.{column} IN ({})", sql_list(wanted.iter().copied()));
            }
        }
        if self.min_rating > 0 {
            *sql += &format!(" AND f.rating >= {}", self.min_rating);
        }
        // The signs keep SQLite from taking an index for a range that is mostly everything.
        for (condition, range) in [
            (" AND +f.duration_ms >= ? AND +f.duration_ms <= ?", self.durations),
            (" AND f.created_at >= ? AND f.created_at < ?", self.created),
        ] {
            if let Some((from, to)) = range {
                *sql += condition;
                values.extend([Value::Integer(from), Value::Integer(to)]);
            }
        }
    }

    /// Conditions on the tags, categories and MD5 of the asset `f.seq`, each after an AND.
    pub(super) fn on_sets(&self, sql: &mut String, values: &mut Vec<Value>) {
        for tag in &self.tags {
            *sql += " AND EXISTS (SELECT 1 FROM asset_tag t WHERE t.seq = f.seq AND t.tag = ?)";
            values.push(Value::Integer(*tag));
        }
        if !self.categories.is_empty() {
            *sql += &format!(
                " AND EXISTS (SELECT 1 FROM asset_category c \
                 WHERE c.seq = f.seq AND c.category_seq IN ({}))",
                sql_list(self.categories.iter().copied())
            );
        }
        if let Some(md5) = &self.md5 {
            *sql += " AND EXISTS (SELECT 1 FROM asset_md5 m WHERE m.md5 = ? AND m.seq = f.seq)";
            values.push(Value::Text(md5.clone()));
        }
    }
}

fn number_of(conn: &Connection, sql: &str, key: &str) -> Sql<Option<i64>> {
    Ok(conn.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?)
}
