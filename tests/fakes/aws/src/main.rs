//! The program `emam-awsim`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use emam_awsim::library::{self, Options};

/// An emulated AWS account for tests: MediaConvert, Rekognition, Transcribe, Glacier vaults, and
/// S3 with a restore clock.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The address of the S3 behind the account
    #[arg(long)]
    s3: String,
    /// The address of the account's SQS; that of S3 when absent
    #[arg(long)]
    sqs: Option<String>,
    /// The address of the queue events go to
    #[arg(long)]
    events_queue: Option<String>,
    /// The ffmpeg program
    #[arg(long, default_value = "ffmpeg")]
    ffmpeg: PathBuf,
    /// The ffprobe program
    #[arg(long, default_value = "ffprobe")]
    ffprobe: PathBuf,
    /// How many times as fast as real time the account's clock runs
    #[arg(long, default_value_t = 1.0)]
    clock_factor: f64,
    /// A file to write the own address to when ready
    #[arg(long)]
    url_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut handle = library::start(Options {
        listen: arguments.listen,
        sqs: arguments.sqs.unwrap_or_else(|| arguments.s3.clone()),
        s3: arguments.s3,
        events_queue: arguments.events_queue,
        ffmpeg: arguments.ffmpeg,
        ffprobe: arguments.ffprobe,
        clock_factor: arguments.clock_factor,
    })
    .await?;
    println!("{}", handle.url);
    if let Some(file) = arguments.url_file {
        // Whoever waits for the file must not read half an address.
        let part = file.with_extension("part");
        std::fs::write(&part, &handle.url)
            .and_then(|()| std::fs::rename(&part, &file))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    tokio::select! {
        () = handle.join() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}
