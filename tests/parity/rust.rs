//! The cases in Rust, by name and JSON.

use std::path::Path;

use emam_core::api::{Shape, operation};
use emam_core::{Library, Result};
use serde_json::{Map, Value, json};

/// Does every case in order; what a case saves stands in the ones after it.
pub(crate) async fn speak(
    library: &Library,
    cases: &[Value],
    media: &Path,
    out: &Path,
) -> Vec<Value> {
    let mut known = Map::new();
    known.insert("media".to_owned(), json!(media));
    known.insert("out".to_owned(), json!(out));
    let mut heard = Vec::new();
    for case in cases {
        let name = case["call"].as_str().unwrap();
        let params = filled(&case["params"], &known);
        let gives = match call(library, name, params, case["start_only"] == true).await {
            Ok(result) => result,
            Err(error) => json!({ "error": error.to_info() }),
        };
        for (name, pointer) in case["save"].as_object().into_iter().flatten() {
            let value = gives.pointer(pointer.as_str().unwrap());
            known.insert(name.clone(), value.unwrap_or_else(|| panic!("{gives}")).clone());
        }
        heard.push(gives);
    }
    heard
}

async fn call(library: &Library, name: &str, params: Value, start_only: bool) -> Result<Value> {
    let started = match operation(name).unwrap().shape {
        Shape::Value => return library.call(name, params).await,
        Shape::Page => return pages(library, name, params).await,
        Shape::Run => library.call(name, params).await?,
    };
    let Some(runs) = started["runs"].as_array() else {
        return joined(library, &started, start_only).await;
    };
    let mut all = Vec::new();
    for run in runs {
        all.push(joined(library, run, start_only).await?);
    }
    Ok(json!({ "runs": all, "refused": started["refused"] }))
}

async fn joined(library: &Library, started: &Value, start_only: bool) -> Result<Value> {
    let mut shown = started.clone();
    if !start_only {
        shown["outcome"] = library.call("runs.join", json!({ "id": started["run"] })).await?;
    }
    Ok(shown)
}

/// The items of all pages, and what the first page says beside them.
async fn pages(library: &Library, name: &str, mut params: Value) -> Result<Value> {
    let mut first = None;
    let mut items = Vec::new();
    loop {
        let mut page = library.call(name, params.clone()).await?;
        items.extend(page["items"].take().as_array().unwrap().clone());
        let next = page["next"].take();
        first.get_or_insert(page);
        if next.is_null() {
            return Ok(json!({ "items": items, "first": first }));
        }
        match params.get_mut("page") {
            Some(page) => page["cursor"] = next,
            None => params["cursor"] = next,
        }
    }
}

/// `"$name"` is what was saved; `"$name/rest"` a path below it.
fn filled(params: &Value, known: &Map<String, Value>) -> Value {
    match params {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => match name.split_once('/') {
                Some((name, rest)) => {
                    json!(format!("{}/{rest}", known[name].as_str().unwrap()))
                }
                None => known[name].clone(),
            },
            None => params.clone(),
        },
        Value::Array(items) => items.iter().map(|item| filled(item, known)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), filled(value, known))).collect()
        }
        other => other.clone(),
    }
}
