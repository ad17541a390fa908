//! DisableKey [KMS:DisableKey].

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    get_key_last_usage::trailing_days_without_usage,
    propose::propose_quietly,
    resolve::{Forms, resolve},
    state_table,
};
use kms_state::{Command, Enablement};
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
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
    let days = trailing_days_without_usage(case, key.key);
    let key = authorize(case, key, |context| context.add("kms:TrailingDaysWithoutKeyUsage", days))?;
    run(case, key, env)
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::DisableKey>,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::DisableKey, key.key().state(case.region), key.arn())?;
    let command = Command::SetEnablement { key: key.key().id, enablement: Enablement::Disabled };
    Ok(propose_quietly(case, env, key.expectation(), command, Response))
}
