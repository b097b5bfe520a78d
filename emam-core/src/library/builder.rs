//! Putting a library together.

#[cfg(feature = "local")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Notifier;
use crate::backend::catalog::Workflows;
use crate::backend::{
    Analyzer, Archive, Backends, Catalog, NoArchive, NoTools, Prober, Renderer, Storage, Transcoder,
};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::library::Library;
#[cfg(feature = "local")]
use crate::library::Provider;
#[cfg(feature = "local")]
use crate::local::LocalBackends;
use crate::model::AnnotationKind;
use crate::workflow::{
    Analyze, ArchiveAssets, Consolidate, Engine, EngineOptions, Ingest, Observer, Render,
    RestoreAssets, RetryPolicy, Workflow,
};

/// Puts a library together: the embedded backends unless others are given.
#[derive(Debug, Default)]
pub struct LibraryBuilder {
    config: Config,
    engine: EngineOptions,
    clock: Option<Arc<dyn Clock>>,
    catalog: Option<Arc<dyn Catalog>>,
    runs: Option<Arc<dyn Workflows>>,
    originals: Option<Arc<dyn Storage>>,
    proxies: Option<Arc<dyn Storage>>,
    archive: Option<Arc<dyn Archive>>,
    prober: Option<Arc<dyn Prober>>,
    transcoder: Option<Arc<dyn Transcoder>>,
    renderer: Option<Arc<dyn Renderer>>,
    analyzers: Vec<Arc<dyn Analyzer>>,
    notifiers: Vec<Arc<dyn Notifier>>,
}

/// Defines a setter for each backend.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $role:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: Arc<dyn $role>) -> Self {
            self.$name = Some($name);
            self
        }
    )*};
}

impl LibraryBuilder {
    setters! {
        /// Takes this clock in place of the system's.
        clock: Clock;
        /// Takes this catalog.
        catalog: Catalog;
        /// Keeps runs here and not in the catalog.
        runs: Workflows;
        /// Keeps originals in this storage. Unless an archive is given too, nothing of it can be
        /// archived.
        originals: Storage;
        /// Keeps renditions in this storage.
        proxies: Storage;
        /// Archives into this archive.
        archive: Archive;
        /// Probes with this prober.
        prober: Prober;
        /// Transcodes with this transcoder.
        transcoder: Transcoder;
        /// Renders cuts with this renderer.
        renderer: Renderer;
    }

    /// Analyzes with this analyzer too, before those given after it and the embedded ones.
    #[must_use]
    pub fn analyzer(mut self, analyzer: Arc<dyn Analyzer>) -> Self {
        self.analyzers.push(analyzer);
        self
    }

    /// Tells this notifier what happens. Can be called more than once.
    #[must_use]
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifiers.push(notifier);
        self
    }

    /// Takes these settings.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        if let Some(workers) = config.workers {
            self.engine.workers = workers;
        }
        self.engine.lanes.extend(config.lanes.clone());
        self.config = config;
        self
    }

    /// Executes this many runs at once; 0 leaves them to other processes.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.engine.workers = workers;
        self
    }

    /// Has every ingest look for these unless told otherwise, beside what making it playable finds.
    #[must_use]
    pub fn analyze(mut self, kinds: Vec<AnnotationKind>) -> Self {
        self.engine.analyze = kinds;
        self
    }

    /// Leaves a run for this long with a process that does not answer any more.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.engine.lease = lease;
        self
    }

    /// Tries failed steps again by this policy.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.engine.retry = retry;
        self
    }

    /// Tells this observer of every boundary between steps.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.engine.observer = Some(observer);
        self
    }

    /// Opens the library in a folder, with the backends of `provider` where the settings ask for an
    /// account, and else with the embedded ones.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where they do and there is no provider; else
    /// as [`Library::open`] and what the provider gives.
    #[cfg(feature = "local")]
    pub async fn open_with(
        self,
        folder: impl AsRef<Path>,
        provider: Option<&dyn Provider>,
    ) -> Result<Library> {
        let folder = folder.as_ref();
        match (self.config.aws.clone(), provider) {
            (None, _) => Box::pin(self.open(folder)).await,
            (Some(settings), Some(provider)) => provider.open(self, folder, &settings).await,
            (Some(settings), None) => Err(Error::new(
                crate::ErrorKind::Unsupported,
                "library.open",
                "this build has no AWS; use one that has (the program `emam-aws`, the Python or \
                 npm package with AWS), or take the setting `aws` and EMAM_AWS away",
            )
            .with("settings", settings.display())),
        }
    }

    /// The settings so far.
    pub fn settings(&self) -> &Config {
        &self.config
    }

    /// Opens the library in a folder, with the embedded backends where no others were given.
    ///
    /// # Errors
    /// As [`Library::open`].
    #[cfg(feature = "local")]
    pub async fn open(mut self, folder: impl AsRef<Path>) -> Result<Library> {
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let local = LocalBackends::open(folder.as_ref(), &self.config, &clock).await?;
        let leftovers = local.leftovers();
        // The cold folder takes files out of the embedded storage; of another it knows nothing.
        if self.originals.is_none() {
            self.archive.get_or_insert(local.archive);
        }
        self.clock = Some(clock);
        self.catalog.get_or_insert(local.catalog);
        self.originals.get_or_insert(local.originals);
        self.proxies.get_or_insert(local.proxies);
        self.prober.get_or_insert(local.prober);
        self.transcoder.get_or_insert(local.transcoder);
        self.renderer.get_or_insert(local.renderer);
        self.analyzers.push(local.analyzer);
        let works = self.engine.workers > 0;
        let (backends, engine) = self.into_parts()?;
        if works {
            leftovers.tidy(&backends).await?;
        }
        Ok(start(backends, engine))
    }

    /// Puts a library together from the backends given and no others. A catalog and storages for
    /// originals and proxies are needed; what else is missing says so when it is asked for
    /// something.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming what is needed and missing.
    pub fn build(self) -> Result<Library> {
        let (backends, engine) = self.into_parts()?;
        Ok(start(backends, engine))
    }

    fn into_parts(self) -> Result<(Arc<Backends>, EngineOptions)> {
        let missing = |what| {
            Error::invalid("library.build", "the library needs this backend; give it one")
                .with("missing", what)
        };
        let catalog = self.catalog.ok_or_else(|| missing("catalog"))?;
        let backends = Backends {
            runs: self.runs.unwrap_or_else(|| Arc::clone(&catalog) as Arc<dyn Workflows>),
            catalog,
            originals: self.originals.ok_or_else(|| missing("originals"))?,
            proxies: self.proxies.ok_or_else(|| missing("proxies"))?,
            archive: self.archive.unwrap_or_else(|| Arc::new(NoArchive)),
            prober: self.prober.unwrap_or_else(|| Arc::new(NoTools::default())),
            transcoder: self.transcoder.unwrap_or_else(|| Arc::new(NoTools::default())),
            renderer: self.renderer.unwrap_or_else(|| Arc::new(NoTools::default())),
            analyzers: self.analyzers,
            notifiers: self.notifiers,
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
        };
        Ok((Arc::new(backends), self.engine))
    }
}

fn start(backends: Arc<Backends>, options: EngineOptions) -> Library {
    let workflows: Vec<Arc<dyn Workflow>> = vec![
        Arc::new(Ingest),
        Arc::new(Analyze),
        Arc::new(ArchiveAssets),
        Arc::new(RestoreAssets),
        Arc::new(Render),
        Arc::new(Consolidate),
    ];
    let engine = Engine::start(Arc::clone(&backends), workflows, options);
    Library::from_parts(backends, engine)
}
