//! Rule 7: becoming primary. Asked for by an operator, by the successor or the old primary of a handoff (rule 8), or by
//! a primary that was fenced by a candidate which never finished.
//!
//! ```text
//!   Own promise ──► Collecting ──majority──► Proposing ──► Accepting ──majority──► primary
//!        ▲              │ a voter has promised more          (a round, see rounds.rs)
//!        └── Resting ◄──┘
//! ```

mod adopt;
mod collect;
mod orphan;
mod triggers;
mod unfinished;

use kms_state::{Command, ControlRecord, Lifecycle, Outcome, PromiseAnswer, Refusal};
use kms_types::{Epoch, KeyId, Region, Timestamp};
use std::collections::BTreeMap;

pub use unfinished::UnfinishedPromotions;

use crate::{Force, KeyResult, Machine, PromoteScope, message::batches, proposals::Pending};
use orphan::Orphans;
use unfinished::Unfinished;

/// How often a promotion tries a higher epoch before it gives way.
const MOST_ATTEMPTS: u32 = 4;

#[derive(Debug, Clone, Default)]
pub(crate) struct Promotions {
    running: BTreeMap<KeyId, Promotion>,
    /// The highest epochs that voters have named.
    highest: BTreeMap<KeyId, Epoch>,
    /// Since when a key of this primary is fenced, and when a key's next own attempt may begin.
    fenced_since: BTreeMap<KeyId, Timestamp>,
    next_own: BTreeMap<KeyId, Timestamp>,
    unfinished: Unfinished,
    orphans: Orphans,
}

/// What a candidate does with the record that it adopts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// It becomes the primary.
    Lead,
    /// It buries a key that nobody holds.
    GiveUp,
}

#[derive(Debug, Clone)]
struct Promotion {
    purpose: Purpose,
    request: Option<u64>,
    force: Force,
    epoch: Epoch,
    stage: Stage,
    attempts: u32,
    deadline: Timestamp,
    unsafely: bool,
}

#[derive(Debug, Clone)]
enum Stage {
    /// To promise the epoch to itself.
    Start,
    /// The own promise is in the log.
    OwnPromise,
    /// Asking the other voters.
    Collecting {
        promises: BTreeMap<Region, PromiseAnswer>,
        refused: BTreeMap<Region, Epoch>,
        since: Timestamp,
        sends: u32,
        next_send: Timestamp,
    },
    /// The adopted record is in the log.
    Proposing,
    /// The adopted record is outstanding.
    Accepting,
    /// Waiting before a higher epoch is tried.
    Resting { until: Timestamp },
}

impl Promotions {
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.orphans.is_empty()
    }

    pub(crate) fn is_running(&self, key: &KeyId) -> bool {
        self.running.contains_key(key)
    }
}

impl Machine {
    pub(crate) fn promote(&mut self, scope: PromoteScope, force: Force, request: u64) {
        let keys = match scope {
            PromoteScope::Key(key) => vec![key],
            PromoteScope::AllOf(lost) => self.keys_of_primary(&lost),
        };
        self.open_request(request, &keys);
        for key in keys {
            let refused = self.refuses_promotion(&key).or_else(|| self.is_settled_primary(&key));
            if let Some(result) =
                refused.or_else(|| self.begin_promotion(key, Purpose::Lead, force, Some(request)))
            {
                self.finish_key(Some(request), key, result);
            }
        }
    }

    fn keys_of_primary(&self, lost: &Region) -> Vec<KeyId> {
        let committed = self.state.registers().filter_map(|(_, register)| register.committed.as_ref());
        let theirs =
            committed.filter(|c| c.primary == *lost && !c.is_destroyed() && c.is_member(&self.region));
        theirs.map(|c| c.key).collect()
    }

