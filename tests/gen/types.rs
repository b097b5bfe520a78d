//! JSON Schemas as the few kinds of types they come to.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::api::{Api, sentence};

/// The type of a field, a parameter or a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    /// Any JSON.
    Any,
    Bool,
    Integer,
    Number,
    Text,
    /// An instant, RFC 3339.
    Instant,
    /// A path on the machine of the library.
    Path,
    /// A record or an enumeration with a definition of its own.
    Named(String),
    List(Box<Type>),
    Map(Box<Type>),
    /// A list of so many, each of its type.
    Tuple(Vec<Type>),
    /// Or null.
    Optional(Box<Type>),
}

/// A record or an enumeration.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) doc: String,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    /// Another name for a type.
    Alias(Type),
    /// One of these texts, each with its words.
    Enumeration(Vec<(String, String)>),
    Record(Vec<Field>),
    /// One of several records, told apart by the text in the field `tag`.
    Union {
        tag: String,
        variants: Vec<Variant>,
    },
}

/// One of several records.
#[derive(Debug)]
pub(crate) struct Variant {
    /// The text in the field that tells them apart.
    pub(crate) value: String,
    pub(crate) doc: String,
    /// All fields but that one.
    pub(crate) fields: Vec<Field>,
}

/// One field of a record.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) kind: Type,
    /// Whether it has to be said, and always is.
    pub(crate) required: bool,
    /// What it is when it is not said; none where that is nothing (null).
    pub(crate) default: Option<Value>,
}

impl Type {
    pub(crate) fn of(schema: &Value) -> Result<Self> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().context("a reference names something")?;
            return Ok(Self::Named(name.to_owned()));
        }
        let kind = Self::plain(schema)?;
        Ok(if schema["x-path"] == true { kind.of_path() } else { kind })
    }

    fn plain(schema: &Value) -> Result<Self> {
        if let Some(choices) = schema["anyOf"].as_array() {
            return match &choices[..] {
                [of, null] if null["type"] == "null" => Ok(Self::Optional(Self::of(of)?.into())),
                _ => bail!("a field of several types needs a record of its own: {schema}"),
            };
        }
        let (kind, optional) = match &schema["type"] {
            Value::Array(kinds) => (kinds.iter().find(|kind| *kind != "null"), true),
            kind => (Some(kind), false),
        };
        let kind = match kind.and_then(Value::as_str) {
            None => Self::Any,
            Some("boolean") => Self::Bool,
            Some("integer") => Self::Integer,
            Some("number") => Self::Number,
            Some("string") if schema["format"] == "date-time" => Self::Instant,
            Some("string") => Self::Text,
            Some("array") => match schema["prefixItems"].as_array() {
                Some(items) => Self::Tuple(items.iter().map(Self::of).collect::<Result<_>>()?),
                None => Self::List(Self::of(&schema["items"])?.into()),
            },
            Some("object") => match schema.get("additionalProperties") {
                Some(of @ Value::Object(_)) => Self::Map(Self::of(of)?.into()),
                _ => Self::Map(Self::Any.into()),
            },
            Some(other) => bail!("no client knows the type {other}"),
        };
        Ok(if optional { Self::Optional(kind.into()) } else { kind })
    }

    fn of_path(self) -> Self {
        match self {
            Self::Text => Self::Path,
            Self::List(of) => Self::List(of.of_path().into()),
            Self::Optional(of) => Self::Optional(of.of_path().into()),
            other => other,
        }
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Named(name) => vec![name],
            Self::List(of) | Self::Map(of) | Self::Optional(of) => of.names(),
            Self::Tuple(of) => of.iter().flat_map(Self::names).collect(),
            _ => Vec::new(),
        }
    }
}

