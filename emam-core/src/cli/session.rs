//! The library a command works on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::output::{Failure, Out};
use super::text;
use crate::Library;
use crate::backend::catalog::RunFilter;
use crate::config::{Config, variable};
use crate::error::{Error, ErrorKind, Result};
use crate::library::Provider;
use crate::model::PageRequest;

/// What an opened library is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Answer. Runs are left to processes that work.
    Read,
    /// Work on runs too.
    Work,
}

/// Where a command prints and which library it works on.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) out: Out,
    named: Option<PathBuf>,
    provider: Option<Arc<dyn Provider>>,
    opened: Mutex<Option<(Library, Use)>>,
}

impl Session {
    pub(super) fn new(
        named: Option<PathBuf>,
        provider: Option<Arc<dyn Provider>>,
        out: Out,
    ) -> Self {
        Self { out, named, provider, opened: Mutex::new(None) }
    }

    /// The folder of the library: the one named, else that of `EMAM_LIBRARY`, else the present one.
    pub(super) fn folder(&self) -> PathBuf {
        let named = self.named.clone().or_else(|| variable("EMAM_LIBRARY").map(PathBuf::from));
        named.unwrap_or_else(|| PathBuf::from("."))
    }

    /// Opens the library, which must be there.
    pub(super) async fn open(&self, to: Use) -> Result<Library> {
        let folder = self.folder();
        if !is_library(&folder) {
            let shown = std::path::absolute(&folder).unwrap_or(folder);
            return Err(Error::new(
                ErrorKind::NotFound,
                "library.open",
                "there is no library in this folder; name one with --library DIR or EMAM_LIBRARY, \
                 or make one with `emam ingest --library DIR FILE`",
            )
            .with("folder", shown.display()));
        }
        self.open_in(&folder, to).await
    }

    /// Opens the library, or makes it where its folder was named on the command line.
    pub(super) async fn open_or_make(&self, to: Use) -> Result<Library> {
        match &self.named {
            Some(folder) => self.open_in(folder, to).await,
            None => self.open(to).await,
        }
    }

    async fn open_in(&self, folder: &Path, to: Use) -> Result<Library> {
        let mut builder = Library::builder().config(Config::from_env()?);
        if to == Use::Read {
            builder = builder.workers(0);
        }
        let library = Box::pin(builder.open_with(folder, self.provider.as_deref())).await?;
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some((library.clone(), to));
        Ok(library)
    }

    fn opened(&self) -> Option<(Library, Use)> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// After an interruption: how many runs wait for the next who opens the library.
    pub(super) async fn tell_what_is_left(&self) {
        let Some((library, Use::Work)) = self.opened() else { return };
        let page = PageRequest::first(PageRequest::MAX_LIMIT);
        // On the way out an answer is a courtesy.
        if let Ok(found) = library.runs().list(RunFilter::unfinished(), page).await {
            let more = if found.next.is_some() { "more than " } else { "" };
            let count = found.items.len() as u64;
            if count > 0 {
                let runs = text::count(count, "run");
                self.out.note(format!("{more}{runs} not done; `emam runs wait` goes on with it"));
            }
        }
    }

    /// Closes the library, waiting until work under way is let go of.
    pub(super) async fn close(&self) {
        if let Some((library, _)) = self.opened() {
            library.close().await;
        }
    }
}

/// Whether the folder holds a library.
pub(super) fn is_library(folder: &Path) -> bool {
    folder.join("catalog.db").is_file()
}

/// Asks a question on the terminal; anything but yes is no.
pub(super) async fn ask(question: String) -> Result<bool, Failure> {
    let answer = tokio::task::spawn_blocking(move || {
        super::output::print_error(&format!("{question} [y/N] "));
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Unavailable, "cli.ask", "the answer cannot be read").caused_by(cause)
    };
    let line = answer.await.map_err(|cause| failed(cause.into()))?;
    let line = line.map_err(|cause| failed(cause.into()))?;
    Ok(["y", "yes"].contains(&line.trim().to_lowercase().as_str()))
}
