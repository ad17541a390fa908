//! Rule 11: replicas first, each after its own window; then the primary's window; the tombstone is committed before
//! material is destroyed. Single-Region keys are destroyed by the node's own timer, not here.

use kms_state::{Command, Deletion, Lifecycle};
use kms_types::{KeyId, RecordVersion, Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

use crate::{Machine, Message, message::batches, proposals::Pending};

#[derive(Debug, Clone, Default)]
pub(crate) struct Deletions {
    next_at: Timestamp,
    /// Due keys whose primary is this Region.
    of_primary: BTreeSet<KeyId>,
    /// Keys with DestroyKey in the own log.
    destroying: BTreeSet<KeyId>,
}

impl Deletions {
    pub(crate) fn of_primary(&self) -> impl Iterator<Item = &KeyId> {
        self.of_primary.iter()
    }
}

impl Machine {
    /// The terms of a deletion whose deadline has passed in Region time (D1).
    pub(crate) fn due_deletion(&self, key: &KeyId) -> Option<Deletion> {
        match self.state.key(key)?.lifecycle {
            Lifecycle::PendingDeletion { delete_at, window_days }
                if delete_at <= self.state.region_time() =>
            {
                Some(Deletion { delete_at, window_days })
            }
            _ => None,
        }
    }

    pub(crate) fn run_deletions(&mut self) {
        if self.now < self.deletions.next_at || !self.may_propose() {
            return;
        }
        self.deletions.next_at = self.now.plus_millis(self.config.leave_ms);
        self.deletions.of_primary.clear();
        let due = self.state.due(self.state.region_time()).filter(KeyId::is_multi_region);
        let due: Vec<KeyId> = due.filter(|key| self.due_deletion(key).is_some()).collect();
        let mut leaving: BTreeMap<Region, Vec<(KeyId, RecordVersion)>> = BTreeMap::new();
        for key in due {
            let Some(record) = self.committed(&key) else { continue };
            if !record.is_member(&self.region) {
                self.destroy(key);
            } else if record.primary == self.region {
                self.deletions.of_primary.insert(key);
            } else {
                leaving.entry(record.primary.clone()).or_default().push((key, record.version.clone()));
            }
        }
        for (primary, keys) in leaving {
            for keys in batches(keys) {
                self.send(&primary, Message::Leave { keys });
            }
        }
    }

    /// The record no longer lists this Region: nothing but the local copy is left.
    fn destroy(&mut self, key: KeyId) {
        if self.deletions.destroying.insert(key) {
            self.propose(Command::DestroyKey { key }, Pending::Destroy { key });
        }
    }

    pub(crate) fn destroy_concluded(&mut self, key: KeyId) {
        self.deletions.destroying.remove(&key);
    }

    /// Counts for exactly the record that the replica goes by, so that a late message removes no later replica.
    pub(crate) fn on_leave(&mut self, from: &Region, keys: &[(KeyId, RecordVersion)]) {
        for (key, version) in keys {
            let record = self.committed(key).filter(|c| c.primary == self.region && c.version == *version);
            if record.is_some_and(|c| c.is_member(from) && c.primary != *from) {
                self.primary.want_removal(*key, from.clone());
            }
        }
    }
}
