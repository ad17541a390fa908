//! [KMS:Decrypt]

use kms_ops::decrypt::{Request, Response};
use kms_types::DryRunModifier;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, algorithm, ciphertext, grant_tokens, recipient},
};
use crate::validate::{Length, Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let request = Request {
        ciphertext_blob: ciphertext(members)?,
        encryption_context: members.context("EncryptionContext")?,
        grant_tokens: grant_tokens(members)?,
        key_id: members.text("KeyId", &Text::KEY_ID)?,
        encryption_algorithm: algorithm(members, "EncryptionAlgorithm")?,
        recipient: recipient(members)?,
        dry_run: members.flag("DryRun")?.unwrap_or(false),
        dry_run_modifiers: members.choices("DryRunModifiers", Length::ANY, DryRunModifier::ALL)?,
    };
    // The model does not require the blob, so that a dry run may leave it out.
    if !request.dry_run_modifiers.contains(&DryRunModifier::IgnoreCiphertext) {
        members.require("CiphertextBlob");
    }
    Ok(request)
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_secret("Plaintext", &response.plaintext)
        .with_text("EncryptionAlgorithm", &response.encryption_algorithm)
        .with_some("KeyMaterialId", response.key_material_id.map(|id| id.to_string()))
        .done()
}
