//! The notifiers of the core, held to the contract of [`Notifier`](emam_core::backend::Notifier).

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use async_trait::async_trait;
use emam_core::backend::Notifier;
use emam_core::memory::MemoryNotifier;
use emam_core::notifier_conformance;
use emam_core::testkit::{Arrived, Inbox, NotifierFixture, NotifierUnderTest};

struct Memory;

#[derive(Debug)]
struct Kept(Arc<MemoryNotifier>);

#[async_trait]
impl Inbox for Kept {
    async fn arrived(&self) -> Vec<Arrived> {
        self.0.notices().into_iter().map(Arrived::from).collect()
    }
}

#[async_trait]
impl NotifierFixture for Memory {
    async fn fresh(&self) -> NotifierUnderTest {
        let notifier = Arc::new(MemoryNotifier::new());
        let inbox = Arc::new(Kept(Arc::clone(&notifier)));
        NotifierUnderTest { notifier, inbox }
    }

    async fn unreachable(&self) -> Arc<dyn Notifier> {
        Arc::new(MemoryNotifier::unreachable())
    }
}

notifier_conformance!(memory, Memory);
