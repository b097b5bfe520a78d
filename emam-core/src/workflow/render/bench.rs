//! The folder a render works in, and the steps that work in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::sync::OnceCell;

use super::OPERATION;
use super::copying::CopyPiece;
use super::options::RenderParams;
use crate::backend::{
    Backends, CopyJob, Inspected, JoinJob, PieceJob, RenderMedia, RenderSettings, RenderSources,
};
use crate::error::{Error, ErrorKind, Result};
use crate::id::RunId;
use crate::model::{AssetSource, Technical};
use crate::time::Timecode;
use crate::timeline::conform::{Piece, Plan};
use crate::transfer::{CopyOut, copy_out};
use crate::workflow::cut::StoredFile;
use crate::workflow::{RunContext, StepContext};

/// All that the pieces are made from. It lies beside them, for a long cut makes it long.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) plan: Plan,
    pub(super) settings: RenderSettings,
    pub(super) sources: Vec<SourceFile>,
    pub(super) pieces: Vec<Piece>,
    pub(super) timecode: Option<Timecode>,
    pub(super) copies: Option<Vec<CopyPiece>>,
}

/// A clip source with the file it is read from: where it is, what is in it, and of a stand-in the
/// channel each channel of the original is heard in.
pub(super) type SourceFile = (AssetSource, PathBuf, Technical, Option<Vec<u32>>);

/// A finished file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) size: u64,
}

pub(super) fn media_of(sources: &[SourceFile]) -> RenderSources {
    let media = |(source, path, technical, channels): &SourceFile| {
        let (path, technical) = (path.clone(), technical.clone());
        (*source, RenderMedia { path, technical, channels: channels.clone() })
    };
    sources.iter().map(media).collect::<BTreeMap<_, _>>()
}

/// The folder a run works in: beside the file to be, so that the file is put in place by a rename.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn of(file: &Path, run: RunId) -> Self {
        Self(file.with_file_name(format!(".emam-render-{}", run.uuid().simple())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) async fn make(&self) -> Result<()> {
        match tokio::fs::create_dir(&self.0).await {
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            made => made.map_err(|cause| self.disk(cause)),
        }
    }

    pub(super) async fn remove(&self) -> Result<()> {
        match tokio::fs::remove_dir_all(&self.0).await {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|cause| self.disk(cause)),
        }
    }

    /// The file as one of this machine: copied here where its storage has none.
    pub(super) async fn bring(&self, backends: &Backends, file: &StoredFile) -> Result<PathBuf> {
        let instance = &file.instance;
        let storage = backends.storage(&instance.storage)?;
        let key = instance.key.parse()?;
        if let Some(path) = storage.local_path(&key) {
            return std::path::absolute(path).map_err(|cause| self.disk(cause));
        }
        let path = self.0.join(format!("{}-{}", instance.id, key.name()));
        let there = tokio::fs::metadata(&path).await;
        if there.is_ok_and(|there| there.len() == instance.size) {
            return Ok(path);
        }
        let options = CopyOut { expected_size: Some(instance.size), ..CopyOut::default() };
        copy_out(storage.as_ref(), &key, &path, options).await?;
        Ok(path)
    }

    pub(super) async fn keep(&self, work: &Work) -> Result<()> {
        let json = serde_json::to_vec(work).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, OPERATION, "the plan has no JSON").caused_by(cause)
        })?;
        let partial = self.0.join("plan.part");
        tokio::fs::write(&partial, json).await.map_err(|cause| self.disk(cause))?;
        let named = tokio::fs::rename(&partial, self.0.join("plan.json")).await;
        named.map_err(|cause| self.disk(cause))
    }

    async fn work(&self) -> Result<Work> {
        let gone = |message: &'static str| {
            Error::new(ErrorKind::NotFound, OPERATION, message).with("folder", self.0.display())
        };
        let json = tokio::fs::read(self.0.join("plan.json")).await.map_err(|cause| {
            gone("the folder this render worked in is gone; render again").caused_by(cause)
        })?;
        serde_json::from_slice(&json).map_err(|cause| {
            gone("the plan of this render is damaged; render again").caused_by(cause)
        })
    }

    fn disk(&self, cause: std::io::Error) -> Error {
        disk(&self.0, cause)
    }
}

/// What the disk refuses.
fn disk(path: &Path, cause: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;

    let (kind, message) = match cause.kind() {
        Io::StorageFull | Io::QuotaExceeded => {
            (ErrorKind::Unavailable, "the disk is full; make room and try again")
        }
        Io::NotFound => (ErrorKind::NotFound, "the folder the file is to be in is gone; make it"),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => {
            (ErrorKind::PermissionDenied, "the folder of the file may not be written to")
        }
        _ => (ErrorKind::Unavailable, "the disk refuses; try again"),
    };
    Error::new(kind, OPERATION, message).with("path", path.display()).caused_by(cause)
}

