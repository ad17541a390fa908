//! ScheduleKeyDeletion [KMS:ScheduleKeyDeletion].

use kms_types::{KeyArn, KeyState, Timestamp};

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    get_key_last_usage::trailing_days_without_usage,
    propose::{key_after, propose},
    resolve::{Forms, resolve},
    state_table,
};
use kms_state::{Command, Lifecycle};
use kms_types::{Operation, limits};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Waiting period, 7 to 30 days, default 30.
    pub pending_window_in_days: Option<u32>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
    /// When the key will be destroyed; absent while replicas are left.
    pub deletion_date: Option<Timestamp>,
    /// The new state.
    pub key_state: KeyState,
    /// The waiting period.
    pub pending_window_in_days: u32,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let window_days = request.pending_window_in_days.unwrap_or(limits::DELETION_WINDOW_DAYS.2);
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let days = trailing_days_without_usage(case, key.key);
    let key = authorize(case, key, |context| {
        context.add("kms:TrailingDaysWithoutKeyUsage", days);
        context.add("kms:ScheduleKeyDeletionPendingWindowInDays", window_days);
    })?;
    run(case, key, window_days, env)
}

fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::ScheduleKeyDeletion>,
    window_days: u32,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::ScheduleKeyDeletion, key.key().state(case.region), key.arn())?;
    let (least, most, _) = limits::DELETION_WINDOW_DAYS;
    if !(least..=most).contains(&window_days) {
        return Err(Error::Validation(format!("PendingWindowInDays must be between {least} and {most}.")));
    }
    let command = Command::ScheduleDeletion { key: key.key().id, window_days };
    let (arn, region) = (key.arn().clone(), case.region.clone());
    Ok(propose(case, env, key.expectation(), command, move |view| {
        let key = key_after(view, arn.account, &arn.key)?;
        let deletion_date = match key.lifecycle {
            Lifecycle::PendingDeletion { delete_at, .. } => Some(delete_at),
            _ => None,
        };
        let key_state = key.state(&region);
        Ok(Response { key_id: arn, deletion_date, key_state, pending_window_in_days: window_days }.into())
    }))
}
