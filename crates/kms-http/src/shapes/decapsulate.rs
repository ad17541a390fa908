//! [KMS:Decapsulate]

use kms_ops::decapsulate::{Request, Response};
use kms_types::EncapsulationAlgorithm;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, CIPHERTEXT, grant_tokens, key_id},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let blob = members.required_blob("SharedSecretCiphertextBlob", CIPHERTEXT)?.to_vec();
    let algorithm = members.required_choice("EncapsulationAlgorithm", EncapsulationAlgorithm::ALL)?;
    let grant_tokens = grant_tokens(members)?;
    let dry_run = members.flag("DryRun")?.unwrap_or(false);
    let Some(encapsulation_algorithm) = algorithm else { return Err(members.refusal()) };
    let shared_secret_ciphertext_blob = blob;
    Ok(Request { key_id, shared_secret_ciphertext_blob, encapsulation_algorithm, grant_tokens, dry_run })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_blob("SharedSecret", &response.shared_secret)
        .with_text("EncapsulationAlgorithm", &response.encapsulation_algorithm)
        .done()
}
