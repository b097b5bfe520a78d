//! The embedded backends of a library's folder, put together.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::catalog::RunFilter;
use crate::backend::{Analyzer, Archive, Backends, Catalog, NoTools, Prober, Storage, Transcoder};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::local::archive::{ColdFolder, RestoreTimes};
use crate::local::error::io_error;
use crate::local::tools::{ToolPaths, Tools};
use crate::local::{FfProber, FolderStorage, SqliteCatalog, process};
use crate::model::{PageRequest, Run, RunState};

/// The embedded backends of a library's folder.
pub(crate) struct LocalBackends {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) originals: Arc<dyn Storage>,
    pub(crate) proxies: Arc<dyn Storage>,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) prober: Arc<dyn Prober>,
    pub(crate) transcoder: Arc<dyn Transcoder>,
    pub(crate) analyzer: Arc<dyn Analyzer>,
    folder: PathBuf,
    storages: [Arc<FolderStorage>; 2],
}

impl LocalBackends {
    pub(crate) async fn open(
        folder: &Path,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self> {
        let folder =
            std::path::absolute(folder).map_err(|cause| io_error("library.open", folder, cause))?;
        tokio::fs::create_dir_all(&folder)
            .await
            .map_err(|cause| io_error("library.open", &folder, cause))?;
        // The catalog first: a folder that is not ours, or of a newer emam, is left as it is.
        let catalog = SqliteCatalog::open(folder.join("catalog.db"), Arc::clone(clock)).await?;
        let open = |name: &str| FolderStorage::open(folder.join(name), Arc::clone(clock));
        let originals = Arc::new(open("originals").await?);
        let proxies = Arc::new(open("proxies").await?);
        let cold = config.cold_folder.clone().unwrap_or_else(|| folder.join("archive"));
        let times = RestoreTimes::default();
        let archive =
            ColdFolder::open(Arc::clone(&originals) as _, cold, Arc::clone(clock), times).await?;

        let mut paths = ToolPaths::from_env();
        paths.ffmpeg = config.ffmpeg.clone().or(paths.ffmpeg);
        paths.ffprobe = config.ffprobe.clone().or(paths.ffprobe);
        let tools = tokio::task::spawn_blocking(move || Tools::find(&paths)).await;
        let tools = tools.unwrap_or_else(|cause| {
            let message = "looking for ffmpeg has broken off";
            Err(Error::new(crate::ErrorKind::Unexpected, "library.open", message).caused_by(cause))
        });
        let work = work_folder(&folder);
        let (prober, transcoder, analyzer): (
            Arc<dyn Prober>,
            Arc<dyn Transcoder>,
            Arc<dyn Analyzer>,
        ) = match tools {
            Ok(tools) => (
                Arc::new(FfProber::new(tools.clone())),
                Arc::new(NoTools::default()),
                Arc::new(NoTools::default()),
            ),
            // A library without ffmpeg can be searched and edited; what needs it says so.
            Err(error) => {
                let none = Arc::new(NoTools::new(&error));
                (Arc::clone(&none) as _, Arc::clone(&none) as _, none)
            }
        };
        Ok(Self {
            catalog: Arc::new(catalog),
            originals: Arc::clone(&originals) as _,
            proxies: Arc::clone(&proxies) as _,
            archive: Arc::new(archive),
            prober,
            transcoder,
            analyzer,
            folder,
            storages: [originals, proxies],
        })
    }
}

fn work_folder(folder: &Path) -> PathBuf {
    folder.join("work")
}

/// What a process that died may have left in a library's folder.
pub(crate) struct Leftovers {
    folder: PathBuf,
    storages: [Arc<FolderStorage>; 2],
}

impl LocalBackends {
    pub(crate) fn leftovers(&self) -> Leftovers {
        Leftovers { folder: self.folder.clone(), storages: self.storages.clone() }
    }
}

impl Leftovers {
    /// Removes what no unfinished run will go on with: work folders, programs still at work in
    /// them, uploads.
    pub(crate) async fn tidy(&self, backends: &Backends) -> Result<()> {
        // What there is is listed before the runs are: a run that another process starts in
        // between is then not mistaken for a dead one.
        let work = self.work_folders().await?;
        let mut uploads = Vec::new();
        for storage in &self.storages {
            for unfinished in storage.unfinished_uploads().await? {
                uploads.push((Arc::clone(storage), unfinished.upload));
            }
        }
        if work.is_empty() && uploads.is_empty() {
            return Ok(());
        }
        let unfinished = unfinished_runs(backends).await?;
        let tokens: HashSet<String> = unfinished.iter().flat_map(tokens).collect();
        let assets: HashSet<String> =
            unfinished.iter().filter_map(|run| run.asset).map(|id| id.to_string()).collect();
        for folder in work {
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
            if name.is_some_and(|name| tokens.iter().any(|token| name.contains(token))) {
                continue;
            }
            process::kill_stale(&folder);
            tokio::fs::remove_dir_all(&folder)
                .await
                .map_err(|cause| io_error("library.open", &folder, cause))?;
        }
        for (storage, upload) in uploads {
            let asset = upload.key.as_str().split('/').next().unwrap_or_default();
            if !assets.contains(asset) {
                storage.upload_abort(&upload).await?;
            }
        }
        Ok(())
    }

    async fn work_folders(&self) -> Result<Vec<PathBuf>> {
        let work = work_folder(&self.folder);
        let mut entries = match tokio::fs::read_dir(&work).await {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(io_error("library.open", &work, cause)),
        };
        let mut folders = Vec::new();
        while let Some(entry) =
            entries.next_entry().await.map_err(|cause| io_error("library.open", &work, cause))?
        {
            folders.push(entry.path());
        }
        Ok(folders)
    }
}

async fn unfinished_runs(backends: &Backends) -> Result<Vec<Run>> {
    let filter = RunFilter {
        states: vec![RunState::Queued, RunState::Running, RunState::Waiting],
        ..RunFilter::default()
    };
    let mut page = PageRequest::first(PageRequest::MAX_LIMIT);
    let mut runs = Vec::new();
    loop {
        let found = backends.catalog.runs(&filter, &page).await?;
        runs.extend(found.items);
        match found.next {
            Some(cursor) => page.cursor = Some(cursor),
            None => return Ok(runs),
        }
    }
}

/// The tokens a run's steps gave to services.
fn tokens(run: &Run) -> Vec<String> {
    let token = |step: &crate::model::Step| step.output.get("token")?.as_str().map(str::to_owned);
    run.steps.iter().filter_map(token).collect()
}
