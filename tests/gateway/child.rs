//! Serves a library for tests that are no part of this process; see `fuzz.py`.
//!
//! `gateway_child [FOLDER]`: serves the library in the folder, or an empty one that is thrown away.
//! Prints its URL and serves until its standard input ends. Nobody works on runs: what is asked for
//! stays as it is. It works in a folder of its own, so that a path made up by a fuzzer finds nothing.

use std::io::{Read, Write};

use anyhow::Result;
use emam_core::Library;
use emam_core::gateway::{Gateway, GatewayOptions, UploadOptions};

#[tokio::main]
async fn main() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(std::path::absolute).transpose()?;
    let folder = given.unwrap_or_else(|| scratch.path().join("library"));
    let here = scratch.path().join("here");
    std::fs::create_dir(&here)?;
    std::env::set_current_dir(&here)?;

    let library = Library::builder().workers(0).open(folder).await?;
    let options = GatewayOptions {
        uploads: Some(UploadOptions::new(scratch.path().join("uploads"))),
        long_poll_ms: 500,
        ..GatewayOptions::default()
    };
    let server = Gateway::new(library.clone(), options)?.serve("127.0.0.1:0").await?;
    println!("{}", server.url());
    std::io::stdout().flush()?;
    // Whoever has started this closes its input, also by dying.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    server.shutdown().await;
    library.close().await;
    Ok(())
}
