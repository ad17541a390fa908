//! The control record of a multi-Region key: one small value, replaced as a whole, and the changes it allows.

use kms_types::{
    AccountId, Epoch, Incarnation, KeyId, KeyOrigin, KeySpec, KeyUsage, MaterialId, RecordVersion, Region,
    RotationType, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::{Automatic, Directory, KeyPolicy, MaterialInfo, MaterialStatus, Requested, Rotation};

/// The shared properties of one multi-Region key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// (epoch, n); totally ordered.
    pub version: RecordVersion,
    /// The key.
    pub key: KeyId,
    /// The owner.
    pub account: AccountId,
    /// Key spec.
    pub spec: KeySpec,
    /// Key usage.
    pub usage: KeyUsage,
    /// Origin of the material.
    pub origin: KeyOrigin,
    /// The one member that may change shared properties.
    pub primary: Region,
    /// Every Region that holds or will hold the material.
    pub members: BTreeMap<Region, Membership>,
    /// All materials in order of creation; a material that was ever active is never dropped (invariant C3).
    pub materials: Vec<MaterialInfo>,
    /// The material that seals; absent before the first import of an imported key.
    pub current: Option<MaterialId>,
    /// Rotation settings.
    pub rotation: Rotation,
    /// Stable, changing its primary, or destroyed.
    pub phase: Phase,
    /// Former members, with the history that they had when they were removed. Nothing but a call takes them in again.
    pub removed: BTreeMap<Region, Incarnation>,
    /// How many promotions were made without a majority (rule 9).
    pub unsafe_promotions: u32,
    /// In the tombstone of a key that was deleted: when, and after which window. A tombstone without it is that of a key
    /// which was given up, because every Region that held it has left the deployment.
    pub deletion: Option<Deletion>,
}

/// The terms of a tombstone, so that every voter can judge the deadline itself (invariant D1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The primary's deadline.
    pub delete_at: Timestamp,
    /// The waiting period that led to it, in days. A Region that missed the deletion starts it anew (failure case 19).
    pub window_days: u32,
}

/// A Region's part in a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    /// Announced; installs the materials, cannot use them yet.
    Joining(Box<ReplicaSeed>),
    /// Holds every material ever active.
    Active,
}

/// The independent properties a replica starts with; they travel once, with its Joining record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSeed {
    /// The replica's key policy.
    pub policy: KeyPolicy,
    /// The replica's description.
    pub description: String,
    /// The replica's tags.
    pub tags: BTreeMap<String, String>,
    /// The call that asked for it, for the record that its Region writes.
    pub requested: Requested,
}

/// Where the key is between Regions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing under way but rotations and joins.
    Stable,
    /// UpdatePrimaryRegion: the successor takes over by rule 7.
    Updating {
        /// The next primary.
        successor: Region,
        /// Region time of the old primary at the call.
        since: Timestamp,
        /// The call that asked for it, for the record that the successor's Region writes.
        requested: Box<Requested>,
    },
    /// The tombstone; outranks everything, stays for ever (invariant D3).
    Destroyed,
}

