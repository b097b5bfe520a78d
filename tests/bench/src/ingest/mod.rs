//! `bench ingest`: an ingest beside the commands an engineer would write by hand, in the same run.

mod clips;
mod peer;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use emam_core::Library;
use emam_core::model::{Lifecycle, Role};
use emam_core::workflow::IngestOptions;
use serde_json::{Value, json};

use crate::cost::{Cost, least, measure, peak_memory_mb};
use crate::report::Report;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Short clips: a look in minutes instead of a judgement.
    #[arg(long)]
    quick: bool,
    /// Only the clips whose name holds this, for example `720p`.
    #[arg(long, default_value = "")]
    clip: String,
    /// Rounds; the cheapest counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where clips are kept between runs.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

pub(crate) fn bench(arguments: &Arguments) -> Result<Report> {
    let mut report = Report::new("ingest, CPU seconds of all processes, least of the rounds");
    for clip in clips::clips(&arguments.folder, arguments.quick, &arguments.clip)? {
        let (mut ours, mut one, mut ten, mut told) = (vec![], vec![], vec![], Value::Null);
        for round in 0..arguments.rounds {
            eprintln!("{}: round {} of {}", clip.name, round + 1, arguments.rounds);
            ours.push(in_fresh_folder(|folder| {
                let output = Command::new(std::env::current_exe()?)
                    .arg("ingest-once")
                    .args([folder.join("library"), clip.path.clone()])
                    .output()?;
                if !output.status.success() {
                    bail!("{}", String::from_utf8_lossy(&output.stderr));
                }
                told = serde_json::from_slice(&output.stdout)?;
                Ok(())
            })?);
            one.push(in_fresh_folder(|folder| peer::one(&clip.path, folder))?);
            ten.push(in_fresh_folder(|folder| peer::ten(&clip.path, folder))?);
        }
        let (ours, one, ten) = (least(&ours), least(&one), least(&ten));
        report.fact(clip.name, format!(
            "emam {:.2} s, one command {:.2} s, ten commands {:.2} s; wall {:.2} / {:.2} / {:.2} s; \
             others took up to {:.2} CPU",
            ours.cpu, one.cpu, ten.cpu, ours.wall, one.wall, ten.wall, ours.other,
        ));
        if let Some(goal) = clip.to_one {
            report.at_most(&format!("{}: CPU to one command", clip.name), ours.cpu / one.cpu, goal);
        }
        report.at_most(
            &format!("{}: CPU to ten commands", clip.name),
            ours.cpu / ten.cpu,
            clip.to_ten,
        );
        let number = |name: &str| told[name].as_f64().with_context(|| format!("{name} in {told}"));
        // On short media what comes before the poster is all there is: the goal is for long ones.
        if clip.name.starts_with("1080p") && !arguments.quick {
            let part = number("poster_s")? / number("ready_s")?;
            report.at_most(
                &format!("{}: poster and facts, part of the ingest", clip.name),
                part,
                0.1,
            );
        }
        report.at_most(&format!("{}: our process, MB", clip.name), number("memory_mb")?, 100.0);
        report.at_most(&format!("{}: decodes of the source", clip.name), number("decodes")?, 1.0);
    }
    Ok(report)
}

fn in_fresh_folder(work: impl FnOnce(&Path) -> Result<()>) -> Result<Cost> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    Ok(measure(|| work(folder.path()))?.1)
}

/// One ingest in a process of its own: `ingest-once LIBRARY FILE` tells how it went as JSON.
#[derive(Debug, clap::Args)]
pub(crate) struct Once {
    library: PathBuf,
    file: PathBuf,
}

pub(crate) fn once(arguments: &Once) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let told = runtime.block_on(async {
        let library = Library::open(&arguments.library).await?;
        let begun = Instant::now();
        let run = library.assets().ingest(&arguments.file, IngestOptions::default()).await?;
        let id = run.asset_id().context("an ingest has an asset")?;
        let mut poster = None;
        let watch = async {
            loop {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                if let Ok(path) = library.assets().path(id, Role::Poster, 0).await {
                    let asset = library.assets().get(id).await?;
                    if asset.media.is_some_and(|media| media.width.is_some()) && path.exists() {
                        return anyhow::Ok(begun.elapsed());
                    }
                }
            }
        };
        let asset = tokio::select! {
            asset = run.join() => asset?,
            at = watch => {
                poster = Some(at?);
                run.join().await?
            }
        };
        let ready = begun.elapsed();
        if asset.lifecycle != Lifecycle::Ready {
            bail!("the asset is not ready: {asset:?}");
        }
        // What each rendition was made by is on record: one command that reads the source is one
        // decode of it.
        let renditions = library.assets().renditions(id).await?;
        let mut commands: Vec<_> = renditions
            .iter()
            .filter_map(|rendition| rendition.derivation.as_ref())
            .map(|derivation| derivation.arguments.clone())
            .collect();
        commands.dedup();
        library.close().await;
        anyhow::Ok(json!({
            "poster_s": poster.unwrap_or(ready).as_secs_f64(),
            "ready_s": ready.as_secs_f64(),
            "memory_mb": peak_memory_mb()?,
            "decodes": commands.len(),
        }))
    })?;
    println!("{told}");
    Ok(())
}
