//! [KMS:ReEncrypt]

use kms_ops::re_encrypt::{Request, Response};
use kms_types::DryRunModifier;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, algorithm, ciphertext, grant_tokens},
};
use crate::validate::{Length, Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let request = Request {
        ciphertext_blob: ciphertext(members)?,
        source_encryption_context: members.context("SourceEncryptionContext")?,
        source_key_id: members.text("SourceKeyId", &Text::KEY_ID)?,
        destination_key_id: members.required_text("DestinationKeyId", &Text::KEY_ID)?,
        destination_encryption_context: members.context("DestinationEncryptionContext")?,
        source_encryption_algorithm: algorithm(members, "SourceEncryptionAlgorithm")?,
        destination_encryption_algorithm: algorithm(members, "DestinationEncryptionAlgorithm")?,
        grant_tokens: grant_tokens(members)?,
        dry_run: members.flag("DryRun")?.unwrap_or(false),
        dry_run_modifiers: members.choices("DryRunModifiers", Length::ANY, DryRunModifier::ALL)?,
    };
    if !request.dry_run_modifiers.contains(&DryRunModifier::IgnoreCiphertext) {
        members.require("CiphertextBlob");
    }
    Ok(request)
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_blob("CiphertextBlob", &response.ciphertext_blob)
        .with_text("SourceKeyId", &response.source_key_id)
        .with_text("KeyId", &response.key_id)
        .with_text("SourceEncryptionAlgorithm", &response.source_encryption_algorithm)
        .with_text("DestinationEncryptionAlgorithm", &response.destination_encryption_algorithm)
        .with_some("SourceKeyMaterialId", response.source_key_material_id.map(|id| id.to_string()))
        .with_some("DestinationKeyMaterialId", response.destination_key_material_id.map(|id| id.to_string()))
        .done()
}
