//! The catalogs of the core, held to the contracts of their traits.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use async_trait::async_trait;
use emam_core::backend::Catalog;
use emam_core::catalog_conformance;
use emam_core::clock::SystemClock;
use emam_core::local::SqliteCatalog;
use emam_core::testkit::CatalogFixture;
use tempfile::TempDir;

/// Each catalog in a folder of its own in this one, which goes when the test does.
struct Sqlite(TempDir);

impl Sqlite {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for temporary files"))
    }
}

#[async_trait]
impl CatalogFixture for Sqlite {
    async fn fresh(&self) -> Arc<dyn Catalog> {
        let folder = tempfile::tempdir_in(self.0.path()).expect("a folder").keep();
        let path = folder.join("catalog.db");
        Arc::new(SqliteCatalog::open(path, Arc::new(SystemClock)).await.expect("open"))
    }
}

catalog_conformance!(sqlite, Sqlite::new());
