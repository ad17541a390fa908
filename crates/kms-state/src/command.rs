use kms_crypto::{Commitment, WrappedDomainKey, WrappedMaterial};
use kms_types::{
    AccountId, AliasName, Author, DeploymentId, Epoch, GrantId, ImportType, Incarnation, KeyId, KeyOrigin,
    KeySpec, KeyUsage, MaterialId, NodeId, ProposalId, RecordVersion, Region, RequestId, RotationType,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::{
    Automatic, ControlRecord, Directory, Enablement, GrantTerms, IdentityChange, IdentityCopy, IdentityEntry,
    ImportDetails, KeyPolicy, Mark, Marks, OfficeId, ProposedDirectory, RegionClock, Register,
    ServiceEventId, UsedAccessKey, UsedKey,
};

/// One entry of the Region's log: a complete decision, with no plaintext key in it (invariant F1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Repeats of the same id have one effect (invariant B4).
    pub id: ProposalId,
    /// Who asked.
    pub origin: Origin,
    /// What the proposer's authorization relied on; the entry is refused if it changed meanwhile (invariant B2).
    pub expect: Option<Expectation>,
    /// The change.
    pub command: Command,
}

/// Who asked for a change; recorded so that folding the log names every author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// An API call by a verified caller, on some node of the Region.
    Caller {
        /// The verified identity, in its short form.
        author: Author,
        /// The API request.
        request: RequestId,
        /// The node that verified it.
        node: NodeId,
    },
    /// The service itself: timers and the Region protocol.
    Service {
        /// The node that proposed.
        node: NodeId,
    },
    /// An operator's command.
    Operator {
        /// The node that took the command.
        node: NodeId,
    },
}

/// What a decision was based on.
///
/// Grants are not part of a key's revision. They only ever allow, so one that is added after a decision takes nothing
/// away from it, and one that is removed matters to the decisions that it allowed, which name it. So a grant is one
/// record of its own, and making the 50,000th neither rewrites the key nor refuses the calls under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The key.
    pub key: KeyId,
    /// Its `revision` when the call was authorized.
    pub revision: u64,
    /// The grant that let the call through, when the policies did not. It must still be there; it cannot have changed.
    pub grant: Option<GrantId>,
}

/// A material drawn and wrapped by the proposer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMaterial {
    /// Its id.
    pub id: MaterialId,
    /// What its bytes hash to.
    pub commitment: Commitment,
    /// The public half in DER; present exactly for asymmetric keys.
    pub public_key: Option<Vec<u8>>,
    /// The material under the Region's domain key.
    pub wrapped: WrappedMaterial,
}

/// CreateKey, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateKey {
    /// The owner.
    pub account: AccountId,
    /// The id drawn by the proposer; its kind says whether the key is multi-Region.
    pub key: KeyId,
    /// Key spec.
    pub spec: KeySpec,
    /// Key usage.
    pub usage: KeyUsage,
    /// Origin.
    pub origin: KeyOrigin,
    /// The key policy, checked by the proposer.
    pub policy: KeyPolicy,
    /// Description.
    pub description: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// The first material; none for an imported key, which waits for its import.
    pub material: Option<NewMaterial>,
    /// The alias of an AWS managed key, made with it; absent for a customer managed key.
    pub managed_as: Option<AliasName>,
    /// Customer managed keys that the account may have.
    pub most_keys: usize,
}

/// ImportKeyMaterial, complete: the material is unwrapped, checked, and wrapped for this Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportMaterial {
    /// The key.
    pub key: KeyId,
    /// The material.
    pub material: NewMaterial,
    /// Whether the key knows the material already.
    pub import_type: ImportType,
    /// What this Region keeps about it. Without a description the one of an earlier import stays.
    pub details: ImportDetails,
}

/// CreateGrant, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateGrant {
    /// The key.
    pub key: KeyId,
    /// The id drawn by the proposer; not used when the named grant exists.
    pub grant: GrantId,
    /// What is granted, checked by the proposer.
    pub terms: GrantTerms,
    /// The quota of grants on one key.
    pub most_grants: usize,
}

