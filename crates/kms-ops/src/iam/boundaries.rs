//! Permissions boundaries: managed policies that limit a user or role [IAM:API].

use kms_policy::Context;
use kms_state::IdentityRecord;

use super::{
    IamError, Tree,
    attachments::{self, Use},
    call::{Case, Decided},
    owner::OwnerKind,
    params::ARN,
    write::Change,
};

/// The boundary that a call asks for.
pub(super) fn requested<'a>(case: &Case<'a>) -> Result<Option<&'a str>, IamError> {
    case.params().optional("PermissionsBoundary", &ARN)
}

/// The condition key of a boundary in a request.
pub(super) fn describe(context: &mut Context, boundary: Option<&str>) {
    if let Some(arn) = boundary {
        context.add("iam:PermissionsBoundary", arn);
    }
}

/// The member of a user or role.
pub(super) fn shown(arn: &str) -> (&'static str, Tree) {
    let members = vec![("PermissionsBoundaryType", "Policy".into()), ("PermissionsBoundaryArn", arn.into())];
    ("PermissionsBoundary", Tree::Struct(members))
}

/// Counts the use of the policy as a boundary.
pub(super) fn use_policy(
    case: &Case<'_>,
    change: &mut Change,
    boundary: Option<&str>,
) -> Result<Option<String>, IamError> {
    let Some(arn) = boundary else { return Ok(None) };
    attachments::count(case, change, arn, Use::Boundary, 1)?;
    Ok(Some(arn.to_owned()))
}

/// Counts its end.
pub(super) fn release_policy(
    case: &Case<'_>,
    change: &mut Change,
    boundary: Option<&str>,
) -> Result<(), IamError> {
    boundary.map_or(Ok(()), |arn| attachments::count(case, change, arn, Use::Boundary, -1))
}

pub(super) fn put(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let arn = case.params().required("PermissionsBoundary", &ARN)?;
    let name = kind.name(case)?;
    let action = format!("iam:Put{}PermissionsBoundary", kind.word());
    case.authorize(&action, &kind.arn(case, name), |context| describe(context, Some(arn)))?;
    let mut owner = kind.find(case, name)?;
    let mut change = Change::new();
    if owner.boundary() != Some(arn) {
        release_policy(case, &mut change, owner.boundary())?;
        let new = use_policy(case, &mut change, Some(arn))?;
        if let Some(boundary) = owner.boundary_mut() {
            *boundary = new;
        }
    }
    change.put(case.view, owner.record());
    Ok(Decided::Change(change, None))
}

pub(super) fn delete(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let mut owner = kind.authorized(case, &format!("iam:Delete{}PermissionsBoundary", kind.word()))?;
    let Some(old) = owner.boundary_mut().and_then(Option::take) else {
        let text = format!("{} {} has no permissions boundary.", kind.word(), owner.name());
        return Err(IamError::NoSuchEntity(text));
    };
    let mut change = Change::new();
    release_policy(case, &mut change, Some(&old))?;
    let record: IdentityRecord = owner.record();
    change.put(case.view, record);
    Ok(Decided::Change(change, None))
}
