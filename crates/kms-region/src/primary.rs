//! What a primary does with a settled record: it adopts, removes, destroys, admits and activates, one record at a time.

use kms_state::{Command, ControlRecord, MaterialInfo, MaterialStatus, Membership, Outcome, RecordError};
use kms_types::{KeyId, MaterialId, RecordVersion, Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Ack, Alarm, Machine, Output, proposals::Pending};

/// What peers have told this machine as their primary. Volatile: a new leader or primary hears it anew (rule 7).
#[derive(Debug, Clone, Default)]
pub(crate) struct Primary {
    acks: BTreeMap<KeyId, BTreeMap<Region, Installed>>,
    displaced: BTreeMap<KeyId, Vec<MaterialInfo>>,
    removals: BTreeMap<KeyId, BTreeSet<Region>>,
    /// Keys with a proposal in the own log.
    proposing: BTreeSet<KeyId>,
    /// Keys whose last proposal was refused, until when they rest.
    resting: BTreeMap<KeyId, Timestamp>,
}

#[derive(Debug, Clone)]
struct Installed {
    version: RecordVersion,
    materials: BTreeSet<MaterialId>,
}

impl Primary {
    pub(crate) fn forget(&mut self, key: &KeyId) {
        self.acks.remove(key);
    }

    /// Acknowledgements are repeated with every pull.
    pub(crate) fn forget_acks(&mut self) {
        self.acks.clear();
    }

    pub(crate) fn want_removal(&mut self, key: KeyId, region: Region) {
        self.removals.entry(key).or_default().insert(region);
    }

    pub(crate) fn drop_removal(&mut self, key: &KeyId, region: &Region) {
        if let Some(regions) = self.removals.get_mut(key) {
            regions.remove(region);
            if regions.is_empty() {
                self.removals.remove(key);
            }
        }
    }
}

impl Machine {
    pub(crate) fn take_acks(&mut self, from: &Region, acks: Vec<Ack>) {
        for ack in acks {
            let Some(record) = self.committed(&ack.key).filter(|c| c.primary == self.region) else {
                continue;
            };
            if record.displaced_from(&ack.displaced).next().is_some() {
                self.primary.displaced.insert(ack.key, ack.displaced);
            }
            if record.is_member(from) && (record.version == ack.version || seeded!(StaleAcknowledgement)) {
                let materials = ack.materials.into_iter().collect();
                let installed = Installed { version: ack.version, materials };
                self.primary.acks.entry(ack.key).or_default().insert(from.clone(), installed);
            }
        }
    }

