//! A candidate that stops midway leaves promises behind: its own, and those of the voters that it asked. Each Region that
//! holds one for long tells the primary, which takes the key back (docs/adr/0024). Where the primary is lost too, only
//! an operator knows who should follow it, and is alarmed.

use kms_state::ControlRecord;
use kms_types::{Epoch, KeyId, Region, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Alarm, Machine, Message, Output, message::batches};

/// Promises above the committed record; noticed anew by the next leader.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unfinished {
    /// Those of this Region, for keys of other primaries.
    held: BTreeMap<KeyId, Held>,
    /// The highest that other voters have told of, for keys of this primary.
    told: BTreeMap<KeyId, Epoch>,
    /// When the loss of each primary was last alarmed about.
    alarmed_at: BTreeMap<Region, Timestamp>,
}

#[derive(Debug, Clone)]
struct Held {
    epoch: Epoch,
    primary: Region,
    /// Since when this machine has seen this very promise.
    since: Timestamp,
    next_tell: Timestamp,
}

/// Keys of one primary with promises that nobody finishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedPromotions {
    /// How many keys.
    pub keys: usize,
    /// One of them.
    pub example: KeyId,
    /// Since when, in the driver's time.
    pub since: Timestamp,
}

impl Machine {
    pub(super) fn follow_unfinished(&mut self) {
        let found: Vec<(KeyId, Epoch, Region)> =
            self.state.unsettled().filter_map(|key| self.unfinished_here(key)).collect();
        let (now, patience_ms) = (self.now, self.config.reclaim_ms);
        let mut before = std::mem::take(&mut self.promotions.unfinished.held);
        for (key, epoch, primary) in found {
            let same = before.remove(&key).filter(|held| held.epoch == epoch && held.primary == primary);
            let next_tell = now.plus_millis(patience_ms);
            let held = same.unwrap_or(Held { epoch, primary, since: now, next_tell });
            self.promotions.unfinished.held.insert(key, held);
        }
        self.tell_primaries();
        self.alarm_if_unfinished();
    }

    /// The promise of this Region that neither it nor the primary is about to finish, as far as it knows.
    fn unfinished_here(&self, key: &KeyId) -> Option<(KeyId, Epoch, Region)> {
        let register = self.register(key)?;
        let (promised, committed) = (register.promised.as_ref()?, register.committed.as_ref()?);
        let own = committed.primary == self.region || self.promotions.is_running(key);
        let above = *promised > committed.version.epoch && !own;
        above.then(|| (*key, promised.clone(), committed.primary.clone()))
    }

    fn tell_primaries(&mut self) {
        let (now, again_ms) = (self.now, self.config.resend_most_ms);
        let mut batch: BTreeMap<Region, Vec<(KeyId, Epoch)>> = BTreeMap::new();
        for (key, held) in &mut self.promotions.unfinished.held {
            if held.next_tell <= now && !seeded!(SilentCandidate) {
                held.next_tell = now.plus_millis(again_ms);
                batch.entry(held.primary.clone()).or_default().push((*key, held.epoch.clone()));
            }
        }
        batch.retain(|primary, _| self.peers.contains_key(primary));
        for (primary, epochs) in batch {
            for epochs in batches(epochs) {
                self.send(&primary, Message::Unfinished { epochs });
            }
        }
    }

    /// Counts for keys whose primary this Region is: whoever tells another one pulls the newer record soon.
    pub(crate) fn on_unfinished(&mut self, from: &Region, epochs: Vec<(KeyId, Epoch)>) {
        self.tell_destroyed(from, epochs.iter().map(|(key, _)| *key));
        for (key, epoch) in epochs {
            if self.is_above_own(&key, &epoch) {
                self.note_highest(key, &epoch);
                self.promotions.unfinished.told.insert(key, epoch);
            }
        }
    }

    /// The keys of this primary that a voter has promised to somebody who did not finish.
    pub(super) fn told_unfinished(&mut self) -> Vec<KeyId> {
        let mut told = std::mem::take(&mut self.promotions.unfinished.told);
        told.retain(|key, epoch| self.is_above_own(key, epoch));
        let keys = told.keys().copied().collect();
        self.promotions.unfinished.told = told;
        keys
    }

    fn is_above_own(&self, key: &KeyId, epoch: &Epoch) -> bool {
        let own = |record: &Arc<ControlRecord>| record.primary == self.region && !record.is_destroyed();
        self.committed(key).filter(own).is_some_and(|record| record.version.epoch < *epoch)
    }

    fn alarm_if_unfinished(&mut self) {
        let (now, every_ms) = (self.now, self.config.alarm_ms);
        let all = self.unfinished_promotions();
        self.promotions.unfinished.alarmed_at.retain(|primary, _| all.contains_key(primary));
        for (primary, UnfinishedPromotions { keys, example, since }) in all {
            let last = self.promotions.unfinished.alarmed_at.entry(primary.clone()).or_insert(since);
            if now.millis_since(*last) >= every_ms {
                *last = now;
                let alarm = Alarm::PromotionUnfinished { primary, keys, example, since };
                self.outputs.push_back(Output::Alarm(alarm));
            }
        }
    }

    /// Promises that this Region holds and nobody has finished, by the primaries that should take the keys back.
    pub(crate) fn unfinished_promotions(&self) -> BTreeMap<Region, UnfinishedPromotions> {
        let mut all: BTreeMap<Region, UnfinishedPromotions> = BTreeMap::new();
        for (key, held) in &self.promotions.unfinished.held {
            let first = UnfinishedPromotions { keys: 0, example: *key, since: held.since };
            let of_primary = all.entry(held.primary.clone()).or_insert(first);
            of_primary.keys += 1;
            of_primary.since = of_primary.since.min(held.since);
        }
        all
    }
}
