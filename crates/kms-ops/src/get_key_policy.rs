//! GetKeyPolicy [KMS:GetKeyPolicy].

use crate::{
    AuditFacts, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    resolve::{Forms, resolve},
};
use crate::{identity, policy_document::DEFAULT_NAME};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Only `default` exists.
    pub policy_name: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The document as written, with present names for the users and roles in it.
    pub policy: String,
    /// Always `default`.
    pub policy_name: String,
}

/// Decides the call; every key state allows it.
pub(crate) fn decide(case: &Case<'_>, request: &Request, facts: &mut AuditFacts) -> Result<Step, Error> {
    let name = request.policy_name.as_deref().unwrap_or(DEFAULT_NAME);
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |context| context.add("kms:PolicyName", name))?;
    Ok(Step::Answer(run(case, key, name)?.into()))
}

fn run(case: &Case<'_>, key: Authorized<'_, authorize::GetKeyPolicy>, name: &str) -> Result<Response, Error> {
    let policy = &key.key().policy;
    match name {
        DEFAULT_NAME => Ok(Response {
            policy: identity::translated(policy.document(), policy.bindings().iter(), case.view),
            policy_name: name.into(),
        }),
        _ => Err(Error::PolicyNotFound { name: name.into() }),
    }
}
