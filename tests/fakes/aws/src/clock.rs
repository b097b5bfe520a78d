//! The emulated account's own time: real time made faster, plus what was skipped.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// A clock that can be made faster and moved on.
#[derive(Debug)]
pub struct Clock {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    base: Timestamp,
    since: Instant,
    factor: f64,
}

impl Clock {
    /// A clock that tells the present time and runs `factor` times as fast as real time.
    pub fn new(factor: f64) -> Self {
        let inner = Inner { base: Timestamp::now(), since: Instant::now(), factor };
        Self { inner: Mutex::new(inner) }
    }

    /// The present instant of the account.
    pub fn now(&self) -> Timestamp {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = inner.since.elapsed().as_secs_f64() * inner.factor;
        inner.base.saturating_add(SignedDuration::from_secs_f64(passed)).unwrap_or(inner.base)
    }

    /// Moves time on.
    pub fn advance(&self, by: Duration) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::ZERO);
        inner.base = inner.base.saturating_add(by).unwrap_or(inner.base);
    }

    /// Makes time run `factor` times as fast from now on.
    pub fn set_factor(&self, factor: f64) {
        let now = self.now();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner = Inner { base: now, since: Instant::now(), factor };
    }
}
