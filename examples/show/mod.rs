//! Printing for the demo.

use std::path::Path;

use emam_core::backend::GetOptions;
use emam_core::backend::catalog::{AnnotationFilter, SearchPage};
use emam_core::id::AssetId;
use emam_core::library::RunHandle;
use emam_core::model::{Asset, Bin, Item, PageRequest, Rendition, Role, Sequence};
use emam_core::{Error, ErrorKind, Library, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub(crate) fn heading(text: &str) {
    println!("\n== {text}");
}

/// A name for the folder an asset's files are copied to.
pub(crate) fn folder_name(asset: &Asset) -> String {
    asset.file_name.chars().map(|c| if c.is_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

/// A line as `md5sum -c` reads it.
pub(crate) fn sum_line(md5: &str, file: &Path, folder: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let file = file.strip_prefix(folder).unwrap_or(file).display().to_string();
    // md5sum escapes names with backslashes and line breaks and says so with a leading backslash.
    let escaped = file.replace('\\', "\\\\").replace('\n', "\\n");
    let mark = if escaped == file { "" } else { "\\" };
    format!("{mark}{md5}  {escaped}\n")
}

/// Shows a bar for each run until all are done.
pub(crate) async fn follow(runs: Vec<RunHandle<Asset>>) -> Result<Vec<Asset>> {
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("{msg:32} [{bar:40}] {percent:>3} %")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let mut followed = Vec::new();
    for run in runs {
        let bar = bars.add(ProgressBar::new(1000).with_style(style.clone()));
        followed.push(tokio::spawn(async move {
            let mut run = run;
            while let Some(progress) = run.progress().await? {
                bar.set_message(progress.step.clone());
                bar.set_position((progress.fraction * 1000.0) as u64);
            }
            let asset = run.join().await?;
            bar.finish_with_message(asset.file_name.clone());
            Ok::<_, Error>(asset)
        }));
    }
    let mut assets = Vec::new();
    for task in followed {
        assets.push(task.await.map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "demo.ingest", "a task broke off").caused_by(cause)
        })??);
    }
    Ok(assets)
}

/// Prints what is known of an asset and copies its renditions beside it.
pub(crate) async fn asset(library: &Library, asset: &Asset, folder: &Path) -> Result<()> {
    let failed = |cause: std::io::Error| {
        Error::new(ErrorKind::Unavailable, "demo.copy", "a file cannot be copied").caused_by(cause)
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let media = asset.media.clone().unwrap_or_default();
    println!("\n{} ({:?}, {:?})", asset.file_name, asset.kind, asset.lifecycle);
    println!("  md5 {}  {} bytes", media.md5.as_deref().unwrap_or("-"), media.size);
    if let (Some(width), Some(height)) = (media.width, media.height) {
        println!("  {width}x{height} {}", media.video_codec.as_deref().unwrap_or("-"));
    }
    if let Some(duration) = media.duration {
        let rate =
            media.rate.map_or_else(String::new, |rate| format!(" at {rate} frames a second"));
        println!("  {}{rate}", crate::seconds(duration));
    }
    for rendition in library.assets().renditions(asset.id).await? {
        copy(library, &rendition, folder).await?;
        if rendition.role == Role::Original {
            technical(&rendition, folder)?;
        }
    }
    let page = PageRequest::first(1000);
    let found = library.annotations().list(asset.id, AnnotationFilter::default(), page).await?;
    for annotation in &found.items {
        let when = annotation.range.map_or_else(
            || "all of it".to_owned(),
            |range| {
                format!(
                    "{} to {}",
                    crate::seconds(range.start_time()),
                    crate::seconds(range.end_time())
                )
            },
        );
        let words = [annotation.name.as_str(), annotation.text.as_str()].join(" ");
        println!("  {:<10} {when}  {}", annotation.kind.as_str(), words.trim());
    }
    write_json(&folder.join("annotations.json"), &found.items)
}

async fn copy(library: &Library, rendition: &Rendition, folder: &Path) -> Result<()> {
    if rendition.role == Role::Original {
        return Ok(());
    }
    let mut names = Vec::new();
    for instance in &rendition.instances {
        let (asset, role, part) = (rendition.asset, rendition.role, instance.part);
        let name = instance.key.rsplit('/').next().unwrap_or(&instance.key).to_owned();
        fetch(library, asset, role, part, &folder.join(&name)).await?;
        names.push(name);
    }
    println!("  {:<12} {}", rendition.role.as_str(), shortened(&names));
    Ok(())
}

/// Writes a file of the library to `path`, wherever the library keeps it.
pub(crate) async fn fetch(
    library: &Library,
    asset: AssetId,
    role: Role,
    part: u32,
    path: &Path,
) -> Result<()> {
    let opened = library.assets().open(asset, role, part, GetOptions::default()).await?;
    let bytes = opened.object.bytes().await?;
    std::fs::write(path, bytes).map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "demo.write", "the file cannot be written")
            .with("path", path.display())
            .caused_by(cause)
    })
}

