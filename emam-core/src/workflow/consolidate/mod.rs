//! Consolidate: the media of a sequence copied for hand-over, with the sequence beside it.
//!
//! All of it is put together in a hidden folder and named in the end: the folder is there whole or
//! not at all.

mod copying;
mod options;
mod planning;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use options::ConsolidateParams;
pub use options::{
    ConsolidateOptions, Consolidated, ConsolidatedFile, ConsolidationPlan, PlannedFile,
};

use copying::{Copy, copy};
use planning::WantedFile;

use crate::backend::Backends;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{RunId, SequenceId};
use crate::model::{Item, Role, RunKind};
use crate::time::MediaTime;
use crate::timeline::Issue;
use crate::timeline::format::{ClipMedia, Document, Format, WriteOptions, file_url};
use crate::workflow::cut::Cut;
use crate::workflow::{End, RunContext, Stop, Workflow};

pub(super) const OPERATION: &str = "sequences.consolidate";

/// Executes consolidation runs.
#[derive(Debug)]
pub(crate) struct Consolidate;

/// What was planned.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Planned {
    files: Vec<WantedFile>,
}

/// The sequence as files.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Described {
    names: Vec<String>,
    issues: Vec<Issue>,
}

#[async_trait]
impl Workflow for Consolidate {
    fn kind(&self) -> RunKind {
        RunKind::Consolidate
    }

    async fn run(&self, cx: &RunContext) -> Result<Value, Stop> {
        let params: ConsolidateParams = cx.params()?;
        let folder = hidden(&params.folder, cx.run().id);
        cx.backends().renderer.take_over(&folder).await?;
        let planned: Planned = cx
            .step("plan", |_| async {
                let cut = Cut::load(cx.backends(), params.sequence).await?;
                let files = planning::wanted(cx.backends(), &cut, &params.options).await?;
                tokio::fs::create_dir_all(&folder).await.map_err(|cause| disk(&folder, cause))?;
                Ok(Planned { files })
            })
            .await?;
        let mut copies = Vec::new();
        for (index, wanted) in planned.files.iter().enumerate() {
            let folder = &folder;
            let work = |step| async move { Ok(copy(cx, wanted, folder, &step).await?) };
            copies.push(cx.step(&format!("media.{:05}", index + 1), work).await?);
        }
        let described: Described = cx
            .step("describe", |_| async {
                let cut = Cut::load(cx.backends(), params.sequence).await?;
                Ok(describe(cut, &params, &folder, &planned.files, &copies).await?)
            })
            .await?;
        cx.step("finish", |_| async { Ok(finish(&folder, &params.folder).await?) }).await?;
        let files = planned.files.iter().zip(copies).map(|(wanted, copy)| ConsolidatedFile {
            asset: wanted.source.asset,
            path: params.folder.join(&wanted.name),
            size: copy.size,
            md5: copy.md5,
            first_frame: copy.first_frame,
            frames: copy.frames,
            note: copy.note,
        });
        let consolidated = Consolidated {
            files: files.collect(),
            sequences: described.names.iter().map(|name| params.folder.join(name)).collect(),
            folder: params.folder.clone(),
            issues: described.issues,
        };
        serde_json::to_value(consolidated).map_err(|cause| {
            let message = "what was consolidated has no JSON";
            Error::new(ErrorKind::Unexpected, OPERATION, message).caused_by(cause).into()
        })
    }

    async fn stopped(&self, cx: &RunContext, _: &End) -> Result<()> {
        let params: ConsolidateParams = cx.params()?;
        let folder = hidden(&params.folder, cx.run().id);
        cx.backends().renderer.take_over(&folder).await?;
        match tokio::fs::remove_dir_all(&folder).await {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|cause| disk(&folder, cause)),
        }
    }
}

/// What would be copied, without copying it.
pub(crate) async fn plan(
    backends: &Backends,
    sequence: SequenceId,
    options: &ConsolidateOptions,
) -> Result<ConsolidationPlan> {
    let cut = Cut::load(backends, sequence).await?;
    Ok(planning::told(&planning::wanted(backends, &cut, options).await?))
}

fn hidden(folder: &Path, run: RunId) -> PathBuf {
    folder.with_file_name(format!(".emam-consolidate-{}", run.uuid().simple()))
}