    /// The stop conditions of rule 7 that this Region can judge alone.
    fn refuses_promotion(&self, key: &KeyId) -> Option<KeyResult> {
        let Some(record) = self.committed(key) else { return Some(KeyResult::NotFound) };
        if !self.state.has_vote() || !self.state.counts() {
            return Some(KeyResult::NotVoter);
        }
        if record.primary == self.region && !record.is_destroyed() {
            // Taking the own key back after a candidate did not finish, in whatever state it is.
            return None;
        }
        let Some(own) = self.state.key(key).filter(|_| record.is_active_member(&self.region)) else {
            let destroyed = record.is_destroyed();
            return Some(if destroyed { KeyResult::Destroyed } else { KeyResult::NotActiveMember });
        };
        match own.lifecycle {
            // Nobody can call it back any more, and without a primary it could not end.
            Lifecycle::PendingDeletion { .. } if self.due_deletion(key).is_some() => None,
            Lifecycle::PendingDeletion { .. } | Lifecycle::PendingReplicaDeletion { .. } => {
                Some(KeyResult::PendingDeletion)
            }
            Lifecycle::Enabled | Lifecycle::Disabled => None,
        }
    }

    fn is_settled_primary(&self, key: &KeyId) -> Option<KeyResult> {
        let register = self.register(key)?;
        let primary = register.committed.as_ref().is_some_and(|c| c.primary == self.region);
        (primary && !register.is_unsettled()).then_some(KeyResult::AlreadyPrimary)
    }

    /// Answers at once only when the operator must wait for another command.
    fn begin_promotion(
        &mut self,
        key: KeyId,
        purpose: Purpose,
        force: Force,
        request: Option<u64>,
    ) -> Option<KeyResult> {
        let deadline = self.now.plus_millis(self.config.majority_ms);
        if let Some(running) = self.promotions.running.get_mut(&key) {
            if running.request.is_some() || running.purpose != purpose {
                return Some(KeyResult::InProgress);
            }
            // The Region's own attempt becomes the operator's.
            (running.request, running.force, running.deadline) = (request, force, deadline);
            return None;
        }
        let (epoch, stage) = (self.next_epoch(&key), Stage::Start);
        let (attempts, unsafely) = (0, false);
        let promotion = Promotion { purpose, request, force, epoch, stage, attempts, deadline, unsafely };
        self.promotions.running.insert(key, promotion);
        None
    }

    /// Higher than everything this Region has promised or heard of (C2).
    fn next_epoch(&self, key: &KeyId) -> Epoch {
        let register = self.register(key);
        let promised = register.and_then(|r| r.promised.as_ref());
        let accepted = register.and_then(|r| r.accepted.as_ref()).map(|a| &a.version.epoch);
        let known = [promised, accepted, self.promotions.highest.get(key)];
        let counter = known.into_iter().flatten().map(|epoch| epoch.counter).max().unwrap_or_default();
        Epoch { counter: counter + 1, region: self.region.clone() }
    }

    pub(crate) fn run_promotions(&mut self) {
        self.follow_unfinished();
        self.trigger_promotions();
        self.give_up_orphans();
        self.conclude_promotions();
        if self.may_propose() {
            self.promise_to_self();
        }
        self.collect_promises();
    }

    /// The directory has changed: every voter is asked anew, in the same epoch.
    pub(crate) fn recollect_promises(&mut self) {
        let collecting = |promotion: &&mut Promotion| matches!(promotion.stage, Stage::Collecting { .. });
        for promotion in self.promotions.running.values_mut().filter(collecting) {
            promotion.stage = Stage::Start;
        }
    }

    fn promise_to_self(&mut self) {
        let starting = self.promotions.running.iter_mut().filter(|(_, p)| matches!(p.stage, Stage::Start));
        let mut epochs = Vec::new();
        for (key, promotion) in starting {
            promotion.stage = Stage::OwnPromise;
            epochs.push((*key, promotion.epoch.clone()));
        }
        for epochs in batches(epochs) {
            let asked = epochs.clone();
            self.propose(Command::PromiseEpochs { epochs }, Pending::OwnPromise { asked });
        }
    }

    pub(crate) fn own_promise_concluded(&mut self, asked: Vec<(KeyId, Epoch)>, outcome: Option<Outcome>) {
        match outcome {
            Some(Outcome::Promised(answers)) => {
                for answer in answers {
                    self.own_promise(answer);
                }
            }
            _ => {
                for (key, epoch) in asked {
                    // Asked again in the same epoch, which is safe: nothing was proposed in it.
                    if let Some(promotion) = self.running_in(&key, &epoch) {
                        promotion.stage = Stage::Start;
                    }
                }
            }
        }
    }