/// One material that arrived from another member, wrapped for this Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallMaterial {
    /// The key.
    pub key: KeyId,
    /// The material with the commitment its bytes were checked against.
    pub material: NewMaterial,
    /// The version of the control record that asked for it.
    pub version: RecordVersion,
}

/// Every change of a Region's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// First entry of a Region's life.
    Bootstrap {
        /// The deployment.
        deployment: DeploymentId,
        /// This Region.
        region: Region,
        /// The identity of this history.
        incarnation: Incarnation,
        /// All voting Regions.
        directory: Directory,
        /// The first domain key under each enrolled root key; none on a witness.
        domain_keys: Vec<WrappedDomainKey>,
        /// Which clock Region time follows.
        clock: RegionClock,
        /// The identity key, in the one Region where the deployment begins.
        identity_key: Option<Box<CreateKey>>,
    },
    /// Moves Region time forward to the median of the voters' clocks, with the offset of a virtual clock; never back.
    Tick {
        /// The median.
        now: Timestamp,
    },
    /// Moves a virtual clock, and Region time with it, forward to this offset; never back. Refused where the clock is real.
    AdvanceClock {
        /// The new offset, in milliseconds.
        offset_ms: u64,
    },
    /// CreateKey.
    CreateKey(Box<CreateKey>),
    /// EnableKey or DisableKey.
    SetEnablement {
        /// The key.
        key: KeyId,
        /// The new value.
        enablement: Enablement,
    },
    /// UpdateKeyDescription.
    SetDescription {
        /// The key.
        key: KeyId,
        /// The new text.
        description: String,
    },
    /// ScheduleKeyDeletion.
    ScheduleDeletion {
        /// The key.
        key: KeyId,
        /// Waiting period, in days.
        window_days: u32,
    },
    /// CancelKeyDeletion.
    CancelDeletion {
        /// The key.
        key: KeyId,
    },
    /// The deadline passed: destroy a single-Region key, or this Region's copy of a multi-Region key whose committed
    /// record no longer lists this Region (rule 11).
    DestroyKey {
        /// The key.
        key: KeyId,
    },
    /// PutKeyPolicy.
    PutPolicy {
        /// The key.
        key: KeyId,
        /// The key policy, checked by the proposer.
        policy: KeyPolicy,
    },
    /// TagResource.
    Tag {
        /// The key.
        key: KeyId,
        /// Tags to add or overwrite.
        tags: BTreeMap<String, String>,
        /// Tags that the key may have.
        most: usize,
    },
    /// UntagResource.
    Untag {
        /// The key.
        key: KeyId,
        /// Tag keys to remove; unknown ones are ignored.
        tag_keys: Vec<String>,
    },
    /// CreateAlias.
    CreateAlias {
        /// The owner.
        account: AccountId,
        /// The name.
        alias: AliasName,
        /// The key.
        target: KeyId,
        /// Aliases that the key may have.
        most: usize,
    },
    /// UpdateAlias.
    UpdateAlias {
        /// The owner.
        account: AccountId,
        /// The name.
        alias: AliasName,
        /// The new key.
        target: KeyId,
        /// Aliases that the new key may have.
        most: usize,
    },
    /// DeleteAlias.
    DeleteAlias {
        /// The owner.
        account: AccountId,
        /// The name.
        alias: AliasName,
    },
    /// CreateGrant.
    CreateGrant(Box<CreateGrant>),
    /// RetireGrant.
    RetireGrant {
        /// The key.
        key: KeyId,
        /// The grant.
        grant: GrantId,
    },
    /// RevokeGrant.
    RevokeGrant {
        /// The key.
        key: KeyId,
        /// The grant.
        grant: GrantId,
    },
    /// EnableKeyRotation and DisableKeyRotation of a single-Region key.
    SetAutomaticRotation {
        /// The key.
        key: KeyId,
        /// The new schedule, or none.
        automatic: Option<Automatic>,
    },
    /// Rotation of a single-Region key: the material becomes current in the same entry.
    Rotate {
        /// The key.
        key: KeyId,
        /// The new material.
        material: NewMaterial,
        /// On demand, or automatic (refused unless due in Region time).
        trigger: RotationType,
        /// On-demand rotations that the key may have in its life.
        most_on_demand: u32,
    },
    /// Rule 2: the primary commits a record locally before it asks the others. Refused unless this Region is the
    /// primary in the committed record, `base` is its version, nothing is outstanding, and the epoch still holds.
    ProposeRecord {
        /// The next record.
        record: Box<ControlRecord>,
        /// The version it replaces.
        base: RecordVersion,
        /// The staged material's wrapped bytes, when the record stages one.
        material: Option<NewMaterial>,
    },
    /// ImportKeyMaterial into a key that is here: a new material of a single-Region key, or a known one of any.
    ImportMaterial(Box<ImportMaterial>),
    /// Rule 2 for a new material of a multi-Region key: the record lists it, the primary holds it from now on.
    ProposeImport {
        /// The next record.
        record: Box<ControlRecord>,
        /// The version it replaces.
        base: RecordVersion,
        /// The material that the record lists anew.
        import: Box<ImportMaterial>,
    },
    /// DeleteImportedKeyMaterial in this Region. The primary of a multi-Region key drops a pending material by its
    /// next record instead.
    DeleteImportedMaterial {
        /// The key.
        key: KeyId,
        /// The material.
        material: MaterialId,
    },
    /// Deletes the imported materials whose ValidTo has come in Region time; refused when there is none.
    ExpireMaterials {
        /// The key.
        key: KeyId,
    },
    /// RotateKeyOnDemand of a single-Region key with a pending imported material.
    RotateImported {
        /// The key.
        key: KeyId,
        /// The pending material.
        material: MaterialId,
        /// On-demand rotations that the key may have in its life.
        most_on_demand: u32,
    },
    /// A candidate writes its adopted record in its own register (rule 7); `record.version.epoch` was promised here.
    ProposePromotion {
        /// The adopted record in the new epoch.
        record: Box<ControlRecord>,
    },
    /// Rule 3: another Region asks to accept.
    AcceptRecords {
        /// The records.
        records: Vec<ControlRecord>,
    },
    /// Rule 3: another Region (or this one) asks to promise.
    PromiseEpochs {
        /// Key and epoch pairs.
        epochs: Vec<(KeyId, Epoch)>,
    },
    /// Records known to be committed by a majority: the proposer's own, or learned from a peer.
    CommitRecords {
        /// The records.
        records: Vec<ControlRecord>,
    },
    /// Materials that arrived in envelopes, were checked against their commitments, and are wrapped for this Region.
    InstallMaterials {
        /// The materials.
        materials: Vec<InstallMaterial>,
    },
    /// Keys and access keys were used on the proposing node. An older use than the recorded one changes nothing.
    RecordUsage {
        /// The keys, each with its last use there.
        keys: Vec<UsedKey>,
        /// The access keys, each with its last use there.
        access_keys: Vec<UsedAccessKey>,
    },
    /// The audit records of these events are durable.
    ForgetServiceEvents {
        /// The events.
        events: Vec<ServiceEventId>,
    },
    /// A change of users, roles, policies or access keys. Refused unless this Region is the identity home.
    ChangeIdentity(Box<IdentityChange>),
    /// Changes that the home made, in their order. Refused in the home, after a gap, and from another history.
    FollowIdentity {
        /// The changes.
        entries: Vec<IdentityEntry>,
    },
    /// A part of a whole copy of the home's identity records.
    ReplaceIdentity(Box<IdentityCopy>),
    /// A Region asks for a promise about the next directory (rule 12).
    PromiseDirectory {
        /// The generation that the ballot is for.
        generation: u64,
        /// The ballot.
        ballot: Epoch,
    },
    /// A Region, perhaps this one, asks to accept the next directory.
    AcceptDirectory(Box<ProposedDirectory>),
    /// A directory that was agreed on is in force. A forced one was agreed on by nobody.
    CommitDirectory(Box<Directory>),
    /// Registers of a voter of the generation before.
    MergeRegisters {
        /// Keys and their registers there.
        registers: Vec<(KeyId, Register)>,
    },
    /// Enough voters of the generation before have been read.
    FinishSurvey {
        /// The generation in force.
        generation: u64,
    },
    /// An operator stops the exchange of letters with a Region, or with all when it is this one, or resumes it.
    SetIsolation {
        /// The Region.
        region: Region,
        /// Isolated from now on.
        isolated: bool,
    },
    /// A peer remembers a point of this Region's history: if it is not in it, the Region went back to an earlier state. The
    /// log decides, because a leader that was deposed does not know the end of it.
    NoteRollback {
        /// The peer.
        peer: Region,
        /// The point.
        memory: Mark,
    },
    /// A leader begins to speak to other Regions.
    TakeOffice {
        /// The random name of its office.
        office: OfficeId,
    },
    /// A command that goes back to what was heard from peers, with the points of their histories (invariant A5).
    Heard {
        /// The points.
        marks: Marks,
        /// The command.
        command: Box<Command>,
    },
}

