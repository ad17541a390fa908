//! Promotions that no operator asks for: the end of a handoff (rule 8), and a primary that takes back a key which it, or
//! another voter, has promised to a candidate that did not finish.

use kms_state::{ControlRecord, Lifecycle, Phase};
use kms_types::KeyId;
use std::collections::BTreeSet;

use super::Purpose;
use crate::{Force, Machine};

impl Machine {
    pub(super) fn trigger_promotions(&mut self) {
        let mut wanted: Vec<KeyId> =
            self.watch.keys().copied().filter(|key| self.is_handed_over(key)).collect();
        wanted.extend(self.fenced_for_long());
        wanted.extend(self.told_unfinished());
        let now = self.now;
        self.promotions.next_own.retain(|_, at| *at > now);
        for key in wanted {
            let free = !self.promotions.is_running(&key) && !self.promotions.next_own.contains_key(&key);
            if free && self.refuses_promotion(&key).is_none() {
                let again = now.plus_millis(self.config.reclaim_ms);
                self.promotions.next_own.insert(key, again);
                self.begin_promotion(key, Purpose::Lead, Force::Safe, None);
            }
        }
    }

    /// The successor promotes at once if its key is Enabled, the old primary once it has waited long enough.
    fn is_handed_over(&self, key: &KeyId) -> bool {
        let Some(record) = self.committed(key) else { return false };
        match &record.phase {
            Phase::Updating { successor, .. } if *successor == self.region => {
                // Rule 8 asks that of both keys, and only the successor knows of its own.
                self.state.key(key).is_some_and(|own| own.lifecycle == Lifecycle::Enabled)
            }
            Phase::Updating { .. } if record.primary == self.region => {
                self.watched_ms(key) >= self.config.handoff_ms
            }
            _ => false,
        }
    }

    /// A candidate was promised a higher epoch and did not finish: neither it nor the primary can change anything.
    /// Any of the two may try again; the primary does so by itself.
    fn fenced_for_long(&mut self) -> Vec<KeyId> {
        let fenced: BTreeSet<KeyId> =
            self.state.unsettled().filter(|key| self.is_fenced(key)).copied().collect();
        let now = self.now;
        self.promotions.fenced_since.retain(|key, _| fenced.contains(key));
        let since = &mut self.promotions.fenced_since;
        let patience_ms = self.config.reclaim_ms;
        fenced
            .into_iter()
            .filter(|key| now.millis_since(*since.entry(*key).or_insert(now)) >= patience_ms)
            .collect()
    }

    fn is_fenced(&self, key: &KeyId) -> bool {
        let Some(register) = self.register(key) else { return false };
        let own = |record: &ControlRecord| record.primary == self.region;
        match self.rounds.get(key) {
            Some(round) => round.fenced_by.is_some() && register.committed.as_deref().is_some_and(own),
            None => register.committed.as_deref().is_some_and(own),
        }
    }
}
