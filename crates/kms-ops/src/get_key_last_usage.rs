//! GetKeyLastUsage [KMS:GetKeyLastUsage].

use kms_state::LastUsage;
use kms_types::{KeyArn, Timestamp};

use crate::{
    AuditFacts, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    resolve::{Forms, resolve},
};

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
    /// The last successful cryptographic operation in this Region, as far as the nodes have reported it.
    pub key_last_usage: Option<LastUsage>,
    /// Since when uses are recorded: the key's whole life here.
    pub tracking_start_date: Timestamp,
    /// The key's creation in this Region.
    pub key_creation_date: Timestamp,
}

/// Decides the call; every key state allows it.
pub(crate) fn decide(case: &Case<'_>, request: &Request, facts: &mut AuditFacts) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |_| {})?;
    Ok(Step::Answer(run(case, &key).into()))
}

fn run(case: &Case<'_>, key: &Authorized<'_, authorize::GetKeyLastUsage>) -> Response {
    let created = key.key().created_at;
    Response {
        key_id: key.arn().clone(),
        key_last_usage: case.view.last_usage(&key.key().id).copied(),
        tracking_start_date: created,
        key_creation_date: created,
    }
}

const DAY_MS: u64 = 86_400_000;

/// `kms:TrailingDaysWithoutKeyUsage`: whole days since the last recorded use, or since uses of the key are recorded.
pub(crate) fn trailing_days_without_usage(case: &Case<'_>, key: &kms_state::Key) -> u32 {
    let since = case.view.last_usage(&key.id).map_or(key.created_at, |last| last.at);
    u32::try_from(case.now().millis_since(since) / DAY_MS).unwrap_or(u32::MAX)
}
