//! ListKeys [KMS:ListKeys].

use kms_types::{KeyArn, ResourceOwner};

use crate::{
    Error, Step,
    authorize::authorize_plain,
    case::Case,
    conditions,
    page::{self, List},
};
use kms_types::Operation;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
    /// Whose keys; own ones when empty.
    pub resource_owners: Vec<ResourceOwner>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The keys, in id order; the plain id is part of the ARN.
    pub keys: Vec<KeyArn>,
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}

/// Decides the call. Nothing is shared between accounts, so the
/// keys shared with one are none.
pub(crate) fn decide(case: &Case<'_>, request: &Request) -> Result<Step, Error> {
    authorize_plain(case, "kms:ListKeys", "*", &conditions::of_caller(case))?;
    let owners = &request.resource_owners;
    let own = owners.is_empty() || owners.contains(&ResourceOwner::Own);
    let account = case.account();
    let scope =
        format!("{account} {}", if own { ResourceOwner::Own } else { ResourceOwner::OtherAccountsViaRam });
    let list = List { operation: Operation::ListKeys, scope: &scope };
    let after = list.after(request.marker.as_deref())?;
    let after = after.map(|id| id.parse().map_err(|_| Error::InvalidMarker)).transpose()?;
    let keys = case.view.keys_of(account, after).filter(|_| own).map(|id| case.arn(account, id));
    let page = list.page(keys, page::limit(request.limit, 100, 1000), |arn| arn.key.to_string());
    let truncated = page.truncated();
    Ok(Step::Answer(Response { keys: page.items, truncated, next_marker: page.next_marker }.into()))
}
