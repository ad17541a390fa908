//! Adopting the highest accepted record, and seeing it through.

use kms_state::{Command, ControlRecord, Phase, PromiseAnswer, RecordError};
use kms_types::KeyId;
use std::sync::Arc;

use super::{Promotion, Purpose, Stage};
use crate::{Alarm, Force, KeyResult, Machine, Output, proposals::Pending};

impl Machine {
    /// Re-proposes the highest record that any promise named, with this Region as the primary, or as the tombstone of a key
    /// that nobody holds.
    pub(super) fn adopt(&mut self, key: &KeyId, how: Force) {
        if !self.may_propose() {
            return;
        }
        let Some(promotion) = self.promotions.running.get_mut(key) else { return };
        let Stage::Collecting { promises, .. } = &promotion.stage else { return };
        let own = promises.get(&self.region).filter(|_| seeded!(AdoptOwnRecord));
        let Some(highest) = own.map_or_else(|| highest(promises.values()), |own| own.accepted.clone()) else {
            return self.finish_promotion(key, KeyResult::NotFound);
        };
        let (epoch, purpose) = (promotion.epoch.clone(), promotion.purpose);
        promotion.unsafely = how == Force::Unsafe;
        let Some(directory) = self.state.directory() else { return };
        let record = match (purpose, how) {
            (Purpose::GiveUp, _) => highest.give_up(epoch, directory),
            (Purpose::Lead, Force::Safe) => highest.promote(epoch),
            (Purpose::Lead, Force::Unsafe) => highest.promote_unsafely(epoch),
        };
        match record {
            Ok(record) => self.propose_promotion(record),
            Err(RecordError::Destroyed(_)) => self.finish_promotion(key, KeyResult::Destroyed),
            Err(RecordError::NotActiveMember { .. }) => {
                self.finish_promotion(key, KeyResult::NotActiveMember)
            }
            Err(other) => self.finish_promotion(key, KeyResult::Refused(other.to_string())),
        }
    }

    fn propose_promotion(&mut self, record: ControlRecord) {
        let lost = self.newest_of_orphan(&record.key).filter(|_| record.is_given_up());
        let Some(promotion) = self.promotions.running.get_mut(&record.key) else { return };
        promotion.stage = Stage::Proposing;
        promotion.deadline = self.now.plus_millis(self.config.majority_ms);
        if let Some(lost) = lost {
            let alarm = Alarm::KeyLost { key: record.key, primary: lost.primary.clone() };
            self.outputs.push_back(Output::Alarm(alarm));
        }
        if promotion.unsafely {
            let alarm = Alarm::UnsafePromotion { key: record.key, epoch: record.version.epoch.clone() };
            self.outputs.push_back(Output::Alarm(alarm));
        }
        let record = Box::new(record);
        self.propose(Command::ProposePromotion { record: record.clone() }, Pending::Promotion { record });
    }

    /// Reports promotions that the state, a higher epoch or the clock has decided, and wakes the resting ones.
    pub(super) fn conclude_promotions(&mut self) {
        let keys: Vec<KeyId> = self.promotions.running.keys().copied().collect();
        for key in keys {
            match self.promotion_result(&key) {
                Some(result) => self.finish_promotion(&key, result),
                None => self.wake(&key),
            }
        }
    }

    fn promotion_result(&self, key: &KeyId) -> Option<KeyResult> {
        let promotion = self.promotions.running.get(key)?;
        let Some(record) = self.committed(key) else { return self.result_of_stage(key, promotion) };
        if record.is_destroyed() {
            return Some(KeyResult::Destroyed);
        }
        if record.version.epoch == promotion.epoch {
            let version = record.version.clone();
            let (safe, forced) =
                (KeyResult::Promoted { version: version.clone() }, KeyResult::PromotedUnsafely { version });
            return Some(if promotion.unsafely { forced } else { safe });
        }
        let by = record.version.epoch.clone();
        if by > promotion.epoch || self.has_lost_its_reason(promotion, &record) {
            return Some(KeyResult::Superseded { by });
        }
        self.result_of_stage(key, promotion)
    }

    fn result_of_stage(&self, key: &KeyId, promotion: &Promotion) -> Option<KeyResult> {
        let late = self.now >= promotion.deadline;
        match &promotion.stage {
            Stage::Accepting => match self.rounds.get(key).and_then(|round| round.fenced_by.clone()) {
                Some(by) => Some(KeyResult::Superseded { by }),
                None => late.then(|| self.unconfirmed(key)),
            },
            Stage::Proposing => late.then(|| self.unconfirmed(key)),
            Stage::Collecting { .. } => None,
            _ => late.then(|| KeyResult::NoMajority { missing: self.others() }),
        }
    }

    /// The Region began by itself, to take back what was its own or was handed to it, and an operator has given the key to
    /// another one meanwhile. What was promised here and elsewhere is for the new primary to take back.
    fn has_lost_its_reason(&self, promotion: &Promotion, record: &ControlRecord) -> bool {
        let handed_here =
            matches!(&record.phase, Phase::Updating { successor, .. } if *successor == self.region);
        match promotion.purpose {
            Purpose::Lead => promotion.request.is_none() && record.primary != self.region && !handed_here,
            Purpose::GiveUp => !self.is_orphan(&record.key),
        }
    }

    fn wake(&mut self, key: &KeyId) {
        let (now, epoch) = (self.now, self.next_epoch(key));
        let Some(promotion) = self.promotions.running.get_mut(key) else { return };
        if matches!(promotion.stage, Stage::Resting { until } if until <= now) {
            promotion.epoch = epoch;
            promotion.stage = Stage::Start;
        }
    }
}

/// The tombstone if anybody knows it to be committed (D3), or else the highest accepted record.
fn highest<'a>(answers: impl Iterator<Item = &'a PromiseAnswer> + Clone) -> Option<Arc<ControlRecord>> {
    let tombstone = answers.clone().find_map(|a| a.committed.clone().filter(|c| c.is_destroyed()));
    tombstone.or_else(|| answers.filter_map(|a| a.accepted.clone()).max_by(|a, b| a.version.cmp(&b.version)))
}
