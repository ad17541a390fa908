//! What audit records and usage reports are made from: acts of the service itself, and the last use of each key.

use kms_types::Region;

use crate::{
    ControlRecord, Key, Membership, Outcome, Phase, ServiceAct, ServiceEventId, State, UsedAccessKey, UsedKey,
};

/// Only keys that are here, and only newer uses: batches of several nodes arrive in any order.
pub(super) fn record_usage(state: &mut State, keys: &[UsedKey]) -> Outcome {
    for UsedKey { key, last } in keys {
        let newer = state.last_usage(key).is_none_or(|known| last.at > known.at);
        if newer && state.key(key).is_some() {
            state.put_usage(*key, *last);
        }
    }
    Outcome::Applied
}

/// The same for access keys.
pub(super) fn record_access_key_usage(state: &mut State, access_keys: &[UsedAccessKey]) {
    for UsedAccessKey { id, last } in access_keys {
        let newer = state.access_key_usage(id).is_none_or(|known| last.at > known.at);
        if newer && state.identity().access_key(id).is_some() {
            state.put_access_key_usage(id, *last);
        }
    }
}

pub(super) fn forget(state: &mut State, events: &[ServiceEventId]) -> Outcome {
    events.iter().for_each(|id| state.forget_service_event(id));
    Outcome::Applied
}

/// What a newly committed record did to the copy that was `before`.
pub(super) fn of_record(state: &mut State, before: Option<&Key>, record: &ControlRecord, region: &Region) {
    let acts = match before {
        None => created(record, region).into_iter().collect(),
        Some(_) if record.is_destroyed() => Vec::new(),
        Some(before) => {
            let acts = [became_primary(before, record, region), rotated(before, record, region)];
            acts.into_iter().flatten().chain(synchronized(before, record, region)).collect()
        }
    };
    for act in acts {
        state.note(record.account, record.key, act);
    }
}

fn created(record: &ControlRecord, region: &Region) -> Option<ServiceAct> {
    match record.members.get(region) {
        Some(Membership::Joining(seed)) => {
            Some(ServiceAct::ReplicaCreated { requested: seed.requested.clone() })
        }
        _ => None,
    }
}

/// A planned change of the primary came to its end; a promotion by an operator is recorded as the command it was.
fn became_primary(before: &Key, record: &ControlRecord, region: &Region) -> Option<ServiceAct> {
    let Phase::Updating { successor, requested, .. } = &before.multi_region.as_ref()?.phase else {
        return None;
    };
    let done = successor == region && record.primary == *region && record.phase == Phase::Stable;
    done.then(|| ServiceAct::BecamePrimary { requested: (**requested).clone() })
}

/// Every member that can use the key records a rotation, at the moment from which it seals with the new material.
fn rotated(before: &Key, record: &ControlRecord, region: &Region) -> Option<ServiceAct> {
    let current = record.current.filter(|_| record.is_active_member(region))?;
    if before.current == Some(current) {
        return None;
    }
    // The first material of an imported key comes by no rotation.
    let rotation = record.materials.iter().find(|m| m.id == current)?.rotation_type?;
    Some(ServiceAct::Rotated { rotation, origin: record.origin, previous: before.current, current })
}

/// The primary records that its shared properties go to the other members.
fn synchronized(before: &Key, record: &ControlRecord, region: &Region) -> Option<ServiceAct> {
    let members = before.multi_region.as_ref().map(|multi| &multi.members);
    let changed = before.materials != record.materials
        || before.current != record.current
        || before.rotation != record.rotation
        || members != Some(&record.members);
    (record.primary == *region && record.members.len() > 1 && changed).then_some(ServiceAct::Synchronized)
}
