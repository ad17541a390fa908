//! Imported material in this Region. New material of a multi-Region key comes by its control record, never here.

use kms_types::{ImportType, KeyId, KeySpec, KeyState, MaterialId, RotationType};

use super::keys::{changed, found, refuse_in, wrong_state};
use super::rotation::enabled_single_region;
use crate::{
    ImportDetails, ImportMaterial, Key, MaterialInfo, MaterialStatus, NewMaterial, Outcome, Refusal,
    ServiceAct, State,
};

/// A new material of a single-Region key, or the bytes of a known one of any key.
pub(super) fn import(state: &mut State, import: &ImportMaterial) -> Result<Outcome, Refusal> {
    let mut key = importable(state, &import.key)?;
    let waiting = key.awaits_import();
    match import.import_type {
        ImportType::NewKeyMaterial => associate(state, &mut key, &import.material)?,
        ImportType::ExistingKeyMaterial => check_known(&key, &import.material)?,
    }
    hold(&mut key, &import.material, &import.details);
    key.enable_after_import(waiting);
    changed(state, key)
}

fn importable(state: &State, key: &KeyId) -> Result<Key, Refusal> {
    let key = external(state, key)?;
    match state.region().map(|region| key.state(region)) {
        Some(KeyState::Enabled | KeyState::Disabled | KeyState::PendingImport | KeyState::Updating) => {
            Ok(key)
        }
        _ => Err(wrong_state(state, &key)),
    }
}

fn external(state: &State, key: &KeyId) -> Result<Key, Refusal> {
    let key = found(state, key)?;
    if key.is_external() { Ok(key) } else { Err(Refusal::WrongOrigin(key.id)) }
}

/// The first material is current at once; another one waits for RotateKeyOnDemand, and only symmetric keys have others.
fn associate(state: &State, key: &mut Key, material: &NewMaterial) -> Result<(), Refusal> {
    let not_wanted = Refusal::MaterialNotWanted { key: key.id, material: material.id };
    if key.multi_region.is_some() {
        return Err(Refusal::MultiRegion(key.id));
    }
    if let Some(pending) = key.pending_import() {
        return Err(Refusal::MaterialPending { key: key.id, material: pending.id });
    }
    if key.material(&material.id).is_some() {
        return Err(not_wanted);
    }
    let status = match key.current {
        None => MaterialStatus::Active,
        Some(_) if key.spec == KeySpec::SymmetricDefault => MaterialStatus::PendingRotation,
        Some(_) => return Err(not_wanted),
    };
    key.current = key.current.or(Some(material.id));
    key.materials.push(MaterialInfo {
        id: material.id,
        commitment: material.commitment,
        public_key: material.public_key.clone(),
        status,
        created_at: state.region_time(),
        rotated_at: None,
        rotation_type: None,
    });
    Ok(())
}

/// Invariant C4: the bytes are those that the key knows under this id.
fn check_known(key: &Key, material: &NewMaterial) -> Result<(), Refusal> {
    let known = key.known_material(&material.id).filter(|m| m.commitment == material.commitment);
    known.map(|_| ()).ok_or(Refusal::MaterialNotWanted { key: key.id, material: material.id })
}

/// Keeps the wrapped bytes and the details. An import without a description keeps the text of the one before.
pub(super) fn hold(key: &mut Key, material: &NewMaterial, details: &ImportDetails) {
    let before = key.imports.remove(&material.id).and_then(|old| old.description);
    let description = details.description.clone().or(before);
    key.held.insert(material.id, material.wrapped.clone());
    key.imports.insert(material.id, ImportDetails { description, ..*details });
}

impl Key {
    /// An import that completes a waiting key enables it, whatever it was before [KMS:key-state].
    pub(super) fn enable_after_import(&mut self, waiting: bool) {
        if waiting && !self.awaits_import() && self.lifecycle == crate::Lifecycle::Disabled {
            self.lifecycle = crate::Lifecycle::Enabled;
        }
    }

    /// Takes the bytes away. What the key is for ever made of stays known, so that the same bytes may come back; a
    /// pending material of a single-Region key is forgotten, as nothing was ever sealed with it.
    fn drop_imported(&mut self, material: &MaterialInfo) {
        self.held.remove(&material.id);
        if material.status.is_pending_import() && self.multi_region.is_none() {
            self.materials.retain(|m| m.id != material.id);
            self.imports.remove(&material.id);
        } else if let Some(details) = self.imports.get_mut(&material.id) {
            details.valid_to = None;
        }
    }
}

/// DeleteImportedKeyMaterial. Nothing to delete is no error.
pub(super) fn delete(state: &mut State, key: &KeyId, material: &MaterialId) -> Result<Outcome, Refusal> {
    let mut key = external(state, key)?;
    refuse_in(state, &key, &[KeyState::Creating, KeyState::Updating, KeyState::Unavailable])?;
    let Some(info) = key.material(material).cloned() else {
        return Err(Refusal::MaterialNotWanted { key: key.id, material: *material });
    };
    // Rule 4: a member that has acknowledged the material keeps it until the rotation is over.
    if info.status == MaterialStatus::Staged {
        return Err(Refusal::RotationInProgress(key.id));
    }
    if !key.held.contains_key(material) {
        return Ok(Outcome::Applied);
    }
    key.drop_imported(&info);
    changed(state, key)
}

/// What is due goes, in whatever state the key is.
pub(super) fn expire(state: &mut State, key: &KeyId) -> Result<Outcome, Refusal> {
    let mut key = found(state, key)?;
    let now = state.region_time();
    let due: Vec<MaterialId> = key.expiring().filter(|(_, at)| *at <= now).map(|(id, _)| id).collect();
    if due.is_empty() {
        return Err(Refusal::NotDue(key.id));
    }
    for material in due {
        match key.material(&material).cloned() {
            Some(info) => key.drop_imported(&info),
            // Listed by an outstanding record only: the record goes on without the bytes.
            None => drop(key.held.remove(&material)),
        }
        state.note(key.account, key.id, ServiceAct::ExpiredMaterialDeleted { material });
    }
    changed(state, key)
}

/// RotateKeyOnDemand: the pending material is current from this entry on; nobody else holds the key.
pub(super) fn rotate(
    state: &mut State,
    key: &KeyId,
    material: &MaterialId,
    most_on_demand: u32,
) -> Result<Outcome, Refusal> {
    let mut key = enabled_single_region(state, key)?;
    let now = state.region_time();
    if key.rotation.on_demand_count >= most_on_demand {
        return Err(Refusal::OnDemandLimit(key.id));
    }
    let not_wanted = Refusal::MaterialNotWanted { key: key.id, material: *material };
    let held = key.held.contains_key(material);
    let pending =
        key.materials.iter_mut().find(|m| m.id == *material && m.status == MaterialStatus::PendingRotation);
    let pending = pending.filter(|_| held).ok_or(not_wanted)?;
    pending.status = MaterialStatus::Active;
    pending.rotated_at = Some(now);
    pending.rotation_type = Some(RotationType::OnDemand);
    key.rotation.on_demand_count += 1;
    let previous = key.current.replace(*material);
    let (rotation, origin) = (RotationType::OnDemand, key.origin);
    let act = ServiceAct::Rotated { rotation, origin, previous, current: *material };
    state.note(key.account, key.id, act);
    changed(state, key)
}
