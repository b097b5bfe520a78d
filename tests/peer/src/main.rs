//! What ffcine-import makes of timelines, and what that costs it.
//!
//! `emam-peer list FILE RATE` prints its clips; `read FILE RATE` and `write FILE OUT` print seconds
//! of CPU of the operation alone and the most memory the process held, in KiB. All as JSON.

use std::error::Error;
use std::path::Path;

use ffcine_import::{ImportOptions, import};
use ffcine_timeline::Timeline;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match arguments[..] {
        ["list", file, rate] => list(&read(file, rate)?),
        ["read", file, rate] => {
            let begun = cpu();
            let timeline = read(file, rate)?;
            let spent = cpu() - begun;
            cost(spent, timeline.clips().len())?
        }
        ["write", file, out] => {
            let timeline = read(file, "25")?;
            let begun = cpu();
            timeline.to_file(out)?;
            let spent = cpu() - begun;
            cost(spent, timeline.clips().len())?
        }
        _ => return Err("usage: emam-peer list|read FILE RATE, or write FILE OUT".into()),
    };
    println!("{told}");
    Ok(())
}

/// Reads a file at this rate (of EDLs, which have none).
fn read(file: &str, rate: &str) -> Result<Timeline, Box<dyn Error>> {
    let rate = match rate.split_once('/') {
        Some((num, den)) => num.parse::<f64>()? / den.parse::<f64>()?,
        None => rate.parse()?,
    };
    let rate = Some(rate).filter(|_| file.ends_with(".edl"));
    let options = ImportOptions { rate, ..ImportOptions::default() };
    Ok(import(Path::new(file), None, &options)?.timeline)
}

/// Each clip: kind and number of its track, name, start and duration in seconds.
fn list(timeline: &Timeline) -> Value {
    let clips = timeline.placed_clips().into_iter().map(|placed| {
        json!([placed.kind, placed.track, placed.clip.name, placed.start, placed.duration])
    });
    json!({"name": timeline.name, "clips": clips.collect::<Value>()})
}

fn cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn cost(cpu: f64, clips: usize) -> Result<Value, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("VmHWM")?;
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse()?;
    Ok(json!({"cpu": cpu, "peak_kib": peak, "clips": clips}))
}
