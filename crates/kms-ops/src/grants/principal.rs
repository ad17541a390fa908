//! From the principals that a request names to those that a grant keeps, and from a caller to the names it answers to.

use kms_policy::PrincipalDirectory;
use kms_types::{GrantPrincipal, IdentityArn, IdentityForm, Principal, ServiceName};

use crate::{Error, case::Case, identity};

/// Every name under which a grant can mean this caller (section 8.3): an account's root only its root user, a role
/// every session of it, a session itself alone.
pub(crate) fn names_of(caller: &Principal) -> Vec<GrantPrincipal> {
    let named = |arn: String, id: Option<&str>| {
        let arn: IdentityArn = arn.parse().ok()?;
        Some(GrantPrincipal::Identity { arn, id: id.map(str::to_owned) })
    };
    let id = caller.unique_id();
    let names = match caller {
        Principal::Root { account } => [Some(IdentityArn::root(*account).into()), None],
        Principal::User(user) => [named(user.arn(), id), None],
        Principal::AssumedRole(session) => [named(session.role_arn(), id), named(session.arn(), id)],
        Principal::FederatedUser { .. } => [named(caller.arn(), None), None],
        Principal::Service(service) => [service.name.parse().ok().map(GrantPrincipal::Service), None],
    };
    names.into_iter().flatten().collect()
}

/// A principal that CreateGrant names by its ARN; users and roles must exist, and are kept with their unique ids.
pub(crate) fn identity(case: &Case<'_>, text: &str) -> Result<GrantPrincipal, Error> {
    let stranger = || Error::InvalidPrincipalArn { arn: text.into() };
    let arn: IdentityArn = text.parse().map_err(|_| stranger())?;
    let id = unique_id(case, &arn).ok_or_else(stranger)?;
    Ok(GrantPrincipal::Identity { arn, id })
}

/// The unique id of an identity that exists, if it has one; `None` when it does not exist.
fn unique_id(case: &Case<'_>, arn: &IdentityArn) -> Option<Option<String>> {
    let directory = identity::directory(case.view);
    let account = arn.account();
    match arn.form() {
        IdentityForm::Root | IdentityForm::FederatedUser => Some(None),
        IdentityForm::User { path, name } => directory.user_id(account, &path, name).map(Some),
        IdentityForm::Role { path, name } => directory.role_id(account, Some(&path), name).map(Some),
        IdentityForm::RoleSession { role } => directory.role_id(account, None, role).map(Some),
    }
}

/// How lists name a principal: by its ARN while that means the same principal, afterwards by its unique id.
pub(crate) fn shown(case: &Case<'_>, principal: &GrantPrincipal) -> String {
    match principal {
        GrantPrincipal::Identity { arn, id: Some(id) } if unique_id(case, arn) != Some(Some(id.clone())) => {
            id.clone()
        }
        GrantPrincipal::Identity { .. } | GrantPrincipal::Service(_) => principal.to_string(),
    }
}

/// A service that a request names. Services are names: none has to exist.
pub(crate) fn service(text: &str) -> Result<GrantPrincipal, Error> {
    let name: ServiceName = text.parse().map_err(|_| Error::InvalidPrincipalArn { arn: text.into() })?;
    Ok(GrantPrincipal::Service(name))
}

/// Exactly one of the two members of a request that name a principal, or neither.
pub(crate) enum Named<'r> {
    Identity(&'r str),
    Service(&'r str),
    Nobody,
}

/// Reads a pair of members such as `RetiringPrincipal` and `RetiringServicePrincipal`.
pub(crate) fn named<'r>(
    identity: Option<&'r str>,
    service: Option<&'r str>,
    members: &str,
) -> Result<Named<'r>, Error> {
    match (identity, service) {
        (Some(arn), None) => Ok(Named::Identity(arn)),
        (None, Some(name)) => Ok(Named::Service(name)),
        (None, None) => Ok(Named::Nobody),
        (Some(_), Some(_)) => Err(Error::Validation(format!("Specify only one of {members}."))),
    }
}

/// Filters by a service are for that service alone [KMS:ListGrants].
pub(crate) fn own_service(case: &Case<'_>, name: &str, member: &str) -> Result<GrantPrincipal, Error> {
    let service = service(name)?;
    match names_of(case.caller()).iter().any(|name| name.mark() == service.mark()) {
        true => Ok(service),
        false => Err(Error::Validation(format!("{member} can only be used by the service that it names."))),
    }
}
