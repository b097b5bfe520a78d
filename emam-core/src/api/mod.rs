//! Every operation of the library, named once.
//!
//! This table is what every other language is made of: the Python and Node clients, the HTTP
//! gateway and the reference documentation are generated from it. An operation has a name
//! (`noun.verb`), a record of parameters, a record of results and a handler; adding one is a
//! handler in [`table`](operations) and nothing else.
//!
//! ```
//! # use emam_core::Library;
//! # async fn example(library: Library) -> emam_core::Result<()> {
//! let found = library.call("assets.search", serde_json::json!({ "text": "rain" })).await?;
//! assert_eq!(found["total"], 0);
//! # Ok(())
//! # }
//! assert!(emam_core::api::operation("assets.search").is_some());
//! ```

#[cfg(feature = "local")]
mod open;
mod params;
pub mod schema;
mod table;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use schemars::Schema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

#[cfg(feature = "local")]
pub use open::{OpenLibrary, open, open_with};
pub use params::*;
pub use table::{NOUNS, operations};

use crate::Library;
use crate::error::{Error, ErrorKind, Result};

/// What an operation gives, and so how a client wraps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A value.
    Value,
    /// A page with `items` and `next`: a client iterates over all pages.
    Page,
    /// A run under way, or a list of them: a client watches it and waits for its result.
    Run,
}

type Handler = fn(Library, &str) -> Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// One operation of the library.
pub struct Operation {
    /// Its name, `noun.verb`.
    pub name: &'static str,
    /// What it does, in the words of the documentation.
    pub doc: &'static str,
    /// What it gives.
    pub shape: Shape,
    /// The JSON Schema of its parameters.
    pub params: fn() -> Schema,
    /// The JSON Schema of its result.
    pub result: fn() -> Schema,
    /// The JSON Schema of what its runs result in, where it starts some.
    pub outcome: Option<fn() -> Schema>,
    handler: Handler,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Operation {
    /// Does the operation, from JSON to JSON.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) where the parameters are not its, naming the one
    /// that is wrong; else what the operation gives.
    pub async fn call(&self, library: &Library, params: &str) -> Result<String> {
        (self.handler)(library.clone(), params).await
    }
}

/// The operation of a name.
pub fn operation(name: &str) -> Option<&'static Operation> {
    operations().iter().find(|operation| operation.name == name)
}

/// Does an operation by name.
pub(crate) async fn call(library: &Library, name: &str, params: &str) -> Result<String> {
    match operation(name) {
        Some(operation) => operation.call(library, params).await,
        None => {
            let message = "there is no such operation; the reference and /v1/openapi.json list all";
            Err(Error::new(ErrorKind::NotFound, "call", message).with("operation", name))
        }
    }
}

/// Parameters out of JSON. No parameters at all are as good as an empty record.
fn read<T: DeserializeOwned>(operation: &'static str, params: &str) -> Result<T> {
    // What is right is read at once; what is wrong once more, for where it is wrong. A list would be
    // taken as the fields in their order, which is nobody's to rely on.
    let read = match params.trim_start().starts_with('[') {
        true => Err(serde::de::Error::custom("a list")),
        false => serde_json::from_str(params),
    };
    read.or_else(|wrong| read_again(operation, params, &wrong))
}

fn read_again<T: DeserializeOwned>(
    operation: &'static str,
    params: &str,
    wrong: &serde_json::Error,
) -> Result<T> {
    let is_empty = params.is_empty();
    let params = serde_json::from_str(if is_empty { "{}" } else { params }).map_err(|cause| {
        Error::invalid(operation, format!("the parameters are no JSON: {cause}"))
            .with("near", near(params, &cause))
    })?;
    let params = if params == Value::Null { Value::Object(Map::new()) } else { params };
    if !params.is_object() {
        let message = "the parameters are wrong: they are a record, as {\"name\": \"Promo\"}";
        return Err(Error::invalid(operation, message));
    }
    let read = serde_path_to_error::deserialize(params)
        .map_err(|cause| misread(operation, "the parameters", &cause))?;
    // Only a name that stands twice is lost on the way through a value.
    if wrong.is_data() && !is_empty && wrong.to_string().starts_with("duplicate field") {
        return Err(Error::invalid(operation, format!("the parameters are wrong: {wrong}")));
    }
    Ok(read)
}

/// Reads a record that is no operation's parameters, called `what` where it is wrong.
#[cfg(feature = "gateway")]
pub(crate) fn read_record<T: DeserializeOwned>(
    operation: &'static str,
    what: &str,
    text: &str,
) -> Result<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json)
        .map_err(|cause| misread(operation, what, &cause))?;
    json.end().map_err(|cause| Error::invalid(operation, format!("{what} are wrong: {cause}")))?;
    Ok(read)
}

/// Says where JSON is not the record it should be.
fn misread(
    operation: &'static str,
    what: &str,
    cause: &serde_path_to_error::Error<serde_json::Error>,
) -> Error {
    let path = cause.path().to_string();
    let error = Error::invalid(operation, format!("{what} are wrong: {}", cause.inner()));
    if path == "." { error } else { error.with("at", path) }
}

/// What stands before the place where JSON ends to be JSON, and a little of what is there.
fn near<'a>(text: &'a str, wrong: &serde_json::Error) -> &'a str {
    let line = text.lines().nth(wrong.line().saturating_sub(1)).unwrap_or_default();
    let start = line.floor_char_boundary(wrong.column().saturating_sub(40));
    let end = line.floor_char_boundary(wrong.column().saturating_add(8));
    &line[start..end]
}

/// A result as JSON.
fn write<T: serde::Serialize>(operation: &'static str, result: &T) -> Result<String> {
    serde_json::to_string(result).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, operation, "the result has no JSON").caused_by(cause)
    })
}
