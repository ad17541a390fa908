//! Versions of managed policies [IAM:API].

use kms_state::{
    IdentityRecord,
    identity::{ManagedPolicy, PolicyVersion},
};
use kms_types::Timestamp;

use super::{
    IamError, Tree,
    call::{Case, Decided},
    inline_policies::encoded,
    managed_policies::document,
    page::page,
    params::ARN,
    write,
    write::Change,
};
use crate::aws_managed::{self, AwsPolicy};

/// Most versions of one policy [IAM:limits].
const MOST_VERSIONS: usize = 5;

fn authorized<'a>(case: &Case<'a>, action: &str) -> Result<&'a ManagedPolicy, IamError> {
    let arn = case.params().required("PolicyArn", &ARN)?;
    case.authorize(action, arn, |_| {})?;
    write::policy(case.view, case.account(), arn)
}

/// The version that the call names, which must exist.
fn number(case: &Case<'_>, policy: &ManagedPolicy) -> Result<u32, IamError> {
    let text = case.params().get("VersionId").unwrap_or_default();
    let number = text.strip_prefix('v').and_then(|digits| digits.parse().ok());
    number
        .filter(|number| policy.versions.contains_key(number))
        .ok_or_else(|| no_version(&policy.arn(), text))
}

fn no_version(arn: &str, version: &str) -> IamError {
    let shown = version.chars().take(32).collect::<String>();
    IamError::NoSuchEntity(format!("Policy {arn} version {shown} does not exist or is not attachable."))
}

fn shown(policy: &ManagedPolicy, number: u32, version: &PolicyVersion, with_document: bool) -> Tree {
    let mut members = Vec::new();
    members.extend(with_document.then(|| ("Document", encoded(version.document.text()).into())));
    members.extend([
        ("VersionId", format!("v{number}").into()),
        ("IsDefaultVersion", Tree::text(number == policy.default_version)),
        ("CreateDate", version.created_at.into()),
    ]);
    Tree::Struct(members)
}

fn changed(case: &Case<'_>, policy: ManagedPolicy, answer: Option<Tree>) -> Decided {
    let mut change = Change::new();
    change.put(case.view, IdentityRecord::Policy(ManagedPolicy { updated_at: case.now(), ..policy }));
    Decided::Change(change, answer)
}

pub(super) fn create(case: &Case<'_>) -> Result<Decided, IamError> {
    let mut policy = authorized(case, "iam:CreatePolicyVersion")?.clone();
    let document = document(case)?;
    let becomes_default = case.params().flag("SetAsDefault")?;
    if policy.versions.len() >= MOST_VERSIONS {
        return Err(IamError::LimitExceeded(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing \
             version."
                .into(),
        ));
    }
    let number = policy.next_version;
    let version = PolicyVersion { document: document.into(), created_at: case.now() };
    policy.next_version = number.saturating_add(1);
    policy.versions.insert(number, version.clone());
    if becomes_default {
        policy.default_version = number;
    }
    let answer = Tree::Struct(vec![("PolicyVersion", shown(&policy, number, &version, false))]);
    Ok(changed(case, policy, Some(answer)))
}

pub(super) fn get(case: &Case<'_>) -> Result<Decided, IamError> {
    let arn = case.params().required("PolicyArn", &ARN)?;
    let version = match aws_managed::find(arn) {
        Some(policy) => {
            case.authorize("iam:GetPolicyVersion", arn, |_| {})?;
            let text = case.params().get("VersionId").unwrap_or_default();
            if text != "v1" {
                return Err(no_version(arn, text));
            }
            of_aws(policy, true)
        }
        None => {
            let policy = authorized(case, "iam:GetPolicyVersion")?;
            let number = number(case, policy)?;
            let version = policy.versions.get(&number).ok_or(IamError::Internal("a version is gone"))?;
            shown(policy, number, version, true)
        }
    };
    Ok(Decided::Answer(Some(Tree::Struct(vec![("PolicyVersion", version)]))))
}

fn of_aws(policy: &AwsPolicy, with_document: bool) -> Tree {
    let mut members = Vec::new();
    members.extend(with_document.then(|| ("Document", encoded(policy.document.text()).into())));
    members.extend([
        ("VersionId", "v1".into()),
        ("IsDefaultVersion", Tree::text(true)),
        ("CreateDate", Timestamp::default().into()),
    ]);
    Tree::Struct(members)
}

pub(super) fn list(case: &Case<'_>) -> Result<Decided, IamError> {
    let arn = case.params().required("PolicyArn", &ARN)?;
    if let Some(policy) = aws_managed::find(arn) {
        case.authorize("iam:ListPolicyVersions", arn, |_| {})?;
        let only = [(String::new(), of_aws(policy, false))].into_iter();
        return Ok(Decided::Answer(Some(page(case.params(), "Versions", only)?)));
    }
    let policy = authorized(case, "iam:ListPolicyVersions")?;
    // Newest first, as AWS lists them; markers hold names that grow along the list.
    let versions = policy.versions.iter().rev();
    let versions = versions.map(|(number, version)| {
        (format!("{:010}", u32::MAX - number), shown(policy, *number, version, false))
    });
    Ok(Decided::Answer(Some(page(case.params(), "Versions", versions)?)))
}

pub(super) fn delete(case: &Case<'_>) -> Result<Decided, IamError> {
    let mut policy = authorized(case, "iam:DeletePolicyVersion")?.clone();
    let number = number(case, &policy)?;
    if number == policy.default_version {
        return Err(IamError::DeleteConflict("Cannot delete the default version of a policy.".into()));
    }
    policy.versions.remove(&number);
    Ok(changed(case, policy, None))
}

pub(super) fn set_default(case: &Case<'_>) -> Result<Decided, IamError> {
    let mut policy = authorized(case, "iam:SetDefaultPolicyVersion")?.clone();
    policy.default_version = number(case, &policy)?;
    Ok(changed(case, policy, None))
}
