//! Custom key stores: AWS CloudHSM clusters and external key managers. Meridian has neither, so that no store exists and
//! none can be made; the operations say so in the API's own words (docs/compatibility.md).

use crate::{Error, authorize::authorize_plain, case::Case, conditions};

/// The permission of the operation, which concerns no resource (section 2.3).
pub(crate) fn authorize(case: &Case<'_>) -> Result<(), Error> {
    let action = crate::authorize::action_of(case.operation());
    authorize_plain(case, action, "*", &conditions::of_caller(case))
}

/// No store has this id or name.
pub(crate) fn not_found(name: &str) -> Error {
    Error::CustomKeyStoreNotFound { name: name.to_owned() }
}

/// Refuses a request that names a store.
pub(crate) fn refuse(id: Option<&str>) -> Result<(), Error> {
    id.map_or(Ok(()), |id| Err(not_found(id)))
}