/// A change that the record does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A rotation is under way.
    #[error("a rotation of key `{0}` is still under way")]
    RotationInProgress(KeyId),
    /// The Region is a member already.
    #[error("key `{key}` has a member in `{region}` already")]
    MemberExists {
        /// The key.
        key: KeyId,
        /// The Region.
        region: Region,
    },
    /// The Region is not an active member.
    #[error("key `{key}` has no active member in `{region}`")]
    NotActiveMember {
        /// The key.
        key: KeyId,
        /// The Region.
        region: Region,
    },
    /// The Region is not a joining member.
    #[error("key `{key}` has no joining member in `{region}`")]
    NotJoining {
        /// The key.
        key: KeyId,
        /// The Region.
        region: Region,
    },
    /// The Region is the primary, which cannot be removed.
    #[error("`{region}` is the primary of key `{key}`")]
    IsPrimary {
        /// The key.
        key: KeyId,
        /// The Region.
        region: Region,
    },
    /// A Region of the deployment holds the key.
    #[error("key `{key}` is held by `{region}`")]
    Held {
        /// The key.
        key: KeyId,
        /// The Region.
        region: Region,
    },
    /// The key is changing its primary.
    #[error("key `{0}` is changing its primary Region")]
    Updating(KeyId),
    /// The key is destroyed.
    #[error("key `{0}` is destroyed")]
    Destroyed(KeyId),
    /// Other members are left.
    #[error("key `{0}` still has members in other Regions")]
    MembersLeft(KeyId),
    /// No such staged material.
    #[error("key `{key}` has no staged material `{material}`")]
    NotStaged {
        /// The key.
        key: KeyId,
        /// The material.
        material: MaterialId,
    },
    /// The lifetime limit of on-demand rotations is reached.
    #[error("key `{0}` has used all its on-demand rotations")]
    OnDemandLimit(KeyId),
    /// The key knows the imported material already.
    #[error("key `{key}` knows material `{material}` already")]
    MaterialKnown {
        /// The key.
        key: KeyId,
        /// The material.
        material: MaterialId,
    },
    /// Another imported material is pending rotation.
    #[error("material `{material}` of key `{key}` is pending rotation")]
    MaterialPending {
        /// The key.
        key: KeyId,
        /// The pending material.
        material: MaterialId,
    },
    /// No such pending imported material.
    #[error("key `{key}` has no pending material `{material}`")]
    NotPending {
        /// The key.
        key: KeyId,
        /// The material.
        material: MaterialId,
    },
}

impl ControlRecord {
    /// The staged material, if a rotation is under way. At most one at a time.
    pub fn staged(&self) -> Option<&MaterialInfo> {
        self.materials.iter().find(|m| m.status == MaterialStatus::Staged)
    }

    /// The Regions that hold every active material.
    pub fn active_members(&self) -> impl Iterator<Item = &Region> {
        self.members.iter().filter(|(_, m)| matches!(m, Membership::Active)).map(|(region, _)| region)
    }

    /// True when `region` is an active member.
    pub fn is_active_member(&self, region: &Region) -> bool {
        matches!(self.members.get(region), Some(Membership::Active))
    }

    /// The active members that are Regions of the deployment.
    pub fn holders<'a>(&'a self, directory: &'a Directory) -> impl Iterator<Item = &'a Region> {
        self.active_members().filter(|region| directory.voters.contains_key(*region) && !seeded!(GiveUpHeld))
    }

    /// One of them that is not `region`.
    pub fn other_holder<'a>(&'a self, directory: &'a Directory, region: &Region) -> Option<&'a Region> {
        self.holders(directory).find(|holder| *holder != region)
    }

    /// True when `region` is a member in any form.
    pub fn is_member(&self, region: &Region) -> bool {
        self.members.contains_key(region)
    }

    /// True when something waits for acknowledgements: a staged or pending material, or a joining member.
    pub fn awaits_installation(&self) -> bool {
        self.staged().is_some()
            || self.pending_import().is_some()
            || self.members.values().any(|m| matches!(m, Membership::Joining(_)))
    }

    /// The materials that a member must hold: all but aborted ones.
    pub fn required_materials(&self) -> impl Iterator<Item = &MaterialInfo> {
        self.materials.iter().filter(|m| m.status != MaterialStatus::Aborted)
    }

    /// True for the tombstone.
    pub fn is_destroyed(&self) -> bool {
        self.phase == Phase::Destroyed
    }

    /// True for the tombstone of a key that was lost, not deleted.
    pub fn is_given_up(&self) -> bool {
        self.is_destroyed() && self.deletion.is_none()
    }

