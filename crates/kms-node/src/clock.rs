//! Where this process reads the time: one trait, so that tests and local clusters can move it.
//!
//! What the core decides never depends on it directly; it sees Region time, which only log entries move.

use crate::disturbance::Disturbances;
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

/// The system's clock, as wrong as the node's disturbance says.
#[derive(Debug, Clone)]
pub struct SkewedClock(pub Disturbances);

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        let (now, skew_ms) = (SystemClock.now(), self.0.borrow().skew_ms);
        Timestamp::from_millis(now.as_millis().saturating_add_signed(skew_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disturbance::Disturbance;
    use tokio::sync::watch;

    #[test]
    fn a_skewed_clock_follows_its_skew_both_ways_and_stops_at_zero() {
        let (skew, disturbances) = watch::channel(Disturbance::default());
        let clock = SkewedClock(disturbances);
        for skew_ms in [90_000, -90_000, 0] {
            skew.send_modify(|disturbance| disturbance.skew_ms = skew_ms);
            let ahead = clock.now().as_millis() as i64 - SystemClock.now().as_millis() as i64;
            assert!((ahead - skew_ms).abs() < 1000, "{ahead} instead of {skew_ms}");
        }
        skew.send_modify(|disturbance| disturbance.skew_ms = i64::MIN);
        assert_eq!(clock.now().as_millis(), 0);
    }

    #[test]
    fn the_system_clock_is_past_the_day_this_was_written() {
        assert!(SystemClock.now() > Timestamp::parse_iso("2025-01-01T00:00:00Z").unwrap());
    }
}
