//! [KMS:GetKeyPolicy]

use kms_ops::get_key_policy::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id},
};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let policy_name = members.text("PolicyName", &Text::POLICY_NAME)?;
    members.default("PolicyName", "default");
    Ok(Request { key_id, policy_name })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with("Policy", response.policy.as_str())
        .with("PolicyName", response.policy_name.as_str())
        .done()
}
