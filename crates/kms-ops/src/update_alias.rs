//! UpdateAlias [KMS:UpdateAlias].

use crate::{
    AuditFacts, Env, Error, Step, alias_name, alias_target,
    authorize::{self, authorize, authorize_alias},
    case::Case,
    propose::propose_quietly,
    resolve::{Forms, alias_arn, resolve},
    state_table,
};
use kms_state::{Command, Key};
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The name, with `alias/`.
    pub alias_name: String,
    /// Key id or key ARN.
    pub target_key_id: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;

/// Decides the call: a permission on the alias, one on the old key and one on the new key.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let alias = alias_name::parse(&request.alias_name)?;
    let arn = alias_arn(case, alias.clone());
    facts.aliases.push(arn.to_string());
    authorize_alias::<authorize::UpdateAlias>(case, &arn)?;
    let existing = case.view.alias(case.account(), &alias).ok_or(Error::AliasNotFound { arn })?;
    let old = resolve(case, &existing.target.to_string(), Forms::KeyOnly, facts)?;
    let old = authorize::<authorize::UpdateAlias>(case, old, |_| {})?;
    let new = alias_target::resolve_target(case, &request.target_key_id, facts)?;
    let new = authorize::<authorize::UpdateAlias>(case, new, |_| {})?;
    state_table::check(Operation::UpdateAlias, new.key().state(case.region), new.arn())?;
    check_kind(old.key(), new.key())?;
    if old.key().id != new.key().id {
        alias_target::check_quota(case, new.key().id)?;
    }
    let (account, target, most) = (case.account(), new.key().id, case.settings.quotas.aliases_per_key);
    let command = Command::UpdateAlias { account, alias, target, most };
    Ok(propose_quietly(case, env, new.expectation(), command, Response))
}

/// Section 2.6: callers of the alias must not be moved to a key that works in another way.
fn check_kind(old: &Key, new: &Key) -> Result<(), Error> {
    match old.usage == new.usage && old.spec.is_asymmetric() == new.spec.is_asymmetric() {
        true => Ok(()),
        false => Err(Error::Validation(format!(
            "Alias cannot be changed from a key for {} to a key for {}.",
            old.usage, new.usage
        ))),
    }
}
