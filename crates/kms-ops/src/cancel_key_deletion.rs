//! CancelKeyDeletion [KMS:CancelKeyDeletion].

use kms_types::KeyArn;

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    propose::propose_quietly,
    resolve::{Forms, resolve},
    state_table,
};
use kms_state::{Command, Key, Lifecycle, Phase};
use kms_types::{KeyState, Operation, Timestamp};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_id: KeyArn,
}

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
    key: Authorized<'_, authorize::CancelKeyDeletion>,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    state_table::check(Operation::CancelKeyDeletion, key.key().state(case.region), key.arn())?;
    if is_final(key.key(), case.now()) {
        return Err(Error::invalid_state(key.arn(), KeyState::PendingDeletion));
    }
    let response = Response { key_id: key.arn().clone() };
    let command = Command::CancelDeletion { key: key.key().id };
    Ok(propose_quietly(case, env, key.expectation(), command, response))
}

/// True when other Regions may be destroying the key already; `apply` has the same rule (invariant D5).
fn is_final(key: &Key, now: Timestamp) -> bool {
    key.multi_region.as_ref().is_some_and(|multi| {
        multi.phase == Phase::Destroyed
            || matches!(key.lifecycle, Lifecycle::PendingDeletion { delete_at, .. } if delete_at <= now)
    })
}
