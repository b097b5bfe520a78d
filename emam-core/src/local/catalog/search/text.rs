//! From the words of a query to FTS5's own language.

use rusqlite::{Connection, OptionalExtension};

use crate::backend::catalog::{Terms, TextTerm};

use super::super::error::Sql;

/// What text is to be found, in FTS5's language.
#[derive(Debug)]
pub(super) struct TextMatch {
    /// Everything to be found.
    pub(super) include: String,
    /// Anything to be left out, where something is.
    pub(super) exclude: Option<String>,
    /// Whether an annotation has all that is to be found.
    pub(super) in_annotations: bool,
    /// Whether an annotation has something that is to be left out.
    pub(super) excluded_in_annotations: bool,
}

impl TextMatch {
    /// What `terms` mean; nothing where they do not narrow the search.
    pub(super) fn new(conn: &Connection, terms: &Terms) -> Sql<Option<Self>> {
        if terms.is_empty() {
            return Ok(None);
        }
        let include = joined(&terms.include, " AND ");
        let exclude = (!terms.exclude.is_empty()).then(|| joined(&terms.exclude, " OR "));
        // Mostly no annotation matches; knowing it makes for a much simpler search.
        let in_annotations = any_annotation(conn, &include)?;
        let excluded_in_annotations = match &exclude {
            Some(exclude) => any_annotation(conn, exclude)?,
            None => false,
        };
        Ok(Some(Self { include, exclude, in_annotations, excluded_in_annotations }))
    }

    /// What an asset's own text must match, where annotations do not matter.
    pub(super) fn own(&self) -> String {
        match &self.exclude {
            None => self.include.clone(),
            Some(exclude) => format!("({}) NOT ({exclude})", self.include),
        }
    }

    /// Whether annotations do not matter.
    pub(super) fn is_own_only(&self) -> bool {
        !self.in_annotations && !self.excluded_in_annotations
    }
}

fn joined(terms: &[TextTerm], operator: &str) -> String {
    terms.iter().map(phrase).collect::<Vec<_>>().join(operator)
}

/// In quotes, so that FTS5 takes nothing in it for an operator. Words hold no quotes.
fn phrase(term: &TextTerm) -> String {
    let star = if term.prefix { "*" } else { "" };
    format!("\"{}\"{star}", term.words.join(" "))
}

fn any_annotation(conn: &Connection, expression: &str) -> Sql<bool> {
    let found = conn
        .prepare_cached("SELECT 1 FROM annotation_text WHERE annotation_text MATCH ?1 LIMIT 1")?
        .query_row([expression], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_quoted() {
        let terms = Terms::parse(r#"rain "big ben"* NEAR -fog -OR"#).unwrap();
        assert_eq!(joined(&terms.include, " AND "), r#""rain" AND "big ben"* AND "NEAR""#);
        assert_eq!(joined(&terms.exclude, " OR "), r#""fog" OR "OR""#);
    }
}
