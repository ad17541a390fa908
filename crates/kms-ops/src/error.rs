//! Why a call is refused, with every value that AWS's message needs. Which code, status and text each becomes is
//! decided in `kms-http` alone.

use kms_policy::{MalformedPolicy, PolicySource};
use kms_types::{
    AliasArn, GrantId, KeyArn, KeyOrigin, KeySpec, KeyState, KeyUsage, MaterialId, Operation, RecordVersion,
    Region, Timestamp,
};

use crate::state_table::StateName;

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// NotFoundException `Key '<arn>' does not exist`.
    #[error("key `{arn}` does not exist")]
    KeyNotFound {
        /// The key asked for, always as an ARN.
        arn: KeyArn,
    },
    /// NotFoundException `Invalid keyId '<input>'`.
    #[error("`{input}` is not a key id")]
    InvalidKeyId {
        /// What the caller wrote.
        input: String,
    },
    /// NotFoundException `Invalid arn <region>`: an ARN of another Region than this one.
    #[error("the ARN names Region `{region}`, which is not this one")]
    ForeignRegion {
        /// The Region in the ARN.
        region: String,
    },
    /// NotFoundException `Alias <arn> is not found.`
    #[error("alias `{arn}` does not exist")]
    AliasNotFound {
        /// The alias asked for, always as an ARN.
        arn: AliasArn,
    },
    /// NotFoundException `No such policy exists`.
    #[error("there is no key policy `{name}`")]
    PolicyNotFound {
        /// The policy name asked for.
        name: String,
    },
    /// DisabledException `<arn> is disabled.`
    #[error("key `{arn}` is disabled")]
    Disabled {
        /// The key.
        arn: KeyArn,
    },
    /// KMSInvalidStateException `<arn> is <state>.`, with the state in words: [`StateName`] prints them.
    #[error("key `{arn}` is {state}")]
    InvalidState {
        /// The key.
        arn: KeyArn,
        /// Its state, or `not pending deletion`.
        state: StateName,
    },
    /// InvalidKeyUsageException `<arn> key usage is <usage> which is not valid for <operation>.`
    #[error("key `{arn}` is for {usage}, not for {operation}")]
    InvalidKeyUsage {
        /// The key.
        arn: KeyArn,
        /// What it is for.
        usage: KeyUsage,
        /// What was asked.
        operation: Operation,
    },
    /// InvalidKeyUsageException `Algorithm <algorithm> is incompatible with key spec <spec>.`
    #[error("algorithm {algorithm} does not fit key spec {spec}")]
    IncompatibleAlgorithm {
        /// The algorithm asked for, as the API spells it.
        algorithm: &'static str,
        /// The key's spec.
        spec: KeySpec,
    },
    /// IncorrectKeyException `The key ID in the request does not identify a CMK that can perform this operation.`
    #[error("the ciphertext was made with another key than the one in the request")]
    IncorrectKey,
    /// InvalidCiphertextException, without a message.
    #[error("the ciphertext does not open")]
    InvalidCiphertext,
    /// KMSInvalidSignatureException, without a message.
    #[error("the signature is not one of this key for this message")]
    InvalidSignature,
    /// KMSInvalidMacException, without a message.
    #[error("the MAC is not one of this key for this message")]
    InvalidMac,
    /// ValidationException without a message: the peer's public key of DeriveSharedSecret is not a point of the key's
    /// curve, or not a public key at all.
    #[error("the peer's public key does not fit the key")]
    UnusablePeerKey,
    /// UnsupportedOperationException `<arn> key spec is <spec> which is not valid for this operation.`
    #[error("key `{arn}` of spec {spec} has no public key")]
    NoPublicKey {
        /// The key.
        arn: KeyArn,
        /// Its spec.
        spec: KeySpec,
    },
    /// AccessDeniedException; section 1.6 has the texts.
    #[error("`{caller}` may not {action}: {reason:?}")]
    AccessDenied {
        /// The caller's ARN.
        caller: String,
        /// For example `kms:Decrypt`.
        action: &'static str,
        /// The resource's ARN; absent when the text must not name it, or when the action has none.
        resource: Option<String>,
        /// Why.
        reason: Denial,
    },
    /// UnsupportedOperationException `<arn> origin is <origin> which is not valid for this operation.`
    #[error("key `{arn}` has origin {origin}, which the operation does not support")]
    UnsupportedOrigin {
        /// The key.
        arn: KeyArn,
        /// Its origin.
        origin: KeyOrigin,
    },
    /// UnsupportedOperationException `<arn> is not a multi-region primary key.`
    #[error("key `{arn}` is not a multi-Region primary key")]
    NotPrimary {
        /// The key.
        arn: KeyArn,
    },
    /// UnsupportedOperationException without a message: a key that cannot rotate.
    #[error("key `{arn}` of spec {spec} cannot rotate")]
    CannotRotate {
        /// The key.
        arn: KeyArn,
        /// Its spec.
        spec: KeySpec,
    },
    /// UnsupportedOperationException with this text: what Meridian does not do yet, or what the API never does.
    #[error("{0}")]
    Unsupported(String),
    /// ValidationException with this text.
    #[error("{0}")]
    Validation(String),
    /// AlreadyExistsException `An alias with the name <arn> already exists`.
    #[error("alias `{arn}` exists already")]
    AliasExists {
        /// The alias.
        arn: AliasArn,
    },
    /// AlreadyExistsException `You can create only one replica of each primary key in each AWS Region.`
    #[error("key `{arn}` has a member in `{region}` already")]
    ReplicaExists {
        /// The primary.
        arn: KeyArn,
        /// Where the replica was to go.
        region: Region,
    },
    /// CustomKeyStoreNotFoundException.
    #[error("there is no custom key store `{name}`")]
    CustomKeyStoreNotFound {
        /// The id or name asked for.
        name: String,
    },
    /// CloudHsmClusterNotFoundException.
    #[error("there is no AWS CloudHSM cluster `{cluster}`")]
    CloudHsmClusterNotFound {
        /// The cluster's id.
        cluster: String,
    },
    /// LimitExceededException; [`Quota`] has the texts.
    #[error("{0}")]
    LimitExceeded(Quota),
    /// TagException.
    #[error("{0}")]
    Tag(TagFault),
    /// MalformedPolicyDocumentException with the fault's text.
    #[error("the policy document is malformed: {0}")]
    MalformedPolicyDocument(MalformedPolicy),
    /// InvalidArnException `An ARN in the specified key policy is invalid.`
    #[error("the policy names `{arn}`, which is not the ARN of a principal")]
    InvalidPolicyArn {
        /// The ARN.
        arn: String,
    },
    /// MalformedPolicyDocumentException `The new key policy will not allow you to update the key policy in the future.`
    #[error("the policy would lock its author out")]
    PolicyLockout,
    /// InvalidAliasNameException: not `alias/` and 1 to 250 of `a-zA-Z0-9:/_-`, or reserved.
    #[error("`{name}` is not an alias name")]
    InvalidAliasName {
        /// What the caller wrote.
        name: String,
        /// Which rule it breaks.
        rule: AliasRule,
    },
    /// InvalidMarkerException.
    #[error("the marker is not one that this operation gave out")]
    InvalidMarker,
    /// InvalidArnException `Key Aliases are not supported for this operation.`
    #[error("`{input}` is an alias, the operation takes a key id or key ARN")]
    AliasNotSupported {
        /// What the caller wrote.
        input: String,
    },
    /// InvalidArnException `Invalid arn <input>`: begins with `arn:` and is not a key or alias ARN.
    #[error("`{input}` is not a key or alias ARN")]
    InvalidArn {
        /// What the caller wrote.
        input: String,
    },
    /// InvalidGrantTokenException: not a token, or one that this Region never issued.
    #[error("the grant token was not issued by this Region")]
    InvalidGrantToken,
    /// InvalidGrantIdException: not 64 hex digits.
    #[error("`{input}` is not a grant id")]
    InvalidGrantId {
        /// What the caller wrote.
        input: String,
    },
    /// NotFoundException `Grant ID <id> not found`.
    #[error("the key has no grant `{grant}`")]
    GrantNotFound {
        /// The grant asked for.
        grant: GrantId,
    },
    /// InvalidArnException `ARN does not refer to a valid principal: <arn>`.
    #[error("`{arn}` is not the ARN of a principal that exists")]
    InvalidPrincipalArn {
        /// What the caller wrote.
        arn: String,
    },
    /// KeyUnavailableException (500, retried by SDKs): the material is announced and not here yet (C9), or the node
    /// holds no domain key that opens it.
    #[error("material of key `{arn}` is not available here yet")]
    KeyUnavailable {
        /// The key.
        arn: KeyArn,
    },
    /// InvalidImportTokenException: not a token of this Region's, or one for another key.
    #[error("the import token is not one for this key")]
    InvalidImportToken,
    /// ExpiredImportTokenException.
    #[error("the import token expired at {}", expired_at.to_rfc3339())]
    ExpiredImportToken {
        /// Its expiry.
        expired_at: Timestamp,
    },
    /// IncorrectKeyMaterialException; [`ImportFault`] has the texts.
    #[error("the material for key `{arn}` is not what is expected: {fault}")]
    IncorrectKeyMaterial {
        /// The key.
        arn: KeyArn,
        /// What is wrong.
        fault: ImportFault,
    },
    /// KMSInvalidStateException `New key material (id: <id>) cannot be imported into KMS key <arn>, because another key
    /// material (id: <id>) is pending rotation.`
    #[error("material `{pending}` of key `{arn}` is pending rotation, `{material}` cannot come yet")]
    MaterialPending {
        /// The key.
        arn: KeyArn,
        /// The new material.
        material: MaterialId,
        /// The one that is pending.
        pending: MaterialId,
    },
    /// KMSInvalidStateException `No available key material pending rotation for the key: <arn>.`
    #[error("key `{arn}` has no imported material that is ready for rotation")]
    NoPendingMaterial {
        /// The key.
        arn: KeyArn,
    },
    /// KMSInvalidStateException: a rotation with the material is under way.
    #[error("material `{material}` of key `{arn}` is being rotated in")]
    MaterialRotating {
        /// The key.
        arn: KeyArn,
        /// The material.
        material: MaterialId,
    },
    /// NotFoundException: the key knows no such material.
    #[error("key `{arn}` has no material `{material}`")]
    MaterialNotFound {
        /// The key.
        arn: KeyArn,
        /// What the caller named.
        material: MaterialId,
    },
    /// UnrecognizedClientException: the credential was taken away while the call was decided.
    #[error("the credential is not valid any more")]
    CredentialGone,
    /// DryRunOperationException `The request would have succeeded, but the DryRun option is set.`
    #[error("the call would have succeeded, it was a dry run")]
    DryRun,
    /// ConflictException: a rotation of the key is under way, or about to begin.
    #[error("a rotation of key `{arn}` is under way or about to begin")]
    Conflict {
        /// The key.
        arn: KeyArn,
    },
    /// DependencyTimeoutException (500): other Regions have not agreed yet; the outcome of the change is unknown when
    /// `version` is given, and nothing was changed when it is not (invariant B4).
    #[error("the other Regions have not agreed on a change of key `{arn}` yet")]
    DependencyTimeout {
        /// The key.
        arn: KeyArn,
        /// The version of the record that was proposed.
        version: Option<RecordVersion>,
    },
    /// ServiceUnavailableException (503) with this message: the node, or its Region, does not serve; another may.
    #[error("{0}")]
    Unavailable(&'static str),
    /// KMSInternalException (500): the node cannot do it, for a reason that is not the caller's.
    #[error("{0}")]
    Internal(&'static str),
}

/// Why a policy does not let a caller through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Nothing allows, for example `because no identity-based policy allows the <action> action`.
    Implicit(PolicySource),
    /// A statement denies, for example `with an explicit deny in a resource-based policy`.
    Explicit(PolicySource),
    /// `on this resource because the resource does not exist in this Region, no resource-based policies allow access,
    /// or a resource-based policy explicitly denies access`.
    NotVisible,
}

