//! [KMS:GenerateDataKey]

use kms_ops::generate_data_key::{Request, Response};
use kms_types::{DataKeySpec, limits::MAX_RANDOM_BYTES};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, grant_tokens, key_id, recipient},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request {
        key_id: key_id(members)?,
        encryption_context: members.context("EncryptionContext")?,
        number_of_bytes: members.integer("NumberOfBytes", 1, MAX_RANDOM_BYTES)?,
        key_spec: members.choice("KeySpec", DataKeySpec::ALL)?,
        grant_tokens: grant_tokens(members)?,
        recipient: recipient(members)?,
        dry_run: members.flag("DryRun")?.unwrap_or(false),
    })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_blob("CiphertextBlob", &response.ciphertext_blob)
        .with_secret("Plaintext", &response.plaintext)
        .with_text("KeyId", &response.key_id)
        .with_some("KeyMaterialId", response.key_material_id.map(|id| id.to_string()))
        .done()
}