fn shortened(names: &[String]) -> String {
    match names {
        [first, .., last] if names.len() > 3 => {
            format!("{first} to {last} ({} files)", names.len())
        }
        names => names.join(", "),
    }
}

fn technical(original: &Rendition, folder: &Path) -> Result<()> {
    let Some(technical) = &original.technical else { return Ok(()) };
    if let Some(exif) = &technical.exif {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        println!(
            "  taken with {} {} at {}",
            text(&exif.make),
            text(&exif.model),
            text(&exif.taken_at)
        );
        if let (Some(latitude), Some(longitude)) = (exif.latitude, exif.longitude) {
            println!("  at {latitude:.5}, {longitude:.5}");
        }
    }
    write_json(&folder.join("technical.json"), technical)
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Unavailable, "demo.write", "the file cannot be written")
            .with("path", path.display())
            .caused_by(cause)
    };
    let text = serde_json::to_string_pretty(value).map_err(|cause| failed(cause.into()))?;
    std::fs::write(path, text).map_err(|cause| failed(cause.into()))
}

pub(crate) fn page(text: &str, page: &SearchPage) {
    println!("\"{text}\": {} found", page.total);
    for hit in &page.items {
        println!("  {}", hit.asset.title);
        for moment in &hit.moments {
            let at = moment.range.map_or_else(
                || "all of it".to_owned(),
                |range| format!("from {}", crate::seconds(range.start_time())),
            );
            let snippet = moment.snippet.replace('\u{e000}', "[").replace('\u{e001}', "]");
            println!("    {} {at}: {snippet}", moment.kind.as_str());
        }
    }
    for facet in &page.facets {
        let values: Vec<_> =
            facet.values.iter().map(|value| format!("{} ({})", value.value, value.count)).collect();
        println!("  {:?}: {}", facet.field, values.join(", "));
    }
}

pub(crate) fn bins(bins: &[Bin]) {
    for bin in bins {
        let mut depth = 0;
        let mut parent = bin.parent;
        while let Some(above) = bins.iter().find(|other| Some(other.id) == parent) {
            depth += 1;
            parent = above.parent;
        }
        println!("{}{} ({} items)", "  ".repeat(depth), bin.name, bin.items.len());
    }
}

pub(crate) fn sequence(sequence: &Sequence) {
    println!("{} at {} frames a second", sequence.name, sequence.rate);
    for track in &sequence.tracks {
        let items: Vec<_> = track
            .items
            .iter()
            .map(|item| match item {
                Item::Clip(clip) => format!("{} ({} frames)", clip.name, clip.duration),
                Item::Gap(gap) => format!("gap ({} frames)", gap.duration),
                Item::Transition(transition) => transition.kind.clone(),
            })
            .collect();
        println!("  {}: {}", track.name, items.join(" | "));
    }
}
