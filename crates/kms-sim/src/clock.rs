//! The clocks of the nodes: simulated time, plus what is wrong with each.

use kms_node::clock::Clock;
use kms_types::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// When every simulation begins.
const START_MS: u64 = 1_770_000_000_000;

/// Simulated time, the same for all.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorldClock {
    now_ms: Arc<AtomicU64>,
    /// Days that everybody skipped.
    skipped_ms: Arc<AtomicU64>,
}

impl WorldClock {
    /// Milliseconds since the start.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// All calendars move on at once, as if everybody had slept.
    pub(crate) fn skip(&self, ms: u64) {
        self.skipped_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// What a right clock shows.
    pub(crate) fn calendar_ms(&self) -> u64 {
        START_MS + self.now_ms() + self.skipped_ms.load(Ordering::Relaxed)
    }
}

/// One node's clock.
#[derive(Debug, Clone)]
pub(crate) struct NodeClock {
    pub(crate) world: WorldClock,
    /// How far it is ahead; negative when behind.
    pub(crate) skew_ms: Arc<AtomicI64>,
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        let skew_ms = self.skew_ms.load(Ordering::Relaxed);
        Timestamp::from_millis(self.world.calendar_ms().saturating_add_signed(skew_ms))
    }
}
