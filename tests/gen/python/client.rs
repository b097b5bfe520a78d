//! `_client.py` and its twin in `aio`: the methods by noun.

use std::collections::BTreeSet;

use super::layout::{Code, docstring, plain, words};
use super::{given_type, safe, taken_type};
use crate::client::{Client, Gives, Inside, Method, Noun, Parameter};
use crate::types::{Definition, Type};

/// How methods wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Blocking,
    Awaited,
}

impl Style {
    fn def(self) -> &'static str {
        if self == Self::Awaited { "async def" } else { "def" }
    }

    fn awaited(self) -> &'static str {
        if self == Self::Awaited { "await " } else { "" }
    }
}

/// Nouns that have more than their operations, written by hand.
const EXTRAS: [(&str, &str); 2] = [("runs", "RunsExtra"), ("events", "EventsExtra")];

pub(super) fn print(model: &Client, style: Style) -> String {
    let nouns: String = model.nouns.iter().map(|noun| class(model, noun, style)).collect();
    let body = format!("{nouns}{}{}", library(model, style), open(model, style));
    let above = if style == Style::Awaited { ".." } else { "." };
    let (says, runtime) = match style {
        Style::Blocking => ("Every operation of the library as a method.", "from ._runtime import"),
        Style::Awaited => ("Every operation of the library, awaited.", "from ._runtime import"),
    };
    let uses = |name: &str| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        body.match_indices(name).any(|(at, _)| {
            let before = body[..at].chars().next_back();
            let after = body[at + name.len()..].chars().next();
            !before.is_some_and(|c| is_word(c) || c == '"') && !after.is_some_and(is_word)
        })
    };
    let used = |names: &[&str]| -> Vec<Code> {
        let mut names: Vec<_> = names.iter().copied().filter(|name| uses(name)).collect();
        names.sort_by_key(|name| (name.to_lowercase(), *name));
        names.into_iter().map(Code::from).collect()
    };
    let spoken: BTreeSet<&str> = model.spoken();
    let spoken: Vec<_> = spoken.into_iter().collect();
    let import = |head: &str, names: Vec<Code>| {
        let flat = Code::group(format!("{head} "), names.clone(), "").lines(0, "");
        let text = if flat.lines().count() == 1 {
            flat
        } else {
            Code::group(format!("{head} ("), names, ")").lines(0, "")
        };
        text + "\n"
    };
    let own =
        ["BaseLibrary", "EventsExtra", "Noun", "Pages", "RunHandle", "RunHandles", "RunsExtra"];
    let mut imports = String::new();
    if body.contains("builtins.") {
        imports += "import builtins\n";
    }
    // A record is called `Sequence` too.
    imports +=
        "from collections.abc import Mapping\nfrom collections.abc import Sequence as SequenceOf\n";
    if uses("datetime") {
        imports += "from datetime import datetime\n";
    }
    imports += &import("from typing import", {
        let mut names = vec![Code::from("TYPE_CHECKING")];
        names.extend(used(&["Any"]));
        names
    });
    imports += "\nfrom msgspec import UNSET, UnsetType\n\n";
    let package = if style == Style::Awaited { "from .. import" } else { "from . import" };
    imports += &format!("{package} _native\n");
    let wire = format!("from {above}_wire import encode, given, here\n");
    let records = import(&format!("from {above}records import"), used(&spoken));
    let runtime = import(runtime, used(&own));
    imports += &match style {
        Style::Blocking => format!("{runtime}{wire}{}", records),
        Style::Awaited => format!("{wire}{records}{runtime}"),
    };
    imports += &format!(
        "\nif TYPE_CHECKING:\n    from fractions import Fraction\n\n    from {above}_wire import StrPath\n"
    );
    format!("\"\"\"{says}\"\"\"\n\nfrom __future__ import annotations\n\n{imports}{body}")
}

fn class(model: &Client, noun: &Noun, style: Style) -> String {
    let base = EXTRAS.iter().find(|(name, _)| *name == noun.name).map_or("Noun", |(_, base)| base);
    let name = super::camel(noun.name);
    let mut text = format!("\n\nclass {name}({base}):\n{}", docstring(noun.doc, &[], 4));
    text += "\n    __slots__ = ()\n";
    // A method called `list` hides the builtin from the annotations beside it.
    let hides = noun.methods.iter().any(|method| method.verb == "list");
    for method in &noun.methods {
        let written = self::method(model, method, style, hides);
        text += &format!("\n{written}");
    }
    text
}

