//! `emam serve`: the library over HTTP.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output::Failure;
use super::session::{Session, Use};
use super::stop::Stop;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{DEFAULT_BIND, Gateway, GatewayOptions, UploadOptions};

/// Serves the library over HTTP, for editing panels, browsers and other machines.
///
/// Prints the address it is reached by and serves until it is interrupted; requests under way then
/// end first. It works on runs too. Without tokens it listens on loopback addresses only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  emam serve --library media
  emam serve --library media --allow-origin https://mam.example.com --token-file tokens.txt
  emam serve --library media --bind 0.0.0.0:4700 --token-file tokens.txt --allow-host mam.local")]
pub(super) struct Arguments {
    /// The address to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_BIND)]
    bind: String,
    /// A bearer token that is valid; may be given many times. Other users of this machine can see
    /// it: prefer --token-file.
    #[arg(long = "token", value_name = "TOKEN")]
    tokens: Vec<String>,
    /// A file with valid bearer tokens, one a line.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// An origin of web pages that may use it; may be given many times.
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allow_origins: Vec<String>,
    /// A name it is reached by, besides its own address; may be given many times.
    #[arg(long = "allow-host", value_name = "HOST")]
    allow_hosts: Vec<String>,
    /// Where clients find it, where that is not the address it listens on.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// An operation that is not served, for example `assets.path`; may be given many times.
    #[arg(long = "refuse", value_name = "OPERATION")]
    refuse_operations: Vec<String>,
    /// Takes resumable uploads into this folder, best on the disk of the library.
    #[arg(long, value_name = "DIR")]
    uploads: Option<PathBuf>,
    /// A JSON file with these and all other options of the gateway; what is given here adds to it.
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,
}

/// What is printed once it listens.
#[derive(Debug, Serialize)]
struct Listening {
    url: String,
}

pub(super) async fn run(
    session: &Session,
    arguments: Arguments,
    stop: &Stop,
) -> Result<(), Failure> {
    let bind = arguments.bind.clone();
    let options = options(arguments)?;
    let library = session.open_or_make(Use::Work).await?;
    let server = Gateway::new(library, options)?.serve(&bind).await?;
    session.out.record(&Listening { url: server.url() }, |listening| listening.url.clone())?;
    stop.asked().await;
    server.shutdown().await;
    Ok(())
}

fn options(arguments: Arguments) -> Result<GatewayOptions> {
    let mut options = match &arguments.options {
        Some(file) => GatewayOptions::from_json(&text_of(file)?)
            .map_err(|error| error.with("file", file.display()))?,
        None => GatewayOptions::default(),
    };
    options.tokens.extend(arguments.tokens);
    if let Some(file) = &arguments.token_file {
        let tokens = text_of(file)?;
        let tokens = tokens.lines().map(str::trim).filter(|token| !token.is_empty());
        options.tokens.extend(tokens.map(str::to_owned));
    }
    options.allow_origins.extend(arguments.allow_origins);
    options.allow_hosts.extend(arguments.allow_hosts);
    options.refuse_operations.extend(arguments.refuse_operations);
    options.public_url = arguments.public_url.or(options.public_url);
    options.uploads = arguments.uploads.map(UploadOptions::new).or(options.uploads);
    Ok(options)
}

fn text_of(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|cause| {
        Error::new(ErrorKind::NotFound, "cli.serve", "this file cannot be read")
            .with("file", file.display())
            .caused_by(cause)
    })
}
