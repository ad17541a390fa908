//! CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser [IAM:API].

use kms_state::{
    IdentityKey, IdentityRecord,
    identity::{AccessKeyOwner, Group, User},
};
use kms_types::Principal;
use std::collections::{BTreeMap, BTreeSet};

use super::{
    IamError, Tree,
    authorize::add_tags,
    boundaries,
    call::{Case, Decided},
    ids::{self, Kind},
    owner::OwnerKind,
    page::page,
    params::{LONG_NAME, NAME},
    tags,
    write::{self, Change},
};
use crate::Env;

/// Most users of an account [IAM:limits].
const MOST_USERS: usize = 5000;

pub(super) fn create(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    let (params, account) = (case.params(), case.account());
    let name = params.required("UserName", &NAME)?;
    let path = params.path("Path")?.unwrap_or("/");
    let tags = params.tags("Tags")?;
    let boundary = boundaries::requested(case)?;
    let arn = format!("arn:aws:iam::{account}:user{path}{name}");
    case.authorize("iam:CreateUser", &arn, |context| {
        add_tags(context, &tags);
        boundaries::describe(context, boundary);
    })?;
    if case.view.identity().user(account, name).is_some() {
        return Err(IamError::exists("User", name));
    }
    if case.view.identity().from(&IdentityKey::user(account, "")).count() >= MOST_USERS {
        return Err(IamError::LimitExceeded(format!(
            "Cannot exceed quota for UsersPerAccount: {MOST_USERS}"
        )));
    }
    let mut change = Change::new();
    let user = User {
        account,
        path: path.into(),
        name: name.into(),
        id: ids::draw(Kind::User, env.entropy),
        created_at: case.now(),
        inline_policies: BTreeMap::new(),
        attached_policies: BTreeSet::new(),
        boundary: boundaries::use_policy(case, &mut change, boundary)?,
        tags,
        groups: BTreeSet::new(),
        access_keys: BTreeSet::new(),
    };
    let answer = Tree::Struct(vec![("User", shown(&user, Detail::Whole))]);
    change.put(case.view, IdentityRecord::User(user));
    Ok(Decided::Change(change, Some(answer)))
}

/// Lists leave tags and boundaries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Whole,
    Listed,
}

pub(super) fn shown(user: &User, detail: Detail) -> Tree {
    let mut members = vec![
        ("Path", user.path.as_str().into()),
        ("UserName", user.name.as_str().into()),
        ("UserId", user.id.as_str().into()),
        ("Arn", user.arn().into()),
        ("CreateDate", user.created_at.into()),
    ];
    if detail == Detail::Whole {
        members.extend(user.boundary.as_deref().map(boundaries::shown));
        members.extend((!user.tags.is_empty()).then(|| ("Tags", tags::shown(&user.tags))));
    }
    Tree::Struct(members)
}

/// The user that the call names, or the calling user.
pub(super) fn named_or_caller(case: &Case<'_>) -> Result<Option<String>, IamError> {
    match (case.params().optional("UserName", &LONG_NAME)?, &case.call.caller) {
        (Some(name), _) => Ok(Some(name.into())),
        (None, Principal::User(user)) => Ok(Some(user.name.clone())),
        (None, Principal::Root { .. }) => Ok(None),
        (None, _) => {
            Err(IamError::Validation("Must specify userName when calling with non-User credentials".into()))
        }
    }
}

pub(super) fn get(case: &Case<'_>) -> Result<Decided, IamError> {
    let user = match named_or_caller(case)? {
        Some(name) => {
            case.authorize("iam:GetUser", &OwnerKind::User.arn(case, &name), |_| {})?;
            shown(write::user(case.view, case.account(), &name)?, Detail::Whole)
        }
        None => root(case),
    };
    Ok(Decided::Answer(Some(Tree::Struct(vec![("User", user)]))))
}

/// The root of the account, as AWS shows it.
fn root(case: &Case<'_>) -> Tree {
    Tree::Struct(vec![
        ("Path", "/".into()),
        ("UserName", "root".into()),
        ("UserId", Tree::text(case.account())),
        ("Arn", case.account().root_arn().into()),
        ("CreateDate", kms_types::Timestamp::default().into()),
    ])
}