    /// True when `region` has durably installed every one of `materials`, as a member under exactly this record.
    fn has_installed<'a>(
        &self,
        record: &ControlRecord,
        region: &Region,
        mut materials: impl Iterator<Item = &'a MaterialInfo>,
    ) -> bool {
        if *region == self.region {
            let key = self.state.key(&record.key);
            return materials.all(|m| key.is_some_and(|k| k.held.contains_key(&m.id)));
        }
        let told = self.primary.acks.get(&record.key).and_then(|regions| regions.get(region));
        told.is_some_and(|told| {
            (told.version == record.version || seeded!(StaleAcknowledgement))
                && materials.all(|m| told.materials.contains(&m.id))
        })
    }

    pub(crate) fn run_primary(&mut self) {
        if !self.may_propose() {
            return;
        }
        let now = self.now;
        self.primary.resting.retain(|_, until| *until > now);
        for key in self.keys_to_advance() {
            if let Some(record) = self.settled_as_primary(&key) {
                self.advance(&record);
            }
        }
    }

    fn keys_to_advance(&self) -> BTreeSet<KeyId> {
        let primary = &self.primary;
        let reported = primary.removals.keys().chain(primary.displaced.keys());
        self.watch.keys().chain(reported).chain(self.deletions.of_primary()).copied().collect()
    }

    /// The committed record of a key for which this Region may propose the next one now.
    fn settled_as_primary(&self, key: &KeyId) -> Option<Arc<ControlRecord>> {
        let register = self.register(key).filter(|r| !r.is_unsettled())?;
        let busy = self.primary.proposing.contains(key)
            || self.primary.resting.contains_key(key)
            || self.promotions.is_running(key);
        register.committed.clone().filter(|c| c.primary == self.region && !c.is_destroyed() && !busy)
    }

    fn advance(&mut self, record: &ControlRecord) {
        match self.next_record(record) {
            Some(Ok(next)) => {
                self.primary.proposing.insert(record.key);
                let base = record.version.clone();
                let command = Command::ProposeRecord { record: Box::new(next), base, material: None };
                self.propose(command, Pending::Record { key: record.key });
            }
            // The phase forbids it for now, for example while the primary is being changed.
            Some(Err(_)) => {}
            None => self.alarm_if_held_up(record),
        }
    }

    pub(crate) fn record_concluded(&mut self, key: KeyId, outcome: Option<&Outcome>) {
        self.primary.proposing.remove(&key);
        if matches!(outcome, Some(Outcome::Refused(_))) {
            self.primary.resting.insert(key, self.now.plus_millis(self.config.resend_ms));
        }
    }

    /// A Region that was removed is not taken in again by itself while it has the history that it has now.
    fn remembering_history(&self, record: ControlRecord, region: &Region) -> ControlRecord {
        let voter = self.state.directory().and_then(|directory| directory.voters.get(region));
        match voter {
            Some(voter) => record.remembering(region.clone(), voter.incarnation),
            None => record,
        }
    }

    fn next_record(&mut self, record: &ControlRecord) -> Option<Result<ControlRecord, RecordError>> {
        // No other record is accepted while a Region that left the deployment is a member.
        let leaving = self.wanted_removal(record);
        let stranger = leaving.as_ref().is_some_and(|region| self.is_stranger(region));
        if !stranger && let Some(next) = self.adopt_displaced(record) {
            return Some(next);
        }
        if let Some(region) = leaving {
            let next = record.remove(&region).map(|next| self.remembering_history(next, &region));
            if seeded!(EvictWithoutCommit) {
                self.learn(next.clone());
            }
            return Some(next);
        }
        if let Some(deletion) = self
            .due_deletion(&record.key)
            .filter(|_| record.members.len() == 1 || seeded!(DestroyWithReplicas))
        {
            return Some(record.destroy(deletion));
        }
        if let Some(region) = self.installed_joiner(record) {
            return Some(record.admit(&region));
        }
        self.next_of_rotation(record)
    }

    fn is_stranger(&self, region: &Region) -> bool {
        self.state.directory().is_some_and(|directory| !directory.voters.contains_key(region))
    }

    /// Rule 9: the union with what was active on the other side.
    fn adopt_displaced(&mut self, record: &ControlRecord) -> Option<Result<ControlRecord, RecordError>> {
        let own = self.register(&record.key).map(|r| r.displaced.clone()).unwrap_or_default();
        let reported = self.primary.displaced.remove(&record.key).unwrap_or_default();
        let all: Vec<MaterialInfo> = own.into_iter().chain(reported).collect();
        let adopted = record.adopt_materials(&all);
        adopted.as_ref().is_ok_and(|next| next.materials != record.materials).then_some(adopted)
    }

    fn wanted_removal(&mut self, record: &ControlRecord) -> Option<Region> {
        let wanted = self.primary.removals.get_mut(&record.key)?;
        wanted.retain(|region| record.is_member(region) && *region != record.primary);
        let directory = self.state.directory()?;
        let stranger = wanted.iter().find(|region| !directory.voters.contains_key(*region));
        let region = stranger.or_else(|| wanted.first()).cloned();
        if region.is_none() {
            self.primary.removals.remove(&record.key);
        }
        region
    }

    /// Rule 5: a joining member that has acknowledged every material that it gets from other members. One of an imported
    /// key gets none: it shows PendingImport until its own caller brings the bytes.
    fn installed_joiner(&self, record: &ControlRecord) -> Option<Region> {
        let joining = record.members.iter().filter(|(_, m)| matches!(m, Membership::Joining(_)));
        let mut installed = joining.filter(|(r, _)| {
            seeded!(ActiveBeforeInstalled) || self.has_installed(record, r, record.transferable_materials())
        });
        installed.next().map(|(region, _)| region.clone())
    }

    /// A pending import is ready for its rotation once every active member has it, and no longer ready when one of them
    /// says under this very record that it has lost it. Without the bytes the primary gives it up: nobody could send them.
    fn next_of_import(
        &mut self,
        record: &ControlRecord,
        pending: &MaterialInfo,
    ) -> Option<Result<ControlRecord, RecordError>> {
        if !self.has_installed(record, &self.region, std::iter::once(pending)) {
            let alarm = Alarm::ImportGivenUp { key: record.key, material: pending.id };
            self.outputs.push_back(Output::Alarm(alarm));
            return Some(record.forget(&pending.id));
        }
        let everywhere =
            record.active_members().all(|r| self.has_installed(record, r, std::iter::once(pending)));
        match pending.status {
            MaterialStatus::PendingMultiRegionImport if everywhere => {
                Some(record.imported_everywhere(&pending.id))
            }
            MaterialStatus::PendingRotation
                if record.active_members().any(|r| self.lacks(record, r, pending)) =>
            {
                Some(record.await_import(&pending.id))
            }
            _ => None,
        }
    }

    /// True when `region` has said under exactly this record that it does not hold the material.
    fn lacks(&self, record: &ControlRecord, region: &Region, material: &MaterialInfo) -> bool {
        let told = self.primary.acks.get(&record.key).and_then(|regions| regions.get(region));
        told.is_some_and(|told| told.version == record.version && !told.materials.contains(&material.id))
    }

    /// Rule 4: active once every active member has it. Rule 7: given up if it went with the old primary.
    fn next_of_rotation(&mut self, record: &ControlRecord) -> Option<Result<ControlRecord, RecordError>> {
        if let Some(pending) = record.pending_import() {
            return self.next_of_import(record, pending);
        }
        let staged = record.staged()?;
        let installed = |region| self.has_installed(record, region, std::iter::once(staged));
        if seeded!(ActivateWithoutBarrier) || record.active_members().all(installed) {
            return Some(record.activate(&staged.id, self.state.region_time()));
        }
        let held = self.has_installed(record, &self.region, std::iter::once(staged));
        if held || self.watched_ms(&record.key) < self.config.staged_ms {
            return None;
        }
        let alarm = Alarm::RotationAborted { key: record.key, material: staged.id };
        self.outputs.push_back(Output::Alarm(alarm));
        Some(record.abort(&staged.id))
    }

    /// The members for which a rotation waits (failure case 6).
    pub(crate) fn laggards(&self, record: &ControlRecord) -> Option<(MaterialId, Vec<Region>)> {
        let staged = record.staged().filter(|_| record.primary == self.region)?;
        let installed = |region: &Region| self.has_installed(record, region, std::iter::once(staged));
        let regions: Vec<Region> = record.active_members().filter(|r| !installed(r)).cloned().collect();
        (!regions.is_empty()).then_some((staged.id, regions))
    }

    fn alarm_if_held_up(&mut self, record: &ControlRecord) {
        let Some((material, regions)) = self.laggards(record) else { return };
        let (now, every_ms) = (self.now, self.config.alarm_ms);
        let Some(watch) = self.watch.get_mut(&record.key) else { return };
        if now.millis_since(watch.alarmed_at.unwrap_or(watch.since)) >= every_ms {
            watch.alarmed_at = Some(now);
            let alarm = Alarm::RotationHeldUp { key: record.key, material, regions, since: watch.since };
            self.outputs.push_back(Output::Alarm(alarm));
        }
    }
}