impl Command {
    /// The name of the change, for logs: never its content.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bootstrap { .. } => "Bootstrap",
            Self::Tick { .. } => "Tick",
            Self::AdvanceClock { .. } => "AdvanceClock",
            Self::CreateKey(_) => "CreateKey",
            Self::SetEnablement { .. } => "SetEnablement",
            Self::SetDescription { .. } => "SetDescription",
            Self::ScheduleDeletion { .. } => "ScheduleDeletion",
            Self::CancelDeletion { .. } => "CancelDeletion",
            Self::DestroyKey { .. } => "DestroyKey",
            Self::PutPolicy { .. } => "PutPolicy",
            Self::Tag { .. } => "Tag",
            Self::Untag { .. } => "Untag",
            Self::CreateAlias { .. } => "CreateAlias",
            Self::UpdateAlias { .. } => "UpdateAlias",
            Self::DeleteAlias { .. } => "DeleteAlias",
            Self::CreateGrant(_) => "CreateGrant",
            Self::RetireGrant { .. } => "RetireGrant",
            Self::RevokeGrant { .. } => "RevokeGrant",
            Self::SetAutomaticRotation { .. } => "SetAutomaticRotation",
            Self::Rotate { .. } => "Rotate",
            Self::ImportMaterial(_) => "ImportMaterial",
            Self::ProposeImport { .. } => "ProposeImport",
            Self::DeleteImportedMaterial { .. } => "DeleteImportedMaterial",
            Self::ExpireMaterials { .. } => "ExpireMaterials",
            Self::RotateImported { .. } => "RotateImported",
            Self::ProposeRecord { .. } => "ProposeRecord",
            Self::ProposePromotion { .. } => "ProposePromotion",
            Self::AcceptRecords { .. } => "AcceptRecords",
            Self::PromiseEpochs { .. } => "PromiseEpochs",
            Self::CommitRecords { .. } => "CommitRecords",
            Self::InstallMaterials { .. } => "InstallMaterials",
            Self::RecordUsage { .. } => "RecordUsage",
            Self::ForgetServiceEvents { .. } => "ForgetServiceEvents",
            Self::ChangeIdentity(_) => "ChangeIdentity",
            Self::FollowIdentity { .. } => "FollowIdentity",
            Self::ReplaceIdentity(_) => "ReplaceIdentity",
            Self::PromiseDirectory { .. } => "PromiseDirectory",
            Self::AcceptDirectory(_) => "AcceptDirectory",
            Self::CommitDirectory(_) => "CommitDirectory",
            Self::MergeRegisters { .. } => "MergeRegisters",
            Self::FinishSurvey { .. } => "FinishSurvey",
            Self::SetIsolation { .. } => "SetIsolation",
            Self::NoteRollback { .. } => "NoteRollback",
            Self::TakeOffice { .. } => "TakeOffice",
            Self::Heard { command, .. } => command.name(),
        }
    }
}

/// The id and the name of the change; what a log line may say about an entry.
impl std::fmt::Display for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.command.name(), self.id)
    }
}
