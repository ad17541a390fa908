//! What a newly committed record does to this Region's own copy of the key. Never touches independent properties
//! except where a deadline must follow the membership (C8, D2).

use kms_types::{CustomerKeyManager, MaterialId, Region, Timestamp, limits};
use std::collections::BTreeMap;

use crate::{
    ControlRecord, Key, Lifecycle, LifecycleEvent, MaterialStatus, Membership, MultiRegion, Register,
    ReplicaSeed, ServiceAct, State, apply::events,
};

/// Lets the local key follow `record`, which `register` holds as committed.
pub(super) fn follow(state: &mut State, register: &Register, record: &ControlRecord) {
    let Some(region) = state.region().cloned() else { return };
    let now = state.region_time();
    let before = state.key(&record.key).cloned();
    match (state.key(&record.key), record.members.get(&region)) {
        (Some(_), _) if record.is_destroyed() => bury(state, record, now),
        (Some(key), _) => {
            let key = updated((**key).clone(), register, record, &region, now);
            state.put_key(key);
        }
        (None, Some(Membership::Joining(seed))) => state.put_key(replica(record, seed, now)),
        (None, _) => {}
    }
    events::of_record(state, before.as_deref(), record, &region);
}

/// Rule 5: a replica begins with the seed of its Joining record and no material.
fn replica(record: &ControlRecord, seed: &ReplicaSeed, now: Timestamp) -> Key {
    Key {
        id: record.key,
        account: record.account,
        created_at: now,
        description: seed.description.clone(),
        spec: record.spec,
        usage: record.usage,
        origin: record.origin,
        manager: CustomerKeyManager::Customer,
        lifecycle: Lifecycle::Enabled,
        policy: seed.policy.clone(),
        tags: seed.tags.clone(),
        materials: record.materials.clone(),
        held: BTreeMap::new(),
        imports: BTreeMap::new(),
        current: record.current,
        rotation: record.rotation.clone(),
        multi_region: Some(shared(record)),
        revision: 0,
    }
}

/// An existing copy follows the shared properties. One that was evicted and returns keeps its own policy, tags,
/// description and lifecycle: they belong to this Region's log, not to the caller in another one (C8).
fn updated(
    mut key: Key,
    register: &Register,
    record: &ControlRecord,
    region: &Region,
    now: Timestamp,
) -> Key {
    let waiting = key.awaits_import();
    key.materials = record.materials.clone();
    key.current = record.current;
    key.rotation = record.rotation.clone();
    key.multi_region = Some(shared(record));
    key.lifecycle = lifecycle(key.lifecycle, record, region, now);
    drop_unwanted(&mut key, register, record, region);
    key.enable_after_import(waiting);
    key.revision += 1;
    key
}

fn shared(record: &ControlRecord) -> MultiRegion {
    MultiRegion {
        primary: record.primary.clone(),
        members: record.members.clone(),
        phase: record.phase.clone(),
    }
}

/// Rule 11: the deadline of a primary runs only while it is alone; a replica has a deadline of its own.
fn lifecycle(now_is: Lifecycle, record: &ControlRecord, region: &Region, now: Timestamp) -> Lifecycle {
    let primary = record.primary == *region;
    let alone = record.members.len() <= 1;
    match now_is {
        Lifecycle::PendingReplicaDeletion { .. } if alone || !primary => {
            now_is.after(LifecycleEvent::LastReplicaGone { now }).unwrap_or(now_is)
        }
        // A replica that was due for deletion and became primary, or a primary that was replicated meanwhile (D2).
        Lifecycle::PendingDeletion { window_days, .. } if primary && !alone => {
            Lifecycle::PendingReplicaDeletion { window_days }
        }
        other => other,
    }
}

/// Rule 10: drops what no record wants. Kept besides the committed record's materials: what our own outstanding record
/// stages, and what was active in a record that lost to an unsafe promotion (rule 9).
fn drop_unwanted(key: &mut Key, register: &Register, record: &ControlRecord, region: &Region) {
    if !record.is_member(region) {
        // C8: a non-member holds nothing that could be opened.
        if !seeded!(EvictedKeepsMaterial) {
            key.held.clear();
        }
        key.imports.clear();
        return;
    }
    let outstanding = register.accepted.as_deref().filter(|a| a.version > record.version);
    let wanted =
        |r: &ControlRecord, id| r.materials.iter().any(|m| m.id == id && m.status != MaterialStatus::Aborted);
    let kept = |id: &MaterialId| {
        wanted(record, *id)
            || outstanding.is_some_and(|r| wanted(r, *id))
            || register.displaced.iter().any(|m| m.id == *id)
    };
    key.held.retain(|id, _| kept(id));
    key.imports.retain(|id, _| kept(id));
    if seeded!(DropOldMaterial) && record.staged().is_none() {
        key.held.retain(|id, _| Some(*id) == record.current);
    }
}

/// The tombstone. A copy whose own deadline has passed goes at once; one that missed the deletion shows its full
/// window, without material, and is then destroyed (failure case 19).
fn bury(state: &mut State, record: &ControlRecord, now: Timestamp) {
    let Some(key) = state.key(&record.key).map(|k| (**k).clone()) else { return };
    let lifecycle = match key.lifecycle {
        Lifecycle::PendingDeletion { delete_at, .. } if delete_at <= now => return forget(state, &key),
        pending @ Lifecycle::PendingDeletion { .. } => pending,
        _ => {
            let window_days = record.deletion.map_or(limits::DELETION_WINDOW_DAYS.2, |d| d.window_days);
            Lifecycle::PendingDeletion { delete_at: now.plus_days(window_days.into()), window_days }
        }
    };
    let (held, imports, revision) = (BTreeMap::new(), BTreeMap::new(), key.revision + 1);
    state.put_key(Key { lifecycle, held, imports, revision, multi_region: Some(shared(record)), ..key });
}

fn forget(state: &mut State, key: &Key) {
    let aliases: Vec<_> = state.aliases_of_key(key.id).cloned().collect();
    for alias in aliases {
        state.remove_alias(key.account, &alias);
    }
    state.remove_key(&key.id);
    state.note(key.account, key.id, ServiceAct::Deleted);
}
