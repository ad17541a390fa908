//! [KMS:Sign]

use kms_ops::sign::{Request, Response};
use kms_types::SigningAlgorithm;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, grant_tokens, key_id, message, message_type},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let message = message(members)?;
    let message_type = message_type(members)?;
    let grant_tokens = grant_tokens(members)?;
    let signing_algorithm = members.required_choice("SigningAlgorithm", SigningAlgorithm::ALL)?;
    let dry_run = members.flag("DryRun")?.unwrap_or(false);
    let Some(signing_algorithm) = signing_algorithm else { return Err(members.refusal()) };
    Ok(Request { key_id, message, message_type, grant_tokens, signing_algorithm, dry_run })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_blob("Signature", &response.signature)
        .with_text("SigningAlgorithm", &response.signing_algorithm)
        .done()
}
