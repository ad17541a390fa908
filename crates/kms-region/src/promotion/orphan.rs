//! Keys that nobody holds any more: the last Region that did has left the deployment (rule 12). Nobody can lead them, so a
//! Region that has no part in them collects promises as a candidate does, and writes the tombstone instead of itself. Then no
//! Region waits for them, their ids are never used again (D3), and the name of the Region that left may come back.

use kms_state::ControlRecord;
use kms_types::{KeyId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Purpose;
use crate::{Force, Machine};

/// Since when this machine knows that nobody holds them.
pub(super) type Orphans = BTreeMap<KeyId, Timestamp>;

impl Machine {
    /// Looks at a key whose committed record has changed.
    pub(crate) fn follow_orphan(&mut self, key: KeyId) {
        if self.is_orphan(&key) {
            self.promotions.orphans.entry(key).or_insert(self.now);
        } else {
            self.promotions.orphans.remove(&key);
        }
    }

    /// Looks at every key.
    pub(crate) fn follow_orphans(&mut self) {
        let keys: Vec<KeyId> = self.state.registers().map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.follow_orphan(key));
    }

    /// No Region of the deployment holds the key. A rebuilt Region may find itself named as the primary that it was in
    /// another history, and knows better.
    pub(super) fn is_orphan(&self, key: &KeyId) -> bool {
        let Some(directory) = self.state.directory() else { return false };
        let Some(record) = self.newest_of_orphan(key) else { return false };
        if record.is_destroyed() {
            return self.committed(key).is_none();
        }
        let named = (record.primary == self.region && self.state.key(key).is_none()).then_some(&self.region);
        let led = directory.voters.contains_key(&record.primary) && named.is_none();
        !led && record.holders(directory).all(|region| Some(region) == named)
    }

    /// Of a key that its primary made last, others may have accepted a change and never heard that anything is committed.
    pub(super) fn newest_of_orphan(&self, key: &KeyId) -> Option<Arc<ControlRecord>> {
        self.register(key)?.known().cloned()
    }

    /// The data Regions one after the other, so that they do not overtake each other.
    pub(super) fn give_up_orphans(&mut self) {
        if !self.state.has_vote() || self.state.is_survey_open() || !self.holds_material() {
            return;
        }
        let Some(directory) = self.state.directory() else { return };
        let data = directory.voters.keys().filter(|region| directory.is_data(region));
        let place = data.take_while(|region| **region != self.region).count() as u64;
        let (now, patience_ms) = (self.now, self.config.reclaim_ms);
        let due = |since: Timestamp| now.millis_since(since) >= patience_ms.saturating_mul(place);
        let free =
            |key: &KeyId| !self.promotions.is_running(key) && !self.promotions.next_own.contains_key(key);
        let orphans = self.promotions.orphans.iter();
        let keys: Vec<KeyId> =
            orphans.filter(|(key, since)| due(**since) && free(key)).map(|(key, _)| *key).collect();
        for key in keys {
            self.promotions.next_own.insert(key, now.plus_millis(patience_ms));
            self.begin_promotion(key, Purpose::GiveUp, Force::Safe, None);
        }
    }
}
