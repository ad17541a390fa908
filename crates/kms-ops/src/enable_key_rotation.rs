//! EnableKeyRotation [KMS:EnableKeyRotation].

use crate::rotation_schedule;
use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    resolve::{Forms, resolve},
    state_table,
};
use kms_state::Automatic;
use kms_types::{Operation, limits};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// 90 to 2,560 days, default 365.
    pub rotation_period_in_days: Option<u32>,
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
    let period_days = request.rotation_period_in_days.unwrap_or(limits::ROTATION_PERIOD_DAYS.2);
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |context| context.add("kms:RotationPeriodInDays", period_days))?;
    run(case, key, period_days, env)
}

/// The same period again leaves the schedule as it is; another one starts now.
fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::EnableKeyRotation>,
    period_days: u32,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::EnableKeyRotation, key.key().state(case.region), key.arn())?;
    rotation_schedule::check_spec(&key)?;
    rotation_schedule::check_drawn(&key)?;
    let (least, most, _) = limits::ROTATION_PERIOD_DAYS;
    if !(least..=most).contains(&period_days) {
        return Err(Error::Validation(format!("RotationPeriodInDays must be between {least} and {most}.")));
    }
    if key.key().rotation.automatic.is_some_and(|a| a.period_days == period_days) {
        rotation_schedule::check_changeable(case, &key)?;
        return Ok(Step::Answer(Response.into()));
    }
    let automatic = Automatic { period_days, next_at: case.now().plus_days(period_days.into()) };
    rotation_schedule::propose(case, &key, Some(automatic), env, Response)
}
