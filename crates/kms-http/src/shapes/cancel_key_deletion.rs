//! [KMS:CancelKeyDeletion]

use kms_ops::cancel_key_deletion::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { key_id: key_id(members)? })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default().with_text("KeyId", &response.key_id).done()
}
