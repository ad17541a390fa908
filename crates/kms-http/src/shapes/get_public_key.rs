//! [KMS:GetPublicKey]

use kms_ops::get_public_key::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, grant_tokens, key_id},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { key_id: key_id(members)?, grant_tokens: grant_tokens(members)? })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_blob("PublicKey", &response.public_key)
        .with_text("CustomerMasterKeySpec", &response.key_spec)
        .with_text("KeySpec", &response.key_spec)
        .with_text("KeyUsage", &response.key_usage)
        .with(response.algorithms.member(), response.algorithms.names())
        .done()
}
