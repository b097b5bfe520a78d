//! `emam call`: any operation by its name.

use std::io::Read;

use clap::Args;

use super::output::Failure;
use super::session::{Session, Use};
use crate::api;
use crate::error::{Error, ErrorKind, Result};

/// Does any operation by its name, with JSON in and JSON out.
///
/// The same operations in every language; docs/reference/operations.md has what each takes and
/// gives.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  emam call --list
  emam call projects.create '{\"name\": \"Promo\"}'
  echo '{\"text\": \"rain\", \"facets\": [\"codec\"]}' | emam call assets.search - | jq .facets")]
pub(super) struct Arguments {
    /// The operation, for example `assets.search`.
    #[arg(required_unless_present = "list")]
    operation: Option<String>,
    /// Its parameters; `-` reads them from standard input.
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    params: Option<String>,
    /// Lists the operations.
    #[arg(long, conflicts_with = "operation")]
    list: bool,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    let Some(operation) = arguments.operation else { return list(session) };
    let params = match arguments.params {
        Some(params) if params == "-" => from_stdin().await?,
        Some(params) => params,
        None => String::new(),
    };
    let library = session.open(Use::Work).await?;
    session.out.raw(&library.call_json(&operation, &params).await?)
}

fn list(session: &Session) -> Result<(), Failure> {
    for operation in api::operations() {
        let line = operation.doc.lines().next().unwrap_or_default().trim();
        session.out.record(&operation.name, |name| format!("{name:<24} {line}"))?;
    }
    Ok(())
}

async fn from_stdin() -> Result<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    });
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::InvalidInput, "cli.call", "standard input is no text")
            .caused_by(cause)
    };
    read.await.map_err(|cause| failed(cause.into()))?.map_err(|cause| failed(cause.into()))
}