/// A run with its folder; what lies there is read when it is first needed.
pub(super) struct Bench<'a> {
    cx: &'a RunContext,
    params: &'a RenderParams,
    folder: &'a Folder,
    loaded: OnceCell<Loaded>,
}

struct Loaded {
    plan: Arc<Plan>,
    sources: Arc<RenderSources>,
    settings: RenderSettings,
    pieces: Vec<Piece>,
    timecode: Option<Timecode>,
    copies: Vec<CopyPiece>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(cx: &'a RunContext, params: &'a RenderParams, folder: &'a Folder) -> Self {
        Self { cx, params, folder, loaded: OnceCell::new() }
    }

    async fn loaded(&self) -> Result<&Loaded> {
        let load = || async {
            let work = self.folder.work().await?;
            Ok(Loaded {
                sources: Arc::new(media_of(&work.sources)),
                plan: Arc::new(work.plan),
                settings: work.settings,
                pieces: work.pieces,
                timecode: work.timecode,
                copies: work.copies.unwrap_or_default(),
            })
        };
        self.loaded.get_or_try_init(load).await
    }

    /// The name of the file while it is made.
    fn output(&self) -> String {
        let extension = self.params.path.extension().unwrap_or_default().to_string_lossy();
        format!("output.{extension}")
    }

    fn job(&self, loaded: &Loaded, index: usize, with_pictures: bool) -> Result<PieceJob> {
        let piece = loaded.pieces.get(index).copied().ok_or_else(|| {
            let message = "the plan of this render has another number of pieces";
            Error::new(ErrorKind::Unexpected, OPERATION, message).with("piece", index)
        })?;
        Ok(PieceJob {
            plan: Arc::clone(&loaded.plan),
            piece,
            sources: Arc::clone(&loaded.sources),
            settings: loaded.settings,
            with_pictures,
            folder: self.folder.path().to_owned(),
            name: format!("piece-{:05}", index + 1),
        })
    }

    /// Renders one piece; without pictures, its sound alone.
    pub(super) async fn render(
        &self,
        index: usize,
        with_pictures: bool,
        step: &StepContext,
    ) -> Result<Made> {
        let loaded = self.loaded().await?;
        let job = self.job(loaded, index, with_pictures)?;
        let _room = self.cx.lane("transcode").await;
        let told = |fraction| step.progress(fraction, None);
        self.cx.backends().renderer.piece(&job, &told).await?;
        let made = if with_pictures { job.pictures() } else { job.sound() };
        let size = tokio::fs::metadata(&made).await.map_or(0, |made| made.len());
        Ok(Made { size })
    }

    /// Joins rendered pieces; one that has gone is rendered again.
    pub(super) async fn join_rendered(&self, step: &StepContext) -> Result<Made> {
        let loaded = self.loaded().await?;
        let heard = !loaded.plan.sounds.is_empty();
        let mut pieces = Vec::new();
        for index in 0..loaded.pieces.len() {
            let job = self.job(loaded, index, true)?;
            let there = job.pictures().exists() && (!heard || job.sound().exists());
            if !there {
                self.render(index, true, step).await?;
            }
            pieces.push((file_name(&job.pictures()), job.piece.frames));
        }
        self.join(loaded, pieces, step).await
    }

    /// Copies the pictures as they are stored. What cannot be done is told, not an error: then
    /// they are encoded.
    pub(super) async fn copy(&self, step: &StepContext) -> Result<Option<String>> {
        let loaded = self.loaded().await?;
        let renderer = &self.cx.backends().renderer;
        let mut pieces = Vec::new();
        for (index, copy) in loaded.copies.iter().enumerate() {
            let name = format!("copy-{:05}.mov", index + 1);
            let job = CopyJob {
                input: copy.input.clone(),
                start_us: copy.start_us,
                frames: copy.frames,
                end_us: copy.end_us,
                with_sound: false,
                timecode: None,
                output: self.folder.path().join(&name),
            };
            let copied = match renderer.copy(&job).await {
                Ok(()) => renderer.inspect(&job.output).await,
                Err(error) => Err(error),
            };
            match copied {
                Ok(copied)
                    if copied.packets.iter().map(|p| p.size).eq(copy.sizes.iter().copied()) => {}
                Ok(_) => return Ok(Some("a copy has other frames than its original".to_owned())),
                Err(error) if error.kind() == ErrorKind::InvalidMedia => {
                    return Ok(Some(format!("copying failed: {}", error.message())));
                }
                Err(error) => return Err(error),
            }
            pieces.push((name, copy.frames));
            step.progress((index + 1) as f64 / (loaded.copies.len() + 1) as f64, None);
        }
        for index in 0..loaded.pieces.len() {
            if !loaded.plan.sounds.is_empty() {
                self.render(index, false, step).await?;
            }
        }
        self.join(loaded, pieces, step).await?;
        Ok(self.wrong().await?.map(|why| format!("the joined file is not as planned: {why}")))
    }

