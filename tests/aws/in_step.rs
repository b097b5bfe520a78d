//! An archive of an emulated account whose time is the test's.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use emam_awsim::world::World;
use emam_core::Result;
use emam_core::backend::{
    Archive, ArchiveCapabilities, ArchiveItem, ArchiveStatus, Key, Outcome, Quote, QuoteRequest,
    RestoreOptions,
};
use emam_core::clock::{Clock, ManualClock};
use emam_core::model::StorageClass;
use jiff::Timestamp;

/// An archive before whose every call the account's clock is moved to where the test's stands.
#[derive(Debug)]
pub(crate) struct InStep<A> {
    archive: A,
    world: Arc<World>,
    clock: Arc<ManualClock>,
    seen: Mutex<Timestamp>,
}

impl<A: Archive> InStep<A> {
    pub(crate) fn new(archive: A, world: Arc<World>, clock: Arc<ManualClock>) -> Self {
        let seen = Mutex::new(clock.now());
        Self { archive, world, clock, seen }
    }

    fn step(&self) -> &A {
        let now = self.clock.now();
        let mut seen = self.seen.lock().expect("no test panicked");
        let passed = now.duration_since(*seen);
        self.world.clock.advance(passed.try_into().expect("time goes on"));
        *seen = now;
        &self.archive
    }
}

#[async_trait]
impl<A: Archive> Archive for InStep<A> {
    fn capabilities(&self) -> ArchiveCapabilities {
        self.archive.capabilities()
    }

    async fn archive(&self, keys: &[Key], class: StorageClass) -> Result<Vec<Outcome>> {
        self.step().archive(keys, class).await
    }

    async fn quote(&self, items: &[ArchiveItem], request: QuoteRequest) -> Result<Quote> {
        self.step().quote(items, request).await
    }

    async fn restore(
        &self,
        keys: &[Key],
        options: RestoreOptions,
    ) -> Result<Vec<Outcome<Timestamp>>> {
        self.step().restore(keys, options).await
    }

    async fn status(&self, key: &Key) -> Result<ArchiveStatus> {
        self.step().status(key).await
    }

    async fn forget(&self, key: &Key) -> Result<()> {
        self.step().forget(key).await
    }
}
