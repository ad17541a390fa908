//! CloudTrail's `userIdentity`: who called, as far as it is known.

use kms_types::{AccountId, Principal, RoleSession, ServicePrincipal, Timestamp};
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
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<SessionContext>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<String>,
    #[serde(skip)]
    account: Option<AccountId>,
}

/// `sessionContext` of temporary credentials [CT:userIdentity].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_issuer: Option<Issuer>,
    attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Issuer {
    #[serde(rename = "type")]
    kind: &'static str,
    principal_id: String,
    arn: String,
    account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    creation_date: String,
    mfa_authenticated: &'static str,
}

/// Whose permissions a session has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionIssuer<'a> {
    /// The role that was assumed.
    Role(&'a RoleSession),
    /// The user or root that asked for the session.
    Caller(&'a Principal),
}

impl Issuer {
    fn of(issuer: &SessionIssuer<'_>) -> Self {
        match issuer {
            SessionIssuer::Role(session) => Self {
                kind: "Role",
                principal_id: session.role_id.clone(),
                arn: session.role_arn(),
                account_id: session.account.to_string(),
                user_name: Some(session.role.clone()),
            },
            SessionIssuer::Caller(principal) => Self {
                kind: kind(principal),
                principal_id: principal.user_id(),
                arn: principal.arn(),
                account_id: principal.account().to_string(),
                user_name: principal.user_name().map(str::to_owned),
            },
        }
    }
}

/// CloudTrail's word for a form of caller.
fn kind(principal: &Principal) -> &'static str {
    match principal {
        Principal::Root { .. } => "Root",
        Principal::User(_) => "IAMUser",
        Principal::AssumedRole(_) => "AssumedRole",
        Principal::FederatedUser { .. } => "FederatedUser",
        Principal::Service(_) => "AWSService",
    }
}

/// What AWS writes for calls and addresses of the service itself.
pub(crate) const INTERNAL: &str = "AWS Internal";
const ANONYMOUS: &str = "ANONYMOUS_PRINCIPAL";

impl UserIdentity {
    /// A verified caller, with the id of the access key that signed the request.
    pub fn verified(principal: &Principal, access_key_id: &str) -> Self {
        match principal {
            Principal::Service(service) => Self::acting_service(service),
            Principal::Root { .. }
            | Principal::User(_)
            | Principal::AssumedRole(_)
            | Principal::FederatedUser { .. } => Self {
                kind: Some(kind(principal)),
                principal_id: Some(principal.user_id()),
                arn: Some(principal.arn()),
                account_id: Some(principal.account().to_string()),
                access_key_id: Some(clip(access_key_id)),
                user_name: principal.user_name().map(str::to_owned),
                account: Some(principal.account()),
                ..Self::default()
            },
        }
    }

    /// Adds what temporary credentials stand for: since when, and who they were made for.
    pub fn session(mut self, created: Timestamp, issuer: Option<&SessionIssuer<'_>>) -> Self {
        self.session_context = Some(SessionContext {
            session_issuer: issuer.map(Issuer::of),
            attributes: Attributes { creation_date: created.to_rfc3339(), mfa_authenticated: "false" },
        });
        self
    }

    /// A service of the deployment; `invokedBy` names it, and the account is the one that it acts for.
    fn acting_service(service: &ServicePrincipal) -> Self {
        let account = service.on_behalf_of.as_ref().and_then(|acting| acting.account);
        Self {
            kind: Some("AWSService"),
            account_id: account.map(|account| account.to_string()),
            invoked_by: Some(service.name.clone()),
            account: account.or(Some(service.account)),
            ..Self::default()
        }
    }

    /// A verified caller for whom another service acts, by that service's host name. Which access key signed the call
    /// is known where it was made only.
    pub fn forwarded(principal: &Principal, host: &str) -> Self {
        Self { access_key_id: None, invoked_by: Some(host.to_owned()), ..Self::verified(principal, "") }
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
        Self { kind: Some("AWSService"), invoked_by: Some(host.to_owned()), ..Self::default() }
    }

    /// The service itself, acting on a key of this account.
    pub fn internal(account: AccountId) -> Self {
        Self {
            account_id: Some(account.to_string()),
            invoked_by: Some(INTERNAL.to_owned()),
            account: Some(account),
            ..Self::default()
        }
    }

    pub(crate) fn account(&self) -> Option<AccountId> {
        self.account
    }
}
