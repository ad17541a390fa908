use kms_crypto::{Commitment, WrappedMaterial};
use kms_types::{
    AccountId, AliasName, CustomerKeyManager, KeyId, KeyOrigin, KeySpec, KeyUsage, MaterialId, Region,
    RotationType, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::{ImportDetails, KeyPolicy, Membership, Phase};

/// One key as this Region holds it: the independent properties are decided here, the shared ones of a multi-Region
/// key are copied from its committed control record in the same `apply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The key id.
    pub id: KeyId,
    /// The owner.
    pub account: AccountId,
    /// Creation in this Region, in Region time.
    pub created_at: Timestamp,
    /// Free text, independent per Region.
    pub description: String,
    /// Key spec, shared and immutable.
    pub spec: KeySpec,
    /// Key usage, shared and immutable.
    pub usage: KeyUsage,
    /// Where material comes from, shared and immutable.
    pub origin: KeyOrigin,
    /// Who manages the key.
    pub manager: CustomerKeyManager,
    /// Enabled, disabled or on its way out; independent per Region.
    pub lifecycle: Lifecycle,
    /// The key policy, independent per Region.
    pub policy: KeyPolicy,
    /// Tags, independent per Region.
    pub tags: BTreeMap<String, String>,
    /// All materials in order of creation; shared for a multi-Region key.
    pub materials: Vec<MaterialInfo>,
    /// Wrapped bytes of the materials that this Region holds.
    pub held: BTreeMap<MaterialId, WrappedMaterial>,
    /// What this Region was told about each imported material; independent per Region, empty for other origins.
    pub imports: BTreeMap<MaterialId, ImportDetails>,
    /// The material that seals; shared for a multi-Region key. Absent before the first import.
    pub current: Option<MaterialId>,
    /// Rotation settings; shared for a multi-Region key.
    pub rotation: Rotation,
    /// Present exactly for `mrk-` keys.
    pub multi_region: Option<MultiRegion>,
    /// Grows with every change of this key that an authorization or a state check could see (invariant B2).
    pub revision: u64,
}

/// The lifecycle of a key in its own Region; [`Key::state`] adds what membership and materials say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lifecycle {
    /// Usable.
    Enabled,
    /// Not usable until enabled.
    Disabled,
    /// Destroyed when Region time reaches `delete_at`.
    PendingDeletion {
        /// The deadline.
        delete_at: Timestamp,
        /// The waiting period the caller chose, in days.
        window_days: u32,
    },
    /// A primary that waits until it is the only member left (invariant D2).
    PendingReplicaDeletion {
        /// The waiting period that starts then, in days.
        window_days: u32,
    },
}

/// The two values of EnableKey and DisableKey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enablement {
    /// EnableKey.
    Enabled,
    /// DisableKey.
    Disabled,
}

/// What all holders agree on about one material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterialInfo {
    /// The material id.
    pub id: MaterialId,
    /// What its bytes must hash to (invariant C4).
    pub commitment: Commitment,
    /// The public half as a SubjectPublicKeyInfo in DER [RFC5280 §4.1.2.7]; present exactly for asymmetric keys. Held
    /// here so that Verify and GetPublicKey never unwrap a private key.
    pub public_key: Option<Vec<u8>>,
    /// Pending, staged, active at some time, or aborted.
    pub status: MaterialStatus,
    /// When it was generated.
    pub created_at: Timestamp,
    /// When it became current; absent for the first material and before activation.
    pub rotated_at: Option<Timestamp>,
    /// Which kind of rotation brought it; absent for the first material.
    pub rotation_type: Option<RotationType>,
}

/// Where a material is in its life. Once active it stays so; an imported material may move between the two pending
/// states and may be forgotten before it was ever active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaterialStatus {
    /// Announced; nothing may be sealed with it.
    Staged,
    /// Current now or in the past: it decrypts until the key is destroyed (invariant D4).
    Active,
    /// Staged, then given up after a promotion; never used.
    Aborted,
    /// Imported in the primary, awaited in other members; nothing may be sealed with it.
    PendingMultiRegionImport,
    /// Imported in every member; waits for RotateKeyOnDemand.
    PendingRotation,
}

/// Rotation settings and counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Automatic rotation, when enabled.
    pub automatic: Option<Automatic>,
    /// On-demand rotations so far; as many as the quota allows.
    pub on_demand_count: u32,
    /// Start of an on-demand rotation that has not become current yet.
    pub on_demand_started_at: Option<Timestamp>,
}

/// Automatic rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automatic {
    /// Days between rotations.
    pub period_days: u32,
    /// The next rotation, in Region time.
    pub next_at: Timestamp,
}

/// The shared multi-Region properties of a key, copied from its committed control record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultiRegion {
    /// The one Region that may change shared properties.
    pub primary: Region,
    /// Every Region that holds or will hold the material.
    pub members: BTreeMap<Region, Membership>,
    /// Stable, changing its primary, or destroyed.
    pub phase: Phase,
}

impl Key {
    /// The description of one material of this key.
    pub fn material(&self, id: &MaterialId) -> Option<&MaterialInfo> {
        self.materials.iter().find(|m| m.id == *id)
    }

    /// True when this Region may change the shared properties: a single-Region key, or the primary.
    pub fn is_primary_in(&self, region: &Region) -> bool {
        self.multi_region.as_ref().is_none_or(|m| m.primary == *region)
    }

    /// The materials that the key needs before it may be used: all that were ever active.
    pub fn lacks_active_material(&self) -> bool {
        self.materials.iter().any(|m| m.status == MaterialStatus::Active && !self.held.contains_key(&m.id))
    }
}

/// An alias of one account in this Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The name, with `alias/`.
    pub name: AliasName,
    /// The owner.
    pub account: AccountId,
    /// The key it stands for.
    pub target: KeyId,
    /// Creation, in Region time.
    pub created_at: Timestamp,
    /// Last change of target, in Region time.
    pub updated_at: Timestamp,
}