/// Why imported material is not what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportFault {
    /// Not material of the key's spec: a wrong length, another kind of key, or parts that do not belong together.
    #[error("it is no material of a {spec} key")]
    NotOfSpec {
        /// The key's spec.
        spec: KeySpec,
    },
    /// Said to be existing, and the key does not know it.
    #[error("the key does not know it")]
    Unknown,
    /// Said to be new, and the key knows it.
    #[error("the key knows it already")]
    Known,
    /// Another material than the one that KeyMaterialId names.
    #[error("it is not the material that the request names")]
    OtherThanNamed,
}

/// A quota that is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Quota {
    /// `Key quota for this account in this region is <limit> but the current usage is <used>.`
    #[error("the account has {used} of {limit} keys")]
    Keys {
        /// Keys in use.
        used: u64,
        /// The quota.
        limit: u64,
    },
    /// `Aliases per key quota for this account in this region is <limit>, current usage is <used>.`
    #[error("the key has {used} of {limit} aliases")]
    Aliases {
        /// Aliases in use.
        used: u64,
        /// The quota.
        limit: u64,
    },
    /// `Grants per key quota for this account in this region is <limit>, current usage is <used>.`
    #[error("the key has {used} of {limit} grants")]
    Grants {
        /// Grants in use.
        used: u64,
        /// The quota.
        limit: u64,
    },
    /// A policy document above 32 KiB.
    #[error("the policy has {length_bytes} bytes, at most {most_bytes} fit")]
    Policy {
        /// Its length.
        length_bytes: usize,
        /// The quota.
        most_bytes: usize,
    },
    /// External key stores: none is allowed, since the service cannot use any.
    #[error("no external key store is allowed")]
    ExternalKeyStores,
    /// `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed
    /// for this key: <arn>`.
    #[error("key `{arn}` has used all its on-demand rotations")]
    OnDemandRotations {
        /// The key.
        arn: KeyArn,
    },
}

