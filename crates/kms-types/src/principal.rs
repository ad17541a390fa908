use serde::{Deserialize, Serialize};

use crate::AccountId;

/// A verified caller. Built by the SigV4 verifier from a stored credential, never from request data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Principal {
    /// The root user of an account.
    Root {
        /// The account.
        account: AccountId,
    },
    /// An IAM user.
    User(UserPrincipal),
    /// A session of a role [STS:API].
    AssumedRole(RoleSession),
    /// A session made by GetFederationToken [STS:API].
    FederatedUser {
        /// The account of the user that federated it.
        account: AccountId,
        /// The name that the call gave it.
        name: String,
    },
    /// Another service of the deployment, for itself or for somebody.
    Service(ServicePrincipal),
}

/// An IAM user as a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPrincipal {
    /// The account.
    pub account: AccountId,
    /// The path, `/` or `/division/`.
    pub path: String,
    /// The name, unique in its account without regard to the path.
    pub name: String,
    /// The unique id, `AIDA...`; a user that is created again under the same name has another.
    pub id: String,
}

/// A session of a role as a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSession {
    /// The account of the role.
    pub account: AccountId,
    /// The path of the role; its session's ARN leaves it out.
    pub path: String,
    /// The name of the role.
    pub role: String,
    /// The unique id of the role, `AROA...`.
    pub role_id: String,
    /// The name that the caller of AssumeRole gave the session.
    pub session: String,
}

/// A service as a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePrincipal {
    /// The service's name, for example `backup.amazonaws.com`.
    pub name: String,
    /// The account that the service runs in.
    pub account: AccountId,
    /// On whose behalf it calls; absent when it calls for itself.
    pub on_behalf_of: Option<OnBehalfOf>,
}

/// What a service says about the resource or customer that it acts for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnBehalfOf {
    /// The customer's account: `aws:SourceAccount`.
    pub account: Option<AccountId>,
    /// The ARN of the resource: `aws:SourceArn`.
    pub source_arn: Option<String>,
    /// The service's host name in this Region: `kms:ViaService`.
    pub via_service: Option<String>,
}

/// Who made a change, as the Region's log keeps it: small, and readable after the caller is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The caller's account.
    pub account: AccountId,
    /// The caller's ARN, or a service's name.
    pub arn: String,
}

impl Principal {
    /// The account that the call is made for: the caller's own, or the one that a service acts for.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Root { account } | Self::FederatedUser { account, .. } => *account,
            Self::User(user) => user.account,
            Self::AssumedRole(session) => session.account,
            Self::Service(service) => {
                service.on_behalf_of.as_ref().and_then(|o| o.account).unwrap_or(service.account)
            }
        }
    }

    /// The caller's ARN, for example `arn:aws:iam::000000000000:root` or
    /// `arn:aws:sts::111122223333:assumed-role/Ledger/job-7`. A service has none, and shows its name.
    pub fn arn(&self) -> String {
        match self {
            Self::Root { account } => account.root_arn(),
            Self::User(user) => user.arn(),
            Self::AssumedRole(session) => session.arn(),
            Self::FederatedUser { account, name } => format!("arn:aws:sts::{account}:federated-user/{name}"),
            Self::Service(service) => service.name.clone(),
        }
    }

    /// `aws:PrincipalArn`: like [`Self::arn`], and the role's ARN for a session of a role (section 9.8).
    pub fn principal_arn(&self) -> String {
        match self {
            Self::AssumedRole(session) => session.role_arn(),
            Self::Root { .. } | Self::User(_) | Self::FederatedUser { .. } | Self::Service(_) => self.arn(),
        }
    }

    /// `aws:userid` and CloudTrail's `principalId` [IAM:userid].
    pub fn user_id(&self) -> String {
        match self {
            Self::Root { account } => account.to_string(),
            Self::User(user) => user.id.clone(),
            Self::AssumedRole(session) => format!("{}:{}", session.role_id, session.session),
            Self::FederatedUser { account, name } => format!("{account}:{name}"),
            Self::Service(service) => service.name.clone(),
        }
    }

    /// `aws:username`: users have one, sessions and roots have not.
    pub fn user_name(&self) -> Option<&str> {
        match self {
            Self::User(user) => Some(&user.name),
            Self::Root { .. } | Self::AssumedRole(_) | Self::FederatedUser { .. } | Self::Service(_) => None,
        }
    }

    /// `aws:PrincipalType`.
    pub fn principal_type(&self) -> &'static str {
        match self {
            Self::Root { .. } => "Account",
            Self::User(_) => "User",
            Self::AssumedRole(_) => "AssumedRole",
            Self::FederatedUser { .. } => "FederatedUser",
            Self::Service(_) => "Service",
        }
    }

    /// The unique id under which policies store this principal: of the user, or of a session's role (section 9.4).
    pub fn unique_id(&self) -> Option<&str> {
        match self {
            Self::User(user) => Some(&user.id),
            Self::AssumedRole(session) => Some(&session.role_id),
            Self::Root { .. } | Self::FederatedUser { .. } | Self::Service(_) => None,
        }
    }

    /// The service, when the caller is one.
    pub fn service(&self) -> Option<&ServicePrincipal> {
        match self {
            Self::Service(service) => Some(service),
            Self::Root { .. } | Self::User(_) | Self::AssumedRole(_) | Self::FederatedUser { .. } => None,
        }
    }

    /// What the log keeps of the caller.
    pub fn author(&self) -> Author {
        Author { account: self.account(), arn: self.arn() }
    }
}

