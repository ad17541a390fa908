//! Changes of one key in its own Region. Never touches a multi-Region key's shared properties: `registers` does.

use kms_types::{CustomerKeyManager, KeyId, KeyOrigin, KeyState, MaterialId, Region, Timestamp, limits};
use std::collections::BTreeMap;

use super::{aliases, registers};
use crate::{
    Automatic, CreateKey, Enablement, Key, KeyPolicy, Lifecycle, LifecycleEvent, MaterialInfo,
    MaterialStatus, Membership, MultiRegion, Outcome, Phase, Refusal, Rotation, ServiceAct, State,
};

pub(super) fn create(state: &mut State, index: u64, create: &CreateKey) -> Result<Outcome, Refusal> {
    if state.is_taken(&create.key) {
        return Err(Refusal::KeyIdTaken(create.key));
    }
    check_managed(state, create)?;
    let (used, limit) = (state.key_count(create.account), create.most_keys);
    if create.managed_as.is_none() && used >= limit {
        return Err(Refusal::KeyLimit { used: used as u64, limit: limit as u64 });
    }
    // A key whose material the service draws has it from the start; an imported one has none.
    if create.material.is_none() != (create.origin == KeyOrigin::External) {
        return Err(Refusal::WrongOrigin(create.key));
    }
    let key = new_key(state, create)?;
    if key.multi_region.is_some() {
        registers::initial(state, index, &key);
    }
    state.put_key(key);
    if let Some(name) = create.managed_as.clone() {
        aliases::put(state, create.account, name, create.key);
    }
    Ok(Outcome::Applied)
}

/// Two calls may make a service's key at once: the second finds the alias.
fn check_managed(state: &State, create: &CreateKey) -> Result<(), Refusal> {
    match create.managed_as.as_ref().filter(|name| state.alias(create.account, name).is_some()) {
        Some(name) => Err(Refusal::AliasExists(name.clone())),
        None => Ok(()),
    }
}

fn new_key(state: &State, create: &CreateKey) -> Result<Key, Refusal> {
    let region = state.region().cloned().ok_or(Refusal::NotBootstrapped)?;
    let now = state.region_time();
    let first = create.material.as_ref().map(|material| MaterialInfo {
        id: material.id,
        commitment: material.commitment,
        public_key: material.public_key.clone(),
        status: MaterialStatus::Active,
        created_at: now,
        rotated_at: None,
        rotation_type: None,
    });
    let held = create.material.as_ref().map(|material| (material.id, material.wrapped.clone()));
    Ok(Key {
        id: create.key,
        account: create.account,
        created_at: now,
        description: create.description.clone(),
        spec: create.spec,
        usage: create.usage,
        origin: create.origin,
        manager: if create.managed_as.is_some() {
            CustomerKeyManager::Aws
        } else {
            CustomerKeyManager::Customer
        },
        lifecycle: Lifecycle::Enabled,
        policy: create.policy.clone(),
        tags: create.tags.clone(),
        current: first.as_ref().map(|m| m.id),
        materials: first.into_iter().collect(),
        held: held.into_iter().collect(),
        imports: BTreeMap::new(),
        rotation: Rotation {
            automatic: create.managed_as.as_ref().map(|_| yearly(now)),
            ..Rotation::default()
        },
        multi_region: create.key.is_multi_region().then(|| alone_in(region)),
        revision: 0,
    })
}

/// AWS managed keys rotate every year, whatever anybody asks [KMS:rotate-keys].
fn yearly(now: Timestamp) -> Automatic {
    let period_days = limits::ROTATION_PERIOD_DAYS.2;
    Automatic { period_days, next_at: now.plus_days(period_days.into()) }
}

fn alone_in(region: Region) -> MultiRegion {
    MultiRegion {
        members: BTreeMap::from([(region.clone(), Membership::Active)]),
        primary: region,
        phase: Phase::Stable,
    }
}

pub(super) fn set_enablement(
    state: &mut State,
    key: &KeyId,
    enablement: Enablement,
) -> Result<Outcome, Refusal> {
    let key = found(state, key)?;
    refuse_in(state, &key, &[KeyState::Creating, KeyState::Updating])?;
    transition(state, key, LifecycleEvent::Set(enablement))
}

pub(super) fn set_description(state: &mut State, key: &KeyId, description: &str) -> Result<Outcome, Refusal> {
    let key = found(state, key)?;
    refuse_pending_deletion(state, &key)?;
    changed(state, Key { description: description.into(), ..key })
}

pub(super) fn schedule_deletion(
    state: &mut State,
    key: &KeyId,
    window_days: u32,
) -> Result<Outcome, Refusal> {
    let key = found(state, key)?;
    refuse_in(state, &key, &[KeyState::Updating])?;
    let event = if has_replicas(state, &key) {
        LifecycleEvent::ScheduleAfterReplicas { window_days }
    } else {
        LifecycleEvent::ScheduleDeletion { now: state.region_time(), window_days }
    };
    transition(state, key, event)
}

