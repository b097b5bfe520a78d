//! The only place that reads time or randomness.
//!
//! Everything else is handed a [`Clock`], so a test can stand still, jump a week ahead to see a
//! restored copy expire, or make the same ids twice.

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Tells the time and makes ids.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present instant, in UTC.
    fn now(&self) -> Timestamp;

    /// A new UUIDv7, greater than every one this clock made before.
    fn new_uuid(&self) -> Uuid;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[allow(clippy::disallowed_methods)]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn new_uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A clock that moves only when told to, for tests.
///
/// ```
/// use std::time::Duration;
/// use emam_core::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse()?);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().to_string(), "2026-01-01T00:01:00Z");
/// assert!(clock.new_uuid() < clock.new_uuid());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(Timestamp, u64)>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn starting_at(now: Timestamp) -> Self {
        Self { state: Mutex::new((now, 0)) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let mut state = self.lock();
        state.0 = state.0.saturating_add(by).unwrap_or(Timestamp::MAX);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Timestamp, u64)> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().0
    }

    fn new_uuid(&self) -> Uuid {
        let mut state = self.lock();
        state.1 += 1;
        let millis = u64::try_from(state.0.as_millisecond()).unwrap_or(0);
        let mut random = [0; 10];
        random[2..].copy_from_slice(&state.1.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// Thirty-two bytes nobody can guess, of the operating system.
#[cfg(feature = "gateway")]
#[allow(clippy::disallowed_methods)]
pub(crate) fn random_secret() -> [u8; 32] {
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    secret[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    secret
}

/// The instant `wait` after `now`, saturating at the end of time.
pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How long from `now` until `then`; zero when `then` has passed.
pub(crate) fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}
