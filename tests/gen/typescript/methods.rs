//! The library and its nouns, one method an operation.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::{camel, comment, listed, named, pascal, shown};
use crate::client::{Client, Gives, Method, Noun, Parameter};
use crate::types::Type;

/// What the runtime adds to the methods of a noun: the class that holds it, and its file.
const EXTRAS: [(&str, &str, &str); 2] =
    [("events", "EventsExtras", "events"), ("runs", "RunsExtras", "runs")];

/// What JavaScript does not let a variable be called.
const RESERVED: [&str; 5] = ["class", "default", "delete", "function", "new"];

pub(crate) fn print(client: &Client) -> Result<String> {
    let mut body = String::new();
    for noun in &client.nouns {
        for method in noun.methods.iter().filter(|method| !method.keywords.is_empty()) {
            let of = format!("{}.{}", noun.name, camel(method.verb));
            let keywords: Vec<_> = method.keywords.iter().collect();
            body += &options(&of, &options_name(noun, method), &keywords)?;
        }
        body += &class(noun);
    }
    let settings: Vec<_> = client.open.iter().filter(|parameter| !parameter.required).collect();
    body += &options("open", "OpenOptions", &settings)?;
    body += &library(client);
    Ok(imports(client) + &body)
}

fn imports(client: &Client) -> String {
    let mut records = BTreeSet::new();
    let mut runtime = BTreeSet::new();
    for method in client.nouns.iter().flat_map(|noun| &noun.methods) {
        for parameter in method.positional.iter().chain(&method.keywords) {
            records.extend(named(&parameter.kind));
        }
        match &method.gives {
            Gives::Nothing => {}
            Gives::Value(of) => records.extend(named(of)),
            Gives::Pages { page, .. } => {
                records.insert(page);
                runtime.insert(("pages", "Pages"));
            }
            Gives::Run(of) => {
                records.extend(named(of));
                runtime.insert(("runs", "RunHandle"));
            }
            Gives::Runs(of) => {
                records.extend(named(of));
                runtime.insert(("runs", "RunHandles"));
            }
        }
    }
    let mut lines = vec![
        "import { LibraryBase } from \"./base.js\";\n".to_owned(),
        "import { EventsExtras } from \"./events.js\";\n".to_owned(),
        "import { Noun } from \"./noun.js\";\n".to_owned(),
    ];
    let names = |file: &str| -> Vec<String> {
        let of_file = runtime.iter().filter(|(of, _)| *of == file);
        of_file.map(|(_, name)| (*name).to_owned()).collect()
    };
    if let [name] = &names("pages")[..] {
        lines.push(format!("import type {{ {name} }} from \"./pages.js\";\n"));
    }
    let records: Vec<_> = records.into_iter().map(str::to_owned).collect();
    lines.push(listed(0, "import type {", &records, "} from \"./records.js\";\n", true));
    let runs: Vec<_> = names("runs").into_iter().map(|name| format!("type {name}")).collect();
    let runs = [runs, vec!["RunsExtras".to_owned()]].concat();
    lines.push(listed(0, "import {", &runs, "} from \"./runs.js\";\n", true));
    lines.push("import type { CallOptions, Transport } from \"./transport.js\";\n".to_owned());
    lines.concat()
}

/// What a method takes by name.
fn options(of: &str, name: &str, keywords: &[&Parameter]) -> Result<String> {
    let mut text = format!("\n/** What `{of}` takes by name. */\n");
    let _ = writeln!(text, "export interface {name} extends CallOptions {{");
    for parameter in keywords {
        ensure!(parameter.name != "signal", "{of}: every method has a signal");
        // Null says no more than leaving it out does.
        let kind = match &parameter.kind {
            Type::Optional(of) => shown(of),
            kind => shown(kind),
        };
        let or = if kind == "unknown" { "" } else { " | undefined" };
        text += &comment(&parameter.doc, 2);
        let _ = writeln!(text, "  {}?: {kind}{or};", parameter.name);
    }
    Ok(text + "}\n")
}

fn options_name(noun: &Noun, method: &Method) -> String {
    if method.keywords.is_empty() {
        return "CallOptions".to_owned();
    }
    format!("{}{}Options", pascal(noun.name), pascal(method.verb))
}

fn class(noun: &Noun) -> String {
    let extras = EXTRAS.iter().find(|(name, ..)| *name == noun.name);
    let base = extras.map_or("Noun", |(_, class, _)| class);
    let name = pascal(noun.name);
    let methods: Vec<_> = noun.methods.iter().map(|method| printed(noun, method)).collect();
    let doc = comment(noun.doc, 0);
    format!("\n{doc}export class {name} extends {base} {{\n{}}}\n", methods.join("\n"))
}

