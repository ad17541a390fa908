//! CreateAlias [KMS:CreateAlias].

use crate::{
    AuditFacts, Env, Error, Step, alias_name, alias_target,
    authorize::{self, authorize, authorize_alias},
    case::Case,
    propose::propose_quietly,
    resolve::alias_arn,
    state_table,
};
use kms_state::Command;
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
    authorize_alias::<authorize::CreateAlias>(case, &arn)?;
    let target = alias_target::resolve_target(case, &request.target_key_id, facts)?;
    let key = authorize::<authorize::CreateAlias>(case, target, |_| {})?;
    state_table::check(Operation::CreateAlias, key.key().state(case.region), key.arn())?;
    if case.view.alias(case.account(), &alias).is_some() {
        return Err(Error::AliasExists { arn });
    }
    alias_target::check_quota(case, key.key().id)?;
    let (account, target, most) = (case.account(), key.key().id, case.settings.quotas.aliases_per_key);
    let command = Command::CreateAlias { account, alias, target, most };
    Ok(propose_quietly(case, env, key.expectation(), command, Response))
}
