//! GetKeyRotationStatus [KMS:GetKeyRotationStatus].

use kms_types::{KeyArn, Timestamp};

use crate::{
    AuditFacts, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    resolve::{Forms, resolve},
    rotation_schedule,
};
use kms_state::Lifecycle;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// True while automatic rotation is on.
    pub key_rotation_enabled: bool,
    /// The key.
    pub key_id: KeyArn,
    /// Days between rotations, while on.
    pub rotation_period_in_days: Option<u32>,
    /// The next automatic rotation, while on.
    pub next_rotation_date: Option<Timestamp>,
    /// Start of an on-demand rotation that is still under way.
    pub on_demand_rotation_start_date: Option<Timestamp>,
}

/// Decides the call; every key state allows it, and so does every member of a multi-Region key.
pub(crate) fn decide(case: &Case<'_>, request: &Request, facts: &mut AuditFacts) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key: Authorized<'_, authorize::GetKeyRotationStatus> = authorize(case, key, |_| {})?;
    rotation_schedule::check_drawn(&key)?;
    Ok(Step::Answer(run(key).into()))
}

/// While deletion is pending the status reads false; cancelling restores it (section 5.2).
fn run(key: Authorized<'_, authorize::GetKeyRotationStatus>) -> Response {
    let rotation = &key.key().rotation;
    let active = matches!(key.key().lifecycle, Lifecycle::Enabled | Lifecycle::Disabled);
    let automatic = rotation.automatic.filter(|_| active);
    Response {
        key_rotation_enabled: automatic.is_some(),
        key_id: key.arn().clone(),
        rotation_period_in_days: automatic.map(|a| a.period_days),
        next_rotation_date: automatic.map(|a| a.next_at),
        on_demand_rotation_start_date: rotation.on_demand_started_at,
    }
}
