//! `bench bindings`: what a call costs in Python and Node beside the same call in Rust, and what
//! starting costs beside a client everybody knows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use emam_core::Library;
use emam_core::id::AssetId;
use emam_core::model::PageRequest;
use emam_core::workflow::IngestOptions;
use serde_json::Value;

use crate::report::Report;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Fewer rounds and events: a look instead of a judgement.
    #[arg(long)]
    quick: bool,
    /// A Python interpreter that has emam and boto3.
    #[arg(long, env = "EMAM_BENCH_PYTHON")]
    python: PathBuf,
    /// A file beside which Node finds the package emam.
    #[arg(long, env = "EMAM_BENCH_NODE")]
    node: PathBuf,
}

/// How many records a page of them holds.
const RECORDS: i64 = 1000;

pub(crate) fn bench(arguments: &Arguments) -> Result<Report> {
    let events = if arguments.quick { 10_000 } else { 100_000 };
    let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let asset = runtime.block_on(fill(folder.path()))?;
    log_events(folder.path(), events)?;

    let mut report = Report::new("bindings, the least of the rounds");
    let (get_us, page_ms) = runtime.block_on(in_rust(folder.path(), asset))?;
    report.fact("Rust", format!("get {get_us:.1} µs, a page of {RECORDS} {page_ms:.2} ms"));

    let started = |what: &str| {
        let script = here("start.py");
        run(Command::new(&arguments.python).arg(script).arg(what).arg(folder.path()))
    };
    let (mut ours, mut peers, mut memory) = (vec![], vec![], f64::INFINITY);
    for _ in 0..if arguments.quick { 3 } else { 10 } {
        let start = started("emam")?;
        ours.push(number(&start, "cpu_s")?);
        memory = memory.min(number(&start, "peak_mb")?);
        peers.push(number(&started("boto3")?, "cpu_s")?);
    }
    let least = |rounds: &[f64]| rounds.iter().copied().fold(f64::INFINITY, f64::min);
    let (ours, peer) = (least(&ours), least(&peers));
    report.fact("Python: import and open", format!("{ours:.3} s CPU; boto3 with S3 {peer:.3} s"));
    report.at_most("Python: import and open, CPU to boto3 with S3", ours / peer, 0.25);
    report.at_most("Python: memory after that, MB", memory, 40.0);

    let measure = |command: &mut Command| {
        let rest = [asset.to_string(), events.to_string()];
        run(command.arg(folder.path()).args(rest))
    };
    let python = measure(Command::new(&arguments.python).arg(here("measure.py")))?;
    // What is garbage is no growth: the script collects it before it looks.
    let mut node = Command::new("node");
    let node = measure(node.arg("--expose-gc").arg(here("measure.mjs")).arg(&arguments.node))?;
    for (language, told) in [("Python", &python), ("Python, aio", &python["aio"]), ("Node", &node)]
    {
        let extra = number(told, "get_us")? - get_us;
        report.at_most(&format!("{language}: a get above Rust's, µs"), extra, 20.0);
    }
    let extra = number(&python, "page_ms")? - page_ms;
    report.fact("Python", format!("a page of {RECORDS} {:.2} ms", number(&python, "page_ms")?));
    report.at_most("Python: a page of 1,000 typed records above Rust's, ms", extra, 1.0);
    let (page, parse) = (number(&node, "page_ms")?, number(&node, "parse_ms")?);
    report.fact(
        "Node",
        format!("a page of {RECORDS} {page:.2} ms, its text and JSON.parse {parse:.2} ms"),
    );
    report.at_most("Node: a page of 1,000 records to JSON.parse of its text", page / parse, 1.1);
    for (language, told) in [("Python", &python), ("Node", &node)] {
        let growth = number(told, "events_growth_mb")?;
        let seconds = number(told, "events_s")?;
        report.fact(language, format!("{events} events in {seconds:.1} s"));
        report.at_most(&format!("{language}: memory grown over {events} events, MB"), growth, 8.0);
    }
    Ok(report)
}

/// A library with one asset and a page full of projects.
async fn fill(folder: &Path) -> Result<AssetId> {
    let library = Library::open(folder).await?;
    let tone = Path::new(env!("CARGO_MANIFEST_DIR")).join("../parity/tone.wav");
    let asset = library.assets().ingest(tone, IngestOptions::default()).await?.join().await?;
    for number in 0..RECORDS {
        library.projects().create(&format!("Project {number}")).await?;
    }
    library.close().await;
    Ok(asset.id)
}

/// Writes events past the library: making so many one by one would take minutes.
fn log_events(folder: &Path, count: usize) -> Result<()> {
    let catalog = rusqlite::Connection::open(folder.join("catalog.db"))?;
    let written = catalog.execute(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
         INSERT INTO event (at, topic, subject, revision, data)
         SELECT e.at, e.topic, e.subject, e.revision, e.data
         FROM n, (SELECT * FROM event ORDER BY seq LIMIT 1) e",
        [i64::try_from(count)?],
    )?;
    if written != count {
        bail!("{written} events were written, not {count}");
    }
    Ok(())
}

/// Microseconds of a get, milliseconds of a page.
async fn in_rust(folder: &Path, asset: AssetId) -> Result<(f64, f64)> {
    let library = Library::open(folder).await?;
    let (mut get_us, mut page_ms) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        let begun = Instant::now();
        for _ in 0..2000 {
            library.assets().get(asset).await?;
        }
        get_us = get_us.min(begun.elapsed().as_secs_f64() * 1e6 / 2000.0);
        for _ in 0..20 {
            let begun = Instant::now();
            let page = library.projects().list(PageRequest::first(RECORDS)).await?;
            page_ms = page_ms.min(begun.elapsed().as_secs_f64() * 1e3);
            if page.items.len() != usize::try_from(RECORDS)? {
                bail!("a page of {} projects", page.items.len());
            }
        }
    }
    library.close().await;
    Ok((get_us, page_ms))
}

fn here(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bindings").join(script)
}

/// What a script tells of itself, as JSON.
fn run(command: &mut Command) -> Result<Value> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

fn number(told: &Value, name: &str) -> Result<f64> {
    told[name].as_f64().with_context(|| format!("{name} in {told}"))
}
