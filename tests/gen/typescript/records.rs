//! The records and enumerations.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{comment, listed, shown};
use crate::client::Client;
use crate::types::{Definition, Field, Shape, Variant};

pub(crate) fn print(client: &Client) -> String {
    let said = said(client);
    let spoken = client.spoken();
    let mut text = String::from(
        "// The records and enumerations of a library, as they are on the wire.\n\n\
         /** An instant, RFC 3339, for example `2026-11-22T19:40:00Z`. */\n\
         export type Instant = string;\n",
    );
    for (name, definition) in &client.definitions {
        if spoken.contains(name.as_str()) {
            text.push('\n');
            text += &defined(name, definition, said.contains(name.as_str()));
        }
    }
    text
}

/// The records that a program makes itself: it may leave out what has a default.
fn said(client: &Client) -> BTreeSet<&str> {
    let methods = client.nouns.iter().flat_map(|noun| &noun.methods);
    let parameters = methods.flat_map(|method| method.positional.iter().chain(&method.keywords));
    let mut todo: Vec<&str> =
        parameters.chain(&client.open).flat_map(|parameter| parameter.kind.names()).collect();
    let mut names = BTreeSet::new();
    while let Some(name) = todo.pop() {
        if names.insert(name) {
            let found = client.definitions.iter().find(|(known, _)| known == name);
            let types = found.map(|(_, definition)| definition.types()).unwrap_or_default();
            todo.extend(types.into_iter().flat_map(|kind| kind.names()));
        }
    }
    names
}

fn defined(name: &str, definition: &Definition, said: bool) -> String {
    let doc = comment(&definition.doc, 0);
    match &definition.shape {
        Shape::Alias(of) => format!("{doc}export type {name} = {};\n", shown(of)),
        Shape::Enumeration(values) => format!("{doc}{}", enumeration(name, values)),
        Shape::Record(fields) if fields.is_empty() => {
            format!("{doc}export type {name} = Record<string, never>;\n")
        }
        Shape::Record(fields) => {
            let fields: String = fields.iter().map(|field| printed(field, said, 2)).collect();
            format!("{doc}export interface {name} {{\n{fields}}}\n")
        }
        Shape::Union { tag, variants } => {
            let variants: String =
                variants.iter().map(|variant| alternative(tag, variant, said)).collect();
            format!("{doc}export type {name} =\n{}", closed(variants))
        }
    }
}

/// The values, each with its words where they are more than one could guess.
fn enumeration(name: &str, values: &[(String, String)]) -> String {
    if values.iter().all(|(_, doc)| doc.is_empty()) {
        let values: Vec<_> = values.iter().map(|(value, _)| format!("\"{value}\"")).collect();
        return listed(0, &format!("export type {name} = "), &values, ";\n", false)
            .replace(", ", " | ");
    }
    let mut text = format!("export type {name} =\n");
    for (value, doc) in values {
        let _ = writeln!(text, "{}  | \"{value}\"", comment(doc, 2));
    }
    closed(text)
}

fn alternative(tag: &str, variant: &Variant, said: bool) -> String {
    let mut text = comment(&variant.doc, 2);
    let _ = writeln!(text, "  | {{\n      {tag}: \"{}\";", variant.value);
    text += &variant.fields.iter().map(|field| printed(field, said, 6)).collect::<String>();
    text + "    }\n"
}

fn printed(field: &Field, said: bool, indent: usize) -> String {
    let doc = comment(&field.doc, indent);
    // What a program makes may leave out what has a default; what it gets has it.
    let always = field.required || (!said && field.default.is_some());
    let (mark, or) = match (always, said) {
        (true, _) => ("", ""),
        (false, false) => ("?", ""),
        (false, true) => ("?", " | undefined"),
    };
    format!("{doc}{}{}{mark}: {}{or};\n", " ".repeat(indent), field.name, shown(&field.kind))
}

/// A type of several lines with its semicolon.
fn closed(text: String) -> String {
    format!("{};\n", text.trim_end())
}