/// True for a primary with another member, whatever that member's own state is (invariant D2).
fn has_replicas(state: &State, key: &Key) -> bool {
    let replicated = |m: &MultiRegion| Some(&m.primary) == state.region() && m.members.len() > 1;
    key.multi_region.as_ref().is_some_and(replicated) && !seeded!(DestroyWithReplicas)
}

/// A multi-Region key past its deadline cannot be called back: its tombstone, or its removal from the record, may be
/// under way between the Regions, and a cancellation that was answered must win over them (invariant D5).
pub(super) fn cancel_deletion(state: &mut State, key: &KeyId) -> Result<Outcome, Refusal> {
    let key = found(state, key)?;
    if key.multi_region.as_ref().is_some_and(|m| {
        m.phase == Phase::Destroyed || (is_due(state, &key) && !seeded!(CancelAfterDeadline))
    }) {
        return Err(wrong_state(state, &key));
    }
    transition(state, key, LifecycleEvent::CancelDeletion)
}

/// The end of the window (invariant D1). A member of a multi-Region key goes only once the committed record no longer
/// lists this Region (rule 11).
pub(super) fn destroy(state: &mut State, key: &KeyId) -> Result<Outcome, Refusal> {
    let key = found(state, key)?;
    let listed = match (&key.multi_region, state.region()) {
        (Some(multi), Some(region)) => multi.members.contains_key(region),
        _ => false,
    };
    if listed || !is_due(state, &key) {
        return Err(Refusal::NotDue(key.id));
    }
    let aliases: Vec<_> = state.aliases_of_key(key.id).cloned().collect();
    for alias in aliases {
        state.remove_alias(key.account, &alias);
    }
    state.remove_key(&key.id);
    state.note(key.account, key.id, ServiceAct::Deleted);
    // A multi-Region id stays taken by its register, and may come back as a replica.
    if !key.id.is_multi_region() {
        state.retire(key.id);
    }
    Ok(Outcome::Applied)
}

fn is_due(state: &State, key: &Key) -> bool {
    matches!(key.lifecycle, Lifecycle::PendingDeletion { delete_at, .. } if delete_at <= state.region_time())
}

pub(super) fn put_policy(state: &mut State, key: &KeyId, policy: &KeyPolicy) -> Result<Outcome, Refusal> {
    let key = found(state, key)?;
    changed(state, Key { policy: policy.clone(), ..key })
}

pub(super) fn tag(
    state: &mut State,
    key: &KeyId,
    tags: &BTreeMap<String, String>,
    most: usize,
) -> Result<Outcome, Refusal> {
    let mut key = found(state, key)?;
    refuse_pending_deletion(state, &key)?;
    key.tags.extend(tags.iter().map(|(k, v)| (k.clone(), v.clone())));
    if key.tags.len() > most {
        return Err(Refusal::TagLimit(key.id));
    }
    changed(state, key)
}

pub(super) fn untag(state: &mut State, key: &KeyId, tag_keys: &[String]) -> Result<Outcome, Refusal> {
    let mut key = found(state, key)?;
    refuse_pending_deletion(state, &key)?;
    key.tags.retain(|tag_key, _| !tag_keys.contains(tag_key));
    changed(state, key)
}

/// A copy of the key, to be changed and put back.
pub(super) fn found(state: &State, key: &KeyId) -> Result<Key, Refusal> {
    state.key(key).map(|key| (**key).clone()).ok_or(Refusal::KeyNotFound(*key))
}

/// Puts the key back with the next revision.
pub(super) fn changed(state: &mut State, mut key: Key) -> Result<Outcome, Refusal> {
    key.revision += 1;
    state.put_key(key);
    Ok(Outcome::Applied)
}

pub(super) fn refuse_pending_deletion(state: &State, key: &Key) -> Result<(), Refusal> {
    refuse_in(state, key, &[KeyState::PendingDeletion, KeyState::PendingReplicaDeletion])
}

pub(super) fn refuse_in(state: &State, key: &Key, states: &[KeyState]) -> Result<(), Refusal> {
    match state.region().map(|region| key.state(region)) {
        Some(shown) if !states.contains(&shown) => Ok(()),
        Some(shown) => Err(Refusal::WrongState { key: key.id, state: shown }),
        None => Err(Refusal::NotBootstrapped),
    }
}

fn transition(state: &mut State, key: Key, event: LifecycleEvent) -> Result<Outcome, Refusal> {
    let lifecycle = key
        .lifecycle
        .after(event)
        .map_err(|invalid| Refusal::WrongState { key: key.id, state: invalid.state })?;
    if lifecycle == key.lifecycle {
        return Ok(Outcome::Applied);
    }
    changed(state, Key { lifecycle, ..key })
}

pub(super) fn wrong_state(state: &State, key: &Key) -> Refusal {
    match state.region() {
        Some(region) => Refusal::WrongState { key: key.id, state: key.state(region) },
        None => Refusal::NotBootstrapped,
    }
}

/// Refuses a material id that the key knows already (invariant C3).
pub(super) fn refuse_known_material(key: &Key, material: MaterialId) -> Result<(), Refusal> {
    match key.material(&material) {
        Some(_) => Err(Refusal::MaterialNotWanted { key: key.id, material }),
        None => Ok(()),
    }
}