pub(super) fn list(case: &Case<'_>) -> Result<Decided, IamError> {
    let prefix = case.params().path_prefix()?;
    case.authorize("iam:ListUsers", &format!("arn:aws:iam::{}:user/*", case.account()), |_| {})?;
    let first = IdentityKey::user(case.account(), "");
    let users = case.view.identity().from(&first).filter_map(|record| match record {
        IdentityRecord::User(user) if user.path.starts_with(prefix) => {
            Some((user.name.to_lowercase(), shown(user, Detail::Listed)))
        }
        _ => None,
    });
    Ok(Decided::Answer(Some(page(case.params(), "Users", users)?)))
}

/// A new name is a new record; policies keep meaning the same user, by its unique id.
pub(super) fn update(case: &Case<'_>) -> Result<Decided, IamError> {
    let (view, account) = (case.view, case.account());
    let name = case.params().required("UserName", &LONG_NAME)?;
    let new_name = case.params().optional("NewUserName", &NAME)?;
    let new_path = case.params().path("NewPath")?;
    case.authorize("iam:UpdateUser", &OwnerKind::User.arn(case, name), |_| {})?;
    let old = write::user(view, account, name)?;
    let mut user = old.clone();
    user.path = new_path.map_or(user.path, str::to_owned);
    user.name = new_name.map_or(user.name, str::to_owned);
    case.authorize("iam:UpdateUser", &user.arn(), |_| {})?;
    let (from, to) = (IdentityKey::user(account, &old.name), IdentityKey::user(account, &user.name));
    let mut change = Change::new();
    if from != to {
        if view.identity().stored(&to).is_some() {
            return Err(IamError::exists("User", &user.name));
        }
        change.delete(view, from);
        for group in groups_of(case, old) {
            change.put(view, IdentityRecord::Group(renamed(group, &old.name, &user.name)));
        }
    }
    change.put(view, IdentityRecord::User(user));
    Ok(Decided::Change(change, None))
}

fn groups_of<'a>(case: &Case<'a>, user: &User) -> Vec<&'a Group> {
    user.groups.iter().filter_map(|group| case.view.identity().group(user.account, group)).collect()
}

fn renamed(group: &Group, from: &str, to: &str) -> Group {
    let mut group = group.clone();
    group.members.remove(&from.to_lowercase());
    group.members.insert(to.to_lowercase());
    group
}

/// Everything that hangs on a user must go first, as in AWS.
pub(super) fn delete(case: &Case<'_>) -> Result<Decided, IamError> {
    let name = case.params().required("UserName", &LONG_NAME)?;
    case.authorize("iam:DeleteUser", &OwnerKind::User.arn(case, name), |_| {})?;
    let user = write::user(case.view, case.account(), name)?;
    let left = [
        (!user.access_keys.is_empty(), "access keys"),
        (!user.inline_policies.is_empty(), "policies"),
        (!user.attached_policies.is_empty(), "attached policies"),
        (!user.groups.is_empty(), "group memberships"),
    ];
    if let Some((_, what)) = left.iter().find(|(there, _)| *there) {
        let text = match *what {
            "policies" => "Cannot delete entity, must delete policies first.".to_owned(),
            "attached policies" => "Cannot delete entity, must detach all policies first.".to_owned(),
            "group memberships" => "Cannot delete entity, must remove users from group first.".to_owned(),
            other => format!("Cannot delete entity, must delete {other} first."),
        };
        return Err(IamError::DeleteConflict(text));
    }
    let mut change = Change::new();
    boundaries::release_policy(case, &mut change, user.boundary.as_deref())?;
    change.delete(case.view, IdentityKey::user(user.account, &user.name));
    Ok(Decided::Change(change, None))
}

/// The name of an access key's owner as lists show it; roots have none.
pub(super) fn owner_name(case: &Case<'_>, owner: &AccessKeyOwner) -> Option<String> {
    match owner {
        AccessKeyOwner::Root => None,
        AccessKeyOwner::User(id) => case.view.identity().user_by_id(id).map(|user| user.name.clone()),
    }
}
