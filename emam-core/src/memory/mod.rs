//! Backends that keep everything in memory, for tests and examples. They are held to the same
//! conformance suites as the others.

mod notifier;
mod storage;

pub use notifier::MemoryNotifier;
pub use storage::MemoryStorage;