impl Definition {
    /// The types in it.
    pub(crate) fn types(&self) -> Vec<&Type> {
        match &self.shape {
            Shape::Alias(of) => vec![of],
            Shape::Enumeration(_) => Vec::new(),
            Shape::Record(fields) => fields.iter().map(|field| &field.kind).collect(),
            Shape::Union { variants, .. } => {
                let fields = variants.iter().flat_map(|variant| &variant.fields);
                fields.map(|field| &field.kind).collect()
            }
        }
    }
}

/// What a schema with a name of its own defines.
pub(crate) fn definition(api: &Api, schema: &Value) -> Result<Definition> {
    let shape = match schema["oneOf"].as_array() {
        Some(choices) if choices.iter().all(|choice| choice.get("const").is_some()) => {
            let value = |choice: &Value| {
                let value = choice["const"].as_str().context("an enumeration is of texts")?;
                Ok((value.to_owned(), words(choice)))
            };
            Shape::Enumeration(choices.iter().map(value).collect::<Result<_>>()?)
        }
        Some(choices) => union(api, schema, choices)?,
        None if schema.get("properties").is_some() => Shape::Record(fields_of(api, schema)?),
        None if schema["type"] == "object" && schema["additionalProperties"] != true => {
            Shape::Record(Vec::new())
        }
        None => Shape::Alias(Type::of(schema)?),
    };
    Ok(Definition { doc: words(schema), shape })
}

fn union(api: &Api, schema: &Value, choices: &[Value]) -> Result<Shape> {
    let mut tag = None;
    let mut variants = Vec::new();
    for choice in choices {
        let properties = choice["properties"].as_object().context("a choice is a record")?;
        let (name, value) = properties
            .iter()
            .find_map(|(name, of)| Some((name, of.get("const")?.as_str()?)))
            .context("a choice is told apart by a field that is constant")?;
        if *tag.get_or_insert_with(|| name.clone()) != *name {
            bail!("its choices are told apart by different fields");
        }
        let mut fields = fields_of(api, schema)?;
        if choice.get("$ref").is_some() {
            fields.extend(fields_of(api, api.resolve(choice)?)?);
        }
        fields.extend(fields_of(api, choice)?);
        fields.sort_by_key(|field| !field.required);
        variants.push(Variant { value: value.to_owned(), doc: words(choice), fields });
    }
    Ok(Shape::Union { tag: tag.context("it has no choice")?, variants })
}

/// The fields of a record, those that must be there first and in their order. A field that is
/// constant only tells records apart.
pub(crate) fn fields_of(api: &Api, schema: &Value) -> Result<Vec<Field>> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields = Vec::new();
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        if of.get("const").is_some() {
            continue;
        }
        let kind = Type::of(of).with_context(|| format!("its field {name}"))?;
        let mut doc = words(of);
        if doc.is_empty()
            && let Type::Named(_) = kind
        {
            doc = words(api.resolve(of)?);
        }
        fields.push(Field {
            name: name.clone(),
            doc,
            kind,
            required: required.contains(&name.as_str()),
            default: of.get("default").filter(|value| !value.is_null()).cloned(),
        });
    }
    fields.sort_by_key(|field| required.iter().position(|name| *name == field.name).unwrap_or(99));
    Ok(fields)
}

fn words(schema: &Value) -> String {
    sentence(schema["description"].as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_come_to_types() {
        for (schema, kind) in [
            (json!({}), Type::Any),
            (json!({ "type": ["string", "null"] }), Type::Optional(Type::Text.into())),
            (json!({ "$ref": "#/$defs/Rate" }), Type::Named("Rate".to_owned())),
            (
                json!({ "type": "array", "items": { "type": "string" }, "x-path": true }),
                Type::List(Type::Path.into()),
            ),
            (
                json!({ "anyOf": [{ "$ref": "#/$defs/Hdr" }, { "type": "null" }] }),
                Type::Optional(Type::Named("Hdr".to_owned()).into()),
            ),
        ] {
            assert_eq!(Type::of(&schema).expect("a type"), kind, "{schema}");
        }
        Type::of(&json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }))
            .expect_err("neither one nor the other");
    }
}
