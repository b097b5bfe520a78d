//! When to try again.

use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Retry};
use crate::model::FailureReason;

/// How often and after how long a failed step is tried again. Only errors that say so are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a step is begun at most.
    pub max_attempts: u32,
    /// The wait after the first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// The wait, about, before a service or lane that takes no more for now is asked again; that is
    /// no attempt.
    pub busy_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            busy_wait: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after `error` when the step has failed `failures` times before; nothing
    /// when it is to be given up.
    pub(crate) fn wait(&self, error: &Error, failures: u32, clock: &dyn Clock) -> Option<Duration> {
        if failures.saturating_add(1) >= self.max_attempts {
            return None;
        }
        match error.retry_advice() {
            Retry::No => None,
            Retry::After(wait) => Some(wait),
            Retry::Yes => {
                let doubled = self.first_wait.saturating_mul(1 << failures.min(16));
                let longest = doubled.min(self.longest_wait);
                Some(jittered(longest, clock))
            }
        }
    }

    /// How long to wait for a service or lane that takes no more for now.
    pub(crate) fn busy(&self, error: &Error, clock: &dyn Clock) -> Duration {
        match error.retry_advice() {
            Retry::After(wait) => wait,
            _ => jittered(self.busy_wait, clock),
        }
    }
}

/// Between half and all of a wait, so that runs which failed together do not come back together.
fn jittered(wait: Duration, clock: &dyn Clock) -> Duration {
    // The low bits of a UUID are random.
    let jitter = u32::from(clock.new_uuid().as_bytes()[15]);
    wait / 2 + wait / 2 * jitter / 255
}

/// Whose fault an error is.
pub(crate) fn reason(error: &Error) -> FailureReason {
    match error.kind() {
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::InvalidInput
        | ErrorKind::InvalidMedia
        | ErrorKind::Integrity
        | ErrorKind::PermissionDenied => FailureReason::Data,
        ErrorKind::RateLimited => FailureReason::Quota,
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Unauthenticated => {
            FailureReason::External
        }
        _ => FailureReason::Processing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let policy = RetryPolicy::default();
        let error = Error::new(ErrorKind::Unavailable, "storage.put", "the disk is away");
        for (failures, most) in [(0, 1), (1, 2), (2, 4), (3, 8)] {
            let wait = policy.wait(&error, failures, &SystemClock).unwrap();
            let most = Duration::from_secs(most);
            assert!(most / 2 <= wait && wait <= most, "{wait:?} after {failures}");
        }
        assert_eq!(policy.wait(&error, 4, &SystemClock), None);
    }

    #[test]
    fn what_cannot_succeed_is_not_tried_again() {
        let error = Error::new(ErrorKind::InvalidMedia, "media.probe", "no moov atom");
        assert_eq!(RetryPolicy::default().wait(&error, 0, &SystemClock), None);
        assert_eq!(reason(&error), FailureReason::Data);
    }
}
