//! One clip through a real account: ingest, archive, restore, delete. It costs money, and says how
//! much before it begins.
//!
//! `cargo run -p emam-examples --features aws --bin aws_smoke -- --settings settings.json --yes
//! clip.mov`, where the settings are the output `Settings` of the stack `emam-aws/deploy/emam.yaml`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use emam_aws::settings::AwsSettings;
use emam_core::backend::RestoreSpeed;
use emam_core::backend::catalog::AnnotationFilter;
use emam_core::library::{ArchiveRequest, RestoreRequest};
use emam_core::model::{PageRequest, StorageClass};
use emam_core::workflow::IngestOptions;
use emam_core::{Library, Result};

/// Takes one clip through a real account.
#[derive(Debug, Parser)]
struct Arguments {
    /// The settings: the output `Settings` of the stack.
    #[arg(long)]
    settings: PathBuf,
    /// The folder of the catalog; a new one.
    #[arg(long, default_value = "aws-smoke")]
    folder: PathBuf,
    /// How many minutes the clip is long, for the estimate.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Does it. Without this only the estimate is printed.
    #[arg(long)]
    yes: bool,
    /// The clip. A short one: up to 250 MB an Expedited restore takes minutes.
    clip: PathBuf,
}

/// What the account is billed for a minute of media or for the whole, in US dollars: list prices of
/// us-east-1 as remembered in 2026, rounded up. The price pages of the services have today's.
const PRICES: [(&str, f64, f64); 5] = [
    ("MediaConvert, a proxy of up to 540 lines, stills, sound", 0.0, 0.02),
    ("Rekognition, each kind that is looked for", 0.0, 0.10),
    ("Transcribe", 0.0, 0.024),
    ("Expedited restore, one request and its bytes", 0.02, 0.0),
    // The archive class bills at least 90 days of each object.
    ("S3, requests and 90 days of a clip of up to 250 MB", 0.01, 0.0),
];

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match Box::pin(smoke(&arguments)).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.report());
            std::process::ExitCode::FAILURE
        }
    }
}

async fn smoke(arguments: &Arguments) -> Result<()> {
    let settings = AwsSettings::from_file(&arguments.settings)?;
    estimate(&settings, arguments.minutes);
    if !arguments.yes {
        println!("Nothing was done. Say --yes to do it.");
        return Ok(());
    }
    let library = open(&arguments.folder, &arguments.settings).await?;
    let done = Box::pin(one_clip(&library, arguments)).await;
    library.close().await;
    done
}

async fn open(folder: &Path, settings: &Path) -> Result<Library> {
    // readme:start
    let settings = AwsSettings::from_file(settings)?; // what the stack puts out as `Settings`
    let library = Box::pin(emam_aws::open(folder, settings)).await?;
    // readme:end
    Ok(library)
}

fn estimate(settings: &AwsSettings, minutes: f64) {
    println!("{minutes} minutes in stack {}, at most about (US dollars):", settings.stack);
    let mut total = 0.0;
    for (what, once, a_minute) in PRICES {
        let times = if what.starts_with("Rekognition") { settings.analyze.len().max(1) } else { 1 };
        let cost = once + a_minute * minutes * times as f64;
        total += cost;
        println!("  {cost:>7.3}  {what}");
    }
    println!("  {total:>7.3}  in all");
}

async fn one_clip(library: &Library, arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let says = |what: &str| println!("{:>5} s  {what}", begun.elapsed().as_secs());
    let mut run = library.assets().ingest(&arguments.clip, IngestOptions::default()).await?;
    let mut last = String::new();
    while let Some(progress) = run.progress().await? {
        if progress.step != last {
            says(&progress.step);
            last = progress.step;
        }
    }
    let asset = run.join().await?;
    says("ready");
    for rendition in library.assets().renditions(asset.id).await? {
        println!("         {} ({} files)", rendition.role.as_str(), rendition.instances.len());
    }
    let page = PageRequest::first(1000);
    let found = library.annotations().list(asset.id, AnnotationFilter::default(), page).await?;
    println!("         {} annotations", found.items.len());

    let store = ArchiveRequest { assets: vec![asset.id], storage_class: StorageClass::Archive };
    // With `archive.mode` = `tag` a lifecycle rule moves it within a day or two: run with `immediate`
    // to see it in one sitting.
    join_all(library.archive().store(&store).await?).await?;
    says("archived");
    let request =
        RestoreRequest { speed: RestoreSpeed::Expedited, ..RestoreRequest::new(asset.id) };
    join_all(library.archive().restore(&request).await?).await?;
    says("restored");
    library.assets().delete(asset.id, false).await?;
    says("deleted");
    Ok(())
}

async fn join_all(runs: Vec<emam_core::library::RunHandle>) -> Result<()> {
    for run in runs {
        run.join().await?;
    }
    Ok(())
}