    fn own_promise(&mut self, answer: PromiseAnswer) {
        let (own, now) = (self.region.clone(), self.now);
        let Some(promotion) = self.running_in(&answer.key, &answer.epoch) else { return };
        if answer.promised {
            let promises = BTreeMap::from([(own, answer)]);
            let refused = BTreeMap::new();
            promotion.stage = Stage::Collecting { promises, refused, since: now, sends: 0, next_send: now };
        } else {
            self.note_refusal(&answer);
            self.rest(&answer.key);
        }
    }

    fn running_in(&mut self, key: &KeyId, epoch: &Epoch) -> Option<&mut Promotion> {
        self.promotions.running.get_mut(key).filter(|promotion| promotion.epoch == *epoch)
    }

    fn note_refusal(&mut self, answer: &PromiseAnswer) {
        if let Some(highest) = &answer.highest {
            self.note_highest(answer.key, highest);
        }
    }

    fn note_highest(&mut self, key: KeyId, epoch: &Epoch) {
        let known = self.promotions.highest.entry(key).or_insert_with(|| epoch.clone());
        if *known < *epoch {
            *known = epoch.clone();
        }
    }

    /// Rests before a higher epoch, longer with every attempt and differently in every Region, so that two candidates
    /// do not keep overtaking each other; or gives way (failure case 9).
    fn rest(&mut self, key: &KeyId) {
        let place =
            self.state.directory().map_or(0, |d| d.voters.keys().take_while(|r| **r != self.region).count());
        let Some(promotion) = self.promotions.running.get_mut(key) else { return };
        promotion.attempts += 1;
        if promotion.attempts >= MOST_ATTEMPTS {
            let by = self.promotions.highest.get(key).cloned().unwrap_or_else(|| promotion.epoch.clone());
            return self.finish_promotion(key, KeyResult::Superseded { by });
        }
        let wait_ms =
            self.config.resend_ms.saturating_mul(u64::from(promotion.attempts) * (2 + place as u64));
        promotion.stage = Stage::Resting { until: self.now.plus_millis(wait_ms) };
    }

    fn finish_promotion(&mut self, key: &KeyId, result: KeyResult) {
        if let Some(promotion) = self.promotions.running.remove(key) {
            self.finish_key(promotion.request, *key, result);
        }
    }

    pub(crate) fn promotion_concluded(&mut self, record: ControlRecord, outcome: Option<Outcome>) {
        let key = record.key;
        let written = self.register(&key).and_then(|r| r.accepted.as_ref()).map(|a| a.version.clone());
        let Some(promotion) = self.running_in(&key, &record.version.epoch) else { return };
        match outcome {
            Some(Outcome::RecordProposed { .. }) => self.promotion_written(record),
            // An earlier copy of the same proposal got there first.
            _ if written.as_ref() == Some(&record.version) => self.promotion_written(record),
            Some(Outcome::Refused(Refusal::WrongState { .. })) => {
                self.finish_promotion(&key, KeyResult::PendingDeletion);
            }
            Some(Outcome::Refused(Refusal::Record(reason))) => {
                self.finish_promotion(&key, KeyResult::Refused(reason));
            }
            Some(_) => self.rest(&key),
            None => promotion.stage = Stage::Start,
        }
    }

    fn promotion_written(&mut self, record: ControlRecord) {
        // What is in the register counts, in case an earlier copy of this proposal got there first.
        let accepted = self.register(&record.key).and_then(|r| r.accepted.clone());
        let written = accepted.filter(|a| a.version == record.version).map_or(record, |a| (*a).clone());
        let Some(promotion) = self.promotions.running.get_mut(&written.key) else { return };
        promotion.stage = Stage::Accepting;
        if promotion.unsafely {
            // Rule 9: no majority will confirm it; it takes effect here and now.
            self.learn([written]);
        }
    }
}
