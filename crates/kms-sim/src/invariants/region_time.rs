//! Region time never goes back, and is never ahead of what a majority of right clocks has shown (B5, D1).
//!
//! The faults leave a majority of every Region's clocks right.

use super::{Violation, broken};
use crate::address::{Address, RegionNumber};
use crate::deployment::Deployment;
use kms_raft::Applied;
use kms_types::Timestamp;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct RegionTimes {
    calendar_ms: u64,
    shown: BTreeMap<RegionNumber, (u64, Timestamp)>,
}

impl RegionTimes {
    /// The Region has another history from now on.
    pub(crate) fn forget(&mut self, region: RegionNumber) {
        self.shown.remove(&region);
    }

    pub(crate) fn tick(&mut self, deployment: &Deployment) {
        self.calendar_ms = deployment.world.calendar_ms();
    }

    pub(crate) fn see(&mut self, at: Address, applied: &Applied) -> Result<(), Violation> {
        let now = applied.state.region_time();
        if now.as_millis() > self.calendar_ms {
            let ahead_ms = now.as_millis() - self.calendar_ms;
            return broken("B5", format!("Region time at {at} is {ahead_ms} ms ahead of every right clock"));
        }
        let (index, newest) = *self.shown.get(&at.region).unwrap_or(&(0, now));
        if applied.index >= index {
            if now < newest {
                return broken("D1", format!("Region time at {at} went back at entry {}", applied.index));
            }
            self.shown.insert(at.region, (applied.index, now));
        }
        Ok(())
    }
}
