//! UntagResource [KMS:UntagResource].

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    propose::propose_quietly,
    resolve::{Forms, resolve},
    state_table,
};
use kms_state::Command;
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Tag keys to remove.
    pub tag_keys: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |context| {
        request.tag_keys.iter().for_each(|k| context.add("aws:TagKeys", k.as_str()))
    })?;
    run(case, key, request, env)
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::UntagResource>,
    request: &Request,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::UntagResource, key.key().state(case.region), key.arn())?;
    let command = Command::Untag { key: key.key().id, tag_keys: request.tag_keys.clone() };
    Ok(propose_quietly(case, env, key.expectation(), command, Response))
}
