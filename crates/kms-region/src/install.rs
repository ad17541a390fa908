//! Rules 4, 5 and 14: fetching the materials that this Region should hold, and handing out those that others may have.

use kms_state::{Command, ControlRecord, InstallMaterial};
use kms_types::{Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Alarm, Delivery, Machine, Offer, Output, Want, message::batches, proposals::Pending};

/// A material that was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    attempts: u32,
    next_at: Timestamp,
}

impl Machine {
    pub(crate) fn request_materials(&mut self) {
        if !self.holds_material() {
            return;
        }
        let watched: Vec<_> = self.watch.keys().filter_map(|key| self.committed(key)).collect();
        let mut wanted = BTreeSet::new();
        let mut requests: BTreeMap<Region, Vec<Want>> = BTreeMap::new();
        for record in watched {
            let wants = self.wants(&record);
            if wants.is_empty() {
                self.rewatch(record.key);
            }
            for want in wants {
                wanted.insert((want.key, want.material));
                if let Some(holder) = self.next_holder(&record, &want) {
                    requests.entry(holder).or_default().push(want);
                }
            }
        }
        self.asked.retain(|material, _| wanted.contains(material));
        for (from, wants) in requests {
            for wants in batches(wants) {
                self.outputs.push_back(Output::RequestMaterials { from: from.clone(), wants });
            }
        }
    }

    fn wants(&self, record: &Arc<ControlRecord>) -> Vec<Want> {
        let want = |m: &kms_state::MaterialInfo| Want {
            key: record.key,
            material: m.id,
            commitment: m.commitment,
            version: record.version.clone(),
        };
        self.missing(record).map(want).collect()
    }

    /// Whom to ask now, if it is time: the primary first, then the other active members in turn.
    fn next_holder(&mut self, record: &ControlRecord, want: &Want) -> Option<Region> {
        let (now, own) = (self.now, &self.region);
        let others = record.active_members().filter(|r| **r != record.primary);
        let mut holders: Vec<&Region> = std::iter::once(&record.primary).chain(others).collect();
        holders.retain(|holder| *holder != own);
        let asked = self.asked.entry((want.key, want.material)).or_default();
        if asked.next_at > now || holders.is_empty() {
            return None;
        }
        let turn = asked.attempts as usize % holders.len();
        asked.attempts = asked.attempts.wrapping_add(1);
        asked.next_at =
            now.plus_millis(self.config.install_ms.saturating_mul(asked.attempts.clamp(1, 8).into()));
        holders.get(turn).map(|holder| (*holder).clone())
    }

    /// Sends what the asker may have by the newest committed record known here, and nothing else.
    pub(crate) fn on_offer(&mut self, from: Region, mut offer: Offer) {
        let denied = offer.wants.iter().find(|want| self.is_denied(&from, want)).map(|want| want.key);
        if let Some(key) = denied {
            self.outputs.push_back(Output::Alarm(Alarm::MaterialDenied { from: from.clone(), key }));
        }
        offer.wants.retain(|want| self.may_hand_out(&from, want));
        if !offer.wants.is_empty() {
            self.outputs.push_back(Output::SendMaterials { to: from, offer });
        }
    }

    /// A Region that goes by a record we know, or an older one, and is not a member: it should know better (C8).
    fn is_denied(&self, to: &Region, want: &Want) -> bool {
        self.committed(&want.key).is_some_and(|c| want.version <= c.version && !c.is_member(to))
    }

    /// Nothing of an imported key: its bytes never travel between Regions.
    fn may_hand_out(&self, to: &Region, want: &Want) -> bool {
        // A record that is not known here to be committed asks for nothing (rules 1 and 4).
        let known =
            |c: &Arc<ControlRecord>| want.version <= c.version && !c.is_destroyed() && c.is_member(to);
        let Some(record) = self.committed(&want.key).filter(known) else { return false };
        let listed =
            record.transferable_materials().any(|m| m.id == want.material && m.commitment == want.commitment);
        let held = self.state.key(&want.key).is_some_and(|key| key.held.contains_key(&want.material));
        listed && held
    }

    /// Only envelopes with materials that are still missing are opened.
    pub(crate) fn on_material(&mut self, from: Region, mut delivery: Delivery) {
        delivery.materials.retain(|sealed| self.is_missing(&sealed.want));
        if !delivery.materials.is_empty() {
            self.outputs.push_back(Output::OpenEnvelopes { from, delivery });
        }
    }

    fn is_missing(&self, want: &Want) -> bool {
        let record = self.committed(&want.key).filter(|c| want.version <= c.version);
        record.is_some_and(|record| {
            self.missing(&record).any(|m| m.id == want.material && m.commitment == want.commitment)
        })
    }

    pub(crate) fn opened(&mut self, from: &Region, materials: Vec<InstallMaterial>, refused: Vec<Want>) {
        for Want { key, material, .. } in refused {
            self.outputs.push_back(Output::Alarm(Alarm::MaterialRefused {
                from: from.clone(),
                key,
                material,
            }));
        }
        for material in &materials {
            // The entry is on its way; do not ask again meanwhile.
            if let Some(asked) = self.asked.get_mut(&(material.key, material.material.id)) {
                asked.next_at = self.now.plus_millis(self.config.install_ms.saturating_mul(4));
            }
        }
        for materials in batches(materials) {
            self.propose(Command::InstallMaterials { materials }, Pending::Install);
        }
    }
}
