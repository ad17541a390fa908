//! DisableKeyRotation [KMS:DisableKeyRotation].

use crate::rotation_schedule;
use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    resolve::{Forms, resolve},
    state_table,
};
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
    let key = authorize(case, key, |_| {})?;
    run(case, key, env)
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::DisableKeyRotation>,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::DisableKeyRotation, key.key().state(case.region), key.arn())?;
    rotation_schedule::check_spec(&key)?;
    rotation_schedule::check_drawn(&key)?;
    // A schedule that is off here may be on in a Region that took over: only an agreed record says that it is off (C6).
    if key.key().rotation.automatic.is_none() && key.key().multi_region.is_none() {
        return Ok(Step::Answer(Response.into()));
    }
    rotation_schedule::check_changeable(case, &key)?;
    rotation_schedule::propose(case, &key, None, env, Response)
}
