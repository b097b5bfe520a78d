//! The storages of the core, held to the contract of [`Storage`].

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use async_trait::async_trait;
use emam_core::backend::Storage;
use emam_core::clock::SystemClock;
use emam_core::local::FolderStorage;
use emam_core::memory::MemoryStorage;
use emam_core::storage_conformance;
use emam_core::testkit::{FaultyStorage, StorageFixture};
use tempfile::TempDir;

struct Memory;

#[async_trait]
impl StorageFixture for Memory {
    async fn fresh(&self) -> Arc<dyn Storage> {
        Arc::new(MemoryStorage::new())
    }
}

/// Each folder in this one, which goes when the test does.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for temporary files"))
    }
}

#[async_trait]
impl StorageFixture for Folder {
    async fn fresh(&self) -> Arc<dyn Storage> {
        let dir = tempfile::tempdir_in(self.0.path()).expect("a folder").keep();
        let storage = FolderStorage::open(dir.join("root"), Arc::new(SystemClock)).await;
        Arc::new(storage.expect("the folder is ours"))
    }
}

/// Without a fault set, what fails on purpose must not fail.
struct Faultless(Folder);

#[async_trait]
impl StorageFixture for Faultless {
    async fn fresh(&self) -> Arc<dyn Storage> {
        Arc::new(FaultyStorage::new(self.0.fresh().await))
    }
}

storage_conformance!(memory, Memory);
storage_conformance!(folder, Folder::new());
storage_conformance!(faultless, Faultless(Folder::new()));
