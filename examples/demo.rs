//! The main job on real media, shown: `cargo xtask demo [FILE…]` runs it.

#[path = "show/exchange.rs"]
mod exchange;
mod show;

use std::path::{Path, PathBuf};

use clap::Parser;
use emam_core::backend::RestoreSpeed;
use emam_core::backend::catalog::{AnnotationFilter, FacetField, Query};
use emam_core::library::{ArchiveRequest, ClipRequest, RestoreRequest};
use emam_core::model::{
    AnnotationKind, Asset, AssetKind, BinTarget, NewAnnotation, PageRequest, Role, StorageClass,
};
use emam_core::time::{MediaTime, Rate, TimeRange};
use emam_core::workflow::IngestOptions;
use emam_core::{Error, ErrorKind, Library, Result};

/// Takes files through the whole library and keeps what comes of it.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder everything is kept in.
    #[arg(long)]
    out: PathBuf,
    /// The files to be ingested.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match demo(&arguments).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.report());
            std::process::ExitCode::FAILURE
        }
    }
}

async fn demo(arguments: &Arguments) -> Result<()> {
    let out = &arguments.out;
    // What an earlier demo has left would be found again as known content.
    let _ = std::fs::remove_dir_all(out);
    let library = Library::open(out.join("library")).await?;

    show::heading("Ingest");
    let assets = ingest(&library, &arguments.files).await?;
    let mut sums = String::new();
    for asset in &assets {
        let folder = out.join(show::folder_name(asset));
        show::asset(&library, asset, &folder).await?;
        let original = library.assets().path(asset.id, Role::Original, 0).await?;
        let md5 = asset.media.as_ref().and_then(|media| media.md5.clone()).unwrap_or_default();
        sums.push_str(&show::sum_line(&md5, &original, out));
    }
    write(&out.join("MD5SUMS"), &sums)?;

    let cut = assets.iter().find(|asset| asset.kind == AssetKind::Video);
    let cut = cut.or_else(|| assets.iter().find(|asset| asset.kind == AssetKind::Audio));
    if let Some(asset) = cut {
        edit(&library, asset, &assets, out).await?;
    }
    if let Some(asset) = assets.first() {
        archive(&library, asset).await?;
    }

    show::heading("Events");
    println!("{} events in the log", library.events().last().await?);
    library.close().await;
    println!("\nEverything is in {}", out.display());
    Ok(())
}

async fn ingest(library: &Library, files: &[PathBuf]) -> Result<Vec<Asset>> {
    let options = IngestOptions { tags: vec!["demo".to_owned()], ..IngestOptions::default() };
    let intake = library.assets().ingest_all(files, options).await?;
    if let Some(refused) = intake.refused.into_iter().next() {
        return Err(Error::from(refused.error));
    }
    show::follow(intake.runs).await
}

/// Marks, searches, organises and cuts.
async fn edit(library: &Library, asset: &Asset, all: &[Asset], out: &Path) -> Result<()> {
    let Some(duration) = asset.media.as_ref().and_then(|media| media.duration) else {
        return Ok(());
    };
    let part = |from: i64, to: i64| {
        let frame = |tenth: i64| duration.value() * tenth / 10;
        TimeRange::new(frame(from), (frame(to) - frame(from)).max(1), duration.rate())
    };
    let annotations = library.annotations();
    let subclip = NewAnnotation::new(AnnotationKind::Subclip).at(part(2, 6)?).named("best part");
    let subclip = annotations.add(asset.id, subclip).await?;
    let remark = NewAnnotation::new(AnnotationKind::Comment)
        .at(part(6, 8)?)
        .saying("The quick turn here is worth a look");
    annotations.add(asset.id, remark).await?;

    show::heading("Search");
    let facets = [FacetField::Kind, FacetField::Codec, FacetField::Tag];
    let everything = facets.into_iter().fold(Query::text("demo"), Query::facet);
    show::page("demo", &library.assets().search(everything).await?);
    let moments = library.assets().search(Query::text("quick turn")).await?;
    show::page("quick turn", &moments);

    show::heading("Project, bins and sequence");
    let project = library.projects().create("Promo").await?;
    let selects = library.bins().create(project.root_bin, "Selects").await?;
    let sound = library.bins().create(selects.id, "Sound").await?;
    for asset in all {
        let bin = if asset.kind == AssetKind::Audio { sound.id } else { selects.id };
        library.bins().add(bin, BinTarget::Asset { asset: asset.id }).await?;
    }
    let target = BinTarget::Subclip { asset: asset.id, annotation: subclip.id };
    library.bins().add(selects.id, target).await?;
    show::bins(&library.bins().list(project.id).await?);

    let rate = asset.media.as_ref().and_then(|media| media.rate).unwrap_or(Rate::FPS_25);
    let sequence = library.sequences().create(project.id, "Rough cut", rate).await?;
    for hit in &moments.items {
        library.sequences().append(sequence.id, hit).await?;
    }
    library.sequences().append(sequence.id, ClipRequest::from(&subclip)).await?;
    for still in all.iter().filter(|asset| asset.kind == AssetKind::Image) {
        library.sequences().append(sequence.id, still.id).await?;
    }
    let sequence = library.sequences().get(sequence.id).await?;
    show::sequence(&sequence);
    let target = BinTarget::Sequence { sequence: sequence.id };
    library.bins().add(project.root_bin, target).await?;
    exchange::write(library, &sequence, out).await?;
    exchange::relink(library, &sequence, out).await
}

/// Archives an original and gets it back.
async fn archive(library: &Library, asset: &Asset) -> Result<()> {
    show::heading("Archive and restore");
    let request =
        ArchiveRequest { assets: vec![asset.id], storage_class: StorageClass::DeepArchive };
    let plan = library.archive().plan_store(&request).await?;
    println!("{}: {} bytes go into the archive", asset.title, plan.quote.bytes);
    join_all(library.archive().store(&request).await?).await?;
    println!("  now {:?}", library.assets().availability(asset.id).await?);
    match library.assets().path(asset.id, Role::Original, 0).await {
        Err(error) if error.kind() == ErrorKind::NotReady => println!("  reading it: {error}"),
        Err(error) => return Err(error),
        Ok(path) => {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "demo.archive",
                "the archived original can be read",
            )
            .with("path", path.display()));
        }
    }
    let request = RestoreRequest { speed: RestoreSpeed::Standard, ..RestoreRequest::new(asset.id) };
    let plan = library.archive().plan_restore(&request).await?;
    println!("  restoring it takes {} ms", plan.quote.eta_ms);
    join_all(library.archive().restore(&request).await?).await?;
    let path = library.assets().path(asset.id, Role::Original, 0).await?;
    println!("  restored: {}", path.display());
    let filter = AnnotationFilter::default();
    let found = library.annotations().list(asset.id, filter, PageRequest::default()).await?;
    println!("  its {} annotations were there all the time", found.items.len());
    Ok(())
}

async fn join_all(runs: Vec<emam_core::library::RunHandle>) -> Result<()> {
    for run in runs {
        run.join().await?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "demo.write", "the file cannot be written")
            .with("path", path.display())
            .caused_by(cause)
    })
}

/// Seconds for people.
pub(crate) fn seconds(time: MediaTime) -> String {
    format!("{} s", time.to_decimal_seconds(3))
}
