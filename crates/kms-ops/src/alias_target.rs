//! The key that CreateAlias and UpdateAlias point an alias at.

use kms_types::{KeyId, KeyRef};

use crate::{
    AuditFacts, Error, Quota,
    case::Case,
    resolve::{Forms, Resolved, resolve},
};

/// A key id or key ARN; an alias never points at an alias.
pub(crate) fn resolve_target<'a>(
    case: &Case<'a>,
    text: &str,
    facts: &mut AuditFacts,
) -> Result<Resolved<'a>, Error> {
    if let Ok(KeyRef::Alias(_) | KeyRef::AliasArn(_)) = text.parse() {
        return Err(Error::Validation("Aliases must refer to keys. Not aliases".into()));
    }
    resolve(case, text, Forms::KeyOnly, facts)
}

pub(crate) fn check_quota(case: &Case<'_>, target: KeyId) -> Result<(), Error> {
    let (used, limit) = (case.view.aliases_of_key(target).count(), case.settings.quotas.aliases_per_key);
    match used < limit {
        true => Ok(()),
        false => Err(Error::LimitExceeded(Quota::Aliases { used: used as u64, limit: limit as u64 })),
    }
}
