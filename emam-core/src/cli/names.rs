//! Values that have names: kinds, states, orders. Their names and words are those of the records.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A parser for the names of `T`, an enum without fields.
pub(super) fn named<T>() -> impl TypedValueParser<Value = T>
where
    T: JsonSchema + DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names::<T>())
        .try_map(|name| serde_json::from_value::<T>(Value::String(name)))
}

fn names<T: JsonSchema>() -> Vec<PossibleValue> {
    let schema = schema_for!(T);
    let mut names = Vec::new();
    collect(schema.as_value(), &mut names);
    names
}

/// Variants with words are `oneOf` constants, those without are in one `enum`.
fn collect(schema: &Value, names: &mut Vec<PossibleValue>) {
    if let Some(name) = schema["const"].as_str() {
        let value = PossibleValue::new(name.to_owned());
        names.push(match schema["description"].as_str() {
            Some(words) => value.help(plain(words)),
            None => value,
        });
    }
    for name in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        names.push(PossibleValue::new(name.to_owned()));
    }
    for variant in schema["oneOf"].as_array().into_iter().flatten() {
        collect(variant, names);
    }
}

/// The words of a record's documentation without its links and line breaks.
fn plain(words: &str) -> String {
    let mut text = words.replace('\n', " ");
    while let Some(target) = text.find("](") {
        let Some(end) = text[target..].find(')') else { break };
        text.replace_range(target..=target + end, "");
        if let Some(begin) = text[..target].rfind('[') {
            text.remove(begin);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::RestoreSpeed;
    use crate::backend::catalog::Sort;
    use crate::model::{AssetKind, KnownContent, RunState, StorageClass};

    fn listed<T: JsonSchema>() -> Vec<String> {
        names::<T>().iter().map(|name| name.get_name().to_owned()).collect()
    }

    #[test]
    fn links_of_the_documentation_are_words() {
        assert_eq!(
            plain("Fails with [`Conflict`](crate::X),\nor [not](y)."),
            "Fails with `Conflict`, or not."
        );
        assert_eq!(plain("a [list](of"), "a [list](of");
    }

    #[test]
    fn every_name_is_taken_from_its_record() {
        assert_eq!(listed::<StorageClass>(), ["standard", "archive", "deep_archive"]);
        assert_eq!(listed::<RestoreSpeed>(), ["expedited", "standard", "bulk"]);
        assert_eq!(listed::<KnownContent>(), ["reuse", "new_version", "reject", "allow"]);
        assert!(listed::<AssetKind>().contains(&"video".to_owned()));
        assert_eq!(listed::<Sort>().len(), 6);
        assert_eq!(listed::<RunState>().len(), 6);
    }
}
