//! The archives of the core, held to the contract of [`Archive`](emam_core::backend::Archive).

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use async_trait::async_trait;
use emam_core::archive_conformance;
use emam_core::backend::Storage;
use emam_core::clock::{Clock, ManualClock};
use emam_core::local::{ColdFolder, FolderStorage, RestoreTimes};
use emam_core::testkit::{ArchiveFixture, ArchiveUnderTest, FaultyStorage, Punctuality};
use tempfile::TempDir;

/// Each folder in this one, which goes when the test does.
struct Folders {
    dir: TempDir,
    wrapped: bool,
}

impl Folders {
    fn new(wrapped: bool) -> Self {
        Self { dir: tempfile::tempdir().expect("a folder for temporary files"), wrapped }
    }
}

#[async_trait]
impl ArchiveFixture for Folders {
    async fn fresh(&self) -> ArchiveUnderTest {
        let dir = tempfile::tempdir_in(self.dir.path()).expect("a folder").keep();
        let start = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let clock = Arc::new(ManualClock::starting_at(start));
        let ticking = || -> Arc<dyn Clock> { Arc::clone(&clock) as _ };
        let folder = FolderStorage::open(dir.join("hot"), ticking()).await;
        let folder = Arc::new(folder.expect("the folder is ours"));
        let storage: Arc<dyn Storage> =
            if self.wrapped { Arc::new(FaultyStorage::new(folder)) } else { folder };
        let (cold, times) = (dir.join("cold"), RestoreTimes::default());
        let archive = ColdFolder::open(Arc::clone(&storage), cold, ticking(), times).await;
        let archive = Arc::new(archive.expect("open"));
        ArchiveUnderTest { storage, archive, clock, punctuality: Punctuality::Exact }
    }
}

archive_conformance!(cold_folder, Folders::new(false));
archive_conformance!(cold_folder_of_a_wrapper, Folders::new(true));
