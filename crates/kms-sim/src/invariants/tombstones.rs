//! Destroyed is for ever: a key that was destroyed in a Region has no record and no material there again (D3).

use super::{Violation, broken};
use crate::address::RegionNumber;
use crate::deployment::region_name;
use kms_state::State;
use kms_types::KeyId;
use std::collections::BTreeSet;

#[derive(Default)]
pub(crate) struct Tombstones {
    /// Single-Region keys that are there.
    living: BTreeSet<(RegionNumber, KeyId)>,
    gone: BTreeSet<(RegionNumber, KeyId)>,
}

impl Tombstones {
    /// The Region has another history from now on.
    pub(crate) fn forget(&mut self, region: RegionNumber) {
        self.living.retain(|place| place.0 != region);
        self.gone.retain(|place| place.0 != region);
    }

    pub(crate) fn see(&mut self, region: RegionNumber, state: &State) -> Result<(), Violation> {
        let now: BTreeSet<(RegionNumber, KeyId)> =
            state.keys().filter(|key| !key.id.is_multi_region()).map(|key| (region, key.id)).collect();
        let name = region_name(region);
        if let Some((_, key)) = now.iter().find(|place| self.gone.contains(place)) {
            return broken("D3", format!("key {key} is back in {name} after it was destroyed"));
        }
        let left: Vec<_> =
            self.living.iter().filter(|p| p.0 == region && !now.contains(p)).copied().collect();
        self.gone.extend(left);
        self.living.retain(|place| place.0 != region);
        self.living.extend(now);
        for (key, register) in state.registers() {
            if register.is_destroyed() {
                if state.key(key).is_some_and(|key| !key.held.is_empty()) {
                    return broken("D3", format!("{name} still holds material of {key}, which is destroyed"));
                }
                self.gone.insert((region, *key));
            } else if self.gone.contains(&(region, *key)) {
                return broken("D3", format!("the tombstone of {key} is gone in {name}"));
            }
        }
        Ok(())
    }
}
