//! DescribeKey [KMS:DescribeKey].

use crate::KeyMetadata;

use crate::{
    AuditFacts, Env, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    grants::token,
    metadata,
    resolve::{Forms, resolve},
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id, key ARN, alias name or alias ARN.
    pub key_id: String,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The key.
    pub key_metadata: KeyMetadata,
}

/// Decides the call; every key state allows it.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOrAlias, facts)?;
    token::check(case, env, &request.grant_tokens)?;
    let key = authorize(case, key, |_| {})?;
    Ok(Step::Answer(run(case, key).into()))
}

fn run(case: &Case<'_>, key: Authorized<'_, authorize::DescribeKey>) -> Response {
    Response { key_metadata: metadata::of(key.key(), case.region) }
}
