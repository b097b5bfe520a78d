//! The pages of the reference, for people.

use anyhow::{Context, Result};
use serde_json::Value;

use super::api::{Api, sentence};

pub(crate) fn operations(api: &Api) -> Result<String> {
    let mut text = String::from(
        "# Operations\n\nWhat `Library::call(operation, parameters)` takes and gives, in JSON. \
         Parameters that are not named here are refused.\n\n",
    );
    let mut noun = "";
    for row in &api.operations {
        let of = row.name.split('.').next().unwrap_or_default();
        let link = format!("[`{}`](#{})", row.name, row.name.replace('.', ""));
        text += &if of == noun { format!(", {link}") } else { format!("\n- **{of}**: {link}") };
        noun = of;
    }
    text.push('\n');
    for row in &api.operations {
        text += &format!("\n## {}\n\n{}\n\n", row.name, row.doc);
        let (name, schema) = resolve(&row.params, api)?;
        let fields = fields(schema);
        match (fields.is_empty(), name) {
            (true, _) => text += "Takes nothing.\n\n",
            (false, name) => text += &format!("Takes {}:\n\n{}\n", linked(name), table(&fields)),
        }
        let gives = match row.shape {
            "run" => " (started; wait with `runs.wait`)",
            "page" => " (ask on with its `next`)",
            _ => "",
        };
        text += &format!("Gives {}{gives}.\n", shown_type(&row.result));
    }
    Ok(text)
}

pub(crate) fn records(api: &Api) -> Result<String> {
    let mut text = String::from(
        "# Records\n\nEvery record and enumeration that crosses languages, by name. Fields without \
         a default are always there in what the library gives; those that may be absent say so.\n",
    );
    for (name, schema) in &api.records {
        text += &format!("\n## {name}\n\n");
        if let Some(doc) = described(schema) {
            text += &format!("{doc}\n\n");
        }
        let fields = fields(schema);
        if !fields.is_empty() {
            text += &table(&fields);
        }
        match variants(schema) {
            Some(variants) => text += &of_variants(variants, !fields.is_empty()),
            None if fields.is_empty() => text += &format!("In JSON: {}.\n", shown_type(schema)),
            None => {}
        }
    }
    Ok(text)
}

pub(crate) fn errors(api: &Api) -> Result<String> {
    let mut text = String::from(
        "# Errors\n\nEvery error has one of these kinds. *Again* says whether the same call may \
         succeed later, unless the error itself says otherwise.\n\n| kind | what it means | again |\n\
         |---|---|---|\n",
    );
    for kind in &api.errors {
        let again = if kind.retryable { "yes" } else { "no" };
        text += &format!("| `{}` | {} | {again} |\n", kind.name, cell(&kind.doc));
    }
    let info = api.records.get("ErrorInfo").context("no operation uses ErrorInfo any more")?;
    text += &format!("\n## What an error carries\n\n{}", table(&fields(info)));
    Ok(text)
}

/// One field of a record.
struct Field<'a> {
    name: &'a str,
    schema: &'a Value,
    required: bool,
}

/// The fields of a record: those that must be there first.
fn fields(schema: &Value) -> Vec<Field<'_>> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut fields: Vec<_> = properties
        .filter(|(_, schema)| schema.get("const").is_none())
        .map(|(name, schema)| Field { name, schema, required: required.contains(&name.as_str()) })
        .collect();
    fields.sort_by_key(|field| {
        let place = required.iter().position(|name| *name == field.name);
        (place.unwrap_or(required.len()), field.name)
    });
    fields
}

fn table(fields: &[Field<'_>]) -> String {
    let mut text = String::from("| field | type | default | |\n|---|---|---|---|\n");
    for Field { name, schema, required } in fields {
        let default = match schema.get("default") {
            _ if *required => "required".to_owned(),
            // A record of defaults is told where the record is.
            Some(Value::Object(of)) if !of.is_empty() => "its defaults".to_owned(),
            Some(Value::Object(_)) if reference(schema).is_some() => "its defaults".to_owned(),
            Some(Value::Null) | None => "absent".to_owned(),
            Some(value) => format!("`{value}`"),
        };
        let doc = cell(&described(schema).unwrap_or_default());
        text += &format!("| `{name}` | {} | {default} | {doc} |\n", cell(&shown_type(schema)));
    }
    text
}

/// The choices of an enumeration or of a record that comes in several shapes.
fn variants(schema: &Value) -> Option<&Vec<Value>> {
    let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array())?;
    (!is_optional(choices)).then_some(choices)
}

fn of_variants(variants: &[Value], beside: bool) -> String {
    let mut text =
        if beside { "\nBeside these it is one of:\n\n" } else { "One of:\n\n" }.to_owned();
    for variant in variants {
        let tag =
            variant["properties"].as_object().into_iter().flatten().find_map(|(name, of)| {
                of.get("const").map(|value| format!("`\"{name}\": {value}`"))
            });
        let shown = match (variant.get("const"), variant["enum"].as_array(), tag) {
            (Some(value), ..) => format!("`{value}`"),
            (_, Some(values), _) => {
                let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
                values.join(", ")
            }
            (.., Some(tag)) => match variant["$ref"].as_str() {
                Some(_) => format!("{tag} with the fields of {}", shown_type(variant)),
                None => tag,
            },
            _ => shown_type(variant),
        };
        let doc = described(variant).map_or_else(String::new, |doc| format!(": {doc}"));
        text += &format!("- {shown}{doc}\n");
        for Field { name, schema, .. } in fields(variant) {
            let doc = described(schema).map_or_else(String::new, |doc| format!(": {doc}"));
            text += &format!("  - `{name}` ({}){doc}\n", shown_type(schema));
        }
    }
    text
}

/// A type in words, with links to the records it names.
fn shown_type(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return linked(name);
    }
    if let Some(choices) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let shown: Vec<_> =
            choices.iter().filter(|choice| !is_null(choice)).map(shown_type).collect();
        return shown.join(" or ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("array") => match schema["prefixItems"].as_array() {
            Some(items) => {
                format!("[{}]", items.iter().map(shown_type).collect::<Vec<_>>().join(", "))
            }
            None => format!("list of {}", shown_type(&schema["items"])),
        },
        Some("object") => match schema.get("additionalProperties") {
            Some(values @ (Value::Object(_) | Value::Bool(true))) => {
                format!("map of {}", shown_type(values))
            }
            _ => "object".to_owned(),
        },
        Some("string") => match schema["format"].as_str() {
            Some("uuid") => "UUID".to_owned(),
            Some("date-time") => "instant (RFC 3339)".to_owned(),
            _ => "string".to_owned(),
        },
        Some(kind) => kind.to_owned(),
        None => "any JSON".to_owned(),
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn resolve<'a>(schema: &'a Value, api: &'a Api) -> Result<(&'a str, &'a Value)> {
    let name = reference(schema).context("parameters are a record with a name")?;
    Ok((name, api.records.get(name).with_context(|| format!("there is no record {name}"))?))
}

fn linked(name: &str) -> String {
    format!("[{name}](records.md#{})", name.to_lowercase())
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

fn is_optional(choices: &[Value]) -> bool {
    choices.iter().any(is_null)
}

fn described(schema: &Value) -> Option<String> {
    schema["description"].as_str().map(sentence)
}

/// Text that may stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
