//! What a generated client has, whatever its language: methods by noun, and the types they speak.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use emam_core::api::NOUNS;
use serde_json::Value;

use super::api::{Api, Row};
use super::types::{Definition, Field, Type, definition, fields_of};

/// A client: its methods and its types.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) nouns: Vec<Noun>,
    /// What opens a library: its parameters lie side by side.
    pub(crate) open: Vec<Parameter>,
    /// Every record and enumeration, by name.
    pub(crate) definitions: Vec<(String, Definition)>,
}

/// The methods about one noun.
#[derive(Debug)]
pub(crate) struct Noun {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) methods: Vec<Method>,
}

/// One operation as a method.
#[derive(Debug)]
pub(crate) struct Method {
    /// Its name on the wire, `noun.verb`.
    pub(crate) operation: &'static str,
    pub(crate) verb: &'static str,
    pub(crate) doc: String,
    /// What may be given by position: all that is required comes first.
    pub(crate) positional: Vec<Parameter>,
    /// What is given by name only, and may be left out.
    pub(crate) keywords: Vec<Parameter>,
    pub(crate) gives: Gives,
}

/// What a method gives.
#[derive(Debug)]
pub(crate) enum Gives {
    /// Nothing: it is done.
    Nothing,
    Value(Type),
    /// Pages of items.
    Pages {
        page: String,
        item: Type,
    },
    /// A run that results in this.
    Run(Type),
    /// Runs that each result in this, and what was refused.
    Runs(Type),
}

/// One parameter of a method.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) kind: Type,
    pub(crate) required: bool,
    /// The record among the parameters in which it lies on the wire; none for one at the top.
    pub(crate) inside: Option<Inside>,
}

/// A record whose fields are parameters of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inside {
    pub(crate) name: String,
    /// Whether it has to be sent even when none of its fields is given.
    pub(crate) required: bool,
}

impl Client {
    pub(crate) fn new(api: &Api) -> Result<Self> {
        let mut nouns = Vec::new();
        for (name, doc) in NOUNS {
            let rows = api.operations.iter().filter(|row| row.name.split('.').next() == Some(name));
            let methods = rows
                .map(|row| {
                    method(api, row).with_context(|| format!("the client method of {}", row.name))
                })
                .collect::<Result<_>>()?;
            nouns.push(Noun { name, doc, methods });
        }
        let definitions = api
            .records
            .iter()
            .map(|(name, schema)| {
                let definition =
                    definition(api, schema).with_context(|| format!("the type {name}"))?;
                Ok((name.clone(), definition))
            })
            .collect::<Result<_>>()?;
        let (positional, keywords) = parameters(api, &api.open)?;
        Ok(Self { nouns, open: positional.into_iter().chain(keywords).collect(), definitions })
    }

    /// The names of all types a client uses to say or hear something: those of the definitions that
    /// are not only the frame parameters are sent in.
    pub(crate) fn spoken(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let mut todo: Vec<&Type> = Vec::new();
        for method in self.nouns.iter().flat_map(|noun| &noun.methods) {
            todo.extend(method.positional.iter().chain(&method.keywords).map(|p| &p.kind));
            match &method.gives {
                Gives::Nothing => {}
                Gives::Value(of) | Gives::Run(of) | Gives::Runs(of) => todo.push(of),
                Gives::Pages { page, item } => {
                    names.insert(page.as_str());
                    todo.push(item);
                    todo.extend(self.types_in(page));
                }
            }
        }
        // What every client speaks of itself, whatever the rows are.
        let own = ["ErrorInfo", "ErrorKind", "Started", "StartedMany", "Refused"];
        for name in own {
            names.insert(name);
            todo.extend(self.types_in(name));
        }
        todo.extend(self.open.iter().map(|parameter| &parameter.kind));
        while let Some(kind) = todo.pop() {
            for name in kind.names() {
                if names.insert(name) {
                    todo.extend(self.types_in(name));
                }
            }
        }
        names
    }

    fn types_in(&self, name: &str) -> Vec<&Type> {
        let found = self.definitions.iter().find(|(known, _)| known == name);
        found.map(|(_, definition)| definition.types()).unwrap_or_default()
    }
}

