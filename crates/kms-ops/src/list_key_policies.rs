//! ListKeyPolicies [KMS:ListKeyPolicies].

use crate::{
    AuditFacts, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    resolve::{Forms, resolve},
};
use crate::{
    page::{self, List},
    policy_document::DEFAULT_NAME,
};
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Always `default` alone.
    pub policy_names: Vec<String>,
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}

/// Decides the call; every key state allows it.
pub(crate) fn decide(case: &Case<'_>, request: &Request, facts: &mut AuditFacts) -> Result<Step, Error> {
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |_| {})?;
    Ok(Step::Answer(run(key, request)?.into()))
}

fn run(key: Authorized<'_, authorize::ListKeyPolicies>, request: &Request) -> Result<Response, Error> {
    let scope = key.arn().to_string();
    let list = List { operation: Operation::ListKeyPolicies, scope: &scope };
    let after = list.after(request.marker.as_deref())?;
    let names = [DEFAULT_NAME].into_iter().filter(|name| after.as_deref().is_none_or(|a| *name > a));
    let page = list.page(names.map(String::from), page::limit(request.limit, 100, 1000), String::clone);
    let truncated = page.truncated();
    Ok(Response { policy_names: page.items, truncated, next_marker: page.next_marker })
}