    async fn join(
        &self,
        loaded: &Loaded,
        pieces: Vec<(String, i64)>,
        step: &StepContext,
    ) -> Result<Made> {
        let sound = match loaded.plan.sounds.is_empty() {
            true => None,
            false => Some(self.join_sound(loaded).await?),
        };
        let job = JoinJob {
            folder: self.folder.path().to_owned(),
            pieces,
            rate: loaded.plan.rate,
            sound,
            settings: loaded.settings,
            timecode: loaded.timecode,
            output: self.output(),
        };
        let _room = self.cx.lane("transcode").await;
        self.cx.backends().renderer.join(&job, &|fraction| step.progress(fraction, None)).await?;
        let path = self.folder.path().join(self.output());
        let made = tokio::fs::metadata(&path).await.map_err(|cause| self.folder.disk(cause))?;
        Ok(Made { size: made.len() })
    }

    /// The sound of all pieces, one behind the other.
    async fn join_sound(&self, loaded: &Loaded) -> Result<String> {
        let name = "sound.f32".to_owned();
        let failed = |cause| self.folder.disk(cause);
        let path = self.folder.path().join(&name);
        let mut all = tokio::fs::File::create(&path).await.map_err(failed)?;
        for index in 0..loaded.pieces.len() {
            let job = self.job(loaded, index, true)?;
            let mut piece = tokio::fs::File::open(job.sound()).await.map_err(failed)?;
            tokio::io::copy(&mut piece, &mut all).await.map_err(failed)?;
        }
        all.flush().await.map_err(failed)?;
        Ok(name)
    }

    /// Refuses a file that is not as planned, and makes it durable.
    pub(super) async fn verify(&self) -> Result<Made> {
        if let Some(why) = self.wrong().await? {
            let message = "what was rendered is not what was planned; the media may be shorter \
                           than it says, or damaged";
            return Err(Error::new(ErrorKind::Integrity, OPERATION, message).with("why", why));
        }
        let path = self.folder.path().join(self.output());
        let failed = |cause| self.folder.disk(cause);
        let file = tokio::fs::File::open(&path).await.map_err(failed)?;
        file.sync_all().await.map_err(failed)?;
        Ok(Made { size: file.metadata().await.map_err(failed)?.len() })
    }

    /// What about the file is not as planned.
    async fn wrong(&self) -> Result<Option<String>> {
        let loaded = self.loaded().await?;
        let path = self.folder.path().join(self.output());
        let found = self.cx.backends().renderer.inspect(&path).await?;
        Ok(mismatch(&found, loaded))
    }
}

fn mismatch(found: &Inspected, loaded: &Loaded) -> Option<String> {
    let plan = &loaded.plan;
    let count = i64::try_from(found.packets.len()).unwrap_or(i64::MAX);
    if count != plan.frames {
        return Some(format!("it has {count} frames, not {}", plan.frames));
    }
    if found.frames(plan.rate).is_none() {
        return Some(format!("its frames do not follow each other at {}", plan.rate));
    }
    let timecode = loaded.timecode.map(|timecode| timecode.wrapped().to_string());
    if found.timecode != timecode {
        let shown = |timecode: &Option<String>| timecode.clone().unwrap_or("none".to_owned());
        return Some(format!(
            "its timecode is {}, not {}",
            shown(&found.timecode),
            shown(&timecode)
        ));
    }
    if plan.sounds.is_empty() {
        return found.sound.map(|_| "it has sound, and the cut has none".to_owned());
    }
    let Some((_, length)) = found.sound else { return Some("it has no sound".to_owned()) };
    let wanted = i128::from(plan.frames) * i128::from(plan.rate.den()) * 1_000_000
        / i128::from(plan.rate.num());
    // An encoder fills its last frame up: of AAC up to 1024 samples, before and behind.
    (i128::from(length) - wanted)
        .abs()
        .gt(&100_000)
        .then(|| format!("its sound takes {length} µs, not {wanted}"))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Puts the file in place and clears up.
pub(super) async fn finish(params: &RenderParams, folder: &Folder, made: Made) -> Result<()> {
    let extension = params.path.extension().unwrap_or_default().to_string_lossy();
    let from = folder.path().join(format!("output.{extension}"));
    if from.exists() {
        if !params.options.overwrite && params.path.exists() {
            let message = "a file of that name has been made meanwhile; remove it or overwrite it";
            return Err(Error::new(ErrorKind::AlreadyExists, OPERATION, message)
                .with("path", params.path.display()));
        }
        let placed = tokio::fs::rename(&from, &params.path).await;
        placed.map_err(|cause| disk(&params.path, cause))?;
    } else {
        // Put in place by a process that died before it could say so.
        let there = tokio::fs::metadata(&params.path).await;
        if !there.is_ok_and(|there| there.len() == made.size) {
            let message = "the rendered file is gone; render again";
            return Err(Error::new(ErrorKind::NotFound, OPERATION, message)
                .with("path", params.path.display()));
        }
    }
    folder.remove().await
}
