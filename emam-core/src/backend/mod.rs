//! The traits behind the library: one role each, implemented once per provider.
//!
//! Users hold a [`Library`](crate::Library); implementors write one of these. Every method is
//! required, so nothing is forgotten and wrappers forward everything. Rules for implementors:
//!
//! - `&self`; borrowed in, owned out; the last argument is one options struct.
//! - `capabilities` is constant for the life of the backend. What it denies is
//!   [`Unsupported`](crate::ErrorKind::Unsupported) when called.
//! - Never retry, sleep, log errors or read the clock: the workflow engine does. A backend that
//!   stands for something with a clock of its own is handed a [`Clock`].
//! - Dropping a future stops the work or leaves it harmless; nothing half-written is ever seen.
//!
//! Each `# Contract` bullet is a test of the same name in [`testkit`](crate::testkit).

pub mod analyzer;
pub mod archive;
mod by_kind;
pub mod catalog;
mod none;
pub mod notifier;
pub mod prober;
pub mod renderer;
pub mod signal;
pub mod storage;
pub mod storage_rules;
pub mod token;
pub mod transcoder;

use std::sync::Arc;

use serde_json::Value;

pub use analyzer::{AnalysisRequest, Analyzer, AnalyzerCapabilities, Findings};
pub use archive::{
    Archive, ArchiveCapabilities, ArchiveItem, ArchiveStatus, Quote, QuoteRequest, RestoreOptions,
    RestoreSpeed,
};
pub use by_kind::ByKind;
pub use catalog::Catalog;
pub use none::{NoArchive, NoTools};
pub use notifier::{Notice, Notifier, NotifierCapabilities};
pub use prober::{MediaSource, Prober};
pub use renderer::{
    BurnIn, CopyJob, Inspected, JoinJob, Packet, PieceJob, RenderFormat, RenderMedia,
    RenderSettings, RenderSources, Renderer, Told,
};
pub use signal::{ObjectChange, ObjectSignal, Signal, SignalHandler};
pub use storage::{
    ByteRange, CopyOptions, GetOptions, Key, Object, Part, PresignMethod, PresignRequest,
    Presigned, PutFileOptions, PutOptions, Stat, Storage, StorageCapabilities, Upload, delete_one,
};
pub use transcoder::{OutputFile, Outputs, TranscodeJob, Transcoder, TranscoderCapabilities};

use crate::backend::catalog::Workflows;
use crate::clock::Clock;
use crate::error::{Error, ErrorInfo, ErrorKind, Result};

/// Names a job of a [`Transcoder`] or [`Analyzer`]: the service's own id, opaque to us.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct JobId(pub String);

/// What bounds how many jobs of a [`Transcoder`] or [`Analyzer`] run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lane {
    /// Nothing: the service keeps a queue of its own.
    Free,
    /// A lane of this process, by name: the jobs use this machine.
    Process(&'static str),
    /// A lane of all processes that share the runs: the service refuses what is too much.
    Shared {
        /// Its name, the same in every process.
        name: String,
        /// How many jobs there is room for.
        room: usize,
    },
}

/// What a job of a [`Transcoder`] or [`Analyzer`] is at.
#[derive(Debug, Clone)]
pub enum JobStatus {
    /// Under way.
    Running {
        /// How much is done, from 0 to 1.
        fraction: f64,
        /// How long it will take from now, in milliseconds, where that can be told.
        eta_ms: Option<u64>,
        /// What is finished already and can be used before the rest.
        ready: Vec<OutputFile>,
    },
    /// Done: the outputs can be fetched.
    Succeeded,
    /// Given up by the service.
    Failed(ErrorInfo),
    /// Stopped because we asked.
    Cancelled,
}

/// What came of one item of a batch.
#[derive(Debug, Clone)]
pub struct Outcome<T = ()> {
    /// Which item: its key, in the order of the request.
    pub item: String,
    /// What came of it.
    pub result: std::result::Result<T, ErrorInfo>,
}

/// The reply of a service as it came, kept beside what was made of it.
pub type RawReply = Value;

/// Everything a library stands on, each behind its trait.
#[derive(Debug, Clone)]
pub struct Backends {
    /// The record of everything.
    pub catalog: Arc<dyn Catalog>,
    /// Runs, and who works on them: the catalog too, unless they are kept elsewhere.
    pub runs: Arc<dyn Workflows>,
    /// Where originals are.
    pub originals: Arc<dyn Storage>,
    /// Where renditions are.
    pub proxies: Arc<dyn Storage>,
    /// Where originals go that are cheap to keep and slow to read.
    pub archive: Arc<dyn Archive>,
    /// Finds technical metadata.
    pub prober: Arc<dyn Prober>,
    /// Makes renditions.
    pub transcoder: Arc<dyn Transcoder>,
    /// Makes media files of cuts.
    pub renderer: Arc<dyn Renderer>,
    /// Look into media, the first that can do a kind does it.
    pub analyzers: Vec<Arc<dyn Analyzer>>,
    /// Told what happens.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// Tells the time and makes ids.
    pub clock: Arc<dyn Clock>,
}

impl Backends {
    /// The name of the storage originals are in.
    pub const ORIGINALS: &'static str = "originals";
    /// The name of the storage renditions are in.
    pub const PROXIES: &'static str = "proxies";

    /// The storage an [`Instance`](crate::model::Instance) names.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where this library has no such storage.
    pub fn storage(&self, name: &str) -> Result<Arc<dyn Storage>> {
        match name {
            Self::ORIGINALS => Ok(Arc::clone(&self.originals)),
            Self::PROXIES => Ok(Arc::clone(&self.proxies)),
            _ => Err(Error::new(
                ErrorKind::NotFound,
                "storage.find",
                "this library has no storage of that name",
            )
            .with("storage", name)),
        }
    }
}
