//! RetireGrant [KMS:RetireGrant].

use kms_state::Command;
use kms_types::{GrantId, Operation};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::authorize_retirement,
    case::Case,
    cryptography::end_dry_run,
    grants::token,
    propose::propose_quietly,
    resolve::{Forms, Resolved, resolve, resolve_id},
    revoke_grant::grant_id,
    state_table,
};

/// The request: a token, or a key with a grant id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// A token of the grant.
    pub grant_token: Option<String>,
    /// Key ARN or key id.
    pub key_id: Option<String>,
    /// The grant.
    pub grant_id: Option<String>,
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
    let (key, grant) = target(case, request, env, facts)?;
    facts.grant_id = Some(grant);
    let key = authorize_retirement(case, key, grant)?;
    state_table::check(Operation::RetireGrant, key.key().state(case.region), key.arn())?;
    end_dry_run(request.dry_run)?;
    let command = Command::RetireGrant { key: key.key().id, grant };
    Ok(propose_quietly(case, env, key.expectation(), command, Response))
}

fn target<'a>(
    case: &Case<'a>,
    request: &Request,
    env: &Env<'_>,
    facts: &mut AuditFacts,
) -> Result<(Resolved<'a>, GrantId), Error> {
    let Request { grant_token, key_id, grant_id: id, .. } = request;
    match (grant_token, key_id, id) {
        (Some(text), None, None) => {
            let (key, grant) = token::read(case, env, text)?;
            // Whoever holds the token was told that the grant exists, so its absence is no secret either.
            let key = resolve_id(case, key, facts).ok_or(Error::GrantNotFound { grant })?;
            Ok((key, grant))
        }
        (None, Some(key), Some(id)) => {
            let grant = grant_id(id)?;
            Ok((resolve(case, key, Forms::KeyOnly, facts)?, grant))
        }
        _ => Err(Error::Validation("Specify either GrantToken, or KeyId and GrantId.".into())),
    }
}
