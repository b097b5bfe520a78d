//! What users hold: a [`Library`], with one handle per noun.

mod annotations;
mod archive;
mod assets;
mod bins;
mod builder;
mod categories;
mod check_in;
mod direct;
mod events;
mod guard;
mod intake;
mod news;
mod projects;
mod provider;
mod run;
mod runs;
mod sequences;
mod used_in;
mod waiting;

#[cfg(feature = "local")]
use std::path::Path;
use std::sync::Arc;

pub use annotations::{AnnotationPatch, Annotations};
pub use archive::{Archive, ArchivePlan, ArchiveRequest, PlanItem, RestoreRequest};
#[cfg(feature = "gateway")]
pub(crate) use assets::Found;
pub use assets::{AssetPatch, Assets, Deletion, Opened};
pub use bins::{BinPatch, Bins};
pub use builder::LibraryBuilder;
pub use categories::{Categories, CategoryPatch};
pub use check_in::{CheckInOptions, CheckedIn, ProjectMedia, ProjectScanOptions};
pub use direct::{Announcement, Expected, UploadAddress};
pub use events::{EventStream, Events};
pub use guard::ProcessGuard;
pub use intake::{Intake, Refused};
pub use projects::{ProjectPatch, Projects};
pub use provider::Provider;
pub use run::{RunHandle, RunResult};
pub use runs::Runs;
pub use sequences::{
    CaptionOptions, ClipRequest, Edited, ExportOptions, Exported, ImportOptions, Imported,
    IngestedFile, RelinkChoice, RelinkOptions, Relinked, SequencePatch, Sequences,
};
pub use used_in::{UsedClip, UsedIn, UsingBin, UsingProjectFile, UsingSequence};

use crate::backend::Backends;
use crate::error::{Error, ErrorKind, Result};
use crate::workflow::Engine;

/// A library of media. Cheap to clone; all clones are the same library.
///
/// ```
/// use emam_core::Library;
/// use emam_core::backend::catalog::Query;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let library = Library::open(folder.path()).await?;
/// let found = library.assets().search(Query::text("rain")).await?;
/// assert_eq!(found.total, 0);
/// library.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backends: Arc<Backends>,
    engine: Engine,
    guard: ProcessGuard,
}

impl Library {
    /// Opens the library in a folder, making it where there is none: `catalog.db`, `originals/`,
    /// `proxies/`, `archive/`. Runs that were under way when it was last closed go on.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where a newer emam has written it;
    /// [`Integrity`](crate::ErrorKind::Integrity) where the catalog file is damaged;
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) where the folder cannot be written.
    #[cfg(feature = "local")]
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(folder).await
    }

    /// Opens a library with other backends or settings.
    pub fn builder() -> LibraryBuilder {
        LibraryBuilder::default()
    }

    fn from_parts(backends: Arc<Backends>, engine: Engine) -> Self {
        Self { inner: Arc::new(Inner { backends, engine, guard: ProcessGuard::new() }) }
    }

    /// Assets: ingest, find, change, open.
    pub fn assets(&self) -> Assets {
        Assets::new(self.clone())
    }

    /// Annotations: markers, subclips, comments, findings.
    pub fn annotations(&self) -> Annotations {
        Annotations::new(self.clone())
    }

    /// Categories: the tree assets are filed under.
    pub fn categories(&self) -> Categories {
        Categories::new(self.clone())
    }

    /// Projects: pieces of work.
    pub fn projects(&self) -> Projects {
        Projects::new(self.clone())
    }

    /// Bins: ordered lists of what a project uses.
    pub fn bins(&self) -> Bins {
        Bins::new(self.clone())
    }

    /// Sequences: edits.
    pub fn sequences(&self) -> Sequences {
        Sequences::new(self.clone())
    }

    /// Archive: originals that are cheap to keep and slow to read.
    pub fn archive(&self) -> Archive {
        Archive::new(self.clone())
    }

    /// Runs: work under way and done.
    pub fn runs(&self) -> Runs {
        Runs::new(self.clone())
    }

    /// Events: the ordered log of what happened.
    pub fn events(&self) -> Events {
        Events::new(self.clone())
    }

    /// Does an operation by name: see [`api`](crate::api).
    ///
    /// # Errors
    /// As [`call_json`](Self::call_json).
    pub async fn call(
        &self,
        operation: &str,
        params: serde_json::Value,
    ) -> Result<serde_json::Value> {
        let result = self.call_json(operation, &params.to_string()).await?;
        serde_json::from_str(&result).map_err(|cause| {
            let message = "the result is no JSON";
            Error::new(ErrorKind::Unexpected, operation.to_owned(), message).caused_by(cause)
        })
    }

    /// Does an operation by name, from JSON to JSON, as every other language does. No text at all
    /// is as good as an empty record of parameters.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is no such operation;
    /// [`InvalidInput`](ErrorKind::InvalidInput) where the parameters are not its, naming the one
    /// that is wrong; [`Conflict`](ErrorKind::Conflict) where the library is closed; else what the
    /// operation gives.
    pub async fn call_json(&self, operation: &str, params: &str) -> Result<String> {
        self.check_usable(operation)?;
        crate::api::call(self, operation, params).await
    }

    /// Tells whether operations can be called at all.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where the library is closed, or this process is a fork of
    /// the one that opened it.
    pub fn check_usable(&self, operation: &str) -> Result<()> {
        self.inner.guard.check(operation)?;
        if *self.inner.engine.closing().borrow() {
            let message = "the library is closed; open it again";
            return Err(Error::new(ErrorKind::Conflict, operation.to_owned(), message));
        }
        Ok(())
    }

    /// The backends this library stands on.
    pub fn backends(&self) -> &Backends {
        &self.inner.backends
    }

    /// Waits until somebody closes the library: for what works beside it and is to end with it.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closing = self.inner.engine.closing();
        async move {
            // A library that is gone is closed too.
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }

    /// Stops working and waits until all runs under way are let go of; they go on when the library
    /// is opened again. A library that is dropped does the same without waiting.
    pub async fn close(&self) {
        self.inner.engine.close().await;
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }
}

/// Tells a name for people from none.
fn named(operation: &'static str, name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::invalid(operation, "give it a name that is not blank"));
    }
    if name.len() > 1000 {
        return Err(
            Error::invalid(operation, "a name has at most 1000 bytes").with("bytes", name.len())
        );
    }
    Ok(name.to_owned())
}

/// Defines the handle of a noun.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            pub(super) library: $crate::Library,
        }

        impl $name {
            pub(super) fn new(library: $crate::Library) -> Self {
                Self { library }
            }

            #[allow(dead_code)]
            pub(super) fn catalog(&self) -> &dyn $crate::backend::Catalog {
                self.library.backends().catalog.as_ref()
            }

            #[allow(dead_code)]
            pub(super) fn clock(&self) -> &dyn $crate::clock::Clock {
                self.library.backends().clock.as_ref()
            }
        }
    };
}
use handle;
