//! Roles and who may assume them [IAM:API].

use kms_policy::Bindings;
use kms_state::{IdentityKey, IdentityRecord, TrustPolicy, identity::Role};
use std::collections::{BTreeMap, BTreeSet};

use super::{
    IamError, Tree,
    authorize::add_tags,
    boundaries,
    call::{Case, Decided},
    ids::{self, Kind},
    inline_policies::{encoded, size},
    owner::OwnerKind,
    page::page,
    params::{DESCRIPTION, DOCUMENT, NAME},
    tags, trust, write,
    write::Change,
};
use crate::Env;

/// Most roles of an account, and most characters of a trust policy, white space left out [IAM:limits].
const MOST_ROLES: usize = 1000;
const MOST_TRUST_CHARS: usize = 2048;
/// Length of a session in seconds: least, most, default.
const SESSION_S: (u32, u32, u32) = (3600, 43_200, 3600);

fn trust_document(case: &Case<'_>, name: &str) -> Result<TrustPolicy, IamError> {
    let document = case.params().required(name, &DOCUMENT)?;
    let policy = trust::checked(case, document)?;
    match size(document) > MOST_TRUST_CHARS {
        true => Err(IamError::LimitExceeded(format!(
            "Cannot exceed quota for ACLSizePerRole: {MOST_TRUST_CHARS}"
        ))),
        false => Ok(policy),
    }
}

pub(super) fn create(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    let (params, account) = (case.params(), case.account());
    let name = params.required("RoleName", &NAME)?;
    let path = params.path("Path")?.unwrap_or("/");
    let tags = params.tags("Tags")?;
    let boundary = boundaries::requested(case)?;
    let description = params.optional("Description", &DESCRIPTION)?.unwrap_or_default();
    let max_session_s = params.number("MaxSessionDuration", SESSION_S.0, SESSION_S.1)?.unwrap_or(SESSION_S.2);
    let arn = format!("arn:aws:iam::{account}:role{path}{name}");
    case.authorize("iam:CreateRole", &arn, |context| {
        add_tags(context, &tags);
        boundaries::describe(context, boundary);
    })?;
    let trust_policy = trust_document(case, "AssumeRolePolicyDocument")?;
    if case.view.identity().role(account, name).is_some() {
        return Err(IamError::exists("Role", name));
    }
    if case.view.identity().from(&IdentityKey::role(account, "")).count() >= MOST_ROLES {
        return Err(IamError::LimitExceeded(format!(
            "Cannot exceed quota for RolesPerAccount: {MOST_ROLES}"
        )));
    }
    let mut change = Change::new();
    let role = Role {
        account,
        path: path.into(),
        name: name.into(),
        id: ids::draw(Kind::Role, env.entropy),
        created_at: case.now(),
        trust_policy,
        description: description.into(),
        max_session_s,
        inline_policies: BTreeMap::new(),
        attached_policies: BTreeSet::new(),
        boundary: boundaries::use_policy(case, &mut change, boundary)?,
        tags,
    };
    Ok(put(case, change, role, true))
}

fn put(case: &Case<'_>, mut change: Change, role: Role, answers: bool) -> Decided {
    let answer = answers.then(|| Tree::Struct(vec![("Role", shown(case, &role, Detail::Whole))]));
    change.put(case.view, IdentityRecord::Role(role));
    Decided::Change(change, answer)
}

/// Lists leave tags and boundaries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Whole,
    Listed,
}

fn shown(case: &Case<'_>, role: &Role, detail: Detail) -> Tree {
    let trust_policy = trust::shown(case.view, role);
    let mut members = vec![
        ("Path", role.path.as_str().into()),
        ("RoleName", role.name.as_str().into()),
        ("RoleId", role.id.as_str().into()),
        ("Arn", role.arn().into()),
        ("CreateDate", role.created_at.into()),
        ("AssumeRolePolicyDocument", encoded(&trust_policy).into()),
    ];
    members.extend((!role.description.is_empty()).then(|| ("Description", role.description.as_str().into())));
    members.push(("MaxSessionDuration", Tree::text(role.max_session_s)));
    if detail == Detail::Whole {
        members.extend(role.boundary.as_deref().map(boundaries::shown));
        members.extend((!role.tags.is_empty()).then(|| ("Tags", tags::shown(&role.tags))));
    }
    Tree::Struct(members)
}

fn authorized<'a>(case: &Case<'a>, action: &str) -> Result<&'a Role, IamError> {
    let name = case.params().required("RoleName", &NAME)?;
    case.authorize(action, &OwnerKind::Role.arn(case, name), |_| {})?;
    write::role(case.view, case.account(), name)
}