fn printed(noun: &Noun, method: &Method) -> String {
    let mut parameters: Vec<_> = method
        .positional
        .iter()
        .map(|parameter| {
            let mark = if parameter.required { "" } else { "?" };
            let kind = match &parameter.kind {
                Type::Optional(of) if !parameter.required => shown(of),
                kind => shown(kind),
            };
            format!("{}{mark}: {kind}", variable(&parameter.name))
        })
        .collect();
    parameters.push(format!("options: {} = {{}}", options_name(noun, method)));
    let (gives, call, generic) = match &method.gives {
        Gives::Nothing => ("Promise<void>".to_owned(), "done", String::new()),
        Gives::Value(of) => (format!("Promise<{}>", shown(of)), "value", shown(of)),
        Gives::Pages { page, .. } => (format!("Pages<{page}>"), "pages", page.clone()),
        Gives::Run(of) => (format!("Promise<RunHandle<{}>>", shown(of)), "run", shown(of)),
        Gives::Runs(of) => (format!("Promise<RunHandles<{}>>", shown(of)), "runs", shown(of)),
    };
    let generic = if generic.is_empty() { generic } else { format!("<{generic}>") };
    let head = format!("  {}(", camel(method.verb));
    let head = listed(2, head.trim_start(), &parameters, &format!("): {gives} {{"), false);
    let Wire { taken, params } = wire(method);
    let operation = format!("\"{}\"", method.operation);
    let arguments = [operation, params, "signal".to_owned()];
    let call = listed(4, &format!("return this.client.{call}{generic}("), &arguments, ");", false);
    format!("{}  {head}\n    {taken} = options;\n    {call}\n  }}\n", documented(method))
}

fn documented(method: &Method) -> String {
    comment(&method.doc, 2)
}

/// How the arguments of a method become its record of parameters.
struct Wire {
    /// Takes the options apart.
    taken: String,
    /// Puts the parameters together.
    params: String,
}

fn wire(method: &Method) -> Wire {
    let pages = matches!(method.gives, Gives::Pages { .. });
    // The records parameters lie in, in order; none for the top.
    let mut places: Vec<Option<&str>> = Vec::new();
    for parameter in method.positional.iter().chain(&method.keywords) {
        let place = parameter.inside.as_ref().map(|inside| inside.name.as_str());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let of_place = |place: Option<&str>, parameters: &[Parameter]| -> Vec<String> {
        let inside = |parameter: &&Parameter| {
            parameter.inside.as_ref().map(|inside| inside.name.as_str()) == place
        };
        parameters.iter().filter(inside).map(|parameter| parameter.name.clone()).collect()
    };
    // One record gets whatever else is given by name, so that the library can refuse what it does
    // not know: the first that lies inside, else the top.
    let keyed = |place: &&Option<&str>| !of_place(**place, &method.keywords).is_empty();
    let rest = places.iter().filter(keyed).find(|place| place.is_some()).copied().flatten();
    if rest.is_none() && !places.contains(&None) {
        places.push(None);
    }
    // The argument that is taken apart is called `options` itself.
    let rest_name = rest.filter(|name| *name != "options").unwrap_or("fields");

    let mut taken = Vec::new();
    let mut top = Vec::new();
    let mut nested = Vec::new();
    for place in &places {
        let mut fields = Vec::new();
        if *place == rest {
            fields.push(format!("...{rest_name}"));
        } else {
            for name in of_place(*place, &method.keywords) {
                let is_cursor = pages && name == "cursor";
                fields.push(if is_cursor { "cursor: next".to_owned() } else { name.clone() });
                taken.push(name);
            }
        }
        fields.extend(of_place(*place, &method.positional).iter().map(|name| pair(name)));
        let paged = pages && of_place(*place, &method.keywords).iter().any(|name| name == "cursor");
        if paged && *place == rest {
            taken.push("cursor".to_owned());
            fields.push("cursor: next".to_owned());
        }
        match place {
            None => top.extend(fields),
            Some(name) if fields == [format!("...{name}")] => nested.push((*name).to_owned()),
            Some(name) if fields == [format!("...{rest_name}")] => {
                nested.push(format!("{name}: {rest_name}"));
            }
            Some(name) => nested.push(format!("{name}: {{ {} }}", fields.join(", "))),
        }
    }
    taken.push("signal".to_owned());
    taken.push(format!("...{rest_name}"));
    top.extend(nested);
    let record = match &top[..] {
        [only] if only.starts_with("...") => rest_name.to_owned(),
        _ => format!("{{ {} }}", top.join(", ")),
    };
    Wire {
        taken: format!("const {{ {} }}", taken.join(", ")),
        params: if pages { format!("(next = cursor) => ({record})") } else { record },
    }
}

fn variable(name: &str) -> String {
    if RESERVED.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

fn pair(name: &str) -> String {
    let variable = variable(name);
    if variable == name { variable } else { format!("{name}: {variable}") }
}

fn library(client: &Client) -> String {
    let mut text =
        String::from("\n/** A library of media. */\nexport class Library extends LibraryBase {\n");
    for noun in &client.nouns {
        text += &comment(noun.doc, 2);
        let _ = writeln!(text, "  readonly {}: {};", noun.name, pascal(noun.name));
    }
    text += "\n  constructor(transport: Transport) {\n    super(transport);\n";
    for noun in &client.nouns {
        let _ = writeln!(text, "    this.{} = new {}(this.client);", noun.name, pascal(noun.name));
    }
    text + "  }\n}\n"
}
