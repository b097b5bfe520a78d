//! What every emulated service is: operations by name, JSON in, JSON out.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

/// One emulated service. Its input was checked against the public service model before; what it
/// answers is put into the service's own wire form by the server.
#[async_trait]
pub trait Service: fmt::Debug + Send + Sync {
    /// Answers one operation, for example `CreateJob`.
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Fault>;
}

/// An error as the service tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: u16,
    /// The code, for example `BadRequestException`.
    pub code: String,
    /// The message for people.
    pub message: String,
}

impl Fault {
    /// An error with this status, code and message.
    pub fn new(status: u16, code: &str, message: impl fmt::Display) -> Self {
        Self { status, code: code.to_owned(), message: message.to_string() }
    }
}
