//! Rotation of single-Region keys. Multi-Region keys rotate by their control record, never here.

use kms_types::{KeyId, KeyState, RotationType};

use super::keys::{changed, found, refuse_known_material, wrong_state};
use crate::{Automatic, Key, MaterialInfo, MaterialStatus, NewMaterial, Outcome, Refusal, ServiceAct, State};

pub(super) fn set_automatic(
    state: &mut State,
    key: &KeyId,
    automatic: Option<Automatic>,
) -> Result<Outcome, Refusal> {
    let mut key = drawn(enabled_single_region(state, key)?)?;
    key.rotation.automatic = automatic;
    changed(state, key)
}

/// The new material becomes current in this entry: nothing else holds the key, so there is nobody to wait for.
pub(super) fn rotate(
    state: &mut State,
    key: &KeyId,
    material: &NewMaterial,
    trigger: RotationType,
    most_on_demand: u32,
) -> Result<Outcome, Refusal> {
    let mut key = drawn(enabled_single_region(state, key)?)?;
    refuse_known_material(&key, material.id)?;
    let now = state.region_time();
    match trigger {
        RotationType::Automatic => {
            let due = key.rotation.automatic.filter(|a| a.next_at <= now).ok_or(Refusal::NotDue(key.id))?;
            key.rotation.automatic = Some(due.after(now));
        }
        RotationType::OnDemand if key.rotation.on_demand_count >= most_on_demand => {
            return Err(Refusal::OnDemandLimit(key.id));
        }
        RotationType::OnDemand => key.rotation.on_demand_count += 1,
    }
    key.materials.push(MaterialInfo {
        id: material.id,
        commitment: material.commitment,
        public_key: material.public_key.clone(),
        status: MaterialStatus::Active,
        created_at: now,
        rotated_at: Some(now),
        rotation_type: Some(trigger),
    });
    key.held.insert(material.id, material.wrapped.clone());
    let previous = key.current.replace(material.id);
    let (account, id, origin) = (key.account, key.id, key.origin);
    state.note(
        account,
        id,
        ServiceAct::Rotated { rotation: trigger, origin, previous, current: material.id },
    );
    changed(state, key)
}

/// Nothing is drawn for a key whose material is imported.
fn drawn(key: Key) -> Result<Key, Refusal> {
    if key.is_external() { Err(Refusal::WrongOrigin(key.id)) } else { Ok(key) }
}

pub(super) fn enabled_single_region(state: &State, key: &KeyId) -> Result<Key, Refusal> {
    let key = found(state, key)?;
    if key.multi_region.is_some() {
        return Err(Refusal::MultiRegion(key.id));
    }
    match state.region().map(|region| key.state(region)) {
        Some(KeyState::Enabled) => Ok(key),
        _ => Err(wrong_state(state, &key)),
    }
}
