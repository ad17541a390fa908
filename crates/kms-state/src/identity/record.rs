//! The records. Names are unique in their account without regard to case [IAM:limits], so keys hold them in lower case.

use kms_types::{AccountId, Principal, Timestamp, UserPrincipal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use super::PolicyDocument;
use crate::TrustPolicy;

/// Where a record stands in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IdentityKey {
    /// A user by account and lower-case name.
    User(AccountId, String),
    /// A group by account and lower-case name.
    Group(AccountId, String),
    /// A role by account and lower-case name.
    Role(AccountId, String),
    /// A managed policy by account and lower-case name.
    Policy(AccountId, String),
    /// An access key by its id.
    AccessKey(String),
}

impl IdentityKey {
    /// The key of a user.
    pub fn user(account: AccountId, name: &str) -> Self {
        Self::User(account, name.to_lowercase())
    }

    /// The key of a group.
    pub fn group(account: AccountId, name: &str) -> Self {
        Self::Group(account, name.to_lowercase())
    }

    /// The key of a role.
    pub fn role(account: AccountId, name: &str) -> Self {
        Self::Role(account, name.to_lowercase())
    }

    /// The key of a managed policy.
    pub fn policy(account: AccountId, name: &str) -> Self {
        Self::Policy(account, name.to_lowercase())
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentityRecord {
    /// A user.
    User(User),
    /// A group.
    Group(Group),
    /// A role.
    Role(Role),
    /// A managed policy.
    Policy(ManagedPolicy),
    /// An access key.
    AccessKey(AccessKey),
}

impl IdentityRecord {
    /// Where it stands.
    pub fn key(&self) -> IdentityKey {
        match self {
            Self::User(user) => IdentityKey::user(user.account, &user.name),
            Self::Group(group) => IdentityKey::group(group.account, &group.name),
            Self::Role(role) => IdentityKey::role(role.account, &role.name),
            Self::Policy(policy) => IdentityKey::policy(policy.account, &policy.name),
            Self::AccessKey(key) => IdentityKey::AccessKey(key.id.clone()),
        }
    }

    /// The unique id under which other records, policies and sessions name it; an access key's is its own key.
    pub fn unique_id(&self) -> Option<&str> {
        match self {
            Self::User(user) => Some(&user.id),
            Self::Group(group) => Some(&group.id),
            Self::Role(role) => Some(&role.id),
            Self::Policy(policy) => Some(&policy.id),
            Self::AccessKey(_) => None,
        }
    }
}

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account.
    pub account: AccountId,
    /// The path.
    pub path: String,
    /// The name as written.
    pub name: String,
    /// `AIDA...`.
    pub id: String,
    /// Creation, in Region time.
    pub created_at: Timestamp,
    /// Inline policies by name.
    pub inline_policies: BTreeMap<String, PolicyDocument>,
    /// ARNs of attached managed policies.
    pub attached_policies: BTreeSet<String>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Lower-case names of its groups.
    pub groups: BTreeSet<String>,
    /// Ids of its access keys.
    pub access_keys: BTreeSet<String>,
}

impl User {
    /// The ARN.
    pub fn arn(&self) -> String {
        self.principal().arn()
    }

    /// The user as a caller.
    pub fn principal(&self) -> Principal {
        let (account, path, name, id) = (self.account, self.path.clone(), self.name.clone(), self.id.clone());
        Principal::User(UserPrincipal { account, path, name, id })
    }
}

/// A group of users. Not a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The account.
    pub account: AccountId,
    /// The path.
    pub path: String,
    /// The name as written.
    pub name: String,
    /// `AGPA...`.
    pub id: String,
    /// Creation, in Region time.
    pub created_at: Timestamp,
    /// Inline policies by name.
    pub inline_policies: BTreeMap<String, PolicyDocument>,
    /// ARNs of attached managed policies.
    pub attached_policies: BTreeSet<String>,
    /// Lower-case names of its members.
    pub members: BTreeSet<String>,
}

impl Group {
    /// The ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:group{}{}", self.account, self.path, self.name)
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The account.
    pub account: AccountId,
    /// The path.
    pub path: String,
    /// The name as written.
    pub name: String,
    /// `AROA...`.
    pub id: String,
    /// Creation, in Region time.
    pub created_at: Timestamp,
    /// Who may assume it.
    pub trust_policy: TrustPolicy,
    /// Free text.
    pub description: String,
    /// Longest session, in seconds.
    pub max_session_s: u32,
    /// Inline policies by name.
    pub inline_policies: BTreeMap<String, PolicyDocument>,
    /// ARNs of attached managed policies.
    pub attached_policies: BTreeSet<String>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Role {
    /// The ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:role{}{}", self.account, self.path, self.name)
    }
}

/// A customer managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// The account.
    pub account: AccountId,
    /// The path.
    pub path: String,
    /// The name as written.
    pub name: String,
    /// `ANPA...`.
    pub id: String,
    /// Free text.
    pub description: String,
    /// Creation, in Region time.
    pub created_at: Timestamp,
    /// Last change of its versions, in Region time.
    pub updated_at: Timestamp,
    /// The version that counts.
    pub default_version: u32,
    /// The number of the next version; numbers are not used again.
    pub next_version: u32,
    /// Its versions by number.
    pub versions: BTreeMap<u32, PolicyVersion>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// How many users, groups and roles have it attached.
    pub attachments: u32,
    /// How many users and roles have it as their boundary.
    pub boundary_uses: u32,
}

impl ManagedPolicy {
    /// The ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:policy{}{}", self.account, self.path, self.name)
    }

    /// The document that counts.
    pub fn document(&self) -> Option<&PolicyDocument> {
        self.versions.get(&self.default_version).map(|version| &version.document)
    }
}

/// One version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The document.
    pub document: PolicyDocument,
    /// Creation, in Region time.
    pub created_at: Timestamp,
}

/// A long-term access key. Its secret is here only sealed under the identity key (invariant F1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA...`.
    pub id: String,
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub owner: AccessKeyOwner,
    /// The secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// Whether it works.
    pub status: AccessKeyStatus,
    /// Creation, in Region time.
    pub created_at: Timestamp,
}

/// Whose access key it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessKeyOwner {
    /// The account's root user.
    Root,
    /// The user with this unique id.
    User(String),
}

/// Whether an access key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessKeyStatus {
    /// It works.
    Active,
    /// It does not, until it is made active again.
    Inactive,
}

impl AccessKeyStatus {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }
}