pub(super) fn get(case: &Case<'_>) -> Result<Decided, IamError> {
    let role = authorized(case, "iam:GetRole")?;
    Ok(Decided::Answer(Some(Tree::Struct(vec![("Role", shown(case, role, Detail::Whole))]))))
}

pub(super) fn list(case: &Case<'_>) -> Result<Decided, IamError> {
    let prefix = case.params().path_prefix()?;
    case.authorize("iam:ListRoles", &format!("arn:aws:iam::{}:role/*", case.account()), |_| {})?;
    let first = IdentityKey::role(case.account(), "");
    let roles = case.view.identity().from(&first).filter_map(|record| match record {
        IdentityRecord::Role(role) if role.path.starts_with(prefix) => {
            Some((role.name.to_lowercase(), shown(case, role, Detail::Listed)))
        }
        _ => None,
    });
    Ok(Decided::Answer(Some(page(case.params(), "Roles", roles)?)))
}

pub(super) fn update(case: &Case<'_>) -> Result<Decided, IamError> {
    let mut role = authorized(case, "iam:UpdateRole")?.clone();
    if let Some(description) = case.params().optional("Description", &DESCRIPTION)? {
        role.description = description.into();
    }
    let longest = case.params().number("MaxSessionDuration", SESSION_S.0, SESSION_S.1)?;
    role.max_session_s = longest.unwrap_or(role.max_session_s);
    let Decided::Change(change, _) = put(case, Change::new(), role, false) else {
        return Err(IamError::Internal("a put is a change"));
    };
    // [IAM:model]: UpdateRole has an output shape without members, so a result element is expected.
    Ok(Decided::Change(change, Some(Tree::Struct(Vec::new()))))
}

pub(super) fn update_description(case: &Case<'_>) -> Result<Decided, IamError> {
    let mut role = authorized(case, "iam:UpdateRoleDescription")?.clone();
    role.description = case.params().required("Description", &DESCRIPTION)?.into();
    Ok(put(case, Change::new(), role, true))
}

pub(super) fn update_trust(case: &Case<'_>) -> Result<Decided, IamError> {
    let role = authorized(case, "iam:UpdateAssumeRolePolicy")?.clone();
    let trust_policy = trust_document(case, "PolicyDocument")?;
    Ok(put(case, Change::new(), Role { trust_policy, ..role }, false))
}

pub(super) fn delete(case: &Case<'_>) -> Result<Decided, IamError> {
    let role = authorized(case, "iam:DeleteRole")?;
    let conflict = |text: &str| Err(IamError::DeleteConflict(text.into()));
    if !role.attached_policies.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !role.inline_policies.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    let mut change = Change::new();
    boundaries::release_policy(case, &mut change, role.boundary.as_deref())?;
    change.delete(case.view, IdentityKey::role(role.account, &role.name));
    Ok(Decided::Change(change, None))
}

/// The service-linked roles that tools ask for with keys: [KMS:CreateKey] needs the first for multi-Region keys, and the
/// deployment needs neither. The role exists afterwards, and nobody but the named service may assume it.
pub(super) fn create_service_linked(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    const KNOWN: [(&str, &str); 2] = [
        ("mrk.kms.amazonaws.com", "AWSServiceRoleForKeyManagementServiceMultiRegionKeys"),
        ("cks.kms.amazonaws.com", "AWSServiceRoleForKeyManagementServiceCustomKeyStores"),
    ];
    let service = case.params().get("AWSServiceName").unwrap_or_default();
    let Some((service, name)) = KNOWN.iter().find(|(known, _)| *known == service) else {
        return Err(IamError::InvalidInput(format!(
            "{} is not a service with a service-linked role here.",
            service.chars().take(128).collect::<String>()
        )));
    };
    let account = case.account();
    let path = format!("/aws-service-role/{service}/");
    case.authorize(
        "iam:CreateServiceLinkedRole",
        &format!("arn:aws:iam::{account}:role{path}{name}"),
        |context| {
            context.add("iam:AWSServiceName", *service);
        },
    )?;
    if case.view.identity().role(account, name).is_some() {
        return Err(IamError::InvalidInput(format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        )));
    }
    let role = Role {
        account,
        path,
        name: (*name).into(),
        id: ids::draw(Kind::Role, env.entropy),
        created_at: case.now(),
        trust_policy: TrustPolicy::new(
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
            ),
            Bindings::default(),
        ),
        description: String::new(),
        max_session_s: SESSION_S.2,
        inline_policies: BTreeMap::new(),
        attached_policies: BTreeSet::new(),
        boundary: None,
        tags: BTreeMap::new(),
    };
    Ok(put(case, Change::new(), role, true))
}
