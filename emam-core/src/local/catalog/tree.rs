//! What the two trees, categories and bins, do the same.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, ToSql};
use serde::de::DeserializeOwned;

use super::error::Sql;
use super::records::from_doc;

/// Whether `node` is `root` or below it, in a table with `parent_seq`.
pub(super) fn is_within(conn: &Connection, table: &str, node: i64, root: i64) -> Sql<bool> {
    // UNION and not UNION ALL: a cycle, which cannot be, would not go on for ever.
    let sql = format!(
        "WITH RECURSIVE up (seq) AS (\
             SELECT ?1 UNION SELECT t.parent_seq FROM {table} t JOIN up ON t.seq = up.seq \
             WHERE t.parent_seq IS NOT NULL) \
         SELECT 1 FROM up WHERE seq = ?2"
    );
    let found = conn.prepare_cached(&sql)?.query_row([node, root], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// The records of a query that selects doc, seq and parent_seq, each after its parent and siblings
/// as the query orders them.
pub(super) fn listed<R: DeserializeOwned>(
    conn: &Connection,
    operation: &'static str,
    sql: &str,
    values: &[&dyn ToSql],
) -> Sql<Vec<R>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut nodes = Vec::new();
    while let Some(row) = rows.next()? {
        let doc: String = row.get(0)?;
        nodes.push((row.get(1)?, row.get(2)?, from_doc(operation, &doc)?));
    }
    Ok(depth_first(nodes))
}

/// Puts each node after its parent, siblings as they come in `nodes` of (seq, parent, record).
fn depth_first<T>(nodes: Vec<(i64, Option<i64>, T)>) -> Vec<T> {
    let mut below: HashMap<Option<i64>, Vec<(i64, T)>> = HashMap::new();
    let mut ordered = Vec::with_capacity(nodes.len());
    for (seq, parent, record) in nodes {
        below.entry(parent).or_default().push((seq, record));
    }
    // A stack of its own: trees can be deeper than the thread's.
    let mut stack = below.remove(&None).unwrap_or_default();
    stack.reverse();
    while let Some((seq, record)) = stack.pop() {
        ordered.push(record);
        stack.extend(below.remove(&Some(seq)).unwrap_or_default().into_iter().rev());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_follow_their_parent_in_the_order_given() {
        let nodes = vec![
            (4, Some(2), "b/a"),
            (1, None, "a"),
            (2, None, "b"),
            (3, Some(1), "a/a"),
            (5, Some(1), "a/b"),
            (6, Some(3), "a/a/a"),
        ];
        assert_eq!(depth_first(nodes), ["a", "a/a", "a/a/a", "a/b", "b", "b/a"]);
    }

    #[test]
    fn a_deep_tree_needs_no_deep_stack() {
        let deep = (0..200_000).map(|seq| (seq + 1, (seq > 0).then_some(seq), seq)).collect();
        assert_eq!(depth_first(deep), (0..200_000).collect::<Vec<i64>>());
    }
}
