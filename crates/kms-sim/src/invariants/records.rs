//! Committed control records form one sequence: one record per version and one primary per epoch (C2), no material that
//! was ever active is dropped (C3), a record that has effect was accepted by a majority of voters (rule 1), and a
//! Region's own record never goes back to a lower version (C6).
//!
//! The protocol is docs/adr/0005-region-protocol.md.

use super::{Newest, Violation, broken, deletions, is_majority};
use crate::address::RegionNumber;
use crate::deployment::region_name;
use kms_raft::Applied;
use kms_state::{ControlRecord, MaterialStatus, State};
use kms_types::{Epoch, KeyId, MaterialId, RecordVersion, Region};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Records {
    committed: BTreeMap<(KeyId, RecordVersion), Arc<ControlRecord>>,
    primaries: BTreeMap<(KeyId, Epoch), Region>,
    active: BTreeMap<KeyId, BTreeMap<MaterialId, RecordVersion>>,
    held: BTreeMap<(RegionNumber, KeyId), RecordVersion>,
    /// The last states of Regions whose history has ended.
    ended: Vec<(RegionNumber, Arc<Applied>)>,
}

impl Records {
    /// The Region has another history from now on; what its voters had accepted by then counts.
    pub(crate) fn bury(&mut self, region: RegionNumber, last: Arc<Applied>) {
        self.held.retain(|(of, _), _| *of != region);
        self.ended.push((region, last));
    }

    /// Looks at every record of a Region that is new.
    pub(crate) fn see(&mut self, region: RegionNumber, newest: &Newest) -> Result<(), Violation> {
        let Some(applied) = newest.of(region) else { return Ok(()) };
        for (key, register) in applied.state.registers() {
            let Some(record) = &register.committed else { continue };
            let before = self.held.insert((region, *key), record.version.clone());
            match before {
                Some(before) if before == record.version => continue,
                Some(before) if before > record.version => {
                    let name = region_name(region);
                    return broken(
                        "C6",
                        format!("{name} went back from {before} to {} of {key}", record.version),
                    );
                }
                _ => {}
            }
            let is_first = !self.committed.contains_key(&(*key, record.version.clone()));
            if record.is_destroyed() && is_first {
                deletions::buried(record, self.before(record), applied.state.directory())?;
            }
            let is_new = self.is_one(region, record)?;
            self.keeps_materials(record)?;
            if is_new {
                self.accepted_by_majority(record, newest, &applied.state)?;
            }
        }
        Ok(())
    }

    /// The newest committed record of lower version.
    fn before(&self, record: &ControlRecord) -> Option<&ControlRecord> {
        let lower = self.committed.range(..(record.key, record.version.clone()));
        lower.last().filter(|((key, _), _)| *key == record.key).map(|(_, record)| &**record)
    }

    /// True when nobody had this version before.
    fn is_one(&mut self, region: RegionNumber, record: &Arc<ControlRecord>) -> Result<bool, Violation> {
        let (key, name) = (record.key, region_name(region));
        let is_new = !self.committed.contains_key(&(key, record.version.clone()));
        let place = self.committed.entry((key, record.version.clone()));
        let known = place.or_insert_with(|| record.clone());
        if **known != **record {
            return broken("C3", format!("{name} has another record {} of {key}", record.version));
        }
        let place = self.primaries.entry((key, record.version.epoch.clone()));
        let primary = place.or_insert_with(|| record.primary.clone());
        if *primary != record.primary && !record.is_destroyed() {
            let epoch = &record.version.epoch;
            return broken("C2", format!("{primary} and {} are primary of {key} in {epoch}", record.primary));
        }
        Ok(is_new)
    }

    /// Every material that was active in a lower version is in the record, and active.
    fn keeps_materials(&mut self, record: &ControlRecord) -> Result<(), Violation> {
        let active = self.active.entry(record.key).or_default();
        let now: BTreeSet<MaterialId> =
            record.materials.iter().filter(|m| m.status == MaterialStatus::Active).map(|m| m.id).collect();
        let dropped = active.iter().find(|(id, since)| **since < record.version && !now.contains(id));
        if let Some((material, _)) = dropped.filter(|_| !record.is_destroyed()) {
            return broken("C3", format!("record {} of {} drops {material}", record.version, record.key));
        }
        for id in now {
            let since = active.entry(id).or_insert_with(|| record.version.clone());
            *since = (*since).clone().min(record.version.clone());
        }
        Ok(())
    }

    /// Rule 1, by what the newest state of each voter has accepted when the first Region goes by the record.
    fn accepted_by_majority(
        &self,
        record: &ControlRecord,
        newest: &Newest,
        own: &State,
    ) -> Result<(), Violation> {
        // A new key's first record concerns nobody else; its id is fresh, so nobody else can have another.
        let is_first = record.version.epoch.counter <= 1 && record.version.n == 1;
        if record.unsafe_promotions > 0 || is_first {
            return Ok(());
        }
        let ended = self.ended.iter().map(|(region, applied)| (*region, applied));
        let accepted = newest.voters().chain(ended).filter(|(_, applied)| {
            let register = applied.state.register(&record.key);
            register.and_then(|r| r.accepted.as_ref()).is_some_and(|a| a.version >= record.version)
        });
        let accepted: BTreeSet<RegionNumber> = accepted.map(|(region, _)| region).collect();
        let voters = own.directory().map_or(0, |directory| directory.voters.len());
        let count = accepted.len();
        match is_majority(own.directory(), &accepted) {
            true => Ok(()),
            false => broken(
                "rule 1",
                format!(
                    "record {} of {} has effect, and {count} of {voters} accepted it",
                    record.version, record.key
                ),
            ),
        }
    }
}
