//! RevokeGrant [KMS:RevokeGrant].

use kms_state::Command;
use kms_types::{GrantId, Operation};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{Authorized, RevokeGrant, authorize},
    case::Case,
    conditions,
    cryptography::end_dry_run,
    propose::propose_quietly,
    resolve::{Forms, resolve},
    state_table,
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// The grant.
    pub grant_id: String,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;

/// Decides the call; every key state allows it.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key: Authorized<'_, RevokeGrant> =
        authorize(case, key, |context| conditions::add_for_aws_resource(context, case))?;
    state_table::check(Operation::RevokeGrant, key.key().state(case.region), key.arn())?;
    let grant = grant_id(&request.grant_id)?;
    if case.view.grant(&key.key().id, &grant).is_none() {
        return Err(Error::GrantNotFound { grant });
    }
    end_dry_run(request.dry_run)?;
    let command = Command::RevokeGrant { key: key.key().id, grant };
    Ok(propose_quietly(case, env, key.expectation(), command, Response))
}

/// Reads the `GrantId` of a request.
pub(crate) fn grant_id(text: &str) -> Result<GrantId, Error> {
    text.parse().map_err(|_| Error::InvalidGrantId { input: text.into() })
}
