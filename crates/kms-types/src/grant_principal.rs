//! Who a grant is for, and who may retire it: the text that the grant names, not a verified caller.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{AccountId, ParseError, text_identifier};

/// A principal that a grant names [KMS:CreateGrant].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GrantPrincipal {
    /// An identity of some account.
    Identity {
        /// Its ARN.
        arn: IdentityArn,
        /// The unique id of the user, the role or the session's role (`AIDA...`, `AROA...`), taken when the grant was
        /// made: a user that is deleted and created again under the same name is another principal (section 9.4).
        id: Option<String>,
    },
    /// A service; no caller of this service is one.
    Service(ServiceName),
}

impl GrantPrincipal {
    /// The ARN, or the service's name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Identity { arn, .. } => arn.as_str(),
            Self::Service(name) => name.as_str(),
        }
    }

    /// Who it is, whatever the name became: two principals are one exactly if their marks are equal. A user or a role is
    /// its unique id, a session that of its role with its own name, and who has no unique id is the name.
    pub fn mark(&self) -> (&str, &str) {
        match self {
            Self::Identity { arn, id: Some(id) } => match arn.form() {
                IdentityForm::RoleSession { .. } => (id, arn.last_part()),
                _ => (id, ""),
            },
            Self::Identity { arn, id: None } => ("", arn.as_str()),
            Self::Service(name) => ("", name.as_str()),
        }
    }
}

/// An identity without a unique id: a root, or a federated user.
impl From<IdentityArn> for GrantPrincipal {
    fn from(arn: IdentityArn) -> Self {
        Self::Identity { arn, id: None }
    }
}

impl From<ServiceName> for GrantPrincipal {
    fn from(name: ServiceName) -> Self {
        Self::Service(name)
    }
}

impl fmt::Display for GrantPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ARN of an account's root, a user, a role, one session of a role, or a federated user. Never a pattern.
///
/// ```text
/// arn:aws:iam::<account>:root                      arn:aws:sts::<account>:assumed-role/<role>/<session>
/// arn:aws:iam::<account>:user/[<path>/]<name>      arn:aws:sts::<account>:federated-user/<name>
/// arn:aws:iam::<account>:role/[<path>/]<name>
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdentityArn {
    account: AccountId,
    text: String,
}

text_identifier!(IdentityArn);

impl IdentityArn {
    /// The ARN of an account's root.
    pub fn root(account: AccountId) -> Self {
        Self { account, text: account.root_arn() }
    }

    /// The account that the identity belongs to.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Which form it is, with the names in it.
    pub fn form(&self) -> IdentityForm<'_> {
        let resource = self.text.splitn(6, ':').last().unwrap_or_default();
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        let (path, name) = rest.rsplit_once('/').unwrap_or(("", rest));
        let full_path = || if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
        match kind {
            "user" => IdentityForm::User { path: full_path(), name },
            "role" => IdentityForm::Role { path: full_path(), name },
            "assumed-role" => IdentityForm::RoleSession { role: path },
            "federated-user" => IdentityForm::FederatedUser,
            // The constructor lets nothing else through.
            _ => IdentityForm::Root,
        }
    }

    fn last_part(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

/// The forms of an [`IdentityArn`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityForm<'a> {
    /// The root user of the account.
    Root,
    /// A user.
    User {
        /// `/`, or `/division/`.
        path: String,
        /// The name.
        name: &'a str,
    },
    /// A role, for every session of it.
    Role {
        /// `/`, or `/division/`.
        path: String,
        /// The name.
        name: &'a str,
    },
    /// One session of a role.
    RoleSession {
        /// The role's name; the ARN leaves its path out.
        role: &'a str,
    },
    /// A session that GetFederationToken made.
    FederatedUser,
}

impl FromStr for IdentityArn {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let account = identity_account(text).ok_or_else(|| {
            ParseError::new(
                "principal",
                "the ARN of a root, user, role, role session or federated user",
                text,
            )
        })?;
        Ok(Self { account, text: text.into() })
    }
}

