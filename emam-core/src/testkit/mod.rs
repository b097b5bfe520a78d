//! Conformance suites: what a backend must do, as tests that anybody can run on theirs.
//!
//! Each bullet under `# Contract` of a trait is a case of the same name. To certify a backend,
//! say how to make a fresh one and name the suite:
//!
//! ```
//! use std::sync::Arc;
//! use emam_core::backend::Catalog;
//! use emam_core::clock::SystemClock;
//! use emam_core::local::SqliteCatalog;
//! use emam_core::testkit::CatalogFixture;
//!
//! struct Fresh(tempfile::TempDir);
//!
//! #[async_trait::async_trait]
//! impl CatalogFixture for Fresh {
//!     async fn fresh(&self) -> Arc<dyn Catalog> {
//!         let path = tempfile::tempdir_in(self.0.path()).unwrap().keep().join("catalog.db");
//!         Arc::new(SqliteCatalog::open(path, Arc::new(SystemClock)).await.unwrap())
//!     }
//! }
//!
//! emam_core::catalog_conformance!(my_catalog, Fresh(tempfile::tempdir().unwrap()));
//! # let fixture = Fresh(tempfile::tempdir()?);
//! # emam_core::testkit::run(emam_core::testkit::catalog::asset_round_trip(&fixture));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! That makes one `#[test]` per case, so `cargo test my_catalog::asset_round_trip` runs one of
//! them. Cases panic with the reason, as tests do.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod catalog;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;

use crate::backend::Catalog;
use crate::error::{Error, ErrorKind, Result};

/// Makes catalogs to be tested.
#[async_trait]
pub trait CatalogFixture: Send + Sync {
    /// A catalog that holds nothing and shares nothing with those made before.
    async fn fresh(&self) -> Arc<dyn Catalog>;
}

/// Runs one case to its end, on two threads so that races can happen.
///
/// # Panics
/// Where the case does.
pub fn run(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the operating system gives threads")
        .block_on(case);
}

/// Makes a `#[test]` of each case of a suite.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($name:ident, $fixture:expr, $suite:ident: $($case:ident,)+) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[test]
                fn $case() {
                    let fixture = $fixture;
                    $crate::testkit::run($crate::testkit::$suite::$case(&fixture));
                }
            )+
        }
    };
}

#[track_caller]
fn assert_kind<T: Debug>(result: Result<T>, kind: ErrorKind, what: &str) -> Error {
    match result {
        Ok(value) => panic!("{what}: expected {kind}, got {value:?}"),
        Err(error) if error.kind() == kind => error,
        Err(error) => panic!("{what}: expected {kind}, got {error:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    fn between<'a>(text: &'a str, before: &str, after: &str) -> BTreeSet<&'a str> {
        text.split(before).skip(1).map(|rest| rest.split_once(after).expect("it ends").0).collect()
    }

    /// Every promise of the catalog's traits is a case, and every case is run by the macro.
    #[test]
    fn every_promise_of_the_catalog_has_a_case_that_is_run() {
        let contract = [
            include_str!("../backend/catalog/assets.rs"),
            include_str!("../backend/catalog/annotations.rs"),
            include_str!("../backend/catalog/categories.rs"),
            include_str!("../backend/catalog/projects.rs"),
            include_str!("../backend/catalog/bins.rs"),
            include_str!("../backend/catalog/sequences.rs"),
            include_str!("../backend/catalog/workflows.rs"),
            include_str!("../backend/catalog/search.rs"),
            include_str!("../backend/catalog/events.rs"),
        ]
        .concat();
        let suite = [
            include_str!("catalog/assets.rs"),
            include_str!("catalog/renditions.rs"),
            include_str!("catalog/annotations.rs"),
            include_str!("catalog/categories.rs"),
            include_str!("catalog/projects.rs"),
            include_str!("catalog/bins.rs"),
            include_str!("catalog/sequences.rs"),
            include_str!("catalog/workflows.rs"),
            include_str!("catalog/leases.rs"),
            include_str!("catalog/search.rs"),
            include_str!("catalog/filters.rs"),
            include_str!("catalog/events.rs"),
            include_str!("catalog/properties.rs"),
        ]
        .concat();
        let promises = between(&contract, "/// - `", "`:");
        let cases = between(&suite, "\npub async fn ", "(");
        let list = include_str!("catalog/mod.rs").split_once("$fixture, catalog:").expect("macro");
        let list = list.1.split_once('}').expect("its end").0;
        let run: BTreeSet<_> =
            list.split(',').map(str::trim).filter(|case| !case.is_empty()).collect();
        assert!(promises.len() > 60);
        let missing: Vec<_> = promises.difference(&cases).collect();
        assert!(missing.is_empty(), "no case for {missing:?}");
        assert_eq!(cases, run);
    }
}
