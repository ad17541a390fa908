//! CloudTrail's `userIdentity`: who called, as far as it is known.

use kms_types::{AccountId, Principal};
use serde::Serialize;

use crate::record::clip;

/// The caller of a recorded event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<&'static str>,
    #[serde(skip)]
    account: Option<AccountId>,
}

/// What AWS writes for calls and addresses of the service itself.
pub(crate) const INTERNAL: &str = "AWS Internal";
const ANONYMOUS: &str = "ANONYMOUS_PRINCIPAL";

impl UserIdentity {
    /// A verified caller, with the id of the access key that signed the request.
    pub fn verified(principal: &Principal, access_key_id: &str) -> Self {
        match principal {
            Principal::Root { account } => Self {
                kind: Some("Root"),
                principal_id: Some(account.to_string()),
                arn: Some(principal.arn()),
                account_id: Some(account.to_string()),
                access_key_id: Some(clip(access_key_id)),
                invoked_by: None,
                account: Some(*account),
            },
        }
    }

    /// A caller whose identity was not established; what it claimed as access key id is recorded, and proves nothing.
    pub fn unknown(claimed_access_key_id: Option<&str>) -> Self {
        Self {
            kind: Some("AWSAccount"),
            principal_id: Some(String::new()),
            account_id: Some(ANONYMOUS.to_owned()),
            access_key_id: claimed_access_key_id.map(clip),
            ..Self::default()
        }
    }

    /// A caller of another account, as the owner of the key sees it.
    pub fn foreign(account: AccountId, principal_id: &str) -> Self {
        Self {
            kind: Some("AWSAccount"),
            principal_id: Some(clip(principal_id)),
            account_id: Some(account.to_string()),
            account: Some(account),
            ..Self::default()
        }
    }

    /// Another service that acts for an account, by its host name.
    pub fn service(host: &'static str) -> Self {
        Self { kind: Some("AWSService"), invoked_by: Some(host), ..Self::default() }
    }

    /// The service itself, acting on a key of this account.
    pub fn internal(account: AccountId) -> Self {
        Self {
            account_id: Some(account.to_string()),
            invoked_by: Some(INTERNAL),
            account: Some(account),
            ..Self::default()
        }
    }

    pub(crate) fn account(&self) -> Option<AccountId> {
        self.account
    }
}
