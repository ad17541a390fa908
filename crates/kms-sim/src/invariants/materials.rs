//! Materials: what a Region seals with is held by every active member (C1), holders of one id agree on its bytes (C4),
//! and whoever is no member holds nothing (C8).

use super::{Newest, Violation, broken};
use crate::address::RegionNumber;
use crate::deployment::{region_name, region_number};
use kms_state::{ControlRecord, Key, Phase, State};
use kms_types::{KeyId, MaterialId};

/// A ciphertext under this material was just returned by a Region.
pub(crate) fn sealed(
    key: KeyId,
    material: MaterialId,
    by: RegionNumber,
    newest: &Newest,
) -> Result<(), Violation> {
    // The newest record that anybody goes by names the members.
    let records = newest.each().filter_map(|(_, applied)| applied.state.register(&key)?.committed.clone());
    let Some(record) = records.max_by(|a, b| a.version.cmp(&b.version)) else { return Ok(()) };
    if record.phase == Phase::Destroyed {
        return Ok(());
    }
    // A Region that was evicted and does not know seals with older materials only (failure case 7).
    for member in record.active_members().filter_map(region_number) {
        let Some(applied) = newest.of(member) else { continue };
        let holds = applied.state.key(&key).is_some_and(|key| key.held.contains_key(&material));
        if !holds {
            let (by, member) = (region_name(by), region_name(member));
            return broken(
                "C1",
                format!("{by} sealed with {material} of {key}, which {member} does not hold"),
            );
        }
    }
    Ok(())
}

/// A copy goes by its committed record and by nothing that is only proposed (rule 1).
fn follows(region: RegionNumber, key: &Key, record: &ControlRecord) -> Result<(), Violation> {
    let shared = key.multi_region.as_ref();
    let same =
        shared.is_some_and(|shared| shared.primary == record.primary && shared.members == record.members);
    match same && key.current == record.current {
        true => Ok(()),
        false => {
            let (name, version) = (region_name(region), &record.version);
            broken("rule 1", format!("{} in {name} does not go by its record {version}", key.id))
        }
    }
}

/// Looks at a Region's keys.
pub(crate) fn see(region: RegionNumber, state: &State) -> Result<(), Violation> {
    let Some(own) = state.region() else { return Ok(()) };
    for key in state.keys().filter(|key| key.id.is_multi_region()) {
        let record = state.register(&key.id).and_then(|register| register.committed.as_ref());
        if let Some(record) = record.filter(|record| !record.is_destroyed()) {
            follows(region, key, record)?;
        }
        let member = record.is_some_and(|record| record.is_member(own));
        if !member && !key.held.is_empty() {
            let name = region_name(region);
            return broken("C8", format!("{name} is no member of {} and holds material of it", key.id));
        }
    }
    Ok(())
}
