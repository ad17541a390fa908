//! Rule 2 and the end of rule 7: what a primary or a candidate writes in its own register before it asks the others.

use kms_types::{KeyId, KeyOrigin, MaterialId, RecordVersion, Region, RotationType};
use std::sync::Arc;

use super::is_unheld;
use crate::apply::import as imported;
use crate::{
    ControlRecord, ImportMaterial, Key, Lifecycle, MaterialInfo, MaterialStatus, NewMaterial, Outcome,
    RecordError, Refusal, Register, State,
};

/// Rule 2: the primary accepts its own next record.
pub(in crate::apply) fn propose(
    state: &mut State,
    record: &ControlRecord,
    base: &RecordVersion,
    material: Option<&NewMaterial>,
) -> Result<Outcome, Refusal> {
    let (register, committed) = next_record(state, record, base)?;
    let staged = newly_staged(state, &committed, record)?;
    hold(state, record.key, staged.as_ref(), material)?;
    Ok(accept_own(state, register, record))
}

/// Rule 2 for a material that was imported here: the record lists it, and this Region holds it from now on.
pub(in crate::apply) fn propose_import(
    state: &mut State,
    record: &ControlRecord,
    base: &RecordVersion,
    import: &ImportMaterial,
) -> Result<Outcome, Refusal> {
    let (register, committed) = next_record(state, record, base)?;
    check_newly_imported(&committed, record, &import.material)?;
    let mut key = (**state.key(&record.key).ok_or(Refusal::KeyNotFound(record.key))?).clone();
    imported::hold(&mut key, &import.material, &import.details);
    state.put_key(key);
    Ok(accept_own(state, register, record))
}

/// The record is the one after `base`, and this Region may propose it.
fn next_record(
    state: &State,
    record: &ControlRecord,
    base: &RecordVersion,
) -> Result<(Register, Arc<ControlRecord>), Refusal> {
    let region = state.region().cloned().ok_or(Refusal::NotBootstrapped)?;
    let (register, committed) = living(state, &record.key)?;
    check_primary(&region, &register, &committed)?;
    if register.has_outstanding() && !seeded!(ReuseVersion) {
        return Err(Refusal::Outstanding(record.key));
    }
    if *base != committed.version || record.version != base.next() {
        return Err(Refusal::Superseded(record.key));
    }
    check_members(state, record)?;
    check_extends(&committed, record)?;
    check_tombstone(state, record)?;
    Ok((register, committed))
}

/// The record lists the material as the first one or as pending, and the committed one does not.
fn check_newly_imported(
    committed: &ControlRecord,
    record: &ControlRecord,
    material: &NewMaterial,
) -> Result<(), Refusal> {
    if record.origin != KeyOrigin::External {
        return Err(Refusal::WrongOrigin(record.key));
    }
    let known = committed.required_materials().any(|m| m.id == material.id);
    let first = committed.current.is_none() && record.current == Some(material.id);
    let listed = record.materials.iter().any(|m| {
        let fits = m.status.is_pending_import() || first && m.status == MaterialStatus::Active;
        m.id == material.id && m.commitment == material.commitment && fits
    });
    if listed && !known { Ok(()) } else { Err(not_wanted(record.key, material.id)) }
}

/// Rule 7: a candidate accepts the record it adopted, in the epoch that it promised to itself. Rule 12: or the tombstone of
/// a key that has left the deployment.
pub(in crate::apply) fn propose_promotion(
    state: &mut State,
    record: &ControlRecord,
) -> Result<Outcome, Refusal> {
    let region = state.region().cloned().ok_or(Refusal::NotBootstrapped)?;
    let register = (**state.register(&record.key).ok_or(Refusal::KeyNotFound(record.key))?).clone();
    if register.is_destroyed() {
        return Err(RecordError::Destroyed(record.key).into());
    }
    let epoch = &record.version.epoch;
    if epoch.region != region || record.primary != region {
        return Err(Refusal::NotPrimary(record.key));
    }
    let newer = register.accepted.as_ref().is_none_or(|accepted| record.version > accepted.version);
    // One record per epoch and n: a second attempt in the same epoch finds its version accepted already (C2).
    if register.promised.as_ref() != Some(epoch) || !newer {
        return Err(Refusal::Superseded(record.key));
    }
    match (record.is_destroyed(), register.committed.as_deref()) {
        (true, _) => check_buried(state, &register, record)?,
        (false, Some(committed)) => check_fit(state, &region, committed)?,
        (false, None) => return Err(Refusal::KeyNotFound(record.key)),
    }
    Ok(accept_own(state, register, record))
}

/// A Region that holds the key carries on the tombstone that it wrote; one that does not gives it up once nobody holds it.
fn check_buried(state: &State, register: &Register, record: &ControlRecord) -> Result<(), Refusal> {
    let region = &record.primary;
    let member = register.committed.as_ref().is_some_and(|committed| committed.is_active_member(region));
    let holds = member && state.key(&record.key).is_some();
    let fits = if holds { !record.is_given_up() } else { is_unheld(state, register, region) };
    match fits {
        true => Ok(()),
        false => Err(RecordError::Held { key: record.key, region: region.clone() }.into()),
    }
}

/// A key that is pending deletion here does not come here while that can be cancelled; once it is due, its last members
/// need a primary to end it. A primary may take its own key back in any state.
fn check_fit(state: &State, region: &Region, committed: &ControlRecord) -> Result<(), Refusal> {
    let key = state.key(&committed.key).ok_or(Refusal::KeyNotFound(committed.key))?;
    let leaving = match key.lifecycle {
        Lifecycle::PendingDeletion { delete_at, .. } => delete_at > state.region_time(),
        Lifecycle::PendingReplicaDeletion { .. } => true,
        Lifecycle::Enabled | Lifecycle::Disabled => false,
    };
    if leaving && committed.primary != *region {
        return Err(Refusal::WrongState { key: key.id, state: key.state(region) });
    }
    Ok(())
}

