//! Values that several answers share.

pub use kms_state::{ContextConstraint, GrantConstraints};

use kms_state::Grant;
use kms_types::{
    AccountId, AliasArn, AliasName, CustomerKeyManager, ExpirationModel, GrantId, GrantOperation,
    GrantPrincipal, ImportState, KeyArn, KeyId, KeyMaterialState, KeyOrigin, KeySpec, KeyState, KeyUsage,
    MaterialId, MultiRegionKeyType, Region, RotationType, Timestamp,
};
use zeroize::Zeroizing;

use crate::{Algorithms, case::Case, grants::principal};

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// 1 to 128 characters.
    pub tag_key: String,
    /// Up to 256 characters.
    pub tag_value: String,
}

/// `Recipient`: an enclave's attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Only `RSAES_OAEP_SHA_256` exists.
    pub key_encryption_algorithm: Option<String>,
    /// A COSE_Sign1 document.
    pub attestation_document: Option<Vec<u8>>,
}

/// The secret of an answer.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// In the clear, for the caller.
    Plaintext(Zeroizing<Vec<u8>>),
    /// `CiphertextForRecipient`: CMS EnvelopedData that only the attested recipient opens.
    ForRecipient(Vec<u8>),
}

impl Secret {
    /// The bytes that the answer carries.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Plaintext(bytes) => bytes,
            Self::ForRecipient(envelope) => envelope,
        }
    }
}

/// `KeyMetadata`, with the members that keys of this milestone can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMetadata {
    /// The owner.
    pub aws_account_id: AccountId,
    /// The plain id.
    pub key_id: KeyId,
    /// The ARN.
    pub arn: KeyArn,
    /// Creation in this Region.
    pub creation_date: Timestamp,
    /// True only in state Enabled.
    pub enabled: bool,
    /// Description, empty when unset.
    pub description: String,
    /// Key usage.
    pub key_usage: KeyUsage,
    /// Key state.
    pub key_state: KeyState,
    /// Only in PendingDeletion.
    pub deletion_date: Option<Timestamp>,
    /// Origin.
    pub origin: KeyOrigin,
    /// Who manages the key.
    pub key_manager: CustomerKeyManager,
    /// Key spec; CustomerMasterKeySpec repeats it.
    pub key_spec: KeySpec,
    /// What the key does, by its usage.
    pub algorithms: Algorithms,
    /// True for `mrk-` keys.
    pub multi_region: bool,
    /// Present exactly for `mrk-` keys.
    pub multi_region_configuration: Option<MultiRegionConfiguration>,
    /// Only in PendingReplicaDeletion.
    pub pending_deletion_window_in_days: Option<u32>,
    /// The current material; only of symmetric encryption keys, and absent while a replica is Creating.
    pub current_key_material_id: Option<MaterialId>,
    /// Only while imported material is here.
    pub expiration_model: Option<ExpirationModel>,
    /// The earliest expiry of imported material that is here.
    pub valid_to: Option<Timestamp>,
}

/// `MultiRegionConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiRegionConfiguration {
    /// This member's part.
    pub multi_region_key_type: MultiRegionKeyType,
    /// The primary.
    pub primary_key: MultiRegionKey,
    /// Every replica, in order of Regions.
    pub replica_keys: Vec<MultiRegionKey>,
}

/// `MultiRegionKey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiRegionKey {
    /// The member's ARN.
    pub arn: KeyArn,
    /// The member's Region.
    pub region: Region,
}

/// `AliasListEntry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasEntry {
    /// The name, with `alias/`.
    pub alias_name: AliasName,
    /// The ARN.
    pub alias_arn: AliasArn,
    /// The key's plain id; absent for a predefined alias whose key nobody has used yet.
    pub target_key_id: Option<KeyId>,
    /// Creation; absent like the key.
    pub creation_date: Option<Timestamp>,
    /// Last change of target; absent like the key.
    pub last_updated_date: Option<Timestamp>,
}

/// `RotationsListEntry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationEntry {
    /// The key.
    pub key_id: KeyArn,
    /// The material.
    pub key_material_id: MaterialId,
    /// What it may be used for.
    pub key_material_state: KeyMaterialState,
    /// When it became current; absent for the first material and pending ones.
    pub rotation_date: Option<Timestamp>,
    /// Which rotation brought it; absent for the first material and pending ones.
    pub rotation_type: Option<RotationType>,
    /// Present exactly for keys of origin EXTERNAL.
    pub imported: Option<ImportedEntry>,
}

/// The members of `RotationsListEntry` that imported materials have, as this Region sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedEntry {
    /// Whether the material is here.
    pub import_state: ImportState,
    /// Only while it is here.
    pub expiration_model: Option<ExpirationModel>,
    /// When it expires, while it is here.
    pub valid_to: Option<Timestamp>,
    /// What the caller said of it.
    pub key_material_description: Option<String>,
}

/// `GrantListEntry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantEntry {
    /// The key.
    pub key_id: KeyArn,
    /// The grant.
    pub grant_id: GrantId,
    /// The name that CreateGrant gave it; empty when it gave none.
    pub name: String,
    /// Creation.
    pub creation_date: Timestamp,
    /// Who may use the key.
    pub grantee: ShownPrincipal,
    /// Who may retire the grant.
    pub retiring: Option<ShownPrincipal>,
    /// The ARN of the root of the account that issued it.
    pub issuing_account: String,
    /// What the grant permits.
    pub operations: Vec<GrantOperation>,
    /// When it does.
    pub constraints: GrantConstraints,
}

/// A principal as lists name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownPrincipal {
    /// An ARN, or the unique id of a user or role that is gone.
    Identity(String),
    /// A service's name.
    Service(String),
}

impl ShownPrincipal {
    fn of(case: &Case<'_>, principal: &GrantPrincipal) -> Self {
        match principal {
            GrantPrincipal::Identity { .. } => Self::Identity(principal::shown(case, principal)),
            GrantPrincipal::Service(name) => Self::Service(name.to_string()),
        }
    }
}

/// A grant on a key of `account`, as lists show it.
pub(crate) fn grant_entry(case: &Case<'_>, account: AccountId, grant: &Grant) -> GrantEntry {
    let terms = &grant.terms;
    GrantEntry {
        key_id: case.arn(account, grant.key),
        grant_id: grant.id,
        name: terms.name.clone().unwrap_or_default(),
        creation_date: grant.created_at,
        grantee: ShownPrincipal::of(case, &terms.grantee),
        retiring: terms.retiring.as_ref().map(|retiring| ShownPrincipal::of(case, retiring)),
        issuing_account: terms.issuing_account.root_arn(),
        operations: terms.operations.iter().copied().collect(),
        constraints: terms.constraints.clone(),
    }
}
