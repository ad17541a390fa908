//! One voter's part in the agreement on control records: rules 1 to 3, 7, and 14 as far as they concern state.
//!
//! Each register is a Paxos acceptor per key whose ballots are record versions. Who asks whom, and when, is decided
//! in `kms-region`; whatever it asks in whatever order, these functions keep C2, C3, C6 and D3.

mod commit;
mod effects;
#[cfg(test)]
mod event_tests;
#[cfg(test)]
pub(in crate::apply) mod fixture;
mod install;
#[cfg(test)]
mod prop_tests;
mod propose;
#[cfg(test)]
mod tests;

pub(super) use commit::commit;
pub(super) use install::install;
pub(super) use propose::{propose, propose_import, propose_promotion};

use kms_types::{Epoch, KeyId, RecordVersion, Region};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{AcceptAnswer, ControlRecord, Key, Membership, Outcome, Phase, PromiseAnswer, Register, State};

/// The register of a multi-Region key that was created here just now.
///
/// The record is committed without asking anybody: its random key id is known to no other Region, so no voter can have
/// promised or accepted anything for it (docs/adr/0005).
pub(super) fn initial(state: &mut State, index: u64, key: &Key) {
    let Some(region) = state.region().cloned() else { return };
    let epoch = Epoch { counter: 1, region: region.clone() };
    let record = Arc::new(ControlRecord {
        version: RecordVersion { epoch: epoch.clone(), n: 1 },
        key: key.id,
        account: key.account,
        spec: key.spec,
        usage: key.usage,
        origin: key.origin,
        primary: region.clone(),
        members: BTreeMap::from([(region, Membership::Active)]),
        materials: key.materials.clone(),
        current: key.current,
        rotation: key.rotation.clone(),
        phase: Phase::Stable,
        removed: BTreeMap::new(),
        unsafe_promotions: 0,
        deletion: None,
    });
    let register = Register {
        promised: Some(epoch),
        accepted: Some(record.clone()),
        committed: Some(record),
        sequence: index,
        displaced: Vec::new(),
    };
    state.put_register(key.id, register);
}

/// Rule 3, asked by the primary of each record.
pub(super) fn accept(state: &mut State, records: &[ControlRecord]) -> Outcome {
    Outcome::Accepted(records.iter().map(|record| accept_one(state, record)).collect())
}

fn accept_one(state: &mut State, record: &ControlRecord) -> AcceptAnswer {
    let mut register = register_or_default(state, &record.key);
    // A reply may have been lost: the same version is answered again, unless it was overtaken or only read elsewhere.
    let mut accepted = state.has_vote() && has_accepted(state, &register, record);
    if !accepted && may_accept(state, &register, record) {
        accepted = true;
        register.promised = register.promised.max(Some(record.version.epoch.clone()));
        register.accepted = Some(Arc::new(record.clone()));
        state.put_register(record.key, register.clone());
    }
    AcceptAnswer { key: record.key, version: record.version.clone(), accepted, promised: register.promised }
}

/// True when this voter's acceptance counts: a record that it has read from another voter (rule 12) is one that it may
/// have to tell of, and is accepted here only if it could be.
pub(super) fn has_accepted(state: &State, register: &Register, record: &ControlRecord) -> bool {
    register.accepted.as_ref().is_some_and(|accepted| accepted.version == record.version)
        && register.promised.as_ref().is_none_or(|promised| *promised <= record.version.epoch)
        && may_bury(state, register, record)
}

/// Takes over what another voter may have taken part in, so that no majority of the present voters is without it.
pub(super) fn merge(state: &mut State, key: &KeyId, copy: &Register) {
    let mut register = register_or_default(state, key);
    if register.is_destroyed() {
        return;
    }
    let before = register.clone();
    register.promised = register.promised.max(copy.promised.clone());
    let known = register.accepted.as_ref().map(|accepted| accepted.version.clone());
    if let Some(accepted) = copy.accepted.as_ref().filter(|accepted| Some(&accepted.version) > known.as_ref())
    {
        register.accepted = Some(accepted.clone());
    }
    if register != before {
        state.put_register(*key, register);
    }
}

fn may_accept(state: &State, register: &Register, record: &ControlRecord) -> bool {
    let epoch = &record.version.epoch;
    state.has_vote()
        && may_propose(state, &record.key, epoch)
        && record.primary == epoch.region
        && !register.is_destroyed()
        && (seeded!(AcceptLowerEpoch) || register.promised.as_ref().is_none_or(|p| may_follow(epoch, p)))
        && register.accepted.as_ref().is_none_or(|accepted| record.version > accepted.version)
        && may_bury(state, register, record)
}

/// Rule 3: what is accepted is of the promised epoch or of a higher one.
fn may_follow(epoch: &Epoch, promised: &Epoch) -> bool {
    epoch >= promised || (seeded!(EqualEpochOfAnother) && epoch.counter == promised.counter)
}

/// Invariant D1: a voter agrees to a tombstone only once the deadline has passed on its own replicated clock, or when as
/// far as it knows the material has left the deployment.
fn may_bury(state: &State, register: &Register, record: &ControlRecord) -> bool {
    match (record.is_destroyed(), record.deletion) {
        (true, Some(deletion)) => seeded!(BuryBeforeDeadline) || deletion.delete_at <= state.region_time(),
        // Not a primary's own: it is the first record of a candidate's epoch.
        (true, None) if record.version.n == 1 && record.version.epoch.counter > 1 => {
            is_unheld(state, register, &record.version.epoch.region)
        }
        (true, None) => false,
        (false, deletion) => deletion.is_none(),
    }
}

/// True when no Region of the deployment is known to hold the key. The proposer, which holds nothing, may be named as the
/// primary: its name had another history when the key was made.
fn is_unheld(state: &State, register: &Register, proposer: &Region) -> bool {
    let Some(directory) = state.directory() else { return false };
    let Some(known) = register.known().filter(|known| !known.is_destroyed()) else { return true };
    let before = (known.primary == *proposer).then_some(proposer);
    known.holders(directory).all(|region| Some(region) == before)
}

/// Rule 3, asked by a candidate.
pub(super) fn promise(state: &mut State, epochs: &[(KeyId, Epoch)]) -> Outcome {
    Outcome::Promised(epochs.iter().map(|(key, epoch)| promise_one(state, key, epoch)).collect())
}

fn promise_one(state: &mut State, key: &KeyId, epoch: &Epoch) -> PromiseAnswer {
    let mut register = register_or_default(state, key);
    let eligible = state.has_vote() && may_propose(state, key, epoch) && !register.is_destroyed();
    if eligible && register.promised.as_ref() < Some(epoch) {
        register.promised = Some(epoch.clone());
        if !seeded!(ForgetPromise) || epoch.region == *state.region().unwrap_or(&epoch.region) {
            state.put_register(*key, register.clone());
        }
    }
    // An epoch names its candidate, so an equal epoch is the same candidate asking again after a lost reply.
    let promised = eligible && register.promised.as_ref() == Some(epoch);
    PromiseAnswer {
        key: *key,
        epoch: epoch.clone(),
        promised,
        highest: register.promised,
        accepted: register.accepted,
        committed: register.committed,
    }
}

/// Only Regions that hold material propose, and only for multi-Region keys.
fn may_propose(state: &State, key: &KeyId, epoch: &Epoch) -> bool {
    key.is_multi_region() && state.directory().is_some_and(|d| d.is_data(&epoch.region))
}

fn register_or_default(state: &State, key: &KeyId) -> Register {
    state.register(key).map(|r| (**r).clone()).unwrap_or_default()
}