fn accept_own(state: &mut State, mut register: Register, record: &ControlRecord) -> Outcome {
    register.promised = register.promised.max(Some(record.version.epoch.clone()));
    register.accepted = Some(Arc::new(record.clone()));
    if seeded!(UseBeforeCommit) {
        super::effects::follow(state, &register, record);
    }
    state.put_register(record.key, register);
    Outcome::RecordProposed { key: record.key, version: record.version.clone() }
}

/// The register of a key that exists and is not destroyed, with its committed record (D3).
fn living(state: &State, key: &KeyId) -> Result<(Register, Arc<ControlRecord>), Refusal> {
    let register = state.register(key).ok_or(Refusal::KeyNotFound(*key))?;
    let committed = register.committed.clone().ok_or(Refusal::KeyNotFound(*key))?;
    if committed.is_destroyed() {
        return Err(RecordError::Destroyed(*key).into());
    }
    Ok(((**register).clone(), committed))
}

/// C6: only the primary, and only while no higher epoch is promised here.
fn check_primary(region: &Region, register: &Register, committed: &ControlRecord) -> Result<(), Refusal> {
    if committed.primary != *region {
        return Err(Refusal::NotPrimary(committed.key));
    }
    if register.promised.as_ref() > Some(&committed.version.epoch) {
        return Err(Refusal::Superseded(committed.key));
    }
    Ok(())
}

fn check_members(state: &State, record: &ControlRecord) -> Result<(), Refusal> {
    let directory = state.directory().ok_or(Refusal::NotBootstrapped)?;
    match record.members.keys().find(|region| !directory.is_data(region)) {
        Some(region) => Err(Refusal::UnknownRegion(region.clone())),
        None => Ok(()),
    }
}

/// C3: the next record keeps what never changes and every material that was ever active.
fn check_extends(committed: &ControlRecord, record: &ControlRecord) -> Result<(), Refusal> {
    let identity = |r: &ControlRecord| (r.key, r.account, r.spec, r.usage, r.origin, r.primary.clone());
    if identity(committed) != identity(record) {
        return Err(Refusal::Record(format!("a fixed property of key `{}` differs", record.key)));
    }
    // A pending import was never used, and may be taken back.
    let kept = |old: &MaterialInfo| old.status.is_pending_import() || still_listed(old, record);
    match committed.materials.iter().find(|old| !kept(old)) {
        Some(lost) => Err(not_wanted(record.key, lost.id)),
        None => Ok(()),
    }
}

fn still_listed(old: &MaterialInfo, record: &ControlRecord) -> bool {
    record.materials.iter().any(|new| {
        let forward = old.status != MaterialStatus::Active || new.status == MaterialStatus::Active;
        new.id == old.id && new.commitment == old.commitment && forward
    })
}

/// D1 and D2: the tombstone follows the key's own deadline, when no other member is left.
fn check_tombstone(state: &State, record: &ControlRecord) -> Result<(), Refusal> {
    if !record.is_destroyed() {
        return Ok(());
    }
    let key = state.key(&record.key).ok_or(Refusal::KeyNotFound(record.key))?;
    let recorded = record
        .deletion
        .map(|d| Lifecycle::PendingDeletion { delete_at: d.delete_at, window_days: d.window_days });
    let alone = key.multi_region.as_ref().is_some_and(|m| m.members.len() == 1);
    let due = matches!(key.lifecycle, Lifecycle::PendingDeletion { delete_at, .. } if delete_at <= state.region_time());
    if !alone && !seeded!(DestroyWithReplicas) {
        return Err(RecordError::MembersLeft(record.key).into());
    }
    if !due || recorded != Some(key.lifecycle) {
        return Err(Refusal::NotDue(record.key));
    }
    Ok(())
}

/// The material that this record stages and the committed one does not list. An automatic one must be due.
fn newly_staged(
    state: &State,
    committed: &ControlRecord,
    record: &ControlRecord,
) -> Result<Option<MaterialInfo>, Refusal> {
    let known = |id: &MaterialId| committed.materials.iter().any(|m| m.id == *id);
    let staged = record.staged().filter(|m| !known(&m.id)).cloned();
    if staged.as_ref().is_some_and(|m| m.rotation_type == Some(RotationType::Automatic)) {
        let enabled = state.key(&record.key).is_some_and(|k| k.lifecycle == Lifecycle::Enabled);
        let due = committed.rotation.automatic.is_some_and(|a| a.next_at <= state.region_time());
        if !(enabled && due) {
            return Err(Refusal::NotDue(record.key));
        }
    }
    Ok(staged)
}

/// A primary stages only what it holds; wrapped bytes of anything else are not stored.
fn hold(
    state: &mut State,
    key: KeyId,
    staged: Option<&MaterialInfo>,
    material: Option<&NewMaterial>,
) -> Result<(), Refusal> {
    match (staged, material) {
        (None, None) => Ok(()),
        (Some(info), Some(new)) if info.id == new.id && info.commitment == new.commitment => {
            let key: Key = (**state.key(&key).ok_or(Refusal::KeyNotFound(key))?).clone();
            let mut held = key.held.clone();
            held.insert(new.id, new.wrapped.clone());
            state.put_key(Key { held, ..key });
            Ok(())
        }
        (Some(info), _) => Err(not_wanted(key, info.id)),
        (None, Some(new)) => Err(not_wanted(key, new.id)),
    }
}

fn not_wanted(key: KeyId, material: MaterialId) -> Refusal {
    Refusal::MaterialNotWanted { key, material }
}