    /// Rule 4: the next record with a new material staged. How many there may be is the proposer's to check: quotas are
    /// configured.
    pub fn stage(&self, material: MaterialInfo, now: Timestamp) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        if self.staged().is_some() {
            return Err(RecordError::RotationInProgress(self.key));
        }
        if material.rotation_type == Some(RotationType::OnDemand) {
            next.rotation.on_demand_count += 1;
            next.rotation.on_demand_started_at = Some(now);
        }
        next.materials.push(MaterialInfo { status: MaterialStatus::Staged, ..material });
        Ok(next)
    }

    /// Rule 4: the next record with the staged material current. The caller has seen every active member's acknowledgement.
    pub fn activate(&self, material: &MaterialId, now: Timestamp) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        let staged =
            next.materials.iter_mut().find(|m| m.id == *material && m.status == MaterialStatus::Staged);
        let staged = staged.ok_or(RecordError::NotStaged { key: self.key, material: *material })?;
        staged.status = MaterialStatus::Active;
        staged.rotated_at = Some(now);
        let rotation_type = staged.rotation_type;
        next.current = Some(*material);
        match rotation_type {
            Some(RotationType::OnDemand) => next.rotation.on_demand_started_at = None,
            Some(RotationType::Automatic) => {
                next.rotation.automatic = next.rotation.automatic.map(|a| a.after(now))
            }
            None => {}
        }
        Ok(next)
    }

    /// Rule 7: the next record with the staged material given up.
    pub fn abort(&self, material: &MaterialId) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        let staged =
            next.materials.iter_mut().find(|m| m.id == *material && m.status == MaterialStatus::Staged);
        let staged = staged.ok_or(RecordError::NotStaged { key: self.key, material: *material })?;
        staged.status = MaterialStatus::Aborted;
        if staged.rotation_type == Some(RotationType::OnDemand) {
            // It never became current, so it does not count against the lifetime limit.
            next.rotation.on_demand_count = next.rotation.on_demand_count.saturating_sub(1);
            next.rotation.on_demand_started_at = None;
        }
        Ok(next)
    }

    /// Rule 5: the next record with `region` joining.
    pub fn replicate(&self, region: Region, seed: ReplicaSeed) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        if self.is_member(&region) {
            return Err(RecordError::MemberExists { key: self.key, region });
        }
        next.removed.remove(&region);
        next.members.insert(region, Membership::Joining(Box::new(seed)));
        Ok(next)
    }

    /// Rule 5: the next record with the joining `region` active. The caller has seen it acknowledge every material that
    /// Regions send each other; a pending imported material is awaited in it from now on.
    pub fn admit(&self, region: &Region) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        next.await_import_again();
        let member = next.members.get_mut(region).filter(|m| matches!(m, Membership::Joining(_)));
        *member.ok_or_else(|| RecordError::NotJoining { key: self.key, region: region.clone() })? =
            Membership::Active;
        Ok(next)
    }

    /// Rules 6 and 11: the next record without `region`.
    pub fn remove(&self, region: &Region) -> Result<Self, RecordError> {
        let mut next = self.live_successor()?;
        if self.primary == *region {
            return Err(RecordError::IsPrimary { key: self.key, region: region.clone() });
        }
        let removed = next.members.remove(region);
        removed.ok_or_else(|| RecordError::NotActiveMember { key: self.key, region: region.clone() })?;
        if matches!(&next.phase, Phase::Updating { successor, .. } if successor == region) {
            next.phase = Phase::Stable;
        }
        Ok(next)
    }

    /// This record with the history of a Region that it removed.
    pub fn remembering(mut self, region: Region, incarnation: Incarnation) -> Self {
        self.removed.insert(region, incarnation);
        self
    }

    /// Rule 8: the next record that hands the key to `successor`.
    pub fn update_primary(
        &self,
        successor: Region,
        now: Timestamp,
        requested: Requested,
    ) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        if self.staged().is_some() {
            return Err(RecordError::RotationInProgress(self.key));
        }
        if self.primary == successor {
            return Err(RecordError::IsPrimary { key: self.key, region: successor });
        }
        if !self.is_active_member(&successor) {
            return Err(RecordError::NotActiveMember { key: self.key, region: successor });
        }
        next.phase = Phase::Updating { successor, since: now, requested: Box::new(requested) };
        Ok(next)
    }

    /// Rule 7: this record, adopted by `primary` in a new epoch. A tombstone that was never committed can only be
    /// taken up again by the primary that wrote it: nobody else was a member.
    pub fn promote(&self, epoch: Epoch) -> Result<Self, RecordError> {
        let primary = epoch.region.clone();
        if self.is_destroyed() {
            return match primary == self.primary {
                true => Ok(Self { version: RecordVersion { epoch, n: 1 }, ..self.clone() }),
                false => Err(RecordError::Destroyed(self.key)),
            };
        }
        if !self.is_active_member(&primary) {
            return Err(RecordError::NotActiveMember { key: self.key, region: primary });
        }
        Ok(Self { version: RecordVersion { epoch, n: 1 }, primary, phase: Phase::Stable, ..self.clone() })
    }

    /// Rule 9: this record, taken over by `primary` although no majority answered; marked for ever.
    pub fn promote_unsafely(&self, epoch: Epoch) -> Result<Self, RecordError> {
        let promoted = self.promote(epoch)?;
        Ok(Self { unsafe_promotions: self.unsafe_promotions.saturating_add(1), ..promoted })
    }

    /// Rule 12: the tombstone of a key whose material has left the deployment with the last Region that held it, so that
    /// nobody waits for it and its id is never usable again. A tombstone that was begun is carried on. The Region of the
    /// epoch holds nothing, although it may be named as what another history of it was.
    pub fn give_up(&self, epoch: Epoch, directory: &Directory) -> Result<Self, RecordError> {
        let primary = epoch.region.clone();
        if let Some(region) = self.other_holder(directory, &primary) {
            return Err(RecordError::Held { key: self.key, region: region.clone() });
        }
        let (version, members) = (RecordVersion { epoch, n: 1 }, BTreeMap::new());
        Ok(Self { version, primary, members, phase: Phase::Destroyed, ..self.clone() })
    }

    /// The materials of `others` that were active there and are not active here.
    pub fn displaced_from<'a>(
        &'a self,
        others: &'a [MaterialInfo],
    ) -> impl Iterator<Item = &'a MaterialInfo> {
        let active_here = |m: &MaterialInfo| {
            self.materials.iter().any(|own| own.id == m.id && own.status == MaterialStatus::Active)
        };
        others.iter().filter(move |m| m.status == MaterialStatus::Active && !active_here(m))
    }

    /// Rule 9: the next record, united with every material that the other side of an unsafe promotion ever activated.
    /// The current material stays; without anything to adopt, so does their order. An aborted material that turns out to
    /// have been active there is active again: its abort was decided without a majority.
    pub fn adopt_materials(&self, others: &[MaterialInfo]) -> Result<Self, RecordError> {
        let mut next = self.live_successor()?;
        for adopted in self.displaced_from(others) {
            match next.materials.iter_mut().find(|own| own.id == adopted.id) {
                // A commitment never changes: bytes that do not match ours are somebody else's.
                Some(own) if own.commitment == adopted.commitment => *own = adopted.clone(),
                Some(_) => {}
                None => next.materials.push(adopted.clone()),
            }
        }
        if next.materials == self.materials {
            return Ok(next);
        }
        next.materials.sort_by_key(|m| (m.created_at, m.id));
        if next.staged().is_none() {
            next.rotation.on_demand_started_at = None;
        }
        Ok(next)
    }

    /// EnableKeyRotation and DisableKeyRotation.
    pub fn set_automatic_rotation(&self, automatic: Option<Automatic>) -> Result<Self, RecordError> {
        let mut next = self.successor()?;
        next.rotation.automatic = automatic;
        Ok(next)
    }

    /// Rule 11: the tombstone, when the primary is the only member left (invariant D2).
    pub fn destroy(&self, deletion: Deletion) -> Result<Self, RecordError> {
        let mut next = self.live_successor()?;
        if self.members.len() > 1 && !seeded!(DestroyWithReplicas) {
            return Err(RecordError::MembersLeft(self.key));
        }
        next.members.clear();
        next.phase = Phase::Destroyed;
        next.deletion = Some(deletion);
        Ok(next)
    }

    pub(crate) fn successor(&self) -> Result<Self, RecordError> {
        match self.phase {
            Phase::Updating { .. } => Err(RecordError::Updating(self.key)),
            _ => self.live_successor(),
        }
    }

    fn live_successor(&self) -> Result<Self, RecordError> {
        match self.phase {
            Phase::Destroyed => Err(RecordError::Destroyed(self.key)),
            _ => Ok(Self { version: self.version.next(), ..self.clone() }),
        }
    }
}

impl Automatic {
    /// The schedule after a rotation at `now`: the first date on the old grid that lies ahead.
    pub fn after(self, now: Timestamp) -> Self {
        if self.next_at > now {
            return self;
        }
        let period_ms = Timestamp::default().plus_days(self.period_days.max(1).into()).as_millis();
        let periods = now.millis_since(self.next_at) / period_ms + 1;
        Self { next_at: self.next_at.plus_millis(periods.saturating_mul(period_ms)), ..self }
    }
}