impl UserPrincipal {
    /// `arn:aws:iam::<account>:user<path><name>`.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:user{}{}", self.account, self.path, self.name)
    }
}

impl RoleSession {
    /// The session: `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
    pub fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{}", self.account, self.role, self.session)
    }

    /// The role: `arn:aws:iam::<account>:role<path><role>`.
    pub fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role{}{}", self.account, self.path, self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        "111122223333".parse().unwrap()
    }

    #[test]
    fn every_form_has_its_names() {
        let user = UserPrincipal {
            account: account(),
            path: "/ops/".into(),
            name: "ann".into(),
            id: "AIDAEXAMPLE".into(),
        };
        let session = RoleSession {
            account: account(),
            path: "/apps/".into(),
            role: "Ledger".into(),
            role_id: "AROAEXAMPLE".into(),
            session: "job-7".into(),
        };
        let service =
            ServicePrincipal { name: "backup.example".into(), account: account(), on_behalf_of: None };
        for (principal, arn, principal_arn, user_id) in [
            (
                Principal::Root { account: account() },
                "arn:aws:iam::111122223333:root",
                "arn:aws:iam::111122223333:root",
                "111122223333",
            ),
            (
                Principal::User(user),
                "arn:aws:iam::111122223333:user/ops/ann",
                "arn:aws:iam::111122223333:user/ops/ann",
                "AIDAEXAMPLE",
            ),
            (
                Principal::AssumedRole(session),
                "arn:aws:sts::111122223333:assumed-role/Ledger/job-7",
                "arn:aws:iam::111122223333:role/apps/Ledger",
                "AROAEXAMPLE:job-7",
            ),
            (
                Principal::FederatedUser { account: account(), name: "bob".into() },
                "arn:aws:sts::111122223333:federated-user/bob",
                "arn:aws:sts::111122223333:federated-user/bob",
                "111122223333:bob",
            ),
            (Principal::Service(service), "backup.example", "backup.example", "backup.example"),
        ] {
            assert_eq!(principal.arn(), arn);
            assert_eq!(principal.principal_arn(), principal_arn);
            assert_eq!(principal.user_id(), user_id);
            assert_eq!(principal.account(), account());
        }
    }

    #[test]
    fn a_service_calls_for_the_account_it_acts_for() {
        let customer: AccountId = "444455556666".parse().unwrap();
        let on_behalf_of = Some(OnBehalfOf { account: Some(customer), ..OnBehalfOf::default() });
        let service = ServicePrincipal { name: "backup.example".into(), account: account(), on_behalf_of };
        assert_eq!(Principal::Service(service).account(), customer);
    }
}