fn method(api: &Api, row: &Row) -> Result<Method> {
    let (_, verb) = row.name.split_once('.').context("a name is noun.verb")?;
    let (positional, keywords) = parameters(api, &row.params)?;
    let mut names = BTreeSet::new();
    for parameter in positional.iter().chain(&keywords) {
        ensure!(names.insert(&parameter.name), "two parameters are called {}", parameter.name);
    }
    Ok(Method {
        operation: row.name,
        verb,
        doc: row.doc.clone(),
        positional,
        keywords,
        gives: gives(api, row)?,
    })
}

/// What may be given by position, and what by name only.
fn parameters(api: &Api, params: &Value) -> Result<(Vec<Parameter>, Vec<Parameter>)> {
    let record = api.resolve(params)?;
    let mut positional = Vec::new();
    let mut optional = Vec::new();
    let mut keywords = Vec::new();
    for field in fields_of(api, record)? {
        let schema = &record["properties"][&field.name];
        if schema["x-spread"] == true {
            let inside = Inside { name: field.name, required: field.required };
            for field in fields_of(api, api.resolve(schema)?)? {
                let place = if field.required { &mut positional } else { &mut keywords };
                place.push(Parameter::new(field, Some(inside.clone())));
            }
        } else if field.required {
            positional.push(Parameter::new(field, None));
        } else if schema["x-positional"] == true {
            optional.push(Parameter::new(field, None));
        } else {
            keywords.push(Parameter::new(field, None));
        }
    }
    positional.extend(optional);
    Ok((positional, keywords))
}

impl Parameter {
    fn new(field: Field, inside: Option<Inside>) -> Self {
        let Field { name, doc, kind, required, .. } = field;
        Self { name, doc, kind, required, inside }
    }
}

fn gives(api: &Api, row: &Row) -> Result<Gives> {
    let result = Type::of(&row.result)?;
    let named = || match &result {
        Type::Named(name) => Ok(name.clone()),
        other => bail!("it gives {other:?}, which has no name"),
    };
    let outcome = || Type::of(row.outcome.as_ref().context("its runs result in nothing")?);
    Ok(match row.shape {
        "value" if matches!(&result, Type::Named(name) if name == "Done") => Gives::Nothing,
        "value" => Gives::Value(result),
        "page" => {
            let items = &api.resolve(&row.result)?["properties"]["items"]["items"];
            Gives::Pages { page: named()?, item: Type::of(items)? }
        }
        "run" => match named()?.as_str() {
            "Started" => Gives::Run(outcome()?),
            "StartedMany" => Gives::Runs(outcome()?),
            other => bail!("a run operation gives Started or StartedMany, not {other}"),
        },
        other => bail!("no client knows the shape {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_by_position_and_by_name() {
        let api = Api::read().expect("the table can be read");
        let client = Client::new(&api).expect("a client can be made of it");
        let method = |operation: &str| {
            let mut methods = client.nouns.iter().flat_map(|noun| &noun.methods);
            methods.find(|method| method.operation == operation).expect("is there")
        };
        let names = |parameters: &[Parameter]| {
            parameters.iter().map(|parameter| parameter.name.clone()).collect::<Vec<_>>()
        };
        let search = method("assets.search");
        assert_eq!(names(&search.positional), ["text"]);
        assert!(!search.positional[0].required);
        assert!(names(&search.keywords).contains(&"kinds".to_owned()));

        let add = method("annotations.add");
        assert_eq!(names(&add.positional), ["asset", "kind"]);
        let inside = Inside { name: "annotation".to_owned(), required: true };
        assert_eq!(add.positional[1].inside, Some(inside));

        let ingest = method("assets.ingest");
        assert_eq!(ingest.positional[0].kind, Type::Path);
        assert!(matches!(&ingest.gives, Gives::Run(Type::Named(name)) if name == "Asset"));
        let spoken = client.spoken();
        assert!(spoken.contains("Hit") && !spoken.contains("IngestFile"), "{spoken:?}");
    }
}
