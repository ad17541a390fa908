//! The forms of a Principal element: how they are written, and whom each one matches (section 9.3).

use kms_types::{AccountId, Principal};

use crate::{
    Bindings, MalformedPolicy, PrincipalDirectory,
    error::clip,
    json::Json,
    parse::{texts, unexpected},
};

/// A principal of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `*`: everybody.
    Everyone,
    /// `arn:aws:iam::<account>:root` or the bare account id: the account as delegate.
    Account(AccountId),
    /// A user.
    User(NamedPrincipal),
    /// A role, for every session of it.
    Role(NamedPrincipal),
    /// One session of a role.
    RoleSession {
        /// The role; its ARN is the session's.
        role: NamedPrincipal,
        /// The session's name.
        session: String,
    },
    /// A session that GetFederationToken made.
    FederatedUser {
        /// The account.
        account: AccountId,
        /// The session's name.
        name: String,
    },
    /// A service.
    Service(String),
    /// An identity provider; nobody calls as one.
    Federated(String),
    /// A canonical user id; has no meaning here.
    CanonicalUser(String),
}

/// A user or role as a document names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPrincipal {
    /// The ARN as written.
    pub arn: String,
    /// The account in the ARN.
    pub account: AccountId,
    /// The path; `/` for a session, whose ARN leaves it out.
    pub path: String,
    /// The name of the user or role.
    pub name: String,
    meaning: Meaning,
}

/// Who a named principal is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    /// Whoever has the name: a document that is not stored.
    TheName,
    /// Whoever has the unique id, also under another name.
    TheId(String),
    /// Nobody: a stored document without an id for the name.
    Nobody,
}

/// In which ways a statement names a caller; the ways differ in what may still limit the caller (section 9.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Grasp {
    /// As itself: nothing that merely does not allow can limit it.
    pub(crate) direct: bool,
    /// As a session of a role: boundary and session policies limit it.
    pub(crate) role: bool,
    /// As a member of an account: only what the account allows it.
    pub(crate) account: bool,
}

impl Grasp {
    pub(crate) fn any(self) -> bool {
        self.direct || self.role || self.account
    }

    pub(crate) fn of_everyone(caller: &Principal) -> Self {
        match caller {
            Principal::Root { .. } | Principal::Service(_) => Self { direct: true, ..Self::default() },
            Principal::User(_) | Principal::FederatedUser { .. } => {
                Self { direct: true, account: true, ..Self::default() }
            }
            Principal::AssumedRole(_) => Self { direct: true, role: true, account: true },
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            direct: self.direct || other.direct,
            role: self.role || other.role,
            account: self.account || other.account,
        }
    }
}

/// How an element with these principals names the caller.
pub(crate) fn grasp(principals: &[PrincipalPattern], caller: &Principal) -> Grasp {
    principals.iter().fold(Grasp::default(), |grasp, principal| grasp.with(principal.grasp(caller)))
}

/// True when a caller has another name than those listed: NotPrincipal covers it unless each of its names is listed,
/// account, role and session (section 9.9).
pub(crate) fn has_other_names(principals: &[PrincipalPattern], caller: &Principal) -> bool {
    grasp(principals, caller) != Grasp::of_everyone(caller)
}

impl PrincipalPattern {
    fn grasp(&self, caller: &Principal) -> Grasp {
        let direct = |direct| Grasp { direct, ..Grasp::default() };
        match (self, caller) {
            // Not limited by boundaries and session policies [IAM:evaluation-logic].
            (Self::Everyone, _) => Grasp::of_everyone(caller),
            (Self::Account(account), Principal::Root { account: own }) => direct(account == own),
            (Self::Account(_), Principal::Service(_)) => Grasp::default(),
            (Self::Account(account), _) => {
                Grasp { account: *account == caller.account(), ..Grasp::default() }
            }
            (Self::User(user), Principal::User(own)) => direct(user.means(&own.id, || own.arn() == user.arn)),
            (Self::Role(role), Principal::AssumedRole(own)) => {
                let role = role.means(&own.role_id, || own.role_arn() == role.arn);
                Grasp { role, ..Grasp::default() }
            }
            (Self::RoleSession { role, session }, Principal::AssumedRole(own)) => {
                direct(*session == own.session && role.means(&own.role_id, || own.arn() == role.arn))
            }
            (
                Self::FederatedUser { account, name },
                Principal::FederatedUser { account: own, name: own_name },
            ) => direct(account == own && name == own_name),
            (Self::Service(name), Principal::Service(own)) => direct(*name == own.name),
            _ => Grasp::default(),
        }
    }

