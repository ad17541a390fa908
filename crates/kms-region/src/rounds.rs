//! Rule 2: asking the voters to accept this Region's outstanding records, until a majority has.

use kms_state::{AcceptAnswer, ControlRecord};
use kms_types::{Epoch, KeyId, Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Machine, Message, message::batches};

/// One outstanding record of this Region. It is in the own register, so the next leader finds it again.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    record: Arc<ControlRecord>,
    accepted: BTreeSet<Region>,
    attempts: u32,
    next_send: Timestamp,
    /// A voter has promised a higher epoch: this record can no longer be sure to win.
    pub(crate) fenced_by: Option<Epoch>,
}

impl Machine {
    /// Keeps one round for each outstanding record of this Region, and none for anything else.
    pub(crate) fn follow_rounds(&mut self) {
        let outstanding: BTreeMap<KeyId, Arc<ControlRecord>> =
            self.state.unsettled().filter_map(|key| Some((*key, self.own_outstanding(key)?))).collect();
        self.rounds
            .retain(|key, round| outstanding.get(key).is_some_and(|r| r.version == round.record.version));
        for (key, record) in outstanding {
            self.rounds.entry(key).or_insert_with(|| Round {
                record,
                accepted: BTreeSet::from([self.region.clone()]),
                attempts: 0,
                next_send: self.now,
                fenced_by: None,
            });
        }
    }

    /// The directory has changed: every voter is asked anew.
    pub(crate) fn recount_rounds(&mut self) {
        let (own, now) = (self.region.clone(), self.now);
        for round in self.rounds.values_mut() {
            round.accepted = BTreeSet::from([own.clone()]);
            (round.attempts, round.next_send) = (0, now);
        }
    }

    fn own_outstanding(&self, key: &KeyId) -> Option<Arc<ControlRecord>> {
        let register = self.register(key).filter(|r| r.has_outstanding())?;
        let accepted = register.accepted.as_ref()?;
        let own = accepted.version.epoch.region == self.region;
        let holds = register.promised.as_ref() == Some(&accepted.version.epoch);
        (own && holds).then(|| accepted.clone())
    }

    pub(crate) fn send_accepts(&mut self) {
        let now = self.now;
        let mut batch: BTreeMap<Region, Vec<Arc<ControlRecord>>> = BTreeMap::new();
        for round in self.rounds.values_mut().filter(|r| r.next_send <= now) {
            for to in self.peers.keys().filter(|to| !round.accepted.contains(*to)) {
                batch.entry(to.clone()).or_default().push(round.record.clone());
            }
            round.next_send = now.plus_millis(resend_after(&self.config, round.attempts));
            round.attempts += 1;
        }
        for (to, records) in batch {
            for records in batches(records.iter().map(|r| (**r).clone())) {
                self.send(&to, Message::Accept { records });
            }
        }
    }

    pub(crate) fn on_accepted(&mut self, from: &Region, answers: &[AcceptAnswer]) {
        for answer in answers {
            let Some(round) = self.rounds.get_mut(&answer.key) else { continue };
            if round.record.version != answer.version && !seeded!(CountEveryAcceptance) {
                continue;
            }
            if answer.accepted {
                round.accepted.insert(from.clone());
            } else if answer.promised.as_ref() > Some(&answer.version.epoch) {
                round.fenced_by = round.fenced_by.take().max(answer.promised.clone());
            }
        }
    }

    /// The own records that a majority has accepted: they are committed.
    pub(crate) fn chosen_records(&self) -> impl Iterator<Item = &ControlRecord> {
        let chosen = self.rounds.values().filter(|round| self.is_majority(&round.accepted));
        chosen.map(|round| &*round.record)
    }

    /// The voters that have not accepted the outstanding record of `key`.
    pub(crate) fn silent_in_round(&self, key: &KeyId) -> Vec<Region> {
        let accepted = self.rounds.get(key).map(|r| r.accepted.clone()).unwrap_or_default();
        self.others().into_iter().filter(|region| !accepted.contains(region)).collect()
    }
}

/// Doubles from `resend_ms` to `resend_most_ms`.
pub(crate) fn resend_after(config: &crate::Config, attempts: u32) -> u64 {
    config.resend_ms.saturating_mul(1 << attempts.min(16)).min(config.resend_most_ms)
}
