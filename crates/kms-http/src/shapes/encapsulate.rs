//! [KMS:Encapsulate]

use kms_ops::encapsulate::{Request, Response};
use kms_types::EncapsulationAlgorithm;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, grant_tokens, key_id},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let algorithm = members.required_choice("EncapsulationAlgorithm", EncapsulationAlgorithm::ALL)?;
    let grant_tokens = grant_tokens(members)?;
    let dry_run = members.flag("DryRun")?.unwrap_or(false);
    let Some(encapsulation_algorithm) = algorithm else { return Err(members.refusal()) };
    Ok(Request { key_id, encapsulation_algorithm, grant_tokens, dry_run })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_blob("SharedSecret", &response.shared_secret)
        .with_blob("SharedSecretCiphertextBlob", &response.shared_secret_ciphertext_blob)
        .with_text("EncapsulationAlgorithm", &response.encapsulation_algorithm)
        .done()
}
