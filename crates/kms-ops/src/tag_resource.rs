//! TagResource [KMS:TagResource].

use crate::Tag;

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    propose::propose_quietly,
    resolve::{Forms, resolve},
    state_table,
};
use crate::{conditions, tags};
use kms_state::Command;
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Tags to add or overwrite.
    pub tags: Vec<Tag>,
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
    let key = authorize(case, key, |context| conditions::add_tags(context, &request.tags))?;
    run(case, key, request, env)
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::TagResource>,
    request: &Request,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::TagResource, key.key().state(case.region), key.arn())?;
    let tags = tags::checked(case, &request.tags)?;
    let added = tags.keys().filter(|k| !key.key().tags.contains_key(*k)).count();
    tags::check_count(case, key.key().tags.len() + added)?;
    let command = Command::Tag { key: key.key().id, tags, most: case.settings.quotas.tags_per_key };
    Ok(propose_quietly(case, env, key.expectation(), command, Response))
}
