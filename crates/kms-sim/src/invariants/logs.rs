//! One log per Region (A1), one state per position (A3), no membership that is older than the one before (A6).
//!
//! This is State Machine Safety of [RAFT §3.2], asked of what every process has really applied.

use super::{Violation, broken};
use crate::address::{Address, RegionNumber};
use kms_raft::{Applied, LogId};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Logs {
    entries: BTreeMap<(RegionNumber, u64), LogId>,
    hashes: BTreeMap<(RegionNumber, u64), [u8; 32]>,
    /// Per process: position and the position of its membership.
    positions: BTreeMap<(Address, u64), (u64, Option<LogId>)>,
}

impl Logs {
    /// The Region has another history from now on.
    pub(crate) fn forget(&mut self, region: RegionNumber) {
        self.entries.retain(|(of, _), _| *of != region);
        self.hashes.retain(|(of, _), _| *of != region);
        self.positions.retain(|(at, _), _| at.region != region);
    }

    pub(crate) fn see(&mut self, at: Address, life: u64, applied: &Applied) -> Result<(), Violation> {
        let Some(log_id) = applied.log_id else { return Ok(()) };
        let known = *self.entries.entry((at.region, applied.index)).or_insert(log_id);
        if known != log_id {
            return broken("A1", format!("{at} applied entry {log_id}, where another node applied {known}"));
        }
        let membership = *applied.membership.log_id();
        let before = self.positions.insert((at, life), (applied.index, membership));
        match before {
            Some((index, _)) if index > applied.index => {
                broken("A6", format!("{at} went back from entry {index} to {}", applied.index))
            }
            Some((_, older)) if older > membership => broken(
                "A6",
                format!("{at} went back from the members of {older:?} to those of {membership:?}"),
            ),
            _ => Ok(()),
        }
    }

    pub(crate) fn compare(&mut self, at: Address, applied: &Applied) -> Result<(), Violation> {
        let hash = applied.state.hash();
        let known = *self.hashes.entry((at.region, applied.index)).or_insert(hash);
        match known == hash {
            true => Ok(()),
            false => broken(
                "A3",
                format!("{at} has another state than a node before it at entry {}", applied.index),
            ),
        }
    }
}
