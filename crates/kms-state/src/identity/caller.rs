//! From a credential to the caller it stands for, in one version of the state.

use kms_types::{AccountId, Principal, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

use super::{AccessKeyOwner, AccessKeyStatus, PolicyDocument};
use crate::State;

/// What temporary credentials carry in their token, besides the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who calls with it.
    pub principal: Principal,
    /// Who made it: the caller of AssumeRole, or the user or root behind a federated user.
    pub issuer: Principal,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The inline session policy.
    pub policy: Option<PolicyDocument>,
    /// ARNs of managed session policies; what they say is looked up at each call.
    pub policy_arns: Vec<String>,
    /// Session tags.
    pub tags: BTreeMap<String, String>,
    /// Keys of the tags that the next session in a chain inherits.
    pub transitive_tags: Vec<String>,
    /// `aws:SourceIdentity`; inherited along a chain.
    pub source_identity: Option<String>,
}

/// What a verified signature was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialRef {
    /// A credential of the node's configuration: a root, or a service with what it signed about itself.
    Configured(Principal),
    /// A long-term access key.
    AccessKey(String),
    /// Temporary credentials.
    Session(Arc<Session>),
}

/// Why a credential stands for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    /// Deleted, made inactive, or its owner is gone.
    #[error("the credential is not valid any more")]
    Unknown,
    /// The session is over in Region time.
    #[error("the session is over")]
    Expired,
}

impl State {
    /// Who the credential stands for in this version of the state.
    pub fn caller(&self, credential: &CredentialRef) -> Result<Principal, CallerError> {
        match credential {
            CredentialRef::Configured(principal) => Ok(principal.clone()),
            CredentialRef::AccessKey(id) => self.access_key_owner(id).ok_or(CallerError::Unknown),
            CredentialRef::Session(session) if session.expires_at <= self.region_time() => {
                Err(CallerError::Expired)
            }
            CredentialRef::Session(session) => self.session_caller(session).ok_or(CallerError::Unknown),
        }
    }

    fn access_key_owner(&self, id: &str) -> Option<Principal> {
        let key = self.identity().access_key(id).filter(|key| key.status == AccessKeyStatus::Active)?;
        match &key.owner {
            AccessKeyOwner::Root => Some(Principal::Root { account: key.account }),
            AccessKeyOwner::User(id) => self.identity().user_by_id(id).map(super::User::principal),
        }
    }

    /// A session lives as long as the role or user whose permissions it has; it follows a rename.
    fn session_caller(&self, session: &Session) -> Option<Principal> {
        match &session.principal {
            Principal::AssumedRole(assumed) => {
                let role = self.identity().role_by_id(&assumed.role_id)?;
                (role.account == assumed.account).then(|| session.principal.clone())
            }
            Principal::User(user) => self.identity().user_by_id(&user.id).map(super::User::principal),
            Principal::FederatedUser { .. } => {
                self.exists(&session.issuer).then(|| session.principal.clone())
            }
            Principal::Root { .. } => Some(session.principal.clone()),
            Principal::Service(_) => None,
        }
    }

    fn exists(&self, issuer: &Principal) -> bool {
        match issuer {
            Principal::Root { .. } => true,
            Principal::User(user) => self.identity().user_by_id(&user.id).is_some(),
            Principal::AssumedRole(_) | Principal::FederatedUser { .. } | Principal::Service(_) => false,
        }
    }

    /// The unique id of the user or role that an ARN names, as policies store it (section 9.4).
    pub fn unique_id_of(&self, arn: &str) -> Option<String> {
        let (account, resource) = iam_resource(arn)?;
        let (kind, path_and_name) = resource.split_once('/')?;
        let name = path_and_name.rsplit('/').next()?;
        match kind {
            "user" => {
                self.identity().user(account, name).filter(|user| user.arn() == arn).map(|u| u.id.clone())
            }
            "role" => {
                self.identity().role(account, name).filter(|role| role.arn() == arn).map(|r| r.id.clone())
            }
            _ => None,
        }
    }

    /// The ARN of the user or role with this unique id, while it exists.
    pub fn arn_of_id(&self, id: &str) -> Option<String> {
        let identity = self.identity();
        identity
            .user_by_id(id)
            .map(super::User::arn)
            .or_else(|| identity.role_by_id(id).map(super::Role::arn))
    }
}

fn iam_resource(arn: &str) -> Option<(AccountId, &str)> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    match fields.as_slice() {
        ["arn", partition, "iam", "", account, resource] if partition.starts_with("aws") => {
            Some((account.parse().ok()?, resource))
        }
        _ => None,
    }
}
