//! [KMS:Verify]

use kms_ops::verify::{Request, Response};
use kms_types::SigningAlgorithm;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, CIPHERTEXT, grant_tokens, key_id, message, message_type},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let message = message(members)?;
    let message_type = message_type(members)?;
    let signature = members.required_blob("Signature", CIPHERTEXT)?.to_vec();
    let signing_algorithm = members.required_choice("SigningAlgorithm", SigningAlgorithm::ALL)?;
    let grant_tokens = grant_tokens(members)?;
    let dry_run = members.flag("DryRun")?.unwrap_or(false);
    let Some(signing_algorithm) = signing_algorithm else { return Err(members.refusal()) };
    Ok(Request { key_id, message, message_type, signature, signing_algorithm, grant_tokens, dry_run })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with("SignatureValid", true)
        .with_text("SigningAlgorithm", &response.signing_algorithm)
        .done()
}
