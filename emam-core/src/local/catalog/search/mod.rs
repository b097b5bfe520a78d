//! Finding assets.
//!
//! A search goes once over all its matches, in narrow rows of numbers, counting facets and keeping
//! the places of the page; only then are the records of that page read. Where there is nothing to
//! go over (no text, no tag), the page is read off an index that is in its order, and totals and
//! facets off the counts that are kept of the whole library.

mod facets;
mod filter;
mod moments;
mod order;
mod text;

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use crate::backend::catalog::{Facet, FacetField, Hit, Query, Search, SearchPage, Sort, Terms};
use crate::error::Result;
use crate::model::PageRequest;

use self::facets::Tally;
use self::filter::Filter;
use self::order::{Best, Place};
use self::text::TextMatch;

use super::SqliteCatalog;
use super::annotations::BITS;
use super::error::Sql;
use super::records::from_doc;

const OPERATION: &str = "assets.search";

/// How much a word in the title, description, file name and tags is worth.
const WEIGHTS: &str = "10.0, 2.0, 6.0, 6.0";

/// What a match in an annotation is worth beside one in the asset's own text.
const ANNOTATION_WEIGHT: f64 = 0.5;

#[async_trait]
impl Search for SqliteCatalog {
    async fn search(&self, query: &Query) -> Result<SearchPage> {
        let limit = PageRequest::first(query.limit).checked_limit(OPERATION)?;
        let terms = Terms::parse(query.text.as_deref().unwrap_or_default())?;
        // What does not move a hit may differ from page to page.
        let scope =
            Query { cursor: None, limit: 0, moments: 0, facets: Vec::new(), ..query.clone() };
        let after: Option<Place> = match &query.cursor {
            Some(cursor) => Some(self.cursors().read(OPERATION, &scope, cursor)?),
            None => None,
        };
        let mut query = query.clone();
        let mut seen = Vec::new();
        query.facets.retain(|field| {
            !seen.contains(field) && {
                seen.push(*field);
                true
            }
        });
        let (page, last) =
            self.read(OPERATION, move |conn| search(conn, &query, &terms, after, limit)).await?;
        let next = last.map(|last| self.cursors().write(&scope, &last));
        Ok(SearchPage { next, ..page })
    }
}

/// The page, and the place of its last hit where there are more.
fn search(
    conn: &Connection,
    query: &Query,
    terms: &Terms,
    after: Option<Place>,
    limit: usize,
) -> Sql<(SearchPage, Option<Place>)> {
    let text = TextMatch::new(conn, terms)?;
    let sort = match query.sort {
        None | Some(Sort::Relevance) if text.is_none() => Sort::Newest,
        None => Sort::Relevance,
        Some(sort) => sort,
    };
    let matches = match Filter::new(conn, query)? {
        Some(filter) => Matches { text: text.as_ref(), filter, sort },
        None => {
            let facets = facets_of(conn, &query.facets, &Counts::default())?;
            return Ok((SearchPage { items: Vec::new(), next: None, total: 0, facets }, None));
        }
    };
    let (counts, mut places) = matches.find(conn, &query.facets, after, limit + 1)?;
    let more = places.len() > limit;
    places.truncate(limit);

    let mut items = Vec::with_capacity(places.len());
    let mut asset = conn.prepare_cached("SELECT doc FROM asset WHERE seq = ?1")?;
    let moments_of = text.as_ref().filter(|text| text.in_annotations && query.moments > 0);
    for place in &places {
        let seq = place.seq(sort);
        let doc: String = asset.query_row([seq], |row| row.get(0))?;
        let moments = match moments_of {
            Some(text) => moments::of_asset(conn, OPERATION, seq, &text.include, query.moments)?,
            None => Vec::new(),
        };
        items.push(Hit { asset: from_doc(OPERATION, &doc)?, moments });
    }
    let facets = facets_of(conn, &query.facets, &counts)?;
    let last = if more { places.pop() } else { None };
    Ok((SearchPage { items, next: None, total: counts.total, facets }, last))
}