fn method(model: &Client, method: &Method, style: Style, hides_list: bool) -> String {
    let params = parameters(&method.positional, &method.keywords);
    let (returns, says, body) = match &method.gives {
        Gives::Nothing => {
            ("None".to_owned(), None, call(style, "done", method.operation, params, None))
        }
        Gives::Value(of) => {
            let kind = given_type(of);
            let shown =
                if hides_list { kind.replace("list[", "builtins.list[") } else { kind.clone() };
            let body = call(style, "value", method.operation, params, Some(&kind));
            (shown, Some(described(model, of)), body)
        }
        Gives::Run(of) => {
            let kind = given_type(of);
            let body = call(style, "run", method.operation, params, Some(&kind));
            (format!("RunHandle[{kind}]"), Some(results(of)), body)
        }
        Gives::Runs(of) => {
            let kind = given_type(of);
            let body = call(style, "runs", method.operation, params, Some(&kind));
            let says = format!("The runs, and what was refused. {}", results(of));
            (format!("RunHandles[{kind}]"), Some(says), body)
        }
        Gives::Pages { page, item } => {
            let item = given_type(item);
            let inside = method.keywords.iter().find(|parameter| parameter.name == "cursor");
            let inside = inside.and_then(|parameter| parameter.inside.as_ref());
            let inside = inside.map_or("None".to_owned(), |inside| format!("\"{}\"", inside.name));
            let says = "Its items, asked for page by page as they are gone through.".to_owned();
            let parts = [
                Code::from("self._caller"),
                format!("\"{}\"", method.operation).into(),
                params,
                page.clone().into(),
                inside.into(),
            ];
            let body = Code::group("return Pages(", parts, ")").lines(8, "");
            (format!("Pages[{item}, {page}]"), Some(says), body)
        }
    };
    let def = match method.gives {
        Gives::Pages { .. } => "def",
        _ => style.def(),
    };
    let head = signature(
        &format!("    {def} {}(", safe(method.verb)),
        Some("self"),
        &method.positional,
        &method.keywords,
        &returns,
        4,
    );
    let mut sections = arguments(&method.positional, &method.keywords, 8);
    if let Some(says) = says {
        sections.push(format!("        Returns:\n{}", words(&plain(&says), 12, "", 0, "")));
    }
    if !matches!(method.gives, Gives::Pages { .. }) {
        sections.push(
            "        Raises:\n            EmamError: of the class that says what is wrong."
                .to_owned(),
        );
    }
    format!("{head}\n{}{body}\n", docstring(&method.doc, &sections, 8))
}

/// A call of the runtime: `self._caller.value("assets.get", {"id": id}, Asset)`.
fn call(style: Style, way: &str, operation: &str, params: Code, kind: Option<&str>) -> String {
    let mut parts = vec![Code::from(format!("\"{operation}\"")), params];
    parts.extend(kind.map(Code::from));
    let returns = if kind.is_some() { "return " } else { "" };
    let head = format!("{returns}{}self._caller.{way}(", style.awaited());
    Code::group(head, parts, ")").lines(8, "")
}

/// The parameters as they lie on the wire.
fn parameters(positional: &[Parameter], keywords: &[Parameter]) -> Code {
    let all = || positional.iter().chain(keywords);
    let entry = |p: &Parameter| Code::from(format!("\"{}\": {}", p.name, safe(&p.name)));
    let record = |prefix: String, entries: Vec<Code>, may_lack: bool| match may_lack {
        true => Code::group(format!("{prefix}given({{"), entries, "})"),
        false => Code::group(format!("{prefix}{{"), entries, "}"),
    };
    let mut top: Vec<Code> = all().filter(|p| p.inside.is_none()).map(entry).collect();
    let mut insides: Vec<&Inside> = Vec::new();
    for inside in all().filter_map(|p| p.inside.as_ref()) {
        if !insides.contains(&inside) {
            insides.push(inside);
        }
    }
    for inside in insides {
        let members = || all().filter(|p| p.inside.as_ref() == Some(inside));
        let may_lack = members().any(|p| !p.required);
        top.push(record(
            format!("\"{}\": ", inside.name),
            members().map(entry).collect(),
            may_lack,
        ));
    }
    record(String::new(), top, all().any(|p| p.inside.is_none() && !p.required))
}

