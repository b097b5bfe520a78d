//! From a file to an edit that opens in other programs:
//! `cargo run -p emam-examples --bin quickstart -- clip.mov`.

use emam_core::backend::catalog::{FacetField, Query};
use emam_core::library::{ArchiveRequest, ClipRequest, ExportOptions, RestoreRequest};
use emam_core::model::{AnnotationKind, BinTarget, NewAnnotation, StorageClass};
use emam_core::time::{Rate, TimeRange};
use emam_core::workflow::IngestOptions;
use emam_core::{Library, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let clip = std::env::args().nth(1).unwrap_or_else(|| "clip.mov".to_owned());
    // readme:start
    let library = Library::open("media").await?;
    let tags = vec!["rain".to_owned()];
    let mut run =
        library.assets().ingest(&clip, IngestOptions { tags, ..Default::default() }).await?;
    while let Some(progress) = run.progress().await? {
        println!("{} {:.0} %", progress.step, progress.fraction * 100.0);
    }
    let asset = run.join().await?;

    let range = TimeRange::new(0, 50, Rate::FPS_25)?; // frames 0 to 49 of the media
    let opening = NewAnnotation::new(AnnotationKind::Subclip).at(range).named("opening");
    let opening = library.annotations().add(asset.id, opening).await?;
    let hits = library.assets().search(Query::text("rain").facet(FacetField::Codec)).await?;

    let promo = library.projects().create("Promo").await?;
    library.bins().add(promo.root_bin, BinTarget::Asset { asset: asset.id }).await?;
    let cut = library.sequences().create(promo.id, "Rough cut", Rate::FPS_25).await?;
    library.sequences().append(cut.id, &hits.items[0]).await?;
    library.sequences().append(cut.id, ClipRequest::from(&opening)).await?;
    library.sequences().export(cut.id, "rough.otio", ExportOptions::default()).await?;

    let cold = ArchiveRequest { assets: vec![asset.id], storage_class: StorageClass::DeepArchive };
    println!("archiving {} bytes", library.archive().plan_store(&cold).await?.quote.bytes);
    library.archive().store(&cold).await?[0].join().await?; // the proxy stays
    library.archive().restore(&RestoreRequest::new(asset.id)).await?[0].join().await?;
    // readme:end
    library.close().await;
    Ok(())
}
