use kms_types::{AliasName, Epoch, GrantId, KeyId, KeyState, MaterialId, RecordVersion, Region};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{ControlRecord, Directory, DirectoryError, RecordError};

/// What a committed proposal did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The change was made.
    Applied,
    /// The grant exists now, or a grant of equal terms under this name did already.
    GrantCreated {
        /// Its id.
        grant: GrantId,
    },
    /// A record was accepted in the primary's own register; it has effect once committed at this version.
    RecordProposed {
        /// The key.
        key: KeyId,
        /// The version to wait for.
        version: RecordVersion,
    },
    /// Answers to AcceptRecords, in the order of the command.
    Accepted(Vec<AcceptAnswer>),
    /// Answers to PromiseEpochs, in the order of the command.
    Promised(Vec<PromiseAnswer>),
    /// Answer to PromiseDirectory or AcceptDirectory.
    DirectoryAnswered(Box<DirectoryAnswer>),
    /// Nothing was changed, for this reason.
    Refused(Refusal),
}

/// A voter's answer to one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptAnswer {
    /// The key.
    pub key: KeyId,
    /// The version asked for.
    pub version: RecordVersion,
    /// True when the voter holds it accepted now.
    pub accepted: bool,
    /// The highest epoch the voter has promised.
    pub promised: Option<Epoch>,
}

/// A voter's answer to one prepare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseAnswer {
    /// The key.
    pub key: KeyId,
    /// The epoch asked for.
    pub epoch: Epoch,
    /// True when the epoch is promised now.
    pub promised: bool,
    /// The highest epoch the voter has promised.
    pub highest: Option<Epoch>,
    /// The highest record the voter has accepted.
    pub accepted: Option<Arc<ControlRecord>>,
    /// The highest record the voter knows to be committed.
    pub committed: Option<Arc<ControlRecord>>,
}

/// A directory and the ballot that it is proposed under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedDirectory {
    /// The ballot; it names the Region that proposes.
    pub ballot: Epoch,
    /// The next directory.
    pub directory: Directory,
}

/// A voter's answer about the next directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryAnswer {
    /// The generation asked about.
    pub generation: u64,
    /// The ballot asked with.
    pub ballot: Epoch,
    /// True when the ballot is promised now, or its value accepted, as was asked.
    pub granted: bool,
    /// The highest ballot promised for the next generation.
    pub promised: Option<Epoch>,
    /// What was accepted for the next generation.
    pub accepted: Option<Box<ProposedDirectory>>,
    /// What keeps this voter from answering.
    pub hold: Option<DirectoryHold>,
}

/// Why a voter has no say about a directory now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DirectoryHold {
    /// Another generation is in force here.
    #[error("generation {0} is in force there")]
    Generation(u64),
    /// The agreements of the generation before are still being read.
    #[error("it still reads what the Regions before the last change agreed on")]
    Reading,
    /// The directory does not follow from the present one.
    #[error("{0}")]
    Step(DirectoryError),
}