/// What was counted over all matches.
#[derive(Debug, Default)]
struct Counts {
    total: u64,
    /// Of each field that has a column, by its place in a group.
    columns: [Tally; 5],
    /// Every match, where tags or categories are to be counted.
    seqs: Vec<i64>,
}

fn facets_of(conn: &Connection, fields: &[FacetField], counts: &Counts) -> Sql<Vec<Facet>> {
    fields
        .iter()
        .map(|field| match facets::column(*field) {
            Some((_, place)) => facets::of_column(conn, *field, &counts.columns[place]),
            None => facets::of_set(conn, *field, &counts.seqs),
        })
        .collect()
}

/// The assets that a query finds, and their order.
struct Matches<'a> {
    text: Option<&'a TextMatch>,
    filter: Filter,
    sort: Sort,
}

impl Matches<'_> {
    fn find(
        &self,
        conn: &Connection,
        fields: &[FacetField],
        after: Option<Place>,
        most: usize,
    ) -> Sql<(Counts, Vec<Place>)> {
        let driven = self.text.is_some()
            || !self.filter.tags.is_empty()
            || !self.filter.categories.is_empty()
            || self.filter.md5.is_some();
        if driven {
            let after = self.renewed(conn, after)?;
            return self.pass(conn, fields, Some(Best::new(after, most)));
        }
        let counts = match self.filter.by_group() {
            Some(passes) if fields.iter().all(|field| facets::column(*field).is_some()) => {
                grouped(conn, passes)?
            }
            _ => self.pass(conn, fields, None)?.0,
        };
        Ok((counts, self.in_order(conn, after, most)?))
    }

    /// Goes over all matches, counting; keeps the places of the page where one is wanted.
    fn pass(
        &self,
        conn: &Connection,
        fields: &[FacetField],
        mut best: Option<Best>,
    ) -> Sql<(Counts, Vec<Place>)> {
        let mut values = Vec::new();
        let columns: Vec<(&str, usize)> =
            fields.iter().filter_map(|field| facets::column(*field)).collect();
        let mut sql = String::from("SELECT f.seq");
        // The column after the seq is what the order needs.
        sql += match self.sort {
            _ if best.is_none() => ", 0",
            Sort::Relevance => ", x.score",
            Sort::Newest | Sort::Oldest => ", 0",
            Sort::Title => ", (SELECT o.title FROM asset_title o WHERE o.seq = f.seq)",
            Sort::Largest => ", f.size",
            Sort::Longest => ", f.duration_ms",
        };
        for (column, _) in &columns {
            sql += ", f.";
            sql += column;
        }
        self.source(&mut sql, &mut values);
        self.filter.on_facts(&mut sql, &mut values);

        let keep_seqs = fields.iter().any(|field| facets::column(*field).is_none());
        let mut counts = Counts::default();
        let mut statement = conn.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            counts.total += 1;
            for (at, (_, place)) in columns.iter().enumerate() {
                counts.columns[*place].add(row.get(at + 2)?, 1);
            }
            if keep_seqs {
                counts.seqs.push(seq);
            }
            if let Some(best) = &mut best {
                best.offer(match self.sort {
                    Sort::Relevance => Place::by_score(row.get(1)?, seq),
                    Sort::Newest | Sort::Oldest => Place::by_age(self.sort, seq),
                    Sort::Title => {
                        let title = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
                        Place::by_title(title, seq)
                    }
                    Sort::Largest | Sort::Longest => Place::by_size(row.get(1)?, seq),
                });
            }
        }
        Ok((counts, best.map(Best::into_places).unwrap_or_default()))
    }

    /// Where the matches come from, joined to their facts `f`. What goes over the fewest rows
    /// leads: text, then MD5, then a tag, then categories.
    fn source(&self, sql: &mut String, values: &mut Vec<Value>) {
        let filter = &self.filter;
        if let Some(text) = self.text {
            self.text_source(text, sql, values);
        } else if let Some(md5) = &filter.md5 {
            *sql += " FROM asset_md5 x JOIN asset_facts f ON f.seq = x.seq WHERE x.md5 = ?";
            values.push(Value::Text(md5.clone()));
        } else if let Some(tag) = filter.tags.first() {
            *sql += " FROM asset_tag x JOIN asset_facts f ON f.seq = x.seq WHERE x.tag = ?";
            values.push(Value::Integer(*tag));
        } else {
            // The conditions on sets find those filed under a category; CROSS keeps the order.
            if filter.categories.is_empty() {
                *sql += " FROM asset_facts f WHERE 1";
            } else {
                let categories = super::codes::sql_list(filter.categories.iter().copied());
                *sql += &format!(
                    " FROM (SELECT DISTINCT seq FROM asset_category \
                     WHERE category_seq IN ({categories})) x \
                     CROSS JOIN asset_facts f ON f.seq = x.seq WHERE 1"
                );
            }
        }
        filter.on_sets(sql, values);
    }

    fn text_source(&self, text: &TextMatch, sql: &mut String, values: &mut Vec<Value>) {
        let ranked = self.sort == Sort::Relevance;
        if text.is_own_only() {
            // FTS5 gives matches in the order of their seq, which is that of the facts.
            let score = if ranked {
                format!(", bm25(asset_text, {WEIGHTS}) AS score")
            } else {
                String::new()
            };
            *sql += &format!(
                " FROM (SELECT rowid AS seq{score} FROM asset_text WHERE asset_text MATCH ?) x \
                 CROSS JOIN asset_facts f ON f.seq = x.seq WHERE 1"
            );
            values.push(Value::Text(text.own()));
            return;
        }
        let (own_score, annotation_score, grouped) = if ranked {
            (
                format!(", bm25(asset_text, {WEIGHTS}) AS score"),
                format!(", {ANNOTATION_WEIGHT:?} * bm25(annotation_text) AS score"),
                ", min(score) AS score",
            )
        } else {
            (String::new(), String::new(), "")
        };
        *sql += &format!(
            " FROM (SELECT seq{grouped} FROM (\
                 SELECT rowid AS seq{own_score} FROM asset_text WHERE asset_text MATCH ? \
                 UNION ALL \
                 SELECT rowid >> {BITS} AS seq{annotation_score} FROM annotation_text \
                 WHERE annotation_text MATCH ?) GROUP BY seq) x \
             CROSS JOIN asset_facts f ON f.seq = x.seq WHERE 1"
        );
        values.extend([Value::Text(text.include.clone()), Value::Text(text.include.clone())]);
        if let Some(exclude) = &text.exclude {
            *sql += &format!(
                " AND f.seq NOT IN (\
                     SELECT rowid FROM asset_text WHERE asset_text MATCH ? \
                     UNION ALL \
                     SELECT rowid >> {BITS} FROM annotation_text WHERE annotation_text MATCH ?)"
            );
            values.extend([Value::Text(exclude.clone()), Value::Text(exclude.clone())]);
        }
    }

    /// A place by relevance as it is now: with each asset that comes or goes all scores move a
    /// little, those of the last page's last hit and of the hits after it alike.
    fn renewed(&self, conn: &Connection, after: Option<Place>) -> Sql<Option<Place>> {
        let (Some(place), Sort::Relevance, Some(text)) = (&after, self.sort, self.text) else {
            return Ok(after);
        };
        let seq = place.seq(self.sort);
        let own: Option<f64> = conn
            .prepare_cached(&format!(
                "SELECT bm25(asset_text, {WEIGHTS}) FROM asset_text \
                 WHERE asset_text MATCH ?1 AND rowid = ?2"
            ))?
            .query_row((&text.include, seq), |row| row.get(0))
            .optional()?;
        let in_annotation: Option<f64> = conn
            .prepare_cached(
                "SELECT bm25(annotation_text) FROM annotation_text \
                 WHERE annotation_text MATCH ?1 AND rowid BETWEEN ?2 AND ?3 \
                 ORDER BY 1 LIMIT 1",
            )?
            .query_row((&text.include, seq << BITS, ((seq + 1) << BITS) - 1), |row| row.get(0))
            .optional()?;
        let score = [own, in_annotation.map(|score| ANNOTATION_WEIGHT * score)]
            .into_iter()
            .flatten()
            .reduce(f64::min);
        Ok(score.map(|score| Place::by_score(score, seq)).or(after))
    }

    /// The page, read off an index that is in its order.
    fn in_order(&self, conn: &Connection, after: Option<Place>, most: usize) -> Sql<Vec<Place>> {
        let mut values = Vec::new();
        let seq = after.as_ref().map(|place| Value::Integer(place.seq(self.sort)));
        let mut sql = String::from(match self.sort {
            Sort::Title => {
                "SELECT f.seq, o.title FROM asset_title o \
                 CROSS JOIN asset_facts f ON f.seq = o.seq WHERE 1"
            }
            Sort::Largest => "SELECT f.seq, f.size FROM asset_facts f WHERE 1",
            Sort::Longest => "SELECT f.seq, f.duration_ms FROM asset_facts f WHERE 1",
            _ => "SELECT f.seq, 0 FROM asset_facts f WHERE 1",
        });
        if let (Some(place), Some(seq)) = (&after, seq) {
            // The first condition alone would do; the second lets the index begin there.
            let (condition, by) = match self.sort {
                Sort::Title => (
                    " AND (o.title > ? OR o.seq < ?) AND o.title >= ?",
                    Some(Value::Text(place.title().to_owned())),
                ),
                Sort::Largest => (
                    " AND (f.size < ? OR f.seq < ?) AND f.size <= ?",
                    Some(Value::Integer(place.size())),
                ),
                Sort::Longest => (
                    " AND (f.duration_ms < ? OR f.seq < ?) AND f.duration_ms <= ?",
                    Some(Value::Integer(place.size())),
                ),
                Sort::Oldest => (" AND f.seq > ?", None),
                Sort::Newest | Sort::Relevance => (" AND f.seq < ?", None),
            };
            sql += condition;
            values.extend(by.clone());
            values.push(seq);
            values.extend(by);
        }
        self.filter.on_facts(&mut sql, &mut values);
        sql += match self.sort {
            Sort::Title => " ORDER BY o.title, o.seq DESC LIMIT ?",
            Sort::Largest => " ORDER BY f.size DESC, f.seq DESC LIMIT ?",
            Sort::Longest => " ORDER BY f.duration_ms DESC, f.seq DESC LIMIT ?",
            Sort::Oldest => " ORDER BY f.seq LIMIT ?",
            Sort::Newest | Sort::Relevance => " ORDER BY f.seq DESC LIMIT ?",
        };
        values.push(Value::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
        let mut statement = conn.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let mut places = Vec::with_capacity(most);
        while let Some(row) = rows.next()? {
            let seq = row.get(0)?;
            places.push(match self.sort {
                Sort::Title => {
                    let title = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
                    Place::by_title(title, seq)
                }
                Sort::Largest | Sort::Longest => Place::by_size(row.get(1)?, seq),
                Sort::Newest | Sort::Oldest | Sort::Relevance => Place::by_age(self.sort, seq),
            });
        }
        Ok(places)
    }
}

/// Counts off the groups of equal assets that are kept of the whole library.
fn grouped(conn: &Connection, passes: impl Fn(&[i64; 5]) -> bool) -> Sql<Counts> {
    let mut counts = Counts::default();
    let mut statement = conn.prepare_cached(
        "SELECT kind, lifecycle, rating, codec, container, assets FROM asset_count",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let group = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
        let assets = u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0);
        if passes(&group) {
            counts.total += assets;
            for (tally, value) in counts.columns.iter_mut().zip(group) {
                tally.add(value, assets);
            }
        }
    }
    Ok(counts)
}
