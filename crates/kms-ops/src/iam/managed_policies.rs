//! CreatePolicy, GetPolicy, ListPolicies, DeletePolicy [IAM:API].

use kms_policy::PolicyKind;
use kms_state::{
    IdentityKey, IdentityRecord,
    identity::{ManagedPolicy, PolicyVersion},
};
use kms_types::Timestamp;
use std::collections::BTreeMap;

use super::{
    IamError, Tree,
    attachments::uses_of_aws,
    authorize::add_tags,
    call::{Case, Decided},
    ids::{self, Kind},
    inline_policies::{check, size},
    page::page,
    params::{ARN, DESCRIPTION, DOCUMENT, LONG_NAME},
    tags, write,
    write::Change,
};
use crate::{
    Env,
    aws_managed::{self, AwsPolicy},
};

/// Most characters of a managed policy, white space left out, and most policies of an account [IAM:limits].
const MOST_CHARS: usize = 6144;
const MOST_POLICIES: usize = 1500;

/// A document that a managed policy may have.
pub(super) fn document<'a>(case: &Case<'a>) -> Result<&'a str, IamError> {
    let document = case.params().required("PolicyDocument", &DOCUMENT)?;
    check(document, PolicyKind::Identity)?;
    match size(document) > MOST_CHARS {
        true => Err(IamError::LimitExceeded(format!("Cannot exceed quota for PolicySize: {MOST_CHARS}"))),
        false => Ok(document),
    }
}

pub(super) fn create(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    let (params, account) = (case.params(), case.account());
    let name = params.required("PolicyName", &LONG_NAME)?;
    let path = params.path("Path")?.unwrap_or("/");
    let description = params.optional("Description", &DESCRIPTION)?.unwrap_or_default();
    let tags = params.tags("Tags")?;
    let arn = format!("arn:aws:iam::{account}:policy{path}{name}");
    case.authorize("iam:CreatePolicy", &arn, |context| add_tags(context, &tags))?;
    let document = document(case)?;
    let key = IdentityKey::policy(account, name);
    if case.view.identity().stored(&key).is_some() {
        return Err(IamError::EntityAlreadyExists(format!(
            "A policy called {name} already exists. Duplicate names are not allowed."
        )));
    }
    if case.view.identity().from(&IdentityKey::policy(account, "")).count() >= MOST_POLICIES {
        return Err(IamError::LimitExceeded(format!(
            "Cannot exceed quota for PoliciesPerAccount: {MOST_POLICIES}"
        )));
    }
    let first = PolicyVersion { document: document.into(), created_at: case.now() };
    let policy = ManagedPolicy {
        account,
        path: path.into(),
        name: name.into(),
        id: ids::draw(Kind::Policy, env.entropy),
        description: description.into(),
        created_at: case.now(),
        updated_at: case.now(),
        default_version: 1,
        next_version: 2,
        versions: BTreeMap::from([(1, first)]),
        tags,
        attachments: 0,
        boundary_uses: 0,
    };
    let answer = Tree::Struct(vec![("Policy", shown(&policy, Detail::Whole))]);
    let mut change = Change::new();
    change.put(case.view, IdentityRecord::Policy(policy));
    Ok(Decided::Change(change, Some(answer)))
}

/// Lists leave description and tags out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Whole,
    Listed,
}

fn shown(policy: &ManagedPolicy, detail: Detail) -> Tree {
    let mut members = vec![
        ("PolicyName", policy.name.as_str().into()),
        ("PolicyId", policy.id.as_str().into()),
        ("Arn", policy.arn().into()),
        ("Path", policy.path.as_str().into()),
        ("DefaultVersionId", format!("v{}", policy.default_version).into()),
        ("AttachmentCount", Tree::text(policy.attachments)),
        ("PermissionsBoundaryUsageCount", Tree::text(policy.boundary_uses)),
        ("IsAttachable", Tree::text(true)),
    ];
    let description = (detail == Detail::Whole && !policy.description.is_empty())
        .then(|| ("Description", policy.description.as_str().into()));
    members.extend(description);
    members.push(("CreateDate", policy.created_at.into()));
    members.push(("UpdateDate", policy.updated_at.into()));
    members.extend(
        (detail == Detail::Whole && !policy.tags.is_empty()).then(|| ("Tags", tags::shown(&policy.tags))),
    );
    Tree::Struct(members)
}

/// A policy that comes with every account.
fn of_aws(policy: &AwsPolicy, (attachments, boundary_uses): (u32, u32)) -> Tree {
    Tree::Struct(vec![
        ("PolicyName", policy.name.into()),
        ("PolicyId", policy.id.into()),
        ("Arn", policy.arn.into()),
        ("Path", "/".into()),
        ("DefaultVersionId", "v1".into()),
        ("AttachmentCount", Tree::text(attachments)),
        ("PermissionsBoundaryUsageCount", Tree::text(boundary_uses)),
        ("IsAttachable", Tree::text(true)),
        ("CreateDate", Timestamp::default().into()),
        ("UpdateDate", Timestamp::default().into()),
    ])
}

pub(super) fn get(case: &Case<'_>) -> Result<Decided, IamError> {
    let arn = case.params().required("PolicyArn", &ARN)?;
    case.authorize("iam:GetPolicy", arn, |_| {})?;
    let policy = match aws_managed::find(arn) {
        Some(policy) => of_aws(policy, uses_of_aws(case, arn)),
        None => shown(write::policy(case.view, case.account(), arn)?, Detail::Whole),
    };
    Ok(Decided::Answer(Some(Tree::Struct(vec![("Policy", policy)]))))
}

pub(super) fn list(case: &Case<'_>) -> Result<Decided, IamError> {
    let prefix = case.params().path_prefix()?;
    case.authorize("iam:ListPolicies", "*", |_| {})?;
    let only_attached = case.params().flag("OnlyAttached")?;
    let scope = case.params().get("Scope").unwrap_or("All");
    let aws = aws_managed::all().filter(|_| scope != "Local" && prefix == "/");
    let aws = aws.map(|policy| (policy, uses_of_aws(case, policy.arn)));
    let aws = aws.filter(|(_, (attachments, _))| !only_attached || *attachments > 0);
    let aws = aws.map(|(policy, uses)| (format!("0{}", policy.arn), of_aws(policy, uses)));
    let first = IdentityKey::policy(case.account(), "");
    let own = case.view.identity().from(&first).filter_map(|record| match record {
        IdentityRecord::Policy(policy)
            if scope != "AWS"
                && policy.path.starts_with(prefix)
                && (!only_attached || policy.attachments > 0) =>
        {
            Some((format!("1{}", policy.name.to_lowercase()), shown(policy, Detail::Listed)))
        }
        _ => None,
    });
    Ok(Decided::Answer(Some(page(case.params(), "Policies", aws.chain(own))?)))
}

pub(super) fn delete(case: &Case<'_>) -> Result<Decided, IamError> {
    let arn = case.params().required("PolicyArn", &ARN)?;
    case.authorize("iam:DeletePolicy", arn, |_| {})?;
    let policy = write::policy(case.view, case.account(), arn)?;
    if policy.attachments > 0 || policy.boundary_uses > 0 {
        return Err(IamError::DeleteConflict("Cannot delete a policy attached to entities.".into()));
    }
    if policy.versions.len() > 1 {
        return Err(IamError::DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy."
                .into(),
        ));
    }
    let mut change = Change::new();
    change.delete(case.view, IdentityKey::policy(policy.account, &policy.name));
    Ok(Decided::Change(change, None))
}
