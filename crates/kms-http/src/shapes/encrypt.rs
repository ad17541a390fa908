//! [KMS:Encrypt]

use kms_ops::encrypt::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, algorithm, grant_tokens, key_id},
};
use crate::validate::{Length, Members};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request {
        key_id: key_id(members)?,
        plaintext: members
            .required_blob("Plaintext", Length::new(1, kms_types::limits::MAX_PLAINTEXT_BYTES))?,
        encryption_context: members.context("EncryptionContext")?,
        grant_tokens: grant_tokens(members)?,
        encryption_algorithm: algorithm(members, "EncryptionAlgorithm")?,
        dry_run: members.flag("DryRun")?.unwrap_or(false),
    })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_blob("CiphertextBlob", &response.ciphertext_blob)
        .with_text("KeyId", &response.key_id)
        .with_text("EncryptionAlgorithm", &response.encryption_algorithm)
        .done()
}
