//! Rule 1: learning that records are committed. The only place where a control record gains effect.

use std::sync::Arc;

use super::{effects, register_or_default};
use crate::{ControlRecord, MaterialInfo, Outcome, Refusal, Register, State};

/// Learns committed records; older and known ones change nothing (C7).
pub(in crate::apply) fn commit(
    state: &mut State,
    index: u64,
    records: &[ControlRecord],
) -> Result<Outcome, Refusal> {
    for record in records.iter().filter(|r| r.key.is_multi_region()) {
        let register = register_or_default(state, &record.key);
        if outranks(record, &register) {
            adopt(state, index, register, record);
        } else {
            remember_displaced(state, index, register, record);
        }
    }
    Ok(Outcome::Applied)
}

/// Higher versions win; a tombstone wins over every version and never loses (D3).
fn outranks(record: &ControlRecord, register: &Register) -> bool {
    match &register.committed {
        None => true,
        Some(committed) if committed.is_destroyed() && !seeded!(TombstoneLoses) => false,
        Some(committed) => record.is_destroyed() || record.version > committed.version,
    }
}

fn adopt(state: &mut State, index: u64, mut register: Register, record: &ControlRecord) {
    let record = Arc::new(record.clone());
    let before = register.committed.as_ref().map(|r| r.materials.as_slice()).unwrap_or_default();
    register.displaced = union(record.displaced_from(before), record.displaced_from(&register.displaced));
    // A chosen value may be accepted without being asked: every later ballot that could choose anything has adopted
    // it, so acceptors that hold it only help (and a candidate then sees it in our promise).
    if register.accepted.as_ref().is_none_or(|a| a.version < record.version) || record.is_destroyed() {
        register.accepted = Some(record.clone());
    }
    register.promised = register.promised.max(Some(record.version.epoch.clone()));
    register.committed = Some(record.clone());
    register.sequence = index;
    effects::follow(state, &register, &record);
    state.put_register(record.key, register);
}

/// Rule 9: a committed record that lost to ours may name materials that were active on the other side. They are kept
/// until the primary has adopted them. Without unsafe promotions committed records form one chain (C3) and this finds
/// nothing.
fn remember_displaced(state: &mut State, index: u64, mut register: Register, record: &ControlRecord) {
    let Some(committed) = register.committed.clone().filter(|c| !c.is_destroyed()) else { return };
    let displaced = union(register.displaced.iter(), committed.displaced_from(&record.materials));
    if displaced.len() > register.displaced.len() {
        register.displaced = displaced;
        register.sequence = index;
        state.put_register(record.key, register);
    }
}

fn union<'a>(
    first: impl Iterator<Item = &'a MaterialInfo>,
    second: impl Iterator<Item = &'a MaterialInfo>,
) -> Vec<MaterialInfo> {
    let mut all: Vec<MaterialInfo> = first.chain(second).cloned().collect();
    all.sort_by_key(|m| m.id);
    all.dedup_by_key(|m| m.id);
    all
}
