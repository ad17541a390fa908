//! [KMS:ListKeyPolicies]

use kms_ops::list_key_policies::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id, page},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let (limit, marker) = page(members)?;
    Ok(Request { key_id, limit, marker })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with("PolicyNames", response.policy_names.as_slice())
        .with_page(response.truncated, response.next_marker.as_deref())
        .done()
}
