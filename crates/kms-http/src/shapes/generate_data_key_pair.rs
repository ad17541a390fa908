//! [KMS:GenerateDataKeyPair]

use kms_ops::generate_data_key_pair::{Request, Response};
use kms_types::DataKeyPairSpec;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, grant_tokens, key_id, recipient},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let encryption_context = members.context("EncryptionContext")?;
    let key_id = key_id(members)?;
    let key_pair_spec = members.required_choice("KeyPairSpec", DataKeyPairSpec::ALL)?;
    let grant_tokens = grant_tokens(members)?;
    let recipient = recipient(members)?;
    let dry_run = members.flag("DryRun")?.unwrap_or(false);
    let Some(key_pair_spec) = key_pair_spec else { return Err(members.refusal()) };
    Ok(Request { encryption_context, key_id, key_pair_spec, grant_tokens, recipient, dry_run })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_blob("PrivateKeyCiphertextBlob", &response.private_key_ciphertext_blob)
        .with_secret("PrivateKeyPlaintext", &response.private_key_plaintext)
        .with_blob("PublicKey", &response.public_key)
        .with_text("KeyId", &response.key_id)
        .with_text("KeyPairSpec", &response.key_pair_spec)
        .with_text("KeyMaterialId", &response.key_material_id)
        .done()
}
