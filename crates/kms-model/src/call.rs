//! What clients and operators ask for, decided as `kms-ops` and the driver decide it: from the committed record of the
//! Region that is asked.

use kms_crypto::VerifyingKey;
use kms_region::{EvictScope, Force, Input, Losses, PromoteScope};
use kms_state::{
    Command, ControlRecord, DirectoryChange, ImportDetails, ImportMaterial, Key, Lifecycle, MaterialInfo,
    MaterialStatus, Phase, RegionRole, ReplicaSeed, Requested, State, Voter,
};
use kms_types::{ImportType, KeyState, Principal, Region, RequestId, RotationType};
use std::collections::BTreeMap;

use crate::names;

/// A call of the API in one Region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// RotateKeyOnDemand, with material `n`.
    Rotate {
        /// The number that the material is drawn with.
        n: u8,
    },
    /// ReplicateKey.
    Replicate {
        /// The new member.
        to: Region,
    },
    /// UpdatePrimaryRegion.
    UpdatePrimary {
        /// The successor.
        to: Region,
    },
    /// ImportKeyMaterial of material `n`: new in the primary, known everywhere else.
    Import {
        /// The number of the material.
        n: u8,
    },
    /// RotateKeyOnDemand to the imported material that is pending.
    RotateImported,
    /// ScheduleKeyDeletion with the shortest window.
    ScheduleDeletion,
    /// CancelKeyDeletion.
    CancelDeletion,
}

/// The waiting period of every deletion, in days.
pub(crate) const WINDOW_DAYS: u32 = 7;

impl Call {
    /// The log entry that the call becomes, or none when it is refused.
    pub fn command(&self, state: &State, region: &Region) -> Option<Command> {
        let key = state.key(&names::key_id())?;
        let record = state.register(&key.id)?.committed.as_deref()?;
        let usable = matches!(key.state(region), KeyState::Enabled | KeyState::Disabled);
        let primary = record.primary == *region && usable;
        match self {
            Self::Rotate { n } => propose(record, primary.then(|| stage(record, *n, state)), Some(*n)),
            Self::Replicate { to } => {
                let seed = ReplicaSeed {
                    policy: names::short(to).as_str().into(),
                    description: String::new(),
                    tags: BTreeMap::new(),
                    requested: requested(),
                };
                propose(record, primary.then(|| record.replicate(to.clone(), seed).ok()), None)
            }
            Self::UpdatePrimary { to } => {
                let next = record.update_primary(to.clone(), state.region_time(), requested());
                propose(record, primary.then_some(next.ok()), None)
            }
            Self::Import { n } => import(key, record, *n, primary || key.awaits_import(), state),
            Self::RotateImported => {
                let pending = record.pending_import().map(|material| material.id);
                let rotated =
                    pending.and_then(|id| record.rotate_imported(&id, state.region_time(), u32::MAX).ok());
                propose(record, primary.then_some(rotated), None)
            }
            Self::ScheduleDeletion => (usable && !record.is_destroyed())
                .then_some(Command::ScheduleDeletion { key: key.id, window_days: WINDOW_DAYS }),
            Self::CancelDeletion => is_pending(key).then_some(Command::CancelDeletion { key: key.id }),
        }
    }
}

/// A material that the record lists is imported here; another one is announced by the primary.
fn import(key: &Key, record: &ControlRecord, n: u8, may_announce: bool, state: &State) -> Option<Command> {
    let material = names::material(n);
    let listed = record.required_materials().any(|known| known.id == material.id);
    let details = ImportDetails { valid_to: None, description: None };
    let import = |import_type| {
        let material = material.clone();
        Box::new(ImportMaterial { key: key.id, material, import_type, details: details.clone() })
    };
    if listed {
        let lacks = !key.held.contains_key(&material.id);
        return lacks.then(|| Command::ImportMaterial(import(ImportType::ExistingKeyMaterial)));
    }
    let announced = MaterialInfo {
        id: material.id,
        commitment: material.commitment,
        public_key: None,
        status: MaterialStatus::Staged,
        created_at: state.region_time(),
        rotated_at: None,
        rotation_type: None,
    };
    let announces = may_announce && Some(&record.primary) == state.region();
    let next = record.import(announced).ok().filter(|_| announces)?;
    let (record, base) = (Box::new(next), record.version.clone());
    Some(Command::ProposeImport { record, base, import: import(ImportType::NewKeyMaterial) })
}

/// The account's root, whatever the call.
fn requested() -> Requested {
    let account = "000000000000".parse().expect("twelve digits");
    Requested { principal: Principal::Root { account }, request: RequestId::from_random([9; 16]) }
}

fn is_pending(key: &Key) -> bool {
    matches!(key.lifecycle, Lifecycle::PendingDeletion { .. } | Lifecycle::PendingReplicaDeletion { .. })
}

fn stage(record: &ControlRecord, n: u8, state: &State) -> Option<ControlRecord> {
    if record.phase != Phase::Stable {
        return None;
    }
    let drawn = names::material(n);
    let announced = MaterialInfo {
        id: drawn.id,
        commitment: drawn.commitment,
        public_key: None,
        status: MaterialStatus::Staged,
        created_at: state.region_time(),
        rotated_at: None,
        rotation_type: Some(RotationType::OnDemand),
    };
    record.stage(announced, state.region_time()).ok()
}

fn propose(
    base: &ControlRecord,
    record: Option<Option<ControlRecord>>,
    material: Option<u8>,
) -> Option<Command> {
    let (record, base) = (Box::new(record??), base.version.clone());
    Some(Command::ProposeRecord { record, base, material: material.map(names::material) })
}

/// An operator's command: `promote`, with or without force.
pub(crate) fn promote(force: Force) -> Input {
    Input::Promote { scope: PromoteScope::Key(names::key_id()), force, request: 1 }
}

/// An operator's command: `evict`.
pub(crate) fn evict(region: &Region) -> Input {
    Input::Evict { region: region.clone(), scope: EvictScope::Key(names::key_id()), request: 2 }
}

/// An operator's command: `region remove`.
pub(crate) fn remove(region: &Region) -> Input {
    change(DirectoryChange::Remove { region: region.clone() })
}

/// An operator's command: `region invite`, of a Region that was rebuilt.
pub(crate) fn add(region: &Region) -> Input {
    let voter = voter(region, names::rebuilt_incarnation(region));
    let nodes = vec!["127.0.0.1:1".to_owned()];
    change(DirectoryChange::Add { region: region.clone(), voter, nodes })
}

fn change(change: DirectoryChange) -> Input {
    Input::ChangeDirectory { change, force: Force::Safe, losses: Losses::Accepted, request: 3 }
}

/// A Region of the directory; `w` is a witness.
pub(crate) fn voter(region: &Region, incarnation: kms_types::Incarnation) -> Voter {
    let role = if names::short(region) == "w" { RegionRole::Witness } else { RegionRole::Data };
    Voter { incarnation, verifying_key: VerifyingKey([0; 32]), role }
}
