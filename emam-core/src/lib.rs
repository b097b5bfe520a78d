//! A media asset management engine as a library.
//!
//! A [`Library`] is a folder: files go in and become assets that can be found, looked at, marked,
//! cut, archived and got back. All of it runs in your process, on your Tokio runtime.
//!
//! ```
//! use emam_core::{ErrorKind, Library};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let library = Library::open(folder.path()).await?; // made where there is none
//!
//! let promo = library.projects().create("Promo").await?;
//! let selects = library.bins().create(promo.root_bin, "Selects").await?;
//! assert_eq!(library.bins().list(promo.id).await?.len(), 2); // the root bin and this one
//!
//! let error = library.assets().ingest("missing.mov", Default::default()).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::NotFound);
//! assert!(error.get("path").is_some_and(|path| path.ends_with("missing.mov")));
//!
//! library.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns
//!
//! - A [`Library`] holds everything. It is cheap to clone and has one handle per noun:
//!   [`assets`](Library::assets), [`projects`](Library::projects), [`runs`](Library::runs) and so
//!   on, in [`library`].
//! - An [`Asset`](model::Asset) is what a person means by "that clip": an identity with a title,
//!   tags and versions. Each [`Version`](model::Version) has [renditions](model::Rendition)
//!   (original, proxy, poster), and each rendition [stored files](model::Instance) whose state says
//!   whether their bytes can be read now.
//! - An [`Annotation`](model::Annotation) is anything said about an asset or a range of its time:
//!   a marker, a subclip, a comment, a shot that was found. Searches answer with them as moments.
//! - A [`Sequence`](model::Sequence) is an edit: tracks of clips and gaps in whole frames.
//!   [`timeline`] edits it, and reads and writes the files of editing programs.
//! - A [`Run`](model::Run) is work under way: an ingest, a restore. It is made of named steps, each
//!   recorded when it is done, so that it goes on where it was after a crash. See [`workflow`].
//!
//! `docs/glossary.md` has the rest.
//!
//! # What it is not
//!
//! No server, no user interface, no player and no editing program. It does not watch folders, has
//! no users or permissions yet, and reaches into no cloud: that is the crate `emam-aws`. Media is
//! decoded and encoded by the programs ffmpeg and ffprobe, which it finds and runs.
//!
//! # Errors
//!
//! Every fallible function returns the one [`Error`]. Branch on its [`kind`](Error::kind); show its
//! `Display`, one sentence that names the input and says what to do; log its
//! [`report`](Error::report), which adds the facts and the chain of causes. Its
//! [`retry_advice`](Error::retry_advice) says whether the same call can succeed later. Work that
//! runs on its own fails its run, and [`join`](library::RunHandle::join) gives the same error.
//!
//! # Other backends
//!
//! What a library stands on are traits in [`backend`]; [`Library::builder`] takes others than the
//! embedded ones. Their contracts are tests in `testkit` that anybody can run on theirs.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `local` (default) | SQLite catalog, folder storage, cold folder, ffmpeg: [`Library::open`] |
//! | `gateway` | the operations, media, events and uploads over HTTP: `gateway` |
//! | `cli` | the command line `emam`, for programs of any language: `cli::main` |
//! | `testkit` | conformance suites for backends and storages that fail on purpose |
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod api;
pub mod backend;
mod checksum;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod geometry;
pub mod id;
mod io;
pub mod library;
#[cfg(feature = "local")]
pub mod local;
pub mod memory;
pub mod model;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod time;
pub mod timeline;
pub mod transfer;
pub mod workflow;

pub use error::{Error, ErrorInfo, ErrorKind, Result, Retry};
pub use library::Library;

/// The guide, here only so that its programs are run as tests of the documentation.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../docs/guide/archive.md")]
    mod archive {}
    #[doc = include_str!("../../docs/guide/find-and-cut.md")]
    mod find_and_cut {}
    #[cfg(feature = "gateway")]
    #[doc = include_str!("../../docs/guide/http.md")]
    mod http {}
    #[doc = include_str!("../../docs/guide/ingest.md")]
    mod ingest {}
    #[doc = include_str!("../../docs/guide/runs-and-events.md")]
    mod runs_and_events {}
    #[cfg(feature = "local")]
    #[doc = include_str!("../../docs/guide/timelines.md")]
    mod timelines {}
    #[cfg(feature = "testkit")]
    #[doc = include_str!("../../docs/guide/write-a-backend.md")]
    mod write_a_backend {}
}
