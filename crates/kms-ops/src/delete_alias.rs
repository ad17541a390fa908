//! DeleteAlias [KMS:DeleteAlias].

use crate::{
    AuditFacts, Env, Error, Step, alias_name,
    authorize::{self, authorize, authorize_alias},
    case::Case,
    propose::propose_quietly,
    resolve::{Forms, alias_arn, resolve},
    state_table,
};
use kms_state::Command;
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The name, with `alias/`.
    pub alias_name: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;

/// Decides the call: a permission on the alias and one on the key.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let alias = alias_name::parse(&request.alias_name)?;
    let arn = alias_arn(case, alias.clone());
    facts.aliases.push(arn.to_string());
    authorize_alias::<authorize::DeleteAlias>(case, &arn)?;
    let existing = case.view.alias(case.account(), &alias).ok_or(Error::AliasNotFound { arn })?;
    let key = resolve(case, &existing.target.to_string(), Forms::KeyOnly, facts)?;
    let key = authorize::<authorize::DeleteAlias>(case, key, |_| {})?;
    state_table::check(Operation::DeleteAlias, key.key().state(case.region), key.arn())?;
    let command = Command::DeleteAlias { account: case.account(), alias };
    Ok(propose_quietly(case, env, key.expectation(), command, Response))
}
