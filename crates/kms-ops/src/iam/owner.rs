//! Users, groups and roles as what they have in common: holders of policies.

use kms_state::{
    IdentityKey, IdentityRecord, State,
    identity::{Group, PolicyDocument, Role, User},
};
use std::collections::{BTreeMap, BTreeSet};

use super::{
    IamError,
    call::Case,
    params::{LONG_NAME, NAME},
    write,
};

/// Which kind of holder an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnerKind {
    User,
    Group,
    Role,
}

/// A copy of the holder, to be changed and put back.
#[derive(Debug, Clone)]
pub(super) enum Owner {
    User(User),
    Group(Group),
    Role(Role),
}

impl OwnerKind {
    /// `User`, `Group` or `Role`, as in names of actions and resources.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role => "Role",
        }
    }

    /// The name in the call.
    pub(super) fn name<'a>(self, case: &Case<'a>) -> Result<&'a str, IamError> {
        match self {
            Self::User => case.params().required("UserName", &LONG_NAME),
            Self::Group => case.params().required("GroupName", &LONG_NAME),
            Self::Role => case.params().required("RoleName", &NAME),
        }
    }

    /// The ARN that an action is authorized on: of the holder if there is one, otherwise by its name.
    pub(super) fn arn(self, case: &Case<'_>, name: &str) -> String {
        match self.find(case, name) {
            Ok(owner) => owner.arn(),
            Err(_) => {
                format!("arn:aws:iam::{}:{}/{name}", case.account(), self.word().to_lowercase())
            }
        }
    }

    /// The holder, which must exist.
    pub(super) fn find(self, case: &Case<'_>, name: &str) -> Result<Owner, IamError> {
        let (view, account) = (case.view, case.account());
        match self {
            Self::User => write::user(view, account, name).cloned().map(Owner::User),
            Self::Group => write::group(view, account, name).cloned().map(Owner::Group),
            Self::Role => write::role(view, account, name).cloned().map(Owner::Role),
        }
    }

    /// Authorizes `action` on the holder that the call names, and finds it.
    pub(super) fn authorized(self, case: &Case<'_>, action: &str) -> Result<Owner, IamError> {
        let name = self.name(case)?;
        case.authorize(action, &self.arn(case, name), |_| {})?;
        self.find(case, name)
    }

    /// Most characters of all inline policies together, white space left out [IAM:limits].
    pub(super) fn inline_limit(self) -> usize {
        match self {
            Self::User => 2048,
            Self::Group => 5120,
            Self::Role => 10_240,
        }
    }
}

impl Owner {
    pub(super) fn arn(&self) -> String {
        match self {
            Self::User(user) => user.arn(),
            Self::Group(group) => group.arn(),
            Self::Role(role) => role.arn(),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::User(user) => &user.name,
            Self::Group(group) => &group.name,
            Self::Role(role) => &role.name,
        }
    }

    pub(super) fn path(&self) -> &str {
        match self {
            Self::User(user) => &user.path,
            Self::Group(group) => &group.path,
            Self::Role(role) => &role.path,
        }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Self::User(user) => &user.id,
            Self::Group(group) => &group.id,
            Self::Role(role) => &role.id,
        }
    }

    pub(super) fn inline(&self) -> &BTreeMap<String, PolicyDocument> {
        match self {
            Self::User(user) => &user.inline_policies,
            Self::Group(group) => &group.inline_policies,
            Self::Role(role) => &role.inline_policies,
        }
    }

    pub(super) fn inline_mut(&mut self) -> &mut BTreeMap<String, PolicyDocument> {
        match self {
            Self::User(user) => &mut user.inline_policies,
            Self::Group(group) => &mut group.inline_policies,
            Self::Role(role) => &mut role.inline_policies,
        }
    }

    pub(super) fn attached(&self) -> &BTreeSet<String> {
        match self {
            Self::User(user) => &user.attached_policies,
            Self::Group(group) => &group.attached_policies,
            Self::Role(role) => &role.attached_policies,
        }
    }

    pub(super) fn attached_mut(&mut self) -> &mut BTreeSet<String> {
        match self {
            Self::User(user) => &mut user.attached_policies,
            Self::Group(group) => &mut group.attached_policies,
            Self::Role(role) => &mut role.attached_policies,
        }
    }

    /// Groups have no boundary.
    pub(super) fn boundary_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::User(user) => Some(&mut user.boundary),
            Self::Group(_) => None,
            Self::Role(role) => Some(&mut role.boundary),
        }
    }

    pub(super) fn boundary(&self) -> Option<&str> {
        match self {
            Self::User(user) => user.boundary.as_deref(),
            Self::Group(_) => None,
            Self::Role(role) => role.boundary.as_deref(),
        }
    }

    pub(super) fn record(self) -> IdentityRecord {
        match self {
            Self::User(user) => IdentityRecord::User(user),
            Self::Group(group) => IdentityRecord::Group(group),
            Self::Role(role) => IdentityRecord::Role(role),
        }
    }
}

/// Every user, group and role of an account.
pub(super) fn all(view: &State, account: kms_types::AccountId) -> impl Iterator<Item = Owner> + '_ {
    let first =
        [IdentityKey::user(account, ""), IdentityKey::group(account, ""), IdentityKey::role(account, "")];
    first.into_iter().flat_map(move |key| {
        let records: Vec<Owner> = view
            .identity()
            .from(&key)
            .filter_map(|record| match record {
                IdentityRecord::User(user) => Some(Owner::User(user.clone())),
                IdentityRecord::Group(group) => Some(Owner::Group(group.clone())),
                IdentityRecord::Role(role) => Some(Owner::Role(role.clone())),
                IdentityRecord::Policy(_) | IdentityRecord::AccessKey(_) => None,
            })
            .collect();
        records
    })
}
