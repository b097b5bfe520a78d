//! `records.py`: every record, enumeration and name the client speaks.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::layout::{Code, docstring, plain, words};
use super::{camel, given_type, safe};
use crate::client::Client;
use crate::types::{Definition, Field, Shape, Type, Variant};

const HEAD: &str = "\"\"\"The records of the library: what it takes and gives.\"\"\"

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias, Union

from msgspec import Struct, field
";

pub(super) fn print(model: &Client) -> Result<String> {
    let spoken = model.spoken();
    let mut names = String::new();
    let mut records = String::new();
    let mut exported = BTreeSet::new();
    for (name, definition) in &model.definitions {
        if !spoken.contains(name.as_str()) {
            continue;
        }
        exported.insert(name.clone());
        if let Shape::Union { variants, .. } = &definition.shape {
            exported.extend(variants.iter().map(|of| format!("{name}{}", camel(&of.value))));
        }
        let doc = docstring(&definition.doc, &[], 0);
        match &definition.shape {
            Shape::Alias(of) => {
                names += &format!("\n{name}: TypeAlias = {}\n{doc}", given_type(of))
            }
            Shape::Enumeration(values) => names += &enumeration(name, values, &doc),
            Shape::Record(fields) => {
                records += &record(model, name, None, &definition.doc, fields)
                    .with_context(|| format!("the record {name}"))?;
            }
            Shape::Union { tag, variants } => {
                records += &union(model, name, tag, variants, &doc)
                    .with_context(|| format!("the record {name}"))?;
            }
        }
    }
    let listed: String = exported.iter().map(|name| format!("    \"{name}\",\n")).collect();
    Ok(format!("{HEAD}\n__all__ = [\n{listed}]\n{names}{records}"))
}

fn enumeration(name: &str, values: &[(String, String)], doc: &str) -> String {
    let mut text = format!("\n{name}: TypeAlias = Literal[\n");
    for (value, doc) in values {
        let line = format!("    \"{value}\",");
        let remark = format!("{line}  # {}", plain(doc));
        text += &if doc.is_empty() {
            line + "\n"
        } else if remark.len() <= 100 {
            remark + "\n"
        } else {
            format!("{}\n{line}\n", words(&plain(doc), 4, "", 0, "# "))
        };
    }
    format!("{text}]\n{doc}")
}

fn record(
    model: &Client,
    name: &str,
    tag: Option<(&str, &str)>,
    doc: &str,
    fields: &[Field],
) -> Result<String> {
    let mut bases = vec!["Struct".to_owned()];
    bases.extend(["frozen=True", "kw_only=True", "omit_defaults=True"].map(str::to_owned));
    if let Some((tag, value)) = tag {
        bases.extend([format!("tag_field=\"{tag}\""), format!("tag=\"{value}\"")]);
    }
    let renamed: Vec<_> = fields
        .iter()
        .filter(|field| safe(&field.name) != field.name)
        .map(|field| format!("\"{}\": \"{}\"", safe(&field.name), field.name))
        .collect();
    if !renamed.is_empty() {
        bases.push(format!("rename={{{}}}", renamed.join(", ")));
    }
    let head = Code::group(format!("class {name}("), bases.into_iter().map(Code::from), "):");
    let mut text = format!("\n\n{}\n{}", head.lines(0, ""), docstring(doc, &[], 4));
    if let Some((tag, value)) = tag {
        text += &format!("\n    {}: ClassVar[Literal[\"{value}\"]] = \"{value}\"\n", safe(tag));
    } else if !fields.is_empty() {
        text.push('\n');
    }
    for field in fields {
        let mut kind = given_type(&field.kind);
        let default = match &field.default {
            _ if field.required => String::new(),
            Some(value) => {
                let value = expression(model, &field.kind, value)
                    .with_context(|| format!("the default of {}", field.name))?;
                match (value.as_str(), &field.kind) {
                    ("[]" | "{}", _) => format!(" = {value}"),
                    (_, Type::List(_) | Type::Map(_)) => made(&value),
                    _ if value.ends_with(')') => made(&value),
                    _ => format!(" = {value}"),
                }
            }
            None => {
                if !matches!(field.kind, Type::Optional(_) | Type::Any) {
                    kind += " | None";
                }
                " = None".to_owned()
            }
        };
        text += &format!("    {}: {kind}{default}\n", safe(&field.name));
        if !field.doc.is_empty() {
            text += &docstring(&field.doc, &[], 4);
        }
    }
    Ok(text)
}

/// A default that is made afresh for each record.
fn made(value: &str) -> String {
    format!(" = field(default_factory=lambda: {value})")
}

fn union(model: &Client, name: &str, tag: &str, variants: &[Variant], doc: &str) -> Result<String> {
    let mut text = String::new();
    let mut classes = Vec::new();
    for variant in variants {
        let class = format!("{name}{}", camel(&variant.value));
        text += &record(model, &class, Some((tag, &variant.value)), &variant.doc, &variant.fields)?;
        classes.push(Code::from(class));
    }
    let alias = Code::group(format!("{name}: TypeAlias = Union["), classes, "]");
    Ok(format!("{text}\n\n{}\n{doc}", alias.lines(0, "")))
}

/// A value of JSON as Python for a field of this type.
fn expression(model: &Client, kind: &Type, value: &Value) -> Result<String> {
    Ok(match (kind, value) {
        (Type::Optional(of), value) => expression(model, of, value)?,
        (Type::Named(name), value) => {
            let found = model.definitions.iter().find(|(known, _)| known == name);
            let (_, definition) = found.with_context(|| format!("there is no type {name}"))?;
            named(model, name, definition, value)?
        }
        (Type::List(of), Value::Array(items)) => {
            let items: Vec<_> =
                items.iter().map(|item| expression(model, of, item)).collect::<Result<_>>()?;
            format!("[{}]", items.join(", "))
        }
        (_, Value::Bool(value)) => if *value { "True" } else { "False" }.to_owned(),
        (_, Value::Null) => "None".to_owned(),
        (_, Value::String(_) | Value::Number(_)) => value.to_string(),
        (_, Value::Object(fields)) if fields.is_empty() => "{}".to_owned(),
        (kind, value) => bail!("{value} is no default for a {kind:?}"),
    })
}

fn named(model: &Client, name: &str, definition: &Definition, value: &Value) -> Result<String> {
    let call = |name: &str, fields: &[Field]| -> Result<String> {
        let mut parts = Vec::new();
        for field in fields {
            if let Some(value) = value.get(&field.name).filter(|value| !value.is_null()) {
                let value = expression(model, &field.kind, value)?;
                parts.push(format!("{}={value}", safe(&field.name)));
            }
        }
        Ok(format!("{name}({})", parts.join(", ")))
    };
    match &definition.shape {
        Shape::Alias(of) => expression(model, of, value),
        Shape::Enumeration(_) => Ok(value.to_string()),
        Shape::Record(fields) => call(name, fields),
        Shape::Union { tag, variants } => {
            let variant = variants.iter().find(|variant| value[tag] == variant.value.as_str());
            let variant = variant.context("the default is none of the choices")?;
            call(&format!("{name}{}", camel(&variant.value)), &variant.fields)
        }
    }
}