fn signature(
    head: &str,
    receiver: Option<&str>,
    positional: &[Parameter],
    keywords: &[Parameter],
    returns: &str,
    indent: usize,
) -> String {
    let mut parts: Vec<Code> = receiver.map(Code::from).into_iter().collect();
    parts.extend(positional.iter().map(parameter));
    if !keywords.is_empty() {
        parts.push("*".into());
        parts.extend(keywords.iter().map(parameter));
    }
    Code::group(head.trim_start(), parts, format!(") -> {returns}:")).lines(indent, "")
}

fn parameter(parameter: &Parameter) -> Code {
    let (name, kind) = (safe(&parameter.name), taken_type(&parameter.kind));
    if parameter.required {
        format!("{name}: {kind}").into()
    } else {
        format!("{name}: {kind} | UnsetType = UNSET").into()
    }
}

fn arguments(positional: &[Parameter], keywords: &[Parameter], indent: usize) -> Vec<String> {
    let listed: Vec<_> = positional
        .iter()
        .chain(keywords)
        .map(|p| words(&plain(&p.doc), indent + 4, &format!("{}:", safe(&p.name)), 4, ""))
        .collect();
    if listed.is_empty() {
        return Vec::new();
    }
    vec![format!("{}Args:\n{}", " ".repeat(indent), listed.join("\n"))]
}

/// What a value is, in the words of its definition.
fn described(model: &Client, kind: &Type) -> String {
    let doc = |name: &str| {
        let found = model.definitions.iter().find(|(known, _)| known == name);
        found.map(|(_, Definition { doc, .. })| doc.clone()).unwrap_or_default()
    };
    match kind {
        Type::Named(name) => doc(name),
        Type::List(of) => format!("A list. Each: {}", described(model, of)),
        Type::Any => "Plain JSON data.".to_owned(),
        other => format!("{other:?}"),
    }
}

fn results(kind: &Type) -> String {
    match kind {
        Type::Any => "A run; its result is plain JSON data.".to_owned(),
        kind => format!("A run; its result is of the type {}.", given_type(kind)),
    }
}

fn library(model: &Client, style: Style) -> String {
    let mut fields = String::new();
    let mut made = String::new();
    for noun in &model.nouns {
        let class = super::camel(noun.name);
        fields += &format!("    {}: {class}\n{}", noun.name, docstring(noun.doc, &[], 4));
        made += &format!("        self.{} = {class}(self._caller)\n", noun.name);
    }
    let block = if style == Style::Awaited { "async with" } else { "with" };
    let doc = docstring(
        &format!(
            "A library of media, open. As a context manager (`{block}`) it is closed at the end."
        ),
        &[],
        4,
    );
    format!(
        "\n\nclass Library(BaseLibrary):\n{doc}\n{fields}\n    \
         def __init__(self, native: _native.Library, folder: str) -> None:\n        \
         super().__init__(native, folder)\n{made}"
    )
}

fn open(model: &Client, style: Style) -> String {
    let (positional, keywords): (Vec<_>, Vec<_>) = model.open.iter().partition(|p| p.required);
    let clone = |parameters: Vec<&Parameter>| -> Vec<Parameter> {
        parameters.into_iter().cloned().collect()
    };
    let (positional, keywords) = (clone(positional), clone(keywords));
    let head =
        signature(&format!("{} open(", style.def()), None, &positional, &keywords, "Library", 0);
    let mut sections = arguments(&positional, &keywords, 4);
    sections
        .push("    Raises:\n        EmamError: of the class that says what is wrong.".to_owned());
    let doc = docstring(
        "Opens the library in a folder, making it where there is none. Runs that were under way \
         when it was last closed go on.",
        &sections,
        4,
    );
    let way = match style {
        Style::Blocking => "_native.open",
        Style::Awaited => "await _native.open_async",
    };
    let native = match parameters(&positional, &keywords) {
        Code::Group(open, parts, end) => {
            Code::Group(format!("native = {way}(encode(here({open}"), parts, format!("{end})))"))
        }
        text => text,
    };
    let native = native.lines(4, "");
    format!("\n\n{head}\n{doc}{native}\n    return Library(native, str(folder))\n")
}
