//! Changes of a control record that concern imported material. Its bytes never travel between Regions: the record
//! carries ids and commitments, and every member is given the same bytes by its caller.
//!
//! ```text
//!   import ──► PendingMultiRegionImport ◄──► PendingRotation ──RotateKeyOnDemand──► Staged ──► Active
//!                        └──────── forget ────────┘                                (rule 4)
//! ```

use kms_types::{KeyOrigin, MaterialId, RotationType, Timestamp};

use crate::{ControlRecord, MaterialInfo, MaterialStatus, RecordError};

impl ControlRecord {
    /// The imported material that waits for its rotation; at most one.
    pub fn pending_import(&self) -> Option<&MaterialInfo> {
        self.materials.iter().find(|m| m.status.is_pending_import())
    }

    /// The materials that a member gets from other members: all required ones, but none of an imported key.
    pub fn transferable_materials(&self) -> impl Iterator<Item = &MaterialInfo> {
        let travels = self.origin != KeyOrigin::External;
        self.required_materials().filter(move |_| travels)
    }

    /// The next record with a newly imported material: the first one is current at once, because a key without
    /// material has no replicas; a later one waits for the other members and for its rotation.
    pub fn import(&self, material: MaterialInfo) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        let id = material.id;
        let known = self.materials.iter().find(|m| m.id == id);
        if known.is_some_and(|m| m.status != MaterialStatus::Aborted || m.commitment != material.commitment) {
            return Err(RecordError::MaterialKnown { key: self.key, material: id });
        }
        if let Some(pending) = self.pending_import().or_else(|| self.staged()) {
            return Err(RecordError::MaterialPending { key: self.key, material: pending.id });
        }
        let status = match (self.current, self.members.len()) {
            (None, _) => MaterialStatus::Active,
            (Some(_), 1) => MaterialStatus::PendingRotation,
            (Some(_), _) => MaterialStatus::PendingMultiRegionImport,
        };
        next.current = self.current.or(Some(id));
        // One that was given up was never used: imported again it starts anew.
        next.materials.retain(|m| m.id != id);
        next.materials.push(MaterialInfo { status, rotated_at: None, rotation_type: None, ..material });
        Ok(next)
    }

    /// The next record with the pending material imported everywhere. The caller has seen every active member's
    /// acknowledgement.
    pub fn imported_everywhere(&self, material: &MaterialId) -> Result<Self, RecordError> {
        self.move_pending(material, MaterialStatus::PendingMultiRegionImport, MaterialStatus::PendingRotation)
    }

    /// The next record with the pending material awaited again: a member has lost it.
    pub fn await_import(&self, material: &MaterialId) -> Result<Self, RecordError> {
        self.move_pending(material, MaterialStatus::PendingRotation, MaterialStatus::PendingMultiRegionImport)
    }

    fn move_pending(
        &self,
        material: &MaterialId,
        from: MaterialStatus,
        to: MaterialStatus,
    ) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        next.pending_in(material, from)?.status = to;
        Ok(next)
    }

    /// A member that is new has not imported the pending material yet.
    pub(crate) fn await_import_again(&mut self) {
        for material in self.materials.iter_mut().filter(|m| m.status == MaterialStatus::PendingRotation) {
            material.status = MaterialStatus::PendingMultiRegionImport;
        }
    }

    /// RotateKeyOnDemand: the next record with the pending material staged. From here it is a rotation like any other:
    /// active once every active member has acknowledged under a record that says so (rule 4). The key may have
    /// `most_on_demand` such rotations in its life.
    pub fn rotate_imported(
        &self,
        material: &MaterialId,
        now: Timestamp,
        most_on_demand: u32,
    ) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        if self.rotation.on_demand_count >= most_on_demand {
            return Err(RecordError::OnDemandLimit(self.key));
        }
        let pending = next.pending_in(material, MaterialStatus::PendingRotation)?;
        pending.status = MaterialStatus::Staged;
        pending.rotation_type = Some(RotationType::OnDemand);
        next.rotation.on_demand_count += 1;
        next.rotation.on_demand_started_at = Some(now);
        Ok(next)
    }

    /// The next record without the pending material; every member drops it.
    pub fn forget(&self, material: &MaterialId) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        let pending = self.pending_import().filter(|m| m.id == *material);
        let pending = pending.ok_or(RecordError::NotPending { key: self.key, material: *material })?;
        next.materials.retain(|m| m.id != pending.id);
        Ok(next)
    }

    fn pending_in(
        &mut self,
        material: &MaterialId,
        status: MaterialStatus,
    ) -> Result<&mut MaterialInfo, RecordError> {
        let key = self.key;
        let found = self.materials.iter_mut().find(|m| m.id == *material && m.status == status);
        found.ok_or(RecordError::NotPending { key, material: *material })
    }
}
