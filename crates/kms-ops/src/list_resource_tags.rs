//! ListResourceTags [KMS:ListResourceTags].

use crate::Tag;

use crate::page::{self, List};
use crate::{
    AuditFacts, Error, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    resolve::{Forms, resolve},
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
    /// The tags, in order of their keys.
    pub tags: Vec<Tag>,
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

fn run(key: Authorized<'_, authorize::ListResourceTags>, request: &Request) -> Result<Response, Error> {
    let scope = key.arn().to_string();
    let list = List { operation: Operation::ListResourceTags, scope: &scope };
    let after = list.after(request.marker.as_deref())?;
    let tags = key.key().tags.iter().filter(|(k, _)| after.as_ref().is_none_or(|a| *k > a));
    let tags = tags.map(|(k, v)| Tag { tag_key: k.clone(), tag_value: v.clone() });
    let page = list.page(tags, page::limit(request.limit, 50, 50), |tag| tag.tag_key.clone());
    let truncated = page.truncated();
    Ok(Response { tags: page.items, truncated, next_marker: page.next_marker })
}
