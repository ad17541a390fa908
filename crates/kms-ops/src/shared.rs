//! Changes of the shared properties of a multi-Region key: only its primary may propose them (invariant C6).

use kms_state::{ControlRecord, RecordError};
use kms_types::{KeyArn, KeyState};

use crate::{Error, Quota, authorize::Authorized, case::Case};

/// The committed record to build on. Refuses replicas and single-Region keys, and waits for nobody: while an earlier
/// change is not committed yet, the caller is asked to come back.
pub(crate) fn record<'a, A>(case: &Case<'a>, key: &Authorized<'a, A>) -> Result<&'a ControlRecord, Error> {
    let multi = key.key().multi_region.as_ref();
    if multi.is_none_or(|m| m.primary != *case.region) {
        return Err(Error::NotPrimary { arn: key.arn().clone() });
    }
    let busy = || Error::DependencyTimeout { arn: key.arn().clone(), version: None };
    let register = case.view.register(&key.key().id).filter(|r| !r.has_outstanding()).ok_or_else(busy)?;
    register.committed.as_deref().ok_or_else(busy)
}

/// What a change that the record does not allow means to the caller.
pub(crate) fn refused(error: RecordError, arn: &KeyArn) -> Error {
    match error {
        RecordError::Updating(_) => Error::invalid_state(arn, KeyState::Updating),
        RecordError::Destroyed(_) => Error::invalid_state(arn, KeyState::PendingDeletion),
        RecordError::OnDemandLimit(_) => Error::LimitExceeded(Quota::OnDemandRotations { arn: arn.clone() }),
        RecordError::MemberExists { region, .. } => Error::ReplicaExists { arn: arn.clone(), region },
        // A rotation ends when every member has the material: until then the other Regions are waited for.
        _ => Error::DependencyTimeout { arn: arn.clone(), version: None },
    }
}