/// Why a proposal changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The Region has no state yet.
    #[error("the Region is not bootstrapped")]
    NotBootstrapped,
    /// The Region has a state already.
    #[error("the Region is bootstrapped already")]
    AlreadyBootstrapped,
    /// What the caller was authorized against has changed; authorize again.
    #[error("key `{0}` changed while the call was decided")]
    Stale(KeyId),
    /// What a peer remembers of this Region is in its history: it did not go back.
    #[error("what `{0}` remembers of this Region is in its history")]
    InHistory(Region),
    /// The Region's clock is real and cannot be moved.
    #[error("the Region's clock is real")]
    RealClock,
    /// No such key.
    #[error("key `{0}` does not exist")]
    KeyNotFound(KeyId),
    /// The id is taken, or was used by a destroyed key (invariant D3).
    #[error("key id `{0}` is taken")]
    KeyIdTaken(KeyId),
    /// The account has as many keys as it may.
    #[error("the account has {used} of {limit} keys")]
    KeyLimit {
        /// Keys in use.
        used: u64,
        /// The quota.
        limit: u64,
    },
    /// The key's state forbids it.
    #[error("key `{key}` is {state}")]
    WrongState {
        /// The key.
        key: KeyId,
        /// Its state.
        state: KeyState,
    },
    /// The alias exists.
    #[error("alias `{0}` exists")]
    AliasExists(AliasName),
    /// No such alias.
    #[error("alias `{0}` does not exist")]
    AliasNotFound(AliasName),
    /// The key has as many aliases as it may.
    #[error("key `{0}` has all the aliases it may have")]
    AliasLimit(KeyId),
    /// The old and the new target of an alias differ in kind.
    #[error("alias `{0}` cannot move between keys of different kinds")]
    AliasKindMismatch(AliasName),
    /// No such grant on the key.
    #[error("key `{key}` has no grant `{grant}`")]
    GrantNotFound {
        /// The key.
        key: KeyId,
        /// The grant.
        grant: GrantId,
    },
    /// The key has another grant of this id.
    #[error("grant id `{0}` is taken")]
    GrantIdTaken(GrantId),
    /// The key has as many grants as it may.
    #[error("key `{0}` has all the grants it may have")]
    GrantLimit(KeyId),
    /// The key has as many tags as it may.
    #[error("key `{0}` has all the tags it may have")]
    TagLimit(KeyId),
    /// The operation is only for the primary, and this Region is not.
    #[error("this Region is not the primary of key `{0}`")]
    NotPrimary(KeyId),
    /// The command is for single-Region keys only.
    #[error("key `{0}` is a multi-Region key")]
    MultiRegion(KeyId),
    /// An earlier change of the key's control record is not committed yet.
    #[error("an earlier change of key `{0}` is not committed yet")]
    Outstanding(KeyId),
    /// The register has moved past what the proposal is based on.
    #[error("the control record of key `{0}` has moved on")]
    Superseded(KeyId),
    /// A deadline in Region time has not passed.
    #[error("key `{0}` is not due")]
    NotDue(KeyId),
    /// The lifetime limit of on-demand rotations is reached.
    #[error("key `{0}` has used all its on-demand rotations")]
    OnDemandLimit(KeyId),
    /// The material is not one the record asks for, or its commitment differs (failure case 22).
    #[error("material `{material}` is not wanted by key `{key}`")]
    MaterialNotWanted {
        /// The key.
        key: KeyId,
        /// The material.
        material: MaterialId,
    },
    /// The key's origin does not allow it: its material is imported, or is not.
    #[error("the origin of key `{0}` does not allow the change")]
    WrongOrigin(KeyId),
    /// Another imported material of the key is pending rotation.
    #[error("material `{material}` of key `{key}` is pending rotation")]
    MaterialPending {
        /// The key.
        key: KeyId,
        /// The pending material.
        material: MaterialId,
    },
    /// A rotation with the material is under way.
    #[error("a rotation of key `{0}` is under way")]
    RotationInProgress(KeyId),
    /// The Region is not in the directory.
    #[error("Region `{0}` is not part of this deployment")]
    UnknownRegion(Region),
    /// Identity records are changed in another Region, or in none while their home changes.
    #[error("identity records are changed in {}", .0.as_ref().map_or("no Region at present", |home| home.as_str()))]
    NotIdentityHome(Option<Region>),
    /// An identity record changed since the call was decided; decide again.
    #[error("an identity record changed while the call was decided")]
    IdentityMoved,
    /// The changes do not follow what this Region has.
    #[error("the identity changes do not follow this Region's position")]
    IdentityGap,
    /// The control record does not allow the change.
    #[error("{0}")]
    Record(String),
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::OnDemandLimit(key) => Self::OnDemandLimit(key),
            RecordError::MaterialPending { key, material } => Self::MaterialPending { key, material },
            other => Self::Record(other.to_string()),
        }
    }
}
