//! Materials that arrived in envelopes and were checked against their commitments before they were proposed.

use crate::{InstallMaterial, Key, MaterialInfo, Outcome, Refusal, State};

/// Installs what the committed records want here. A batch may span keys that have moved on since it was made: what is
/// no longer wanted is left out, and the batch is refused only when nothing of it is wanted.
pub(in crate::apply) fn install(
    state: &mut State,
    materials: &[InstallMaterial],
) -> Result<Outcome, Refusal> {
    let mut refusal = None;
    let mut wanted = 0;
    for install in materials {
        match install_one(state, install) {
            Ok(()) => wanted += 1,
            Err(refused) => refusal = Some(refused),
        }
    }
    match refusal {
        Some(refusal) if wanted == 0 => Err(refusal),
        _ => Ok(Outcome::Applied),
    }
}

fn install_one(state: &mut State, install: &InstallMaterial) -> Result<(), Refusal> {
    let key = wanting_key(state, install)
        .ok_or(Refusal::MaterialNotWanted { key: install.key, material: install.material.id })?;
    if key.held.contains_key(&install.material.id) {
        return Ok(());
    }
    let mut held = key.held.clone();
    held.insert(install.material.id, install.material.wrapped.clone());
    state.put_key(Key { held, revision: key.revision + 1, ..key });
    Ok(())
}

/// C4: these are the bytes that the record names.
fn is_committed_to(material: &MaterialInfo, install: &InstallMaterial) -> bool {
    material.commitment == install.material.commitment || seeded!(InstallUnchecked)
}

/// The local key, when its committed record makes this Region a member and requires exactly this material (C4, C8).
fn wanting_key(state: &State, install: &InstallMaterial) -> Option<Key> {
    let committed = state.register(&install.key)?.committed.as_ref()?;
    let region = state.region()?;
    let arrived = &install.material;
    let matches = committed
        .transferable_materials()
        .any(|m| m.id == arrived.id && is_committed_to(m, install) && m.public_key == arrived.public_key);
    let wanted = matches && committed.is_member(region) && install.version <= committed.version;
    state.key(&install.key).filter(|_| wanted).map(|key| (**key).clone())
}
