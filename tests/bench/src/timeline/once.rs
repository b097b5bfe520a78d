//! One operation of emam on a timeline, in a process of its own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use emam_core::clock::SystemClock;
use emam_core::time::Rate;
use emam_core::timeline::format::{Document, Format, ReadOptions, WriteOptions};
use serde_json::json;

/// Reads a timeline, or reads one and writes it, and prints what that cost.
#[derive(Debug, clap::Args)]
pub(crate) struct Once {
    /// The file read.
    from: PathBuf,
    /// The file written; then writing alone is measured.
    to: Option<PathBuf>,
}

pub(crate) fn once(arguments: &Once) -> Result<()> {
    let begun = cpu();
    let mut document = read(&arguments.from)?;
    let mut spent = cpu() - begun;
    if let Some(to) = &arguments.to {
        let format = Format::of_path(to)?;
        let begun = cpu();
        let mut options = WriteOptions::default();
        // Else an EDL ends with its 999th event.
        options.long_reels = true;
        let written = format.write(&document, &options)?;
        written.save(to, &SystemClock)?;
        spent = cpu() - begun;
    }
    let clips = document.sequences.swap_remove(0).clips().count();
    ensure!(clips > 0, "{} has no clip", arguments.from.display());
    let peak = crate::cost::peak_memory_mb()? * 1e6 / 1024.0;
    println!("{}", json!({"cpu": spent, "peak_kib": peak, "clips": clips}));
    Ok(())
}

fn read(path: &Path) -> Result<Document> {
    let options = ReadOptions::default().with_rate(Rate::FPS_25);
    let found = Format::read_file(path, &options, &SystemClock)
        .with_context(|| format!("reading {}", path.display()))?;
    Ok(found.document)
}

/// Seconds of CPU of this process.
fn cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