/// What the disk refuses.
fn disk(path: &Path, cause: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;

    let (kind, message) = match cause.kind() {
        Io::StorageFull | Io::QuotaExceeded => {
            (ErrorKind::Unavailable, "the disk is full; make room and try again")
        }
        Io::DirectoryNotEmpty | Io::AlreadyExists => {
            (ErrorKind::AlreadyExists, "there is something in the folder by now; name another")
        }
        Io::PermissionDenied | Io::ReadOnlyFilesystem => {
            (ErrorKind::PermissionDenied, "the folder may not be written to")
        }
        _ => (ErrorKind::Unavailable, "the disk refuses; try again"),
    };
    Error::new(kind, OPERATION, message).with("path", path.display()).caused_by(cause)
}

/// Writes the sequence beside its media, and the list of checksums.
async fn describe(
    cut: Cut,
    params: &ConsolidateParams,
    folder: &Path,
    files: &[WantedFile],
    copies: &[Copy],
) -> Result<Described> {
    let mut document = cut.document;
    let mut sums = String::new();
    for (wanted, copy) in files.iter().zip(copies) {
        sums += &format!("{}  {}\n", copy.md5, wanted.name);
        let url = file_url(&params.folder.join(&wanted.name))?;
        let mut media = document.media.get(&wanted.source).cloned().unwrap_or_default();
        media.name.clone_from(&wanted.name);
        media.urls = [(Role::Original, url)].into();
        media.summary.size = copy.size;
        media.summary.md5 = Some(copy.md5.clone());
        if let Some(frames) = copy.frames {
            shift(&mut media, copy.first_frame, frames)?;
        }
        document.media.insert(&wanted.source, media);
        move_clips(&mut document, wanted, copy.first_frame)?;
    }
    let safe = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    let name: String = document.main()?.name.chars().map(safe).take(80).collect();
    let stem = name.trim_start_matches('.').trim();
    let stem = if stem.is_empty() { "sequence" } else { stem };
    let (mut names, mut issues) = (Vec::new(), Vec::new());
    for format in [Format::Otio, Format::Xmeml] {
        let written = format.write(&document, &WriteOptions::default())?;
        let name = format!("{stem}.{}", format.extension());
        save(folder, &name, written.text()).await?;
        issues.extend(written.issues);
        names.push(name);
    }
    save(folder, "media.md5", &sums).await?;
    Ok(Described { names, issues })
}

/// The facts of media of which only some frames are left.
fn shift(media: &mut ClipMedia, first: i64, frames: i64) -> Result<()> {
    let summary = &mut media.summary;
    if let Some(rate) = summary.rate {
        summary.duration = Some(MediaTime::new(frames, rate));
    }
    if let Some(timecode) = summary.start_timecode {
        summary.start_timecode = Some(timecode.offset(first)?.wrapped());
    }
    Ok(())
}

/// Clips count from the first frame of what is left of their media.
fn move_clips(document: &mut Document, wanted: &WantedFile, first: i64) -> Result<()> {
    let items = document.sequences.iter_mut().flat_map(|sequence| &mut sequence.tracks);
    for item in items.flat_map(|track| &mut track.items) {
        let Item::Clip(clip) = item else { continue };
        let of_it = clip.source.asset().is_some_and(|source| {
            (source.asset, source.version) == (wanted.source.asset, wanted.source.version)
        });
        if of_it && first != 0 {
            let by = MediaTime::new(first, clip.source_start.rate());
            clip.source_start = clip.source_start.checked_sub(by)?;
            for marker in &mut clip.markers {
                marker.start = marker.start.saturating_sub(first);
            }
        }
    }
    Ok(())
}

async fn save(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    tokio::fs::write(&path, text).await.map_err(|cause| disk(&path, cause))
}

/// Gives the folder its name.
async fn finish(hidden: &Path, folder: &Path) -> Result<()> {
    if !hidden.exists() && folder.join("media.md5").exists() {
        // Named by a process that died before it could say so.
        return Ok(());
    }
    // Takes the place of an empty folder, and of nothing else.
    tokio::fs::rename(hidden, folder).await.map_err(|cause| disk(folder, cause))
}
