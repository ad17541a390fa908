//! [KMS:DescribeKey]

use kms_ops::describe_key::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, grant_tokens, key_id, key_metadata},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { key_id: key_id(members)?, grant_tokens: grant_tokens(members)? })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default().with("KeyMetadata", key_metadata(&response.key_metadata)).done()
}
