//! The embedded backends of a library's folder, put together.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::catalog::RunFilter;
use crate::backend::{Analyzer, Archive, Backends, Catalog, Prober, Renderer, Storage, Transcoder};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::local::archive::{ColdFolder, RestoreTimes};
use crate::local::error::io_error;
use crate::local::tools::{ToolPaths, Tools};
use crate::local::{
    Fetching, FfAnalyzer, FfProber, FfRenderer, FfTranscoder, FolderStorage, SqliteCatalog, work,
};
use crate::model::{PageRequest, Run};

/// The embedded backends of a library's folder.
pub(crate) struct LocalBackends {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) originals: Arc<dyn Storage>,
    pub(crate) proxies: Arc<dyn Storage>,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) prober: Arc<dyn Prober>,
    pub(crate) transcoder: Arc<dyn Transcoder>,
    pub(crate) renderer: Arc<dyn Renderer>,
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

        let tools = Tools::new(ToolPaths::of(config));
        let work = work_folder(&folder);
        let local = LocalTools { tools, work_dir: work, clock: Arc::clone(clock) };
        Ok(Self {
            catalog: Arc::new(catalog),
            originals: Arc::clone(&originals) as _,
            proxies: Arc::clone(&proxies) as _,
            archive: Arc::new(archive),
            prober: local.prober(),
            transcoder: local.transcoder(),
            renderer: local.renderer(),
            analyzer: local.analyzer(),
            folder,
            storages: [originals, proxies],
        })
    }
}

/// Probing, transcoding and analysis on this machine, of media in any storage: what is not on this
/// machine is fetched for as long as it is worked on.
#[derive(Debug, Clone)]
pub struct LocalTools {
    /// The programs.
    pub tools: Tools,
    /// The folder jobs work in.
    pub work_dir: PathBuf,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl LocalTools {
    /// Finds technical metadata.
    pub fn prober(&self) -> Arc<dyn Prober> {
        let prober: Arc<dyn Prober> = Arc::new(FfProber::new(self.tools.clone()));
        Arc::new(Fetching::new(prober, self.work_dir.clone(), Arc::clone(&self.clock)))
    }

    /// Makes renditions.
    pub fn transcoder(&self) -> Arc<dyn Transcoder> {
        let (tools, work, clock) = self.parts();
        let transcoder: Arc<dyn Transcoder> = Arc::new(FfTranscoder::new(tools, work, clock));
        Arc::new(Fetching::new(transcoder, self.work_dir.clone(), Arc::clone(&self.clock)))
    }

    /// Makes media files of cuts.
    pub fn renderer(&self) -> Arc<dyn Renderer> {
        Arc::new(FfRenderer::new(self.tools.clone()))
    }

    /// Looks into media.
    pub fn analyzer(&self) -> Arc<dyn Analyzer> {
        let (tools, work, clock) = self.parts();
        let analyzer: Arc<dyn Analyzer> = Arc::new(FfAnalyzer::new(tools, work, clock));
        Arc::new(Fetching::new(analyzer, self.work_dir.clone(), Arc::clone(&self.clock)))
    }

    fn parts(&self) -> (Tools, PathBuf, Arc<dyn Clock>) {
        (self.tools.clone(), self.work_dir.clone(), Arc::clone(&self.clock))
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
    /// Removes what no unfinished run will go on with: work folders of dead processes,
    /// programs still at work in them, uploads.
    pub(crate) async fn tidy(&self, backends: &Backends) -> Result<()> {
        let work = work_folder(&self.folder);
        let swept = tokio::task::spawn_blocking(move || work::sweep(&work));
        swept.await.map_err(|cause| {
            let message = "tidying has broken off";
            Error::new(crate::ErrorKind::Unexpected, "library.open", message).caused_by(cause)
        })??;
        // Uploads are listed before the runs are: one that another process begins in between is
        // then not mistaken for a dead one's.
        let mut uploads = Vec::new();
        for storage in &self.storages {
            for unfinished in storage.unfinished_uploads().await? {
                uploads.push((Arc::clone(storage), unfinished.upload));
            }
        }
        if uploads.is_empty() {
            return Ok(());
        }
        let unfinished = unfinished_runs(backends).await?;
        let assets: HashSet<String> =
            unfinished.iter().filter_map(|run| run.asset).map(|id| id.to_string()).collect();
        for (storage, upload) in uploads {
            let asset = upload.key.as_str().split('/').next().unwrap_or_default();
            if !assets.contains(asset) {
                storage.upload_abort(&upload).await?;
            }
        }
        Ok(())
    }
}

async fn unfinished_runs(backends: &Backends) -> Result<Vec<Run>> {
    let filter = RunFilter::unfinished();
    let mut page = PageRequest::first(PageRequest::MAX_LIMIT);
    let mut runs = Vec::new();
    loop {
        let found = backends.runs.runs(&filter, &page).await?;
        runs.extend(found.items);
        match found.next {
            Some(cursor) => page.cursor = Some(cursor),
            None => return Ok(runs),
        }
    }
}
