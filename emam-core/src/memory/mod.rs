//! Backends that keep everything in memory, for tests and examples. They are held to the same
//! conformance suites as the others.

mod storage;

pub use storage::MemoryStorage;
