//! Counting the values of facets, all facets in one pass over the matches.

use std::collections::HashMap;

use rusqlite::Connection;
use serde::Serialize;

use crate::backend::catalog::{Facet, FacetField, FacetValue};
use crate::id::CategoryId;
use crate::model::{AssetKind, Lifecycle};

use super::super::codes::{Code, name_of};
use super::super::error::Sql;

/// The most values one facet gives.
const MOST: usize = 100;

/// The column of `asset_facts` and the place in a group of a field that has one.
pub(super) fn column(field: FacetField) -> Option<(&'static str, usize)> {
    match field {
        FacetField::Kind => Some(("kind", 0)),
        FacetField::Lifecycle => Some(("lifecycle", 1)),
        FacetField::Rating => Some(("rating", 2)),
        FacetField::Codec => Some(("codec", 3)),
        FacetField::Container => Some(("container", 4)),
        FacetField::Tag | FacetField::Category => None,
    }
}

/// How often each number occurs. Codes and words are small and dense, so a place in a list is
/// faster to find than one in a map.
#[derive(Debug, Default)]
pub(super) struct Tally(Vec<u64>);

impl Tally {
    pub(super) fn add(&mut self, number: i64, assets: u64) {
        let Ok(place) = usize::try_from(number) else { return };
        if place >= self.0.len() {
            self.0.resize(place + 1, 0);
        }
        self.0[place] += assets;
    }

    /// The numbers that occur, but not 0: it stands for "none".
    fn counts(&self) -> impl Iterator<Item = (i64, u64)> {
        (0..).zip(self.0.iter().copied()).skip(1).filter(|(_, count)| *count > 0)
    }
}

/// The facet of a field that has a column, from the tally of its numbers.
pub(super) fn of_column(conn: &Connection, field: FacetField, tally: &Tally) -> Sql<Facet> {
    let values: Vec<FacetValue> = match field {
        FacetField::Kind => named::<AssetKind>(tally),
        FacetField::Lifecycle => named::<Lifecycle>(tally),
        FacetField::Rating => tally
            .counts()
            .map(|(rating, count)| FacetValue { value: rating.to_string(), count })
            .collect(),
        _ => looked_up(conn, "SELECT text FROM word WHERE id = ?1", tally.counts().collect())?,
    };
    Ok(sorted(field, values))
}

/// The facet of tags or categories over the assets `seqs`.
pub(super) fn of_set(conn: &Connection, field: FacetField, seqs: &[i64]) -> Sql<Facet> {
    let (members, name) = match field {
        FacetField::Category => (
            "SELECT category_seq FROM asset_category WHERE seq = ?1",
            "SELECT id FROM category WHERE seq = ?1",
        ),
        _ => ("SELECT tag FROM asset_tag WHERE seq = ?1", "SELECT name FROM tag WHERE id = ?1"),
    };
    let mut tally: HashMap<i64, u64> = HashMap::new();
    let mut statement = conn.prepare_cached(members)?;
    for seq in seqs {
        let mut rows = statement.query([seq])?;
        while let Some(row) = rows.next()? {
            *tally.entry(row.get(0)?).or_default() += 1;
        }
    }
    // Names of those that can be among the first only: there may be many thousand tags.
    let mut counts: Vec<(i64, u64)> = tally.into_iter().collect();
    counts.sort_unstable_by_key(|(_, count)| std::cmp::Reverse(*count));
    if let Some((_, least)) = counts.get(MOST - 1).copied() {
        counts.retain(|(_, count)| *count >= least);
    }
    let values = if field == FacetField::Category {
        let mut statement = conn.prepare_cached(name)?;
        counts
            .into_iter()
            .map(|(seq, count)| {
                let id: [u8; 16] = statement.query_row([seq], |row| row.get(0))?;
                let id = CategoryId::from_uuid(uuid::Uuid::from_bytes(id));
                Ok(FacetValue { value: id.to_string(), count })
            })
            .collect::<rusqlite::Result<_>>()?
    } else {
        looked_up(conn, name, counts)?
    };
    Ok(sorted(field, values))
}

fn named<T: Code + Serialize>(tally: &Tally) -> Vec<FacetValue> {
    tally
        .counts()
        .filter_map(|(code, count)| {
            let value = T::ALL.iter().find(|value| value.code() == code)?;
            Some(FacetValue { value: name_of(value), count })
        })
        .collect()
}

fn looked_up(conn: &Connection, sql: &str, counts: Vec<(i64, u64)>) -> Sql<Vec<FacetValue>> {
    let mut statement = conn.prepare_cached(sql)?;
    let values = counts.into_iter().map(|(number, count)| {
        Ok(FacetValue { value: statement.query_row([number], |row| row.get(0))?, count })
    });
    Ok(values.collect::<rusqlite::Result<_>>()?)
}

fn sorted(field: FacetField, mut values: Vec<FacetValue>) -> Facet {
    values.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    values.truncate(MOST);
    Facet { field, values }
}
