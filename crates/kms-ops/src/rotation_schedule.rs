//! The schedule of automatic rotation: a single-Region key's own, or a shared property that only the primary changes.

use kms_state::{Automatic, Command};
use kms_types::{KeyOrigin, KeySpec};

use crate::{
    Env, Error, Response, Step,
    authorize::Authorized,
    case::Case,
    propose::{RecordChange, propose_quietly, propose_record},
    shared,
};

/// Only symmetric encryption keys rotate (section 5.1).
pub(crate) fn check_spec<A>(key: &Authorized<'_, A>) -> Result<(), Error> {
    match key.key().spec {
        KeySpec::SymmetricDefault => Ok(()),
        spec => Err(Error::CannotRotate { arn: key.arn().clone(), spec }),
    }
}

/// Refuses keys without a schedule: imported ones are rotated on demand only (section 5.1).
pub(crate) fn check_drawn<A>(key: &Authorized<'_, A>) -> Result<(), Error> {
    match key.key().origin {
        KeyOrigin::AwsKms => Ok(()),
        origin => Err(Error::UnsupportedOrigin { arn: key.arn().clone(), origin }),
    }
}

/// Refuses members that are not the primary (section 5.1).
pub(crate) fn check_changeable<A>(case: &Case<'_>, key: &Authorized<'_, A>) -> Result<(), Error> {
    match key.key().is_primary_in(case.region) {
        true => Ok(()),
        false => Err(Error::NotPrimary { arn: key.arn().clone() }),
    }
}

pub(crate) fn propose<A>(
    case: &Case<'_>,
    key: &Authorized<'_, A>,
    automatic: Option<Automatic>,
    env: &mut Env<'_>,
    response: impl Into<Response>,
) -> Result<Step, Error> {
    if key.key().multi_region.is_none() {
        let command = Command::SetAutomaticRotation { key: key.key().id, automatic };
        return Ok(propose_quietly(case, env, key.expectation(), command, response));
    }
    let base = shared::record(case, key)?;
    let record = base.set_automatic_rotation(automatic).map_err(|e| shared::refused(e, key.arn()))?;
    let change = RecordChange {
        record,
        base: base.version.clone(),
        material: None,
        contained_in: Box::new(move |later| later.rotation.automatic == automatic),
    };
    let response = response.into();
    Ok(propose_record(case, env, key.arn(), key.expectation(), change, move |_| Ok(response)))
}
