//! What clients were told has happened: keys that were created are there (A1), shared changes that were acknowledged are
//! in every later record (C5).

use super::{Newest, Violation, broken};
use crate::address::RegionNumber;
use crate::deployment::region_name;
use crate::workload::SharedChange;
use kms_types::{KeyId, MaterialId, RecordVersion};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Acknowledged {
    created: BTreeMap<KeyId, RegionNumber>,
    changes: Vec<Change>,
}

struct Change {
    key: KeyId,
    region: RegionNumber,
    what: SharedChange,
    version: RecordVersion,
    materials: Vec<MaterialId>,
}

impl Acknowledged {
    /// The Region is lost for ever, and with it what only it had. Shared changes are not: a majority agreed to them.
    pub(crate) fn forget(&mut self, region: RegionNumber) {
        self.created.retain(|_, at| *at != region);
    }

    pub(crate) fn created(&mut self, key: KeyId, region: RegionNumber) {
        self.created.insert(key, region);
    }

    /// The Region that answered knows the record by then.
    pub(crate) fn shared(
        &mut self,
        key: KeyId,
        region: RegionNumber,
        what: SharedChange,
        newest: &Newest,
    ) -> Result<(), Violation> {
        if !key.is_multi_region() {
            return Ok(());
        }
        let register = newest.of(region).and_then(|applied| applied.state.register(&key));
        let Some(record) = register.and_then(|register| register.committed.as_ref()) else {
            let name = region_name(region);
            return broken(
                "rule 2",
                format!("{name} acknowledged the {what} of {key} without a committed record"),
            );
        };
        let materials = record.materials.iter().map(|m| m.id).collect();
        self.changes.push(Change { key, region, what, version: record.version.clone(), materials });
        Ok(())
    }

    pub(crate) fn finish(&self, newest: &Newest) -> Result<(), Violation> {
        self.created.iter().try_for_each(|(key, region)| is_there(*key, *region, newest))?;
        self.changes.iter().try_for_each(|change| is_kept(change, newest))
    }
}

/// A key that was created is there, or was destroyed by its deadline. One that was pending may be gone without a trace in
/// its Region's keys; its id is retired then.
fn is_there(key: KeyId, region: RegionNumber, newest: &Newest) -> Result<(), Violation> {
    let state = newest.of(region).map(|applied| &applied.state);
    match state.is_some_and(|state| state.is_taken(&key)) {
        true => Ok(()),
        false => broken("A1", format!("key {key}, which {} created, is gone", region_name(region))),
    }
}

fn is_kept(change: &Change, newest: &Newest) -> Result<(), Violation> {
    let records =
        newest.each().filter_map(|(_, applied)| applied.state.register(&change.key)?.committed.clone());
    let Some(record) = records.max_by(|a, b| a.version.cmp(&b.version)) else {
        return broken("C5", format!("no Region has a record of {}", change.key));
    };
    let (what, name) = (&change.what, region_name(change.region));
    if record.version < change.version {
        return broken("C5", format!("the {what} of {} in {name} is not in {}", change.key, record.version));
    }
    let missing = change.materials.iter().find(|m| !record.materials.iter().any(|i| i.id == **m));
    match missing.filter(|_| !record.is_destroyed()) {
        Some(material) => broken(
            "C5",
            format!("{material}, which the {what} of {} in {name} acknowledged, is in no record", change.key),
        ),
        None => Ok(()),
    }
}
