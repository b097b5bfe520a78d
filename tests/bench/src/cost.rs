//! What work costs: CPU seconds of this process and its ended children, wall time, memory.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

/// What a piece of work has cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Seconds of CPU, user and system, children included.
    pub(crate) cpu: f64,
    /// Seconds on the wall.
    pub(crate) wall: f64,
    /// Seconds of CPU, a second of wall, that everything else on the machine took meanwhile.
    pub(crate) other: f64,
}

/// Does `work` and measures it.
pub(crate) fn measure<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
    let (cpu, machine, begun) = (own_cpu()?, machine_cpu()?, Instant::now());
    let result = work()?;
    let wall = begun.elapsed().as_secs_f64();
    let cpu = own_cpu()? - cpu;
    let other = (machine_cpu()? - machine - cpu).max(0.0) / wall.max(1e-6);
    Ok((result, Cost { cpu, wall, other }))
}

/// The cheapest of several rounds: what is above it is noise of the machine.
pub(crate) fn least(rounds: &[Cost]) -> Cost {
    let least = |of: fn(&Cost) -> f64| rounds.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = rounds.iter().map(|cost| cost.other).fold(0.0, f64::max);
    Cost { cpu: least(|cost| cost.cpu), wall: least(|cost| cost.wall), other: most }
}

/// The most memory this process ever held, in MB.
pub(crate) fn peak_memory_mb() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("VmHWM")?;
    let kib: f64 = line.split_whitespace().nth(1).context("VmHWM")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// Ticks of the kernel's CPU accounting in a second; Linux has fixed it for user space.
const TICKS: f64 = 100.0;

fn own_cpu() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may hold spaces; utime, stime, cutime and cstime come 12 fields on.
    let fields = stat.rsplit_once(')').context("stat")?.1;
    let ticks: f64 =
        fields.split_whitespace().skip(11).take(4).filter_map(|t| t.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS)
}

fn machine_cpu() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let fields: Vec<f64> = stat
        .lines()
        .next()
        .context("stat")?
        .split_whitespace()
        .filter_map(|t| t.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal: all but the two that are no work.
    let work = fields.iter().take(8).enumerate().filter(|(i, _)| *i != 3 && *i != 4);
    Ok(work.map(|(_, ticks)| ticks).sum::<f64>() / TICKS)
}
