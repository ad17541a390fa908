//! Asking the voters for promises, and what their answers lead to.

use kms_state::PromiseAnswer;
use kms_types::{Epoch, KeyId, Region, Timestamp};
use std::collections::BTreeMap;

use super::{Promotion, Stage};
use crate::{Force, KeyResult, Machine, Message, message::batches, rounds::resend_after};

impl Machine {
    pub(super) fn collect_promises(&mut self) {
        self.send_prepares();
        let collecting = |p: &&Promotion| matches!(p.stage, Stage::Collecting { .. });
        let keys: Vec<KeyId> =
            self.promotions.running.iter().filter(|(_, p)| collecting(p)).map(|(key, _)| *key).collect();
        for key in keys {
            self.judge(&key);
        }
    }

    fn send_prepares(&mut self) {
        let (now, config) = (self.now, self.config);
        let mut batch: BTreeMap<Region, Vec<(KeyId, Epoch)>> = BTreeMap::new();
        for (key, promotion) in &mut self.promotions.running {
            let Stage::Collecting { promises, refused, sends, next_send, .. } = &mut promotion.stage else {
                continue;
            };
            if *next_send > now {
                continue;
            }
            for to in self.peers.keys().filter(|r| !promises.contains_key(*r) && !refused.contains_key(*r)) {
                batch.entry(to.clone()).or_default().push((*key, promotion.epoch.clone()));
            }
            *next_send = now.plus_millis(resend_after(&config, *sends));
            *sends += 1;
        }
        for (to, epochs) in batch {
            for epochs in batches(epochs) {
                self.send(&to, Message::Prepare { epochs });
            }
        }
    }

    pub(crate) fn on_promise(&mut self, from: &Region, answers: Vec<PromiseAnswer>) {
        for answer in answers {
            // Whatever the candidate was told is committed, is: it may be the tombstone.
            self.learn(answer.committed.as_deref().cloned());
            if !answer.promised {
                self.note_refusal(&answer);
            }
            let Some(promotion) = self.running_in(&answer.key, &answer.epoch) else { continue };
            let Stage::Collecting { promises, refused, .. } = &mut promotion.stage else { continue };
            if answer.promised {
                promises.insert(from.clone(), answer);
            } else if let Some(highest) = answer.highest {
                refused.insert(from.clone(), highest);
            }
        }
    }

    /// Goes on with a majority, rests when none is left to win, and stops when time is up.
    fn judge(&mut self, key: &KeyId) {
        let Some(promotion) = self.promotions.running.get(key) else { return };
        let Stage::Collecting { promises, refused, since, .. } = &promotion.stage else { return };
        let possible: Vec<Region> = self.others().into_iter().filter(|r| !refused.contains_key(r)).collect();
        let alive = possible.iter().filter(|r| promises.contains_key(*r) || !self.is_silent(r, *since));
        if self.is_majority(promises.keys()) || seeded!(PromoteWithoutMajority) {
            self.adopt(key, Force::Safe);
        } else if !self.is_majority_with_own(possible.iter()) {
            self.rest(key);
        } else if self.now >= promotion.deadline || !self.is_majority_with_own(alive) {
            self.without_majority(key);
        }
    }

    fn is_majority_with_own<'a>(&'a self, others: impl Iterator<Item = &'a Region>) -> bool {
        self.is_majority(others.chain(std::iter::once(&self.region)))
    }

    /// Nothing was heard of the voter for long, although it was asked for a promise.
    fn is_silent(&self, voter: &Region, asked_since: Timestamp) -> bool {
        let heard = self.peers.get(voter).and_then(|peer| peer.last_heard).unwrap_or_default();
        self.now.millis_since(heard.max(asked_since)) >= self.config.silence_ms
    }

    fn without_majority(&mut self, key: &KeyId) {
        let Some(promotion) = self.promotions.running.get(key) else { return };
        let Stage::Collecting { promises, .. } = &promotion.stage else { return };
        if promotion.force == Force::Unsafe {
            return self.adopt(key, Force::Unsafe);
        }
        let missing = self.others().into_iter().filter(|r| !promises.contains_key(r)).collect();
        self.finish_promotion(key, KeyResult::NoMajority { missing });
    }
}
