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

mod params;
mod table;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use schemars::Schema;
use serde_json::Value;

pub use params::*;
pub use table::operations;

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

type Handler = fn(Library, Value) -> Pin<Box<dyn Future<Output = Result<Value>> + Send + 'static>>;

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
    handler: Handler,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Operation {
    /// Does the operation.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) where the parameters are not its, naming the one
    /// that is wrong; else what the operation gives.
    pub async fn call(&self, library: &Library, params: Value) -> Result<Value> {
        (self.handler)(library.clone(), params).await
    }
}

/// The operation of a name.
pub fn operation(name: &str) -> Option<&'static Operation> {
    operations().iter().find(|operation| operation.name == name)
}

/// Does an operation by name.
pub(crate) async fn call(library: &Library, name: &str, params: Value) -> Result<Value> {
    match operation(name) {
        Some(operation) => operation.call(library, params).await,
        None => Err(Error::invalid("call", "there is no such operation").with("operation", name)),
    }
}

/// Parameters out of JSON. No parameters at all are as good as an empty record.
fn read<T: serde::de::DeserializeOwned>(operation: &'static str, params: Value) -> Result<T> {
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    serde_path_to_error::deserialize(params).map_err(|cause| {
        let path = cause.path().to_string();
        let error =
            Error::invalid(operation, format!("the parameters are wrong: {}", cause.inner()));
        if path == "." { error } else { error.with("at", path) }
    })
}

/// A result as JSON.
fn write<T: serde::Serialize>(operation: &'static str, result: &T) -> Result<Value> {
    serde_json::to_value(result).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, operation, "the result has no JSON").caused_by(cause)
    })
}
