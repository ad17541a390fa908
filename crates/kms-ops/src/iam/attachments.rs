//! Managed policies on users, groups and roles [IAM:API]. Each use is counted in the policy's record, so that a policy in
//! use cannot be deleted by a call that runs at the same time.

use kms_state::IdentityRecord;

use super::{
    IamError, Tree,
    call::{Case, Decided},
    owner::{self, Owner, OwnerKind},
    page::page,
    params::ARN,
    write::{self, Change},
};
use crate::aws_managed;

/// Most managed policies on one user, group or role [IAM:limits].
const MOST_ATTACHED: usize = 10;

/// How a policy is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Attachment,
    Boundary,
}

/// How often a policy of AWS is used in the account. No record counts it, since nobody can delete it.
pub(super) fn uses_of_aws(case: &Case<'_>, arn: &str) -> (u32, u32) {
    let mut counts = (0, 0);
    for owner in owner::all(case.view, case.account()) {
        counts.0 += u32::from(owner.attached().contains(arn));
        counts.1 += u32::from(owner.boundary() == Some(arn));
    }
    counts
}

/// One use more or less. Policies of AWS itself are not counted.
pub(super) fn count(
    case: &Case<'_>,
    change: &mut Change,
    arn: &str,
    usage: Use,
    step: i64,
) -> Result<(), IamError> {
    if aws_managed::find(arn).is_some() {
        return Ok(());
    }
    let mut policy = write::policy(case.view, case.account(), arn)?.clone();
    let counter = match usage {
        Use::Attachment => &mut policy.attachments,
        Use::Boundary => &mut policy.boundary_uses,
    };
    *counter = u32::try_from(i64::from(*counter).saturating_add(step)).unwrap_or(0);
    change.put(case.view, IdentityRecord::Policy(policy));
    Ok(())
}

fn authorized(case: &Case<'_>, kind: OwnerKind, action: &str) -> Result<(Owner, String), IamError> {
    let arn = case.params().required("PolicyArn", &ARN)?;
    let name = kind.name(case)?;
    case.authorize(action, &kind.arn(case, name), |context| context.add("iam:PolicyARN", arn))?;
    Ok((kind.find(case, name)?, arn.to_owned()))
}

pub(super) fn attach(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let (mut owner, arn) = authorized(case, kind, &format!("iam:Attach{}Policy", kind.word()))?;
    let mut change = Change::new();
    if owner.attached_mut().insert(arn.clone()) {
        count(case, &mut change, &arn, Use::Attachment, 1)?;
    }
    if owner.attached().len() > MOST_ATTACHED {
        let text = format!("Cannot exceed quota for PoliciesPer{}: {MOST_ATTACHED}", kind.word());
        return Err(IamError::LimitExceeded(text));
    }
    change.put(case.view, owner.record());
    Ok(Decided::Change(change, None))
}

pub(super) fn detach(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let (mut owner, arn) = authorized(case, kind, &format!("iam:Detach{}Policy", kind.word()))?;
    if !owner.attached_mut().remove(&arn) {
        return Err(IamError::NoSuchEntity(format!("Policy {arn} was not found.")));
    }
    let mut change = Change::new();
    count(case, &mut change, &arn, Use::Attachment, -1)?;
    change.put(case.view, owner.record());
    Ok(Decided::Change(change, None))
}

pub(super) fn list(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let prefix = case.params().path_prefix()?;
    let owner = kind.authorized(case, &format!("iam:ListAttached{}Policies", kind.word()))?;
    let shown = owner.attached().iter().filter(|arn| path_of(arn).starts_with(prefix)).map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let members = vec![("PolicyName", name.into()), ("PolicyArn", arn.as_str().into())];
        (arn.clone(), Tree::Struct(members))
    });
    Ok(Decided::Answer(Some(page(case.params(), "AttachedPolicies", shown)?)))
}

/// `/division/` of `arn:aws:iam::1:policy/division/name`.
fn path_of(arn: &str) -> &str {
    let resource = arn.split_once(":policy").map_or("/", |(_, resource)| resource);
    resource.rfind('/').and_then(|end| resource.get(..=end)).unwrap_or("/")
}

/// The three lists are not paged: an account's quotas bound them.
pub(super) fn entities(case: &Case<'_>) -> Result<Decided, IamError> {
    let arn = case.params().required("PolicyArn", &ARN)?;
    case.authorize("iam:ListEntitiesForPolicy", arn, |_| {})?;
    if aws_managed::find(arn).is_none() {
        write::policy(case.view, case.account(), arn)?;
    }
    let prefix = case.params().path_prefix()?;
    let as_boundary = case.params().get("PolicyUsageFilter") == Some("PermissionsBoundary");
    let (mut users, mut groups, mut roles) = (Vec::new(), Vec::new(), Vec::new());
    for owner in owner::all(case.view, case.account()) {
        let used = if as_boundary { owner.boundary() == Some(arn) } else { owner.attached().contains(arn) };
        if !used || !owner.path().starts_with(prefix) {
            continue;
        }
        let (list, name, id) = match &owner {
            Owner::User(_) => (&mut users, "UserName", "UserId"),
            Owner::Group(_) => (&mut groups, "GroupName", "GroupId"),
            Owner::Role(_) => (&mut roles, "RoleName", "RoleId"),
        };
        list.push(Tree::Struct(vec![(name, owner.name().into()), (id, owner.id().into())]));
    }
    let wanted = |kind: &str| case.params().get("EntityFilter").is_none_or(|filter| filter == kind);
    let kept = |kind, list| if wanted(kind) { list } else { Vec::new() };
    Ok(Decided::Answer(Some(Tree::Struct(vec![
        ("PolicyGroups", Tree::List(kept("Group", groups))),
        ("PolicyUsers", Tree::List(kept("User", users))),
        ("PolicyRoles", Tree::List(kept("Role", roles))),
        ("IsTruncated", Tree::text(false)),
    ]))))
}
