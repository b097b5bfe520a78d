//! Conformance suites: what a backend must do, as tests that anybody can run on theirs.
//!
//! Each bullet under `# Contract` of a trait is a case of the same name. To certify a backend,
//! say how to make a fresh one and name the suite:
//!
//! ```
//! use std::sync::Arc;
//! use emam_core::backend::Storage;
//! use emam_core::memory::MemoryStorage;
//! use emam_core::testkit::StorageFixture;
//!
//! struct Fresh;
//!
//! #[async_trait::async_trait]
//! impl StorageFixture for Fresh {
//!     async fn fresh(&self) -> Arc<dyn Storage> {
//!         Arc::new(MemoryStorage::new())
//!     }
//! }
//!
//! emam_core::storage_conformance!(my_storage, Fresh);
//! # emam_core::testkit::run(emam_core::testkit::storage::put_then_get(&Fresh));
//! ```
//!
//! That makes one `#[test]` per case, so `cargo test my_storage::put_is_atomic` runs one of them.
//! Where a backend says in its capabilities that it cannot do something, the case checks that it
//! refuses. Cases panic with the reason, as tests do.
//!
//! A prober, transcoder or analyzer is certified with media of which the truth is known: a
//! [`MediaFixture`] gives it, generated or kept, in whatever storage the backend reads.
//!
//! [`FaultyStorage`] makes a good storage fail where you want it to.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod analyzer;
pub mod archive;
pub mod catalog;
mod faults;
mod media;
pub mod notifier;
pub mod prober;
pub mod storage;
pub mod transcoder;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::{Key, Storage};
use crate::error::{Error, ErrorKind, Result};

pub use analyzer::AnalyzerFixture;
pub use archive::{ArchiveFixture, ArchiveUnderTest, Punctuality};
pub use catalog::{CatalogFixture, WorkflowsFixture, WorkflowsUnderTest};
pub use faults::{FaultyStorage, StorageCall};
pub use media::{KnownAudio, KnownMedia, KnownVideo, MediaFixture};
pub use notifier::{Arrived, Inbox, NotifierFixture, NotifierUnderTest};
pub use prober::ProberFixture;
pub use transcoder::{TranscoderFixture, TranscoderUnderTest};

/// Makes storages to be tested.
#[async_trait]
pub trait StorageFixture: Send + Sync {
    /// A storage that holds nothing and shares nothing with those made before.
    async fn fresh(&self) -> Arc<dyn Storage>;
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
fn key(text: &str) -> Key {
    text.parse().expect("a key of the suite is a key")
}

#[track_caller]
fn assert_kind<T: Debug>(result: Result<T>, kind: ErrorKind, what: &str) -> Error {
    match result {
        Ok(value) => panic!("{what}: expected {kind}, got {value:?}"),
        Err(error) if error.kind() == kind => error,
        Err(error) => panic!("{what}: expected {kind}, got {error:?}"),
    }
}

/// Bytes that differ with their place and with `seed`, so that no part can pass for another.
fn bytes(size: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut all = Vec::with_capacity(size + 8);
    while all.len() < size {
        // xorshift64: quick, and the same on every machine.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        all.extend_from_slice(&state.to_le_bytes());
    }
    all.truncate(size);
    all.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    fn between<'a>(text: &'a str, before: &str, after: &str) -> BTreeSet<&'a str> {
        text.split(before).skip(1).map(|rest| rest.split_once(after).expect("it ends").0).collect()
    }

    /// The contract, the cases and the macro that runs them: three lists that must be one.
    fn assert_complete(contract: &str, suite: &str, name: &str) {
        let promises = between(contract, "/// - `", "`:");
        let cases = between(suite, "\npub async fn ", "(");
        let list = suite.split_once(name).expect("the macro").1.split_once('}').expect("its end").0;
        let run: BTreeSet<_> =
            list.split(',').map(str::trim).filter(|case| !case.is_empty()).collect();
        assert!(promises.len() > 2);
        assert_eq!(promises, cases);
        assert_eq!(cases, run);
    }

    #[test]
    fn every_promise_of_storage_has_a_case_that_is_run() {
        let suite = [include_str!("storage/mod.rs"), include_str!("storage/uploads.rs")].concat();
        assert_complete(include_str!("../backend/storage.rs"), &suite, "$fixture, storage:");
    }

    #[test]
    fn every_promise_of_archive_has_a_case_that_is_run() {
        let suite = include_str!("archive.rs");
        assert_complete(include_str!("../backend/archive.rs"), suite, "$fixture, archive:");
    }

    #[test]
    fn every_promise_of_notifier_has_a_case_that_is_run() {
        let suite = include_str!("notifier.rs");
        assert_complete(include_str!("../backend/notifier.rs"), suite, "$fixture, notifier:");
    }

    #[test]
    fn every_promise_of_prober_transcoder_and_analyzer_has_a_case_that_is_run() {
        let suite = include_str!("prober.rs");
        assert_complete(include_str!("../backend/prober.rs"), suite, "$fixture, prober:");
        let suite = include_str!("transcoder.rs");
        assert_complete(include_str!("../backend/transcoder.rs"), suite, "$fixture, transcoder:");
        let suite = include_str!("analyzer.rs");
        assert_complete(include_str!("../backend/analyzer.rs"), suite, "$fixture, analyzer:");
    }

    #[test]
    fn every_promise_of_workflows_is_run_for_stores_of_runs_alone() {
        let promises = between(include_str!("../backend/catalog/workflows.rs"), "/// - `", "`:");
        let macros = include_str!("catalog/mod.rs");
        let list = macros.split_once("macro_rules! workflows_conformance").expect("macro").1;
        let list = list.split_once("$fixture, catalog:").expect("its cases").1;
        let list = list.split_once('}').expect("its end").0;
        let run: BTreeSet<_> = list.split(',').map(str::trim).collect();
        let missing: Vec<_> = promises.difference(&run).collect();
        assert!(promises.len() > 20 && missing.is_empty(), "not run: {missing:?}");
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
            include_str!("catalog/shared_work.rs"),
            include_str!("catalog/search.rs"),
            include_str!("catalog/filters.rs"),
            include_str!("catalog/events.rs"),
            include_str!("catalog/properties.rs"),
        ]
        .concat();
        let promises = between(&contract, "/// - `", "`:");
        let cases = between(&suite, "\npub async fn ", "(");
        let macros = include_str!("catalog/mod.rs");
        let list = macros.split_once("macro_rules! catalog_conformance").expect("macro").1;
        let list = list.split_once("$fixture, catalog:").expect("its cases");
        let list = list.1.split_once('}').expect("its end").0;
        let run: BTreeSet<_> =
            list.split(',').map(str::trim).filter(|case| !case.is_empty()).collect();
        assert!(promises.len() > 60);
        let missing: Vec<_> = promises.difference(&cases).collect();
        assert!(missing.is_empty(), "no case for {missing:?}");
        assert_eq!(cases, run);
    }
}