/// A set of tags that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagFault {
    /// `Duplicate tag keys`.
    #[error("tag key `{0}` appears twice")]
    Duplicate(String),
    /// `Too many tags`.
    #[error("the key would have {count} tags, at most {most} are allowed")]
    TooMany {
        /// How many there would be.
        count: usize,
        /// The quota.
        most: usize,
    },
    /// `Tags beginning with aws: are reserved`.
    #[error("tag key `{0}` is reserved")]
    Reserved(String),
}

/// A rule of alias names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasRule {
    /// ValidationException `Alias must start with the prefix "alias/". ...` (section 1.5).
    Prefix,
    /// ValidationException `<alias> contains invalid characters for an alias`.
    Characters,
    /// `alias/aws/` is reserved for AWS managed keys: NotAuthorizedException with an empty message.
    Reserved,
}

/// UnsupportedOperationException for what AWS offers in its China Regions only.
pub(crate) fn china_only(member: &str, value: &str) -> Error {
    Error::Unsupported(format!(
        "{member} {value} is available in China Regions only, which this service has none of."
    ))
}

impl Error {
    pub(crate) fn invalid_state(arn: &KeyArn, state: KeyState) -> Self {
        match state {
            KeyState::Disabled => Self::Disabled { arn: arn.clone() },
            other => Self::InvalidState { arn: arn.clone(), state: StateName::Is(other) },
        }
    }
}
