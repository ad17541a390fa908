use kms_types::Timestamp;
use serde::{Deserialize, Serialize};

/// Which clock a Region's time follows; decided by its first entry and never changed (docs/adr/0008).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegionClock {
    /// The voters' clocks, and nothing else.
    #[default]
    Real,
    /// The voters' clocks and an offset that only grows: a cluster for development and tests.
    Virtual {
        /// How far Region time is ahead of the voters' clocks, in milliseconds.
        offset_ms: u64,
    },
}

impl RegionClock {
    /// A virtual clock that has not been moved yet.
    pub const VIRTUAL: Self = Self::Virtual { offset_ms: 0 };

    /// How far Region time is ahead of the voters' clocks, in milliseconds; zero for a real clock.
    pub const fn offset_ms(self) -> u64 {
        match self {
            Self::Real => 0,
            Self::Virtual { offset_ms } => offset_ms,
        }
    }

    /// Region time when the voters' clocks show `clocks`.
    pub const fn region_time(self, clocks: Timestamp) -> Timestamp {
        clocks.plus_millis(self.offset_ms())
    }

    /// What the voters' clocks show when it is `region_time`.
    pub const fn clocks(self, region_time: Timestamp) -> Timestamp {
        Timestamp::from_millis(region_time.as_millis().saturating_sub(self.offset_ms()))
    }
}
