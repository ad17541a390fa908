//! Groups and who is in them [IAM:API].

use kms_state::{
    IdentityKey, IdentityRecord,
    identity::{Group, User},
};
use std::collections::{BTreeMap, BTreeSet};

use super::{
    IamError, Tree,
    call::{Case, Decided},
    ids::{self, Kind},
    owner::OwnerKind,
    page::page,
    params::LONG_NAME,
    users::{self, Detail},
    write::{self, Change},
};
use crate::Env;

/// Most groups of an account, and most groups that a user is in [IAM:limits].
const MOST_GROUPS: usize = 300;
const MOST_PER_USER: usize = 10;

pub(super) fn create(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    let (params, account) = (case.params(), case.account());
    let name = params.required("GroupName", &LONG_NAME)?;
    let path = params.path("Path")?.unwrap_or("/");
    case.authorize("iam:CreateGroup", &format!("arn:aws:iam::{account}:group{path}{name}"), |_| {})?;
    if case.view.identity().group(account, name).is_some() {
        return Err(IamError::exists("Group", name));
    }
    if case.view.identity().from(&IdentityKey::group(account, "")).count() >= MOST_GROUPS {
        return Err(IamError::LimitExceeded(format!(
            "Cannot exceed quota for GroupsPerAccount: {MOST_GROUPS}"
        )));
    }
    let group = Group {
        account,
        path: path.into(),
        name: name.into(),
        id: ids::draw(Kind::Group, env.entropy),
        created_at: case.now(),
        inline_policies: BTreeMap::new(),
        attached_policies: BTreeSet::new(),
        members: BTreeSet::new(),
    };
    let answer = Tree::Struct(vec![("Group", shown(&group))]);
    let mut change = Change::new();
    change.put(case.view, IdentityRecord::Group(group));
    Ok(Decided::Change(change, Some(answer)))
}

fn shown(group: &Group) -> Tree {
    Tree::Struct(vec![
        ("Path", group.path.as_str().into()),
        ("GroupName", group.name.as_str().into()),
        ("GroupId", group.id.as_str().into()),
        ("Arn", group.arn().into()),
        ("CreateDate", group.created_at.into()),
    ])
}

fn authorized<'a>(case: &Case<'a>, action: &str) -> Result<&'a Group, IamError> {
    let name = case.params().required("GroupName", &LONG_NAME)?;
    case.authorize(action, &OwnerKind::Group.arn(case, name), |_| {})?;
    write::group(case.view, case.account(), name)
}

pub(super) fn get(case: &Case<'_>) -> Result<Decided, IamError> {
    let group = authorized(case, "iam:GetGroup")?;
    let member = |name: &String| {
        let user = case.view.identity().user(group.account, name)?;
        Some((name.clone(), users::shown(user, Detail::Listed)))
    };
    let Tree::Struct(mut members) = page(case.params(), "Users", group.members.iter().filter_map(member))?
    else {
        return Err(IamError::Internal("a page is a structure"));
    };
    members.insert(0, ("Group", shown(group)));
    Ok(Decided::Answer(Some(Tree::Struct(members))))
}

pub(super) fn list(case: &Case<'_>) -> Result<Decided, IamError> {
    let prefix = case.params().path_prefix()?;
    case.authorize("iam:ListGroups", &format!("arn:aws:iam::{}:group/*", case.account()), |_| {})?;
    let first = IdentityKey::group(case.account(), "");
    let groups = case.view.identity().from(&first).filter_map(|record| match record {
        IdentityRecord::Group(group) if group.path.starts_with(prefix) => {
            Some((group.name.to_lowercase(), shown(group)))
        }
        _ => None,
    });
    Ok(Decided::Answer(Some(page(case.params(), "Groups", groups)?)))
}

pub(super) fn update(case: &Case<'_>) -> Result<Decided, IamError> {
    let (view, account) = (case.view, case.account());
    let old = authorized(case, "iam:UpdateGroup")?;
    let new_name = case.params().optional("NewGroupName", &LONG_NAME)?;
    let new_path = case.params().path("NewPath")?;
    let mut group = old.clone();
    group.path = new_path.map_or(group.path, str::to_owned);
    group.name = new_name.map_or(group.name, str::to_owned);
    let (from, to) = (IdentityKey::group(account, &old.name), IdentityKey::group(account, &group.name));
    let mut change = Change::new();
    if from != to {
        if view.identity().stored(&to).is_some() {
            return Err(IamError::exists("Group", &group.name));
        }
        change.delete(view, from);
        for user in old.members.iter().filter_map(|name| view.identity().user(account, name)) {
            let mut user = user.clone();
            user.groups.remove(&old.name.to_lowercase());
            user.groups.insert(group.name.to_lowercase());
            change.put(view, IdentityRecord::User(user));
        }
    }
    change.put(view, IdentityRecord::Group(group));
    Ok(Decided::Change(change, None))
}

pub(super) fn delete(case: &Case<'_>) -> Result<Decided, IamError> {
    let group = authorized(case, "iam:DeleteGroup")?;
    let conflict = |text: &str| Err(IamError::DeleteConflict(text.into()));
    if !group.members.is_empty() {
        return conflict("Cannot delete entity, must remove users from group first.");
    }
    if !group.attached_policies.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !group.inline_policies.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    let mut change = Change::new();
    change.delete(case.view, IdentityKey::group(group.account, &group.name));
    Ok(Decided::Change(change, None))
}

/// The group that the call names and the user, both to be changed.
fn both<'a>(case: &Case<'a>, action: &str) -> Result<(&'a Group, &'a User), IamError> {
    let name = case.params().required("UserName", &LONG_NAME)?;
    let group = authorized(case, action)?;
    Ok((group, write::user(case.view, case.account(), name)?))
}

fn changed(case: &Case<'_>, group: Group, user: User) -> Decided {
    let mut change = Change::new();
    change.put(case.view, IdentityRecord::Group(group));
    change.put(case.view, IdentityRecord::User(user));
    Decided::Change(change, None)
}

pub(super) fn add(case: &Case<'_>) -> Result<Decided, IamError> {
    let (group, user) = both(case, "iam:AddUserToGroup")?;
    let (mut group, mut user) = (group.clone(), user.clone());
    user.groups.insert(group.name.to_lowercase());
    group.members.insert(user.name.to_lowercase());
    match user.groups.len() > MOST_PER_USER {
        true => {
            Err(IamError::LimitExceeded(format!("Cannot exceed quota for GroupsPerUser: {MOST_PER_USER}")))
        }
        false => Ok(changed(case, group, user)),
    }
}

pub(super) fn remove(case: &Case<'_>) -> Result<Decided, IamError> {
    let (group, user) = both(case, "iam:RemoveUserFromGroup")?;
    let (mut group, mut user) = (group.clone(), user.clone());
    if !group.members.remove(&user.name.to_lowercase()) {
        let text = format!("User {} in Group {} does not exist.", user.name, group.name);
        return Err(IamError::NoSuchEntity(text));
    }
    user.groups.remove(&group.name.to_lowercase());
    Ok(changed(case, group, user))
}

pub(super) fn of_user(case: &Case<'_>) -> Result<Decided, IamError> {
    let name = case.params().required("UserName", &LONG_NAME)?;
    case.authorize("iam:ListGroupsForUser", &OwnerKind::User.arn(case, name), |_| {})?;
    let user = write::user(case.view, case.account(), name)?;
    let group = |name: &String| Some((name.clone(), shown(case.view.identity().group(user.account, name)?)));
    Ok(Decided::Answer(Some(page(case.params(), "Groups", user.groups.iter().filter_map(group))?)))
}
