//! Benchmarks of emam beside a peer in the same run: `cargo xtask bench NAME`.
//!
//! Absolute times mean nothing on a shared machine, so goals are ratios: rounds of both are
//! interleaved, the cheapest round counts, CPU before wall.

mod bindings;
mod catalog;
mod cost;
mod ingest;
mod report;
mod timeline;
mod transfer;

use std::process::ExitCode;

use clap::Parser;

/// Measures emam beside a peer in the same run.
#[derive(Debug, Parser)]
enum Bench {
    /// An ingest beside one hand-written ffmpeg command and beside ten separate ones.
    Ingest(ingest::Arguments),
    /// Calls from Python and Node beside the same calls from Rust.
    Bindings(bindings::Arguments),
    /// The catalog of a great library beside plain SQL on the same rows.
    Catalog(catalog::Arguments),
    /// Bytes to and from S3 beside the Rust transfer manager, s5cmd and boto3.
    Transfer(transfer::Arguments),
    /// Timeline files beside OpenTimelineIO, its adapters and ffcine-import.
    Timeline(timeline::Arguments),
    /// Inserts assets until it is killed; used by `catalog`.
    #[command(hide = true)]
    CatalogFeed(catalog::Feed),
    /// One ingest in a process of its own; used by `ingest`.
    #[command(hide = true)]
    IngestOnce(ingest::Once),
    /// One operation on a timeline in a process of its own; used by `timeline`.
    #[command(hide = true)]
    TimelineOnce(timeline::Once),
    /// One transfer in a process of its own; used by `transfer`.
    #[command(hide = true)]
    TransferOnce(transfer::Once),
    /// The server that costs next to nothing; used by `transfer`.
    #[command(hide = true)]
    TransferSink(transfer::Sink),
}

fn main() -> ExitCode {
    let result = match Bench::parse() {
        Bench::Ingest(arguments) => ingest::bench(&arguments).map(|report| report.print()),
        Bench::Bindings(arguments) => bindings::bench(&arguments).map(|report| report.print()),
        Bench::Catalog(arguments) => {
            catalog::bench(&arguments).map(|report| report.print() || arguments.report)
        }
        Bench::CatalogFeed(arguments) => catalog::feed(&arguments).map(|()| true),
        Bench::Transfer(arguments) => transfer::bench(&arguments).map(|report| report.print()),
        Bench::Timeline(arguments) => timeline::bench(&arguments).map(|report| report.print()),
        Bench::TimelineOnce(arguments) => timeline::once(&arguments).map(|()| true),
        Bench::TransferOnce(arguments) => transfer::once(&arguments).map(|()| true),
        Bench::TransferSink(arguments) => transfer::serve(&arguments).map(|()| true),
        Bench::IngestOnce(arguments) => ingest::once(&arguments).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
