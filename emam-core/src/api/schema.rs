//! The schemas of many operations in one place: each record once, by its name.
//!
//! What the generators of clients and pages read, and what the gateway's OpenAPI document is made of.

use std::collections::BTreeMap;

use schemars::Schema;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};

/// Records by name, gathered from schemas that each bring along what they refer to.
///
/// ```
/// use emam_core::api::{operation, schema::Records};
///
/// let mut records = Records::default();
/// let get = operation("assets.get").expect("a row");
/// let result = records.adopt((get.result)())?;
/// assert_eq!(result["$ref"], "#/$defs/Asset");
/// assert!(records.into_map().contains_key("AssetId"));
/// # Ok::<(), emam_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Records(BTreeMap<String, Value>);

impl Records {
    /// Takes over the definitions of a schema, itself too where it has a name of its own, and gives
    /// what is left to point at.
    ///
    /// # Errors
    /// [`Unexpected`](ErrorKind::Unexpected) where two different records have one name.
    pub fn adopt(&mut self, schema: Schema) -> Result<Value> {
        let mut schema = schema.to_value();
        let Value::Object(root) = &mut schema else { return Ok(schema) };
        root.remove("$schema");
        let title = root.remove("title");
        if let Some(Value::Object(definitions)) = root.remove("$defs") {
            for (name, definition) in definitions {
                self.insert(name, definition)?;
            }
        }
        match title {
            // Any JSON at all: its title says no more.
            Some(_) if root.is_empty() => Ok(schema),
            Some(Value::String(title)) if title.chars().all(char::is_alphanumeric) => {
                let reference = json!({ "$ref": format!("#/$defs/{title}") });
                self.insert(title, schema)?;
                Ok(reference)
            }
            _ => Ok(schema),
        }
    }

    /// Each record by its name; they refer to each other as `#/$defs/NAME`.
    pub fn into_map(self) -> BTreeMap<String, Value> {
        self.0
    }

    fn insert(&mut self, name: String, schema: Value) -> Result<()> {
        let schema = sorted(cleaned(schema));
        match self.0.get(&name) {
            Some(known) if *known != schema => {
                let message = "two different records have one name";
                Err(Error::new(ErrorKind::Unexpected, "api.schema", message).with("name", name))
            }
            Some(_) => Ok(()),
            None => {
                self.0.insert(name, schema);
                Ok(())
            }
        }
    }
}

/// The words of a doc comment on one line.
pub fn sentence(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same with the keys of every object in order, whatever order its map keeps.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<_, _> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(ordered.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        value => value,
    }
}

/// A schema whose words are for readers of any language: links into rustdoc become their text.
fn cleaned(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let clean = |(key, value): (String, Value)| match value {
                Value::String(text) if key == "description" => (key, unlinked(&text).into()),
                value => (key, cleaned(value)),
            };
            Value::Object(map.into_iter().map(clean).collect())
        }
        Value::Array(items) => items.into_iter().map(cleaned).collect(),
        value => value,
    }
}

/// Replaces ``[`Asset`](crate::model::Asset)`` and ``[`Asset`]`` by `` `Asset` ``.
fn unlinked(text: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        clean.push_str(before);
        let Some((shown, target)) = after.split_once(']') else {
            clean.push('[');
            rest = after;
            continue;
        };
        let link = target.strip_prefix('(').and_then(|target| target.split_once(')'));
        match link {
            Some((_, after)) if !shown.is_empty() => {
                clean.push_str(shown);
                rest = after;
            }
            _ if shown.starts_with('`') => {
                clean.push_str(shown);
                rest = target;
            }
            _ => {
                clean.push('[');
                rest = after;
            }
        }
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_their_text_and_brackets_stay() {
        let text = "See [`Asset`](crate::Asset), [`Error`] and [0, 1); [all] of [it](x).";
        assert_eq!(unlinked(text), "See `Asset`, `Error` and [0, 1); [all] of it.");
    }

    #[test]
    fn two_records_of_one_name_are_refused() {
        let mut records = Records::default();
        records.insert("Run".into(), json!({ "type": "object" })).unwrap();
        records.insert("Run".into(), json!({ "type": "object" })).unwrap();
        let error = records.insert("Run".into(), json!({ "type": "string" })).unwrap_err();
        assert_eq!(error.get("name"), Some("Run"));
    }
}