    pub(crate) fn look_up(&self, directory: &dyn PrincipalDirectory) -> Option<String> {
        match self {
            Self::User(user) => directory.user_id(user.account, &user.path, &user.name),
            Self::Role(role) => directory.role_id(role.account, Some(&role.path), &role.name),
            Self::RoleSession { role, .. } => directory.role_id(role.account, None, &role.name),
            Self::Everyone
            | Self::Account(_)
            | Self::FederatedUser { .. }
            | Self::Service(_)
            | Self::Federated(_)
            | Self::CanonicalUser(_) => None,
        }
    }

    pub(crate) fn bind(&mut self, bindings: &Bindings) {
        if let Self::User(named) | Self::Role(named) | Self::RoleSession { role: named, .. } = self {
            let id = bindings.id(&named.arn).map(|id| Meaning::TheId(id.into()));
            named.meaning = id.unwrap_or(Meaning::Nobody);
        }
    }
}

impl NamedPrincipal {
    fn means(&self, id: &str, has_name: impl FnOnce() -> bool) -> bool {
        match &self.meaning {
            Meaning::TheName => has_name(),
            Meaning::TheId(own) => own == id,
            Meaning::Nobody => false,
        }
    }
}

/// `"*"`, or an object of types and values.
pub(crate) fn parse(json: &Json) -> Result<Vec<PrincipalPattern>, MalformedPolicy> {
    match json {
        Json::Text(text) if text == "*" => Ok(vec![PrincipalPattern::Everyone]),
        Json::Object(types) if !types.is_empty() => {
            let mut principals = Vec::new();
            for (kind, values) in types {
                for value in texts(values, kind)? {
                    principals.push(one(kind, value)?);
                }
            }
            Ok(principals)
        }
        _ => Err(unexpected("Principal", "`*` or an object of principals")),
    }
}

fn one(kind: &str, value: &str) -> Result<PrincipalPattern, MalformedPolicy> {
    match kind {
        "AWS" => aws(value),
        "Service" => Ok(PrincipalPattern::Service(value.into())),
        "Federated" => Ok(PrincipalPattern::Federated(value.into())),
        "CanonicalUser" => Ok(PrincipalPattern::CanonicalUser(value.into())),
        _ => Err(MalformedPolicy::UnknownElement { element: clip(kind), place: "Principal" }),
    }
}

fn aws(value: &str) -> Result<PrincipalPattern, MalformedPolicy> {
    if value == "*" {
        return Ok(PrincipalPattern::Everyone);
    }
    if let Ok(account) = value.parse() {
        return Ok(PrincipalPattern::Account(account));
    }
    if value.starts_with("arn:") {
        return arn(value).ok_or_else(|| MalformedPolicy::InvalidArn { arn: clip(value) });
    }
    // Unique ids of deleted users and roles, and anything else that is not an ARN (section 9.4).
    Err(MalformedPolicy::InvalidPrincipal { principal: clip(value) })
}

impl PrincipalPattern {
    /// What an ARN of a root, user, role, role session or federated user means in a policy; none for any other text.
    pub fn from_arn(text: &str) -> Option<Self> {
        text.starts_with("arn:").then(|| arn(text)).flatten()
    }
}

/// Root, user, role, role session or federated user. Groups are not principals, and wildcards are not allowed.
fn arn(value: &str) -> Option<PrincipalPattern> {
    let fields: Vec<&str> = value.splitn(6, ':').collect();
    let [_, partition, service, "", account, resource] = fields.as_slice() else { return None };
    let account: AccountId = account.parse().ok()?;
    if !partition.starts_with("aws") || value.contains(['*', '?']) {
        return None;
    }
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    match (*service, kind) {
        ("iam", "root") if *resource == "root" => Some(PrincipalPattern::Account(account)),
        ("iam", "user") => named(value, account, name).map(PrincipalPattern::User),
        ("iam", "role") => named(value, account, name).map(PrincipalPattern::Role),
        ("sts", "assumed-role") => {
            let (role, session) = name.split_once('/')?;
            let role = named(value, account, role)?;
            (!session.is_empty() && !session.contains('/'))
                .then(|| PrincipalPattern::RoleSession { role, session: session.into() })
        }
        ("sts", "federated-user") if !name.is_empty() => {
            Some(PrincipalPattern::FederatedUser { account, name: name.into() })
        }
        _ => None,
    }
}

/// `name` or `path/to/name`.
fn named(arn: &str, account: AccountId, path_and_name: &str) -> Option<NamedPrincipal> {
    let (path, name) = match path_and_name.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".into(), path_and_name),
    };
    let meaning = Meaning::TheName;
    (!name.is_empty()).then(|| NamedPrincipal { arn: arn.into(), account, path, name: name.into(), meaning })
}