fn identity_account(text: &str) -> Option<AccountId> {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", "aws", service, "", account, resource] = fields.as_slice() else { return None };
    let account = account.parse().ok()?;
    // `\w+=,.@:/-` of the model's PrincipalIdType, less `:`, which no name contains.
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
    };
    let parts: Vec<&str> = resource.split('/').collect();
    let (kind, names) = parts.split_first()?;
    let fits = match (*service, *kind) {
        ("iam", "root") => names.is_empty(),
        ("iam", "user" | "role") => !names.is_empty(),
        ("sts", "assumed-role") => names.len() == 2,
        ("sts", "federated-user") => names.len() == 1,
        _ => false,
    };
    (fits && names.iter().all(|part| plain(part))).then_some(account)
}

impl fmt::Display for IdentityArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The name of a service, for example `ledger.amazonaws.com`: three or more labels.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

text_identifier!(ServiceName);

impl ServiceName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let labels: Vec<&str> = text.split('.').collect();
        if labels.len() >= 3 && labels.into_iter().all(label) && text.len() <= 128 {
            Ok(Self(text.into()))
        } else {
            Err(ParseError::new("service principal", "three or more labels of a-z A-Z 0-9 -", text))
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_an_identity_are_read() {
        for resource in [
            "iam::111122223333:root",
            "iam::111122223333:user/alice",
            "iam::111122223333:user/staff/alice@example.org",
            "iam::111122223333:role/service-role/ledger",
            "sts::111122223333:assumed-role/ledger/job-7",
            "sts::111122223333:federated-user/bob",
        ] {
            let text = format!("arn:aws:{resource}");
            let arn: IdentityArn = text.parse().unwrap();
            assert_eq!((arn.as_str(), arn.account().to_string().as_str()), (text.as_str(), "111122223333"));
        }
    }

    #[test]
    fn forms_and_marks_tell_principals_apart() {
        let arn = |text: &str| format!("arn:aws:{text}").parse::<IdentityArn>().unwrap();
        let user = arn("iam::111122223333:user/staff/ops/alice");
        assert_eq!(user.form(), IdentityForm::User { path: "/staff/ops/".into(), name: "alice" });
        let role = arn("iam::111122223333:role/ledger");
        assert_eq!(role.form(), IdentityForm::Role { path: "/".into(), name: "ledger" });
        let session = arn("sts::111122223333:assumed-role/ledger/job");
        assert_eq!(session.form(), IdentityForm::RoleSession { role: "ledger" });
        assert_eq!(arn("sts::111122223333:federated-user/bob").form(), IdentityForm::FederatedUser);
        assert_eq!(arn("iam::111122223333:root").form(), IdentityForm::Root);
        let with =
            |arn: &IdentityArn, id: &str| GrantPrincipal::Identity { arn: arn.clone(), id: Some(id.into()) };
        let renamed = arn("iam::111122223333:user/bob");
        assert_eq!(with(&user, "AIDA1").mark(), with(&renamed, "AIDA1").mark());
        let marks = [
            with(&user, "AIDA1"),
            with(&user, "AIDA2"),
            with(&role, "AROA1"),
            with(&session, "AROA1"),
            with(&arn("sts::111122223333:assumed-role/ledger/other"), "AROA1"),
            user.clone().into(),
            GrantPrincipal::Service("a.b.c".parse().unwrap()),
        ];
        let distinct: std::collections::BTreeSet<_> = marks.iter().map(GrantPrincipal::mark).collect();
        assert_eq!(distinct.len(), marks.len());
    }

    #[test]
    fn what_is_no_identity_is_refused() {
        for text in [
            "",
            "*",
            "111122223333",
            "ledger.amazonaws.com",
            "arn:aws:iam::111122223333:group/staff",
            "arn:aws:iam::111122223333:root/x",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam::111122223333:user/a*",
            "arn:aws:iam::111122223333:role//a",
            "arn:aws:iam:us-east-1:111122223333:user/a",
            "arn:aws:iam::1111:user/a",
            "arn:aws-cn:iam::111122223333:user/a",
            "arn:aws:sts::111122223333:assumed-role/ledger",
            "arn:aws:sts::111122223333:assumed-role/ledger/a/b",
            "arn:aws:sts::111122223333:federated-user/a/b",
            "arn:aws:kms:us-east-1:111122223333:key/a",
        ] {
            assert!(text.parse::<IdentityArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn service_names_have_three_labels() {
        assert!("ledger.eu-west-1.amazonaws.com".parse::<ServiceName>().is_ok());
        for text in ["", "amazonaws.com", "a..com", "a_b.amazonaws.com", "*.amazonaws.com"] {
            assert!(text.parse::<ServiceName>().is_err(), "{text}");
        }
    }
}
