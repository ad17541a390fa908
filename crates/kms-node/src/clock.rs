//! Where this process reads the time: one trait, so that tests and local clusters can move it.
//!
//! What the core decides never depends on it directly; it sees Region time, which only log entries move.

use kms_types::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that shows calendar time.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock, CLOCK_REALTIME. May jump either way; Region time is the median of several.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the calendar clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_is_past_the_day_this_was_written() {
        assert!(SystemClock.now() > Timestamp::parse_iso("2025-01-01T00:00:00Z").unwrap());
    }
}
