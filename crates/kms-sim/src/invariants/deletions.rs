//! Deletion: a copy goes only when its whole window has passed in Region time and no voter agrees to a tombstone before
//! that (D1); a key is destroyed when its primary is the last member (D2), and not called back past its deadline (D5).

use super::{Violation, broken, reading};
use crate::address::RegionNumber;
use crate::deployment::region_name;
use kms_state::{ControlRecord, Directory, Lifecycle, State};
use kms_types::{KeyId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct Deletions {
    /// The copies of each Region, and the deadlines of those that have one.
    copies: BTreeMap<RegionNumber, BTreeMap<KeyId, Option<Timestamp>>>,
    times: BTreeMap<RegionNumber, Timestamp>,
    readings: BTreeMap<RegionNumber, (u64, bool)>,
    /// Where a tombstone was accepted and judged.
    judged: BTreeSet<(RegionNumber, KeyId)>,
}

impl Deletions {
    /// The Region has another history from now on.
    pub(crate) fn forget(&mut self, region: RegionNumber) {
        self.copies.remove(&region);
        self.times.remove(&region);
        self.readings.remove(&region);
        self.judged.retain(|place| place.0 != region);
    }

    pub(crate) fn see(&mut self, region: RegionNumber, state: &State) -> Result<(), Violation> {
        let (name, now) = (region_name(region), state.region_time());
        let since = self.times.insert(region, now).unwrap_or_default();
        let copies = state.keys().map(|key| (key.id, deadline(key.lifecycle))).collect();
        let before = self.copies.insert(region, copies).unwrap_or_default();
        for (key, delete_at) in &before {
            if state.key(key).is_none() && delete_at.is_none_or(|at| at > now) {
                return broken("D1", format!("{key} is gone in {name} before its deadline {delete_at:?}"));
            }
        }
        self.called_back(region, state, &before, since)?;
        for key in state.keys() {
            let Lifecycle::PendingDeletion { delete_at, window_days } = key.lifecycle else { continue };
            let is_new = before.get(&key.id).copied().flatten() != Some(delete_at);
            if is_new && delete_at < since.plus_days(window_days.into()) {
                return broken(
                    "D1",
                    format!("{} in {name} is to go before {window_days} days have passed", key.id),
                );
            }
        }
        self.see_acceptances(region, state)
    }

    /// Past its deadline a multi-Region key is not called back: its tombstone may be under way (D5).
    fn called_back(
        &self,
        region: RegionNumber,
        state: &State,
        before: &BTreeMap<KeyId, Option<Timestamp>>,
        since: Timestamp,
    ) -> Result<(), Violation> {
        for (id, delete_at) in before.iter().filter(|(id, _)| id.is_multi_region()) {
            let Some(key) = state.key(id) else { continue };
            let back = matches!(key.lifecycle, Lifecycle::Enabled | Lifecycle::Disabled);
            if back && delete_at.is_some_and(|at| at <= since) {
                let name = region_name(region);
                return broken("D5", format!("{id} in {name} was called back after its deadline"));
            }
        }
        Ok(())
    }

    /// What a voter has read from others after a change of the directory is not its own agreement, and is asked of it again
    /// when its answer counts.
    fn see_acceptances(&mut self, region: RegionNumber, state: &State) -> Result<(), Violation> {
        let now = reading(state);
        let read = self.readings.insert(region, now) != Some(now) || now.1;
        for (key, register) in state.registers() {
            let accepted = register.accepted.as_ref().filter(|accepted| accepted.is_destroyed());
            let Some(deletion) = accepted.and_then(|record| record.deletion) else { continue };
            let learned = register.is_destroyed();
            if self.judged.insert((region, *key))
                && !learned
                && !read
                && deletion.delete_at > state.region_time()
            {
                let name = region_name(region);
                return broken("D1", format!("{name} accepts the tombstone of {key} before its deadline"));
            }
        }
        Ok(())
    }
}

/// A tombstone, and the committed record before it.
pub(crate) fn buried(
    record: &ControlRecord,
    before: Option<&ControlRecord>,
    directory: Option<&Directory>,
) -> Result<(), Violation> {
    if record.is_given_up() {
        return given_up(record, before, directory);
    }
    let left = before.map_or(0, |before| before.members.keys().filter(|r| **r != before.primary).count());
    match left {
        0 => Ok(()),
        left => broken(
            "D2",
            format!("{} is destroyed by {} with {left} replicas left", record.key, record.version),
        ),
    }
}

/// Nothing is given up that a Region of the deployment holds.
fn given_up(
    record: &ControlRecord,
    before: Option<&ControlRecord>,
    directory: Option<&Directory>,
) -> Result<(), Violation> {
    let (Some(before), Some(directory)) = (before, directory) else { return Ok(()) };
    // The one that gives it up may be named as what another history of it was.
    match before.other_holder(directory, &record.primary) {
        Some(region) => broken("D1", format!("{} is given up although {region} holds it", record.key)),
        None => Ok(()),
    }
}

fn deadline(lifecycle: Lifecycle) -> Option<Timestamp> {
    match lifecycle {
        Lifecycle::PendingDeletion { delete_at, .. } => Some(delete_at),
        Lifecycle::Enabled | Lifecycle::Disabled | Lifecycle::PendingReplicaDeletion { .. } => None,
    }
}
